import {
  ENOTTY,
  EBADF,
  EINVAL,
  EOVERFLOW,
  EPERM,
  ESRCH,
  F_ADD_SEALS,
  F_CREATED_QUERY,
  F_DUPFD,
  F_DUPFD_CLOEXEC,
  F_DUPFD_QUERY,
  F_GETFD,
  F_GETFL,
  F_GETLEASE,
  F_GETLK,
  F_GETOWN,
  F_GETOWN_EX,
  F_GETPIPE_SZ,
  RLIMIT_NOFILE,
  EBUSY,
  ENOMEM,
  F_GETSIG,
  F_GET_RW_HINT,
  F_GET_SEALS,
  F_NOTIFY,
  F_OFD_GETLK,
  F_OFD_SETLK,
  F_OFD_SETLKW,
  F_RDLCK,
  F_SETFD,
  F_SETFL,
  S_IFIFO,
  S_IFMT,
  F_SETLEASE,
  F_SETLK,
  F_SETLKW,
  F_SETOWN,
  CAP_SYS_RESOURCE,
  FASYNC,
  FD_CLOEXEC,
  FOwnerEx,
  FS_APPEND_FL,
  F_OWNER_PGRP,
  F_SETOWN_EX,
  F_SETPIPE_SZ,
  F_SETSIG,
  F_SET_RW_HINT,
  F_UNLCK,
  F_WRLCK,
  Flock,
  O_APPEND,
  O_DIRECT,
  O_NOATIME,
  O_NONBLOCK,
  O_PATH,
  PAGE_SIZE,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  isErrno,
} from "@stratos/abi";
import { notifyOfDirectory } from "../fs/dnotify/dnotify.ts";
import { PipeFile } from "../fs/pipe/pipe-file.ts";
import { addSeals, sealsOf } from "../fs/memfd/memfd.ts";
import { isCapable } from "../security/credentials.ts";
import { isOwnerOrCapable } from "../security/permission.ts";
import { fileOwnerSeenBy, processOwnerSeenBy, setFileOwner, setProcessOwner } from "../vfs/file-owner.ts";
import { setAsync } from "../vfs/io-signal.ts";
import type { Task } from "../task/task.ts";
import { inodeOfFile } from "../vfs/anonymous-file.ts";
import { conflictingLock, ownLock, setRangeLock } from "../vfs/file-locks.ts";
import type { RangeLock } from "../vfs/held-locks.ts";
import { leaseOf, setLease } from "../vfs/leases.ts";
import { mayBeDirect } from "../vfs/open.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { identityOf } from "../ground/identity.ts";
import { get64 } from "../ground/words.ts";
import { shownOn } from "../vfs/mount.ts";

const SETTABLE = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME;
/** `struct flock` of 64-bit machines: l_type, l_whence (s16), l_start @8, l_len @16 (s64), l_pid @24 (s32). */

/** fcntl(2). */
export function fcntl(task: Task, fd: number, command: number, argument: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if (
    (file.flags & O_PATH) !== 0 &&
    command !== F_DUPFD &&
    command !== F_DUPFD_CLOEXEC &&
    command !== F_GETFD &&
    command !== F_SETFD &&
    command !== F_GETFL &&
    command !== F_DUPFD_QUERY
  )
    return -EBADF;
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: {
      const limit = task.group.limits[RLIMIT_NOFILE]!.soft;
      const minimum = argument | 0;
      if (minimum < 0 || minimum >= limit) return -EINVAL;
      return task.files.install(file.retain(), command === F_DUPFD_CLOEXEC, minimum, limit);
    }
    case F_CREATED_QUERY:
      return file.isCreated ? 1 : 0;
    case F_DUPFD_QUERY:
      return isSameDescription(task, file, argument | 0);
    case F_GETFD:
      return task.files.isCloseOnExec(fd) ? FD_CLOEXEC : 0;
    case F_SETFD:
      task.files.setCloseOnExec(fd, (argument & FD_CLOEXEC) !== 0);
      return 0;
    case F_GETFL:
      return file.flags;
    case F_SETFL:
      return setFlags(task, file, fd, argument | 0);
    case F_GETLK:
    case F_OFD_GETLK:
      return getLock(task, file, argument, command === F_OFD_GETLK);
    case F_SETLK:
    case F_OFD_SETLK:
      return setLock(task, file, argument, false, command === F_OFD_SETLK);
    case F_SETLKW:
    case F_OFD_SETLKW:
      return setLock(task, file, argument, true, command === F_OFD_SETLKW);
    case F_SETOWN:
      return setProcessOwner(task, file, argument | 0);
    case F_GETOWN:
      return processOwnerSeenBy(task, file);
    case F_SETOWN_EX: {
      const type = task.space.loadU32(argument + FOwnerEx.offset.type);
      const pid = task.space.loadU32(argument + FOwnerEx.offset.pid);
      if (type < 0 || pid < 0) return type < 0 ? type : pid;
      if (type > F_OWNER_PGRP) return -EINVAL;
      return (pid | 0) < 0 ? -ESRCH : setFileOwner(task, file, type, pid);
    }
    case F_GETOWN_EX: {
      const failed = task.space.storeU32(argument + FOwnerEx.offset.type, file.ownerType);
      return failed < 0 ? failed : task.space.storeU32(argument + FOwnerEx.offset.pid, fileOwnerSeenBy(task, file));
    }
    case F_GETSIG:
      return file.ioSignal;
    case F_SETSIG:
      if (argument < 0 || argument > 64) return -EINVAL;
      file.ioSignal = argument;
      return 0;
    case F_GETLEASE:
      return leaseOf(file);
    case F_SETLEASE:
      return setLease(task, file, fd, argument | 0);
    case F_NOTIFY:
      return notifyOfDirectory(task, file, fd, argument | 0);
    case F_GETPIPE_SZ:
      return file instanceof PipeFile ? file.pipe.capacity : -EBADF;
    case F_SETPIPE_SZ:
      return file instanceof PipeFile ? setPipeSize(task, file, argument) : -EBADF;
    case F_ADD_SEALS:
      return addSeals(task, file, argument | 0);
    case F_GET_SEALS:
      return sealsOf(file.inode);
    case F_GET_RW_HINT:
      return task.space.storeU64(argument, file.inode?.writeHint ?? 0);
    case F_SET_RW_HINT:
      return setWriteHint(task, file, argument);
    default:
      return -EINVAL;
  }
}

function isSameDescription(task: Task, file: OpenFile, fd: number): number {
  const other = task.files.get(fd);
  return other === undefined ? -EBADF : other === file ? 1 : 0;
}

/** How long what is written will live: kept and shown (F_SET_RW_HINT). −EPERM for others' files, −EFAULT, −EINVAL. */
function setWriteHint(task: Task, file: OpenFile, address: number): number {
  const { inode } = file;
  if (inode !== null && !isOwnerOrCapable(task.credentials, shownOn(file.path?.mount ?? null, inode))) return -EPERM;
  const hint = task.space.loadU64(address);
  if (hint < 0) return hint;
  if (hint > 5) return -EINVAL;
  if (inode !== null) inode.writeHint = hint;
  return 0;
}

function setFlags(task: Task, file: OpenFile, fd: number, flags: number): number {
  if (
    (flags & O_NOATIME) !== 0 &&
    (file.flags & O_NOATIME) === 0 &&
    file.inode !== null &&
    !isOwnerOrCapable(task.credentials, shownOn(file.path?.mount ?? null, file.inode))
  )
    return -EPERM;
  if ((flags & O_APPEND) === 0 && (file.flags & O_APPEND) !== 0 && ((file.inode?.fileFlags ?? 0) & FS_APPEND_FL) !== 0)
    return -EPERM;
  // Of a pipe it asks for packets (pipe2(2)).
  const { inode } = file;
  if ((flags & O_DIRECT) !== 0 && (inode === null || ((inode.mode & S_IFMT) !== S_IFIFO && !mayBeDirect(inode))))
    return -EINVAL;
  const refused = setAsync(task.kernel, file, fd, (flags & FASYNC) !== 0);
  // A kind of file that sends no SIGIO keeps the flag as it was, without a word.
  if (refused < 0 && refused !== -ENOTTY) return refused;
  file.flags = (file.flags & ~SETTABLE) | (flags & SETTABLE);
  return 0;
}

function setPipeSize(task: Task, file: PipeFile, wanted: number): number {
  if (wanted < 0 || wanted > 0x7fffffff) return -EINVAL;
  // Rounded up to a power of two of pages (pipe(7)).
  let size = PAGE_SIZE;
  while (size < wanted) size *= 2;
  const { pipeLimits } = task.kernel;
  const more = (size - file.pipe.capacity) / PAGE_SIZE;
  if (size > pipeLimits.maximumBytes && more > 0 && !isCapable(task.credentials, CAP_SYS_RESOURCE)) return -EPERM;
  if (
    more > 0 &&
    (pipeLimits.exceeds(task.credentials, more, "softPages") || pipeLimits.exceeds(task.credentials, more, "hardPages"))
  )
    return -EPERM;
  if (size > 1 << 27) return -ENOMEM;
  if (size < file.pipe.usedSlots * PAGE_SIZE) return -EBUSY;
  file.pipe.resize(size / PAGE_SIZE);
  file.pipe.queue.wakeAll();
  return size;
}

/**
 * Reads `struct flock` into a range; −EFAULT, −EINVAL, −EOVERFLOW, in the order of Linux' fs/locks.c
 * (`flock64_to_posix_lock`).
 */
function loadLock(
  task: Task,
  file: OpenFile,
  address: number,
  isDescription: boolean,
  mayUnlock: boolean,
): RangeLock | number {
  const { u8, view } = task.kernel.scratch;
  const failed = task.space.copyIn(address, u8, 0, Flock.size);
  if (failed < 0) return failed;
  const type = view.getInt16(Flock.offset.l_type, true),
    whence = view.getInt16(Flock.offset.l_whence, true);
  if (!mayUnlock && type !== F_RDLCK && type !== F_WRLCK) return -EINVAL;
  let base = 0;
  if (whence === SEEK_CUR) base = file.position;
  else if (whence === SEEK_END) base = inodeOfFile(task.kernel, file).content.size;
  else if (whence !== SEEK_SET) return -EINVAL;
  const range = lockedRange(view, base);
  if (isErrno(range)) return range;
  if (type !== F_RDLCK && type !== F_WRLCK && type !== F_UNLCK) return -EINVAL;
  const description = identityOf(task.kernel, file);
  return {
    type,
    ...range,
    owner: isDescription ? file : task.files,
    pid: isDescription ? -1 : task.pid,
    description,
  };
}

/** A place in a file, and the one behind it that is not locked any more. */
type LockedRange = Pick<RangeLock, "start" | "end">;

/** Of `struct flock`; −EINVAL, −EOVERFLOW. @param base  from where `l_start` counts */
function lockedRange(view: DataView, base: number): LockedRange | number {
  const start = base + get64(view, Flock.offset.l_start);
  const length = get64(view, Flock.offset.l_len);
  // Sums of what is below are exact.
  if (Math.abs(start) > 2 ** 52 || Math.abs(length) > 2 ** 52) return farRange(view, base);
  const first = length < 0 ? start + length : start;
  if (start < 0 || first < 0) return -EINVAL;
  return { start: first, end: length === 0 ? Infinity : length < 0 ? start : start + length };
}

/** `loff_t` at its largest: a range up to there goes to the end (Linux fs/locks.c, `flock64_to_posix_lock`). */
const OFFSET_MAX = 2n ** 63n - 1n;

function farRange(view: DataView, base: number): LockedRange | number {
  const start = BigInt(base) + view.getBigInt64(Flock.offset.l_start, true);
  const length = view.getBigInt64(Flock.offset.l_len, true);
  if (start > OFFSET_MAX) return -EOVERFLOW;
  if (start < 0n || start + length < 0n) return -EINVAL;
  if (length < 0n) return { start: placeOf(start + length), end: placeOf(start) };
  if (length === 0n || start + length - 1n === OFFSET_MAX) return { start: placeOf(start), end: Infinity };
  return start + length > OFFSET_MAX ? -EOVERFLOW : { start: placeOf(start), end: placeOf(start + length) };
}

/** As a number where that is exact. */
function placeOf(place: bigint): number | bigint {
  return place <= Number.MAX_SAFE_INTEGER ? Number(place) : place;
}

function setLock(task: Task, file: OpenFile, address: number, mayWait: boolean, isDescription: boolean): number {
  const lock = loadLock(task, file, address, isDescription, true);
  if (isErrno(lock)) return lock;
  if ((lock.type === F_RDLCK && !file.isReadable) || (lock.type === F_WRLCK && !file.isWritable)) return -EBADF;
  if (isDescription && namesProcess(task)) return -EINVAL;
  return file.lockRange(task, lock, mayWait) ?? setRangeLock(task, inodeOfFile(task.kernel, file), lock, mayWait);
}

/** Of the `struct flock` that was loaded last: a description's has none (fcntl(2)). */
function namesProcess({ kernel: { scratch } }: Task): boolean {
  return scratch.view.getInt32(Flock.offset.l_pid, true) !== 0;
}

function getLock(task: Task, file: OpenFile, address: number, isDescription: boolean): number {
  // Only a description asks for what it holds itself.
  const lock = loadLock(task, file, address, isDescription, isDescription);
  if (isErrno(lock)) return lock;
  if (isDescription && namesProcess(task)) return -EINVAL;
  const inode = inodeOfFile(task.kernel, file);
  // F_UNLCK asks a description for what it holds itself (fs/locks.c, posix_test_locks_conflict).
  let conflict = file.findLock(task, lock);
  if (isErrno(conflict)) return conflict;
  if (conflict === null) conflict = lock.type === F_UNLCK ? ownLock(inode, lock) : conflictingLock(inode, lock);
  const { u8, view } = task.kernel.scratch;
  if (conflict === null || conflict.type === F_UNLCK) {
    view.setInt16(Flock.offset.l_type, F_UNLCK, true);
    return task.space.copyOut(address, u8, 0, Flock.offset.l_whence);
  }
  view.setInt16(Flock.offset.l_type, conflict.type, true);
  view.setInt16(Flock.offset.l_whence, SEEK_SET, true);
  const { start, end } = conflict;
  view.setBigInt64(Flock.offset.l_start, BigInt(start), true);
  view.setBigInt64(Flock.offset.l_len, end === Infinity ? 0n : BigInt(end) - BigInt(start), true);
  const pid = conflict.pid < 0 ? -1 : task.group.pidNamespace.idOf(conflict.pid);
  view.setInt32(Flock.offset.l_pid, pid, true);
  return task.space.copyOut(address, u8, 0, Flock.size);
}
