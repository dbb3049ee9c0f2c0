import type { RealTimeClock } from "./real-time-clock.ts";
import type { SignalSet } from "../signal/signal-set.ts";
import type { TimerQueue } from "../time/timer-queue.ts";
import type { Time } from "../vfs/inode.ts";
import type { Caller, VfsKernel } from "../vfs/vfs-kernel.ts";
import type { ClockSetObserver } from "../time/time-kernel.ts";

/** What timers and signals with a descriptor need of the kernel. */
export interface EventKernel extends VfsKernel {
  readonly timers: TimerQueue;
  readonly clockSetObservers: Set<ClockSetObserver>;
  realtime(): Time;
  readonly realTimeClock: RealTimeClock;
}

/** Who waits under a signal mask of its own. */
export interface MaskedCaller extends Caller {
  /** Mask to go back to after the handler that ended the wait has been set up; null otherwise. */
  savedMask: SignalSet | null;
  /** Signals are looked at before it goes on. */
  hasWork: boolean;
}
