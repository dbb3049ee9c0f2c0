/**
 * Names: lookup, creation, links and removal. Renaming is in rename.ts. Errors: open(2), link(2), unlink(2), rmdir(2),
 * symlink(2).
 */
import { byteString } from "@stratos/base";
import {
  DT_DIR,
  EEXIST,
  EINVAL,
  EISDIR,
  EMLINK,
  ENAMETOOLONG,
  ENOENT,
  ENOSPC,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EXDEV,
  NAME_MAX,
  PATH_MAX,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from "@stratos/abi";
import { Failure } from "../failure.ts";
import { KIND_INLINE, keyMiddle } from "../format/key.ts";
import {
  INODE_AT_BYTES,
  INODE_AT_ENTRIES,
  INODE_AT_MODE,
  INODE_AT_NLINK,
  INODE_AT_PROJECT,
} from "../format/inode-item.ts";
import type { FileTree } from "./file-tree.ts";
import { changeDirectory, checkDirectory, entryType, findEntry, insertEntry, removeEntry } from "./directory.ts";
import { canLink, changeInode, expectItems, initializeInode, loadInode, putPair, stamp } from "./inode.ts";
import { inheritProperties } from "./properties.ts";
import { findExtent, foundExtent, isLost } from "./extents.ts";
import { abandon } from "./orphans.ts";

const INLINE_MIDDLE = keyMiddle(KIND_INLINE, 0);
const INO_MAX = 0xffffffff;

export function lookup(subvolume: FileTree, directory: number, name: string): number {
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  const ino = findEntry(subvolume, directory, name);
  if (ino !== 0) return ino;
  const checked = checkDirectory(subvolume, directory);
  return checked < 0 ? checked : -ENOENT;
}

/** 0 when `name` can be made in the directory. */
function checkNewName(subvolume: FileTree, directory: number, name: string): number {
  if (name.length === 0) return -ENOENT;
  if (name.length > NAME_MAX) return -ENAMETOOLONG;
  const checked = checkDirectory(subvolume, directory);
  if (checked < 0) return checked;
  return findEntry(subvolume, directory, name) !== 0 ? -EEXIST : 0;
}

export function create(
  subvolume: FileTree,
  directory: number,
  name: string,
  mode: number,
  uid: number,
  gid: number,
  rdev: number,
): number {
  const checked = checkNewName(subvolume, directory, name);
  if (checked < 0) return checked;
  if (subvolume.nextIno >= INO_MAX) return -ENOSPC;
  const isDirectory = (mode & S_IFMT) === S_IFDIR;
  if (isDirectory) {
    const at = loadInode(subvolume, directory);
    if (!canLink(subvolume.volume.inodes.words, at)) return -EMLINK;
  }
  const project = projectOf(subvolume, directory);
  const refused = subvolume.quotas.mayCreate(uid, gid, project);
  if (refused < 0) return refused;
  const ino = subvolume.nextIno;
  const inserted = insertEntry(subvolume, directory, name, ino, typeOf(mode));
  if (inserted < 0) return inserted;
  subvolume.nextIno++;
  initializeInode(subvolume, ino, mode, uid, gid, rdev, isDirectory ? directory : 0, project);
  if (subvolume.volume.usesProperties) inheritProperties(subvolume, directory, ino);
  changeDirectory(subvolume, directory, 1, isDirectory ? 1 : 0);
  return ino;
}

/** Files do not go into another project's folders by their names alone: its usage would not count them. */
export function mayEnter(subvolume: FileTree, ino: number, directory: number): boolean {
  const project = projectOf(subvolume, directory);
  return project === 0 || projectOf(subvolume, ino) === project;
}

/** A folder's project: what is made in it or comes into it belongs to it, too. */
function projectOf(subvolume: FileTree, ino: number): number {
  const at = loadInode(subvolume, ino);
  return at < 0 ? 0 : subvolume.volume.inodes.words[at + INODE_AT_PROJECT]!;
}

/** @param directory  whose project and properties it has; 0: none's, for a file that nobody will name */
export function createUnnamed(subvolume: FileTree, directory: number, mode: number, uid: number, gid: number): number {
  if (subvolume.nextIno >= INO_MAX) return -ENOSPC;
  const project = projectOf(subvolume, directory);
  const refused = subvolume.quotas.mayCreate(uid, gid, project);
  if (refused < 0) return refused;
  const ino = subvolume.nextIno++;
  initializeInode(subvolume, ino, mode, uid, gid, 0, 0, project);
  if (subvolume.volume.usesProperties) inheritProperties(subvolume, directory, ino);
  const at = changeInode(subvolume, ino);
  subvolume.volume.inodes.words[at + INODE_AT_NLINK] = 0;
  return ino;
}

export function symlink(
  subvolume: FileTree,
  directory: number,
  name: string,
  target: string,
  uid: number,
  gid: number,
): number {
  if (target.length === 0) return -ENOENT;
  if (target.length >= PATH_MAX) return -ENAMETOOLONG;
  const ino = create(subvolume, directory, name, S_IFLNK | 0o777, uid, gid, 0);
  if (ino < 0) return ino;
  const { tree } = subvolume;
  expectItems(subvolume, ino);
  const offset = tree.insert(ino, INLINE_MIDDLE, 0, target.length);
  for (let index = 0; index < target.length; index++) tree.bytes[offset + index] = target.charCodeAt(index);
  const at = changeInode(subvolume, ino);
  putPair(subvolume.volume.inodes.words, at + INODE_AT_BYTES, target.length);
  return ino;
}

export function readlink(subvolume: FileTree, ino: number): string | number {
  const { tree } = subvolume;
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  if ((subvolume.volume.inodes.words[at + INODE_AT_MODE]! & S_IFMT) !== S_IFLNK) return -EINVAL;
  if (!tree.find(ino, INLINE_MIDDLE, 0)) {
    if (findExtent(subvolume, ino, 0) && isLost(foundExtent.flags)) throw new Failure("corrupt-data", -1);
    return -EINVAL;
  }
  return byteString(tree.bytes, tree.offset, tree.offset + tree.length);
}

export function link(subvolume: FileTree, ino: number, directory: number, name: string): number {
  const { inodes, log } = subvolume.volume;
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  const mode = inodes.words[at + INODE_AT_MODE]!;
  // Pins end with a crash: what lives by one cannot be named again by doing it over.
  if (inodes.words[at + INODE_AT_NLINK] === 0) log.skip();
  if ((mode & S_IFMT) === S_IFDIR) return -EPERM;
  if (!canLink(inodes.words, at)) return -EMLINK;
  const checked = checkNewName(subvolume, directory, name);
  if (checked < 0) return checked;
  if (!mayEnter(subvolume, ino, directory)) return -EXDEV;
  const inserted = insertEntry(subvolume, directory, name, ino, typeOf(mode));
  if (inserted < 0) return inserted;
  changeDirectory(subvolume, directory, 1, 0);
  const item = changeInode(subvolume, ino);
  inodes.words[item + INODE_AT_NLINK]!++;
  stamp(subvolume, item, false);
  return 0;
}

export function unlink(subvolume: FileTree, directory: number, name: string): number {
  const ino = lookup(subvolume, directory, name);
  if (ino < 0) return ino;
  if (entryType(subvolume) === DT_DIR) return -EISDIR;
  removeEntry(subvolume, directory, name);
  changeDirectory(subvolume, directory, -1, 0);
  dropLink(subvolume, ino);
  return 0;
}

export function rmdir(subvolume: FileTree, directory: number, name: string): number {
  const ino = lookup(subvolume, directory, name);
  if (ino < 0) return ino;
  if (entryType(subvolume) !== DT_DIR) return -ENOTDIR;
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  if (subvolume.volume.inodes.words[at + INODE_AT_ENTRIES] !== 0) return -ENOTEMPTY;
  removeEntry(subvolume, directory, name);
  changeDirectory(subvolume, directory, -1, -1);
  dropLink(subvolume, ino);
  return 0;
}

/** An entry of the inode is gone. A directory, which is empty then, loses its "." with it. */
export function dropLink(subvolume: FileTree, ino: number): void {
  const at = changeInode(subvolume, ino);
  if (at < 0) return;
  const words = subvolume.volume.inodes.words;
  const isDirectory = (words[at + INODE_AT_MODE]! & S_IFMT) === S_IFDIR;
  const links = isDirectory ? 0 : words[at + INODE_AT_NLINK]! - 1;
  words[at + INODE_AT_NLINK] = links;
  stamp(subvolume, at, false);
  if (links === 0) abandon(subvolume, ino);
}

/** DT_* of a mode: its type bits, shifted (dirent.h, IFTODT). */
function typeOf(mode: number): number {
  return (mode & S_IFMT) >>> 12;
}
