/**
 * Inodes without a name. They live while they are pinned; the tree lists them (file/settle.ts keeps the list), so that
 * a crash does not lose their space.
 */
import { ENOENT } from "@stratos/abi";
import { KIND_ORPHAN, keyMiddle } from "../format/key.ts";
import { INODE_AT_NLINK } from "../format/inode-item.ts";
import type { FileTree } from "./file-tree.ts";
import { loadInode, removeInode } from "./inode.ts";

export const ORPHAN_MIDDLE = keyMiddle(KIND_ORPHAN, 0);

/** Those that the tree lists. */
export function list(subvolume: FileTree): number[] {
  const tree = subvolume.tree;
  const found: number[] = [];
  for (
    let more = tree.ceiling(0, ORPHAN_MIDDLE, 0);
    more && tree.key(0) === 0 && tree.key(1) === ORPHAN_MIDDLE;
    more = tree.next()
  )
    found.push(tree.key(2));
  return found;
}

/** Frees the inode if it has no name left; 0 also when it has, −ENOENT when it is not there. */
export function free(subvolume: FileTree, ino: number): number {
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  if (subvolume.volume.inodes.words[at + INODE_AT_NLINK] !== 0) return 0;
  removeInode(subvolume, ino);
  return 0;
}

/** Frees now, or with its last pin, an inode that has just lost its last name. */
export function abandon(subvolume: FileTree, ino: number): void {
  if (!subvolume.isPinned(ino)) removeInode(subvolume, ino);
}
