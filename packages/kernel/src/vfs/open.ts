import {
  BPF_DEVCG_ACC_READ,
  BPF_DEVCG_ACC_WRITE,
  EACCES,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
  EOVERFLOW,
  EROFS,
  ETXTBSY,
  FAN_ACCESS_PERM,
  FAN_OPEN_EXEC_PERM,
  FAN_OPEN_PERM,
  FS_APPEND_FL,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  MS_NODEV,
  MS_RDONLY,
  O_ACCMODE,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_DSYNC,
  O_EXCL,
  O_LARGEFILE,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_SYNC,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  FASYNC,
  O_APPEND,
  O_NONBLOCK,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  isErrno,
} from "@stratos/abi";
import { BLOCKED, BLOCKED_KILLABLE } from "../ground/wait-queue.ts";
import { inheritAcl } from "./acl-inheritance.ts";
import { checkLandlockOpening } from "./landlock-paths.ts";
import { checkAccess, isOwnerOrCapable, MAY_EXEC, MAY_READ, MAY_WRITE } from "../security/permission.ts";
import { Dentry } from "./dentry.ts";
import { DirectoryFile } from "./directory-file.ts";
import { breakLeases } from "./leases.ts";
import type { Inode } from "./inode.ts";
import { notifyInode } from "./file-events.ts";
import { askPermission, permissionsOf } from "./fanotify-marks.ts";
import { createUnder, hasOwnersFor, newInodeFor } from "./name-changes.ts";
import { shownOn } from "./mount.ts";
import type { OpenFile } from "./open-file.ts";
import { Path } from "./path.ts";
import { PathOnlyFile } from "./path-only-file.ts";
import { startOf, walk, walkAt, walker, WALK_CREATE, WALK_FOLLOW } from "./path-walk.ts";
import { RegularFile } from "./regular-file.ts";
import { truncateInode } from "./truncate.ts";
import { mayOpenAsCreated } from "./protected-names.ts";
import type { Caller } from "./vfs-kernel.ts";

/** Flags that only steer the opening; F_GETFL doesn't show them. */
const OPENING_FLAGS = O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC;
const VALID_FLAGS =
  OPENING_FLAGS |
  O_ACCMODE |
  O_APPEND |
  O_NONBLOCK |
  O_SYNC |
  O_DSYNC |
  FASYNC |
  O_DIRECT |
  O_LARGEFILE |
  O_DIRECTORY |
  O_NOFOLLOW |
  O_NOATIME |
  O_PATH |
  O_TMPFILE;
/** __O_TMPFILE without O_DIRECTORY, its companion bit. */
const TMPFILE_BIT = O_TMPFILE & ~O_DIRECTORY;

/** What no path can make good (fs/open.c, build_open_flags). */
export function contradicts(flags: number): boolean {
  if ((flags & O_CREAT) !== 0 && (flags & O_DIRECTORY) !== 0) return true;
  if ((flags & TMPFILE_BIT) === 0) return false;
  return (flags & O_DIRECTORY) === 0 || (flags & O_ACCMODE) === O_RDONLY;
}

/**
 * open(2).
 *
 * @param flags  O_*; O_LARGEFILE is implied
 * @param mode  permission bits for a new file, before the umask
 * @param resolve  RESOLVE_* of openat2(2)
 * @returns an open description with one reference; BLOCKED for a fifo without its other side; −EACCES −EEXIST −EINVAL
 *   −EISDIR −ELOOP −ENAMETOOLONG −ENOENT −ENOTDIR −ENXIO −EPERM −EROFS −ETXTBSY … as open(2) ERRORS
 */
export function openPath(
  task: Caller,
  dirfd: number,
  path: string,
  flags: number,
  mode: number,
  resolve = 0,
): OpenFile | number {
  flags &= VALID_FLAGS;
  if (contradicts(flags)) return -EINVAL;
  if (path === "") return -ENOENT;
  const start = startOf(task, dirfd, path, resolve);
  if (isErrno(start)) return start;
  if ((flags & O_PATH) !== 0) return openPlace(task, start, path, flags, resolve);
  if ((flags & TMPFILE_BIT) !== 0) return openUnnamed(task, start, path, flags, mode, resolve);

  const follow = (flags & O_NOFOLLOW) !== 0 || (flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL) ? 0 : WALK_FOLLOW;
  const failed = walk(task, start, path, follow | ((flags & O_CREAT) !== 0 ? WALK_CREATE : 0), resolve);
  if (failed < 0) return failed;
  if ((flags & O_CREAT) !== 0) {
    if (walker.trailingSlash) return -EISDIR;
    if (walker.dentry.inode === null) return createAndOpen(task, flags, mode);
    if (task.permissions?.made === nameOf(walker.dentry.inode))
      return openCreated(task, new Path(walker.mount, walker.dentry), flags);
    if ((flags & O_EXCL) !== 0) return -EEXIST;
    const { inode, parent } = walker.dentry;
    const folder = parent?.inode ?? null;
    const refused =
      walker.file === null && folder !== null && !inode.isDirectory
        ? mayOpenAsCreated(
            task.kernel.vfs.protects,
            task.credentials,
            shownOn(walker.mount, folder),
            shownOn(walker.mount, inode),
          )
        : 0;
    if (refused < 0) return refused;
  }
  return openExisting(task, new Path(walker.mount, walker.dentry), flags, walker.file);
}

/**
 * Opens what stands at a place, as whoever asks may.
 * @param file  the description that a magic link led to
 */
export function openExisting(
  task: Caller,
  place: Path,
  flags: number,
  file: OpenFile | null = null,
): OpenFile | number {
  const inode = place.dentry.inode!;
  if ((flags & O_CREAT) !== 0 && inode.isDirectory) return -EISDIR;
  if ((flags & O_DIRECTORY) !== 0 && !inode.isDirectory) return -ENOTDIR;
  if (inode.isSymlink) return -ELOOP;
  const denied = mayOpen(task, place, flags);
  if (denied < 0) return denied;
  // A magic link to a nameless description: only pipes can be opened anew.
  if (file !== null && file.path === null && !inode.isRegular && (inode.mode & S_IFMT) !== S_IFIFO) return -ENXIO;
  if (inode.content.leases !== null) {
    const waits = breakLeases(
      task,
      inode.content,
      (flags & O_ACCMODE) !== O_RDONLY || (flags & O_TRUNC) !== 0,
      (flags & O_NONBLOCK) === 0,
    );
    if (waits < 0) return waits;
  }
  const asked = askPermission(task, place, FAN_OPEN_PERM);
  if (asked < 0) return asked;
  const truncates = (flags & O_TRUNC) !== 0 && inode.isRegular;
  if (truncates) {
    const { landlock } = task.credentials;
    const given = landlock === null ? 0 : checkLandlockOpening(landlock, place, flags);
    if (given < 0 || (given & LANDLOCK_ACCESS_FS_TRUNCATE) !== 0) return -EACCES;
    // A server is asked first whether the file may be opened (fs/namei.c, do_open).
    const waits = inode.askOpen((flags & ~OPENING_FLAGS) | O_LARGEFILE);
    if (waits < 0) return waits;
    const refused = truncateInode(task, inode, 0, place, null, false);
    if (refused < 0) return refused;
  }
  const opened = openInode(task, place, flags);
  // First it was opened, then changed (fs/namei.c, do_open).
  if (truncates && !isErrno(opened) && task.kernel.vfs.watchCount > 0)
    notifyInode(task.kernel, inode, place, "truncate");
  return opened;
}

function openPlace(task: Caller, start: Path, path: string, flags: number, resolve: number): OpenFile | number {
  const failed = walk(task, start, path, (flags & O_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW, resolve);
  if (failed < 0) return failed;
  if ((flags & O_DIRECTORY) !== 0 && !walker.dentry.inode!.isDirectory) return -ENOTDIR;
  const file = new PathOnlyFile(flags & (O_DIRECTORY | O_NOFOLLOW | O_PATH), new Path(walker.mount, walker.dentry));
  file.openedBy = task.credentials;
  return file;
}

function createAndOpen(task: Caller, flags: number, mode: number): OpenFile | number {
  const { mount, dentry } = walker;
  if (walker.lastKind !== "name") return -EISDIR;
  const place = new Path(mount, dentry);
  const made = createUnder(task, place, S_IFREG | (mode & 0o7777), 0, flags);
  if (made < 0) return made;
  return openCreated(task, place, flags);
}

/** The creator gets what it asked for, whatever the permissions of the new file say (open(2)). */
function openCreated(task: Caller, place: Path, flags: number): OpenFile | number {
  const asked = askPermission(task, place, FAN_OPEN_PERM);
  // The call is executed again, and finds what it has made.
  if (asked === BLOCKED_KILLABLE) permissionsOf(task).made = nameOf(place.dentry.inode!);
  const file = asked < 0 ? asked : openInode(task, place, flags);
  if (!isErrno(file)) file.isCreated = true;
  // It was made to be opened, and holds what that takes.
  else if (file > BLOCKED) place.dentry.inode!.evictUnused();
  return file;
}

function nameOf({ fileSystem, ino }: Inode): string {
  return `${fileSystem.device}:${ino}`;
}

function openUnnamed(
  task: Caller,
  start: Path,
  path: string,
  flags: number,
  mode: number,
  resolve: number,
): OpenFile | number {
  const failed = walk(task, start, path, (flags & O_NOFOLLOW) !== 0 ? 0 : WALK_FOLLOW, resolve);
  if (failed < 0) return failed;
  const { mount, dentry } = walker;
  const directory = dentry.inode!;
  if (!directory.isDirectory) return -ENOTDIR;
  const denied = checkAccess(task.credentials, shownOn(mount, directory), MAY_WRITE | MAY_EXEC);
  if (denied < 0) return denied;
  if (mount.isReadOnly) return -EROFS;
  if (!hasOwnersFor(task, mount)) return -EOVERFLOW;
  const attributes = newInodeFor(task, mount, directory, S_IFREG | (mode & 0o7777), 0);
  const inode = directory.createUnnamed({ ...attributes, openFlags: (flags & ~OPENING_FLAGS) | O_LARGEFILE });
  if (isErrno(inode)) return inode;
  inheritAcl(directory, inode, inode.mode);
  inode.isLinkable = (flags & O_EXCL) === 0;
  const entry = new Dentry(`#${inode.ino}`, dentry, inode);
  entry.isDetached = true;
  const file = openInode(task, new Path(mount, entry), flags & ~(TMPFILE_BIT | O_DIRECTORY));
  // F_GETFL shows it.
  if (!isErrno(file)) file.flags |= O_TMPFILE;
  return file;
}

/** The checks of open(2) on an existing file. */
function mayOpen(task: Caller, place: Path, flags: number): number {
  const inode = place.dentry.inode!;
  const access = flags & O_ACCMODE;
  const wantsWrite = access !== O_RDONLY || (flags & O_TRUNC) !== 0;
  const kind = inode.mode & S_IFMT;
  if (kind === S_IFDIR && wantsWrite) return -EISDIR;
  const hasDevices = (place.mount.flags & MS_NODEV) === 0 && place.mount.fileSystem.userNamespace.parent === null;
  if ((kind === S_IFCHR || kind === S_IFBLK) && !hasDevices && inode.fileSystem.type !== "devpts") return -EACCES;
  // 3 asks for neither reading nor writing but for ioctl, and needs both permissions.
  const mask = (access !== O_WRONLY ? MAY_READ : 0) | (wantsWrite ? MAY_WRITE : 0);
  const changes = wantsWrite && kind !== S_IFCHR && kind !== S_IFBLK && kind !== S_IFIFO && kind !== S_IFSOCK;
  // fs/namei.c, sb_permission
  if (changes && inode.fileSystem.readOnly) return -EROFS;
  const denied = inode.mayAccess(task, mask, place.mount);
  if (denied < 0) return denied;
  if (kind === S_IFCHR || kind === S_IFBLK) {
    const reads = (mask & MAY_READ) !== 0 ? BPF_DEVCG_ACC_READ : 0,
      writes = wantsWrite ? BPF_DEVCG_ACC_WRITE : 0;
    if (!task.mayUseDevice(kind, inode.rdev, reads | writes)) return -EPERM;
  }
  if (changes) {
    if ((place.mount.flags & MS_RDONLY) !== 0) return -EROFS;
    if (inode.content.writers < 0) return -ETXTBSY;
  }
  if (
    (inode.fileFlags & FS_APPEND_FL) !== 0 &&
    ((access !== O_RDONLY && (flags & O_APPEND) === 0) || (flags & O_TRUNC) !== 0)
  )
    return -EPERM;
  if ((flags & O_NOATIME) !== 0 && !isOwnerOrCapable(task.credentials, shownOn(place.mount, inode))) return -EPERM;
  return 0;
}

/**
 * A description for the file at `place`, without permission checks: by the inode's own `open`, else by its type.
 * @returns −EINVAL for O_DIRECT without pages; −ENXIO for a socket, a device without a driver; BLOCKED for a fifo
 */
function openInode(
  task: Caller,
  place: Path,
  flags: number,
  event: "open" | "execute" | "silent" = "open",
): OpenFile | number {
  const inode = place.dentry.inode!;
  const { landlock } = task.credentials;
  const refused =
    landlock === null || event === "silent"
      ? 0
      : checkLandlockOpening(landlock, place, event === "execute" ? event : flags);
  if (refused < 0) return refused;
  const kept = (flags & ~OPENING_FLAGS) | O_LARGEFILE;
  let file: OpenFile | number | null = inode.open(task, kept | (flags & O_NOCTTY), place);
  if (file === null) {
    switch (inode.mode & S_IFMT) {
      case S_IFREG:
        file = inode.pages === null ? -ENODEV : new RegularFile(task.kernel, kept, inode, place);
        break;
      case S_IFDIR:
        file = new DirectoryFile(task.kernel, kept, inode, place);
        break;
      case S_IFIFO:
        file = task.kernel.vfs.devices.fifo?.open(task, inode, kept, place) ?? -ENXIO;
        break;
      case S_IFCHR:
        file =
          task.kernel.vfs.devices.character(inode.rdev)?.open(task, inode, kept | (flags & O_NOCTTY), place) ?? -ENXIO;
        break;
      case S_IFBLK:
        file = task.kernel.vfs.devices.block(inode.rdev)?.open(task, inode, kept | (flags & O_EXCL), place) ?? -ENXIO;
        break;
      case S_IFLNK:
        file = -ELOOP;
        break;
      default:
        file = -ENXIO;
    }
  }
  if (isErrno(file)) return file;
  if ((flags & O_DIRECT) !== 0 && !mayBeDirect(inode)) {
    file.release();
    return -EINVAL;
  }
  file.openedBy = task.credentials;
  file.landlockRefused = refused;
  if (event === "silent") file.isSilent = true;
  else if (task.kernel.vfs.watchCount > 0) notifyInode(task.kernel, inode, place, event);
  return file;
}

/**
 * For a listener of fanotify(7), whatever the permissions of the file say.
 * @returns −EROFS, −ETXTBSY
 */
export function openSilently(task: Caller, place: Path, flags: number): OpenFile | number {
  const inode = place.dentry.inode!;
  if ((flags & O_ACCMODE) !== O_RDONLY && inode.isRegular) {
    if (place.mount.isReadOnly) return -EROFS;
    if (inode.content.writers < 0) return -ETXTBSY;
  }
  return openInode(task, place, flags, "silent");
}

/** O_DIRECT is for regular files with pages and for block devices (Linux: FMODE_CAN_ODIRECT). */
export function mayBeDirect(inode: Inode): boolean {
  return (
    (inode.isRegular && (inode.content.pages !== null || inode.fileSystem.isServed)) ||
    (inode.mode & S_IFMT) === S_IFBLK
  );
}

/**
 * For exec: an existing regular file that may be executed, opened for reading. ETXTBSY is the caller's (inode.writers).
 */
export function openExecutable(task: Caller, dirfd: number, path: string, atFlags: number): OpenFile | number {
  const failed = walkAt(task, dirfd, path, atFlags);
  if (failed < 0) return failed;
  const place = new Path(walker.mount, walker.dentry);
  const inode = place.dentry.inode!;
  if (inode.isSymlink) return -ELOOP;
  if (!inode.isRegular || (place.mount.flags & 8) !== 0) return -EACCES;
  let denied = checkAccess(task.credentials, shownOn(place.mount, inode), MAY_EXEC);
  // Its head is read at once.
  for (const permission of [FAN_OPEN_EXEC_PERM, FAN_OPEN_PERM, FAN_ACCESS_PERM])
    if (denied >= 0) denied = askPermission(task, place, permission);
  const file = denied < 0 ? denied : openInode(task, place, O_RDONLY, "execute");
  if (isErrno(file) || !inode.fileSystem.isServed) return file;
  // Where nobody can wait for them any more, its pages are wanted.
  const pages = file.mapping();
  if (!isErrno(pages)) return file;
  file.release();
  return pages;
}
