import {
  EEXIST,
  EINVAL,
  EISDIR,
  EMLINK,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EXDEV,
  DT_DIR,
  DT_REG,
  NAME_MAX,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFCHR,
} from "@stratos/abi";
import { INODE_AT_ENTRIES, INODE_AT_PARENT, ROOT_INO } from "../format/inode-item.ts";
import type { FileTree } from "./file-tree.ts";
import {
  changeDirectory,
  checkDirectory,
  entryType,
  findEntry,
  insertEntry,
  redirectEntry,
  removeEntry,
} from "./directory.ts";
import { canLink, changeInode, loadInode, stamp } from "./inode.ts";
import { create, dropLink, mayEnter } from "./namespace.ts";

/**
 * Moves a name, replacing what is at the new one, or exchanges two (renameat2(2)); with RENAME_WHITEOUT a whiteout of
 * that owner stays behind.
 *
 * @returns 0; −EXDEV into another project; −ENOENT, −ENOTDIR, −EEXIST, −EISDIR, −ENOTEMPTY, −EMLINK, −ENAMETOOLONG;
 *   −EINVAL for a directory moved below itself and for unknown or contradicting flags
 */
export function rename(
  subvolume: FileTree,
  directory: number,
  name: string,
  newDirectory: number,
  newName: string,
  flags: number,
  uid = 0,
  gid = 0,
): number {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  if ((flags & RENAME_EXCHANGE) !== 0 && flags !== RENAME_EXCHANGE) return -EINVAL;
  if (name.length > NAME_MAX || newName.length > NAME_MAX) return -ENAMETOOLONG;
  const checked = checkDirectory(subvolume, directory) || checkDirectory(subvolume, newDirectory);
  if (checked < 0) return checked;

  const target = findEntry(subvolume, newDirectory, newName);
  const targetType = target === 0 ? 0 : entryType(subvolume);
  const ino = findEntry(subvolume, directory, name);
  if (ino === 0) return -ENOENT;
  const type = entryType(subvolume);
  const isDirectory = type === DT_DIR;
  const exchange = flags === RENAME_EXCHANGE;
  if (exchange && target === 0) return -ENOENT;
  if ((flags & RENAME_NOREPLACE) !== 0 && target !== 0) return -EEXIST;
  if (isDirectory && isBelow(subvolume, newDirectory, ino)) return -EINVAL;
  // What is moved lies below what it is to replace.
  if (targetType === DT_DIR && isBelow(subvolume, directory, target)) return exchange ? -EINVAL : -ENOTEMPTY;
  // Two names of one file: nothing happens, rename(2).
  if (ino === target) return 0;
  if (
    directory !== newDirectory &&
    (!mayEnter(subvolume, ino, newDirectory) || (exchange && !mayEnter(subvolume, target, directory)))
  )
    return -EXDEV;

  if (exchange) return swap(subvolume, directory, name, ino, type, newDirectory, newName, target, targetType);

  if (target !== 0) {
    if (isDirectory && targetType !== DT_DIR) return -ENOTDIR;
    if (!isDirectory && targetType === DT_DIR) return -EISDIR;
    const at = loadInode(subvolume, target);
    if (at < 0) return -ENOENT;
    if (isDirectory && subvolume.volume.inodes.words[at + INODE_AT_ENTRIES] !== 0) return -ENOTEMPTY;
  }
  if (isDirectory && directory !== newDirectory && target === 0) {
    const at = loadInode(subvolume, newDirectory);
    if (!canLink(subvolume.volume.inodes.words, at)) return -EMLINK;
  }

  if (target !== 0) redirectEntry(subvolume, newDirectory, newName, ino, type);
  else {
    const inserted = insertEntry(subvolume, newDirectory, newName, ino, type);
    if (inserted < 0) return inserted;
  }
  removeEntry(subvolume, directory, name);
  const subdirectories = isDirectory ? 1 : 0;
  changeDirectory(subvolume, directory, -1, -subdirectories);
  changeDirectory(subvolume, newDirectory, target === 0 ? 1 : 0, target === 0 ? subdirectories : 0);
  settle(subvolume, ino, isDirectory, newDirectory);
  if (target !== 0) {
    dropLink(subvolume, target);
    if (type === DT_REG) subvolume.volume.log.movedOver(subvolume, ino);
  }
  // A character device 0:0 tells overlays that a name below is not to be seen.
  if ((flags & RENAME_WHITEOUT) !== 0) return Math.min(0, create(subvolume, directory, name, S_IFCHR, uid, gid, 0));
  return 0;
}

function swap(
  subvolume: FileTree,
  directory: number,
  name: string,
  ino: number,
  type: number,
  newDirectory: number,
  newName: string,
  target: number,
  targetType: number,
): number {
  redirectEntry(subvolume, directory, name, target, targetType);
  redirectEntry(subvolume, newDirectory, newName, ino, type);
  const change = (type === DT_DIR ? 1 : 0) - (targetType === DT_DIR ? 1 : 0);
  changeDirectory(subvolume, directory, 0, directory === newDirectory ? 0 : -change);
  changeDirectory(subvolume, newDirectory, 0, directory === newDirectory ? 0 : change);
  settle(subvolume, ino, type === DT_DIR, newDirectory);
  settle(subvolume, target, targetType === DT_DIR, directory);
  if (type === DT_REG) subvolume.volume.log.movedOver(subvolume, ino);
  if (targetType === DT_REG) subvolume.volume.log.movedOver(subvolume, target);
  return 0;
}

/** The inode is in `parent` now. */
function settle(subvolume: FileTree, ino: number, isDirectory: boolean, parent: number): void {
  const at = changeInode(subvolume, ino);
  if (at < 0) return;
  if (isDirectory) subvolume.volume.inodes.words[at + INODE_AT_PARENT] = parent;
  stamp(subvolume, at, false);
}

/** True when the directory `ino` is `ancestor` or lies below it. */
function isBelow(subvolume: FileTree, ino: number, ancestor: number): boolean {
  for (let steps = 0; steps < DEPTH_MAX; steps++) {
    if (ino === ancestor) return true;
    if (ino === ROOT_INO) return false;
    const at = loadInode(subvolume, ino);
    if (at < 0) return false;
    ino = subvolume.volume.inodes.words[at + INODE_AT_PARENT]!;
  }
  return true;
}

/**
 * More levels than any honest tree of directories has (each takes an inode and a block's share): ends a forged loop.
 */
const DEPTH_MAX = 1 << 20;
