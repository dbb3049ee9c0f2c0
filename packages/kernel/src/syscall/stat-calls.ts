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
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
} from "@stratos/abi";
import {
  ENOENT,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_RDONLY,
  MS_RELATIME,
  PATH_MAX,
  ST_NOATIME,
  ST_NODEV,
  ST_NODIRATIME,
  ST_NOEXEC,
  ST_NOSUID,
  ST_NOSYMFOLLOW,
  ST_RDONLY,
  ST_RELATIME,
  ST_VALID,
} from "@stratos/abi";
import {
  STATX_ATTR_APPEND,
  STATX_ATTR_COMPRESSED,
  STATX_ATTR_IMMUTABLE,
  STATX_ATTR_MOUNT_ROOT,
  STATX_ATTR_NODUMP,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  STATX_RESERVED,
  W_OK,
  X_OK,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { MAY_EXEC, MAY_READ, MAY_WRITE, checkAccess } from "../security/permission.ts";
import type { Credentials } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { inodeOfFile, pathOfFile } from "../vfs/anonymous-file.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import type { Inode, Time } from "../vfs/inode.ts";
import type { Mount } from "../vfs/mount.ts";
import { startOf, walk, walkAt, walker } from "../vfs/path-walk.ts";
import { loadPath, put64 } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** `struct stat` of asm-generic, 128 bytes. Source: include/uapi/asm-generic/stat.h. */
const STAT_SIZE = 128;
const STATX_SIZE = 256;
const STATFS_SIZE = 120;
/** Preferred size of I/O. */
const BLOCK_SIZE = 4096;

function storeStat(task: Task, inode: Inode, address: number): number {
  const failed = inode.refresh();
  if (failed < 0) return failed;
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, STAT_SIZE);
  put64(view, 0, inode.fileSystem.device);
  put64(view, 8, inode.ino);
  view.setUint32(16, inode.mode, true);
  view.setUint32(20, inode.nlink, true);
  const { userNamespace } = task.credentials;
  view.setUint32(24, userNamespace.uids.shown(inode.uid), true);
  view.setUint32(28, userNamespace.gids.shown(inode.gid), true);
  put64(view, 32, inode.rdev);
  putSize(view, 48, inode.statSize());
  view.setInt32(56, BLOCK_SIZE, true);
  put64(view, 64, inode.blocks);
  putTime(view, 72, inode.atime);
  putTime(view, 88, inode.mtime);
  putTime(view, 104, inode.ctime);
  return task.space.copyOut(address, u8, 0, STAT_SIZE);
}

function putSize(view: DataView, at: number, size: number | bigint): void {
  if (typeof size === "number") put64(view, at, size);
  else view.setBigUint64(at, size, true);
}

function putTime(view: DataView, at: number, time: Time): void {
  put64(view, at, time.seconds);
  view.setUint32(at + 8, time.nanoseconds, true);
  view.setUint32(at + 12, 0, true);
}

function fstat(task: Task, fd: number, address: number): number {
  const file = task.files.get(fd | 0);
  return file === undefined ? -EBADF : storeStat(task, inodeOfFile(task.kernel, file), address);
}

function newfstatat(task: Task, dirfd: number, pathAddress: number, address: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  // A null path with AT_EMPTY_PATH is an empty one (stat(2), since Linux 6.11).
  const path = pathAddress === 0 && (flags & AT_EMPTY_PATH) !== 0 ? "" : loadPath(task, pathAddress);
  if (typeof path === "number") return path;
  const failed = walkAt(task, dirfd, path, flags);
  return failed < 0 ? failed : storeStat(task, walker.dentry.inode!, address);
}

/** Flags of chattr(1) that statx(2) shows; both have the same bits for them. */
const STATX_FLAGS = STATX_ATTR_COMPRESSED | STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND | STATX_ATTR_NODUMP;

function statx(task: Task, dirfd: number, pathAddress: number, flags: number, mask: number, address: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE)) !== 0) return -EINVAL;
  if ((flags & AT_STATX_SYNC_TYPE) === AT_STATX_SYNC_TYPE || (mask & STATX_RESERVED) !== 0) return -EINVAL;
  const path = pathAddress === 0 && (flags & AT_EMPTY_PATH) !== 0 ? "" : loadPath(task, pathAddress);
  if (typeof path === "number") return path;
  let failed = walkAt(task, dirfd, path, flags);
  if (failed < 0) return failed;
  const { dentry, mount } = walker;
  const inode = dentry.inode!;
  failed = inode.refresh();
  if (failed < 0) return failed;
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, STATX_SIZE);
  view.setUint32(0, STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, true);
  view.setUint32(4, BLOCK_SIZE, true);
  put64(view, 8, (inode.fileFlags & STATX_FLAGS) | (dentry === mount.root ? STATX_ATTR_MOUNT_ROOT : 0));
  view.setUint32(16, inode.nlink, true);
  const { userNamespace } = task.credentials;
  view.setUint32(20, userNamespace.uids.shown(inode.uid), true);
  view.setUint32(24, userNamespace.gids.shown(inode.gid), true);
  view.setUint16(28, inode.mode, true);
  put64(view, 32, inode.ino);
  putSize(view, 40, inode.statSize());
  put64(view, 48, inode.blocks);
  put64(view, 56, STATX_FLAGS | STATX_ATTR_MOUNT_ROOT);
  putTime(view, 64, inode.atime);
  putTime(view, 80, inode.btime);
  putTime(view, 96, inode.ctime);
  putTime(view, 112, inode.mtime);
  view.setUint32(128, majorOf(inode.rdev), true);
  view.setUint32(132, minorOf(inode.rdev), true);
  view.setUint32(136, majorOf(inode.fileSystem.device), true);
  view.setUint32(140, minorOf(inode.fileSystem.device), true);
  put64(view, 144, mount.id);
  return task.space.copyOut(address, u8, 0, STATX_SIZE);
}

function storeStatfs(task: Task, mount: Mount, address: number): number {
  const usage = mount.fileSystem.usage();
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, STATFS_SIZE);
  put64(view, 0, usage.magic);
  put64(view, 8, usage.blockSize);
  put64(view, 16, usage.blocks);
  put64(view, 24, usage.blocksFree);
  put64(view, 32, usage.blocksFree);
  put64(view, 40, usage.files);
  put64(view, 48, usage.filesFree);
  view.setUint32(56, mount.fileSystem.device >>> 0, true);
  put64(view, 64, usage.nameMax);
  put64(view, 72, usage.blockSize);
  put64(view, 80, statfsFlags(mount));
  return task.space.copyOut(address, u8, 0, STATFS_SIZE);
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
  return result;
}

function statfs(task: Task, pathAddress: number, address: number): number {
  const path = loadPath(task, pathAddress);
  if (typeof path === "number") return path;
  const failed = walkAt(task, AT_FDCWD, path, 0);
  return failed < 0 ? failed : storeStatfs(task, walker.mount, address);
}

function fstatfs(task: Task, fd: number, address: number): number {
  const file = task.files.get(fd | 0);
  return file === undefined ? -EBADF : storeStatfs(task, pathOfFile(task.kernel, file).mount, address);
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
  if (typeof path === "number") return path;
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
  const denied = checkAccess(
    task.credentials,
    inode,
    ((mode & 4) !== 0 ? MAY_READ : 0) | ((mode & 2) !== 0 ? MAY_WRITE : 0) | ((mode & 1) !== 0 ? MAY_EXEC : 0),
  );
  if (denied < 0) return denied;
  const isOnDisk = inode.isRegular || inode.isDirectory || inode.isSymlink;
  return (mode & W_OK) !== 0 && isOnDisk && ((mount.flags & MS_RDONLY) !== 0 || mount.fileSystem.readOnly) ? -EROFS : 0;
}

function readlinkat(task: Task, dirfd: number, pathAddress: number, buffer: number, size: number): number {
  if (size <= 0) return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (typeof path === "number") return path;
  // An empty path means the symbolic link that `dirfd` itself is (readlink(2)).
  const failed = path === "" ? walkAt(task, dirfd, path, AT_EMPTY_PATH) : readlinkWalk(task, dirfd, path);
  if (failed < 0) return failed;
  const inode = walker.dentry.inode!;
  if (!inode.isSymlink) return path === "" ? -ENOENT : -EINVAL;
  const target = inode.readlink(task);
  if (typeof target === "number") return target;
  const bytes = byteStringOf(target.length > PATH_MAX ? target.slice(0, PATH_MAX) : target);
  const count = Math.min(size, bytes.length);
  const stored = task.space.copyOut(buffer, bytes, 0, count);
  return stored < 0 ? stored : count;
}

function readlinkWalk(task: Task, dirfd: number, path: string): number {
  const start = startOf(task, dirfd, path);
  return typeof start === "number" ? start : walk(task, start, path, 0);
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
