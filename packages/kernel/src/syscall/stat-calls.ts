import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_STATX_SYNC_TYPE,
  AT_SYMLINK_NOFOLLOW,
  EACCES,
  EBADF,
  EINVAL,
  EROFS,
  MS_MANDLOCK,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  ENAMETOOLONG,
  ENOENT,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  MS_SYNCHRONOUS,
  PATH_MAX,
  ST_MANDLOCK,
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_NOSYMFOLLOW,
  ST_RDONLY,
  ST_RELATIME,
  ST_SYNCHRONOUS,
  ST_VALID,
  STATX_ATTR_APPEND,
  STATX_ATTR_COMPRESSED,
  STATX_ATTR_IMMUTABLE,
  STATX_ATTR_MOUNT_ROOT,
  STATX_ATTR_NODUMP,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_MNT_ID_UNIQUE,
  STATX_RESERVED,
  Stat,
  Statfs,
  Statx,
  StatxTimestamp,
  W_OK,
  X_OK,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { MAY_EXEC, MAY_READ, MAY_WRITE } from "../security/permission.ts";
import type { Credentials } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { touchLink } from "../vfs/access-time.ts";
import { AnonymousInode, inodeOfFile, pathOfFile } from "../vfs/anonymous-file.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import { Path } from "../vfs/path.ts";
import type { Inode, Time } from "../vfs/inode.ts";
import { uniqueIdOf } from "../vfs/mount-names.ts";
import { type Mount, shownOn } from "../vfs/mount.ts";
import { startOf, walk, walkAt, walker } from "../vfs/path-walk.ts";
import { put64 } from "../ground/words.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** @param mount  by way of which the file was found; null: of none */
function storeStat(task: Task, inode: Inode, mount: Mount | null, address: number): number {
  const failed = inode.refresh();
  if (failed < 0) return failed;
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, Stat.size);
  put64(view, Stat.offset.st_dev, inode.fileSystem.device);
  put64(view, Stat.offset.st_ino, inode.ino);
  view.setUint32(Stat.offset.st_mode, inode.mode, true);
  view.setUint32(Stat.offset.st_nlink, inode.nlink, true);
  const { uids, gids } = task.credentials.userNamespace;
  const { uid, gid } = shownOn(mount, inode);
  view.setUint32(Stat.offset.st_uid, uids.shown(uid), true);
  view.setUint32(Stat.offset.st_gid, gids.shown(gid), true);
  put64(view, Stat.offset.st_rdev, inode.rdev);
  putSize(view, Stat.offset.st_size, inode.statSize());
  view.setInt32(Stat.offset.st_blksize, inode.fileSystem.ioSize, true);
  put64(view, Stat.offset.st_blocks, inode.blocks);
  putTime(view, Stat.offset.st_atime, inode.atime);
  putTime(view, Stat.offset.st_mtime, inode.mtime);
  putTime(view, Stat.offset.st_ctime, inode.ctime);
  return task.space.copyOut(address, u8, 0, Stat.size);
}

function putSize(view: DataView, at: number, size: number | bigint): void {
  if (typeof size === "bigint") view.setBigUint64(at, size, true);
  else put64(view, at, size);
}

/** Seconds and nanoseconds: as in `struct stat`, and in `struct statx_timestamp`. */
function putTime(view: DataView, at: number, time: Time): void {
  put64(view, at + StatxTimestamp.offset.tv_sec, time.seconds);
  view.setUint32(at + StatxTimestamp.offset.tv_nsec, time.nanoseconds, true);
}

function fstat(task: Task, fd: number, address: number): number {
  const file = task.files.get(fd | 0);
  if (file === undefined) return -EBADF;
  return storeStat(task, inodeOfFile(task.kernel, file), file.path?.mount ?? null, address);
}

function newfstatat(task: Task, dirfd: number, pathAddress: number, address: number, flags: number): number {
  // A null path with AT_EMPTY_PATH is an empty one (stat(2), since Linux 6.11).
  const path = pathAddress === 0 && (flags & AT_EMPTY_PATH) !== 0 ? "" : loadPath(task, pathAddress);
  // Of a descriptor nobody looks at the other flags (fs/stat.c, vfs_fstatat).
  const isOfFile = path === "" && (flags & AT_EMPTY_PATH) !== 0 && dirfd >= 0;
  if (!isOfFile && (flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  if (isErrno(path)) return path;
  const failed = walkAt(task, dirfd, path, flags);
  return failed < 0 ? failed : storeStat(task, walker.dentry.inode!, walker.mount, address);
}

/** Flags of chattr(1) that statx(2) shows; both have the same bits for them. */
const STATX_FLAGS = STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;

function statx(task: Task, dirfd: number, pathAddress: number, flags: number, mask: number, address: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) !== 0) return -EINVAL;
  if ((flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE || (mask & STATX_RESERVED) !== 0) return -EINVAL;
  const path = pathAddress === 0 && (flags & AT_EMPTY_PATH) !== 0 ? "" : loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  let failed = walkAt(task, dirfd, path, flags);
  if (failed < 0) return failed;
  const { dentry, mount } = walker;
  const inode = dentry.inode!;
  failed = inode.refresh();
  if (failed < 0) return failed;
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, Statx.size);
  const isUnique = (mask & STATX_MNT_ID_UNIQUE) !== 0;
  const mountId = isUnique ? STATX_MNT_ID_UNIQUE : STATX_MNT_ID;
  view.setUint32(Statx.offset.stx_mask, STATX_BASIC_STATS | STATX_BTIME | mountId, true);
  view.setUint32(Statx.offset.stx_blksize, inode.fileSystem.ioSize, true);
  const attributes = (inode.fileFlags & STATX_FLAGS) | (dentry === mount.root ? STATX_ATTR_MOUNT_ROOT : 0);
  put64(view, Statx.offset.stx_attributes, attributes);
  view.setUint32(Statx.offset.stx_nlink, inode.nlink, true);
  const { uids, gids } = task.credentials.userNamespace;
  const { uid, gid } = shownOn(mount, inode);
  view.setUint32(Statx.offset.stx_uid, uids.shown(uid), true);
  view.setUint32(Statx.offset.stx_gid, gids.shown(gid), true);
  view.setUint16(Statx.offset.stx_mode, inode.mode, true);
  put64(view, Statx.offset.stx_ino, inode.ino);
  putSize(view, Statx.offset.stx_size, inode.statSize());
  put64(view, Statx.offset.stx_blocks, inode.blocks);
  put64(view, Statx.offset.stx_attributes_mask, (inode.keptFileFlags & STATX_FLAGS) | STATX_ATTR_MOUNT_ROOT);
  putTime(view, Statx.offset.stx_atime, inode.atime);
  putTime(view, Statx.offset.stx_btime, inode.btime);
  putTime(view, Statx.offset.stx_ctime, inode.ctime);
  putTime(view, Statx.offset.stx_mtime, inode.mtime);
  view.setUint32(Statx.offset.stx_rdev_major, majorOf(inode.rdev), true);
  view.setUint32(Statx.offset.stx_rdev_minor, minorOf(inode.rdev), true);
  view.setUint32(Statx.offset.stx_dev_major, majorOf(inode.fileSystem.device), true);
  view.setUint32(Statx.offset.stx_dev_minor, minorOf(inode.fileSystem.device), true);
  put64(view, Statx.offset.stx_mnt_id, isUnique ? uniqueIdOf(mount) : mount.id);
  return task.space.copyOut(address, u8, 0, Statx.size);
}

function storeStatfs(task: Task, { mount, dentry }: Path, address: number): number {
  const failed = mount.fileSystem.refreshUsage();
  if (failed < 0) return failed;
  const usage = mount.fileSystem.usage();
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, Statfs.size);
  const { inode } = dentry;
  put64(view, Statfs.offset.f_type, inode instanceof AnonymousInode ? inode.fileSystemMagic : usage.magic);
  put64(view, Statfs.offset.f_bsize, usage.blockSize);
  put64(view, Statfs.offset.f_blocks, usage.blocks);
  put64(view, Statfs.offset.f_bfree, usage.blocksFree);
  put64(view, Statfs.offset.f_bavail, usage.blocksFree);
  put64(view, Statfs.offset.f_files, usage.files);
  put64(view, Statfs.offset.f_ffree, usage.filesFree);
  view.setUint32(Statfs.offset.f_fsid, mount.fileSystem.device >>> 0, true);
  put64(view, Statfs.offset.f_namelen, usage.nameMax);
  put64(view, Statfs.offset.f_frsize, usage.blockSize);
  put64(view, Statfs.offset.f_flags, statfsFlags(mount));
  return task.space.copyOut(address, u8, 0, Statfs.size);
}

function statfsFlags(mount: Mount): number {
  const { flags } = mount;
  const pairs: [number, number][] = [
    [MS_RDONLY, ST_RDONLY],
    [MS_NOSUID, ST_NOSUID],
    [MS_NODEV, ST_NODEV],
    [MS_NOEXEC, ST_NOEXEC],
    [MS_NOATIME, ST_NOATIME],
    [MS_NODIRATIME, ST_NODIRATIME],
    [MS_RELATIME, ST_RELATIME],
    [MS_NOSYMFOLLOW, ST_NOSYMFOLLOW],
  ];
  let result = ST_VALID | (mount.fileSystem.readOnly ? ST_RDONLY : 0);
  for (const [flag, shown] of pairs) if ((flags & flag) !== 0) result |= shown;
  if ((mount.fileSystem.superFlags & MS_SYNCHRONOUS) !== 0) result |= ST_SYNCHRONOUS;
  if ((mount.fileSystem.superFlags & MS_MANDLOCK) !== 0) result |= ST_MANDLOCK;
  return result;
}

function statfs(task: Task, pathAddress: number, address: number): number {
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const failed = walkAt(task, AT_FDCWD, path, 0);
  return failed < 0 ? failed : storeStatfs(task, new Path(walker.mount, walker.dentry), address);
}

function fstatfs(task: Task, fd: number, address: number): number {
  const file = task.files.get(fd | 0);
  return file === undefined ? -EBADF : storeStatfs(task, pathOfFile(task.kernel, file), address);
}

/** access(2) asks for the real user, whose capabilities count only when that is root. */
function realCredentials(credentials: Credentials): Credentials {
  if (credentials.uid === credentials.fsuid && credentials.gid === credentials.fsgid) return credentials;
  return {
    ...credentials,
    fsuid: credentials.uid,
    fsgid: credentials.gid,
    effective: credentials.uid === credentials.userNamespace.rootUid ? credentials.permitted : 0,
  };
}

function faccessat(task: Task, dirfd: number, pathAddress: number, mode: number, flags: number): number {
  if ((mode & ~7) !== 0 || (flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const path = pathAddress === 0 && (flags & AT_EMPTY_PATH) !== 0 ? "" : loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const credentials = task.credentials;
  if ((flags & AT_EACCESS) === 0) task.credentials = realCredentials(credentials);
  const result = checkPath(task, dirfd, path, mode, flags);
  task.credentials = credentials;
  return result;
}

function checkPath(task: Task, dirfd: number, path: string, mode: number, flags: number): number {
  const failed = walkAt(task, dirfd, path, flags);
  if (failed < 0 || mode === 0) return failed;
  const { mount } = walker;
  const inode = walker.dentry.inode!;
  if ((mode & X_OK) !== 0 && inode.isRegular && (mount.flags & MS_NOEXEC) !== 0) return -EACCES;
  const denied = inode.askAccess(
    task,
    ((mode & 4) !== 0 ? MAY_READ : 0) | ((mode & 2) !== 0 ? MAY_WRITE : 0) | ((mode & 1) !== 0 ? MAY_EXEC : 0),
    mount,
  );
  if (denied < 0) return denied;
  const isOnDisk = inode.isRegular || inode.isDirectory || inode.isSymlink;
  return (mode & W_OK) !== 0 && isOnDisk && mount.isReadOnly ? -EROFS : 0;
}

function readlinkat(task: Task, dirfd: number, pathAddress: number, buffer: number, size: number): number {
  if (size <= 0) return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  // An empty path means the symbolic link that `dirfd` itself is (readlink(2)).
  const failed = path === "" ? walkAt(task, dirfd, path, AT_EMPTY_PATH) : readlinkWalk(task, dirfd, path);
  if (failed < 0) return failed;
  const { mount, dentry } = walker;
  const inode = dentry.inode!;
  if (!inode.isSymlink) return path === "" ? -ENOENT : -EINVAL;
  const target = inode.readlink(task);
  if (isErrno(target)) return target;
  touchLink(task.kernel, inode, mount);
  // Of a place that no path names (fs/d_path.c, d_path in a page).
  if (target.length >= PATH_MAX) return -ENAMETOOLONG;
  const bytes = byteStringOf(target);
  const count = Math.min(size, bytes.length);
  const stored = task.space.copyOut(buffer, bytes, 0, count);
  return stored < 0 ? stored : count;
}

function readlinkWalk(task: Task, dirfd: number, path: string): number {
  const start = startOf(task, dirfd, path);
  return isErrno(start) ? start : walk(task, start, path, 0);
}

export const statCalls: SyscallTable = {
  fstat: { run: fstat },
  newfstatat: { run: (task, dirfd, path, buffer, flags) => newfstatat(task, dirfd | 0, path, buffer, flags | 0) },
  statx: {
    run: (task, dirfd, path, flags, mask, buffer) => statx(task, dirfd | 0, path, flags | 0, mask | 0, buffer),
    gaps: "no direct I/O alignment, no subvolume number",
  },
  statfs: { run: statfs },
  fstatfs: { run: fstatfs },
  faccessat: { run: (task, dirfd, path, mode) => faccessat(task, dirfd | 0, path, mode | 0, 0) },
  faccessat2: { run: (task, dirfd, path, mode, flags) => faccessat(task, dirfd | 0, path, mode | 0, flags | 0) },
  readlinkat: { run: (task, dirfd, path, buffer, size) => readlinkat(task, dirfd | 0, path, buffer, size | 0) },
};
