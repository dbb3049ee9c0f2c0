/**
 * Access control lists with the inodes that they belong to: an inode's mode and its list always say the same (acl(5),
 * CORRESPONDENCE).
 */
import {
  ACL_ACCESS_NAME,
  ACL_DEFAULT_NAME,
  aclMode,
  aclWithMode,
  EACCES,
  EINVAL,
  ENODATA,
  ENOENT,
  EOPNOTSUPP,
  isMinimalAcl,
  parseAcl,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  serializeAcl,
} from "@stratos/abi";
import type { Acl } from "@stratos/abi";
import { INODE_AT_MODE } from "../format/inode-item.ts";
import { changeInode, loadInode, mayHaveItems, stamp } from "./inode.ts";
import { get, remove, set } from "./xattrs.ts";
import type { FileTree } from "./file-tree.ts";
import { accessAcl } from "./permission.ts";

/**
 * Sets the list of that attribute name; an empty one takes it away.
 *
 * @returns 0; −EINVAL for a list that acl_valid(3) refuses, −EACCES for a default list of what is no directory,
 *   −EOPNOTSUPP for a symbolic link or another name, −ENOSPC
 */
export function setAcl(subvolume: FileTree, ino: number, name: string, value: Uint8Array): number {
  const isDefault = name === ACL_DEFAULT_NAME;
  if (!isDefault && name !== ACL_ACCESS_NAME) return -EOPNOTSUPP;
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  const mode = subvolume.volume.inodes.words[at + INODE_AT_MODE]!;
  if ((mode & S_IFMT) === S_IFLNK) return -EOPNOTSUPP;
  const acl = parseAcl(value);
  if (typeof acl === "number") return -EINVAL;
  if (isDefault && (mode & S_IFMT) !== S_IFDIR) return acl.length === 0 ? 0 : -EACCES;
  subvolume.volume.defaultAcls.clear();
  if (!isDefault && acl.length > 0) setMode(subvolume, ino, aclMode(acl));
  // A list that says no more than the mode is not kept.
  if (acl.length === 0 || (!isDefault && isMinimalAcl(acl))) {
    const removed = remove(subvolume, ino, name);
    return removed === -ENODATA ? 0 : removed;
  }
  return set(subvolume, ino, name, value, 0);
}

/** The mode was changed: the list follows. Throws Failure. */
export function followMode(subvolume: FileTree, ino: number, mode: number): void {
  const acl = accessAcl(subvolume, ino);
  if (acl !== null) set(subvolume, ino, ACL_ACCESS_NAME, serializeAcl(aclWithMode(acl, mode)), 0);
}

/**
 * acl(5), OBJECT CREATION: what is made in a directory with a default list gets that, cut by its mode; in another one
 * the umask cuts the mode.
 */
export function inheritAcl(subvolume: FileTree, directory: number, ino: number, umask: number): void {
  const at = loadInode(subvolume, ino);
  const mode = subvolume.volume.inodes.words[at + INODE_AT_MODE]!;
  if ((mode & S_IFMT) === S_IFLNK) return;
  const parent = defaultAcl(subvolume, directory);
  if (parent === null) {
    setMode(subvolume, ino, mode & ~umask & 0o777);
    return;
  }
  if ((mode & S_IFMT) === S_IFDIR) set(subvolume, ino, ACL_DEFAULT_NAME, serializeAcl(parent), 0);
  const own = aclWithMode(parent, aclMode(parent) & mode);
  setMode(subvolume, ino, aclMode(own));
  if (!isMinimalAcl(own)) set(subvolume, ino, ACL_ACCESS_NAME, serializeAcl(own), 0);
}

/** Bound of the memory of which directories have a default list; it is emptied then. */
const DEFAULTS_MAX = 4096;

function defaultAcl(subvolume: FileTree, directory: number): Acl | null {
  if (!mayHaveItems(subvolume, directory)) return null;
  const { defaultAcls } = subvolume.volume;
  const key = subvolume.cacheId * 0x100000000 + directory;
  let acl = defaultAcls.get(key);
  if (acl !== undefined) return acl;
  const value = get(subvolume, directory, ACL_DEFAULT_NAME);
  const parsed = typeof value === "number" ? -EINVAL : parseAcl(value);
  acl = typeof parsed === "number" || parsed.length === 0 ? null : parsed;
  if (defaultAcls.size >= DEFAULTS_MAX) defaultAcls.clear();
  defaultAcls.set(key, acl);
  return acl;
}

/** Sets the permission bits. */
function setMode(subvolume: FileTree, ino: number, permissions: number): void {
  const at = loadInode(subvolume, ino);
  const words = subvolume.volume.inodes.words;
  if ((words[at + INODE_AT_MODE]! & 0o777) === permissions) return;
  const item = changeInode(subvolume, ino);
  words[item + INODE_AT_MODE] = (words[item + INODE_AT_MODE]! & ~0o777) | permissions;
  stamp(subvolume, item, false);
}
