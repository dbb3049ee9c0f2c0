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
import type { Layout } from "../store/layout.ts";
import { TierChoice } from "../store/tier-choice.ts";
import type { Tree } from "../tree/tree.ts";
import { closedMask, countTrailingZeros, findRun, foundRun, freeQuadsOf, type Group, isSet, maskOf } from "./group.ts";
import { GroupTable } from "./group-table.ts";

/** Groups with space that are looked at for a long enough run, and how long is enough. */
const GROUPS_TO_COMPARE = 4;
const RUN_GOOD = 16;
/** Groups in which a place for the log is looked for. */
const GROUPS_SEARCHED = 64;
/**
 * Logs of past commits that stay as they are while somebody reads: so many commits may come between the moment when a
 * reader takes the superblock and the one when it has read the log that belongs to it.
 */
const LOGS_KEPT = 8;

export class SpaceMap {
  #layout: Layout;
  readonly #groups: GroupTable;
  #nodeCursor: number;
  #dataCursor: number;
  /** Groups behind `#nodeCursor` where the search for the log's place goes on. */
  #logOffset = 0;
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
    this.#layout = layout;
    this.#groups = new GroupTable(tree, layout, freeBlocks, freeQuads);
    this.#nodeCursor = Math.floor(layout.first / GROUP_BLOCKS);
    this.#tiers = new TierChoice(layout, (index) => this.#groups.load(index).available);
    // Metadata fills groups from the front; data starts in the second, so that each lies close together.
    this.#dataCursor = this.#nodeCursor + (layout.end - layout.first > 2 * GROUP_BLOCKS ? 1 : 0);
  }

  get dirtyGroups(): number {
    return this.#groups.dirtyCount;
  }

  /** Free blocks and quads as the next commit records them. */
  get freeBlocks(): number {
    return this.#groups.freeBlocks;
  }
  get freeQuads(): number {
    return this.#groups.freeQuads;
  }

  /** Those of them that may be taken now: the others are pinned until the commit. */
  get availableBlocks(): number {
    return this.#groups.availableBlocks;
  }
  get availableQuads(): number {
    return this.#groups.availableQuads;
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
    this.#groups.setLayout(next);
    this.#layout = next;
    this.#tiers.setLayout(next);
  }

  /** `GroupTable.rebuild`. */
  rebuild(owners: (group: number) => Uint16Array | undefined, keep: boolean): void {
    this.#groups.rebuild(owners, keep);
  }

  /**
   * Blocks from `start` on, up to the end of its segment's part, are not allocated any more: they are to leave the
   * volume.
   */
  close(start: number, end: number): void {
    this.#eachGroup(start, end, (_index, group, bit) => {
      this.#groups.forgetAvailable(group);
      group.closedFrom = Math.min(group.closedFrom, bit);
      group.pinClosed();
      group.recount();
      this.#groups.addAvailable(group);
      this.#groups.touch(group);
    });
  }

  /** Takes back `close`. */
  open(start: number, end: number): void {
    this.#eachGroup(start, end, (_index, group) => {
      if (group.closedFrom === GROUP_BLOCKS) return;
      group.closedFrom = GROUP_BLOCKS;
      this.#groups.touch(group);
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
      if (this.#layout.usable(index) > 0)
        visit(index, this.#groups.load(index), Math.max(0, start - index * GROUP_BLOCKS));
    }
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
      const bits = this.#groups.noQuads[index >>> 5]!;
      if (bits === 0xffffffff && (index & 31) === 0 && index + 32 <= first + groups) {
        tried += 31;
        continue;
      }
      if ((bits & (1 << (index & 31))) !== 0 || (strict && !this.#tiers.isFast(index))) continue;
      const group = this.#groups.load(index);
      if (group.quads === 0) {
        this.#groups.note(group);
        continue;
      }
      this.#nodeCursor = index;
      for (let word = 0; word < GROUP_WORDS; word++) {
        const quads = freeQuadsOf(group.bits[word]! | group.pinned[word]!);
        if (quads === 0) continue;
        const bit = word * 32 + countTrailingZeros(quads);
        this.#groups.take(index, group, bit, NODE_BLOCKS);
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
      const bits = this.#groups.noBlocks[index >>> 5]!;
      if (bits === 0xffffffff && (index & 31) === 0 && index + 32 <= first + groups) {
        tried += 31;
        continue;
      }
      if ((bits & (1 << (index & 31))) !== 0 || (strict && !this.#tiers.isWanted(index))) continue;
      const group = this.#groups.load(index);
      if (group.available === 0 || (keepQuads && group.available === group.quads * NODE_BLOCKS)) continue;
      let length = findRun(group, group.hint, want, keepQuads);
      if (length < want && group.hint > 0) length = findRun(group, 0, want, keepQuads);
      if (length === 0) continue;
      if (length > best) {
        best = length;
        bestIndex = index;
        bestBit = foundRun.bit;
      }
      if (best >= want || best >= RUN_GOOD) break;
      looked++;
    }
    if (best === 0) return 0;
    const group = this.#groups.load(bestIndex);
    this.#dataCursor = bestIndex;
    group.hint = bestBit + best < GROUP_BLOCKS ? bestBit + best : 0;
    this.#groups.take(bestIndex, group, bestBit, best);
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
      const group = this.#groups.load(index);
      if (group.available <= best) continue;
      const length = findRun(group, 0, want, false);
      if (length <= best) continue;
      best = length;
      this.runStart = index * GROUP_BLOCKS + foundRun.bit;
    }
    this.#logOffset = best >= least ? 0 : (this.#logOffset + GROUPS_SEARCHED) % groups;
    return best >= least ? best : 0;
  }

  /** The last quad that is free, which is not taken; −1 when there is none. */
  findLastQuad(): number {
    const first = Math.floor(this.#layout.first / GROUP_BLOCKS);
    for (let index = first + this.#groupCount() - 1; index >= first; index--) {
      const bits = this.#groups.noQuads[index >>> 5]!;
      if (bits === 0xffffffff) {
        index = (index >>> 5) * 32;
        continue;
      }
      if ((bits & (1 << (index & 31))) !== 0) continue;
      const group = this.#groups.load(index);
      for (let word = GROUP_WORDS - 1; word >= 0; word--) {
        const quads = freeQuadsOf(group.bits[word]! | group.pinned[word]!);
        if (quads !== 0) return index * GROUP_BLOCKS + word * 32 + (31 - Math.clz32(quads));
      }
      this.#groups.note(group);
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
      this.#groups.change(group, word, group.bits[word]!, group.pinned[word]! | (mask & ~group.bits[word]!)),
    );
  }

  /** Takes back `pin`, of blocks that nothing else pinned. */
  unpin(start: number, length: number): void {
    this.#eachWord(start, length, (group, word, mask) =>
      this.#groups.change(group, word, group.bits[word]!, group.pinned[word]! & ~(mask & ~closedMask(group, word))),
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
      this.#groups.change(group, word, group.bits[word]! | mask, group.pinned[word]! & ~mask);
      this.#groups.markDirty(index, group);
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
      const group = this.#groups.load(index);
      const count = Math.min(end - block, 32 - (bit & 31));
      visit(group, bit >>> 5, maskOf(bit & 31, count), index);
      this.#groups.touch(group);
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
      this.#groups.give(index, this.#groups.load(index), bit, count);
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

  /** Writes changed bitmaps into their items. */
  store(): void {
    this.#groups.store();
  }

  /** The commit is durable: what was pinned is free. */
  committed(): void {
    this.#groups.committed(this.isHeld);
  }

  /** As the running transaction has it (for check). */
  isAllocated(block: number): boolean {
    const index = Math.floor(block / GROUP_BLOCKS);
    const bit = block - index * GROUP_BLOCKS;
    return (this.#groups.load(index).bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
  }

  // ---- Inside -----------------------------------------------------------------------------------------------------

  #groupCount(): number {
    return Math.ceil(this.#layout.end / GROUP_BLOCKS) - Math.floor(this.#layout.first / GROUP_BLOCKS);
  }
}
