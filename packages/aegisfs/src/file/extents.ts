/**
 * The map of a file's blocks to blocks of the volume. Layout: format/extent-item.ts. Indices and lengths are in blocks.
 */
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_CHECKSUMS,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_AT_SKIP,
  EXTENT_LOST,
  EXTENT_UNWRITTEN,
  extentSize,
} from "../format/extent-item.ts";
import { EXTENT_BLOCKS_MAX, FILE_BLOCKS_MAX, UNIT_BLOCKS } from "../format/geometry.ts";
import { highOf, KIND_EXTENT, keyMiddle } from "../format/key.ts";
import { INODE_AT_BLOCKS } from "../format/inode-item.ts";
import { Failure } from "../failure.ts";
import type { FileTree } from "./file-tree.ts";
import { changeInode, expectItems, getPair, mayHaveItems, putPair } from "./inode.ts";

/**
 * The extent found last: a copy, and where its value is in the tree's words. `stored` blocks on the device hold
 * `length` blocks of the file; they differ when it is compressed, which is when `skip` says how many decoded blocks
 * come before its own.
 */
export const foundExtent = { start: 0, length: 0, block: 0, stored: 0, flags: 0, skip: 0, valueAt: 0, checksumsAt: 0 };

/** Is the content of an extent with these flags a compressed unit? Its blocks are then owned as a whole. */
export function isCompressed(flags: number): boolean {
  return (flags & 0xff) !== 0;
}

/** Is it no content, but the mark that there was some? */
export function isLost(flags: number): boolean {
  return (flags & EXTENT_LOST) !== 0;
}

const keptChecksums = new Uint32Array(EXTENT_BLOCKS_MAX);

/** Finds the extent that holds block `index` of the file. */
export function findExtent(subvolume: FileTree, ino: number, index: number): boolean {
  if (!subvolume.tree.floor(ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0) || !readExtent(subvolume, ino))
    return false;
  return index < foundExtent.start + foundExtent.length;
}

/** Finds the first extent that starts at or after `index`. */
export function findNextExtent(subvolume: FileTree, ino: number, index: number): boolean {
  return subvolume.tree.ceiling(ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0) && readExtent(subvolume, ino);
}

function readExtent(subvolume: FileTree, ino: number): boolean {
  const tree = subvolume.tree;
  const middle = tree.key(1);
  if (tree.key(0) !== ino || middle >>> 24 !== KIND_EXTENT) return false;
  const at = tree.offset >>> 2;
  const words = tree.words;
  foundExtent.start = (middle & 0xffffff) * 0x100000000 + tree.key(2);
  foundExtent.length = words[at + EXTENT_AT_LENGTH]! & 0xffff;
  foundExtent.stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
  foundExtent.block = words[at + EXTENT_AT_BLOCK]!;
  foundExtent.flags = words[at + EXTENT_AT_FLAGS]!;
  foundExtent.skip = words[at + EXTENT_AT_SKIP]!;
  foundExtent.valueAt = at;
  foundExtent.checksumsAt = at + EXTENT_AT_CHECKSUMS;
  const shape = isLost(foundExtent.flags)
    ? foundExtent.stored === 0
    : foundExtent.length <= EXTENT_BLOCKS_MAX &&
      (isCompressed(foundExtent.flags)
        ? foundExtent.stored > 0 &&
          foundExtent.stored < UNIT_BLOCKS &&
          foundExtent.skip + foundExtent.length <= UNIT_BLOCKS
        : foundExtent.stored === foundExtent.length);
  if (
    !shape ||
    foundExtent.length === 0 ||
    foundExtent.start + foundExtent.length > FILE_BLOCKS_MAX ||
    tree.length !== extentSize(foundExtent.stored)
  )
    throw new Failure("corrupt-node", tree.leaf.block);
  return true;
}

/** How many blocks of `[first, end)` have extents, those with one of the flags left out. */
export function mappedBlocks(subvolume: FileTree, ino: number, first: number, end: number, without = 0): number {
  let blocks = 0;
  for (
    let index = first;
    findExtent(subvolume, ino, index) || findNextExtent(subvolume, ino, index);
    index = foundExtent.start + foundExtent.length
  ) {
    if (foundExtent.start >= end) break;
    if ((foundExtent.flags & (without | EXTENT_LOST)) === 0)
      blocks += Math.min(foundExtent.start + foundExtent.length, end) - Math.max(foundExtent.start, first);
  }
  return blocks;
}

/**
 * Gives back the blocks of the file in `[first, end)`. Returns how many there were; the inode does not learn of it.
 *
 * @param keep  unmap them only: they stay allocated, for a new extent
 */
export function releaseExtents(subvolume: FileTree, ino: number, first: number, end: number, keep = false): number {
  const { tree, volume } = subvolume;
  let released = 0;
  while (first < end) {
    if (!findExtent(subvolume, ino, first) && !findNextExtent(subvolume, ino, first)) break;
    const { start, length, block, stored, flags, skip } = foundExtent;
    if (start >= end) break;
    const from = Math.max(start, first);
    const to = Math.min(start + length, end);
    if (to <= first) throw new Failure("corrupt-node", tree.leaf.block);
    const partial = from > start || to < start + length;
    if (partial) keptChecksums.set(tree.words.subarray(foundExtent.checksumsAt, foundExtent.checksumsAt + stored));
    tree.remove(ino, keyMiddle(KIND_EXTENT, highOf(start)), start >>> 0);
    if (isLost(flags)) {
      if (start < from) putLost(subvolume, ino, start, from - start);
      if (to < start + length) putLost(subvolume, ino, to, start + length - to);
      first = to;
      continue;
    }
    if (isCompressed(flags)) {
      // Each part that stays goes on owning the whole unit.
      if (start < from)
        putCompressed(subvolume, ino, start, from - start, block, stored, flags, skip, keptChecksums, 0);
      if (to < start + length)
        putCompressed(
          subvolume,
          ino,
          to,
          start + length - to,
          block,
          stored,
          flags,
          skip + (to - start),
          keptChecksums,
          0,
        );
      if (start < from && to < start + length) volume.references.share(block, stored);
      else if (!partial) volume.references.release(block, stored);
      released += to - from;
      first = to;
      continue;
    }
    if (partial) {
      if (start < from) putExtent(subvolume, ino, start, block, from - start, flags, keptChecksums, 0);
      if (to < start + length)
        putExtent(subvolume, ino, to, block + (to - start), start + length - to, flags, keptChecksums, to - start);
    }
    if (!keep) volume.references.release(block + (from - start), to - from);
    released += to - from;
    first = to;
  }
  return released;
}

/**
 * Blocks that the file has at `index` and that may be written in place: preallocated, without content that anything
 * durable shows, and owned by this file alone. Returns how many from `index` on, at most `most`; the first one's number
 * is in `foundExtent`.
 */
export function findPreallocated(subvolume: FileTree, ino: number, index: number, most: number): number {
  const { references, store } = subvolume.volume;
  if (!findExtent(subvolume, ino, index) || (foundExtent.flags & EXTENT_UNWRITTEN) === 0) return 0;
  foundExtent.block += index - foundExtent.start;
  if (foundExtent.block < store.topStart) return 0;
  const length = Math.min(most, foundExtent.start + foundExtent.length - index);
  if (references.records === 0) return length;
  let own = 0;
  while (own < length && !references.isShared(foundExtent.block + own)) own++;
  return own;
}

const joinedChecksums = new Uint32Array(EXTENT_BLOCKS_MAX);

/** Maps blocks of the file that have no extent; joins the extent before when they continue it. */
export function addExtent(
  subvolume: FileTree,
  ino: number,
  index: number,
  block: number,
  length: number,
  flags: number,
  checksums: Uint32Array,
): void {
  const { tree } = subvolume;
  if (index > 0 && mayHaveItems(subvolume, ino) && findExtent(subvolume, ino, index - 1)) {
    const { start, flags: before } = foundExtent;
    const together = foundExtent.length + length;
    if (
      foundExtent.block + foundExtent.length === block &&
      before === flags &&
      !isCompressed(flags) &&
      together <= EXTENT_BLOCKS_MAX
    ) {
      joinedChecksums.set(tree.words.subarray(foundExtent.checksumsAt, foundExtent.checksumsAt + foundExtent.length));
      joinedChecksums.set(checksums.subarray(0, length), foundExtent.length);
      const first = foundExtent.block;
      tree.remove(ino, keyMiddle(KIND_EXTENT, highOf(start)), start >>> 0);
      putExtent(subvolume, ino, start, first, together, flags, joinedChecksums, 0);
      return;
    }
  }
  putExtent(subvolume, ino, index, block, length, flags, checksums, 0);
}

/** Makes an extent begin at block `index` of the file, where one reaches over it. */
export function splitExtent(subvolume: FileTree, ino: number, index: number): void {
  if (!findExtent(subvolume, ino, index) || foundExtent.start === index) return;
  const { tree, volume } = subvolume;
  const { start, length, block, stored, flags, skip } = foundExtent;
  keptChecksums.set(tree.words.subarray(foundExtent.checksumsAt, foundExtent.checksumsAt + stored));
  tree.remove(ino, keyMiddle(KIND_EXTENT, highOf(start)), start >>> 0);
  const before = index - start;
  if (isLost(flags)) {
    putLost(subvolume, ino, start, before);
    putLost(subvolume, ino, index, length - before);
  } else if (isCompressed(flags)) {
    // Each part owns the whole unit.
    volume.references.share(block, stored);
    putCompressed(subvolume, ino, start, before, block, stored, flags, skip, keptChecksums, 0);
    putCompressed(subvolume, ino, index, length - before, block, stored, flags, skip + before, keptChecksums, 0);
  } else {
    putExtent(subvolume, ino, start, block, before, flags, keptChecksums, 0);
    putExtent(subvolume, ino, index, block + before, length - before, flags, keptChecksums, before);
  }
}

export function putExtent(
  subvolume: FileTree,
  ino: number,
  index: number,
  block: number,
  length: number,
  flags: number,
  checksums: Uint32Array,
  from: number,
): void {
  const tree = subvolume.tree;
  expectItems(subvolume, ino);
  const at = tree.insert(ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0, extentSize(length)) >>> 2;
  const words = tree.words;
  words[at + EXTENT_AT_BLOCK] = block;
  words[at + EXTENT_AT_LENGTH] = (length | (length << 16)) >>> 0;
  words[at + EXTENT_AT_FLAGS] = flags;
  words[at + EXTENT_AT_SKIP] = 0;
  for (let offset = 0; offset < length; offset++) words[at + EXTENT_AT_CHECKSUMS + offset] = checksums[from + offset]!;
}

/** Maps `length` blocks of the file to the unit in the `stored` blocks from `block` on, `skip` blocks into it. */
export function putCompressed(
  subvolume: FileTree,
  ino: number,
  index: number,
  length: number,
  block: number,
  stored: number,
  flags: number,
  skip: number,
  checksums: Uint32Array,
  from: number,
): void {
  const tree = subvolume.tree;
  expectItems(subvolume, ino);
  const at = tree.insert(ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0, extentSize(stored)) >>> 2;
  const words = tree.words;
  words[at + EXTENT_AT_BLOCK] = block;
  words[at + EXTENT_AT_LENGTH] = (length | (stored << 16)) >>> 0;
  words[at + EXTENT_AT_FLAGS] = flags;
  words[at + EXTENT_AT_SKIP] = skip;
  for (let offset = 0; offset < stored; offset++) words[at + EXTENT_AT_CHECKSUMS + offset] = checksums[from + offset]!;
}

/** Marks blocks of the file that have no extent as lost. */
export function putLost(subvolume: FileTree, ino: number, index: number, length: number): void {
  const { tree } = subvolume;
  expectItems(subvolume, ino);
  const at = tree.insert(ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0, extentSize(0)) >>> 2;
  tree.words.fill(0, at, at + EXTENT_AT_CHECKSUMS);
  tree.words[at + EXTENT_AT_LENGTH] = length;
  tree.words[at + EXTENT_AT_FLAGS] = EXTENT_LOST;
}

/** Maps an extent whose value is at `words[at …)`: one that was stored before. */
export function putExtentValue(subvolume: FileTree, ino: number, index: number, words: Uint32Array, at: number): void {
  expectItems(subvolume, ino);
  const size = extentSize(words[at + EXTENT_AT_LENGTH]! >>> 16);
  const to = subvolume.tree.insert(ino, keyMiddle(KIND_EXTENT, highOf(index)), index >>> 0, size) >>> 2;
  const own = subvolume.tree.words;
  for (let word = 0; word < size / 4; word++) own[to + word] = words[at + word]!;
}

/** Blocks came to or went from the inode. */
export function changeBlocks(subvolume: FileTree, ino: number, change: number): void {
  if (change === 0) return;
  const at = changeInode(subvolume, ino) + INODE_AT_BLOCKS;
  const words = subvolume.volume.inodes.words;
  putPair(words, at, getPair(words, at) + change);
  subvolume.quotas.countBlocks(words, at - INODE_AT_BLOCKS, change);
}
