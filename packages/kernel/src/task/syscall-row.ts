import type { Task } from "./task.ts";

/**
 * A system call: arguments a0 … a5 as doubles (signed 64-bit values; exact below 2^53; −1 for all ones), the result ≥
 * 0, a negated errno, or BLOCKED, BLOCKED_EINTR, NO_RETURN (ground/wait-queue.ts). Use `argument | 0` for int and
 * `>>> 0` for unsigned int parameters.
 */
export type SyscallHandler = (
  task: Task,
  a0: number,
  a1: number,
  a2: number,
  a3: number,
  a4: number,
  a5: number,
) => number;

export interface SyscallRow {
  readonly run: SyscallHandler;
  /** What differs from Linux, in words for docs/compatibility.md; absent when nothing known does. */
  readonly gaps?: string;
  /** The task ended while the call was unfinished (ground/call-work.ts): what it had made so far goes. */
  readonly abandoned?: (task: Task) => void;
  /**
   * It isn't there: the answer is −ENOSYS, as of a Linux that was built without it, and `gaps` says what to do instead.
   */
  readonly isAbsent?: true;
  /**
   * Result when a signal handler ends a blocked call (default −EINTR), called to write out what is left (nanosleep); a
   * call that goes on in pieces and has none is finished before the handler runs.
   */
  readonly interrupted?: (task: Task, a0: number, a1: number, a2: number, a3: number, a4: number, a5: number) => number;
}
