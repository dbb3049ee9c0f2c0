/**
 * Sharing of content between files (ioctl_ficlonerange(2), copy_file_range(2)): whole blocks get one owner more and an extent in the target;
 * nothing is copied, and whichever file is written to first gets blocks of its own.
 */
import { EDQUOT, EINVAL, ENOSPC } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX } from "../format/geometry.ts";
import { INODE_AT_BYTES } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { read, write } from "./content.ts";
import { findFile, INLINE_MIDDLE, page, readPages, storeBlocks } from "./data.ts";
import { changeBlocks, findExtent, findNextExtent, found, isCompressed, putCompressed, putExtent, releaseExtents } from "./extents.ts";
import { changeInode, inodeSize, mayHaveItems, putPair, stamp } from "./inode.ts";
import { settleFile } from "./settle.ts";

/** A range of one file, and where it goes in another of the same subvolume (or the same file, apart from it). */
export interface RangeCopy { readonly source: number; readonly offset: number; readonly target: number; readonly targetOffset: number; readonly length: number }

/**
 * Makes a range of the target the same blocks as one of the source. Offsets are multiples of a block; so is the length, unless it ends with the
 * source, and then nothing of the target may lie behind.
 *
 * @returns 0, −EINVAL, −EISDIR, −ENOENT, −ENOSPC
 */
export function cloneRange(subvolume: Subvolume, { source, offset, target, targetOffset, length }: RangeCopy): number {
  const { inodes } = subvolume.volume;
  const sourceAt = findFile(subvolume, source);
  if (sourceAt < 0) return sourceAt;
  const targetAt = findFile(subvolume, target);
  if (targetAt < 0) return targetAt;
  const sourceSize = inodeSize(inodes.words, sourceAt);
  const targetSize = inodeSize(inodes.words, targetAt);
  const end = offset + length;
  if (offset % BLOCK_SIZE !== 0 || targetOffset % BLOCK_SIZE !== 0 || length < 0 || end > sourceSize) return -EINVAL;
  if (end % BLOCK_SIZE !== 0 && (end !== sourceSize || targetOffset + length < targetSize)) return -EINVAL;
  if (source === target && offset < targetOffset + length && targetOffset < end) return -EINVAL;
  if (length === 0) return 0;
  settleFile(subvolume, source);
  settleFile(subvolume, target);
  const blocks = Math.ceil(length / BLOCK_SIZE);
  if (subvolume.quotas.allowedBlocks(target, targetOffset / BLOCK_SIZE, blocks) < blocks) return -EDQUOT;
  const shared = shareBlocks(subvolume, source, offset / BLOCK_SIZE, target, targetOffset / BLOCK_SIZE, Math.ceil(length / BLOCK_SIZE));
  if (shared < 0) return shared;
  const item = changeInode(subvolume, target);
  if (targetOffset + length > targetSize) putPair(inodes.words, item + INODE_AT_BYTES, targetOffset + length);
  stamp(subvolume, item, true);
  subvolume.volume.log.cut(subvolume, target);
  return 0;
}

const COPY_SIZE = 64 * 1024;
const work = new Uint8Array(COPY_SIZE);

/**
 * Copies a range, by sharing where blocks allow it; up to the end of the source. Returns the bytes copied: fewer than asked for when space runs out.
 * −EINVAL when the ranges overlap in one file; else as `write`.
 */
export function copyRange(subvolume: Subvolume, { source, offset, target, targetOffset, length }: RangeCopy): number {
  const sourceAt = findFile(subvolume, source);
  if (sourceAt < 0) return sourceAt;
  const targetAt = findFile(subvolume, target);
  if (targetAt < 0) return targetAt;
  const { inodes } = subvolume.volume;
  const size = inodeSize(inodes.words, sourceAt);
  if (source === target && offset < targetOffset + length && targetOffset < offset + length) return -EINVAL;
  const count = Math.max(0, Math.min(length, size - offset));
  let done = 0;
  if (offset % BLOCK_SIZE === targetOffset % BLOCK_SIZE) {
    const head = Math.min(count, (BLOCK_SIZE - (offset % BLOCK_SIZE)) % BLOCK_SIZE);
    // The last piece of the source may be shared when it ends the target, too.
    const isEnd = offset + count === size && targetOffset + count >= inodeSize(inodes.words, targetAt);
    const whole = isEnd ? count - head : Math.floor((count - head) / BLOCK_SIZE) * BLOCK_SIZE;
    done = copyBytes(subvolume, source, offset, target, targetOffset, head);
    if (done < head) return done;
    if (whole >= BLOCK_SIZE) {
      const cloned = cloneRange(subvolume, { source, offset: offset + head, target, targetOffset: targetOffset + head, length: whole });
      if (cloned < 0) return done > 0 ? done : cloned;
      done += whole;
    }
  }
  const rest = copyBytes(subvolume, source, offset + done, target, targetOffset + done, count - done);
  return rest < 0 && done > 0 ? done : rest < 0 ? rest : done + rest;
}

function copyBytes(subvolume: Subvolume, source: number, offset: number, target: number, targetOffset: number, length: number): number {
  let done = 0;
  while (done < length) {
    const got = read(subvolume, source, offset + done, work, 0, Math.min(COPY_SIZE, length - done));
    if (got <= 0) return done > 0 ? done : got;
    const put = write(subvolume, target, targetOffset + done, work, 0, got);
    if (put < 0) return done > 0 ? done : put;
    done += put;
    if (put < got) break;
  }
  return done;
}

const checksums = new Uint32Array(EXTENT_BLOCKS_MAX);

/** Maps `count` blocks of the source in the target, too. Holes stay holes. */
function shareBlocks(subvolume: Subvolume, source: number, from: number, target: number, to: number, count: number): number {
  const { tree, volume } = subvolume;
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
  for (let index = from; index < end; ) {
    if (!findExtent(subvolume, source, index) && !findNextExtent(subvolume, source, index)) break;
    if (found.start >= end) break;
    const { start, length, block, stored, flags, skip, checksumsAt } = found;
    const first = Math.max(start, index);
    const stop = Math.min(start + length, end);
    if (stop <= first) throw new Failure("corrupt-node", tree.leaf.block);
    index = stop;
    if ((flags & EXTENT_UNWRITTEN) !== 0) continue;
    checksums.set(tree.words.subarray(checksumsAt, checksumsAt + stored));
    if (isCompressed(flags)) {
      volume.references.share(block, stored);
      putCompressed(subvolume, target, to + first - from, stop - first, block, stored, flags, skip + first - start, checksums, 0);
    } else {
      volume.references.share(block + first - start, stop - first);
      putExtent(subvolume, target, to + first - from, block + first - start, stop - first, flags, checksums, first - start);
    }
    change += stop - first;
  }
  changeBlocks(subvolume, target, change);
  return 0;
}
