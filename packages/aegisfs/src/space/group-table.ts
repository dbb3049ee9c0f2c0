/**
 * The groups of a volume in memory, each from its item of the volume tree when it is first looked at, with what all of
 * them have together: which blocks the next commit records as free, and which of these may be taken now. What changes a
 * bitmap goes through here, so that each count stays right (space/space-map.ts says what the bitmaps mean, and decides
 * what is taken).
 */
import { assert } from "@stratos/base";
import { Failure } from "../failure.ts";
import { GROUP_BLOCKS, GROUP_WORDS, NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_GROUP, keyMiddle } from "../format/key.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { groupsOf, type Layout } from "../store/layout.ts";
import type { Tree } from "../tree/tree.ts";
import {
  clearBit,
  closedMask,
  countOnes,
  freeQuadsOf,
  Group,
  isSet,
  maskOf,
  onesIn,
  quadsIn,
  setBit,
} from "./group.ts";

/** Groups kept in memory (3 KiB each): what they describe is 128 GiB. */
const GROUPS_MAX = 4096;

/** Value of a group item: the bitmap. */
const GROUP_ITEM_SIZE = GROUP_WORDS * 4;

export class GroupTable {
  #layout: Layout;
  /** Bound: `GROUPS_MAX` and those that the running transaction touched. */
  readonly #groups = new Map<number, Group>();
  /**
   * Groups that are known to have no quad, and no block, that may be taken: a bit for each, so that a search in a full
   * volume goes past 32 at once. At most 64 KiB each.
   */
  noQuads: Uint32Array;
  noBlocks: Uint32Array;
  readonly #tree: Tree;
  /** In the order in which they were dirtied. */
  readonly #dirty = new Set<number>();
  readonly #touched: Group[] = [];
  /** Free blocks and quads as the next commit records them. */
  freeBlocks: number;
  freeQuads: number;
  /** Those of them that may be taken now: the others are pinned until the commit. */
  availableBlocks: number;
  availableQuads: number;

  /** @param tree  the volume tree */
  constructor(tree: Tree, layout: Layout, freeBlocks: number, freeQuads: number) {
    this.#tree = tree;
    this.#layout = layout;
    this.freeBlocks = freeBlocks;
    this.freeQuads = freeQuads;
    this.availableBlocks = freeBlocks;
    this.availableQuads = freeQuads;
    this.noQuads = new Uint32Array((layout.end / (GROUP_BLOCKS * 32) + 1) | 0);
    this.noBlocks = this.noQuads.slice();
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /**
   * Takes over another layout, in which segments came or went, or changed at their ends. Nothing is pending since the
   * last commit, and what goes is free and closed.
   */
  setLayout(next: Layout): void {
    this.noQuads = new Uint32Array((Math.max(next.end, this.#layout.end) / (GROUP_BLOCKS * 32) + 1) | 0);
    this.noBlocks = this.noQuads.slice();
    const before = this.#layout;
    const groups = new Set([...groupsOf(before), ...groupsOf(next)]);
    for (const index of groups) {
      const from = before.usable(index);
      const to = next.usable(index);
      const reservedBefore = before.reservedBits(index);
      const reservedAfter = next.reservedBits(index);
      if (from === to && String(reservedBefore) === String(reservedAfter)) continue;
      if (from === 0) {
        // It has no item, and needs none before something is stored in it.
        const quads = new Set(reservedAfter.filter((bit) => bit < (to & ~(NODE_BLOCKS - 1))).map((bit) => bit >> 2));
        this.freeBlocks += to - reservedAfter.length;
        this.availableBlocks += to - reservedAfter.length;
        this.freeQuads += (to >> 2) - quads.size;
        this.availableQuads += (to >> 2) - quads.size;
        continue;
      }
      const group = this.load(index);
      this.#forgetCounts(group);
      for (const bit of reservedBefore) clearBit(group.bits, bit);
      for (let bit = to; bit < from; bit++) assert(!isSet(group.bits, bit), "blocks that leave a volume are free");
      if (to === 0) {
        this.#remove(index, group);
        continue;
      }
      for (let bit = to; bit < from; bit++) setBit(group.bits, bit);
      for (let bit = from; bit < to; bit++) clearBit(group.bits, bit);
      for (const bit of reservedAfter) setBit(group.bits, bit);
      group.closedFrom = GROUP_BLOCKS;
      group.pinned.fill(0);
      group.recount();
      this.#addCounts(group);
      this.markDirty(index, group);
    }
    this.#layout = next;
  }

  /**
   * Makes all bitmaps anew from what is known to be in use; nothing is pending.
   *
   * @param owners  owners of each block of a group; undefined for a group without any
   * @param keep    also keep what was marked as used: damage may hide its owners
   */
  rebuild(owners: (group: number) => Uint16Array | undefined, keep: boolean): void {
    this.#dirty.clear();
    this.#touched.length = 0;
    this.freeBlocks = this.freeQuads = this.availableBlocks = this.availableQuads = 0;
    for (const index of groupsOf(this.#layout)) {
      const group = new Group(index);
      const before = this.#stored(index);
      if (keep && before !== null) group.bits.set(before);
      const counts = owners(index);
      for (let bit = 0; counts !== undefined && bit < GROUP_BLOCKS; bit++)
        if (counts[bit]! > 0) setBit(group.bits, bit);
      for (const bit of this.#layout.reservedBits(index)) setBit(group.bits, bit);
      for (let bit = this.#layout.usable(index); bit < GROUP_BLOCKS; bit++) setBit(group.bits, bit);
      group.recount();
      this.#addCounts(group);
      this.#groups.set(index, group);
      if (before !== null || counts !== undefined) this.markDirty(index, group);
    }
  }

  /** The group, from its item if it is not in memory. Throws Failure `corrupt-node`. */
  load(index: number): Group {
    const present = this.#groups.get(index);
    if (present !== undefined) return present;
    const group = new Group(index);
    // While a volume is made there is no tree yet.
    if (this.#tree.root[POINTER_AT_BLOCK] !== 0 && this.#tree.find(0, keyMiddle(KIND_GROUP, 0), index)) {
      const at = this.#tree.offset >>> 2;
      if (this.#tree.length !== GROUP_ITEM_SIZE) throw new Failure("corrupt-node", this.#tree.leaf.block);
      group.bits.set(this.#tree.words.subarray(at, at + GROUP_WORDS));
    } else {
      for (const bit of this.#layout.reservedBits(index)) setBit(group.bits, bit);
    }
    for (let bit = this.#layout.usable(index); bit < GROUP_BLOCKS; bit++) setBit(group.bits, bit);
    group.recount();
    this.note(group);
    this.#groups.set(index, group);
    return group;
  }

  /** The bitmap in the tree; null when there is none, or when it cannot be read. */
  #stored(index: number): Uint32Array | null {
    try {
      if (!this.#tree.find(0, keyMiddle(KIND_GROUP, 0), index) || this.#tree.length !== GROUP_ITEM_SIZE) return null;
      return this.#tree.words.slice(this.#tree.offset >>> 2, (this.#tree.offset >>> 2) + GROUP_WORDS);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      return null;
    }
  }

  /** What the group has may have become none, or some. */
  note({ index, quads, available }: Group): void {
    const bit = 1 << (index & 31);
    const at = index >>> 5;
    if (quads === 0) this.noQuads[at]! |= bit;
    else this.noQuads[at]! &= ~bit;
    if (available === 0) this.noBlocks[at]! |= bit;
    else this.noBlocks[at]! &= ~bit;
  }

  forgetAvailable(group: Group): void {
    this.availableBlocks -= group.available;
    this.availableQuads -= group.quads;
  }

  addAvailable(group: Group): void {
    this.note(group);
    this.availableBlocks += group.available;
    this.availableQuads += group.quads;
  }

  #forgetCounts(group: Group): void {
    this.forgetAvailable(group);
    this.freeBlocks -= GROUP_BLOCKS - onesIn(group.bits);
    this.freeQuads -= quadsIn(group.bits);
  }

  #addCounts(group: Group): void {
    this.addAvailable(group);
    this.freeBlocks += GROUP_BLOCKS - onesIn(group.bits);
    this.freeQuads += quadsIn(group.bits);
  }

  /**
   * Writes changed bitmaps into their items. That changes the volume tree, which may take blocks: repeats until nothing
   * is left.
   */
  store(): void {
    // What is dirtied meanwhile comes behind, and is reached by the same walk.
    for (const index of this.#dirty) {
      const group = this.#groups.get(index)!;
      const offset = this.#tree.replace(0, keyMiddle(KIND_GROUP, 0), index, GROUP_ITEM_SIZE);
      // Only now: making room for the item may have allocated from this very group, or dirtied others behind it.
      this.#tree.words.set(group.bits, offset >>> 2);
      group.dirty = false;
      this.#dirty.delete(index);
    }
  }

  /** The commit is durable: what was pinned is free. @param isHeld  or stays, for who reads what was durable before */
  committed(isHeld: boolean): void {
    let closed = 0;
    for (const group of this.#touched) {
      this.forgetAvailable(group);
      if (!isHeld) group.pinned.fill(0);
      group.fresh.fill(0);
      if (group.closedFrom < GROUP_BLOCKS || isHeld) {
        group.pinClosed();
        this.#touched[closed++] = group;
      } else group.touched = false;
      group.recount();
      this.addAvailable(group);
    }
    this.#touched.length = closed;
    if (this.#groups.size > GROUPS_MAX) this.#trim();
    if (closed === 0)
      assert(
        this.availableBlocks === this.freeBlocks && this.availableQuads === this.freeQuads,
        "what is not pinned is available",
      );
  }

  /** Drops groups that equal their items, down to half of the bound. */
  #trim(): void {
    for (const [index, group] of this.#groups) {
      if (this.#groups.size <= GROUPS_MAX / 2) return;
      if (group.touched || group.dirty || group.closedFrom < GROUP_BLOCKS) continue;
      this.#groups.delete(index);
    }
  }

  /** It differs from its item now. */
  markDirty(index: number, group: Group): void {
    if (!group.dirty) {
      group.dirty = true;
      this.#dirty.add(index);
    }
    this.touch(group);
  }

  /** It has pinned or fresh blocks now. */
  touch(group: Group): void {
    if (group.touched) return;
    group.touched = true;
    this.#touched.push(group);
  }

  /** A group that leaves the volume takes no part in commits. */
  #remove(index: number, group: Group): void {
    if (group.touched) this.#touched.splice(this.#touched.indexOf(group), 1);
    this.#dirty.delete(index);
    this.#groups.delete(index);
    this.#tree.remove(0, keyMiddle(KIND_GROUP, 0), index);
  }

  /** Takes blocks that are free. */
  take(index: number, group: Group, bit: number, count: number): void {
    for (let done = 0; done < count;) {
      const word = (bit + done) >>> 5;
      const mask = maskOf((bit + done) & 31, count - done);
      assert(((group.bits[word]! | group.pinned[word]!) & mask) === 0, "blocks to take are free");
      this.change(group, word, group.bits[word]! | mask, group.pinned[word]!);
      group.fresh[word]! |= mask;
      done += 32 - ((bit + done) & 31);
    }
    this.markDirty(index, group);
  }

  /** Gives blocks back that were taken. Throws Failure `corrupt-node`: they are free. */
  give(index: number, group: Group, bit: number, count: number): void {
    for (let done = 0; done < count;) {
      const word = (bit + done) >>> 5;
      const mask = maskOf((bit + done) & 31, count - done);
      // The tree says that they are in use, the bitmap that they are free: one of them is forged or damaged.
      if ((group.bits[word]! & mask) !== mask) throw new Failure("corrupt-node", index * GROUP_BLOCKS + bit);
      this.change(
        group,
        word,
        group.bits[word]! & ~mask,
        group.pinned[word]! | (mask & (~group.fresh[word]! | closedMask(group, word))),
      );
      group.fresh[word]! &= ~mask;
      done += 32 - ((bit + done) & 31);
    }
    this.markDirty(index, group);
  }

  /** Sets one word of both bitmaps and keeps every count. */
  change(group: Group, word: number, bits: number, pinned: number): void {
    const oldBits = group.bits[word]!;
    const oldTaken = oldBits | group.pinned[word]!;
    group.bits[word] = bits;
    group.pinned[word] = pinned;
    const blocks = countOnes(oldTaken) - countOnes(bits | pinned);
    const quads = countOnes(freeQuadsOf(bits | pinned)) - countOnes(freeQuadsOf(oldTaken));
    group.available += blocks;
    group.quads += quads;
    // It had none, or has none now.
    if (group.quads === 0 || group.quads === quads || group.available === 0 || group.available === blocks)
      this.note(group);
    this.availableBlocks += blocks;
    this.availableQuads += quads;
    this.freeBlocks += countOnes(oldBits) - countOnes(bits);
    this.freeQuads += countOnes(freeQuadsOf(bits)) - countOnes(freeQuadsOf(oldBits));
  }
}
