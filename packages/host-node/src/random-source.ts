import { randomFillSync } from "node:crypto";
import type { RandomSource } from "@stratos/host";

/** Asked of the host at once: a call there costs more than a thousand bytes. */
const KEPT_BYTES = 1024;
const SMALL_BYTES = 64;

/** The host's cryptographic random numbers. */
export class NodeRandomSource implements RandomSource {
  readonly #kept = new Uint8Array(KEPT_BYTES);
  #left = 0;

  fill(bytes: Uint8Array): void {
    if (bytes.length > SMALL_BYTES) {
      randomFillSync(bytes);
      return;
    }
    if (this.#left < bytes.length) {
      randomFillSync(this.#kept);
      this.#left = KEPT_BYTES;
    }
    const start = this.#left - bytes.length;
    bytes.set(this.#kept.subarray(start, this.#left));
    // Nobody learns what another was given.
    this.#kept.fill(0, start, this.#left);
    this.#left = start;
  }
}
