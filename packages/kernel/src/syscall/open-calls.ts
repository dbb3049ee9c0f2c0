import {
  EACCES,
  LANDLOCK_ACCESS_FS_IOCTL_DEV,
  FIOQSIZE,
  FIFREEZE,
  FITHAW,
  FS_IOC_FIEMAP,
  FIGETBSZ,
  FIDEDUPERANGE,
  FS_IOC_GETFSUUID,
  FS_IOC_GETFSSYSFSPATH,
  CLOSE_RANGE_CLOEXEC,
  CLOSE_RANGE_UNSHARE,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EMFILE,
  FICLONE,
  FICLONERANGE,
  FIOASYNC,
  FIOCLEX,
  FIONBIO,
  FIONCLEX,
  LOCK_EX,
  LOCK_MAND,
  LOCK_NB,
  LOCK_SH,
  LOCK_UN,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_TMPFILE,
  O_TRUNC,
  OpenHow,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  RLIMIT_NOFILE,
  isErrno,
} from "@stratos/abi";
import { stateOf } from "../ground/call-state.ts";
import { walkInPieces } from "../ground/call-work.ts";
import { checkMemfdFlags, createMemfd } from "../fs/memfd/memfd.ts";
import { createPipe } from "../fs/pipe/pipe-file.ts";
import { BLOCKED } from "../ground/wait-queue.ts";
import type { Task } from "../task/task.ts";
import { inodeOfFile } from "../vfs/anonymous-file.ts";
import { fileIoctl } from "../vfs/file-ioctl.ts";
import { setFlock } from "../vfs/file-locks.ts";
import { contradicts, openPath } from "../vfs/open.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { fcntl } from "./fcntl.ts";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { get64 } from "../ground/words.ts";
import { setAsync } from "../vfs/io-signal.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** Gives a fresh description the lowest descriptor: it, or −EMFILE (the description is then released). */
export function installFile(task: Task, file: OpenFile, closeOnExec: boolean, minimum = 0): number {
  return task.files.install(file, closeOnExec, minimum, task.group.limits[RLIMIT_NOFILE]!.soft);
}

function open(task: Task, dirfd: number, address: number, flags: number, mode: number, resolve: number): number {
  if (contradicts(flags)) return -EINVAL;
  const path = loadPath(task, address);
  if (isErrno(path)) return path;
  const file = openPath(task, dirfd, path, flags, mode, resolve);
  return isErrno(file) ? file : installFile(task, file, (flags & O_CLOEXEC) !== 0);
}

/** What is more says nothing to one who opens a place (fs/open.c, build_open_how). */
const PATH_FLAGS = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

function openat(task: Task, dirfd: number, address: number, flags: number, mode: number): number {
  return open(task, dirfd, address, (flags & O_PATH) !== 0 ? flags & PATH_FLAGS : flags, mode, 0);
}

/** openat2(2). */
const RESOLVE_ALL =
  RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_CACHED;

function openat2(task: Task, dirfd: number, path: number, how: number, size: number): number {
  if (size < OpenHow.size) return -EINVAL;
  const { u8, view } = task.kernel.scratch;
  const failed = copyExtensible(task.space, how, u8, size, OpenHow.size);
  if (failed < 0) return failed;
  const flags = get64(view, OpenHow.offset.flags),
    mode = get64(view, OpenHow.offset.mode),
    resolve = get64(view, OpenHow.offset.resolve);
  const makes = (flags & O_CREAT) !== 0 || (flags & O_TMPFILE) === O_TMPFILE;
  if (
    flags < 0 ||
    flags > 0x7fffffff ||
    (flags & ~0o37777703) !== 0 ||
    mode < 0 ||
    mode > 0o7777 ||
    (mode !== 0 && !makes)
  )
    return -EINVAL;
  if (resolve < 0 || (resolve & ~RESOLVE_ALL) !== 0 || (resolve & 0x18) === 0x18) return -EINVAL;
  // openat(2) ignores what O_PATH has no use for, openat2(2) doesn't (build_open_flags in Linux's fs/open.c).
  if ((flags & O_PATH) !== 0 && (flags & ~PATH_FLAGS) !== 0) return -EINVAL;
  // RESOLVE_CACHED: "try again without it" is always a right answer (openat2(2)), but nothing here ever waits for a
  // disk. What makes or empties a file is never done with it.
  if ((resolve & RESOLVE_CACHED) !== 0 && (makes || (flags & O_TRUNC) !== 0)) return -EAGAIN;
  return open(task, dirfd, path, flags, mode, resolve);
}

function duplicate(task: Task, fd: number): number {
  const file = task.files.get(fd | 0);
  return file === undefined ? -EBADF : installFile(task, file.retain(), false);
}

function dup3(task: Task, oldFd: number, newFd: number, flags: number): number {
  if ((flags & ~O_CLOEXEC) !== 0 || oldFd === newFd) return -EINVAL;
  const file = task.files.get(oldFd);
  if (file === undefined || newFd < 0 || newFd >= task.group.limits[RLIMIT_NOFILE]!.soft) return -EBADF;
  if (!task.files.canHold(newFd)) return -EMFILE;
  const waits = task.files.get(newFd)?.beforeClose() ?? 0;
  if (waits <= BLOCKED) return waits;
  task.files.installAt(task, newFd, file.retain(), (flags & O_CLOEXEC) !== 0);
  return newFd;
}

function closeRange(task: Task, first: number, last: number, flags: number): number {
  if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) !== 0 || first > last) return -EINVAL;
  const isFirst = stateOf(task, "range") === null;
  if (isFirst && (flags & CLOSE_RANGE_UNSHARE) !== 0 && task.files.users > 1) {
    const copy = task.files.copyForTask();
    if (isErrno(copy)) return copy;
    task.files.users--;
    task.files = copy;
  }
  const { files, kernel } = task;
  return walkInPieces(task, first, last + 1, (at) => {
    const fd = files.nextOpen(at);
    if (fd < 0 || fd > last) return last + 1;
    kernel.work.charge(1);
    if ((flags & CLOSE_RANGE_CLOEXEC) !== 0) files.setCloseOnExec(fd, true);
    else files.close(task, fd);
    return fd + 1;
  });
}

function pipe2(task: Task, address: number, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK | O_DIRECT)) !== 0) return -EINVAL;
  const pipe = createPipe(task.kernel, flags & (O_NONBLOCK | O_DIRECT), task.credentials);
  if (isErrno(pipe)) return pipe;
  const { reader, writer } = pipe;
  const closeOnExec = (flags & O_CLOEXEC) !== 0;
  const readFd = installFile(task, reader, closeOnExec);
  if (readFd < 0) {
    writer.release();
    return readFd;
  }
  const writeFd = installFile(task, writer, closeOnExec);
  if (writeFd < 0) {
    task.files.close(task, readFd);
    return -EMFILE;
  }
  let failed = task.space.storeU32(address, readFd);
  if (failed >= 0) failed = task.space.storeU32(address + 4, writeFd);
  if (failed < 0) {
    task.files.close(task, readFd);
    task.files.close(task, writeFd);
    return failed;
  }
  return 0;
}

function ioctl(task: Task, fd: number, command: number, argument: number): number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  switch (command) {
    case FIOCLEX:
      task.files.setCloseOnExec(fd, true);
      return 0;
    case FIONCLEX:
      task.files.setCloseOnExec(fd, false);
      return 0;
    case FIONBIO:
    case FIOASYNC: {
      const on = task.space.loadU32(argument);
      if (on < 0) return on;
      if (command === FIOASYNC) return setAsync(task.kernel, file, fd, on !== 0);
      file.flags = on !== 0 ? file.flags | O_NONBLOCK : file.flags & ~O_NONBLOCK;
      return 0;
    }
    // Whatever the kind of file: the file system behind it says no.
    case FICLONE:
    case FICLONERANGE:
    case FIDEDUPERANGE:
    case FIFREEZE:
    case FIGETBSZ:
    case FIOQSIZE:
    case FITHAW:
      return fileIoctl(task, file, command, argument);
    default:
      if ((file.landlockRefused & LANDLOCK_ACCESS_FS_IOCTL_DEV) !== 0 && !OF_EVERY_FILE.has(command >>> 0))
        return -EACCES;
      return file.ioctl(task, command, argument);
  }
}

/** Requests that are no device's (security/landlock/fs.c, is_masked_device_ioctl). */
const OF_EVERY_FILE: ReadonlySet<number> = new Set([...[FS_IOC_FIEMAP, FS_IOC_GETFSUUID, FS_IOC_GETFSSYSFSPATH]]);

function flock(task: Task, fd: number, operation: number): number {
  // Mandatory locks for foreign file servers: taken and without effect, as in Linux since 5.15.
  if ((operation & LOCK_MAND) !== 0) return 0;
  const kind = operation & ~LOCK_NB;
  if (kind !== LOCK_SH && kind !== LOCK_EX && kind !== LOCK_UN) return -EINVAL;
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  if (kind !== LOCK_UN && !file.isReadable && !file.isWritable) return -EBADF;
  const inode = inodeOfFile(task.kernel, file);
  const wanted = kind === LOCK_UN ? 0 : kind;
  const mayWait = (operation & LOCK_NB) === 0;
  return file.lockWhole(task, wanted, mayWait) ?? setFlock(task, inode, file, wanted, mayWait);
}

function memfdCreate(task: Task, nameAddress: number, flags: number): number {
  const refused = checkMemfdFlags(flags);
  if (refused < 0) return refused;
  // MFD_NAME_MAX_LEN: "memfd:" and the end mark fit NAME_MAX.
  const name = task.space.loadString(nameAddress, 250);
  if (isErrno(name)) return name === -EFAULT ? name : -EINVAL;
  const file = createMemfd(task, name, flags);
  return isErrno(file) ? file : installFile(task, file, (flags & 1) !== 0);
}

function close(task: Task, fd: number): number {
  const waits = task.files.get(fd)?.beforeClose() ?? 0;
  if (waits <= BLOCKED) return waits;
  const result = task.files.close(task, fd);
  return waits < 0 ? waits : result;
}

export const openCalls: SyscallTable = {
  openat: {
    run: (task, dirfd, path, flags, mode) => openat(task, dirfd | 0, path, flags | 0, mode & 0o7777),
    gaps: "O_DIRECT goes through the page cache, and pages stay there; it takes any alignment",
  },
  openat2: { run: (task, dirfd, path, how, size) => openat2(task, dirfd | 0, path, how, size), gaps: "as openat" },
  close: { run: (task, fd) => close(task, fd | 0) },
  close_range: { run: (task, first, last, flags) => closeRange(task, first >>> 0, last >>> 0, flags | 0) },
  dup: { run: duplicate },
  dup3: { run: (task, oldFd, newFd, flags) => dup3(task, oldFd | 0, newFd | 0, flags | 0) },
  fcntl: {
    run: (task, fd, command, argument) => fcntl(task, fd | 0, command | 0, argument),
    gaps: "4096 ranges of a file, 65536 of all, can be locked (ENOLCK); on files of the host (-v) as flock",
  },
  ioctl: {
    run: (task, fd, command, argument) => ioctl(task, fd | 0, command >>> 0, argument),
    gaps: "per device; see ioctl of each file kind",
  },
  pipe2: { run: (task, fds, flags) => pipe2(task, fds, flags | 0) },
  flock: {
    run: (task, fd, operation) => flock(task, fd | 0, operation | 0),
    gaps: "locks on files of the host (-v) hold among the machine's own programs, not beside the host's or other runs'",
  },
  memfd_create: { run: (task, name, flags) => memfdCreate(task, name, flags | 0), gaps: "no huge pages" },
};
