/** Inode items: making one, finding one to change. Layout: format/inode-item.ts. */
import { Failure } from "../failure.ts";
import { LINK_MAX } from "../format/geometry.ts";
import { KIND_INODE, keyMiddle } from "../format/key.ts";
import {
  INODE_AT_ATIME, INODE_AT_BTIME, INODE_AT_BYTES, INODE_AT_CTIME, INODE_AT_GENERATION, INODE_AT_GID, INODE_AT_MODE, INODE_AT_MTIME,
  INODE_AT_NLINK, INODE_AT_PARENT, INODE_AT_RDEV, INODE_AT_UID, INODE_SIZE,
} from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";

export const INODE_MIDDLE = keyMiddle(KIND_INODE, 0);

/** Word index of the inode's value at the tree's position, or −1 when there is no such inode. */
export function findInode(subvolume: Subvolume, ino: number): number {
  return subvolume.tree.find(ino, INODE_MIDDLE, 0) ? placeOf(subvolume) : -1;
}

/** The same, and the value may be changed until the tree is used again. */
export function editInode(subvolume: Subvolume, ino: number): number {
  return subvolume.tree.edit(ino, INODE_MIDDLE, 0) ? placeOf(subvolume) : -1;
}

function placeOf({ tree }: Subvolume): number {
  if (tree.length !== INODE_SIZE) throw new Failure("corrupt-node", tree.leaf.block);
  return tree.offset >>> 2;
}

/** Makes the item of a new inode. A directory has two links: its own "." and its name. */
export function initializeInode(subvolume: Subvolume, ino: number, mode: number, uid: number, gid: number, rdev: number, parent: number): void {
  const { tree, volume } = subvolume;
  const at = tree.insert(ino, INODE_MIDDLE, 0, INODE_SIZE) >>> 2;
  const words = tree.words;
  words.fill(0, at, at + INODE_SIZE / 4);
  words[at + INODE_AT_MODE] = mode;
  words[at + INODE_AT_UID] = uid;
  words[at + INODE_AT_GID] = gid;
  words[at + INODE_AT_NLINK] = (mode & 0o170000) === 0o040000 ? 2 : 1;
  words[at + INODE_AT_RDEV] = rdev;
  words[at + INODE_AT_PARENT] = parent;
  putPair(words, at + INODE_AT_GENERATION, volume.generation);
  for (const time of [INODE_AT_ATIME, INODE_AT_MTIME, INODE_AT_CTIME, INODE_AT_BTIME]) putTime(words, at + time, volume.seconds, volume.nanoseconds);
  subvolume.inodes++;
}

/** Stamps the volume's time at `words[at …)`. */
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

export function inodeSize(words: Uint32Array, at: number): number {
  return getPair(words, at + INODE_AT_BYTES);
}

/** Stamps mtime and ctime (or ctime alone) of an inode that is being changed. */
export function stamp(subvolume: Subvolume, at: number, content: boolean): void {
  const { volume, tree } = subvolume;
  if (content) putTime(tree.words, at + INODE_AT_MTIME, volume.seconds, volume.nanoseconds);
  putTime(tree.words, at + INODE_AT_CTIME, volume.seconds, volume.nanoseconds);
}

export function canLink(words: Uint32Array, at: number): boolean {
  return words[at + INODE_AT_NLINK]! < LINK_MAX;
}
