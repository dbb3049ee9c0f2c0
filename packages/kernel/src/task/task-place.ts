/** Where a thread is in its program, for who looks from outside. */
import { SYSCALL_NAMES } from "@stratos/abi";
import { HART, HART_PC, HART_STATE_SIZE } from "@stratos/riscv";
import { viewOf } from "../ground/words.ts";
import { pathName } from "../vfs/path-name.ts";
import type { Task } from "./task.ts";

export interface TaskPlace {
  readonly pc: number;
  /** What is mapped there: a path or a label such as "[vdso]", a byte string; "": nothing. */
  readonly object: string;
  /** Of the pc in that file. */
  readonly offset: number;
  /** Name of the system call that it is in; null: none. */
  readonly call: string | null;
}

/** x0 … x31, f0 … f31, pc, fflags, frm as HART_STATE_SIZE bytes, wherever they are kept now. */
export function registersOf(task: Task): Uint8Array {
  const { scheduler, physical } = task.kernel;
  return scheduler.current === task ? physical.u8.subarray(HART, HART + HART_STATE_SIZE) : task.registers;
}

export function placeOf(task: Task): TaskPlace {
  const pc = viewOf(registersOf(task)).getUint32(HART_PC - HART, true);
  const area = task.space.areaAt(pc);
  const path = area?.file?.path ?? null;
  return {
    pc,
    object: path === null ? (area?.label ?? "") : pathName(path, task.fs.root),
    offset: area === undefined ? 0 : area.offset + (pc - area.start),
    call: task.syscallNumber < 0 ? null : (SYSCALL_NAMES[task.syscallNumber] ?? `call ${task.syscallNumber}`),
  };
}
