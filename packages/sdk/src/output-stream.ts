/**
 * What a program writes, as its caller reads it: by loops one after the other, of which each goes on where the one
 * before was left, or by several at a time, which share the pieces.
 *
 * Who has begun to read and has left may never come back, so nothing holds the program back from then on: up to a
 * window of what it writes is kept, and what comes beyond that is counted and told to the next reader.
 */
import { StratosError } from "./api.ts";
import { STREAM_WINDOW } from "./protocol.ts";

type Piece = { readonly bytes: Uint8Array; dealtWith(): void } | { lostBytes: number };

interface Reader {
  readonly iterator: object;
  tell(result: IteratorResult<Uint8Array, undefined>): void;
}

const END: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined };

export class OutputStream implements AsyncIterable<Uint8Array> {
  readonly #pieces: Piece[] = [];
  /** Those who wait for a piece, the first one first; there is none then. */
  readonly #readers: Reader[] = [];
  /** Of what lies here. */
  #bytes = 0;
  #isOver = false;
  /** Somebody has read and has left, and nobody reads. */
  #isLeft = false;

  add(bytes: Uint8Array, dealtWith: () => void): void {
    const reader = this.#readers.shift();
    if (reader !== undefined) {
      dealtWith();
      // A copy: the frame's memory holds more.
      reader.tell({ done: false, value: bytes.slice() });
    } else if (this.#isLeft) {
      dealtWith();
      this.#keep(bytes);
    } else this.#push({ bytes: bytes.slice(), dealtWith });
  }

  #push(piece: { readonly bytes: Uint8Array; dealtWith(): void }): void {
    this.#bytes += piece.bytes.length;
    this.#pieces.push(piece);
  }

  /** As far as there is room. */
  #keep(bytes: Uint8Array): void {
    const last = this.#pieces.at(-1);
    const isCut = last !== undefined && "lostBytes" in last;
    const room = isCut ? 0 : Math.max(0, Math.min(bytes.length, STREAM_WINDOW - this.#bytes));
    if (room > 0) this.#push({ bytes: bytes.slice(0, room), dealtWith: done });
    const lostBytes = bytes.length - room;
    if (isCut) last.lostBytes += lostBytes;
    else if (lostBytes > 0) this.#pieces.push({ lostBytes });
  }

  finish(): void {
    this.#isOver = true;
    for (const { tell } of this.#readers.splice(0)) tell(END);
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Uint8Array, undefined> {
    let hasLeft = false;
    const leave = (): void => {
      hasLeft = true;
      this.#leave(iterator);
    };
    const iterator: AsyncIterableIterator<Uint8Array, undefined> = {
      [Symbol.asyncIterator]: () => iterator,
      next: async () => {
        if (hasLeft) return END;
        const piece = this.#take();
        if (piece === null) return this.#isOver ? END : this.#wait(iterator);
        if (!("lostBytes" in piece)) return { done: false, value: piece.bytes };
        leave();
        const { lostBytes } = piece;
        const why = `${lostBytes} bytes were written while nobody read, and were not kept`;
        throw new StratosError("output", why, { lostBytes });
      },
      return: async () => {
        leave();
        return END;
      },
    };
    return iterator;
  }

  #take(): Piece | null {
    this.#isLeft = false;
    const piece = this.#pieces.shift();
    if (piece === undefined) return null;
    if (!("lostBytes" in piece)) {
      this.#bytes -= piece.bytes.length;
      piece.dealtWith();
    }
    return piece;
  }

  #wait(iterator: object): Promise<IteratorResult<Uint8Array, undefined>> {
    return new Promise((tell) => void this.#readers.push({ iterator, tell }));
  }

  #leave(iterator: object): void {
    for (const { tell } of this.#readers.filter((reader) => reader.iterator === iterator)) tell(END);
    const others = this.#readers.filter((reader) => reader.iterator !== iterator);
    this.#readers.splice(0, this.#readers.length, ...others);
    if (others.length > 0) return;
    this.#isLeft = true;
    this.#pieces.forEach((piece, index) => {
      if ("lostBytes" in piece) return;
      this.#pieces[index] = { bytes: piece.bytes, dealtWith: done };
      piece.dealtWith();
    });
  }
}

function done(): void {}
