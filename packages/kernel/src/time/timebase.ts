import type { TimeKernel } from "./time-kernel.ts";

/**
 * Ticks a second of the counter that `rdtime` reads. One tick is the nanosecond of CLOCK_MONOTONIC, so that virtual
 * time counts exactly.
 */
export const TIMEBASE_HZ = 1_000_000_000;

/**
 * The time CSR (Unprivileged ISA, "Zicntr"): whole ticks since the machine's start; it never goes back, and nothing
 * sets it.
 */
export function timeTicks(kernel: TimeKernel): number {
  return Math.floor(kernel.now());
}
