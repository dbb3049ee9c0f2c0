/**
 * Owners of blocks that have more than one: snapshots and clones of files share by reference (FORMAT.md §8).
 *
 * A block that is allocated and stands in no record has one owner. Records are ranges in the volume tree: key offset =
 * first block, value = length and number of owners (≥ 2). Nodes are shared as wholes, data block by block. Blocks of an
 * overlay's base have no records: they are never freed.
 *
 * Sharing is lazy: a snapshot counts one owner more for the root node alone. When a shared node is copied for a change,
 * each thing it refers to gets one owner more, and the node itself one less.
 */
import { Failure } from "../failure.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_EXTENT, KIND_REFERENCE, keyMiddle } from "../format/key.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { ENTRY_AT_POINTER, ENTRY_WORDS, NODE_HEADER_WORDS, POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { slotAt, valueOffset } from "../tree/leaf.ts";
import type { Tree } from "../tree/tree.ts";
import type { TreeNode } from "../tree/node-cache.ts";
import type { SpaceMap } from "./space-map.ts";

const RECORD_SIZE = 8;
const OWNERS_MAX = 0xffffffff;
const MIDDLE = keyMiddle(KIND_REFERENCE, 0);

export class References {
  readonly #tree: Tree;
  readonly #space: SpaceMap;
  readonly #firstBlock: number;
  /** Records in the tree; while 0, nothing is shared and nothing is searched. */
  records: number;

  // The record found last.
  #start = 0;
  #length = 0;
  #owners = 0;

  constructor(tree: Tree, space: SpaceMap, firstBlock: number, records: number) {
    this.#tree = tree;
    this.#space = space;
    this.#firstBlock = firstBlock;
    this.records = records;
  }

  isShared(block: number): boolean {
    return this.records > 0 && block >= this.#firstBlock && this.#recordAt(block);
  }

  /** Owners of an allocated block. */
  owners(block: number): number {
    return this.isShared(block) ? this.#owners : 1;
  }

  /** One owner more, or `times`, for each block of the range. */
  share(start: number, length: number, times = 1): void {
    if (start < this.#firstBlock) return;
    const end = start + length;
    for (let at = start; at < end;) {
      if (this.#recordAt(at)) {
        const stop = Math.min(end, this.#start + this.#length);
        // An image may claim any number.
        if (this.#owners + times > OWNERS_MAX) throw new Failure("corrupt-node", at);
        this.#set(at, stop, this.#owners + times);
        at = stop;
      } else {
        const stop = Math.min(end, this.#nextRecord(at));
        this.#add(at, stop - at, 1 + times);
        at = stop;
      }
    }
  }

  /** One owner less for each block of the range; those that lose the last one are free. */
  release(start: number, length: number): void {
    if (start < this.#firstBlock) return;
    if (this.records === 0) {
      this.#space.release(start, length);
      return;
    }
    const end = start + length;
    for (let at = start; at < end;) {
      if (this.#recordAt(at)) {
        const stop = Math.min(end, this.#start + this.#length);
        this.#set(at, stop, this.#owners - 1);
        at = stop;
      } else {
        const stop = Math.min(end, this.#nextRecord(at));
        this.#space.release(at, stop - at);
        at = stop;
      }
    }
  }

  /** The block has no owner any more, however many it had. Returns how many. */
  releaseAll(block: number): number {
    const owners = this.owners(block);
    if (owners > 1) this.#set(block, block + 1, 1);
    this.#space.release(block, 1);
    return owners;
  }

  /**
   * Length of the run from `block` on, up to `most`, whose blocks have as many owners as it has; `owners(block)` tells
   * how many.
   */
  runLength(block: number, most: number): number {
    if (this.records === 0 || block < this.#firstBlock) return most;
    if (this.#recordAt(block)) return Math.min(most, this.#start + this.#length - block);
    return Math.min(most, this.#nextRecord(block) - block);
  }

  /**
   * The content of `length` blocks with equal numbers of owners moved to new blocks, and so did all owners: the old
   * ones are free.
   */
  move(from: number, to: number, length: number): void {
    const owners = this.owners(from);
    if (owners > 1) {
      this.#set(from, from + length, 1);
      this.setOwners(to, length, owners);
    }
    this.#space.release(from, length);
  }

  /** New blocks have that many owners. */
  setOwners(start: number, length: number, owners: number): void {
    if (owners > 1) this.#add(start, length, owners);
  }

  /**
   * Makes all records anew; nothing is pending.
   *
   * @param runs  ranges of blocks with more than one owner, ascending and apart
   */
  rebuild(runs: readonly { start: number; length: number; owners: number }[]): void {
    while (this.#tree.ceiling(0, MIDDLE, 0) && this.#tree.key(0) === 0 && this.#tree.key(1) === MIDDLE)
      this.#tree.remove(0, MIDDLE, this.#tree.key(2));
    this.records = 0;
    for (const { start, length, owners } of runs) this.#add(start, length, owners);
  }

  /** One owner more for all that the node refers to: it was copied. */
  shareChildren(node: TreeNode): void {
    const words = node.words;
    if (node.level > 0) {
      for (let index = 0; index < node.count; index++) {
        this.share(words[NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER + POINTER_AT_BLOCK]!, NODE_BLOCKS);
      }
      return;
    }
    for (let slot = 0; slot < node.count; slot++) {
      if (words[slotAt(slot) + 1]! >>> 24 !== KIND_EXTENT) continue;
      const at = valueOffset(node, slot) >>> 2;
      this.share(words[at + EXTENT_AT_BLOCK]!, words[at + EXTENT_AT_LENGTH]! >>> 16);
    }
  }

  #recordAt(block: number): boolean {
    if (!this.#tree.floor(0, MIDDLE, block) || this.#tree.key(0) !== 0 || this.#tree.key(1) !== MIDDLE) return false;
    this.#readRecord();
    return block < this.#start + this.#length;
  }

  /** Start of the first record above `block`, or beyond all blocks. */
  #nextRecord(block: number): number {
    if (!this.#tree.ceiling(0, MIDDLE, block) || this.#tree.key(1) !== MIDDLE || this.#tree.key(0) !== 0)
      return 2 ** 32;
    return this.#tree.key(2);
  }

  #readRecord(): void {
    const at = this.#tree.offset >>> 2;
    this.#start = this.#tree.key(2);
    this.#length = this.#tree.words[at]!;
    this.#owners = this.#tree.words[at + 1]!;
    if (this.#length === 0 || this.#owners < 2) throw new Failure("corrupt-node", this.#tree.leaf.block);
  }

  /** Gives `[from, to)`, a part of the record found last, another number of owners. */
  #set(from: number, to: number, owners: number): void {
    const start = this.#start;
    const end = start + this.#length;
    const before = this.#owners;
    this.#tree.remove(0, MIDDLE, start);
    this.records--;
    if (start < from) this.#add(start, from - start, before);
    if (owners >= 2) this.#add(from, to - from, owners);
    if (to < end) this.#add(to, end - to, before);
  }

  /** Adds a record, joined to its neighbours when they touch and count the same. */
  #add(start: number, length: number, owners: number): void {
    if (start > 0 && this.#recordAt(start - 1) && this.#owners === owners) {
      const from = this.#start;
      this.#tree.remove(0, MIDDLE, from);
      this.records--;
      length += start - from;
      start = from;
    }
    if (this.#tree.find(0, MIDDLE, start + length)) {
      this.#readRecord();
      if (this.#owners === owners) {
        this.#tree.remove(0, MIDDLE, start + length);
        this.records--;
        length += this.#length;
      }
    }
    const at = this.#tree.insert(0, MIDDLE, start, RECORD_SIZE) >>> 2;
    this.#tree.words[at] = length;
    this.#tree.words[at + 1] = owners;
    this.records++;
  }
}
