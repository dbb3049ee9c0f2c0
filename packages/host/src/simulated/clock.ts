import type { CpuClock } from "../clock.ts";

/** Virtual time: moves only when told to. */
export class SimulatedClock implements CpuClock {
  #nowNs = 0;
  readonly #epochMs: number;

  constructor(epochMs: number) {
    this.#epochMs = epochMs;
  }

  monotonicNs(): number {
    return this.#nowNs;
  }

  realtimeMs(): number {
    return this.#epochMs + this.#nowNs / 1e6;
  }

  cpuNs(): number {
    return this.#nowNs;
  }

  advance(deltaNs: number): void {
    this.#nowNs += deltaNs;
  }
}
