/** From paths to inodes, as path_resolution(7) has it, inside one subvolume. Paths are byte strings here. */
import {
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  NAME_MAX,
  PATH_MAX,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  X_OK,
} from "@stratos/abi";
import { checkAccess } from "../file/permission.ts";
import type { Credentials } from "../file/permission.ts";
import { findEntry } from "../file/directory.ts";
import { loadInode } from "../file/inode.ts";
import { readlink } from "../file/namespace.ts";
import { INODE_AT_MODE, INODE_AT_NLINK, INODE_AT_PARENT, ROOT_INO } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";

/** What the last walk found. */
export const walked = {
  /** Inode of the path, 0 when the last name is not there. */
  ino: 0,
  /** Directory of the last name, and the name: "" for the root, "." or "..", which are directories. */
  parent: 0,
  name: "",
  /** The path ended in a slash: it must be a directory. */
  isDirectory: false,
};

/**
 * Symbolic links at the end: followed; followed when a slash is behind; not followed, for calls that are about the name
 * itself.
 */
type Follow = "always" | "before-slash" | "never";

const LINKS_MAX = 40;
const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Walks to the end of `path`; what the last name leads to need not be there, and the name may be too long (`missing`).
 *
 * @param makes  for open(2) with O_CREAT: −EISDIR for a slash at the end
 * @returns 0, or −ENOENT, −ENOTDIR, −EACCES, −ELOOP, −ENAMETOOLONG. Throws Failure.
 */
export function walk(
  subvolume: Subvolume,
  who: Credentials,
  start: number,
  path: string,
  follow: Follow,
  makes = false,
): number {
  if (path.length === 0) return -ENOENT;
  if (path.length >= PATH_MAX) return -ENAMETOOLONG;
  const { inodes } = subvolume.volume;
  let directory = path.charCodeAt(0) === SLASH ? ROOT_INO : start;
  let links = 0;
  let at = 0;
  walked.isDirectory = false;
  for (;;) {
    while (path.charCodeAt(at) === SLASH) at++;
    if (at === path.length) return ended(directory);
    let end = at + 1;
    while (end < path.length && path.charCodeAt(end) !== SLASH) end++;
    let rest = end;
    while (path.charCodeAt(rest) === SLASH) rest++;
    const isLast = rest === path.length;

    const item = loadInode(subvolume, directory);
    if (item < 0 || inodes.words[item + INODE_AT_NLINK] === 0) return -ENOENT;
    if ((inodes.words[item + INODE_AT_MODE]! & S_IFMT) !== S_IFDIR) return -ENOTDIR;
    if (who.uid !== 0) {
      const refused = checkAccess(subvolume, directory, who, X_OK);
      if (refused < 0) return refused;
    }
    if (path.charCodeAt(at) === DOT && (end === at + 1 || (end === at + 2 && path.charCodeAt(at + 1) === DOT))) {
      if (end === at + 2) directory = inodes.words[item + INODE_AT_PARENT]!;
      if (isLast) return ended(directory);
      at = end;
      continue;
    }
    // A file is not made by a name that ends as a folder's, be it in a symbolic link.
    if (makes && isLast && rest > end) return -EISDIR;
    if (end - at > NAME_MAX && !isLast) return -ENAMETOOLONG;
    const name = at === 0 && end === path.length ? path : path.slice(at, end);
    const ino = name.length > NAME_MAX ? 0 : findEntry(subvolume, directory, name);
    if (ino === 0 && !isLast) return -ENOENT;
    // A slash behind the last name asks for what the link leads to.
    if (ino !== 0 && (!isLast || follow === "always" || (follow === "before-slash" && rest > end))) {
      const target = loadInode(subvolume, ino);
      if (target >= 0 && (inodes.words[target + INODE_AT_MODE]! & S_IFMT) === S_IFLNK) {
        if (++links > LINKS_MAX) return -ELOOP;
        const link = readlink(subvolume, ino);
        if (typeof link === "number") return link;
        path = link + path.slice(end);
        if (path.length >= PATH_MAX) return -ENAMETOOLONG;
        if (path.charCodeAt(0) === SLASH) directory = ROOT_INO;
        at = 0;
        continue;
      }
    }
    if (isLast) {
      walked.ino = ino;
      walked.parent = directory;
      walked.name = name;
      walked.isDirectory = rest > end;
      return 0;
    }
    directory = ino;
    at = end;
  }
}

/** Why the last walk found nothing: calls say it after what else they have to say. */
export function missing(): number {
  return walked.name.length > NAME_MAX ? -ENAMETOOLONG : -ENOENT;
}

function ended(directory: number): number {
  walked.ino = directory;
  walked.parent = directory;
  walked.name = "";
  walked.isDirectory = true;
  return 0;
}
