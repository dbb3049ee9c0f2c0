/** Inodes without a name: listed in the tree until they are freed, so that a crash does not lose their space. */
import { ENOENT } from "@stratos/abi";
import { KIND_ORPHAN, keyMiddle } from "../format/key.ts";
import { INODE_AT_NLINK } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { releaseExtents } from "./extents.ts";
import { findInode, INODE_MIDDLE } from "./inode.ts";

const MIDDLE = keyMiddle(KIND_ORPHAN, 0);

export function addOrphan(subvolume: Subvolume, ino: number): void {
  subvolume.tree.insert(0, MIDDLE, ino, 0);
}

export function removeOrphan(subvolume: Subvolume, ino: number): void {
  subvolume.tree.remove(0, MIDDLE, ino);
}

export function list(subvolume: Subvolume): number[] {
  const tree = subvolume.tree;
  const found: number[] = [];
  for (let more = tree.ceiling(0, MIDDLE, 0); more && tree.key(0) === 0 && tree.key(1) === MIDDLE; more = tree.next()) found.push(tree.key(2));
  return found;
}

/** Frees the inode if it has no name left; 0 also when it has, −ENOENT when it is not there. */
export function free(subvolume: Subvolume, ino: number): number {
  const at = findInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  if (subvolume.tree.words[at + INODE_AT_NLINK] !== 0) return 0;
  removeOrphan(subvolume, ino);
  removeInode(subvolume, ino);
  return 0;
}

/** Frees now, or with its last pin, an inode that has just lost its last name. */
export function abandon(subvolume: Subvolume, ino: number): void {
  if (subvolume.isPinned(ino)) addOrphan(subvolume, ino);
  else removeInode(subvolume, ino);
}

function removeInode(subvolume: Subvolume, ino: number): void {
  const tree = subvolume.tree;
  releaseExtents(subvolume, ino, 0, Infinity);
  // What is left is small: the inode, attributes, inline content.
  while (tree.ceiling(ino, INODE_MIDDLE, 0) && tree.key(0) === ino) tree.remove(ino, tree.key(1), tree.key(2));
  subvolume.inodes--;
}
