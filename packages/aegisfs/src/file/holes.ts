/** Sizes and holes: truncation, hole punching, preallocation, SEEK_DATA and SEEK_HOLE. */
import { EDQUOT, EFBIG, EINVAL, ENOSPC, ENXIO } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, FILE_SIZE_MAX } from "../format/geometry.ts";
import { INODE_WORDS } from "../cache/inode-table.ts";
import { INODE_AT_BYTES } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { findFile, INLINE_MIDDLE, page, putInline, readPages, storeBlocks } from "./data.ts";
import { addExtent, changeBlocks, findExtent, findNextExtent, found, releaseExtents } from "./extents.ts";
import { changeInode, inodeSize, mayHaveItems, putPair, stamp } from "./inode.ts";
import { settleFile } from "./settle.ts";

export function truncate(subvolume: Subvolume, ino: number, size: number): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (size < 0) return -EINVAL;
  if (size > FILE_SIZE_MAX) return -EFBIG;
  const { inodes } = subvolume.volume;
  if (size < inodeSize(inodes.words, file)) {
    const end = Math.ceil(size / BLOCK_SIZE);
    // What lies behind the end must read as zeros when the file grows again.
    if (!cutPages(subvolume, file / INODE_WORDS, size)) {
      const zeroed = zeroInBlock(subvolume, ino, size, end * BLOCK_SIZE);
      if (zeroed < 0) return zeroed;
    }
    if (mayHaveItems(subvolume, ino)) {
      cutInline(subvolume, ino, size);
      changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, end, Infinity));
    }
  }
  const item = changeInode(subvolume, ino);
  putPair(inodes.words, item + INODE_AT_BYTES, size);
  stamp(subvolume, item, true);
  subvolume.volume.log.cut(subvolume, ino);
  return 0;
}

/** Cuts the pages in memory at `size`. Returns whether the one that it lies in was there (or none is needed). */
function cutPages(subvolume: Subvolume, slot: number, size: number): boolean {
  const { pages, cache } = subvolume.volume;
  const within = size % BLOCK_SIZE;
  pages.dropFile(slot, Math.ceil(size / BLOCK_SIZE));
  if (within === 0) return true;
  const page = pages.find(slot, Math.floor(size / BLOCK_SIZE));
  if (page < 0) return false;
  pages.bytes[page]!.fill(0, within);
  cache.changes++;
  pages.markDirty(page);
  return true;
}

export function punchHole(subvolume: Subvolume, ino: number, offset: number, length: number): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (offset < 0 || length <= 0) return -EINVAL;
  settleFile(subvolume, ino);
  const end = offset + length;
  const firstWhole = Math.ceil(offset / BLOCK_SIZE);
  const lastWhole = Math.floor(end / BLOCK_SIZE);
  if (firstWhole > lastWhole) {
    const zeroed = zeroInBlock(subvolume, ino, offset, end);
    if (zeroed < 0) return zeroed;
  } else {
    const zeroed = zeroInBlock(subvolume, ino, offset, firstWhole * BLOCK_SIZE) || zeroInBlock(subvolume, ino, lastWhole * BLOCK_SIZE, end);
    if (zeroed < 0) return zeroed;
    if (firstWhole === 0 && lastWhole > 0) subvolume.tree.remove(ino, INLINE_MIDDLE, 0);
    changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, firstWhole, lastWhole));
  }
  stamp(subvolume, changeInode(subvolume, ino), true);
  subvolume.volume.log.cut(subvolume, ino);
  return 0;
}

export function preallocate(subvolume: Subvolume, ino: number, offset: number, length: number, keepSize: boolean): number {
  const { tree, volume } = subvolume;
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (offset < 0 || length <= 0) return -EINVAL;
  const end = offset + length;
  if (end > FILE_SIZE_MAX) return -EFBIG;
  const { inodes } = volume;
  const size = inodeSize(inodes.words, file);
  settleFile(subvolume, ino);
  const last = Math.ceil(end / BLOCK_SIZE);
  let index = Math.floor(offset / BLOCK_SIZE);
  if (index === 0 && tree.find(ino, INLINE_MIDDLE, 0)) index = 1;
  if (subvolume.quotas.allowedBlocks(ino, index, last - index) < last - index) return -EDQUOT;
  let change = 0;
  while (index < last) {
    if (findExtent(subvolume, ino, index)) {
      index = found.start + found.length;
      continue;
    }
    const stop = findNextExtent(subvolume, ino, index) ? Math.min(found.start, last) : last;
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
  const item = changeInode(subvolume, ino);
  if (!keepSize && end > size) putPair(inodes.words, item + INODE_AT_BYTES, end);
  stamp(subvolume, item, true);
  volume.log.cut(subvolume, ino);
  return 0;
}

const noChecksums = new Uint32Array(EXTENT_BLOCKS_MAX);

export function seekData(subvolume: Subvolume, ino: number, offset: number): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  const size = inodeSize(subvolume.volume.inodes.words, file);
  if (offset < 0 || offset >= size) return -ENXIO;
  settleFile(subvolume, ino);
  let index = Math.floor(offset / BLOCK_SIZE);
  if (index === 0 && subvolume.tree.find(ino, INLINE_MIDDLE, 0)) return offset;
  for (;;) {
    if (!findExtent(subvolume, ino, index) && !findNextExtent(subvolume, ino, index)) return -ENXIO;
    if ((found.flags & EXTENT_UNWRITTEN) === 0) {
      const start = Math.max(offset, found.start * BLOCK_SIZE);
      return start < size ? start : -ENXIO;
    }
    index = found.start + found.length;
  }
}

export function seekHole(subvolume: Subvolume, ino: number, offset: number): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  const size = inodeSize(subvolume.volume.inodes.words, file);
  if (offset < 0 || offset >= size) return -ENXIO;
  settleFile(subvolume, ino);
  let index = Math.floor(offset / BLOCK_SIZE);
  if (index === 0 && subvolume.tree.find(ino, INLINE_MIDDLE, 0)) index = 1;
  while (findExtent(subvolume, ino, index) && (found.flags & EXTENT_UNWRITTEN) === 0) index = found.start + found.length;
  return Math.min(size, Math.max(offset, index * BLOCK_SIZE));
}

/** Zeroes bytes `[from, to)` of the file, which lie in one block, when that has content. 0, −ENOSPC. */
function zeroInBlock(subvolume: Subvolume, ino: number, from: number, to: number): number {
  if (from >= to) return 0;
  const { tree } = subvolume;
  const index = Math.floor(from / BLOCK_SIZE);
  const start = from - index * BLOCK_SIZE;
  if (index === 0 && tree.edit(ino, INLINE_MIDDLE, 0)) {
    tree.bytes.fill(0, tree.offset + Math.min(start, tree.length), tree.offset + Math.min(to, tree.length));
    return 0;
  }
  if (!findExtent(subvolume, ino, index) || (found.flags & EXTENT_UNWRITTEN) !== 0) return 0;
  readPages(subvolume, ino, index, 1, page, 0);
  page.fill(0, start, to - index * BLOCK_SIZE);
  return storeBlocks(subvolume, ino, index, 1, page, 0) === 1 ? 0 : -ENOSPC;
}

/** Shortens inline content to `size` bytes. */
function cutInline(subvolume: Subvolume, ino: number, size: number): void {
  const { tree } = subvolume;
  if (!tree.find(ino, INLINE_MIDDLE, 0) || tree.length <= size) return;
  if (size === 0) {
    tree.remove(ino, INLINE_MIDDLE, 0);
    return;
  }
  page.set(tree.bytes.subarray(tree.offset, tree.offset + size));
  putInline(subvolume, ino, page, 0, size);
}
