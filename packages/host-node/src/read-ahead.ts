import { readSync } from "node:fs";

/** Bytes of a piece, and how many pieces are kept: those that were used last. */
const PIECE = 65536,
  PIECES = 128;

/**
 * Reads a file that never changes in pieces: files of an image lie one after the other, so that the pages of many small
 * ones come with one call of the host. 8 MiB at most: what programs read of one image lies in several hundred pieces,
 * to which they come back (docs/decisions/0036-pieces-and-profiles.md).
 */
export class ReadAhead {
  readonly #fd: number;
  /** By number, the one used last at the end; each as long as what the file has of it. */
  readonly #pieces = new Map<number, Uint8Array>();

  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Copies to `bytes[at …)`. @returns how many bytes were there; fewer than `length` only at the end of the
   * file. @throws Node's error
   */
  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    let done = 0;
    while (done < length) {
      const number = Math.floor((offset + done) / PIECE);
      const within = offset + done - number * PIECE;
      const piece = this.#piece(number);
      const count = Math.min(length - done, piece.length - within);
      if (count <= 0) break;
      bytes.set(piece.subarray(within, within + count), at + done);
      done += count;
    }
    return done;
  }

  #piece(number: number): Uint8Array {
    const piece = this.#pieces.get(number) ?? this.#read(number, this.#room());
    this.#pieces.delete(number);
    this.#pieces.set(number, piece);
    return piece;
  }

  /** What the piece used longest ago lies in, once there are enough. */
  #room(): Uint8Array {
    if (this.#pieces.size < PIECES) return Buffer.allocUnsafeSlow(PIECE);
    const [oldest, piece] = this.#pieces.entries().next().value!;
    this.#pieces.delete(oldest);
    return new Uint8Array(piece.buffer);
  }

  #read(number: number, bytes: Uint8Array): Uint8Array {
    let length = 0;
    while (length < PIECE) {
      const count = readSync(this.#fd, bytes, length, PIECE - length, number * PIECE + length);
      if (count === 0) break;
      length += count;
    }
    return bytes.subarray(0, length);
  }
}
