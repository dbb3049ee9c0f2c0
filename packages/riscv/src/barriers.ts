/**
 * Places in code before which whatever runs leaves with ExitReason.STOP, in each address space that has code there. The
 * record there is a BARRIER, which names a copy of the instruction's own record; translations end before it. Guest
 * memory is not written. The exact interpreter goes on with the copy.
 */
import { decode, newDecoded } from "./decode.ts";
import type { RecordViews } from "./record.ts";
import { Record, RecordOp, writeTailRecord } from "./record.ts";

/** In the engine's scratch: behind the watched cells (stop-check.ts), before the tables of AES. Each of 48 bytes. */
const COPIES = 0x1a000;
const COPY_SIZE = 48;
const COPIES_MAX = 500;

/** Places at once: each has a copy in each address space that runs there. */
export const BARRIERS_MAX = 64;

export class Barriers {
  #places: ReadonlySet<number> = new Set();
  /** Copies by the addresses of their records. */
  readonly #copies = new Map<number, number>();
  /** A barrier could not be made: there are too many address spaces. */
  isFull = false;

  get size(): number {
    return this.#places.size;
  }

  has(pc: number): boolean {
    return this.#places.has(pc);
  }

  /** Who sets others forgets what was decoded at both. */
  set(places: ReadonlySet<number>): void {
    this.#places = places;
    this.#copies.clear();
    this.isFull = false;
  }

  get places(): ReadonlySet<number> {
    return this.#places;
  }

  /** Makes the record a barrier before the instruction `word`. @returns false when there is no room for its copy */
  write(views: RecordViews, record: number, word: number): boolean {
    const index = this.#copies.get(record) ?? this.#copies.size;
    if (index >= COPIES_MAX) {
      this.isFull = true;
      return false;
    }
    this.#copies.set(record, index);
    decode(word, DECODED);
    writeTailRecord(views, record, COPIES + index * COPY_SIZE, DECODED);
    views.u8[record + Record.op] = RecordOp.BARRIER;
    return true;
  }
}

const DECODED = newDecoded();
