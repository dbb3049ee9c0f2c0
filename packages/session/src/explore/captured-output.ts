/** What a program writes, for a comparison with another run of it: nobody sees it meanwhile. */
import { hexOf, Sha256 } from "@stratos/base";
import type { HostStreamOut } from "@stratos/host";

/** Bytes of each stream that are kept, to say where they differ; the rest is in the digest alone. */
const KEPT_BYTES = 1 << 20;
/** Most that is taken of a run, both streams together. */
const OUTPUT_MAX = 256 << 20;

export class CapturedOutput {
  readonly #hash = new Sha256();
  readonly #kept: Uint8Array[] = [];
  #keptBytes = 0;
  bytes = 0;
  readonly #onFlood: () => void;

  /** @param onFlood  it is more than anybody wants: the run is to be ended */
  constructor(onFlood: () => void) {
    this.#onFlood = onFlood;
  }

  readonly stream: HostStreamOut = {
    write: (bytes, at, count) => {
      this.#take(bytes.subarray(at, at + count));
      return count;
    },
    room: 1 << 16,
    isBroken: false,
    onWritable: () => {},
  };

  /** Ends it. */
  finish(): StreamOutput {
    const kept = new Uint8Array(this.#keptBytes);
    let at = 0;
    for (const piece of this.#kept) {
      kept.set(piece, at);
      at += piece.length;
    }
    return { digest: hexOf(this.#hash.digest()), bytes: this.bytes, kept };
  }

  #take(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.bytes += bytes.length;
    if (this.#keptBytes < KEPT_BYTES) {
      const piece = bytes.slice(0, KEPT_BYTES - this.#keptBytes);
      this.#kept.push(piece);
      this.#keptBytes += piece.length;
    }
    if (this.bytes > OUTPUT_MAX) this.#onFlood();
  }
}

export interface StreamOutput {
  /** SHA-256. */
  readonly digest: string;
  readonly bytes: number;
  /** Its beginning. */
  readonly kept: Uint8Array;
}
