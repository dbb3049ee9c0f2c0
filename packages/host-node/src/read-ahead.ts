import { readSync } from "node:fs";

/** Bytes of a piece, and how many pieces are kept (by their number modulo this). */
const PIECE = 65536,
  PIECES = 32;

/**
 * Reads a file that never changes in pieces: files of an image lie one after the other, so that the pages of many small
 * ones come with one call of the host. 2 MiB at most.
 */
export class ReadAhead {
  readonly #fd: number;
  readonly #pieces: (Uint8Array | undefined)[] = new Array<Uint8Array | undefined>(PIECES).fill(undefined);
  readonly #numbers = new Int32Array(PIECES).fill(-1);
  readonly #lengths = new Int32Array(PIECES);

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
      const available = this.#load(number) - within;
      if (available <= 0) break;
      const count = Math.min(length - done, available);
      bytes.set(this.#pieces[number % PIECES]!.subarray(within, within + count), at + done);
      done += count;
    }
    return done;
  }

  /** @returns bytes in the piece */
  #load(number: number): number {
    const place = number % PIECES;
    if (this.#numbers[place] === number) return this.#lengths[place]!;
    const piece = (this.#pieces[place] ??= new Uint8Array(PIECE));
    this.#numbers[place] = -1;
    let length = 0;
    while (length < PIECE) {
      const count = readSync(this.#fd, piece, length, PIECE - length, number * PIECE + length);
      if (count === 0) break;
      length += count;
    }
    this.#numbers[place] = number;
    this.#lengths[place] = length;
    return length;
  }
}
