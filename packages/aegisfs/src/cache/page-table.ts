/**
 * Pages of file content in memory, for callers without a page cache of their own: written here first, stored when they
 * are settled; verified when they are read. Each page belongs to an inode's slot in the inode table, which lists its
 * pages.
 *
 * Bound: `limit` pages of 4096 bytes, allocated as they are needed. Clean pages give way by second chance; when there
 * is none left, `take` says so, and the volume settles.
 */
import { BLOCK_SIZE } from "../format/geometry.ts";
import { grown } from "./dirty-list.ts";
import type { InodeTable } from "./inode-table.ts";

const DIRTY = 1;
const RECENT = 2;
const USED = 4;
const NONE = -1;

export class PageTable {
  readonly #inodes: InodeTable;
  readonly limit: number;
  /** One view for each page: making one costs as much as copying a page. */
  readonly bytes: Uint8Array[] = [];
  slots: Int32Array = new Int32Array(64);
  /** Index of the page in its file. */
  indexes: Float64Array = new Float64Array(64);
  nextOfFile: Int32Array = new Int32Array(64);
  #previousOfFile: Int32Array = new Int32Array(64);
  #flags: Uint8Array = new Uint8Array(64);
  #nextInBucket: Int32Array = new Int32Array(64);
  #buckets: Int32Array = new Int32Array(64).fill(NONE);
  #free = NONE;
  #used = 0;
  #hand = 0;
  count = 0;
  dirtyCount = 0;

  constructor(inodes: InodeTable, limit: number) {
    this.#inodes = inodes;
    this.limit = limit;
  }

  /** The page, −1 when it is not in memory. */
  find(slot: number, index: number): number {
    const first = this.#inodes.firstPages[slot]!;
    if (first === NONE) return NONE;
    if (this.indexes[first] === index) {
      this.#flags[first]! |= RECENT;
      return first;
    }
    let page = this.#buckets[this.#bucketOf(slot, index)]!;
    while (page !== NONE && (this.slots[page] !== slot || this.indexes[page] !== index))
      page = this.#nextInBucket[page]!;
    if (page !== NONE) this.#flags[page]! |= RECENT;
    return page;
  }

  /** A clean page that was not in memory, its bytes undefined; −1 when all are dirty. */
  take(slot: number, index: number): number {
    let page = this.#free;
    if (page !== NONE) this.#free = this.#nextInBucket[page]!;
    else if (this.#used < this.limit) {
      if (this.#used === this.bytes.length) this.#addSlab();
      page = this.#used++;
    } else {
      page = this.#evict();
      if (page === NONE) return NONE;
    }
    this.slots[page] = slot;
    this.indexes[page] = index;
    this.#flags[page] = RECENT | USED;
    const bucket = this.#bucketOf(slot, index);
    this.#nextInBucket[page] = this.#buckets[bucket]!;
    this.#buckets[bucket] = page;
    const first = this.#inodes.firstPages[slot]!;
    this.nextOfFile[page] = first;
    this.#previousOfFile[page] = NONE;
    if (first !== NONE) this.#previousOfFile[first] = page;
    this.#inodes.firstPages[slot] = page;
    this.count++;
    return page;
  }

  isDirty(page: number): boolean {
    return (this.#flags[page]! & DIRTY) !== 0;
  }

  /** The inode is marked as dirty with it. */
  markDirty(page: number): void {
    if ((this.#flags[page]! & DIRTY) !== 0) return;
    this.#flags[page]! |= DIRTY;
    this.dirtyCount++;
    const slot = this.slots[page]!;
    this.#inodes.dirtyPages[slot]!++;
    this.#inodes.markDirty(slot);
  }

  markClean(page: number): void {
    if ((this.#flags[page]! & DIRTY) === 0) return;
    this.#flags[page]! &= ~DIRTY;
    this.dirtyCount--;
    this.#inodes.dirtyPages[this.slots[page]!]!--;
  }

  drop(page: number): void {
    this.markClean(page);
    this.#unlink(page);
    this.#flags[page] = 0;
    this.#nextInBucket[page] = this.#free;
    this.#free = page;
  }

  /** Drops the pages of an inode in `[first, end)`. */
  dropFile(slot: number, first = 0, end = Infinity): void {
    for (let page = this.#inodes.firstPages[slot]!; page !== NONE;) {
      const next = this.nextOfFile[page]!;
      if (this.indexes[page]! >= first && this.indexes[page]! < end) this.drop(page);
      page = next;
    }
  }

  /** Dirty pages of an inode, in order. */
  dirtyPagesOf(slot: number): number[] {
    const found: number[] = [];
    for (let page = this.#inodes.firstPages[slot]!; page !== NONE; page = this.nextOfFile[page]!)
      if ((this.#flags[page]! & DIRTY) !== 0) found.push(page);
    if (found.length > 1) found.sort((a, b) => this.indexes[a]! - this.indexes[b]!);
    return found;
  }

  #unlink(page: number): void {
    const bucket = this.#bucketOf(this.slots[page]!, this.indexes[page]!);
    let before = this.#buckets[bucket]!;
    if (before === page) this.#buckets[bucket] = this.#nextInBucket[page]!;
    else {
      while (this.#nextInBucket[before] !== page) before = this.#nextInBucket[before]!;
      this.#nextInBucket[before] = this.#nextInBucket[page]!;
    }
    const next = this.nextOfFile[page]!;
    const previous = this.#previousOfFile[page]!;
    if (previous === NONE) this.#inodes.firstPages[this.slots[page]!] = next;
    else this.nextOfFile[previous] = next;
    if (next !== NONE) this.#previousOfFile[next] = previous;
    this.count--;
  }

  #evict(): number {
    for (let steps = 2 * this.#used; steps > 0; steps--) {
      const page = this.#hand;
      this.#hand = page + 1 < this.#used ? page + 1 : 0;
      const flags = this.#flags[page]!;
      if ((flags & USED) === 0 || (flags & DIRTY) !== 0) continue;
      if ((flags & RECENT) !== 0) {
        this.#flags[page] = flags & ~RECENT;
        continue;
      }
      this.#unlink(page);
      return page;
    }
    return NONE;
  }

  #bucketOf(slot: number, index: number): number {
    return (Math.imul(slot, 0x9e3779b1) + index) & (this.#buckets.length - 1);
  }

  #addSlab(): void {
    const capacity = Math.min(
      this.limit,
      this.bytes.length + Math.min(SLAB_PAGES_MAX, Math.max(64, this.bytes.length)),
    );
    const slab = new Uint8Array((capacity - this.bytes.length) * BLOCK_SIZE);
    for (let at = 0; at < slab.length; at += BLOCK_SIZE) this.bytes.push(slab.subarray(at, at + BLOCK_SIZE));
    if (capacity <= this.slots.length) return;
    this.slots = grown(this.slots, new Int32Array(capacity));
    this.indexes = grown(this.indexes, new Float64Array(capacity));
    this.nextOfFile = grown(this.nextOfFile, new Int32Array(capacity));
    this.#previousOfFile = grown(this.#previousOfFile, new Int32Array(capacity));
    this.#flags = grown(this.#flags, new Uint8Array(capacity));
    this.#nextInBucket = grown(this.#nextInBucket, new Int32Array(capacity));
    if (this.#buckets.length >= capacity) return;
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(capacity))).fill(NONE);
    for (let page = 0; page < this.#used; page++) {
      if ((this.#flags[page]! & USED) === 0) continue;
      const bucket = this.#bucketOf(this.slots[page]!, this.indexes[page]!);
      this.#nextInBucket[page] = this.#buckets[bucket]!;
      this.#buckets[bucket] = page;
    }
  }
}

/** Pages that are allocated at once, at most (1 MiB). */
const SLAB_PAGES_MAX = 256;
