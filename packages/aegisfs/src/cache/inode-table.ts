/**
 * Inodes in memory, in columns: what operations see and change. The tree gets them when they are settled
 * (file/settle.ts), so that an inode which changes a hundred times between two commits is written once, and one that
 * comes and goes in between never.
 *
 *   word index of an inode = slot × 32; the words are those of the inode item (format/inode-item.ts)
 *
 * Bound: clean inodes are dropped by second chance above `limit`, between operations only; dirty ones stay until they
 * are settled, which the volume does when they are too many. A slot is valid until the operation that asked for it
 * ends. `words` is another array after growth: take it anew after anything that may load an inode.
 */
import { INODE_SIZE } from "../format/inode-item.ts";
import { DirtyList, grown } from "./dirty-list.ts";

export const INODE_WORDS = INODE_SIZE / 4;

/** Differs from what the tree has. */
export const INODE_DIRTY = 1;
/** Its item is in the tree. */
export const INODE_STORED = 2;
/** The tree may hold other items of it: extents, attributes, entries, inline content. */
export const INODE_HAS_ITEMS = 4;
/** To be removed from the tree: no operation finds it any more. */
export const INODE_REMOVED = 8;
/** The tree lists it as an orphan. */
export const INODE_ORPHAN = 16;
const RECENT = 32;

const NONE = -1;

export class InodeTable {
  words: Uint32Array;
  flags: Uint8Array;
  numbers: Uint32Array;
  /** Subvolume of each slot, by its `cacheId`. */
  subvolumes: Uint32Array;
  /** First of the pages in memory (cache/page-table.ts), −1 for none, and how many are dirty. */
  firstPages: Int32Array;
  dirtyPages: Uint32Array;
  count = 0;
  readonly #limit: number;
  #buckets: Int32Array;
  #nextInBucket: Int32Array;
  readonly #dirty: DirtyList;
  #free = NONE;
  #used = 0;
  #hand = 0;

  constructor(limit: number) {
    this.#limit = limit;
    const capacity = 256;
    this.words = new Uint32Array(capacity * INODE_WORDS);
    this.flags = new Uint8Array(capacity);
    this.numbers = new Uint32Array(capacity);
    this.subvolumes = new Uint32Array(capacity);
    this.firstPages = new Int32Array(capacity).fill(NONE);
    this.dirtyPages = new Uint32Array(capacity);
    this.#nextInBucket = new Int32Array(capacity);
    this.#dirty = new DirtyList(capacity);
    this.#buckets = new Int32Array(capacity).fill(NONE);
  }

  get dirtyCount(): number {
    return this.#dirty.count;
  }

  /** Slot of an inode, −1 when it is not in memory. One that is to be removed is found too. */
  find(subvolume: number, ino: number): number {
    let slot = this.#buckets[this.#bucketOf(subvolume, ino)]!;
    while (slot !== NONE && (this.numbers[slot] !== ino || this.subvolumes[slot] !== subvolume))
      slot = this.#nextInBucket[slot]!;
    if (slot !== NONE) this.flags[slot]! |= RECENT;
    return slot;
  }

  /** A slot for an inode that is not in memory; the caller fills its words. */
  add(subvolume: number, ino: number, flags: number): number {
    let slot = this.#free;
    if (slot !== NONE) this.#free = this.#nextInBucket[slot]!;
    else {
      if (this.#used === this.numbers.length) this.#grow();
      slot = this.#used++;
    }
    this.numbers[slot] = ino;
    this.subvolumes[slot] = subvolume;
    this.flags[slot] = flags | RECENT;
    this.firstPages[slot] = NONE;
    this.dirtyPages[slot] = 0;
    const bucket = this.#bucketOf(subvolume, ino);
    this.#nextInBucket[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot;
    this.count++;
    return slot;
  }

  markDirty(slot: number): void {
    if ((this.flags[slot]! & INODE_DIRTY) !== 0) return;
    this.flags[slot]! |= INODE_DIRTY;
    this.#dirty.add(slot);
  }

  markClean(slot: number): void {
    if ((this.flags[slot]! & INODE_DIRTY) === 0) return;
    this.flags[slot]! &= ~INODE_DIRTY;
    this.#dirty.remove(slot);
  }

  /** Forgets an inode, which has no pages. */
  remove(slot: number): void {
    this.markClean(slot);
    const bucket = this.#bucketOf(this.subvolumes[slot]!, this.numbers[slot]!);
    let at = this.#buckets[bucket]!;
    if (at === slot) this.#buckets[bucket] = this.#nextInBucket[slot]!;
    else {
      while (this.#nextInBucket[at] !== slot) at = this.#nextInBucket[at]!;
      this.#nextInBucket[at] = this.#nextInBucket[slot]!;
    }
    this.flags[slot] = 0;
    this.numbers[slot] = 0;
    this.#nextInBucket[slot] = this.#free;
    this.#free = slot;
    this.count--;
  }

  /** Slots of dirty inodes, in the order of their numbers, which is that of the tree. */
  dirtySlots(): Float64Array {
    const keys = new Float64Array(this.dirtyCount);
    let count = 0;
    for (let slot = this.#dirty.first; slot !== NONE; slot = this.#dirty.after(slot))
      keys[count++] = this.numbers[slot]! * SLOTS_MAX + slot;
    keys.sort();
    for (let index = 0; index < count; index++) keys[index] = keys[index]! % SLOTS_MAX;
    return keys;
  }

  /** Calls `visit` with each slot in use. */
  forEach(visit: (slot: number) => void): void {
    for (let slot = 0; slot < this.#used; slot++) if (this.numbers[slot] !== 0) visit(slot);
  }

  /** True when clean inodes are more than the bound. */
  get isOver(): boolean {
    return this.count - this.dirtyCount > this.#limit;
  }

  /** Drops clean inodes until an eighth of the bound is free; `forget` gives up the pages of one. */
  trim(forget: (slot: number) => void): void {
    const target = this.#limit - (this.#limit >> 3);
    for (let steps = 2 * this.#used; steps > 0 && this.count - this.dirtyCount > target; steps--) {
      const slot = this.#hand;
      this.#hand = slot + 1 < this.#used ? slot + 1 : 0;
      const flags = this.flags[slot]!;
      if (this.numbers[slot] === 0 || (flags & INODE_DIRTY) !== 0) continue;
      if ((flags & RECENT) !== 0) {
        this.flags[slot] = flags & ~RECENT;
        continue;
      }
      forget(slot);
      this.remove(slot);
    }
  }

  #bucketOf(subvolume: number, ino: number): number {
    return (ino + Math.imul(subvolume, 0x9e3779b1)) & (this.#buckets.length - 1);
  }

  #grow(): void {
    const capacity = this.numbers.length * 2;
    if (capacity > SLOTS_MAX) throw new Error("invariant broken: more inodes in memory than slots");
    this.words = grown(this.words, new Uint32Array(capacity * INODE_WORDS));
    this.flags = grown(this.flags, new Uint8Array(capacity));
    this.numbers = grown(this.numbers, new Uint32Array(capacity));
    this.subvolumes = grown(this.subvolumes, new Uint32Array(capacity));
    this.firstPages = grown(this.firstPages, new Int32Array(capacity).fill(NONE));
    this.dirtyPages = grown(this.dirtyPages, new Uint32Array(capacity));
    this.#nextInBucket = grown(this.#nextInBucket, new Int32Array(capacity));
    this.#dirty.grow(capacity);
    this.#buckets = new Int32Array(capacity).fill(NONE);
    for (let slot = 0; slot < this.#used; slot++) {
      if (this.numbers[slot] === 0) continue;
      const bucket = this.#bucketOf(this.subvolumes[slot]!, this.numbers[slot]!);
      this.#nextInBucket[slot] = this.#buckets[bucket]!;
      this.#buckets[bucket] = slot;
    }
  }
}

/** So that a number and a slot fit a double together. */
const SLOTS_MAX = 2 ** 21;
