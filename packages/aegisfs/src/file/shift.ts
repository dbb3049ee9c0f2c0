/**
 * Taking ranges out of files and putting holes in, so that what lies behind moves (fallocate(2),
 * FALLOC_FL_COLLAPSE_RANGE and _INSERT_RANGE).
 */
import { EFBIG, EINVAL, ENOSPC } from "@stratos/abi";
import { EXTENT_BLOCKS_MAX, FILE_BLOCKS_MAX, FILE_SIZE_MAX } from "../format/geometry.ts";
import { highOf, KIND_EXTENT, keyMiddle } from "../format/key.ts";
import type { FileTree } from "./file-tree.ts";
import { findFile, INLINE_MIDDLE, page, readPages, storeBlocks } from "./data.ts";
import { changeBlocks, findExtent, findNextExtent, foundExtent, releaseExtents, splitExtent } from "./extents.ts";
import { addOffsets, blockOf, withinOf, type FileOffset } from "./file-offset.ts";
import { bytesToEnd, changeInode, inodeSize, mayHaveItems, putSize, sizeBlock, sizeWithin, stamp } from "./inode.ts";
import { settleFile } from "./settle.ts";

/** A node holds this many extents at least, when they are as long as they can be. */
const EXTENTS_OF_NODE = 40;

/** Takes out a range of whole blocks before the end: what lies behind moves to its place. −EINVAL, −ENOSPC … */
export function collapseRange(subvolume: FileTree, ino: number, offset: FileOffset, length: FileOffset): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  const { inodes } = subvolume.volume;
  const first = blockOf(offset);
  const count = blockOf(length);
  if (!isAligned(offset, length) || bytesToEnd(inodes.words, file, first + count, 0) <= 0) return -EINVAL;
  settleFile(subvolume, ino);
  if (mayHaveItems(subvolume, ino)) {
    const extents = canMove(subvolume, ino, first + count);
    if (extents < 0) return extents;
    if (first === 0) subvolume.tree.remove(ino, INLINE_MIDDLE, 0);
    changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, first, first + count));
    for (
      let index = first + count;
      findNextExtent(subvolume, ino, index);
      index = foundExtent.start + foundExtent.length
    )
      move(subvolume, ino, foundExtent.start, foundExtent.start - count);
  }
  return finish(subvolume, ino, -count);
}

/** Puts a hole of whole blocks in: what lies there and behind moves back. −EINVAL, −EFBIG, −ENOSPC … */
export function insertRange(subvolume: FileTree, ino: number, offset: FileOffset, length: FileOffset): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  const { inodes } = subvolume.volume;
  const { tree } = subvolume;
  const first = blockOf(offset);
  const count = blockOf(length);
  if (!isAligned(offset, length) || bytesToEnd(inodes.words, file, first, 0) <= 0) return -EINVAL;
  if (addOffsets(inodeSize(inodes.words, file), length) > FILE_SIZE_MAX) return -EFBIG;
  settleFile(subvolume, ino);
  if (mayHaveItems(subvolume, ino)) {
    const extents = canMove(subvolume, ino, first);
    if (extents < 0) return extents;
    if (first === 0 && tree.find(ino, INLINE_MIDDLE, 0)) {
      // Only a first block can be in the tree.
      readPages(subvolume, ino, 0, 1, page, 0);
      if (storeBlocks(subvolume, ino, 0, 1, page, 0) === 0) return -ENOSPC;
    }
    // What was preallocated behind the end may have no place any more.
    if (lastExtent(subvolume, ino, LAST) + count >= FILE_BLOCKS_MAX)
      changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, FILE_BLOCKS_MAX - count, Infinity));
    splitExtent(subvolume, ino, first);
    // From the end, so that none lands on another.
    for (
      let at = lastExtent(subvolume, ino, LAST);
      at >= first;
      at = at === 0 ? -1 : lastExtent(subvolume, ino, at - 1)
    )
      move(subvolume, ino, at, at + count);
  }
  return finish(subvolume, ino, count);
}

/** Beyond each block index. */
const LAST = FILE_BLOCKS_MAX;

/** Start of the last extent that begins at or before a block index; −1 when there is none. */
function lastExtent({ tree }: FileTree, ino: number, index: number): number {
  if (
    !tree.floor(ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0) ||
    tree.key(0) !== ino ||
    tree.key(1) >>> 24 !== KIND_EXTENT
  )
    return -1;
  return (tree.key(1) & 0xffffff) * 0x100000000 + tree.key(2);
}

function isAligned(offset: FileOffset, length: FileOffset): boolean {
  return offset >= 0 && length > 0 && withinOf(offset) === 0 && withinOf(length) === 0;
}

/** Counts the extents from `index` on; −ENOSPC when the nodes that moving them may take are not there. */
function canMove(subvolume: FileTree, ino: number, index: number): number {
  const { space, quadReserve } = subvolume.volume;
  let extents = 0;
  for (
    let at = index;
    findExtent(subvolume, ino, at) || findNextExtent(subvolume, ino, at);
    at = foundExtent.start + foundExtent.length
  )
    extents++;
  return space.availableQuads < quadReserve + Math.ceil((4 * extents) / EXTENTS_OF_NODE) ? -ENOSPC : extents;
}

const value = new Uint32Array(EXTENT_BLOCKS_MAX + 4);

/** Gives an extent another place in its file, where there is none. */
function move(subvolume: FileTree, ino: number, from: number, to: number): void {
  const { tree } = subvolume;
  findExtent(subvolume, ino, from);
  const length = tree.length;
  const at = tree.offset >>> 2;
  value.set(tree.words.subarray(at, at + length / 4));
  tree.remove(ino, keyMiddle(KIND_EXTENT, highOf(from)), from >>> 0);
  const offset = tree.insert(ino, keyMiddle(KIND_EXTENT, highOf(to)), to >>> 0, length) >>> 2;
  tree.words.set(value.subarray(0, length / 4), offset);
}

/** The file has that many blocks more. */
function finish(subvolume: FileTree, ino: number, blocks: number): number {
  const item = changeInode(subvolume, ino);
  const { words } = subvolume.volume.inodes;
  putSize(words, item, sizeBlock(words, item) + blocks, sizeWithin(words, item));
  stamp(subvolume, item, true);
  subvolume.volume.log.cut(subvolume, ino);
  return 0;
}
