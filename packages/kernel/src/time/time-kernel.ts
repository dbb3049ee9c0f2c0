import type { CpuClock } from "@stratos/host";
import type { UserMemory } from "../ground/user-memory.ts";
import type { Credentials } from "../security/credentials.ts";
import type { ClockAdjustment } from "./clock-adjustment.ts";

/** Is told when CLOCK_REALTIME was set: timers that follow it move (timerfd_create(2)). */
export interface ClockSetObserver {
  clockWasSet(): void;
}

/** What clocks need of the kernel. */
export interface TimeKernel {
  readonly clock: CpuClock;
  readonly clockSetObservers: ReadonlySet<ClockSetObserver>;
  readonly clockAdjustment: ClockAdjustment;
  readonly scratch: { readonly u8: Uint8Array; readonly view: DataView };
  /** CLOCK_MONOTONIC in nanoseconds. */
  now(): number;
  realtime(): { seconds: number; nanoseconds: number };
  setRealtime(seconds: number, nanoseconds: number): void;
}

/** Who sets a clock. */
export interface TimeCaller {
  readonly kernel: TimeKernel;
  readonly credentials: Credentials;
  readonly space: UserMemory;
}
