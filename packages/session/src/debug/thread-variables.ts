/**
 * Variables of threads, whose place gdb asks for ("Debugging with GDB", E.4, qGetTLSAddr): by the thread's vector of
 * blocks, one for each module that has such variables. Source: RISC-V ELF psABI, "Thread Local Storage"; glibc
 * sysdeps/riscv/nptl/tls.h, sysdeps/generic/dl-dtv.h.
 *
 *     tp - 16 ──► dtv_t[0] (how many) · dtv_t[1] {val, to_free} · dtv_t[2] … of 16 bytes each, by the module's number
 */
import { peekMemory, registersOf, type Task } from "@stratos/kernel";
import { registerValue } from "./target-description.ts";

/**
 * Where the C library describes that number in its `struct link_map`, for libthread_db: bits, count and offset, of 32
 * bits each. Source: glibc nptl_db/db_info.c.
 */
export const MODULE_NUMBER_SYMBOL = "_thread_db_link_map_l_tls_modid";

const TCB_BYTES = 16,
  SLOT_BYTES = 16;
/** A static program has no others. */
const MODULE_OF_PROGRAM = 1;
/** TLS_DTV_UNALLOCATED */
const UNALLOCATED = 2n ** 64n - 1n;

/**
 * @param place.linkMap  of the module; 0: a static program's
 * @param place.moduleNumber  address of what MODULE_NUMBER_SYMBOL names; null: it is not known
 * @returns null: the thread has no block for it, or has none yet
 */
export function threadVariable(
  task: Task,
  place: { readonly offset: number; readonly linkMap: number; readonly moduleNumber: number | null },
): number | null {
  const { offset, linkMap, moduleNumber } = place;
  let module = MODULE_OF_PROGRAM;
  if (linkMap !== 0) {
    const description = moduleNumber === null ? null : peek(task, moduleNumber, 12);
    const found = description === null ? null : word(task, linkMap + description.getUint32(8, true));
    if (found === null || found < 1n || found >= 1n << 31n) return null;
    module = Number(found);
  }
  const vector = word(task, Number(registerValue(registersOf(task), "tp")!) - TCB_BYTES);
  if (vector === null || vector === 0n) return null;
  const block = word(task, Number(vector) + module * SLOT_BYTES);
  return block === null || block === 0n || block === UNALLOCATED ? null : Number(block) + offset;
}

function word(task: Task, address: number): bigint | null {
  return peek(task, address, 8)?.getBigUint64(0, true) ?? null;
}

function peek(task: Task, address: number, length: number): DataView | null {
  if (!(address >= 0 && address <= Number.MAX_SAFE_INTEGER)) return null;
  const bytes = new Uint8Array(length);
  return peekMemory(task.space, address, bytes) === length ? new DataView(bytes.buffer) : null;
}
