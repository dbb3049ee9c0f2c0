/**
 * Inodes: making one, finding one to read or to change. What operations see is the inode table (cache/inode-table.ts);
 * layout of its words: format/inode-item.ts. Take `volume.inodes.words` after these calls, not before.
 */
import { Failure } from "../failure.ts";
import {
  INODE_DIRTY,
  INODE_HAS_ITEMS,
  INODE_ORPHAN,
  INODE_REMOVED,
  INODE_STORED,
  INODE_WORDS,
} from "../cache/inode-table.ts";
import { BLOCK_SIZE, LINK_MAX } from "../format/geometry.ts";
import { KIND_INODE, keyMiddle } from "../format/key.ts";
import {
  INODE_AT_ATIME,
  INODE_AT_BTIME,
  INODE_AT_BYTES,
  INODE_AT_CTIME,
  INODE_AT_GENERATION,
  INODE_AT_GID,
  INODE_AT_MODE,
  INODE_AT_MTIME,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
  INODE_AT_PROJECT,
  INODE_AT_RDEV,
  INODE_AT_UID,
  INODE_SIZE,
} from "../format/inode-item.ts";
import type { FileTree } from "./file-tree.ts";
import { offsetOf, type FileOffset } from "./file-offset.ts";

export const INODE_MIDDLE = keyMiddle(KIND_INODE, 0);

/** Word index of the inode in the inode table, or −1 when there is no such inode. */
export function loadInode(subvolume: FileTree, ino: number): number {
  const inodes = subvolume.volume.inodes;
  const slot = inodes.find(subvolume.cacheId, ino);
  if (slot < 0) return readInode(subvolume, ino);
  return (inodes.flags[slot]! & INODE_REMOVED) === 0 ? slot * INODE_WORDS : -1;
}

function readInode(subvolume: FileTree, ino: number): number {
  const { tree } = subvolume;
  if (!tree.find(ino, INODE_MIDDLE, 0)) return -1;
  const from = tree.offset >>> 2;
  // No file has 2^63 bytes or more (FORMAT.md §5).
  if (tree.length !== INODE_SIZE || tree.words[from + INODE_AT_BYTES + 1]! >= 0x80000000)
    throw new Failure("corrupt-node", tree.leaf.block);
  const { inodes } = subvolume.volume;
  const orphan = tree.words[from + INODE_AT_NLINK] === 0 ? INODE_ORPHAN : 0;
  const slot = inodes.add(subvolume.cacheId, ino, INODE_STORED | INODE_HAS_ITEMS | orphan);
  const at = slot * INODE_WORDS;
  inodes.words.set(tree.words.subarray(from, from + INODE_WORDS), at);
  return at;
}

/** The same, to be changed. */
export function changeInode(subvolume: FileTree, ino: number): number {
  const at = loadInode(subvolume, ino);
  if (at >= 0) markChanged(subvolume, at);
  return at;
}

function markChanged({ volume }: FileTree, at: number): void {
  volume.cache.changes++;
  const slot = at / INODE_WORDS;
  if ((volume.inodes.flags[slot]! & INODE_DIRTY) === 0) volume.inodes.markDirty(slot);
}

/**
 * The tree is to hold an item of this inode besides the inode's own: it will have to be looked for when the inode goes.
 */
export function expectItems(subvolume: FileTree, ino: number): void {
  const { inodes } = subvolume.volume;
  const slot = inodes.find(subvolume.cacheId, ino);
  if (slot >= 0) inodes.flags[slot]! |= INODE_HAS_ITEMS;
}

/** False when the tree surely holds nothing of the inode but its own item. */
export function mayHaveItems(subvolume: FileTree, ino: number): boolean {
  const { inodes } = subvolume.volume;
  const slot = inodes.find(subvolume.cacheId, ino);
  return slot < 0 || (inodes.flags[slot]! & INODE_HAS_ITEMS) !== 0;
}

/** Makes a new inode. A directory has two links: its own "." and its name. */
export function initializeInode(
  subvolume: FileTree,
  ino: number,
  mode: number,
  uid: number,
  gid: number,
  rdev: number,
  parent: number,
  project = 0,
): void {
  const { volume } = subvolume;
  const slot = volume.inodes.add(subvolume.cacheId, ino, 0);
  const words = volume.inodes.words;
  const at = slot * INODE_WORDS;
  markChanged(subvolume, at);
  words.fill(0, at, at + INODE_WORDS);
  words[at + INODE_AT_MODE] = mode;
  words[at + INODE_AT_UID] = uid;
  words[at + INODE_AT_GID] = gid;
  words[at + INODE_AT_NLINK] = (mode & 0o170000) === 0o040000 ? 2 : 1;
  words[at + INODE_AT_RDEV] = rdev;
  words[at + INODE_AT_PARENT] = parent;
  putPair(words, at + INODE_AT_GENERATION, volume.generation);
  putTime(words, at + INODE_AT_ATIME, volume.seconds, volume.nanoseconds);
  putTime(words, at + INODE_AT_MTIME, volume.seconds, volume.nanoseconds);
  putTime(words, at + INODE_AT_CTIME, volume.seconds, volume.nanoseconds);
  putTime(words, at + INODE_AT_BTIME, volume.seconds, volume.nanoseconds);
  words[at + INODE_AT_PROJECT] = project;
  subvolume.inodes++;
  subvolume.quotas.countInode(words, at, 1);
}

/** The inode goes, with its pages; what the tree has of it goes when it is settled. */
export function removeInode(subvolume: FileTree, ino: number): void {
  const { inodes, pages } = subvolume.volume;
  const at = changeInode(subvolume, ino);
  if (at < 0) return;
  const slot = at / INODE_WORDS;
  pages.dropFile(slot);
  subvolume.inodes--;
  // Its blocks come back when it is settled; they are nobody's from now on.
  subvolume.quotas.countInode(inodes.words, at, -1);
  if ((inodes.flags[slot]! & (INODE_STORED | INODE_HAS_ITEMS | INODE_ORPHAN)) === 0) inodes.remove(slot);
  else inodes.flags[slot]! |= INODE_REMOVED;
}

/** Stores a time at `words[at …)`. */
export function putTime(words: Uint32Array, at: number, seconds: number, nanoseconds: number): void {
  putPair(words, at, seconds);
  words[at + 2] = nanoseconds;
}

/** Stores a whole number of magnitude below 2^53 as two's complement. */
export function putPair(words: Uint32Array, at: number, value: number): void {
  words[at] = value >>> 0;
  words[at + 1] = Math.floor(value / 0x100000000) >>> 0;
}

export function getPair(words: Uint32Array, at: number): number {
  return words[at]! + (words[at + 1]! | 0) * 0x100000000;
}

/** Size of the inode at `words[at …)`: the block that its end lies in, and the byte there. */
export function sizeBlock(words: Uint32Array, at: number): number {
  return words[at + INODE_AT_BYTES + 1]! * 0x100000 + (words[at + INODE_AT_BYTES]! >>> 12);
}

export function sizeWithin(words: Uint32Array, at: number): number {
  return words[at + INODE_AT_BYTES]! & 0xfff;
}

/** The same in bytes. */
export function inodeSize(words: Uint32Array, at: number): FileOffset {
  const high = words[at + INODE_AT_BYTES + 1]!;
  return high < 0x200000
    ? words[at + INODE_AT_BYTES]! + high * 0x100000000
    : offsetOf(sizeBlock(words, at), sizeWithin(words, at));
}

/**
 * Bytes from a place to the end of the file, negative behind it. Beyond 2^53 it is rounded, which shows to nobody: it
 * has the right sign, and is compared with what fits in memory.
 */
export function bytesToEnd(words: Uint32Array, at: number, block: number, within: number): number {
  return (sizeBlock(words, at) - block) * BLOCK_SIZE + (sizeWithin(words, at) - within);
}

/** Makes the file end at byte `within` of a block, or that far behind it. */
export function putSize(words: Uint32Array, at: number, block: number, within: number): void {
  const last = block + Math.floor(within / BLOCK_SIZE);
  words[at + INODE_AT_BYTES] = (last << 12) | (within % BLOCK_SIZE);
  words[at + INODE_AT_BYTES + 1] = Math.floor(last / 0x100000);
}

/** Stamps mtime and ctime (or ctime alone) of an inode that is being changed. */
export function stamp({ volume }: FileTree, at: number, content: boolean): void {
  if (volume.keepsTimes) return;
  const words = volume.inodes.words;
  if (content) putTime(words, at + INODE_AT_MTIME, volume.seconds, volume.nanoseconds);
  putTime(words, at + INODE_AT_CTIME, volume.seconds, volume.nanoseconds);
}

export function canLink(words: Uint32Array, at: number): boolean {
  return words[at + INODE_AT_NLINK]! < LINK_MAX;
}
