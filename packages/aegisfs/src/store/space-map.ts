/**
 * Which blocks of the writable device are free (FORMAT.md §7).
 *
 * Truth is one bitmap for each group of 8192 blocks, an item of the volume tree; a group without an item was never used.
 * In memory a group has two bitmaps more, for the running transaction:
 *
 *   bits     allocated, as the next commit will record it
 *   pinned   given back in this transaction, but named by the durable state: not to be used before the commit is durable
 *   fresh    allocated in this transaction: given back, it may be used again at once
 *
 * Nodes take free aligned runs of four blocks ("quads", a nibble of the bitmap); data takes what it finds, from broken
 * quads first when quads are scarce, so that the reserve for metadata cannot be eaten up.
 */
import { assert } from "@stratos/base";
import { Failure } from "../failure.ts";
import { GROUP_BLOCKS, GROUP_WORDS, NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_GROUP, keyMiddle } from "../format/key.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { SUPERBLOCK_SLOTS } from "../format/superblock.ts";
import type { Tree } from "../tree/tree.ts";

class Group {
  readonly bits = new Uint32Array(GROUP_WORDS);
  readonly pinned = new Uint32Array(GROUP_WORDS);
  readonly fresh = new Uint32Array(GROUP_WORDS);
  /** Blocks and quads that can be allocated now. */
  available = 0;
  quads = 0;
  /** Differs from its item. */
  dirty = false;
  /** Has pinned or fresh blocks. */
  touched = false;
  /** Where the search for data goes on. */
  hint = 0;
}

/** Groups with space that are looked at for a long enough run, and how long is enough. */
const GROUPS_TO_COMPARE = 4;
const RUN_GOOD = 16;

/** Value of a group item: the bitmap. */
const GROUP_ITEM_SIZE = GROUP_WORDS * 4;

export class SpaceMap {
  readonly #firstBlock: number;
  #endBlock: number;
  readonly #groups = new Map<number, Group>();
  readonly #tree: Tree;
  readonly #dirty: number[] = [];
  readonly #touched: Group[] = [];
  #nodeCursor: number;
  #dataCursor: number;
  /** Free blocks and quads as the next commit records them. */
  freeBlocks: number;
  freeQuads: number;
  /** Those of them that may be taken now: the others are pinned until the commit. */
  availableBlocks: number;
  availableQuads: number;
  /** Start of the run that `allocateData` found. */
  runStart = 0;

  /** @param tree  the volume tree */
  constructor(tree: Tree, firstBlock: number, blocks: number, freeBlocks: number, freeQuads: number) {
    this.#tree = tree;
    this.#firstBlock = firstBlock;
    this.#endBlock = firstBlock + blocks;
    this.freeBlocks = freeBlocks;
    this.freeQuads = freeQuads;
    this.availableBlocks = freeBlocks;
    this.availableQuads = freeQuads;
    this.#nodeCursor = Math.floor(firstBlock / GROUP_BLOCKS);
    // Metadata fills groups from the front; data starts in the second, so that each lies close together.
    this.#dataCursor = this.#nodeCursor + (blocks > 2 * GROUP_BLOCKS ? 1 : 0);
  }

  get dirtyGroups(): number {
    return this.#dirty.length;
  }

  /** Free blocks and quads of an empty device of that many blocks. */
  static countEmpty(blocks: number): { freeBlocks: number; freeQuads: number } {
    let reserved = 0;
    const quads = new Set<number>();
    for (const slots of SUPERBLOCK_SLOTS) {
      for (const slot of slots) {
        reserved++;
        quads.add(slot >> 2);
      }
    }
    return { freeBlocks: blocks - reserved, freeQuads: Math.floor(blocks / NODE_BLOCKS) - quads.size };
  }

  /** The device has grown. */
  grow(blocks: number): void {
    const before = SpaceMap.countEmpty(this.#endBlock - this.#firstBlock);
    const after = SpaceMap.countEmpty(blocks);
    const partial = Math.floor(this.#endBlock / GROUP_BLOCKS);
    if (this.#endBlock % GROUP_BLOCKS !== 0) {
      // What lay behind the end was marked as taken in the last group.
      const group = this.#load(partial);
      const from = this.#endBlock % GROUP_BLOCKS;
      const to = Math.min(GROUP_BLOCKS, this.#firstBlock + blocks - partial * GROUP_BLOCKS);
      for (let bit = from; bit < to; bit++) group.bits[bit >>> 5]! &= ~(1 << (bit & 31));
      this.#count(group);
      this.#markDirty(partial, group);
    }
    this.#endBlock = this.#firstBlock + blocks;
    this.freeBlocks += after.freeBlocks - before.freeBlocks;
    this.freeQuads += after.freeQuads - before.freeQuads;
    this.availableBlocks += after.freeBlocks - before.freeBlocks;
    this.availableQuads += after.freeQuads - before.freeQuads;
  }

  /** First block of a free aligned run of a node's size. Throws Failure `no-space`. */
  allocateNode(): number {
    const groups = this.#groupCount();
    const first = Math.floor(this.#firstBlock / GROUP_BLOCKS);
    for (let tried = 0; tried < groups; tried++) {
      const index = first + ((this.#nodeCursor - first + tried) % groups);
      const group = this.#load(index);
      if (group.quads === 0) continue;
      this.#nodeCursor = index;
      for (let word = 0; word < GROUP_WORDS; word++) {
        const quads = freeQuadsOf(group.bits[word]! | group.pinned[word]!);
        if (quads === 0) continue;
        const bit = word * 32 + countTrailingZeros(quads);
        this.#take(index, group, bit, NODE_BLOCKS);
        return index * GROUP_BLOCKS + bit;
      }
    }
    throw new Failure("no-space", -1);
  }

  /**
   * Takes up to `want` blocks in one run; `runStart` is its first.
   *
   * @param quadReserve  quads that must stay whole for nodes
   * @returns blocks taken; 0 when there is no space
   */
  allocateData(want: number, quadReserve: number): number {
    const groups = this.#groupCount();
    const first = Math.floor(this.#firstBlock / GROUP_BLOCKS);
    const spare = this.availableQuads - quadReserve;
    const keepQuads = spare < (want >> 2) + 2;
    let best = 0;
    let bestIndex = 0;
    let bestBit = 0;
    for (let tried = 0, looked = 0; tried < groups && looked < GROUPS_TO_COMPARE; tried++) {
      const index = first + ((this.#dataCursor - first + tried) % groups);
      const group = this.#load(index);
      if (group.available === 0 || (keepQuads && group.available === group.quads * NODE_BLOCKS)) continue;
      let length = findRun(group, group.hint, want, keepQuads);
      if (length < want && group.hint > 0) length = findRun(group, 0, want, keepQuads);
      if (length === 0) continue;
      if (length > best) {
        best = length;
        bestIndex = index;
        bestBit = foundBit;
      }
      if (best >= want || best >= RUN_GOOD) break;
      looked++;
    }
    if (best === 0) return 0;
    const group = this.#load(bestIndex);
    this.#dataCursor = bestIndex;
    group.hint = bestBit + best < GROUP_BLOCKS ? bestBit + best : 0;
    this.#take(bestIndex, group, bestBit, best);
    this.runStart = bestIndex * GROUP_BLOCKS + bestBit;
    return best;
  }

  /** Gives blocks back; they all lie on the writable device. */
  release(start: number, length: number): void {
    while (length > 0) {
      const index = Math.floor(start / GROUP_BLOCKS);
      const bit = start - index * GROUP_BLOCKS;
      const count = Math.min(length, GROUP_BLOCKS - bit);
      this.#give(index, this.#load(index), bit, count);
      start += count;
      length -= count;
    }
  }

  // ---- Commit -----------------------------------------------------------------------------------------------------

  /** Writes changed bitmaps into their items. That changes the volume tree, which may take blocks: repeats until nothing is left. */
  store(): void {
    while (this.#dirty.length > 0) {
      const index = this.#dirty[this.#dirty.length - 1]!;
      const group = this.#groups.get(index)!;
      const offset = this.#tree.replace(0, keyMiddle(KIND_GROUP, 0), index, GROUP_ITEM_SIZE);
      // Only now: making room for the item may have allocated from this very group, or dirtied others behind it.
      this.#tree.words.set(group.bits, offset >>> 2);
      group.dirty = false;
      const at = this.#dirty.indexOf(index);
      this.#dirty[at] = this.#dirty[this.#dirty.length - 1]!;
      this.#dirty.pop();
    }
  }

  /** The commit is durable: what was pinned is free. */
  committed(): void {
    for (const group of this.#touched) {
      group.pinned.fill(0);
      group.fresh.fill(0);
      group.touched = false;
      this.#count(group);
    }
    this.#touched.length = 0;
    this.availableBlocks = this.freeBlocks;
    this.availableQuads = this.freeQuads;
  }

  /** As the running transaction has it (for check). */
  isAllocated(block: number): boolean {
    const index = Math.floor(block / GROUP_BLOCKS);
    const bit = block - index * GROUP_BLOCKS;
    return (this.#load(index).bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  // ---- Inside -----------------------------------------------------------------------------------------------------

  #groupCount(): number {
    return Math.ceil(this.#endBlock / GROUP_BLOCKS) - Math.floor(this.#firstBlock / GROUP_BLOCKS);
  }

  #load(index: number): Group {
    const present = this.#groups.get(index);
    if (present !== undefined) return present;
    const group = new Group();
    // While a volume is made there is no tree yet.
    if (this.#tree.root[POINTER_AT_BLOCK] !== 0 && this.#tree.find(0, keyMiddle(KIND_GROUP, 0), index)) {
      const at = this.#tree.offset >>> 2;
      if (this.#tree.length !== GROUP_ITEM_SIZE) throw new Failure("corrupt-node", this.#tree.leaf.block);
      group.bits.set(this.#tree.words.subarray(at, at + GROUP_WORDS));
    } else if (index === Math.floor(this.#firstBlock / GROUP_BLOCKS)) {
      for (const slots of SUPERBLOCK_SLOTS) for (const slot of slots) group.bits[slot >>> 5]! |= 1 << (slot & 31);
    }
    for (let bit = Math.max(0, this.#endBlock - index * GROUP_BLOCKS); bit < GROUP_BLOCKS; bit++) group.bits[bit >>> 5]! |= 1 << (bit & 31);
    this.#count(group);
    this.#groups.set(index, group);
    return group;
  }

  #count(group: Group): void {
    let used = 0;
    let quads = 0;
    for (let word = 0; word < GROUP_WORDS; word++) {
      const taken = group.bits[word]! | group.pinned[word]!;
      used += countOnes(taken);
      quads += countOnes(freeQuadsOf(taken));
    }
    group.available = GROUP_BLOCKS - used;
    group.quads = quads;
  }

  #markDirty(index: number, group: Group): void {
    if (!group.dirty) {
      group.dirty = true;
      this.#dirty.push(index);
    }
    if (!group.touched) {
      group.touched = true;
      this.#touched.push(group);
    }
  }

  #take(index: number, group: Group, bit: number, count: number): void {
    for (let done = 0; done < count; ) {
      const word = (bit + done) >>> 5;
      const mask = maskOf((bit + done) & 31, count - done);
      assert(((group.bits[word]! | group.pinned[word]!) & mask) === 0, "blocks to take are free");
      this.#change(group, word, group.bits[word]! | mask, group.pinned[word]!);
      group.fresh[word]! |= mask;
      done += 32 - ((bit + done) & 31);
    }
    this.#markDirty(index, group);
  }

  #give(index: number, group: Group, bit: number, count: number): void {
    for (let done = 0; done < count; ) {
      const word = (bit + done) >>> 5;
      const mask = maskOf((bit + done) & 31, count - done);
      // The tree says that they are in use, the bitmap that they are free: one of them is forged or damaged.
      if ((group.bits[word]! & mask) !== mask) throw new Failure("corrupt-node", index * GROUP_BLOCKS + bit);
      this.#change(group, word, group.bits[word]! & ~mask, group.pinned[word]! | (mask & ~group.fresh[word]!));
      group.fresh[word]! &= ~mask;
      done += 32 - ((bit + done) & 31);
    }
    this.#markDirty(index, group);
  }

  /** Sets one word of both bitmaps and keeps every count. */
  #change(group: Group, word: number, bits: number, pinned: number): void {
    const oldBits = group.bits[word]!;
    const oldTaken = oldBits | group.pinned[word]!;
    group.bits[word] = bits;
    group.pinned[word] = pinned;
    const blocks = countOnes(oldTaken) - countOnes(bits | pinned);
    const quads = countOnes(freeQuadsOf(bits | pinned)) - countOnes(freeQuadsOf(oldTaken));
    group.available += blocks;
    group.quads += quads;
    this.availableBlocks += blocks;
    this.availableQuads += quads;
    this.freeBlocks += countOnes(oldBits) - countOnes(bits);
    this.freeQuads += countOnes(freeQuadsOf(bits)) - countOnes(freeQuadsOf(oldBits));
  }
}

/** Bits `low` … of a word, at most `count` of them. */
function maskOf(low: number, count: number): number {
  const width = Math.min(count, 32 - low);
  return width === 32 ? -1 : ((1 << width) - 1) << low;
}

/** First bit of the run that `findRun` found. */
let foundBit = 0;

/**
 * Finds a run of free blocks: the first of `want` blocks from `from` on, else the longest.
 *
 * @param keepQuads  leave out whole quads
 * @returns its length, at most `want`; 0 when nothing is free
 */
function findRun(group: Group, from: number, want: number, keepQuads: boolean): number {
  let best = 0;
  let run = 0;
  let runStart = 0;
  for (let word = from >>> 5; word < GROUP_WORDS; word++) {
    const taken = group.bits[word]! | group.pinned[word]!;
    let free = ~taken;
    if (keepQuads) free &= ~Math.imul(freeQuadsOf(taken), 15);
    if (word === from >>> 5) free &= -1 << (from & 31);
    if (free === 0) {
      run = 0;
      continue;
    }
    for (let low = 0; low < 32; ) {
      const rest = free >>> low;
      if (rest === 0) {
        run = 0;
        break;
      }
      const gap = countTrailingZeros(rest);
      if (gap > 0) run = 0;
      low += gap;
      const shifted = ~(free >>> low);
      const ones = shifted === 0 ? 32 : countTrailingZeros(shifted);
      if (run === 0) runStart = word * 32 + low;
      run += ones;
      low += ones;
      if (run > best) {
        best = run;
        foundBit = runStart;
        if (run >= want) return want;
      }
    }
  }
  return best;
}

/** One bit for each nibble of `taken` that is all zero, at its lowest bit. */
function freeQuadsOf(taken: number): number {
  let any = taken | (taken >>> 1);
  any |= any >>> 2;
  return ~any & 0x11111111;
}

function countTrailingZeros(value: number): number {
  return 31 - Math.clz32(value & -value);
}

function countOnes(value: number): number {
  value -= (value >>> 1) & 0x55555555;
  value = (value & 0x33333333) + ((value >>> 2) & 0x33333333);
  return Math.imul((value + (value >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
