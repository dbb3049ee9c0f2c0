import { stateClass } from "@stratos/base";
import type { CpuClock } from "@stratos/host";

/**
 * Virtual time for deterministic runs: each retired instruction takes one nanosecond, and waiting jumps to the next
 * event. Two runs from one seed see the same times at the same instructions, however fast the host is.
 */
export class InstructionClock implements CpuClock {
  #skippedNs = 0;
  #workNs = 0;
  #epochMs: number;
  #instructions: () => number = () => 0;

  /** @param epochMs  CLOCK_REALTIME at the start, milliseconds since 1970 */
  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }

  /** Tells where the count of retired instructions is found; before, time stands still. */
  follow(instructions: () => number): void {
    this.#instructions = instructions;
  }

  monotonicNs(): number {
    return this.#skippedNs + this.#instructions();
  }

  realtimeMs(): number {
    return this.#epochMs + this.monotonicNs() / 1e6;
  }

  cpuNs(): number {
    return this.#workNs + this.#instructions();
  }

  /** A long call has done a part of its work, which no instruction counts. */
  spend(ns: number): void {
    this.#skippedNs += ns;
    this.#workNs += ns;
  }

  /** All tasks sleep: time passes at once. */
  skipTo(monotonicNs: number): void {
    const now = this.monotonicNs();
    if (monotonicNs > now) this.#skippedNs += monotonicNs - now;
  }

  static {
    stateClass(
      "InstructionClock",
      this,
      {
        save: (it) => ({ skippedNs: it.#skippedNs, workNs: it.#workNs, epochMs: it.#epochMs }),
        load: (it, from) => ({ skippedNs: it.#skippedNs, workNs: it.#workNs, epochMs: it.#epochMs } = from),
      },
      { keeps: ["#instructions"] },
    );
  }
}
