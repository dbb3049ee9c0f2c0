import { SeededRandom, stateClass } from "@stratos/base";
import type { RandomSource } from "../random-source.ts";

export class SimulatedRandomSource implements RandomSource {
  #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  fill(bytes: Uint8Array): void {
    this.#random.fill(bytes);
  }

  static {
    stateClass("SimulatedRandomSource", this, {
      save: (it) => ({ random: it.#random }),
      load: (it, from) => ({ random: it.#random } = from),
    });
  }
}
