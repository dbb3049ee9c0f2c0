/**
 * Making, removing and moving names: mkdir(2), mknod(2), unlink(2), rmdir(2), link(2), symlink(2), rename(2). All
 * return 0 or a negated errno.
 */
import {
  BPF_DEVCG_ACC_MKNOD,
  EBUSY,
  EEXIST,
  EINVAL,
  EISDIR,
  EMLINK,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EOVERFLOW,
  EPERM,
  EROFS,
  EXDEV,
  FS_APPEND_FL,
  LANDLOCK_ACCESS_FS_REMOVE_DIR,
  LANDLOCK_ACCESS_FS_REMOVE_FILE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_ISGID,
  CAP_FSETID,
  CAP_MKNOD,
  isErrno,
} from "@stratos/abi";
import { isCapable, isInGroup } from "../security/credentials.ts";
import { checkLandlockChange, checkLandlockMove } from "./landlock-paths.ts";
import {
  checkAccess,
  checkSticky,
  isCapableOver,
  isKept,
  isUnmapped,
  MAY_EXEC,
  MAY_WRITE,
} from "../security/permission.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { defaultAclOf, inheritAcl } from "./acl-inheritance.ts";
import { Dentry, isBelow } from "./dentry.ts";
import { exchangeDentries, fillDentry, moveDentry, unlinkDentry } from "./dentry-cache.ts";
import { notifyMove, notifyName } from "./file-events.ts";
import type { Inode, NewInode } from "./inode.ts";
import { type Mount, shownOn } from "./mount.ts";
import { type LastKind, lookupName, lookupPath, walker } from "./path-walk.ts";
import { Path } from "./path.ts";
import { drainBeforeRename } from "./write-back.ts";
import { mayLink } from "./protected-names.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** LINK_MAX of ext4, which programs know (pathconf(3)). */
const LINK_MAX = 65000;

/** Attributes of a new file in `directory`: owner, inherited group, umask (unless a default ACL rules). */
export function newInodeFor(task: Caller, mount: Mount, directory: Inode, mode: number, rdev: number): NewInode {
  const { credentials } = task;
  const { idMap } = mount;
  let bits = defaultAclOf(directory) !== null ? mode : mode & ~task.fs.umask;
  const uid = idMap === null ? credentials.fsuid : idMap.keptUid(credentials.fsuid);
  let gid = idMap === null ? credentials.fsgid : idMap.keptGid(credentials.fsgid);
  if ((directory.mode & S_ISGID) !== 0) {
    ({ gid } = directory);
    const shown = shownOn(mount, directory);
    if ((mode & S_IFMT) === S_IFDIR) bits |= S_ISGID;
    // A program of a group that its maker isn't in would give it that group (Linux, mode_strip_sgid).
    else if (
      (mode & 0o2010) === 0o2010 &&
      !isInGroup(credentials, shown.gid) &&
      !isCapableOver(credentials, shown, CAP_FSETID)
    )
      bits &= ~S_ISGID;
  }
  return { mode: bits, uid, gid, rdev, now: task.kernel.vfs.now() };
}

/** May names in this directory change? EROFS, EACCES, and ENOENT for one that was removed. */
function mayChange(task: Caller, place: Path): number {
  const directory = place.dentry.parent?.inode;
  if (!directory) return -ENOENT;
  if (place.mount.isReadOnly) return -EROFS;
  if (directory.nlink === 0) return -ENOENT;
  return checkAccess(task.credentials, shownOn(place.mount, directory), MAY_WRITE | MAY_EXEC);
}

/**
 * Has it given up doing that in the folder of the name (landlock(7))? @param right  0: to make a file of that mode
 */
function checkLandlock({ credentials: { landlock } }: Caller, place: Path, right: number, mode = 0): number {
  return landlock === null ? 0 : checkLandlockChange(landlock, place, right, mode);
}

function mayCreate(task: Caller, place: Path, mode: number): number {
  return checkLandlock(task, place, 0, mode) || mayAdd(task, place);
}

/**
 * May the caller add a name there? He needs numbers on the mount and in the file system's user namespace (EOVERFLOW,
 * user_namespaces(7); fs/namei.c, may_create).
 */
function mayAdd(task: Caller, place: Path): number {
  const refused = mayChange(task, place);
  return refused === -EROFS || refused === -ENOENT || hasOwnersFor(task, place.mount) ? refused : -EOVERFLOW;
}

export function hasOwnersFor({ credentials: { fsuid, fsgid } }: Caller, { fileSystem, idMap }: Mount): boolean {
  if (idMap !== null) return idMap.keptUid(fsuid) >= 0 && idMap.keptGid(fsgid) >= 0;
  return fileSystem.userNamespace.parent === null || fileSystem.userNamespace.hasIds(fsuid, fsgid);
}

/**
 * Makes a file under a negative entry, which is then its name, whoever may: the rights were looked at.
 * @param make  a file of the folder with that name, or why not
 */
export function addEntry(kernel: VfsKernel, entry: Dentry, make: (directory: Inode) => Inode | number): Inode | number {
  const directory = entry.parent!.inode!;
  const inode = make(directory);
  if (isErrno(inode)) return inode;
  fillDentry(kernel, entry, inode);
  notifyName(kernel, directory, entry.name, inode, "create");
  return inode;
}

/**
 * Makes a file of any type but symbolic link under a negative entry, which is then its name. Used with a fresh `place`.
 *
 * @param openFlags  O_*, if it is made to be opened
 */
export function createUnder(task: Caller, place: Path, mode: number, rdev: number, openFlags?: number): number {
  return mayCreate(task, place, mode) || createPermitted(task, place, mode, rdev, openFlags);
}

function createPermitted(task: Caller, place: Path, mode: number, rdev: number, openFlags?: number): number {
  const directory = place.dentry.parent!.inode!;
  const attributes = newInodeFor(task, place.mount, directory, mode, rdev);
  if (openFlags !== undefined) attributes.openFlags = openFlags;
  const isDirectory = (mode & S_IFMT) === S_IFDIR;
  if (isDirectory && directory.nlink >= LINK_MAX) return -EMLINK;
  const { name } = place.dentry;
  const made = addEntry(task.kernel, place.dentry, () => {
    const inode = isDirectory ? directory.mkdir(name, attributes) : directory.create(name, attributes);
    if (!isErrno(inode)) inheritAcl(directory, inode, mode);
    return inode;
  });
  return isErrno(made) ? made : 0;
}

/** mkdirat(2). */
export function makeDirectory(task: Caller, dirfd: number, path: string, mode: number): number {
  const place = lookupName(task, dirfd, path);
  if (isErrno(place)) return place;
  if (walker.lastKind !== "name" || place.dentry.inode !== null) return -EEXIST;
  return createUnder(task, place, S_IFDIR | (mode & 0o1777), 0);
}

/** mknodat(2); `mode` with its type. Also how a Unix socket gets its name. */
export function makeNode(task: Caller, dirfd: number, path: string, mode: number, rdev: number): Path | number {
  const kind = mode & S_IFMT;
  const place = lookupName(task, dirfd, path);
  if (isErrno(place)) return place;
  if (walker.lastKind !== "name" || place.dentry.inode !== null) return -EEXIST;
  if (walker.trailingSlash) return -ENOENT;
  const refused = mayCreate(task, place, mode);
  if (refused < 0) return refused;
  // A whiteout is no device that anybody could open.
  const isDevice = kind === S_IFBLK || (kind === S_IFCHR && rdev !== 0);
  if (isDevice && !isCapable(task.credentials, CAP_MKNOD)) return -EPERM;
  if (isDevice && !task.mayUseDevice(kind, rdev, BPF_DEVCG_ACC_MKNOD)) return -EPERM;
  const failed = createPermitted(task, place, mode, kind === S_IFCHR || kind === S_IFBLK ? rdev : 0);
  return failed < 0 ? failed : place;
}

/** symlinkat(2). */
export function makeSymlink(task: Caller, target: string, dirfd: number, path: string): number {
  if (target === "") return -ENOENT;
  const place = lookupName(task, dirfd, path);
  if (isErrno(place)) return place;
  if (walker.lastKind !== "name" || place.dentry.inode !== null) return -EEXIST;
  if (walker.trailingSlash) return -ENOENT;
  const refused = mayCreate(task, place, S_IFLNK);
  if (refused < 0) return refused;
  const made = addEntry(task.kernel, place.dentry, (directory) =>
    directory.symlink(place.dentry.name, target, newInodeFor(task, place.mount, directory, 0o120777, 0)),
  );
  return isErrno(made) ? made : 0;
}

/** linkat(2); `source` was looked up by the caller. */
function makeLink(task: Caller, source: Path, dirfd: number, path: string): number {
  const inode = source.dentry.inode!;
  const place = lookupName(task, dirfd, path);
  if (isErrno(place)) return place;
  if (walker.lastKind !== "name" || place.dentry.inode !== null) return -EEXIST;
  if (walker.trailingSlash) return -ENOENT;
  if (place.mount.isReadOnly) return -EROFS;
  if (source.mount !== place.mount) return -EXDEV;
  const shown = shownOn(source.mount, inode);
  if (isUnmapped(shown)) return -EOVERFLOW;
  const refused =
    mayLink(task.kernel.vfs.protects, task.credentials, shown) ||
    checkMove(task, source, place, { isRemoved: false, exchanges: false }) ||
    mayAdd(task, place);
  if (refused < 0) return refused;
  if (inode.isDirectory || isKept(inode)) return -EPERM;
  const directory = place.dentry.parent!.inode!;
  if (directory.fileSystem !== inode.fileSystem) return -EXDEV;
  // An O_TMPFILE file may get its first name; one that lost its last may not come back (link(2), ENOENT).
  if (inode.nlink === 0 && !inode.isLinkable) return -ENOENT;
  if (inode.nlink >= LINK_MAX) return -EMLINK;
  const made = addEntry(task.kernel, place.dentry, () => {
    const failed = directory.link(place.dentry.name, inode);
    if (failed < 0) return failed;
    inode.isLinkable = false;
    inode.ctime = task.kernel.vfs.now();
    inode.setAttributes({ ctime: inode.ctime });
    return inode;
  });
  return isErrno(made) ? made : 0;
}

/** As `checkLandlock`, for a file that gets a name elsewhere. */
function checkMove(
  { credentials: { landlock } }: Caller,
  from: Path,
  to: Path,
  how: { readonly isRemoved: boolean; readonly exchanges: boolean },
): number {
  return landlock === null ? 0 : checkLandlockMove(landlock, from, to, how);
}

/** May this existing name be removed or replaced? */
function mayRemove(task: Caller, place: Path): number {
  const refused = mayChange(task, place);
  const inode = shownOn(place.mount, place.dentry.inode!);
  if (isUnmapped(inode) && refused !== -EROFS) return -EOVERFLOW;
  if (refused < 0) return refused;
  const directory = shownOn(place.mount, place.dentry.parent!.inode!);
  if ((directory.fileFlags & FS_APPEND_FL) !== 0 || isKept(inode)) return -EPERM;
  return checkSticky(task.credentials, directory, inode);
}

function isMountPoint(task: Caller, place: Path): boolean {
  return place.dentry.mountCount > 0 && task.fs.namespace.mountedAt(place.mount, place.dentry) !== null;
}

/** unlinkat(2) without AT_REMOVEDIR. */
export function removeFile(task: Caller, dirfd: number, path: string): number {
  const place = lookupName(task, dirfd, path);
  if (isErrno(place)) return place;
  if (walker.lastKind !== "name") return -EISDIR;
  if (place.mount.isReadOnly) return -EROFS;
  const inode = place.dentry.inode;
  if (inode === null) return -ENOENT;
  if (walker.trailingSlash) return inode.isDirectory ? -EISDIR : -ENOTDIR;
  const refused = checkLandlock(task, place, LANDLOCK_ACCESS_FS_REMOVE_FILE) || mayRemove(task, place);
  if (refused < 0) return refused;
  if (inode.isDirectory) return -EISDIR;
  if (isMountPoint(task, place)) return -EBUSY;
  return removeEntry(task.kernel, place.dentry);
}

/** unlinkat(2) with AT_REMOVEDIR. */
export function removeDirectory(task: Caller, dirfd: number, path: string): number {
  const place = lookupName(task, dirfd, path);
  if (isErrno(place)) return place;
  const last: LastKind = walker.lastKind;
  if (last !== "name") return last === "dot" ? -EINVAL : last === "dotdot" ? -ENOTEMPTY : -EBUSY;
  if (place.mount.isReadOnly) return -EROFS;
  const inode = place.dentry.inode;
  if (inode === null) return -ENOENT;
  const refused = checkLandlock(task, place, LANDLOCK_ACCESS_FS_REMOVE_DIR) || mayRemove(task, place);
  if (refused < 0) return refused;
  if (!inode.isDirectory) return -ENOTDIR;
  if (isMountPoint(task, place)) return -EBUSY;
  return removeEntry(task.kernel, place.dentry);
}

/** Removes an existing name, whoever may: the rights were looked at. */
export function removeEntry(kernel: VfsKernel, dentry: Dentry): number {
  const inode = dentry.inode!;
  const directory = dentry.parent!.inode!;
  const { name } = dentry;
  const now = kernel.vfs.now();
  inode.users++;
  const failed = inode.isDirectory ? directory.rmdir(name, inode, now) : directory.unlink(name, inode, now);
  if (failed >= 0) {
    unlinkDentry(kernel, dentry);
    notifyName(kernel, directory, name, inode, "delete");
  }
  if (--inode.users === 0) inode.evictUnused();
  return failed < 0 ? failed : 0;
}

/** renameat2(2). */
export function renameName(
  task: Caller,
  oldDirfd: number,
  oldPath: string | number,
  newDirfd: number,
  newPath: string | number,
  flags: number,
): number {
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)) !== 0) return -EINVAL;
  if ((flags & RENAME_EXCHANGE) !== 0 && flags !== RENAME_EXCHANGE) return -EINVAL;
  if (isErrno(oldPath)) return oldPath;
  const from = lookupName(task, oldDirfd, oldPath);
  if (isErrno(from)) return from;
  const fromKind = walker.lastKind,
    fromSlash = walker.trailingSlash;
  if (isErrno(newPath)) return newPath;
  const to = lookupName(task, newDirfd, newPath);
  if (isErrno(to)) return to;
  const toKind = walker.lastKind,
    toSlash = walker.trailingSlash;
  if (from.mount !== to.mount) return -EXDEV;
  if (fromKind !== "name") return -EBUSY;
  if (toKind !== "name") return (flags & RENAME_NOREPLACE) !== 0 ? -EEXIST : -EBUSY;
  if (from.mount.isReadOnly) return -EROFS;
  const inode = from.dentry.inode;
  if (inode === null) return -ENOENT;
  const replaced = to.dentry.inode;
  if ((flags & RENAME_NOREPLACE) !== 0 && replaced !== null) return -EEXIST;
  if ((flags & RENAME_EXCHANGE) !== 0) {
    if (replaced === null) return -ENOENT;
    if (toSlash && !replaced.isDirectory) return -ENOTDIR;
  }
  if (!inode.isDirectory && (fromSlash || (toSlash && (flags & RENAME_EXCHANGE) === 0))) return -ENOTDIR;
  if (isBelow(to.dentry.parent, from.dentry)) return -EINVAL;
  if (replaced !== null && isBelow(from.dentry.parent, to.dentry))
    return (flags & RENAME_EXCHANGE) !== 0 ? -EINVAL : -ENOTEMPTY;
  let refused = checkMove(task, from, to, { isRemoved: true, exchanges: (flags & RENAME_EXCHANGE) !== 0 });
  if (refused < 0) return refused;
  // Two names of one file: nothing happens, whoever asks (rename(2); fs/namei.c, vfs_rename).
  if (replaced === inode) return 0;
  refused = mayRemove(task, from);
  if (refused >= 0) refused = replaced === null ? mayAdd(task, to) : mayRemove(task, to);
  if (refused < 0) return refused;
  if (replaced !== null && (flags & RENAME_EXCHANGE) === 0) {
    if (inode.isDirectory && !replaced.isDirectory) return -ENOTDIR;
    if (!inode.isDirectory && replaced.isDirectory) return -EISDIR;
  }
  // A directory's ".." changes when it moves to another parent.
  const fromDirectory = from.dentry.parent!.inode!,
    toDirectory = to.dentry.parent!.inode!;
  if (fromDirectory !== toDirectory) {
    const moved = (flags & RENAME_EXCHANGE) !== 0 ? [inode, replaced!] : [inode];
    for (const each of moved) {
      const denied = each.isDirectory ? checkAccess(task.credentials, shownOn(from.mount, each), MAY_WRITE) : 0;
      if (denied < 0) return denied;
    }
  }
  if (fromDirectory.fileSystem !== toDirectory.fileSystem) return -EXDEV;
  if ((flags & RENAME_WHITEOUT) !== 0 && !fromDirectory.fileSystem.hasWhiteouts) return -EINVAL;
  if (isMountPoint(task, from) || (replaced !== null && isMountPoint(task, to))) return -EBUSY;
  if (from.dentry === to.dentry) return 0;
  if (replaced !== null && drainBeforeRename(task, inode, replaced, (flags & RENAME_EXCHANGE) !== 0) === UNFINISHED)
    return UNFINISHED;
  return (flags & RENAME_WHITEOUT) !== 0
    ? renameLeaving(task, from, to.dentry, flags & ~RENAME_WHITEOUT)
    : renameEntry(task.kernel, from.dentry, to.dentry, flags);
}

/**
 * RENAME_WHITEOUT: where the name was, stands that it is gone, for overlays of file systems. That is made first, under
 * a name of its own, so that nothing has happened when there is no room for it.
 */
function renameLeaving(task: Caller, { mount, dentry: from }: Path, to: Dentry, flags: number): number {
  const directory = from.parent!.inode!,
    oldName = from.name;
  const name = `#whiteout-${task.kernel.allocateAnonymousIno()}`;
  // Nobody has that name but by intent.
  if (directory.lookup(name) !== -ENOENT) return -EBUSY;
  const whiteout = directory.create(name, newInodeFor(task, mount, directory, S_IFCHR, 0));
  if (isErrno(whiteout)) return whiteout;
  whiteout.users++;
  const failed = renameEntry(task.kernel, from, to, flags);
  const now = task.kernel.vfs.now();
  if (failed < 0) directory.unlink(name, whiteout, now);
  else directory.rename(name, whiteout, directory, oldName, null, 0, now);
  if (--whiteout.users === 0) whiteout.evictUnused();
  return failed;
}

/** Moves an existing name over another entry, or exchanges both, whoever may: the rights were looked at. */
export function renameEntry(kernel: VfsKernel, from: Dentry, to: Dentry, flags: number): number {
  const inode = from.inode!,
    replaced = to.inode;
  const fromDirectory = from.parent!.inode!,
    toDirectory = to.parent!.inode!;
  const oldName = from.name,
    newName = to.name;
  const now = kernel.vfs.now();
  inode.users++;
  if (replaced !== null) replaced.users++;
  const failed = fromDirectory.rename(oldName, inode, toDirectory, newName, replaced, flags, now);
  if (failed >= 0) {
    inode.ctime = now;
    inode.setAttributes({ ctime: now });
    const exchanges = (flags & RENAME_EXCHANGE) !== 0;
    if (exchanges) exchangeDentries(from, to);
    else {
      let target = to;
      if (replaced !== null) {
        unlinkDentry(kernel, to);
        if (to.isDetached) target = new Dentry(newName, to.parent, null);
      }
      moveDentry(kernel, from, target);
    }
    const before = { directory: fromDirectory, name: oldName },
      after = { directory: toDirectory, name: newName };
    notifyMove(kernel, before, after, inode, exchanges ? null : replaced);
    if (exchanges) notifyMove(kernel, after, before, replaced!, null);
  }
  if (replaced !== null && --replaced.users === 0) replaced.evictUnused();
  if (--inode.users === 0) inode.evictUnused();
  return failed < 0 ? failed : 0;
}

/**
 * linkat(2) with its lookups: AT_SYMLINK_FOLLOW follows the source, AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH or the
 * file's own opener.
 */
export function linkPaths(
  task: Caller,
  oldDirfd: number,
  oldPath: string,
  newDirfd: number,
  newPath: string,
  lookupFlags: number,
): number {
  const source = lookupPath(task, oldDirfd, oldPath, lookupFlags);
  if (isErrno(source)) return source;
  if (walker.trailingSlash && !source.dentry.inode!.isDirectory) return -ENOTDIR;
  return makeLink(task, source, newDirfd, newPath);
}
