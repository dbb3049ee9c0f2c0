/** What a program writes, for a comparison with another run of it: nobody sees it meanwhile. */
import { crc32c } from "@stratos/base";

/** Bytes of each stream that are kept, to say where they differ; the rest is in the checksum alone. */
const KEPT_BYTES = 1 << 20;
/** Most that is taken of a stream. */
const OUTPUT_MAX = 128 << 20;

export class CapturedOutput {
  readonly #kept: Uint8Array[];
  readonly #onFlood: () => void;
  #checksum: number;
  #bytes: number;

  /**
   * @param onFlood  it is more than anybody wants: the run is to be ended
   * @param before  of a run that this one goes on from
   */
  constructor(onFlood: () => void, before?: CapturedOutput) {
    this.#onFlood = onFlood;
    this.#kept = before === undefined ? [] : [...before.#kept];
    this.#checksum = before === undefined ? 0 : before.#checksum;
    this.#bytes = before === undefined ? 0 : before.#bytes;
  }

  take(bytes: Uint8Array): void {
    this.#checksum = crc32c(bytes, 0, bytes.length, this.#checksum);
    if (this.#bytes < KEPT_BYTES) this.#kept.push(bytes.slice(0, KEPT_BYTES - this.#bytes));
    this.#bytes += bytes.length;
    if (this.#bytes > OUTPUT_MAX) this.#onFlood();
  }

  get soFar(): StreamOutput {
    const kept = new Uint8Array(Math.min(this.#bytes, KEPT_BYTES));
    let at = 0;
    for (const piece of this.#kept) {
      kept.set(piece, at);
      at += piece.length;
    }
    return { checksum: this.#checksum, bytes: this.#bytes, kept };
  }
}

export interface StreamOutput {
  /** CRC-32C. */
  readonly checksum: number;
  readonly bytes: number;
  /** Its beginning. */
  readonly kept: Uint8Array;
}
