import {
  EACCES,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EBADF,
  EFBIG,
  EINVAL,
  EISDIR,
  ENODEV,
  EOPNOTSUPP,
  EPERM,
  EROFS,
  ESPIPE,
  ETXTBSY,
  FALLOC_FL_COLLAPSE_RANGE,
  FALLOC_FL_INSERT_RANGE,
  RLIMIT_FSIZE,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_UNSHARE_RANGE,
  FALLOC_FL_WRITE_ZEROES,
  FALLOC_FL_ZERO_RANGE,
  FS_IMMUTABLE_FL,
  O_PATH,
  SIGXFSZ,
  S_IFIFO,
  S_IFMT,
  Timespec,
  UTIME_NOW,
  UTIME_OMIT,
  isErrno,
} from "@stratos/abi";
import { checkLandlock } from "../vfs/landlock-paths.ts";
import { isKept, MAY_WRITE } from "../security/permission.ts";
import { movedBefore, pauseTransfer } from "../ground/call-work.ts";
import { stateOf } from "../ground/call-state.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { sendSignalToSelf } from "../signal/send-signal.ts";
import type { Task } from "../task/task.ts";
import { pathOfFile } from "../vfs/anonymous-file.ts";
import { allocateRange, checkAllocationSeals } from "../vfs/allocate.ts";
import { changeMode, changeOwner, changeTimes } from "../vfs/attributes.ts";
import type { Time } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { lookupPath } from "../vfs/path-walk.ts";
import type { Path } from "../vfs/path.ts";
import { FILE_SIZE_MAX } from "../vfs/content-change.ts";
import { truncateInode } from "../vfs/truncate.ts";
import { drainInPieces, storeInPieces } from "../vfs/write-back.ts";
import { get64 } from "../ground/words.ts";
import { loadPath } from "./path-argument.ts";
import { breakLeases } from "../vfs/leases.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** A description that isn't O_PATH: EBADF. */
function opened(task: Task, fd: number): OpenFile | number {
  const file = task.files.get(fd);
  return file === undefined || (file.flags & O_PATH) !== 0 ? -EBADF : file;
}

function pathOfFd(task: Task, fd: number): Path | number {
  const file = opened(task, fd);
  return isErrno(file) ? file : pathOfFile(task.kernel, file);
}

function pathOf(task: Task, dirfd: number, pathAddress: number, flags: number): Path | number {
  const path = loadPath(task, pathAddress);
  return isErrno(path) ? path : lookupPath(task, dirfd, path, flags);
}

function fchmodat(task: Task, dirfd: number, pathAddress: number, mode: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const place = pathOf(task, dirfd, pathAddress, flags);
  if (isErrno(place)) return place;
  // The mode of a symbolic link has no meaning and cannot be changed (fchmodat2(2)).
  return place.dentry.inode!.isSymlink ? -EOPNOTSUPP : changeMode(task, place, mode);
}

function fchmod(task: Task, fd: number, mode: number): number {
  const place = pathOfFd(task, fd);
  return isErrno(place) ? place : changeMode(task, place, mode);
}

function fchownat(task: Task, dirfd: number, pathAddress: number, uid: number, gid: number, flags: number): number {
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const place = pathOf(task, dirfd, pathAddress, flags);
  return isErrno(place) ? place : changeOwner(task, place, uid, gid);
}

function fchown(task: Task, fd: number, uid: number, gid: number): number {
  const place = pathOfFd(task, fd);
  return isErrno(place) ? place : changeOwner(task, place, uid, gid);
}

function utimensat(task: Task, dirfd: number, pathAddress: number, times: number, flags: number): number {
  let atime: GivenTime = "now",
    mtime: GivenTime = "now";
  if (times !== 0) {
    const { u8, view } = task.kernel.scratch;
    const failed = task.space.copyIn(times, u8, 0, 32);
    if (failed < 0) return failed;
    const first = timeAt(view, 0),
      second = timeAt(view, 16);
    if (first === null && second === null) return 0;
    atime = first;
    mtime = second;
  }
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  // A null path means the descriptor itself (futimens(3)).
  if (pathAddress === 0 && dirfd !== AT_FDCWD) {
    if (flags !== 0) return -EINVAL;
    const place = pathOfFd(task, dirfd);
    return isErrno(place) ? place : setTimes(task, place, atime, mtime);
  }
  const place = pathOf(task, dirfd, pathAddress, flags);
  return isErrno(place) ? place : setTimes(task, place, atime, mtime);
}

/** A time that is none is told once the file is found (fs/utimes.c, vfs_utimes). */
function setTimes(task: Task, place: Path, atime: GivenTime, mtime: GivenTime): number {
  return isErrno(atime) || isErrno(mtime) ? -EINVAL : changeTimes(task, place, atime, mtime);
}

/** null: as it is; −EINVAL. */
type GivenTime = Time | "now" | null | number;

function timeAt(view: DataView, at: number): GivenTime {
  const nanoseconds = get64(view, at + Timespec.offset.tv_nsec);
  if (nanoseconds === UTIME_NOW) return "now";
  if (nanoseconds === UTIME_OMIT) return null;
  if (nanoseconds < 0 || nanoseconds > 999_999_999) return -EINVAL;
  return { seconds: get64(view, at + Timespec.offset.tv_sec), nanoseconds };
}

function truncate(task: Task, pathAddress: number, size: number): number {
  if (size < 0) return -EINVAL;
  const place = pathOf(task, AT_FDCWD, pathAddress, 0);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  if (inode.isDirectory) return -EISDIR;
  if (!inode.isRegular) return -EINVAL;
  if (place.mount.isReadOnly) return -EROFS;
  const denied = inode.mayAccess(task, MAY_WRITE, place.mount);
  if (denied < 0) return denied;
  const { landlock } = task.credentials;
  if (landlock !== null && checkLandlock(landlock, place, LANDLOCK_ACCESS_FS_TRUNCATE) < 0) return -EACCES;
  if (inode.content.writers < 0) return -ETXTBSY;
  const waits = breakLeases(task, inode.content, true, true);
  if (waits < 0) return waits;
  return truncateInode(task, inode, size, place);
}

function ftruncate(task: Task, fd: number, size: number): number {
  if (size < 0) return -EINVAL;
  const file = opened(task, fd);
  if (isErrno(file)) return file;
  if (file.inode === null || !file.inode.isRegular || !file.isWritable) return -EINVAL;
  if ((file.landlockRefused & LANDLOCK_ACCESS_FS_TRUNCATE) !== 0) return -EACCES;
  return truncateInode(task, file.shownInode!, size, file.path, file);
}

/** One of the modes, with FALLOC_FL_KEEP_SIZE where that says something (fs/open.c, vfs_fallocate). */
function isAllocationMode(mode: number): boolean {
  const keepsSize = (mode & FALLOC_FL_KEEP_SIZE) !== 0;
  switch (mode & ~FALLOC_FL_KEEP_SIZE) {
    case 0:
    case FALLOC_FL_UNSHARE_RANGE:
    case FALLOC_FL_ZERO_RANGE:
      return true;
    case FALLOC_FL_PUNCH_HOLE:
      return keepsSize;
    case FALLOC_FL_COLLAPSE_RANGE:
    case FALLOC_FL_INSERT_RANGE:
    case FALLOC_FL_WRITE_ZEROES:
      return !keepsSize;
    default:
      return false;
  }
}

function fallocate(task: Task, fd: number, mode: number, offset: number, length: number): number {
  const file = opened(task, fd);
  if (isErrno(file)) return file;
  if (offset < 0 || length <= 0) return -EINVAL;
  if (!isAllocationMode(mode)) return -EOPNOTSUPP;
  if (!file.isWritable) return -EBADF;
  const inode = file.inode;
  if (inode === null) return -ENODEV;
  if ((inode.mode & S_IFMT) === S_IFIFO) return -ESPIPE;
  if (inode.isDirectory) return -EISDIR;
  if (!inode.isRegular) return -ENODEV;
  if ((inode.fileFlags & FS_IMMUTABLE_FL) !== 0 || ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0 && isKept(inode)))
    return -EPERM;
  if (offset + length > FILE_SIZE_MAX) return -EFBIG;
  const sealed = checkAllocationSeals(inode, mode, offset + length);
  if (sealed < 0) return sealed;
  // All of it or nothing, unlike write(2) (fs/attr.c, inode_newsize_ok).
  if (
    (mode & FALLOC_FL_KEEP_SIZE) === 0 &&
    offset + length > inode.size &&
    offset + length > task.group.limits[RLIMIT_FSIZE]!.soft
  ) {
    sendSignalToSelf(task, SIGXFSZ);
    return -EFBIG;
  }
  // What lies behind the range moves.
  if ((mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)) !== 0 && drainInPieces(task, inode) === UNFINISHED)
    return UNFINISHED;
  const takesRoom = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE)) === 0;
  const isStoring = stateOf(task, "write-back") !== null;
  if (isStoring || (task.syscallState === null && takesRoom && inode.fileSystem.isShortOf(length)))
    if (storeInPieces(task, inode.fileSystem) === UNFINISHED) return UNFINISHED;
  task.kernel.work.mayPause = true;
  const before = movedBefore(task);
  const left = length - before;
  const done = allocateRange(task, inode, file, { mode, offset: offset + before, length: left });
  if (done < 0) return done;
  return done < left ? pauseTransfer(task, before + done) : 0;
}

function umask(task: Task, mask: number): number {
  const before = task.fs.umask;
  task.fs.umask = mask & 0o777;
  return before;
}

export const attributeCalls: SyscallTable = {
  fchmod: { run: (task, fd, mode) => fchmod(task, fd | 0, mode & 0o7777) },
  fchmodat: { run: (task, dirfd, path, mode) => fchmodat(task, dirfd | 0, path, mode & 0o7777, 0) },
  fchmodat2: { run: (task, dirfd, path, mode, flags) => fchmodat(task, dirfd | 0, path, mode & 0o7777, flags | 0) },
  fchown: { run: (task, fd, uid, gid) => fchown(task, fd | 0, uid >>> 0, gid >>> 0) },
  fchownat: {
    run: (task, dirfd, path, uid, gid, flags) => fchownat(task, dirfd | 0, path, uid >>> 0, gid >>> 0, flags | 0),
  },
  utimensat: { run: (task, dirfd, path, times, flags) => utimensat(task, dirfd | 0, path, times, flags | 0) },
  truncate: { run: truncate },
  ftruncate: { run: (task, fd, size) => ftruncate(task, fd | 0, size) },
  fallocate: {
    run: (task, fd, mode, offset, length) => fallocate(task, fd | 0, mode | 0, offset, length),
    gaps: "ranges are collapsed and inserted on AegisFS alone",
  },
  umask: { run: (task, mask) => umask(task, mask | 0) },
};
