/**
 * Restartable sequences: a thread shares a `struct rseq` with the kernel, which keeps there on which hart it is, and
 * sends it to the abort address of the sequence that it names when it was disturbed within: switched away from, moved
 * to another hart, or sent a signal whose handler is entered.
 *
 * - `task.rseqWork` says what is due. Who disturbs a task only sets it; `settleRseq` does it before the task goes on in
 *   user mode (run-loop.ts) or enters a handler, so that the handler's frame already has the abort address.
 * - The words are read at each disturbance and written only where they differ: after a fork no page is copied for them.
 * - Harts take turns, so that no two threads of a memory run at once: `mm_cid`, which has to differ among those that
 *   do, is always 0, as is the node.
 *
 * See rseq(2) of librseq, Linux Documentation/userspace-api/rseq.rst and kernel/rseq.c.
 */
import {
  EBUSY,
  EFAULT,
  EINVAL,
  EPERM,
  RSEQ_CPU_ID_UNINITIALIZED,
  RSEQ_FLAG_UNREGISTER,
  RSEQ_ORIGINAL_SIZE,
  Rseq,
  RseqCs,
} from "@stratos/abi";
import { WIDE_TOP } from "../mm/address-space.ts";
import { RSEQ_DISTURBED, RSEQ_WRITES, type Task } from "./task.ts";

const { offset } = Rseq;

/** rseq(2). @returns 0; −EBUSY: it is registered already; −EFAULT, −EINVAL, −EPERM (another signature) */
export function rseq(task: Task, address: number, length: number, flags: number, signature: number): number {
  length = length >>> 0;
  signature = signature >>> 0;
  flags = flags | 0;
  if (flags !== 0 && flags !== RSEQ_FLAG_UNREGISTER) return -EINVAL;
  if (task.rseqAddress !== 0) {
    if (task.rseqAddress !== address || task.rseqLength !== length) return -EINVAL;
    if (task.rseqSignature !== signature) return -EPERM;
    return flags === 0 ? -EBUSY : unregister(task);
  }
  if (flags !== 0 || length < RSEQ_ORIGINAL_SIZE || address % Rseq.align !== 0) return -EINVAL;
  // Null, which says here that nothing is registered, has no room for it either.
  if (!(address > 0 && address + length <= WIDE_TOP)) return -EFAULT;
  // Libraries may use an area again for a new thread without clearing it.
  const left = task.space.loadU64(address + offset.rseq_cs);
  if (left < 0 || (left > 0 && task.space.storeU64(address + offset.rseq_cs, 0) < 0)) return -EFAULT;
  task.rseqAddress = address;
  task.rseqLength = length;
  task.rseqSignature = signature;
  noteRseq(task);
  return 0;
}

function unregister(task: Task): number {
  if (writeFields(task, 0, RSEQ_CPU_ID_UNINITIALIZED) < 0) return -EFAULT;
  forgetRseq(task);
  return 0;
}

/** execve(2), and what is left of a registration that was given up. */
export function forgetRseq(task: Task): void {
  task.rseqAddress = task.rseqLength = task.rseqSignature = task.rseqWork = 0;
}

/** The task on the hart has something else to be told before it goes on: it was registered, or is on another hart. */
export function noteRseq(task: Task): void {
  task.rseqWork |= RSEQ_WRITES;
  // It leaves translated code for it.
  if (task.kernel.scheduler.current === task) task.hasWork = true;
}

/**
 * Does what is due of the task on the hart, whose pc is where it goes on.
 *
 * @returns false: its memory doesn't allow it, or names a sequence that is none, which SIGSEGV tells
 */
export function settleRseq(task: Task): boolean {
  const work = task.rseqWork;
  task.rseqWork = 0;
  const { physical } = task.kernel;
  // It is aligned to its size, so that it lies in one page.
  const at = task.space.translate(task.rseqAddress, false);
  if (at < 0) return false;
  const { u32 } = physical;
  const low = u32[(at + offset.rseq_cs) >>> 2]!,
    high = u32[(at + offset.rseq_cs + 4) >>> 2]!;
  if ((low | high) !== 0 && !leavesSequence(task, high * 0x100000000 + low, (work & RSEQ_DISTURBED) !== 0))
    return false;
  const { hart } = task;
  if (
    (work & RSEQ_WRITES) === 0 &&
    u32[(at + offset.cpu_id_start) >>> 2] === hart &&
    u32[(at + offset.cpu_id) >>> 2] === hart &&
    u32[(at + offset.node_id) >>> 2] === 0 &&
    u32[(at + offset.mm_cid) >>> 2] === 0
  )
    return true;
  return writeFields(task, hart, hart) === 0;
}

/**
 * @param pointer  to the `struct rseq_cs` of the sequence that the thread may be in
 * @returns false: it is none
 */
function leavesSequence(task: Task, pointer: number, wasDisturbed: boolean): boolean {
  const { space, kernel } = task;
  const { offset: field } = RseqCs;
  if (pointer >= WIDE_TOP) return false;
  const version = space.loadU32(pointer + field.version),
    flags = space.loadU32(pointer + field.flags),
    start = space.loadU64(pointer + field.start_ip),
    length = space.loadU64(pointer + field.post_commit_offset),
    abort = space.loadU64(pointer + field.abort_ip);
  if (version !== 0 || flags < 0 || start < 0 || length < 0 || abort < 0) return false;
  if (start >= WIDE_TOP || start + length >= WIDE_TOP || abort >= WIDE_TOP) return false;
  if (abort >= start && abort - start < length) return false;
  // Nobody who can write there sends a thread where it was not meant to go: the word before says that it was.
  const signature = space.loadU32(abort - 4);
  if (signature !== task.rseqSignature) {
    if (signature >= 0)
      kernel.log(
        `${task.name}[${task.tid}]: rseq signature 0x${signature.toString(16)}, ` +
          `expected 0x${task.rseqSignature.toString(16)}`,
      );
    return false;
  }
  const { pc } = kernel.hart;
  const isWithin = pc >= start && pc - start < length;
  if (isWithin) {
    if (flags !== 0 || space.loadU32(task.rseqAddress + offset.flags) !== 0) return false;
    if (!wasDisturbed) return true;
  }
  if (space.storeU64(task.rseqAddress + offset.rseq_cs, 0) < 0) return false;
  if (isWithin) kernel.hart.pc = abort;
  return true;
}

function writeFields(task: Task, start: number, id: number): number {
  const { space, rseqAddress } = task;
  // All of it or nothing: it lies in one page.
  if (space.storeU32(rseqAddress + offset.cpu_id_start, start) < 0) return -EFAULT;
  space.storeU32(rseqAddress + offset.cpu_id, id);
  space.storeU32(rseqAddress + offset.node_id, 0);
  space.storeU32(rseqAddress + offset.mm_cid, 0);
  return 0;
}
