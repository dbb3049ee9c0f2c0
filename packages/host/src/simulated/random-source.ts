import { SeededRandom } from "@stratos/base";
import type { RandomSource } from "../random-source.ts";

export class SimulatedRandomSource implements RandomSource {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  fill(bytes: Uint8Array): void {
    this.#random.fill(bytes);
  }
}
