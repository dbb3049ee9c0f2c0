/**
 * Extent trees: which blocks of the disk hold which blocks of a file. Source: Linux
 * Documentation/filesystems/ext4/ifork.rst, "Extent Tree". The root has room for four entries in the inode; further
 * levels are blocks with 340 (of 4096 bytes), each with a checksum at its end.
 */
import { viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { BLOCK_AREA_SIZE } from "./ext4-inode.ts";
import { checksum } from "./ext4-superblock.ts";

/** `count` blocks of a file, from its block `logical` on, are those of the disk from `physical` on. */
export interface Extent {
  readonly logical: number;
  readonly physical: number;
  readonly count: number;
  /** taken, but never written: reads as zeros */
  readonly isUnwritten?: boolean;
}

const MAGIC = 0xf30a;
const HEADER = 12;
const ENTRY = 12;
/** Longer runs are several extents; larger counts mean blocks that were never written. */
export const EXTENT_BLOCKS_MAX = 32768;
/** … so that a run which was never written is shorter by one. */
export const UNWRITTEN_BLOCKS_MAX = EXTENT_BLOCKS_MAX - 1;
const DEPTH_MAX = 5;
/** Of one file: what is in more pieces, or says so of few blocks, is not worth the memory. */
const EXTENTS_MAX = 1 << 20;
/** Blocks of a file's tree or map: 256 GiB by a map of blocks of 4096 bytes. */
const TREE_BLOCKS_MAX = 1 << 16;

/** Number of tree blocks that so many extents need besides the root. */
export function extentTreeBlocks(extents: number, blockSize: number): number {
  const perBlock = Math.floor((blockSize - HEADER) / ENTRY);
  let total = 0;
  for (let level = extents; level > 4;) {
    level = Math.ceil(level / perBlock);
    total += level;
  }
  return total;
}

/**
 * Builds the tree. @param allocate  gives a block for each level below the root. @param seed  the inode's checksum seed
 * @returns the root, for the inode's block area
 */
export function writeExtents(
  extents: readonly Extent[],
  blockSize: number,
  seed: number,
  allocate: () => number,
  writeBlock: (block: number, bytes: Uint8Array) => void,
): Uint8Array {
  const perBlock = Math.floor((blockSize - HEADER) / ENTRY);
  let level: { logical: number; encode: (view: DataView, at: number) => void }[] = extents.map((extent) => ({
    logical: extent.logical,
    encode: (view, at) => {
      view.setUint32(at, extent.logical, true);
      view.setUint16(at + 4, extent.count + (extent.isUnwritten === true ? EXTENT_BLOCKS_MAX : 0), true);
      view.setUint16(at + 6, Math.floor(extent.physical / 2 ** 32), true);
      view.setUint32(at + 8, extent.physical % 2 ** 32, true);
    },
  }));
  let depth = 0;
  const node = (bytes: Uint8Array, entries: typeof level, max: number): void => {
    const view = viewOf(bytes);
    view.setUint16(0, MAGIC, true);
    view.setUint16(2, entries.length, true);
    view.setUint16(4, max, true);
    view.setUint16(6, depth, true);
    entries.forEach((entry, index) => entry.encode(view, HEADER + index * ENTRY));
  };
  while (level.length > 4) {
    const above: typeof level = [];
    for (let at = 0; at < level.length; at += perBlock) {
      const part = level.slice(at, at + perBlock);
      const bytes = new Uint8Array(blockSize);
      node(bytes, part, perBlock);
      const tail = HEADER + perBlock * ENTRY;
      viewOf(bytes).setUint32(tail, checksum(seed, bytes, 0, tail), true);
      const block = allocate();
      writeBlock(block, bytes);
      above.push({
        logical: part[0]!.logical,
        encode: (view, place) => {
          view.setUint32(place, part[0]!.logical, true);
          view.setUint32(place + 4, block % 2 ** 32, true);
          view.setUint16(place + 8, Math.floor(block / 2 ** 32), true);
        },
      });
    }
    level = above;
    depth++;
  }
  const root = new Uint8Array(BLOCK_AREA_SIZE);
  node(root, level, 4);
  return root;
}

const IN_PIECES = "a file is in too many pieces";

export interface ExtentMap {
  readonly extents: readonly Extent[];
  /** blocks that the tree itself has */
  readonly treeBlocks: readonly number[];
}

/**
 * Reads a tree from its root.
 *
 * @param keepsUnwritten  else blocks that were taken but never written are left out, as they read as zeros
 * @throws FormatError
 */
export function readExtents(
  root: Uint8Array,
  disk: Disk,
  blockSize: number,
  blockCount: number,
  keepsUnwritten = false,
): ExtentMap {
  const extents: Extent[] = [],
    treeBlocks: number[] = [];
  // Where the next one may begin: a tree that goes in circles, or has one branch twice, is found out by that.
  let next = 0;
  const visit = (bytes: Uint8Array, expected: number | undefined): void => {
    const view = viewOf(bytes);
    const count = view.getUint16(2, true),
      depth = view.getUint16(6, true);
    if (
      view.getUint16(0, true) !== MAGIC ||
      depth > DEPTH_MAX ||
      (expected !== undefined && depth !== expected) ||
      HEADER + count * ENTRY > bytes.length
    )
      throw new FormatError("an extent tree is damaged");
    for (let index = 0; index < count; index++) {
      const at = HEADER + index * ENTRY;
      if (depth === 0) {
        const length = view.getUint16(at + 4, true);
        const logical = view.getUint32(at, true);
        const physical = view.getUint16(at + 6, true) * 2 ** 32 + view.getUint32(at + 8, true);
        const isUnwritten = length > EXTENT_BLOCKS_MAX;
        const blocks = isUnwritten ? length - EXTENT_BLOCKS_MAX : length;
        if (blocks === 0 || logical < next) throw new FormatError("an extent tree is damaged");
        next = logical + blocks;
        if (isUnwritten && !keepsUnwritten) continue;
        if (physical + blocks > blockCount) throw new FormatError("a file lies beyond the end of its file system");
        if (extents.length >= EXTENTS_MAX) throw new FormatError(IN_PIECES);
        extents.push(
          isUnwritten ? { logical, physical, count: blocks, isUnwritten } : { logical, physical, count: blocks },
        );
      } else {
        const block = view.getUint16(at + 8, true) * 2 ** 32 + view.getUint32(at + 4, true);
        if (block >= blockCount) throw new FormatError("an extent tree is damaged");
        if (treeBlocks.length >= TREE_BLOCKS_MAX) throw new FormatError(IN_PIECES);
        treeBlocks.push(block);
        const child = new Uint8Array(blockSize);
        disk.read(block * blockSize, child);
        visit(child, depth - 1);
      }
    }
  };
  visit(root, undefined);
  return { extents, treeBlocks };
}

/**
 * The block map of ext2 and ext3: twelve blocks, then blocks of block numbers, one to three levels deep (`ifork.rst`,
 * "Direct/Indirect Block Addressing").
 */
export function readBlockMap(
  area: Uint8Array,
  size: number,
  disk: Disk,
  blockSize: number,
  blockCount: number,
): ExtentMap {
  const wanted = Math.ceil(size / blockSize),
    perBlock = blockSize / 4;
  const extents: { logical: number; physical: number; count: number }[] = [],
    treeBlocks: number[] = [];
  let logical = 0;
  const add = (physical: number): void => {
    if (physical >= blockCount) throw new FormatError("a file lies beyond the end of its file system");
    const last = extents.at(-1);
    if (physical !== 0) {
      if (last !== undefined && last.logical + last.count === logical && last.physical + last.count === physical)
        last.count++;
      else if (extents.length >= EXTENTS_MAX) throw new FormatError(IN_PIECES);
      else extents.push({ logical, physical, count: 1 });
    }
    logical++;
  };
  const visit = (block: number, depth: number): void => {
    if (logical >= wanted) return;
    if (depth === 0) return add(block);
    if (block === 0) {
      logical += perBlock ** depth;
      return;
    }
    if (block >= blockCount) throw new FormatError("a file lies beyond the end of its file system");
    // A map that leads to itself has as many.
    if (treeBlocks.length >= TREE_BLOCKS_MAX) throw new FormatError(IN_PIECES);
    treeBlocks.push(block);
    const bytes = new Uint8Array(blockSize);
    disk.read(block * blockSize, bytes);
    const view = viewOf(bytes);
    for (let index = 0; index < perBlock && logical < wanted; index++)
      visit(view.getUint32(index * 4, true), depth - 1);
  };
  const view = viewOf(area);
  for (let index = 0; index < 15; index++) visit(view.getUint32(index * 4, true), Math.max(0, index - 11));
  return { extents, treeBlocks };
}

/** How many blocks such a map has, by levels: twelve in the inode, then 1, 2 and 3 levels of numbers. */
export function blockMapReach(blockSize: number): number {
  const perBlock = blockSize / 4;
  return 12 + perBlock + perBlock ** 2 + perBlock ** 3;
}

/**
 * Builds such a map. @param extents  in ascending order, none of them unwritten
 * @returns the block area
 */
export function writeBlockMap(
  extents: readonly Extent[],
  blockSize: number,
  allocate: () => number,
  writeBlock: (block: number, bytes: Uint8Array) => void,
): Uint8Array {
  const perBlock = blockSize / 4;
  let at = 0;
  /** The block for what begins at `logical`; 0: a hole. Asked for in ascending order. */
  const build = (logical: number, depth: number): number => {
    while (at < extents.length && extents[at]!.logical + extents[at]!.count <= logical) at++;
    const extent = extents[at];
    if (extent === undefined || extent.logical >= logical + perBlock ** depth) return 0;
    if (depth === 0) return extent.physical + logical - extent.logical;
    const bytes = new Uint8Array(blockSize);
    const view = viewOf(bytes);
    for (let index = 0; index < perBlock; index++)
      view.setUint32(index * 4, build(logical + index * perBlock ** (depth - 1), depth - 1), true);
    const block = allocate();
    writeBlock(block, bytes);
    return block;
  };
  const area = new Uint8Array(BLOCK_AREA_SIZE);
  const view = viewOf(area);
  let logical = 0;
  for (let index = 0; index < 15; index++) {
    const depth = Math.max(0, index - 11);
    view.setUint32(index * 4, build(logical, depth), true);
    logical += perBlock ** depth;
  }
  return area;
}
