/**
 * Deduplication on write: remembers where blocks of recent content are, by their checksums, and lets new content that
 * is equal share them. A match is compared byte by byte before it counts. Bound: a table of fixed size, in which new
 * entries replace older ones.
 */
import { BLOCK_SIZE } from "../format/geometry.ts";
import type { BlockStore } from "../store/block-store.ts";
import type { VolumeSpace } from "./volume-space.ts";

const PROBES = 4;

export class WriteIndex {
  readonly #store: BlockStore;
  readonly #mask: number;
  /** By slot: checksum, block; a block of 0 is an empty slot. */
  readonly #checksums: Uint32Array;
  readonly #blocks: Uint32Array;
  /** Blocks that were given back since the table was swept: entries that name them mean nothing. */
  readonly #freed = new Set<number>();
  readonly #bytes = new Uint8Array(BLOCK_SIZE);
  /** First block of the run that `find` found. */
  found = 0;
  /** Blocks that were shared instead of written. */
  shared = 0;

  /** @param slots  a power of two; 8 bytes each */
  constructor({ store, space }: VolumeSpace, slots: number) {
    this.#store = store;
    this.#mask = slots - 1;
    this.#checksums = new Uint32Array(slots);
    this.#blocks = new Uint32Array(slots);
    space.onRelease = (block, count): void => this.#forget(block, count);
  }

  /** Content with these checksums is at `count` blocks from `block` on. */
  add(block: number, count: number, checksums: Uint32Array): void {
    for (let offset = 0; offset < count; offset++) {
      const checksum = checksums[offset]!;
      let slot = checksum & this.#mask;
      for (let probe = 1; probe < PROBES && this.#blocks[slot] !== 0 && this.#checksums[slot] !== checksum; probe++)
        slot = (checksum + probe) & this.#mask;
      // A block that was given back and taken again must not be named by what it held before.
      if (this.#freed.has(block + offset)) this.#sweep();
      this.#checksums[slot] = checksum;
      this.#blocks[slot] = block + offset;
    }
  }

  /**
   * Finds a run of blocks with the content of `bytes[at …)`, whose checksums are given. Returns how many blocks are
   * equal, at most `count`; `found` is the first. Throws Failure.
   */
  find(bytes: Uint8Array, at: number, count: number, checksums: Uint32Array): number {
    const first = this.#at(checksums[0]!);
    if (first === 0) return 0;
    let length = 0;
    while (
      length < count &&
      this.#at(checksums[length]!) === first + length &&
      this.#isEqual(first + length, bytes, at + length * BLOCK_SIZE)
    )
      length++;
    this.found = first;
    return length;
  }

  /** Length of the run from the beginning of which nothing is known. */
  unknown(count: number, checksums: Uint32Array): number {
    let length = 1;
    while (length < count && this.#at(checksums[length]!) === 0) length++;
    return length;
  }

  #at(checksum: number): number {
    for (let probe = 0, slot = checksum & this.#mask; probe < PROBES; probe++, slot = (checksum + probe) & this.#mask) {
      const block = this.#blocks[slot]!;
      if (block !== 0 && this.#checksums[slot] === checksum && !this.#freed.has(block)) return block;
    }
    return 0;
  }

  #isEqual(block: number, bytes: Uint8Array, at: number): boolean {
    const own = this.#bytes;
    this.#store.read(block, 1, own, 0);
    for (let index = 0; index < BLOCK_SIZE; index++) if (own[index] !== bytes[at + index]) return false;
    return true;
  }

  /** These blocks are given back: what comes to them next is something else. Their entries go with the next sweep. */
  #forget(block: number, count: number): void {
    for (let at = block; at < block + count; at++) this.#freed.add(at);
    if (this.#freed.size > FREED_MAX) this.#sweep();
  }

  #sweep(): void {
    for (let slot = 0; slot <= this.#mask; slot++) if (this.#freed.has(this.#blocks[slot]!)) this.#blocks[slot] = 0;
    this.#freed.clear();
  }
}

const FREED_MAX = 65536;
