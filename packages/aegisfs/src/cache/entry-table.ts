/**
 * Directory entries in memory, in columns: names that lead somewhere, and names known to lead nowhere (inode 0).
 * Changes of names are made here; the tree gets them when they are settled.
 *
 *   stored   the tree has an entry of this name
 *   dirty    what the tree has is not this: it is to be added, redirected, or (inode 0) removed
 *
 * Bound: clean entries are dropped by second chance above `limit`, between operations only.
 */
import { DirtyList, grown } from "./dirty-list.ts";

const ENTRY_DIRTY = 1;
export const ENTRY_STORED = 2;
/** The tree holds another name of the same hash in this directory. */
export const ENTRY_COLLIDES = 4;
const RECENT = 8;
const USED = 16;

const NONE = -1;

export class EntryTable {
  subvolumes: Uint32Array;
  parents: Uint32Array;
  /** The name's hash: 20 and 24 bits. */
  highs: Uint32Array;
  lows: Uint32Array;
  inos: Uint32Array;
  types: Uint8Array;
  flags: Uint8Array;
  readonly names: string[] = [];
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
    this.subvolumes = new Uint32Array(capacity);
    this.parents = new Uint32Array(capacity);
    this.highs = new Uint32Array(capacity);
    this.lows = new Uint32Array(capacity);
    this.inos = new Uint32Array(capacity);
    this.types = new Uint8Array(capacity);
    this.flags = new Uint8Array(capacity);
    this.#nextInBucket = new Int32Array(capacity);
    this.#dirty = new DirtyList(capacity);
    this.#buckets = new Int32Array(capacity).fill(NONE);
  }

  get dirtyCount(): number {
    return this.#dirty.count;
  }

  /** The entry of a name, −1 when nothing is known of it. */
  find(subvolume: number, parent: number, high: number, low: number, name: string): number {
    let at = this.#buckets[this.#bucketOf(subvolume, parent, high, low)]!;
    while (at !== NONE) {
      if (
        this.lows[at] === low &&
        this.parents[at] === parent &&
        this.highs[at] === high &&
        this.subvolumes[at] === subvolume &&
        this.names[at] === name
      ) {
        this.flags[at]! |= RECENT;
        return at;
      }
      at = this.#nextInBucket[at]!;
    }
    return NONE;
  }

  /** True when another name of the same hash is in memory. */
  hasSibling(at: number): boolean {
    const subvolume = this.subvolumes[at]!,
      parent = this.parents[at]!,
      high = this.highs[at]!,
      low = this.lows[at]!;
    let other = this.#buckets[this.#bucketOf(subvolume, parent, high, low)]!;
    while (other !== NONE) {
      if (
        other !== at &&
        this.lows[other] === low &&
        this.parents[other] === parent &&
        this.highs[other] === high &&
        this.subvolumes[other] === subvolume
      )
        return true;
      other = this.#nextInBucket[other]!;
    }
    return false;
  }

  /** A clean entry for a name of which nothing is known. */
  add(
    subvolume: number,
    parent: number,
    high: number,
    low: number,
    name: string,
    ino: number,
    type: number,
    flags: number,
  ): number {
    let at = this.#free;
    if (at !== NONE) this.#free = this.#nextInBucket[at]!;
    else {
      if (this.#used === this.parents.length) this.#grow();
      at = this.#used++;
    }
    this.subvolumes[at] = subvolume;
    this.parents[at] = parent;
    this.highs[at] = high;
    this.lows[at] = low;
    this.inos[at] = ino;
    this.types[at] = type;
    this.flags[at] = flags | RECENT | USED;
    this.names[at] = name;
    const bucket = this.#bucketOf(subvolume, parent, high, low);
    this.#nextInBucket[at] = this.#buckets[bucket]!;
    this.#buckets[bucket] = at;
    this.count++;
    return at;
  }

  /** The name leads to `ino` now, 0 for nowhere. */
  change(at: number, ino: number, type: number): void {
    this.inos[at] = ino;
    this.types[at] = type;
    if (ino === 0 && (this.flags[at]! & ENTRY_STORED) === 0) this.markClean(at);
    else this.#markDirty(at);
  }

  #markDirty(at: number): void {
    if ((this.flags[at]! & ENTRY_DIRTY) !== 0) return;
    this.flags[at]! |= ENTRY_DIRTY;
    this.#dirty.add(at);
  }

  markClean(at: number): void {
    if ((this.flags[at]! & ENTRY_DIRTY) === 0) return;
    this.flags[at]! &= ~ENTRY_DIRTY;
    this.#dirty.remove(at);
  }

  remove(at: number): void {
    this.markClean(at);
    const bucket = this.#bucketOf(this.subvolumes[at]!, this.parents[at]!, this.highs[at]!, this.lows[at]!);
    let before = this.#buckets[bucket]!;
    if (before === at) this.#buckets[bucket] = this.#nextInBucket[at]!;
    else {
      while (this.#nextInBucket[before] !== at) before = this.#nextInBucket[before]!;
      this.#nextInBucket[before] = this.#nextInBucket[at]!;
    }
    this.flags[at] = 0;
    this.parents[at] = 0;
    this.names[at] = "";
    this.#nextInBucket[at] = this.#free;
    this.#free = at;
    this.count--;
  }

  /** Dirty entries, near to the order of the tree: by directory, then by the front of the hash. */
  dirtyEntries(): Float64Array {
    const keys = new Float64Array(this.dirtyCount);
    let count = 0;
    for (let at = this.#dirty.first; at !== NONE; at = this.#dirty.after(at))
      keys[count++] = ((this.parents[at]! & 0xfffff) * 4096 + (this.highs[at]! >>> 8)) * ENTRIES_MAX + at;
    keys.sort();
    for (let index = 0; index < count; index++) keys[index] = keys[index]! % ENTRIES_MAX;
    return keys;
  }

  forEach(visit: (at: number) => void): void {
    for (let at = 0; at < this.#used; at++) if ((this.flags[at]! & USED) !== 0) visit(at);
  }

  get isOver(): boolean {
    return this.count - this.dirtyCount > this.#limit;
  }

  /** Drops clean entries until an eighth of the bound is free. */
  trim(): void {
    const target = this.#limit - (this.#limit >> 3);
    for (let steps = 2 * this.#used; steps > 0 && this.count - this.dirtyCount > target; steps--) {
      const at = this.#hand;
      this.#hand = at + 1 < this.#used ? at + 1 : 0;
      const flags = this.flags[at]!;
      if ((flags & USED) === 0 || (flags & ENTRY_DIRTY) !== 0) continue;
      if ((flags & RECENT) !== 0) this.flags[at] = flags & ~RECENT;
      else this.remove(at);
    }
  }

  #bucketOf(subvolume: number, parent: number, high: number, low: number): number {
    return (
      (low ^ Math.imul(high, 0x85ebca6b) ^ Math.imul(parent, 0x9e3779b1) ^ Math.imul(subvolume, 0xc2b2ae35)) &
      (this.#buckets.length - 1)
    );
  }

  #grow(): void {
    const capacity = this.parents.length * 2;
    if (capacity > ENTRIES_MAX) throw new Error("invariant broken: more entries in memory than places");
    this.subvolumes = grown(this.subvolumes, new Uint32Array(capacity));
    this.parents = grown(this.parents, new Uint32Array(capacity));
    this.highs = grown(this.highs, new Uint32Array(capacity));
    this.lows = grown(this.lows, new Uint32Array(capacity));
    this.inos = grown(this.inos, new Uint32Array(capacity));
    this.types = grown(this.types, new Uint8Array(capacity));
    this.flags = grown(this.flags, new Uint8Array(capacity));
    this.#nextInBucket = grown(this.#nextInBucket, new Int32Array(capacity));
    this.#dirty.grow(capacity);
    this.#buckets = new Int32Array(capacity).fill(NONE);
    for (let at = 0; at < this.#used; at++) {
      if ((this.flags[at]! & USED) === 0) continue;
      const bucket = this.#bucketOf(this.subvolumes[at]!, this.parents[at]!, this.highs[at]!, this.lows[at]!);
      this.#nextInBucket[at] = this.#buckets[bucket]!;
      this.#buckets[bucket] = at;
    }
  }
}

/** So that the front of a key and a place fit a double together. */
const ENTRIES_MAX = 2 ** 21;
