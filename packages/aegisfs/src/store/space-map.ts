/**
 * Which blocks of the writable device are free (FORMAT.md §7).
 *
 * Truth is one bitmap for each group of 8192 blocks, an item of the volume tree; a group without an item was never
 * used. In memory a group has two bitmaps more, for the running transaction:
 *
 *   bits     allocated, as the next commit will record it
 *   pinned   given back in this transaction, but named by the durable state: not to be used before the commit is
 *   durable
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
import type { Tree } from "../tree/tree.ts";
import {
  clearBit,
  closedMask,
  countOnes,
  countTrailingZeros,
  findRun,
  foundBit,
  freeQuadsOf,
  Group,
  isSet,
  maskOf,
  onesIn,
  quadsIn,
  setBit,
} from "./group.ts";
import { groupsOf } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { TierChoice } from "./tier-choice.ts";

/** Groups with space that are looked at for a long enough run, and how long is enough. */
const GROUPS_TO_COMPARE = 4;
const RUN_GOOD = 16;
/** Groups in which a place for the log is looked for. */
const GROUPS_SEARCHED = 64;
/** Groups kept in memory (3 KiB each): what they describe is 128 GiB. */
const GROUPS_MAX = 4096;

/**
 * Logs of past commits that stay as they are while somebody reads: so many commits may come between the moment when a
 * reader takes the superblock and the one when it has read the log that belongs to it.
 */
const LOGS_KEPT = 8;

/** Value of a group item: the bitmap. */
const GROUP_ITEM_SIZE = GROUP_WORDS * 4;

export class SpaceMap {
  #layout: Layout;
  /** Bound: `GROUPS_MAX` and those that the running transaction touched. */
  readonly #groups = new Map<number, Group>();
  /**
   * Groups that are known to have no quad, and no block, that may be taken: a bit for each, so that a search in a full
   * volume goes past 32 at once. At most 64 KiB each.
   */
  #noQuads: Uint32Array;
  #noBlocks: Uint32Array;
  readonly #tree: Tree;
  /** In the order in which they were dirtied. */
  readonly #dirty = new Set<number>();
  readonly #touched: Group[] = [];
  #nodeCursor: number;
  #dataCursor: number;
  /** Groups behind `#nodeCursor` where the search for the log's place goes on. */
  #logOffset = 0;
  /** Free blocks and quads as the next commit records them. */
  freeBlocks: number;
  freeQuads: number;
  /** Those of them that may be taken now: the others are pinned until the commit. */
  availableBlocks: number;
  availableQuads: number;
  /** Which groups data goes to. */
  readonly #tiers: TierChoice;
  /** Told of blocks that are given back. */
  onRelease: ((block: number, count: number) => void) | null = null;
  /** Start of the run that `allocateData` found. */
  runStart = 0;
  /** Start and length of the logs that commits left as they are, the oldest first. Bound: `LOGS_KEPT` */
  #keptLogs: { readonly start: number; readonly length: number }[] = [];
  /** Readers besides the volume's own (`hold`). */
  #holds = 0;

  /** @param tree  the volume tree */
  constructor(tree: Tree, layout: Layout, freeBlocks: number, freeQuads: number) {
    this.#tree = tree;
    this.#layout = layout;
    this.freeBlocks = freeBlocks;
    this.freeQuads = freeQuads;
    this.availableBlocks = freeBlocks;
    this.availableQuads = freeQuads;
    this.#noQuads = new Uint32Array((layout.end / (GROUP_BLOCKS * 32) + 1) | 0);
    this.#noBlocks = this.#noQuads.slice();
    this.#nodeCursor = Math.floor(layout.first / GROUP_BLOCKS);
    this.#tiers = new TierChoice(layout, (index) => this.#load(index).available);
    // Metadata fills groups from the front; data starts in the second, so that each lies close together.
    this.#dataCursor = this.#nodeCursor + (layout.end - layout.first > 2 * GROUP_BLOCKS ? 1 : 0);
  }

  get dirtyGroups(): number {
    return this.#dirty.size;
  }

  /** Groups of the volume's own blocks, those in gaps between segments included. */
  get groups(): number {
    return this.#groupCount();
  }

  /**
   * Takes over another layout, in which segments came or went, or changed at their ends. Nothing is pending since the
   * last commit, and what goes is free and closed.
   */
  setLayout(next: Layout): void {
    this.#noQuads = new Uint32Array((Math.max(next.end, this.#layout.end) / (GROUP_BLOCKS * 32) + 1) | 0);
    this.#noBlocks = this.#noQuads.slice();
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
      const group = this.#load(index);
      this.#forgetCounts(group);
      for (const bit of reservedBefore) clearBit(group.bits, bit);
      for (let bit = to; bit < from; bit++) assert(!isSet(group.bits, bit), "blocks that leave a volume are free");
      if (to === 0) {
        this.#unlist(index, group);
        this.#groups.delete(index);
        this.#tree.remove(0, keyMiddle(KIND_GROUP, 0), index);
        continue;
      }
      for (let bit = to; bit < from; bit++) setBit(group.bits, bit);
      for (let bit = from; bit < to; bit++) clearBit(group.bits, bit);
      for (const bit of reservedAfter) setBit(group.bits, bit);
      group.closedFrom = GROUP_BLOCKS;
      group.pinned.fill(0);
      group.recount();
      this.#addCounts(group);
      this.#markDirty(index, group);
    }
    this.#layout = next;
    this.#tiers.setLayout(next);
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
      if (before !== null || counts !== undefined) this.#markDirty(index, group);
    }
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

  /**
   * Blocks from `start` on, up to the end of its segment's part, are not allocated any more: they are to leave the
   * volume.
   */
  close(start: number, end: number): void {
    this.#eachGroup(start, end, (_index, group, bit) => {
      this.#forgetAvailable(group);
      group.closedFrom = Math.min(group.closedFrom, bit);
      group.pinClosed();
      group.recount();
      this.#addAvailable(group);
      this.#touch(group);
    });
  }

  /** Takes back `close`. */
  open(start: number, end: number): void {
    this.#eachGroup(start, end, (_index, group) => {
      if (group.closedFrom === GROUP_BLOCKS) return;
      group.closedFrom = GROUP_BLOCKS;
      this.#touch(group);
    });
  }

  /** Allocated blocks in `[start, end)`, superblocks left out. */
  countUsed(start: number, end: number): number {
    let used = 0;
    this.#eachGroup(start, end, (index, group, bit) => {
      const stop = Math.min(this.#layout.usable(index), end - index * GROUP_BLOCKS);
      const reserved = this.#layout.reservedBits(index);
      for (let at = bit; at < stop; at++) if (isSet(group.bits, at) && !reserved.includes(at)) used++;
    });
    return used;
  }

  #eachGroup(start: number, end: number, visit: (index: number, group: Group, bit: number) => void): void {
    for (let index = Math.floor(start / GROUP_BLOCKS); index * GROUP_BLOCKS < end; index++) {
      if (this.#layout.usable(index) > 0) visit(index, this.#load(index), Math.max(0, start - index * GROUP_BLOCKS));
    }
  }

  /** What the group has may have become none, or some. */
  #note({ index, quads, available }: Group): void {
    const bit = 1 << (index & 31);
    const at = index >>> 5;
    if (quads === 0) this.#noQuads[at]! |= bit;
    else this.#noQuads[at]! &= ~bit;
    if (available === 0) this.#noBlocks[at]! |= bit;
    else this.#noBlocks[at]! &= ~bit;
  }

  #forgetAvailable(group: Group): void {
    this.availableBlocks -= group.available;
    this.availableQuads -= group.quads;
  }

  #addAvailable(group: Group): void {
    this.#note(group);
    this.availableBlocks += group.available;
    this.availableQuads += group.quads;
  }

  #forgetCounts(group: Group): void {
    this.#forgetAvailable(group);
    this.freeBlocks -= GROUP_BLOCKS - onesIn(group.bits);
    this.freeQuads -= quadsIn(group.bits);
  }

  #addCounts(group: Group): void {
    this.#addAvailable(group);
    this.freeBlocks += GROUP_BLOCKS - onesIn(group.bits);
    this.freeQuads += quadsIn(group.bits);
  }

  /** First block of a free aligned run of a node's size. Throws Failure `no-space`. */
  allocateNode(): number {
    const block = this.#tiers.areMixed ? this.#searchNode(true) : -1;
    const any = block >= 0 ? block : this.#searchNode(false);
    if (any < 0) throw new Failure("no-space", -1);
    return any;
  }

  /** @param strict  on fast devices only */
  #searchNode(strict: boolean): number {
    const groups = this.#groupCount();
    const first = Math.floor(this.#layout.first / GROUP_BLOCKS);
    for (let tried = 0; tried < groups; tried++) {
      const index = first + ((this.#nodeCursor - first + tried) % groups);
      const bits = this.#noQuads[index >>> 5]!;
      if (bits === 0xffffffff && (index & 31) === 0 && index + 32 <= first + groups) {
        tried += 31;
        continue;
      }
      if ((bits & (1 << (index & 31))) !== 0 || (strict && !this.#tiers.isFast(index))) continue;
      const group = this.#load(index);
      if (group.quads === 0) {
        this.#note(group);
        continue;
      }
      this.#nodeCursor = index;
      for (let word = 0; word < GROUP_WORDS; word++) {
        const quads = freeQuadsOf(group.bits[word]! | group.pinned[word]!);
        if (quads === 0) continue;
        const bit = word * 32 + countTrailingZeros(quads);
        this.#take(index, group, bit, NODE_BLOCKS);
        return index * GROUP_BLOCKS + bit;
      }
    }
    return -1;
  }

  /**
   * Says to which tier (TIER_*) the data goes that is allocated from now on. Unset: to fast devices while a tenth of
   * them is free.
   */
  choose(tier: number): void {
    this.#tiers.choose(tier);
  }

  /**
   * Takes up to `want` blocks in one run; `runStart` is its first.
   *
   * @param quadReserve  quads that must stay whole for nodes
   * @returns blocks taken; 0 when there is no space
   */
  allocateData(want: number, quadReserve: number): number {
    const length = this.#tiers.isPicky ? this.#searchData(want, quadReserve, true) : 0;
    this.#tiers.took(length);
    return length > 0 ? length : this.#searchData(want, quadReserve, false);
  }

  /** @param strict  in groups of the wanted class only */
  #searchData(want: number, quadReserve: number, strict: boolean): number {
    const groups = this.#groupCount();
    const first = Math.floor(this.#layout.first / GROUP_BLOCKS);
    const spare = this.availableQuads - quadReserve;
    const keepQuads = spare < (want >> 2) + 2;
    let best = 0;
    let bestIndex = 0;
    let bestBit = 0;
    for (let tried = 0, looked = 0; tried < groups && looked < GROUPS_TO_COMPARE; tried++) {
      const index = first + ((this.#dataCursor - first + tried) % groups);
      const bits = this.#noBlocks[index >>> 5]!;
      if (bits === 0xffffffff && (index & 31) === 0 && index + 32 <= first + groups) {
        tried += 31;
        continue;
      }
      if ((bits & (1 << (index & 31))) !== 0 || (strict && !this.#tiers.isWanted(index))) continue;
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

  // ---- For the intent log -----------------------------------------------------------------------------------------

  /**
   * A free run of `want` blocks, or the longest of at least `least`, in one group; its first block is `runStart`, and
   * it is not taken. Looks at some groups only, at those of metadata first; the next call goes on behind them, so that
   * a run is found wherever it is.
   *
   * @returns its length; 0 when there is none in these groups
   */
  findFree(want: number, least: number): number {
    const groups = this.#groupCount();
    const first = Math.floor(this.#layout.first / GROUP_BLOCKS);
    let best = 0;
    for (let tried = 0; tried < Math.min(groups, GROUPS_SEARCHED) && best < want; tried++) {
      const index = first + ((this.#nodeCursor - first + this.#logOffset + tried) % groups);
      const group = this.#load(index);
      if (group.available <= best) continue;
      const length = findRun(group, 0, want, false);
      if (length <= best) continue;
      best = length;
      this.runStart = index * GROUP_BLOCKS + foundBit;
    }
    this.#logOffset = best >= least ? 0 : (this.#logOffset + GROUPS_SEARCHED) % groups;
    return best >= least ? best : 0;
  }

  /** The last quad that is free, which is not taken; −1 when there is none. */
  findLastQuad(): number {
    const first = Math.floor(this.#layout.first / GROUP_BLOCKS);
    for (let index = first + this.#groupCount() - 1; index >= first; index--) {
      const bits = this.#noQuads[index >>> 5]!;
      if (bits === 0xffffffff) {
        index = (index >>> 5) * 32;
        continue;
      }
      if ((bits & (1 << (index & 31))) !== 0) continue;
      const group = this.#load(index);
      for (let word = GROUP_WORDS - 1; word >= 0; word--) {
        const quads = freeQuadsOf(group.bits[word]! | group.pinned[word]!);
        if (quads !== 0) return index * GROUP_BLOCKS + word * 32 + (31 - Math.clz32(quads));
      }
      this.#note(group);
    }
    return -1;
  }

  /** Are all blocks of the range the volume's, and free? */
  isFree(start: number, length: number): boolean {
    for (let block = start; block < start + length; block++)
      if (block < this.#layout.first || block >= this.#layout.end || this.isAllocated(block)) return false;
    return true;
  }

  /** Those blocks of the range that are free are not to be used before the next commit. */
  pin(start: number, length: number): void {
    this.#eachWord(start, length, (group, word, mask) =>
      this.#change(group, word, group.bits[word]!, group.pinned[word]! | (mask & ~group.bits[word]!)),
    );
  }

  /** Takes back `pin`, of blocks that nothing else pinned. */
  unpin(start: number, length: number): void {
    this.#eachWord(start, length, (group, word, mask) =>
      this.#change(group, word, group.bits[word]!, group.pinned[word]! & ~(mask & ~closedMask(group, word))),
    );
  }

  /**
   * Blocks of the range that were taken in this transaction are not to be used again before the next commit when they
   * are given back.
   */
  keep(start: number, length: number): void {
    this.#eachWord(start, length, (group, word, mask) => {
      group.fresh[word]! &= ~mask;
    });
  }

  /** Takes a block that is free, pinned or not; false when it is not. */
  claim(block: number): boolean {
    if (this.isAllocated(block)) return false;
    this.#eachWord(block, 1, (group, word, mask, index) => {
      this.#change(group, word, group.bits[word]! | mask, group.pinned[word]! & ~mask);
      this.#markDirty(index, group);
    });
    return true;
  }

  #eachWord(
    start: number,
    length: number,
    visit: (group: Group, word: number, mask: number, index: number) => void,
  ): void {
    for (
      let block = Math.max(start, this.#layout.first), end = Math.min(start + length, this.#layout.end);
      block < end;
    ) {
      const index = Math.floor(block / GROUP_BLOCKS);
      const bit = block - index * GROUP_BLOCKS;
      const group = this.#load(index);
      const count = Math.min(end - block, 32 - (bit & 31));
      visit(group, bit >>> 5, maskOf(bit & 31, count), index);
      this.#touch(group);
      block += count;
    }
  }

  /** Gives blocks back; they all lie on the writable device. */
  release(start: number, length: number): void {
    this.onRelease?.(start, length);
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

  /**
   * Another process begins to read what is durable now: whatever is given back stays as it is until it lets go. So long
   * space that is freed is not available, and the groups that it lies in stay in memory (3 KiB for each 32 MiB).
   */
  hold(): void {
    this.#holds++;
  }

  /** A commit leaves its log behind: what was pinned for it is free, or stays for who reads (`hold`). */
  leaveLog(start: number, length: number): void {
    if (length === 0) return;
    this.#keptLogs.push({ start, length });
    while (this.#keptLogs.length > (this.isHeld ? LOGS_KEPT : 0)) {
      const oldest = this.#keptLogs.shift()!;
      this.unpin(oldest.start, oldest.length);
    }
  }

  /** Takes back one `hold`. What was kept for it is free behind the next commit. */
  letGo(): void {
    assert(this.#holds > 0, "who lets go has held");
    this.#holds--;
  }

  get isHeld(): boolean {
    return this.#holds > 0;
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

  /** The commit is durable: what was pinned is free. */
  committed(): void {
    let closed = 0;
    for (const group of this.#touched) {
      this.#forgetAvailable(group);
      if (!this.isHeld) group.pinned.fill(0);
      group.fresh.fill(0);
      if (group.closedFrom < GROUP_BLOCKS || this.isHeld) {
        group.pinClosed();
        this.#touched[closed++] = group;
      } else group.touched = false;
      group.recount();
      this.#addAvailable(group);
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

  /** As the running transaction has it (for check). */
  isAllocated(block: number): boolean {
    const index = Math.floor(block / GROUP_BLOCKS);
    const bit = block - index * GROUP_BLOCKS;
    return (this.#load(index).bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  // ---- Inside -----------------------------------------------------------------------------------------------------

  #groupCount(): number {
    return Math.ceil(this.#layout.end / GROUP_BLOCKS) - Math.floor(this.#layout.first / GROUP_BLOCKS);
  }

  #load(index: number): Group {
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
    this.#note(group);
    this.#groups.set(index, group);
    return group;
  }

  #markDirty(index: number, group: Group): void {
    if (!group.dirty) {
      group.dirty = true;
      this.#dirty.add(index);
    }
    this.#touch(group);
  }

  #touch(group: Group): void {
    if (group.touched) return;
    group.touched = true;
    this.#touched.push(group);
  }

  /** A group that goes away takes no part in commits. */
  #unlist(index: number, group: Group): void {
    if (group.touched) this.#touched.splice(this.#touched.indexOf(group), 1);
    this.#dirty.delete(index);
  }

  #take(index: number, group: Group, bit: number, count: number): void {
    for (let done = 0; done < count;) {
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
    for (let done = 0; done < count;) {
      const word = (bit + done) >>> 5;
      const mask = maskOf((bit + done) & 31, count - done);
      // The tree says that they are in use, the bitmap that they are free: one of them is forged or damaged.
      if ((group.bits[word]! & mask) !== mask) throw new Failure("corrupt-node", index * GROUP_BLOCKS + bit);
      this.#change(
        group,
        word,
        group.bits[word]! & ~mask,
        group.pinned[word]! | (mask & (~group.fresh[word]! | closedMask(group, word))),
      );
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
    // It had none, or has none now.
    if (group.quads === 0 || group.quads === quads || group.available === 0 || group.available === blocks)
      this.#note(group);
    this.availableBlocks += blocks;
    this.availableQuads += quads;
    this.freeBlocks += countOnes(oldBits) - countOnes(bits);
    this.freeQuads += countOnes(freeQuadsOf(bits)) - countOnes(freeQuadsOf(oldBits));
  }
}
