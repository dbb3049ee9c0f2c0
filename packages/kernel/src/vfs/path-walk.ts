/**
 * path_resolution(7). One walk goes on at a time and keeps its place in the module's `walker`, so that a walk over
 * cached names allocates nothing; its results stay valid until the next walk.
 */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EBADF,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EXDEV,
  MS_NOSYMFOLLOW,
  NAME_MAX,
  PATH_MAX,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  isErrno,
} from "@stratos/abi";
import { whenForgotten } from "@stratos/base";
import { checkAccess, MAY_EXEC } from "../security/permission.ts";
import { touchLink } from "./access-time.ts";
import { pathOfFile } from "./anonymous-file.ts";
import type { Dentry } from "./dentry.ts";
import { believedChild, lookupChild, pruneDentries } from "./dentry-cache.ts";
import { type Mount, shownOn } from "./mount.ts";
import { OpenFile } from "./open-file.ts";
import { Path } from "./path.ts";
import { mayFollow } from "./protected-names.ts";
import type { Caller } from "./vfs-kernel.ts";

/** Follow a symbolic link in the last component. */
export const WALK_FOLLOW = 1;
/** An absent last component is a result (a negative entry), not ENOENT. */
export const WALK_CREATE = 2;
/** The last component is a name to be changed: it is neither followed nor crossed into a mount. Implies WALK_CREATE. */
const WALK_NAME = 4;

/** What the last component was: a name, ".", ".." or nothing but slashes. */
export type LastKind = "name" | "dot" | "dotdot" | "root";

/** MAXSYMLINKS (path_resolution(7)). */
const LINKS_MAX = 40;
const SLASH = 47,
  DOT = 46;
/** Not a result of `walk`: a folder that was passed without a question isn't there any more. */
const MISLED = 1;

class Walker {
  mount!: Mount;
  dentry!: Dentry;
  lastKind: LastKind = "root";
  /** The path ended in slashes: the last component must be (or become) a directory. */
  trailingSlash = false;
  /** The walk ended in a magic link to this description (/proc/PID/fd/N). */
  file: OpenFile | null = null;
}

/** Result of the last successful walk. */
export const walker = new Walker();
whenForgotten(() => void Object.assign(walker, new Walker()));

/**
 * Walks from `start` (absolute paths from the task's root) and leaves the place in `walker`.
 *
 * @param resolve  RESOLVE_* of openat2(2)
 * @returns 0, or −EACCES (no search permission), −ENOENT, −ENOTDIR, −ELOOP, −ENAMETOOLONG, −EXDEV, −EIO
 */
export function walk(task: Caller, start: Path, path: string, mode: number, resolve = 0): number {
  const result = walkFrom(task, start, path, mode, resolve, true);
  return result === MISLED ? walkFrom(task, start, path, mode, resolve, false) : result;
}

/**
 * @param believes  passes through what was found lately (`Inode.isBelievedAs`)
 * @returns as `walk`, or MISLED of one that believes
 */
function walkFrom(task: Caller, start: Path, path: string, mode: number, resolve: number, believes: boolean): number {
  const kernel = task.kernel;
  const fs = task.fs;
  const credentials = task.credentials;
  const isScoped = (resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT)) !== 0;
  const root = isScoped ? start : fs.root;
  if (kernel.vfs.dentryCount > kernel.vfs.dentriesMost) pruneDentries(kernel);
  if (path.length >= PATH_MAX) return -ENAMETOOLONG;
  let mount = start.mount;
  let dentry = start.dentry;
  if (path.charCodeAt(0) === SLASH) {
    if ((resolve & RESOLVE_BENEATH) !== 0) return -EXDEV;
    // A path that begins at the root begins on its mount, also with RESOLVE_NO_XDEV; a link that leads there may not.
    mount = root.mount;
    dentry = root.dentry;
  }
  let links = 0;
  let at = 0;
  let hasBelieved = false;
  walker.file = null;
  walker.lastKind = "root";
  walker.trailingSlash = false;
  for (;;) {
    while (path.charCodeAt(at) === SLASH) at++;
    if (at >= path.length) break;
    const inode = dentry.inode;
    if (inode === null) return -ENOENT;
    if (!inode.isDirectory) return -ENOTDIR;
    if (checkAccess(credentials, shownOn(mount, inode), MAY_EXEC) < 0) {
      // Of some folders more than their mode says who goes through (proc_fd_permission).
      const denied = inode.mayAccess(task, MAY_EXEC, mount);
      if (denied < 0) return denied;
    }
    let end = path.indexOf("/", at);
    if (end < 0) end = path.length;
    let next = end;
    while (path.charCodeAt(next) === SLASH) next++;
    const isLast = next >= path.length;
    const hasSlash = next > end;
    if (isLast) walker.trailingSlash = hasSlash;
    const length = end - at;
    if (path.charCodeAt(at) === DOT && length === 1) {
      if (isLast) walker.lastKind = "dot";
      at = next;
      continue;
    }
    if (length === 2 && path.charCodeAt(at) === DOT && path.charCodeAt(at + 1) === DOT) {
      if (isLast) walker.lastKind = "dotdot";
      // No lookup follows that would tell of a folder that is gone by itself (fs/namei.c, may_lookup).
      const refused = inode.mayAccess(task, MAY_EXEC, mount);
      if (refused < 0) return refused;
      // As a name it isn't gone to: rename(2) asks which mount it would be changed on (fs/namei.c, filename_parentat).
      if (isLast && (mode & WALK_NAME) !== 0) break;
      if ((resolve & RESOLVE_BENEATH) !== 0 && dentry === root.dentry && mount === root.mount) return -EXDEV;
      while (dentry === mount.root && !(dentry === root.dentry && mount === root.mount) && mount.parent !== null) {
        if ((resolve & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
        dentry = mount.mountPoint!;
        mount = mount.parent;
      }
      if (!(dentry === root.dentry && mount === root.mount) && dentry !== mount.root && dentry.parent !== null)
        dentry = dentry.parent;
      for (
        let over = dentry.mountCount > 0 ? mountedOn(mount, dentry) : null;
        over !== null;
        over = mountedOn(mount, dentry)
      ) {
        mount = over;
        dentry = over.root;
      }
      at = next;
      continue;
    }
    // No file is made by such a name, whatever stands there (fs/namei.c, lookup_fast_for_open).
    if (isLast && hasSlash && (mode & WALK_CREATE) !== 0) return -EISDIR;
    if (length > NAME_MAX && length > inode.fileSystem.nameMost) return -ENAMETOOLONG;
    const name = at === 0 && end === path.length ? path : path.slice(at, end);
    let child = believes && !isLast && path.charCodeAt(next) !== DOT ? believedChild(dentry, name) : null;
    if (child !== null) hasBelieved = true;
    else {
      const found = lookupChild(kernel, dentry, name);
      if (hasBelieved && (isErrno(found) || found.inode === null) && inode.wasMisled) return MISLED;
      if (isErrno(found)) return found;
      child = found;
    }
    if (isLast) walker.lastKind = "name";
    if (child.inode === null) {
      if (!isLast || (mode & (WALK_CREATE | WALK_NAME)) === 0) return -ENOENT;
      walker.mount = mount;
      walker.dentry = child;
      return 0;
    }
    // What is mounted there comes first: also over a link, and it may be a link itself.
    let on = mount;
    let target = child;
    if (child.mountCount > 0 && !(isLast && (mode & WALK_NAME) !== 0)) {
      for (let over = mountedOn(on, target); over !== null; over = mountedOn(on, target)) {
        if ((resolve & RESOLVE_NO_XDEV) !== 0) return -EXDEV;
        on = over;
        target = over.root;
        over.isExpiring = false;
      }
    }
    const found = target.inode!;
    if (found.isSymlink && (!isLast || ((hasSlash || (mode & WALK_FOLLOW) !== 0) && (mode & WALK_NAME) === 0))) {
      if (++links > LINKS_MAX || (resolve & RESOLVE_NO_SYMLINKS) !== 0 || (on.flags & MS_NOSYMFOLLOW) !== 0)
        return -ELOOP;
      const refused = isLast
        ? mayFollow(kernel.vfs.protects, credentials, shownOn(mount, inode), shownOn(on, found))
        : 0;
      if (refused < 0) return refused;
      const magic = found.followMagic(task);
      if (magic !== null) {
        if (isErrno(magic)) return magic;
        if ((resolve & RESOLVE_NO_MAGICLINKS) !== 0) return -ELOOP;
        if (isScoped) return -EXDEV;
        const place = magic instanceof OpenFile ? pathOfFile(kernel, magic) : magic;
        // fs/namei.c, nd_jump_link
        if ((resolve & RESOLVE_NO_XDEV) !== 0 && place.mount !== mount) return -EXDEV;
        if (magic instanceof OpenFile && isLast) walker.file = magic;
        mount = place.mount;
        dentry = place.dentry;
        at = next;
        continue;
      }
      const text = found.readlink(task);
      if (isErrno(text)) return text;
      touchLink(kernel, found, on);
      if (text === "") return -ENOENT;
      if (text.charCodeAt(0) === SLASH) {
        if ((resolve & RESOLVE_BENEATH) !== 0 || ((resolve & RESOLVE_NO_XDEV) !== 0 && mount !== root.mount))
          return -EXDEV;
        mount = root.mount;
        dentry = root.dentry;
      }
      // What is left goes behind the target; a trailing slash stays.
      path = end < path.length ? text + path.slice(end) : text;
      if (path.length >= PATH_MAX) return -ENAMETOOLONG;
      at = 0;
      walker.lastKind = "root";
      continue;
    }
    mount = on;
    dentry = target;
    if (isLast && (mode & WALK_NAME) !== 0) break;
    at = next;
  }
  if (walker.trailingSlash && (mode & WALK_NAME) === 0 && dentry.inode !== null && !dentry.inode.isDirectory)
    return -ENOTDIR;
  walker.mount = mount;
  walker.dentry = dentry;
  return 0;
}

/** A walk stays in the namespace of the mount that it is on, or what went with it, which a descriptor may lead to. */
function mountedOn(mount: Mount, dentry: Dentry): Mount | null {
  return mount.namespace === null
    ? (mount.held?.byPoint.get(dentry) ?? null)
    : mount.namespace.mountedAt(mount, dentry);
}

/**
 * Where a relative path starts: the working directory for AT_FDCWD, else the directory of a descriptor (EBADF,
 * ENOTDIR).
 * @param resolve  RESOLVE_IN_ROOT and RESOLVE_BENEATH make `dirfd` count for absolute paths, too
 */
export function startOf(task: Caller, dirfd: number, path: string, resolve = 0): Path | number {
  if (dirfd === AT_FDCWD || (path.charCodeAt(0) === SLASH && (resolve & RESOLVE_IN_ROOT) === 0)) return task.fs.cwd;
  const file = task.files.get(dirfd);
  if (file === undefined) return -EBADF;
  if (file.path === null || file.inode?.isDirectory !== true) return -ENOTDIR;
  return file.path;
}

/**
 * As `walk`, from a descriptor: result in `walker`.
 *
 * @param flags  AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH (an empty path means `dirfd` itself, whatever it is)
 */
export function walkAt(task: Caller, dirfd: number, path: string, flags: number): number {
  if (path === "") {
    if ((flags & AT_EMPTY_PATH) === 0) return -ENOENT;
    let place = task.fs.cwd;
    if (dirfd !== AT_FDCWD) {
      const file = task.files.get(dirfd);
      if (file === undefined) return -EBADF;
      place = pathOfFile(task.kernel, file);
      walker.file = file;
    } else walker.file = null;
    walker.mount = place.mount;
    walker.dentry = place.dentry;
    walker.lastKind = "dot";
    walker.trailingSlash = false;
    return 0;
  }
  const start = startOf(task, dirfd, path);
  if (isErrno(start)) return start;
  return walk(task, start, path, (flags & AT_SYMLINK_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW);
}

/** The existing file that a path leads to. Retain the result before storing it. */
export function lookupPath(task: Caller, dirfd: number, path: string, flags: number): Path | number {
  const failed = walkAt(task, dirfd, path, flags);
  return failed < 0 ? failed : new Path(walker.mount, walker.dentry);
}

/** As lookupPath, for a directory that the caller may search: chdir(2), chroot(2). */
export function lookupDirectory(task: Caller, dirfd: number, path: string): Path | number {
  const place = lookupPath(task, dirfd, path, 0);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  if (!inode.isDirectory) return -ENOTDIR;
  const refused = inode.askAccess(task, MAY_EXEC, place.mount);
  return refused < 0 ? refused : place;
}

/**
 * The name that a path ends in, for calls that make or remove it: a path whose entry may be negative. `walker.lastKind`
 * and `walker.trailingSlash` tell the rest.
 */
export function lookupName(task: Caller, dirfd: number, path: string): Path | number {
  if (path === "") return -ENOENT;
  const start = startOf(task, dirfd, path);
  if (isErrno(start)) return start;
  const failed = walk(task, start, path, WALK_NAME);
  if (failed < 0) return failed;
  // No name is looked up in a folder that is gone, whatever else there is to say (fs/namei.c, lookup_dcache).
  const { dentry, lastKind } = walker;
  if (lastKind === "name" && dentry.inode === null && dentry.parent?.inode?.nlink === 0) return -ENOENT;
  return new Path(walker.mount, dentry);
}
