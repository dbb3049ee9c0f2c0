import { stateClass } from "@stratos/base";
import type { CpuClock } from "@stratos/host";

/** The host's clock may be so far from ours, in milliseconds, before ours follows: it may have whole ones only. */
const FOLLOW_MS = 2;
/** Two looks at a clock that are farther apart were interrupted: nanoseconds, and how often one looks again. */
const INTERRUPTED_NS = 50_000,
  LOOKS = 4;

/**
 * CLOCK_REALTIME as a distance from CLOCK_MONOTONIC, so that programs, which know both from one counter (vdso(7)), and
 * the kernel never disagree.
 */
export class WallClock {
  /** What is to be added to CLOCK_MONOTONIC: whole seconds, and nanoseconds below 10^9. */
  seconds = 0;
  nanoseconds = 0;

  /** @param nowNs  CLOCK_MONOTONIC */
  at(nowNs: number): { seconds: number; nanoseconds: number } {
    const ns = Math.floor(nowNs) + this.nanoseconds;
    const carry = Math.floor(ns / 1e9);
    return { seconds: this.seconds + carry, nanoseconds: ns - carry * 1e9 };
  }

  /** How long before `nowNs` a time was, in nanoseconds; exact below 2^53. */
  sinceNs(nowNs: number, { seconds, nanoseconds }: { seconds: number; nanoseconds: number }): number {
    return (this.seconds - seconds) * 1e9 + (this.nanoseconds - nanoseconds + Math.floor(nowNs));
  }

  /** It is this time at `nowNs`. */
  set(nowNs: number, seconds: number, nanoseconds: number): void {
    const ns = nanoseconds - Math.floor(nowNs);
    const carry = Math.floor(ns / 1e9);
    this.seconds = seconds + carry;
    this.nanoseconds = ns - carry * 1e9;
  }

  /**
   * Follows the host when its clock was set, or ours has drifted.
   * @param offsetMs  how far the machine's time is set ahead of the host's
   * @returns whether it moved
   */
  follow(clock: CpuClock, offsetMs: number): boolean {
    for (let look = 0; look < LOOKS; look++) {
      const before = clock.monotonicNs();
      const ms = clock.realtimeMs() + offsetMs;
      const own = this.at(before);
      if (Math.abs(own.seconds * 1000 + own.nanoseconds / 1e6 - ms) < FOLLOW_MS) return false;
      if (look < LOOKS - 1 && clock.monotonicNs() - before > INTERRUPTED_NS) continue;
      const seconds = Math.floor(ms / 1000);
      this.set(before, seconds, Math.floor((ms - seconds * 1000) * 1e6));
      return true;
    }
    return false;
  }

  static {
    stateClass("WallClock", this);
  }
}
