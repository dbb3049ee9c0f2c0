/**
 * Sharing of content between files (ioctl_ficlonerange(2), copy_file_range(2)): whole blocks get one owner more and an
 * extent in the target; nothing is copied, and whichever file is written to first gets blocks of its own.
 */
import { EDQUOT, EFBIG, EINVAL, ENOSPC } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, FILE_BLOCKS_MAX, FILE_SIZE_MAX } from "../format/geometry.ts";
import type { FileTree } from "./file-tree.ts";
import { read, write } from "./content.ts";
import { findFile, INLINE_MIDDLE, page, readPages, storeBlocks } from "./data.ts";
import {
  changeBlocks,
  findExtent,
  findNextExtent,
  foundExtent,
  isCompressed,
  isLost,
  mappedBlocks,
  putCompressed,
  putExtent,
  putLost,
  releaseExtents,
} from "./extents.ts";
import { addOffsets, blockOf, blocksOf, withinOf, type FileOffset } from "./file-offset.ts";
import { bytesToEnd, changeInode, inodeSize, mayHaveItems, putSize, stamp } from "./inode.ts";
import { settleFile } from "./settle.ts";

/** A range of one file, and where it goes in another of the same subvolume (or the same file, apart from it). */
export interface RangeCopy {
  readonly source: number;
  readonly offset: FileOffset;
  readonly target: number;
  readonly targetOffset: FileOffset;
  readonly length: FileOffset;
}

/**
 * Makes a range of the target the same blocks as one of the source. Offsets are multiples of a block; so is the length,
 * unless it ends with the source, and then nothing of the target may lie behind.
 *
 * @returns 0, −EINVAL, −EFBIG, −EISDIR, −ENOENT, −ENOSPC, −EDQUOT
 */
export function cloneRange(subvolume: FileTree, copy: RangeCopy): number {
  const { source, offset, target, targetOffset, length } = copy;
  const { inodes } = subvolume.volume;
  const sourceAt = findFile(subvolume, source);
  if (sourceAt < 0) return sourceAt;
  const targetAt = findFile(subvolume, target);
  if (targetAt < 0) return targetAt;
  const end = addOffsets(offset, length);
  const targetEnd = addOffsets(targetOffset, length);
  const sourceSize = inodeSize(inodes.words, sourceAt);
  if (
    offset < 0 ||
    targetOffset < 0 ||
    length < 0 ||
    withinOf(offset) !== 0 ||
    withinOf(targetOffset) !== 0 ||
    end > sourceSize
  )
    return -EINVAL;
  if (withinOf(end) !== 0 && (end < sourceSize || targetEnd < inodeSize(inodes.words, targetAt))) return -EINVAL;
  if (overlaps(copy)) return -EINVAL;
  if (targetEnd > FILE_SIZE_MAX) return -EFBIG;
  if (length === 0) return 0;
  settleFile(subvolume, source);
  settleFile(subvolume, target);
  const shared = shareBlocks(subvolume, source, blockOf(offset), target, blockOf(targetOffset), blocksOf(length));
  if (shared < 0) return shared;
  const item = changeInode(subvolume, target);
  if (bytesToEnd(inodes.words, item, blockOf(targetEnd), withinOf(targetEnd)) < 0)
    putSize(inodes.words, item, blockOf(targetEnd), withinOf(targetEnd));
  stamp(subvolume, item, true);
  subvolume.volume.log.cut(subvolume, target);
  return 0;
}

/** Are both ranges of one file, with something in common? */
function overlaps({ source, offset, target, targetOffset, length }: RangeCopy): boolean {
  return source === target && offset < addOffsets(targetOffset, length) && targetOffset < addOffsets(offset, length);
}

const COPY_SIZE = 64 * 1024;
const work = new Uint8Array(COPY_SIZE);
/** Most that one call copies: what its result can say. */
const COPY_MAX = 2 ** 53 - BLOCK_SIZE;

/**
 * Copies a range, by sharing where blocks allow it; up to the end of the source. Returns the bytes copied: fewer than
 * asked for when space runs out, or beyond 2^53. −EINVAL when the ranges overlap in one file; else as `write`.
 */
export function copyRange(subvolume: FileTree, copy: RangeCopy): number {
  const { source, offset, target, targetOffset, length } = copy;
  const sourceAt = findFile(subvolume, source);
  if (sourceAt < 0) return sourceAt;
  const targetAt = findFile(subvolume, target);
  if (targetAt < 0) return targetAt;
  const { words } = subvolume.volume.inodes;
  if (offset < 0 || targetOffset < 0 || overlaps(copy)) return -EINVAL;
  const left = bytesToEnd(words, sourceAt, blockOf(offset), withinOf(offset));
  const room = (FILE_BLOCKS_MAX - blockOf(targetOffset)) * BLOCK_SIZE - withinOf(targetOffset) - 1;
  const asked = length < COPY_MAX ? Number(length) : COPY_MAX;
  if (!(room > 0) && asked > 0 && left > 0) return -EFBIG;
  const count = Math.max(0, Math.min(asked, left, room));
  let done = 0;
  if (withinOf(offset) === withinOf(targetOffset)) {
    const head = Math.min(count, (BLOCK_SIZE - withinOf(offset)) % BLOCK_SIZE);
    // The last piece of the source may be shared when it ends the target, too.
    const targetEnd = addOffsets(targetOffset, count);
    const isEnd = count === left && bytesToEnd(words, targetAt, blockOf(targetEnd), withinOf(targetEnd)) <= 0;
    const whole = isEnd ? count - head : Math.floor((count - head) / BLOCK_SIZE) * BLOCK_SIZE;
    done = copyBytes(subvolume, source, offset, target, targetOffset, head);
    if (done < head) return done;
    if (whole >= BLOCK_SIZE) {
      const cloned = cloneRange(subvolume, {
        source,
        offset: addOffsets(offset, head),
        target,
        targetOffset: addOffsets(targetOffset, head),
        length: whole,
      });
      if (cloned < 0) return done > 0 ? done : cloned;
      done += whole;
    }
  }
  const rest = copyBytes(
    subvolume,
    source,
    addOffsets(offset, done),
    target,
    addOffsets(targetOffset, done),
    count - done,
  );
  return rest < 0 && done > 0 ? done : rest < 0 ? rest : done + rest;
}

function copyBytes(
  subvolume: FileTree,
  source: number,
  offset: FileOffset,
  target: number,
  targetOffset: FileOffset,
  length: number,
): number {
  let done = 0;
  while (done < length) {
    const got = read(subvolume, source, addOffsets(offset, done), work, 0, Math.min(COPY_SIZE, length - done));
    if (got <= 0) return done > 0 ? done : got;
    const put = write(subvolume, target, addOffsets(targetOffset, done), work, 0, got);
    if (put < 0) return done > 0 ? done : put;
    done += put;
    if (put < got) break;
  }
  return done;
}

const checksums = new Uint32Array(EXTENT_BLOCKS_MAX);

/** Maps `count` blocks of the source in the target, too. Holes stay holes. */
function shareBlocks(
  subvolume: FileTree,
  source: number,
  from: number,
  target: number,
  to: number,
  count: number,
): number {
  const { quotas, tree, volume } = subvolume;
  if (
    quotas.isOn &&
    !quotas.hasRoom(
      target,
      mappedBlocks(subvolume, source, from, from + count, EXTENT_UNWRITTEN) -
        mappedBlocks(subvolume, target, to, to + count),
    )
  )
    return -EDQUOT;
  if (from === 0 && mayHaveItems(subvolume, source) && tree.find(source, INLINE_MIDDLE, 0)) {
    // Content in the tree is not shared: the source's first block becomes a block, once.
    readPages(subvolume, source, 0, 1, page, 0);
    if (storeBlocks(subvolume, source, 0, 1, page, 0) === 0) return -ENOSPC;
  }
  let change = 0;
  if (mayHaveItems(subvolume, target)) {
    change -= releaseExtents(subvolume, target, to, to + count);
    if (to === 0) tree.remove(target, INLINE_MIDDLE, 0);
  }
  const end = from + count;
  for (let index = from; index < end;) {
    if (!findExtent(subvolume, source, index) && !findNextExtent(subvolume, source, index)) break;
    if (foundExtent.start >= end) break;
    const { start, length, block, stored, flags, skip, checksumsAt } = foundExtent;
    const first = Math.max(start, index);
    const stop = Math.min(start + length, end);
    if (stop <= first) throw new Failure("corrupt-node", tree.leaf.block);
    index = stop;
    if ((flags & EXTENT_UNWRITTEN) !== 0) continue;
    if (isLost(flags)) {
      putLost(subvolume, target, to + first - from, stop - first);
      continue;
    }
    checksums.set(tree.words.subarray(checksumsAt, checksumsAt + stored));
    if (isCompressed(flags)) {
      volume.references.share(block, stored);
      putCompressed(
        subvolume,
        target,
        to + first - from,
        stop - first,
        block,
        stored,
        flags,
        skip + first - start,
        checksums,
        0,
      );
    } else {
      volume.references.share(block + first - start, stop - first);
      putExtent(
        subvolume,
        target,
        to + first - from,
        block + first - start,
        stop - first,
        flags,
        checksums,
        first - start,
      );
    }
    change += stop - first;
  }
  changeBlocks(subvolume, target, change);
  return 0;
}
