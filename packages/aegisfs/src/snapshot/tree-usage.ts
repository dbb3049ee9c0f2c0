/**
 * Where the space of a tree goes, and how much of it is the tree's own: what deleting it would free.
 *
 * A block is a tree's own when it and each node above it have one owner. Blocks that the tree itself shares with itself
 * (clones of files in one subvolume) count as its own once all owners of a block have been met in nodes that are the
 * tree's own.
 */
import { Failure } from "../failure.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { NODE_BLOCKS } from "../format/geometry.ts";
import { KIND_EXTENT } from "../format/key.ts";
import { ENTRY_AT_POINTER, ENTRY_WORDS, NODE_HEADER_WORDS, POINTER_AT_BLOCK } from "../format/node-layout.ts";
import { slotAt, valueOffset } from "../tree/leaf.ts";
import type { Volume } from "../volume/volume.ts";
import { droppedRoots } from "../space/dropped-trees.ts";

/** Blocks of 4096 bytes. */
export interface TreeUsage {
  metadataBlocks: number;
  dataBlocks: number;
  ownMetadataBlocks: number;
  ownDataBlocks: number;
  /** Extents of files. */
  extents: number;
  /** Levels of the tree. */
  depth: number;
}

/** Throws Failure. */
class UsageWalk {
  readonly #volume: Volume;
  /** Only what the tree does not share is wanted. */
  readonly #ownOnly: boolean;
  readonly usage: TreeUsage = {
    metadataBlocks: 0,
    dataBlocks: 0,
    ownMetadataBlocks: 0,
    ownDataBlocks: 0,
    extents: 0,
    depth: 0,
  };
  /** Owners met so far of data blocks that have several. */
  readonly #met = new Map<number, number>();
  #nodes = 0;

  constructor(volume: Volume, ownOnly: boolean) {
    this.#volume = volume;
    this.#ownOnly = ownOnly;
  }

  walk(pointer: Uint32Array, at: number, levels: number, isOwn: boolean): void {
    const { references, cache, store } = this.#volume;
    const block = pointer[at + POINTER_AT_BLOCK]!;
    const own = isOwn && block >= store.topStart && !references.isShared(block);
    if (!own && this.#ownOnly) return;
    const node = cache.load(pointer, at);
    if (node.level >= levels) throw new Failure("corrupt-node", block);
    if (levels === ROOT_LEVELS) this.usage.depth = node.level + 1;
    this.usage.metadataBlocks += NODE_BLOCKS;
    if (own) this.usage.ownMetadataBlocks += NODE_BLOCKS;
    if (node.level === 0) {
      for (let slot = 0; slot < node.count; slot++) {
        if (node.words[slotAt(slot) + 1]! >>> 24 !== KIND_EXTENT) continue;
        const value = valueOffset(node, slot) >>> 2;
        this.#extent(node.words[value + EXTENT_AT_BLOCK]!, node.words[value + EXTENT_AT_LENGTH]! >>> 16, own);
      }
      return;
    }
    // A copy: the node itself may leave memory while those below it are walked.
    const { level } = node;
    const entries = node.words.slice(NODE_HEADER_WORDS, NODE_HEADER_WORDS + node.count * ENTRY_WORDS);
    for (let entry = 0; entry < entries.length; entry += ENTRY_WORDS) {
      if (++this.#nodes % TRIM_NODES === 0) cache.trim();
      this.walk(entries, entry + ENTRY_AT_POINTER, level, own);
    }
  }

  #extent(first: number, length: number, isOwn: boolean): void {
    this.usage.extents++;
    this.usage.dataBlocks += length;
    if (!isOwn || first < this.#volume.store.topStart) return;
    const { references } = this.#volume;
    if (references.records === 0) {
      this.usage.ownDataBlocks += length;
      return;
    }
    for (let block = first; block < first + length; block++) {
      const owners = references.owners(block);
      if (owners > 1) {
        const met = (this.#met.get(block) ?? 0) + 1;
        this.#met.set(block, met);
        if (met < owners) continue;
      }
      this.usage.ownDataBlocks++;
    }
  }
}

const ROOT_LEVELS = 255;
const TRIM_NODES = 256;

/**
 * Usage of a subvolume; a negated errno. Reads its whole tree, or with `ownOnly` the part of it that nothing else
 * shares.
 */
export function measureSubvolume(volume: Volume, id: number, ownOnly = false): TreeUsage | number {
  try {
    volume.settle();
    const subvolume = volume.subvolume(id);
    if (subvolume === null) throw new Failure("corrupt-node", -1);
    volume.settle();
    const walk = new UsageWalk(volume, ownOnly);
    walk.walk(subvolume.tree.root, 0, ROOT_LEVELS, true);
    return walk.usage;
  } catch (thrown) {
    return volume.readFailed(thrown);
  } finally {
    volume.end();
  }
}

/** Blocks that deleted trees still hold, until they are reclaimed; a negated errno. */
export function measureDropped(volume: Volume): number {
  try {
    volume.settle();
    const walk = new UsageWalk(volume, true);
    for (const root of droppedRoots(volume)) walk.walk(root, 0, ROOT_LEVELS, true);
    return walk.usage.ownMetadataBlocks + walk.usage.ownDataBlocks;
  } catch (thrown) {
    return volume.readFailed(thrown);
  } finally {
    volume.end();
  }
}
