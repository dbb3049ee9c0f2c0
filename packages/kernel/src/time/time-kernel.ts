import type { CpuClock } from "@stratos/host";
import type { UserMemory } from "../ground/user-memory.ts";
import type { Credentials } from "../security/credentials.ts";
import type { ClockAdjustment } from "./clock-adjustment.ts";

/** What clocks need of the kernel. */
export interface TimeKernel {
  readonly clock: CpuClock;
  realtimeOffsetMs: number;
  readonly clockSetListeners: ReadonlySet<() => void>;
  readonly clockAdjustment: ClockAdjustment;
  readonly scratch: { readonly u8: Uint8Array; readonly view: DataView };
  /** CLOCK_MONOTONIC in nanoseconds. */
  now(): number;
  realtime(): { seconds: number; nanoseconds: number };
}

/** Who sets a clock. */
export interface TimeCaller {
  readonly kernel: TimeKernel;
  readonly credentials: Credentials;
  readonly space: UserMemory;
}
