import type { WaitQueue, CallState } from "../ground/wait-queue.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";

/** Who waits for a word (task/futex.ts). */
export interface FutexWaiter extends CallState {
  readonly kind: "futex";
  readonly task: Caller;
  /** The word's identity. */
  key: string;
  readonly bitset: number;
  woken: boolean;
  readonly queue: WaitQueue;
  /** Monotonic; Infinity: for ever. */
  readonly deadlineNs: number;
}
