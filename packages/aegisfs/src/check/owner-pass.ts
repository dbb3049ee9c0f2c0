/**
 * The first pass of check: walks the nodes of all trees as owners of blocks, and compares with bitmaps and records of
 * shared blocks.
 */
import { Failure } from "../failure.ts";
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_CHECKSUMS,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_LOST,
  EXTENT_UNWRITTEN,
  extentSize,
} from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, GROUP_BLOCKS, NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_EXTENT, KIND_GROUP, KIND_REFERENCE, keyMiddle } from "../format/key.ts";
import {
  ENTRY_AT_POINTER,
  ENTRY_WORDS,
  NODE_HEADER_WORDS,
  POINTER_AT_BIRTH_HIGH,
  POINTER_AT_BIRTH_LOW,
  POINTER_AT_BLOCK,
  POINTER_AT_INFO,
  SLOT_WORDS,
} from "../format/node-layout.ts";
import type { LostNode } from "../device/relocation.ts";
import { checksumBlock } from "../format/checksum.ts";
import { Layout } from "../store/layout.ts";
import type { TreeNode } from "../tree/node-cache.ts";
import { slotAt, valueLength, valueOffset } from "../tree/leaf.ts";
import type { Volume } from "../volume/volume.ts";
import type { Problem } from "./problem.ts";

const PROBLEMS_MAX = 1000;
export const UNOWNED = "block without owner is marked used";

export class OwnerPass {
  readonly problems: Problem[] = [];
  readonly report = (what: string, subvolume: number, ino: number, block: number): void => {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push({ what, subvolume, ino, block });
  };
  readonly #volume: Volume;
  readonly #withData: boolean;
  /** Owners of each block, by group. */
  readonly #owners = new Map<number, Uint16Array>();
  readonly #bytes = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);
  #walked = 0;
  /** Nodes of subvolumes and dropped trees that could not be read, each once. */
  readonly damaged: LostNode[] = [];
  /** All nodes that could not be read. */
  damagedNodes = 0;

  constructor(volume: Volume, withData: boolean) {
    this.#volume = volume;
    this.#withData = withData;
  }

  walkTree(root: Uint32Array, subvolume: number): void {
    this.#walk(root, 0, subvolume, 255, [0, 0, 0], null);
  }

  /** @param low, high  bounds of the node's keys: at least `low`, below `high` */
  #walk(
    pointer: Uint32Array,
    at: number,
    subvolume: number,
    levels: number,
    low: readonly number[],
    high: readonly number[] | null,
  ): void {
    const block = pointer[at + POINTER_AT_BLOCK]!;
    if (this.#own(block, NODE_BLOCKS)) {
      if (subvolume < 0) this.report("a node of the volume tree has two owners", subvolume, -1, block);
      return; // walked from its other owner
    }
    let node: TreeNode;
    try {
      node = this.#volume.cache.load(pointer, at);
    } catch (thrown) {
      if (!(thrown instanceof Failure)) throw thrown;
      this.damagedNodes++;
      if (subvolume >= 0) this.damaged.push(lostNode(pointer, at, low, high));
      this.report(thrown.kind === "io" ? "tree node cannot be read" : "tree node is damaged", subvolume, -1, block);
      return;
    }
    if (++this.#walked % 256 === 0) this.#volume.cache.trim();
    if (node.level >= levels) {
      this.report("levels of the tree do not go down", subvolume, -1, block);
      return;
    }
    const stride = node.level > 0 ? ENTRY_WORDS : SLOT_WORDS;
    for (let index = 0; index < node.count; index++) {
      const key = keyAt(node, index, stride);
      // The first entry above leaves also stands for smaller keys.
      if ((node.level === 0 || index > 0) && compare(key, low) < 0)
        this.report("key below its node's range", subvolume, key[0]!, block);
      if (high !== null && compare(key, high) >= 0)
        this.report("key above its node's range", subvolume, key[0]!, block);
      if (index > 0 && compare(keyAt(node, index - 1, stride), key) >= 0)
        this.report("keys out of order", subvolume, key[0]!, block);
    }
    if (node.level === 0) this.#checkLeaf(node, subvolume);
    else {
      // What lies below may take the node's place in the cache.
      const words = node.words.slice();
      const keys = Array.from({ length: node.count }, (_, index) => keyAt(node, index, stride));
      const { level } = node;
      for (let index = 0; index < keys.length; index++) {
        const below = index === 0 ? low : keys[index]!;
        const above = keys[index + 1] ?? high;
        this.#walk(words, NODE_HEADER_WORDS + index * ENTRY_WORDS + ENTRY_AT_POINTER, subvolume, level, below, above);
      }
    }
  }

  #checkLeaf(node: TreeNode, subvolume: number): void {
    if (subvolume < 0) return;
    const words = node.words;
    for (let slot = 0; slot < node.count; slot++) {
      if (words[slotAt(slot) + 1]! >>> 24 !== KIND_EXTENT) continue;
      const ino = words[slotAt(slot)]!;
      const at = valueOffset(node, slot) >>> 2;
      const block = words[at + EXTENT_AT_BLOCK]!;
      const length = words[at + EXTENT_AT_LENGTH]! >>> 16;
      if (
        length > EXTENT_BLOCKS_MAX ||
        valueLength(node, slot) !== extentSize(length) ||
        (length === 0 && (words[at + EXTENT_AT_FLAGS]! & EXTENT_LOST) === 0)
      ) {
        this.report("extent of a wrong shape", subvolume, ino, block);
        continue;
      }
      if (length === 0) continue;
      const isNew = this.#withData ? this.#unowned(block, length) : null;
      this.#own(block, length);
      if (isNew === null || !isNew.includes(true) || (words[at + EXTENT_AT_FLAGS]! & EXTENT_UNWRITTEN) !== 0) continue;
      try {
        this.#volume.store.read(block, length, this.#bytes, 0);
      } catch (thrown) {
        if (!(thrown instanceof Failure)) throw thrown;
        this.report("data cannot be read", subvolume, ino, block);
        continue;
      }
      for (let offset = 0; offset < length; offset++) {
        if (!isNew[offset]) continue; // verified for another owner
        if (checksumBlock(this.#bytes, offset * BLOCK_SIZE) !== words[at + EXTENT_AT_CHECKSUMS + offset])
          this.report("data block is damaged", subvolume, ino, block + offset);
      }
    }
  }

  /** Which blocks of a run have no owner so far. */
  #unowned(start: number, length: number): boolean[] {
    return Array.from(
      { length: Math.min(length, EXTENT_BLOCKS_MAX) },
      (_, offset) => this.#countsOf(start + offset)[(start + offset) % GROUP_BLOCKS] === 0,
    );
  }

  /** Counts one owner more for each block. Returns whether the first had one already. */
  #own(start: number, length: number): boolean {
    const before = this.#countsOf(start)[start % GROUP_BLOCKS]!;
    for (let block = start; block < start + length; block++) this.#countsOf(block)[block % GROUP_BLOCKS]!++;
    return before > 0;
  }

  #countsOf(block: number): Uint16Array {
    const group = Math.floor(block / GROUP_BLOCKS);
    let counts = this.#owners.get(group);
    if (counts === undefined) this.#owners.set(group, (counts = new Uint16Array(GROUP_BLOCKS)));
    return counts;
  }

  /** Owners of each block of a group that were found so far; undefined for a group without any. */
  ownersIn(group: number): Uint16Array | undefined {
    return this.#owners.get(group);
  }

  /** Ranges of blocks with several owners, ascending; what belongs to a base left out. */
  sharedRuns(): { start: number; length: number; owners: number }[] {
    const runs: { start: number; length: number; owners: number }[] = [];
    for (const group of [...this.#owners.keys()].sort((a, b) => a - b)) {
      const counts = this.#owners.get(group)!;
      for (let bit = 0; bit < GROUP_BLOCKS; bit++) {
        const block = group * GROUP_BLOCKS + bit;
        const owners = counts[bit]!;
        if (owners < 2 || block < this.#volume.store.topStart) continue;
        const last = runs[runs.length - 1];
        if (last !== undefined && last.start + last.length === block && last.owners === owners) last.length++;
        else runs.push({ start: block, length: 1, owners });
      }
    }
    return runs;
  }

  /** Bitmaps, counters and records of shared blocks against the owners that were found. */
  compareSpace(): void {
    const { tree, space, references, store } = this.#volume;
    const first = store.topStart;
    const { layout } = store;
    for (const segment of layout.segments) for (const block of Layout.reserved(segment)) this.#own(block, 1);

    let records = 0;
    const middle = keyMiddle(KIND_REFERENCE, 0);
    for (let more = tree.ceiling(0, middle, 0); more && tree.key(1) === middle; more = tree.next()) {
      records++;
      const start = tree.key(2);
      const length = tree.words[tree.offset >>> 2]!;
      const owners = tree.words[(tree.offset >>> 2) + 1]!;
      if (start < first) continue; // a base's own
      if (start + length > layout.end) {
        this.report("record of shared blocks reaches over the end of the volume", -1, -1, start);
        continue;
      }
      for (let block = start; block < start + length; block++) {
        const counted = this.#owners.get(Math.floor(block / GROUP_BLOCKS))?.[block % GROUP_BLOCKS] ?? 0;
        if (counted !== owners) this.report(`block has ${counted} owners, its record says ${owners}`, -1, -1, block);
      }
    }
    if (records !== references.records)
      this.report(`${records} records of shared blocks, the superblock says ${references.records}`, -1, -1, -1);

    const groups = new Set(this.#owners.keys());
    const groupMiddle = keyMiddle(KIND_GROUP, 0);
    for (let more = tree.ceiling(0, groupMiddle, 0); more && tree.key(1) === groupMiddle; more = tree.next())
      groups.add(tree.key(2));
    let used = 0;
    for (const group of [...groups].sort((a, b) => a - b)) {
      const usable = layout.usable(group);
      const counts = this.#owners.get(group);
      for (let bit = 0; bit < GROUP_BLOCKS; bit++) {
        const block = group * GROUP_BLOCKS + bit;
        const counted = counts === undefined ? 0 : counts[bit]!;
        if (block < first) continue;
        if (bit >= usable) {
          if (counted > 0) this.report("block that is no part of the volume is in use", -1, -1, block);
          continue;
        }
        if (counted > 0) used++;
        if (counted > 0 !== space.isAllocated(block))
          this.report(counted > 0 ? "block in use is marked free" : UNOWNED, -1, -1, block);
        if (counted > 1 && references.owners(block) !== counted)
          this.report(`block has ${counted} owners and no right record`, -1, -1, block);
      }
    }
    if (layout.blocks - used !== space.freeBlocks)
      this.report(`${layout.blocks - used} blocks are free, the superblock says ${space.freeBlocks}`, -1, -1, -1);
  }
}

function lostNode(pointer: Uint32Array, at: number, low: readonly number[], high: readonly number[] | null): LostNode {
  return {
    block: pointer[at + POINTER_AT_BLOCK]!,
    level: pointer[at + POINTER_AT_INFO]! & 255,
    generation: pointer[at + POINTER_AT_BIRTH_LOW]! + pointer[at + POINTER_AT_BIRTH_HIGH]! * 0x100000000,
    low: [low[0]!, low[1]!, low[2]!],
    high: high === null ? null : [high[0]!, high[1]!, high[2]!],
  };
}

function keyAt(node: TreeNode, index: number, stride: number): [number, number, number] {
  const at = NODE_HEADER_WORDS + index * stride;
  return [node.words[at]!, node.words[at + 1]!, node.words[at + 2]!];
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a[0]! - b[0]! || a[1]! - b[1]! || a[2]! - b[2]!;
}
