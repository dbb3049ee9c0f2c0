import { EFBIG, ENOENT, S_IFMT, S_IFREG } from "@stratos/abi";
import {
  INODE_AT_ATIME,
  INODE_AT_BLOCKS,
  INODE_AT_BTIME,
  INODE_AT_CTIME,
  INODE_AT_ENTRIES,
  INODE_AT_FLAGS,
  INODE_AT_GENERATION,
  INODE_AT_GID,
  INODE_AT_MODE,
  INODE_AT_MTIME,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
  INODE_AT_PROJECT,
  INODE_AT_RDEV,
  INODE_AT_UID,
} from "../format/inode-item.ts";
import { INODE_HAS_ITEMS, INODE_WORDS } from "../cache/inode-table.ts";
import { INLINE_SIZE_MAX } from "../format/geometry.ts";
import { INLINE_MIDDLE } from "./data.ts";
import type { FileTree } from "./file-tree.ts";
import { followMode } from "./acl.ts";
import { blockOf, isBeyondFiles, withinOf, type FileOffset } from "./file-offset.ts";
import {
  bytesToEnd,
  changeInode,
  getPair,
  inodeSize,
  loadInode,
  putSize,
  putTime,
  sizeBlock,
  sizeWithin,
} from "./inode.ts";

/** What stat(2) shows. Callers keep one and use it again. */
export class Attributes {
  ino = 0;
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  /** Linux's 32-bit encoding, as makedev of the kernel has it. */
  rdev = 0;
  flags = 0;
  size: FileOffset = 0;
  /** Units of 512 bytes. */
  blocks = 0;
  atimeSeconds = 0;
  atimeNanoseconds = 0;
  mtimeSeconds = 0;
  mtimeNanoseconds = 0;
  ctimeSeconds = 0;
  ctimeNanoseconds = 0;
  btimeSeconds = 0;
  btimeNanoseconds = 0;
  generation = 0;
  project = 0;
  /** Of a directory: its parent, and the number of its entries. */
  parent = 0;
  entries = 0;
}

/** What `setAttributes` is to set. Type bits of the mode stay. */
export const ATTRIBUTE_MODE = 1;
export const ATTRIBUTE_UID = 2;
export const ATTRIBUTE_GID = 4;
export const ATTRIBUTE_ATIME = 8;
export const ATTRIBUTE_MTIME = 16;
export const ATTRIBUTE_CTIME = 32;
export const ATTRIBUTE_FLAGS = 64;
/** The size alone, without touching content: for page caches, whose pages say what lies behind. Only to grow. */
export const ATTRIBUTE_SIZE = 128;
export const ATTRIBUTE_BTIME = 256;
/** The project whose quota counts the file; of a directory, also those of what is made in it from then on. */
export const ATTRIBUTE_PROJECT = 512;

export function readAttributes(subvolume: FileTree, ino: number, into: Attributes): number {
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  const { inodes } = subvolume.volume;
  const words = inodes.words;
  into.ino = ino;
  into.mode = words[at + INODE_AT_MODE]!;
  into.nlink = words[at + INODE_AT_NLINK]!;
  into.uid = words[at + INODE_AT_UID]!;
  into.gid = words[at + INODE_AT_GID]!;
  into.rdev = words[at + INODE_AT_RDEV]!;
  into.flags = words[at + INODE_AT_FLAGS]!;
  into.size = inodeSize(words, at);
  into.blocks = getPair(words, at + INODE_AT_BLOCKS) * 8;
  const slot = at / INODE_WORDS;
  if (into.blocks === 0 && (into.mode & S_IFMT) === S_IFREG && (inodes.flags[slot]! & INODE_HAS_ITEMS) !== 0)
    into.blocks = inlineBlocks(subvolume, ino, sizeBlock(words, at), sizeWithin(words, at));
  const dirtyPages = inodes.dirtyPages[slot]!;
  if (dirtyPages > 0)
    into.blocks = blocksWhenStored(into.blocks, dirtyPages, sizeBlock(words, at), sizeWithin(words, at));
  into.atimeSeconds = getPair(words, at + INODE_AT_ATIME);
  into.atimeNanoseconds = words[at + INODE_AT_ATIME + 2]!;
  into.mtimeSeconds = getPair(words, at + INODE_AT_MTIME);
  into.mtimeNanoseconds = words[at + INODE_AT_MTIME + 2]!;
  into.ctimeSeconds = getPair(words, at + INODE_AT_CTIME);
  into.ctimeNanoseconds = words[at + INODE_AT_CTIME + 2]!;
  into.btimeSeconds = getPair(words, at + INODE_AT_BTIME);
  into.btimeNanoseconds = words[at + INODE_AT_BTIME + 2]!;
  into.generation = getPair(words, at + INODE_AT_GENERATION);
  into.project = words[at + INODE_AT_PROJECT]!;
  into.parent = words[at + INODE_AT_PARENT]!;
  into.entries = words[at + INODE_AT_ENTRIES]!;
  return 0;
}

/**
 * Content that lies within its inode takes no block, and is told as ext4 tells it: a file without blocks is a hole to
 * `tar --sparse`, which would leave out what is in it. Nobody looks whether a file as short is a hole.
 */
function inlineBlocks(subvolume: FileTree, ino: number, endBlock: number, endWithin: number): number {
  if (endBlock === 0 && endWithin <= INLINE_SIZE_MAX) return Math.ceil(endWithin / 512);
  return subvolume.tree.find(ino, INLINE_MIDDLE, 0) ? INLINE_SIZE_MAX / 512 : 0;
}

/**
 * What waits to be stored will take blocks: without them tar and cp would take the file for a hole. A guess where pages
 * replace others.
 */
export function blocksWhenStored(blocks: number, dirtyPages: number, endBlock: number, endWithin: number): number {
  if (blocks < 8 && endBlock === 0 && endWithin <= INLINE_SIZE_MAX) return Math.ceil(endWithin / 512);
  return Math.min(blocks + dirtyPages * 8, Math.max(blocks, (endWithin > 0 ? endBlock + 1 : endBlock) * 8));
}

export function writeAttributes(subvolume: FileTree, ino: number, from: Attributes, mask: number): number {
  const at = changeInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  const words = subvolume.volume.inodes.words;
  if (mask & ATTRIBUTE_MODE) {
    words[at + INODE_AT_MODE] = (words[at + INODE_AT_MODE]! & 0o170000) | (from.mode & 0o7777);
    followMode(subvolume, ino, from.mode);
  }
  if (mask & (ATTRIBUTE_UID | ATTRIBUTE_GID | ATTRIBUTE_PROJECT)) {
    const refused = subvolume.quotas.transfer(
      words,
      at,
      mask & ATTRIBUTE_UID ? from.uid : words[at + INODE_AT_UID]!,
      mask & ATTRIBUTE_GID ? from.gid : words[at + INODE_AT_GID]!,
      mask & ATTRIBUTE_PROJECT ? from.project : words[at + INODE_AT_PROJECT]!,
    );
    if (refused < 0) return refused;
    if (mask & ATTRIBUTE_PROJECT) words[at + INODE_AT_PROJECT] = from.project;
  }
  if (mask & ATTRIBUTE_UID) words[at + INODE_AT_UID] = from.uid;
  if (mask & ATTRIBUTE_GID) words[at + INODE_AT_GID] = from.gid;
  if (mask & ATTRIBUTE_FLAGS) words[at + INODE_AT_FLAGS] = from.flags;
  if (mask & ATTRIBUTE_ATIME) putTime(words, at + INODE_AT_ATIME, from.atimeSeconds, from.atimeNanoseconds);
  if (mask & ATTRIBUTE_MTIME) putTime(words, at + INODE_AT_MTIME, from.mtimeSeconds, from.mtimeNanoseconds);
  if (mask & ATTRIBUTE_CTIME) putTime(words, at + INODE_AT_CTIME, from.ctimeSeconds, from.ctimeNanoseconds);
  if (mask & ATTRIBUTE_BTIME) putTime(words, at + INODE_AT_BTIME, from.btimeSeconds, from.btimeNanoseconds);
  const block = blockOf(from.size);
  const within = withinOf(from.size);
  if (mask & ATTRIBUTE_SIZE && bytesToEnd(words, at, block, within) < 0) {
    if (isBeyondFiles(block, within)) return -EFBIG;
    putSize(words, at, block, within);
    subvolume.volume.log.stored(subvolume, ino, 0, 0);
  }
  return 0;
}
