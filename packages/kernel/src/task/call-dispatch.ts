/**
 * System calls that a program takes itself (prctl(2), PR_SET_SYSCALL_USER_DISPATCH), as what stands in for another
 * system does: calls from outside one range of addresses raise SIGSYS, unless a byte of the program's says otherwise.
 * Threads and children begin without it, and so does a new program. Tracers and filters see nothing of such a call.
 * Source: Linux 6.12 kernel/entry/syscall_user_dispatch.c.
 */
import {
  AUDIT_ARCH_RISCV64,
  EFAULT,
  EINVAL,
  PR_SYS_DISPATCH_OFF,
  PR_SYS_DISPATCH_ON,
  SIGSEGV,
  SIGSYS,
  SI_KERNEL,
  SYSCALL_DISPATCH_FILTER_ALLOW,
  SYSCALL_DISPATCH_FILTER_BLOCK,
  SYS_USER_DISPATCH,
} from "@stratos/abi";
import { signalInfo } from "../signal/pending-signals.ts";
import { endWithCore } from "./core-dump/core-dump.ts";
import { forceSignal } from "./deliver-signals.ts";
import type { CallDispatch, Task } from "./task.ts";

const WORDS = 2 ** 64;
const ECALL_BYTES = 4;

/** @returns 0; −EINVAL for another mode, an empty range or one behind the last address; −EFAULT */
export function setCallDispatch(task: Task, mode: number, { offset, length, selector }: CallDispatch): number {
  const from = unsigned(offset),
    count = unsigned(length);
  if (mode === PR_SYS_DISPATCH_OFF) {
    if (offset !== 0 || length !== 0 || selector !== 0) return -EINVAL;
    task.callDispatch = null;
    return 0;
  }
  if (mode !== PR_SYS_DISPATCH_ON || (from !== 0 && (count === 0 || from + count >= WORDS))) return -EINVAL;
  // As access_ok of include/asm-generic/access_ok.h, whose bound is 2^63 on riscv.
  if (unsigned(selector) >= 2 ** 63) return -EFAULT;
  task.callDispatch = { offset, length, selector };
  return 0;
}

/** Does the program of the task on the hart take the call itself? Then it has its signal, and pc is behind the call. */
export function takesCall(task: Task, { offset, length, selector }: CallDispatch, number: number): boolean {
  const { hart } = task.kernel;
  const behind = hart.pc + ECALL_BYTES;
  if (unsigned(behind - unsigned(offset)) < unsigned(length)) return false;
  if (selector !== 0) {
    if (task.space.copyIn(selector, said, 0, 1) < 0) return ends(task, SIGSEGV);
    if (said[0] === SYSCALL_DISPATCH_FILTER_ALLOW) return false;
    if (said[0] !== SYSCALL_DISPATCH_FILTER_BLOCK) return ends(task, SIGSYS);
  }
  hart.pc = behind;
  forceSignal(
    task,
    signalInfo(SIGSYS, SYS_USER_DISPATCH, { address: behind, valueLow: number, valueHigh: AUDIT_ARCH_RISCV64 }),
  );
  task.hasWork = true;
  return true;
}

const said = new Uint8Array(1);

/** Whatever handler it has. */
function ends(task: Task, signal: number): true {
  endWithCore(task, signalInfo(signal, SI_KERNEL));
  return true;
}

function unsigned(value: number): number {
  return value < 0 ? value + WORDS : value;
}
