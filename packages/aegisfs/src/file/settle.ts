/**
 * Settling: what operations changed in memory goes into the trees. Names first (a directory that is to go has lost its
 * entries then), then inodes in the order of their numbers, each with its pages.
 *
 * A commit settles everything first, and nothing is committed while only a part of it is settled: so the durable state
 * is always one that stood between two operations. The space was promised when the changes were made (Volume.begin).
 * Throws Failure; the volume has failed then.
 */
import { Failure } from "../failure.ts";
import { INODE_HAS_ITEMS, INODE_ORPHAN, INODE_REMOVED, INODE_STORED, INODE_WORDS } from "../cache/inode-table.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, INLINE_SIZE_MAX } from "../format/geometry.ts";
import { INODE_AT_NLINK, INODE_SIZE } from "../format/inode-item.ts";
import type { FileTree, FileVolume } from "./file-tree.ts";
import { putInline, storeBlocks } from "./data.ts";
import { settleEntry } from "./directory.ts";
import { findExtent, releaseExtents } from "./extents.ts";
import { bytesToEnd, INODE_MIDDLE, mayHaveItems } from "./inode.ts";
import { ORPHAN_MIDDLE } from "./orphans.ts";

export function settleAllEntries(volume: FileVolume): void {
  const { entries } = volume;
  for (const at of entries.dirtyEntries()) settleEntry(volume.cachedSubvolume(entries.subvolumes[at]!), at);
}

export function settleAllInodes(volume: FileVolume): void {
  for (const slot of volume.inodes.dirtySlots())
    settleInode(volume.cachedSubvolume(volume.inodes.subvolumes[slot]!), slot);
  volume.eachLoaded((subvolume) => {
    if (subvolume.quotas.hasChanges) subvolume.quotas.store();
  });
}

function settleInode(subvolume: FileTree, slot: number): void {
  const { inodes } = subvolume.volume;
  const ino = inodes.numbers[slot]!;
  if ((inodes.flags[slot]! & INODE_REMOVED) !== 0) {
    removeItems(subvolume, ino, inodes.flags[slot]!);
    inodes.remove(slot);
    return;
  }
  if (inodes.dirtyPages[slot]! > 0) settlePages(subvolume, slot);
  const { tree } = subvolume;
  let offset: number;
  if ((inodes.flags[slot]! & INODE_STORED) !== 0) {
    if (!tree.edit(ino, INODE_MIDDLE, 0)) throw new Failure("corrupt-node", tree.root[0]!);
    offset = tree.offset;
  } else offset = tree.insert(ino, INODE_MIDDLE, 0, INODE_SIZE);
  const words = tree.words;
  const own = inodes.words;
  for (let word = 0, from = slot * INODE_WORDS, to = offset >>> 2; word < INODE_WORDS; word++)
    words[to + word] = own[from + word]!;

  const isOrphan = own[slot * INODE_WORDS + INODE_AT_NLINK] === 0;
  const isListed = (inodes.flags[slot]! & INODE_ORPHAN) !== 0;
  if (isOrphan && !isListed) tree.insert(0, ORPHAN_MIDDLE, ino, 0);
  else if (!isOrphan && isListed) tree.remove(0, ORPHAN_MIDDLE, ino);
  inodes.flags[slot] = (inodes.flags[slot]! & ~INODE_ORPHAN) | INODE_STORED | (isOrphan ? INODE_ORPHAN : 0);
  inodes.markClean(slot);
}

function removeItems(subvolume: FileTree, ino: number, flags: number): void {
  const { tree } = subvolume;
  if ((flags & INODE_HAS_ITEMS) !== 0) releaseExtents(subvolume, ino, 0, Infinity);
  // What is left is small: the inode, attributes, inline content.
  if ((flags & (INODE_HAS_ITEMS | INODE_STORED)) !== 0)
    while (tree.ceiling(ino, INODE_MIDDLE, 0) && tree.key(0) === ino) tree.remove(ino, tree.key(1), tree.key(2));
  if ((flags & INODE_ORPHAN) !== 0) tree.remove(0, ORPHAN_MIDDLE, ino);
}

const staging = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);

/** Stores the dirty pages of one inode, neighbours together; they stay in memory, clean. */
export function settlePages(subvolume: FileTree, slot: number): void {
  const { inodes, pages } = subvolume.volume;
  const ino = inodes.numbers[slot]!;
  const dirty = pages.dirtyPagesOf(slot);
  if (dirty.length === 1 && pages.indexes[dirty[0]!] === 0) {
    const size = bytesToEnd(inodes.words, slot * INODE_WORDS, 0, 0);
    if (size <= INLINE_SIZE_MAX && (!mayHaveItems(subvolume, ino) || !findExtent(subvolume, ino, 0))) {
      putInline(subvolume, ino, pages.bytes[dirty[0]!]!, 0, size);
      pages.markClean(dirty[0]!);
      return;
    }
  }
  for (let first = 0; first < dirty.length;) {
    const index = pages.indexes[dirty[first]!]!;
    let end = first + 1;
    while (end < dirty.length && end - first < EXTENT_BLOCKS_MAX && pages.indexes[dirty[end]!] === index + end - first)
      end++;
    let bytes = pages.bytes[dirty[first]!]!;
    if (end - first > 1) {
      for (let at = first; at < end; at++) staging.set(pages.bytes[dirty[at]!]!, (at - first) * BLOCK_SIZE);
      bytes = staging;
    }
    if (storeBlocks(subvolume, ino, index, end - first, bytes, 0) < end - first) throw new Failure("no-space", -1);
    for (let at = first; at < end; at++) pages.markClean(dirty[at]!);
    first = end;
  }
}

/** Stores what is in memory of one file, and keeps none of it: for what works on its extents. */
export function settleFile(subvolume: FileTree, ino: number): void {
  const { inodes, pages } = subvolume.volume;
  const slot = inodes.find(subvolume.cacheId, ino);
  if (slot < 0 || inodes.firstPages[slot]! < 0) return;
  if (inodes.dirtyPages[slot]! > 0) settlePages(subvolume, slot);
  pages.dropFile(slot);
}
