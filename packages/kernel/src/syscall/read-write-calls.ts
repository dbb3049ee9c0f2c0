import {
  EBADF,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  ESPIPE,
  O_APPEND,
  O_DSYNC,
  O_NONBLOCK,
  O_PATH,
  PAGE_SIZE,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_HIPRI,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
  SEEK_SET,
  SEEK_DATA,
  SEEK_HOLE,
  isErrno,
} from "@stratos/abi";
import { interruptedTransfer } from "../fs/pipe/pipe-file.ts";
import { stateOf } from "../ground/call-state.ts";
import { CALL_WORK, movedBefore, pauseTransfer } from "../ground/call-work.ts";
import { A3 } from "../task/hart-registers.ts";
import type { Task } from "../task/task.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { mayRead } from "../vfs/fanotify-marks.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { BLOCKED, UNFINISHED } from "../ground/wait-queue.ts";
import { drainInPieces, drainWrittenThrough } from "../vfs/write-back.ts";
import type { SyscallTable } from "./syscall-table.ts";
import { checkTransferFlags } from "./transfer-flags.ts";

/** MAX_RW_COUNT: what one call moves at most (read(2), NOTES). */
const COUNT_MAX = 0x7ffff000;

function readable(task: Task, fd: number): OpenFile | number {
  const file = task.files.get(fd | 0);
  return file === undefined || !file.isReadable ? -EBADF : file;
}

function writable(task: Task, fd: number): OpenFile | number {
  const file = task.files.get(fd | 0);
  return file === undefined || !file.isWritable ? -EBADF : file;
}

/** More than this may be cut and go on in pieces (ground/call-work.ts); less is done in one. */
const PIECE_MIN = (CALL_WORK * PAGE_SIZE) / 64;

/**
 * Reads into the cursor, in pieces when it is much. @param offset  −1: at the description's position
 */
export function readInto(task: Task, file: OpenFile, to: IoCursor, offset: number): number {
  if (task.kernel.vfs.permissionCount > 0) {
    const refused = mayRead(task, file);
    if (refused < 0) return refused;
  }
  if (to.remaining < PIECE_MIN) return file.read(task, to, offset);
  const { work } = task.kernel;
  const before = movedBefore(task);
  to.skip(before);
  work.mayPause = true;
  const moved = file.read(task, to, offset < 0 ? -1 : offset + before);
  return goOn(task, file, before, moved);
}

export function writeFrom(task: Task, file: OpenFile, from: IoCursor, offset: number): number {
  const before = stateOf(task, "drain")?.moved ?? movedBefore(task);
  const waits = drainWrittenThrough(task, file, before);
  // What was written before an error counts.
  if (waits < 0) return waits === UNFINISHED || before === 0 ? waits : before;
  // A pipe and a socket keep by themselves what they have moved.
  if (from.remaining < PIECE_MIN || !file.isOnDisk) return file.write(task, from, offset);
  from.skip(before);
  task.kernel.work.mayPause = true;
  return goOn(task, file, before, file.write(task, from, offset < 0 ? -1 : offset + before));
}

/** After one piece of a transfer: `moved` is its result. No signal cuts a regular file's short (signal(7)). */
function goOn(task: Task, file: OpenFile, before: number, moved: number): number {
  // What a program serves waits for a piece, and comes again.
  if (moved <= BLOCKED && file.inode?.fileSystem.isServed === true) return moved;
  if (moved > 0 && task.kernel.work.isCut) return pauseTransfer(task, before + moved, file.isOnDisk);
  if (before === 0) return moved;
  return moved > 0 ? before + moved : before;
}

/** For proc_pid_io(5): a call that has ended, whether it moved anything or not. */
function countRead(task: Task, result: number): number {
  if (result <= BLOCKED) return result;
  const { transfers } = task;
  transfers.readCalls++;
  if (result > 0) transfers.read += result;
  return result;
}

function countWrite(task: Task, result: number): number {
  if (result <= BLOCKED) return result;
  const { transfers } = task;
  transfers.writeCalls++;
  if (result > 0) transfers.written += result;
  return result;
}

/** A request of io_uring(7) was a call of its submitter. */
export function countMovedBy(task: Task, result: number, isRead: boolean): void {
  if (isRead) countRead(task, result);
  else countWrite(task, result);
}

/** What was moved between two files was read and written. */
export function countMoved(task: Task, result: number): number {
  return result > 0 ? countWrite(task, countRead(task, result)) : result;
}

/**
 * That no program can have such a buffer is found before anything is moved, even where nothing is to be: access_ok of
 * Linux's include/asm-generic/access_ok.h, whose bound is 2^63 on riscv. Negative ones are those above it.
 */
function isBeyond(buffer: number, count: number): boolean {
  return count < 0 || buffer < 0 || buffer + count >= 2 ** 63;
}

function read(task: Task, fd: number, buffer: number, count: number): number {
  const file = task.files.get(fd | 0);
  if (file === undefined || !file.isReadable) return -EBADF;
  if (isBeyond(buffer, count)) return -EFAULT;
  return countRead(task, readInto(task, file, task.space.cursor(buffer, count > COUNT_MAX ? COUNT_MAX : count), -1));
}

function write(task: Task, fd: number, buffer: number, count: number): number {
  const file = task.files.get(fd | 0);
  if (file === undefined || !file.isWritable) return -EBADF;
  if (isBeyond(buffer, count)) return -EFAULT;
  return countWrite(task, writeFrom(task, file, task.space.cursor(buffer, count > COUNT_MAX ? COUNT_MAX : count), -1));
}

/** Positioned calls need a file with positions; that it may be read or written is asked after that. */
function checkOffset(task: Task, fd: number, offset: number): number {
  if (offset < 0) return -EINVAL;
  const file = task.files.get(fd);
  return file !== undefined && (file.flags & O_PATH) === 0 && !file.hasPositions ? -ESPIPE : 0;
}

/** Where it would end is a place in a file, too (rw_verify_area in Linux's fs/read_write.c): 0 or −EINVAL. */
function checkEnd({ kernel }: Task, offset: number, count: number): number {
  return count >= kernel.hart.roomBehind(A3, offset) ? -EINVAL : 0;
}

function pread(task: Task, fd: number, buffer: number, count: number, offset: number): number {
  const refused = checkOffset(task, fd, offset);
  if (refused < 0) return refused;
  const file = readable(task, fd);
  if (isErrno(file)) return file;
  if (isBeyond(buffer, count)) return -EFAULT;
  if (checkEnd(task, offset, count) < 0) return -EINVAL;
  return countRead(task, readInto(task, file, task.space.cursor(buffer, Math.min(count, COUNT_MAX)), offset));
}

function pwrite(task: Task, fd: number, buffer: number, count: number, offset: number): number {
  const refused = checkOffset(task, fd, offset);
  if (refused < 0) return refused;
  const file = writable(task, fd);
  if (isErrno(file)) return file;
  if (isBeyond(buffer, count)) return -EFAULT;
  if (checkEnd(task, offset, count) < 0) return -EINVAL;
  return countWrite(task, writeFrom(task, file, task.space.cursor(buffer, Math.min(count, COUNT_MAX)), offset));
}

function vector(task: Task, address: number, count: number): IoCursor | number {
  return task.space.vectorCursor(address, count);
}

/** What has no iterators takes one flag, which changes nothing (fs/read_write.c, do_loop_readv_writev). */
function checkFlags(file: OpenFile, flags: number, isWrite: boolean): number {
  if (file.hasIterator(isWrite)) return checkTransferFlags(file, flags);
  return (flags & ~RWF_HIPRI) !== 0 ? -EOPNOTSUPP : 0;
}

function readv(task: Task, fd: number, address: number, count: number, offset: number, flags: number): number {
  if (offset !== -1) {
    const refused = checkOffset(task, fd, offset);
    if (refused < 0) return refused;
  }
  const file = readable(task, fd);
  if (isErrno(file)) return file;
  const cursor = vector(task, address, count);
  if (isErrno(cursor)) return cursor;
  if (checkEnd(task, offset, cursor.remaining) < 0) return -EINVAL;
  if (cursor.remaining === 0) {
    // Nothing is read, so that nobody says that it can't be (fs/read_write.c, vfs_readv).
    if (file.inode?.isDirectory === true) return 0;
    flags = 0;
  }
  const refusedFlags = flags === 0 ? 0 : checkFlags(file, flags, false);
  if (refusedFlags < 0) return refusedFlags;
  if ((flags & RWF_NOWAIT) === 0) return countRead(task, readInto(task, file, cursor, offset));
  return countRead(
    task,
    withFlags(file, O_NONBLOCK, 0, () => readInto(task, file, cursor, offset)),
  );
}

function writev(task: Task, fd: number, address: number, count: number, offset: number, flags: number): number {
  if (offset !== -1) {
    const refused = checkOffset(task, fd, offset);
    if (refused < 0) return refused;
  }
  const file = writable(task, fd);
  if (isErrno(file)) return file;
  const cursor = vector(task, address, count);
  if (isErrno(cursor)) return cursor;
  if (checkEnd(task, offset, cursor.remaining) < 0) return -EINVAL;
  if (cursor.remaining === 0) flags = 0;
  const refusedFlags = flags === 0 ? 0 : checkFlags(file, flags, true);
  if (refusedFlags < 0) return refusedFlags;
  if (flags === 0) return countWrite(task, writeFrom(task, file, cursor, offset));
  const set =
    ((flags & RWF_NOWAIT) !== 0 ? O_NONBLOCK : 0) |
    ((flags & RWF_APPEND) !== 0 ? O_APPEND : 0) |
    ((flags & (RWF_DSYNC | RWF_SYNC)) !== 0 ? O_DSYNC : 0);
  const clear = (flags & RWF_NOAPPEND) !== 0 ? O_APPEND : 0;
  return countWrite(
    task,
    withFlags(file, set, clear, () => writeFrom(task, file, cursor, offset)),
  );
}

/** Runs one operation as if the description had other flags (RWF_*). */
function withFlags(file: OpenFile, set: number, clear: number, operation: () => number): number {
  const before = file.flags;
  file.flags = (before | set) & ~clear;
  const result = operation();
  file.flags = before;
  return result;
}

function preadv2(task: Task, fd: number, address: number, count: number, offset: number, flags: number): number {
  return offset < -1 ? -EINVAL : readv(task, fd, address, count, offset, flags);
}

function pwritev2(task: Task, fd: number, address: number, count: number, offset: number, flags: number): number {
  return offset < -1 ? -EINVAL : writev(task, fd, address, count, offset, flags);
}

function lseek(task: Task, fd: number, offset: number, whence: number): number {
  const file = task.files.get(fd | 0);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  if ((whence | 0) < SEEK_SET || (whence | 0) > SEEK_HOLE) return -EINVAL;
  if (((whence | 0) === SEEK_DATA || (whence | 0) === SEEK_HOLE) && file.inode?.isRegular === true) {
    const waits = drainInPieces(task, file.inode);
    if (waits < 0) return waits;
  }
  return file.seek(offset, whence | 0);
}

export const readWriteCalls: SyscallTable = {
  read: { run: read, interrupted: interruptedTransfer },
  write: { run: write, interrupted: interruptedTransfer },
  readv: {
    run: (task, fd, address, count) => readv(task, fd, address, count, -1, 0),
    interrupted: interruptedTransfer,
  },
  writev: {
    run: (task, fd, address, count) => writev(task, fd, address, count, -1, 0),
    interrupted: interruptedTransfer,
  },
  pread64: { run: pread, interrupted: interruptedTransfer },
  pwrite64: { run: pwrite, interrupted: interruptedTransfer },
  // On 64-bit machines the offset is one register; the sixth argument (its high half) is unused.
  preadv: {
    run: (task, fd, address, count, offset) => (offset < 0 ? -EINVAL : readv(task, fd, address, count, offset, 0)),
    interrupted: interruptedTransfer,
  },
  pwritev: {
    run: (task, fd, address, count, offset) => (offset < 0 ? -EINVAL : writev(task, fd, address, count, offset, 0)),
    interrupted: interruptedTransfer,
  },
  preadv2: {
    run: (task, fd, address, count, offset, _high, flags) => preadv2(task, fd, address, count, offset, flags | 0),
    interrupted: interruptedTransfer,
  },
  pwritev2: {
    run: (task, fd, address, count, offset, _high, flags) => pwritev2(task, fd, address, count, offset, flags | 0),
    interrupted: interruptedTransfer,
  },
  lseek: {
    run: lseek,
    gaps:
      "places in files end at 2^53 − 2^32 − 4096, as on a file system whose `s_maxbytes` that is (EINVAL; EFBIG for " +
      "makes a file larger); a larger file on AegisFS shows its true size, and is read up to there",
  },
};
