import { stateClass } from "@stratos/base";
import type { IoCursor } from "../ground/io-cursor.ts";

/** A FIFO of bytes with a bound; its storage doubles as it is needed. */
export class ByteRing {
  #bytes: Uint8Array;
  readonly capacity: number;
  #head = 0;
  length = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#bytes = new Uint8Array(Math.min(capacity, 1024));
  }

  get room(): number {
    return this.capacity - this.length;
  }

  /** Appends `count` bytes; at most `room`. */
  push(bytes: Uint8Array, start: number, count: number): void {
    this.#grow(this.length + count);
    const size = this.#bytes.length;
    const at = (this.#head + this.length) % size;
    const first = Math.min(count, size - at);
    this.#bytes.set(bytes.subarray(start, start + first), at);
    if (first < count) this.#bytes.set(bytes.subarray(start + first, start + count), 0);
    this.length += count;
  }

  pushByte(byte: number): void {
    this.#grow(this.length + 1);
    this.#bytes[(this.#head + this.length) % this.#bytes.length] = byte;
    this.length++;
  }

  /** The first bytes that lie together: valid until the next change. Use with `drop`. */
  peek(): Uint8Array {
    return this.#bytes.subarray(this.#head, Math.min(this.#bytes.length, this.#head + this.length));
  }

  drop(count: number): void {
    this.length -= count;
    this.#head = this.length === 0 ? 0 : (this.#head + count) % this.#bytes.length;
  }

  /**
   * Moves up to `most` bytes to the cursor, for a read that has put `before` others there: the count, or −EFAULT when
   * none could be moved.
   */
  moveTo(to: IoCursor, most: number, before: number): number {
    let moved = 0;
    const count = Math.min(most, this.length, to.remaining);
    while (moved < count) {
      const part = Math.min(count - moved, this.#bytes.length - this.#head);
      const done = to.put(this.#bytes, this.#head, part);
      if (done < part) {
        const put = moved + Math.max(done, 0);
        this.drop(lostWith(before + put, before + count) - before - moved);
        return put > 0 ? put : done;
      }
      this.drop(done);
      moved += done;
    }
    return moved;
  }

  /** Keeps the first `count` bytes at most. */
  truncate(count: number): void {
    if (this.length > count) this.length = count;
  }

  clear(): void {
    this.#head = 0;
    this.length = 0;
  }

  #grow(needed: number): void {
    if (needed <= this.#bytes.length) return;
    const bytes = new Uint8Array(Math.min(this.capacity, Math.max(needed, this.#bytes.length * 2)));
    const size = this.#bytes.length;
    const first = Math.min(this.length, size - this.#head);
    bytes.set(this.#bytes.subarray(this.#head, this.#head + first), 0);
    bytes.set(this.#bytes.subarray(0, this.length - first), first);
    this.#bytes = bytes;
    this.#head = 0;
  }

  static {
    stateClass("tty.ByteRing", this, {
      save: (it) => ({ bytes: it.#bytes, head: it.#head }),
      load: (it, from) => ({ bytes: it.#bytes, head: it.#head } = from),
    });
  }
}

/** So many bytes at a time a read of a terminal takes (drivers/tty/tty_io.c, iterate_tty_read). */
const PIECE = 64;

/**
 * A read's memory ends behind so many of `count` bytes.
 *
 * @returns how many are gone: the piece at whose bytes it ends had been taken
 */
export function lostWith(put: number, count: number): number {
  return Math.min(count, put - (put % PIECE) + PIECE);
}
