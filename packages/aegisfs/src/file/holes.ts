/** Sizes and holes: truncation, hole punching, preallocation, SEEK_DATA and SEEK_HOLE. */
import { EDQUOT, EFBIG, EINVAL, ENOSPC, ENXIO } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX } from "../format/geometry.ts";
import { INODE_WORDS } from "../cache/inode-table.ts";
import type { FileTree } from "./file-tree.ts";
import { findFile, INLINE_MIDDLE, page, putInline, readPages, storeBlocks } from "./data.ts";
import {
  addExtent,
  changeBlocks,
  findExtent,
  findNextExtent,
  foundExtent,
  mappedBlocks,
  releaseExtents,
} from "./extents.ts";
import { addOffsets, blockOf, blocksOf, isBeyondFiles, offsetOf, withinOf, type FileOffset } from "./file-offset.ts";
import { bytesToEnd, changeInode, inodeSize, mayHaveItems, putSize, stamp } from "./inode.ts";
import { settleFile } from "./settle.ts";

export function truncate(subvolume: FileTree, ino: number, size: FileOffset): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (size < 0) return -EINVAL;
  const { inodes } = subvolume.volume;
  const last = blockOf(size);
  const within = withinOf(size);
  if (isBeyondFiles(last, within)) return -EFBIG;
  if (bytesToEnd(inodes.words, file, last, within) > 0) {
    if (size === 0) subvolume.volume.log.emptied(subvolume, ino);
    // What lies behind the end must read as zeros when the file grows again.
    if (!cutPages(subvolume, file / INODE_WORDS, last, within)) {
      const zeroed = zeroInBlock(subvolume, ino, last, within, BLOCK_SIZE);
      if (zeroed < 0) return zeroed;
    }
    if (mayHaveItems(subvolume, ino)) {
      if (last === 0) cutInline(subvolume, ino, within);
      changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, blocksOf(size), Infinity));
    }
  }
  const item = changeInode(subvolume, ino);
  putSize(inodes.words, item, last, within);
  stamp(subvolume, item, true);
  subvolume.volume.log.cut(subvolume, ino);
  return 0;
}

/**
 * Cuts the pages in memory at byte `within` of block `last`. Returns whether that block's was there (or none is
 * needed).
 */
function cutPages(subvolume: FileTree, slot: number, last: number, within: number): boolean {
  const { pages, cache } = subvolume.volume;
  pages.dropFile(slot, within > 0 ? last + 1 : last);
  if (within === 0) return true;
  const page = pages.find(slot, last);
  if (page < 0) return false;
  pages.bytes[page]!.fill(0, within);
  cache.changes++;
  pages.markDirty(page);
  return true;
}

export function punchHole(subvolume: FileTree, ino: number, offset: FileOffset, length: FileOffset): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (offset < 0 || length <= 0) return -EINVAL;
  settleFile(subvolume, ino);
  const end = addOffsets(offset, length);
  const first = blockOf(offset);
  const firstWhole = blocksOf(offset);
  const lastWhole = blockOf(end);
  if (firstWhole > lastWhole) {
    const zeroed = zeroInBlock(subvolume, ino, first, withinOf(offset), withinOf(end));
    if (zeroed < 0) return zeroed;
  } else {
    const zeroed =
      (firstWhole > first ? zeroInBlock(subvolume, ino, first, withinOf(offset), BLOCK_SIZE) : 0) ||
      zeroInBlock(subvolume, ino, lastWhole, 0, withinOf(end));
    if (zeroed < 0) return zeroed;
    if (firstWhole === 0 && lastWhole > 0) subvolume.tree.remove(ino, INLINE_MIDDLE, 0);
    changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, firstWhole, lastWhole));
  }
  stamp(subvolume, changeInode(subvolume, ino), true);
  subvolume.volume.log.cut(subvolume, ino);
  return 0;
}

export function preallocate(
  subvolume: FileTree,
  ino: number,
  offset: FileOffset,
  length: FileOffset,
  keepSize: boolean,
): number {
  const { volume } = subvolume;
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (offset < 0 || length <= 0) return -EINVAL;
  const end = addOffsets(offset, length);
  if (isBeyondFiles(blockOf(end), withinOf(end))) return -EFBIG;
  const allocated = preallocateBlocks(subvolume, ino, blockOf(offset), blocksOf(end));
  if (allocated < 0) return allocated;
  const item = changeInode(subvolume, ino);
  const { words } = volume.inodes;
  if (!keepSize && bytesToEnd(words, item, blockOf(end), withinOf(end)) < 0)
    putSize(words, item, blockOf(end), withinOf(end));
  stamp(subvolume, item, true);
  volume.log.cut(subvolume, ino);
  return 0;
}

/**
 * Holds space for the blocks `[index, end)` that have none. 0, −EDQUOT, −ENOSPC: then, as far as can be told before,
 * with nothing changed.
 */
export function preallocateBlocks(subvolume: FileTree, ino: number, index: number, end: number): number {
  const { tree, volume } = subvolume;
  settleFile(subvolume, ino);
  if (index === 0 && tree.find(ino, INLINE_MIDDLE, 0)) index = 1;
  if (subvolume.quotas.allowedBlocks(ino, index, end - index) < end - index) return -EDQUOT;
  // A range without end must not take all that there is before it fails.
  if (end - index > volume.dataRoom && end - index - mappedBlocks(subvolume, ino, index, end) > volume.dataRoom)
    return -ENOSPC;
  let change = 0;
  while (index < end) {
    if (findExtent(subvolume, ino, index)) {
      index = foundExtent.start + foundExtent.length;
      continue;
    }
    const stop = findNextExtent(subvolume, ino, index) ? Math.min(foundExtent.start, end) : end;
    if (stop <= index) throw new Failure("corrupt-node", tree.leaf.block);
    const taken = volume.space.allocateData(Math.min(stop - index, EXTENT_BLOCKS_MAX), volume.quadReserve);
    if (taken === 0) {
      changeBlocks(subvolume, ino, change);
      return -ENOSPC;
    }
    addExtent(subvolume, ino, index, volume.space.runStart, taken, EXTENT_UNWRITTEN, noChecksums);
    change += taken;
    index += taken;
  }
  changeBlocks(subvolume, ino, change);
  return 0;
}

const noChecksums = new Uint32Array(EXTENT_BLOCKS_MAX);

export function seekData(subvolume: FileTree, ino: number, offset: FileOffset): FileOffset {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  const first = blockOf(offset);
  if (offset < 0 || bytesToEnd(subvolume.volume.inodes.words, file, first, withinOf(offset)) <= 0) return -ENXIO;
  settleFile(subvolume, ino);
  if (first === 0 && subvolume.tree.find(ino, INLINE_MIDDLE, 0)) return offset;
  for (
    let index = first;
    findExtent(subvolume, ino, index) || findNextExtent(subvolume, ino, index);
    index = foundExtent.start + foundExtent.length
  ) {
    if ((foundExtent.flags & EXTENT_UNWRITTEN) !== 0) continue;
    if (foundExtent.start <= first) return offset;
    return bytesToEnd(subvolume.volume.inodes.words, file, foundExtent.start, 0) > 0
      ? offsetOf(foundExtent.start, 0)
      : -ENXIO;
  }
  return -ENXIO;
}

export function seekHole(subvolume: FileTree, ino: number, offset: FileOffset): FileOffset {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  const first = blockOf(offset);
  if (offset < 0 || bytesToEnd(subvolume.volume.inodes.words, file, first, withinOf(offset)) <= 0) return -ENXIO;
  settleFile(subvolume, ino);
  let index = first;
  if (index === 0 && subvolume.tree.find(ino, INLINE_MIDDLE, 0)) index = 1;
  while (findExtent(subvolume, ino, index) && (foundExtent.flags & EXTENT_UNWRITTEN) === 0)
    index = foundExtent.start + foundExtent.length;
  if (index <= first) return offset;
  const { words } = subvolume.volume.inodes;
  return bytesToEnd(words, file, index, 0) > 0 ? offsetOf(index, 0) : inodeSize(words, file);
}

/**
 * Where room that is held without content begins, at or after `offset` and before `before`, beyond the file's end as
 * well; −ENXIO. Work: a step for each extent of data between the two.
 */
export function seekUnwritten(subvolume: FileTree, ino: number, offset: FileOffset, before: FileOffset): FileOffset {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (offset < 0) return -ENXIO;
  settleFile(subvolume, ino);
  const first = blockOf(offset);
  for (
    let index = first;
    findExtent(subvolume, ino, index) || findNextExtent(subvolume, ino, index);
    index = foundExtent.start + foundExtent.length
  ) {
    const start = foundExtent.start <= first ? offset : offsetOf(foundExtent.start, 0);
    if (start >= before) break;
    if ((foundExtent.flags & EXTENT_UNWRITTEN) !== 0) return start;
  }
  return -ENXIO;
}

/** Where such room ends that `offset` lies in; `offset` itself where there is none. */
export function unwrittenEnd(subvolume: FileTree, ino: number, offset: FileOffset): FileOffset {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  settleFile(subvolume, ino);
  const first = blockOf(offset);
  let index = first;
  while (findExtent(subvolume, ino, index) && (foundExtent.flags & EXTENT_UNWRITTEN) !== 0)
    index = foundExtent.start + foundExtent.length;
  return index <= first ? offset : offsetOf(index, 0);
}

/** Zeroes bytes `[start, end)` of one block of the file, when that has content. 0, −ENOSPC. */
function zeroInBlock(subvolume: FileTree, ino: number, index: number, start: number, end: number): number {
  if (start >= end) return 0;
  const { tree } = subvolume;
  if (index === 0 && tree.edit(ino, INLINE_MIDDLE, 0)) {
    tree.bytes.fill(0, tree.offset + Math.min(start, tree.length), tree.offset + Math.min(end, tree.length));
    return 0;
  }
  if (!findExtent(subvolume, ino, index) || (foundExtent.flags & EXTENT_UNWRITTEN) !== 0) return 0;
  readPages(subvolume, ino, index, 1, page, 0);
  page.fill(0, start, end);
  return storeBlocks(subvolume, ino, index, 1, page, 0) === 1 ? 0 : -ENOSPC;
}

/** Shortens inline content to `size` bytes. */
function cutInline(subvolume: FileTree, ino: number, size: number): void {
  const { tree } = subvolume;
  if (!tree.find(ino, INLINE_MIDDLE, 0) || tree.length <= size) return;
  if (size === 0) {
    tree.remove(ino, INLINE_MIDDLE, 0);
    return;
  }
  page.set(tree.bytes.subarray(tree.offset, tree.offset + size));
  putInline(subvolume, ino, page, 0, size);
}
