import {
  EAGAIN,
  EBADF,
  EINVAL,
  EIO,
  EISDIR,
  ENOMEM,
  EOVERFLOW,
  EXDEV,
  EPERM,
  ESPIPE,
  ETXTBSY,
  FS_IMMUTABLE_FL,
  O_APPEND,
  O_NONBLOCK,
  O_PATH,
  PAGE_SIZE,
  POLLIN,
  POLLOUT,
  SEEK_CUR,
  SPLICE_F_GIFT,
  SPLICE_F_MORE,
  SPLICE_F_MOVE,
  SPLICE_F_NONBLOCK,
  EOPNOTSUPP,
  EPIPE,
  isErrno,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { PipeFile } from "../fs/pipe/pipe-file.ts";
import type { Task } from "../task/task.ts";
import { BLOCKED } from "../ground/wait-queue.ts";
import { EXACT_END, roomBehind, roomBehindWords } from "../ground/words.ts";
import { mayRead } from "../vfs/fanotify-marks.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { drainInPieces, drainWrittenThrough } from "../vfs/write-back.ts";
import { clipToLimits, contentChanged, FILE_SIZE_MAX } from "../vfs/content-change.ts";
import { countMoved } from "./read-write-calls.ts";
import type { SyscallTable } from "./syscall-table.ts";

/**
 * Moving bytes between descriptions without the caller's memory: sendfile(2), copy_file_range(2), splice(2), tee(2),
 * vmsplice(2). Each call moves at most one chunk to where it might block, so that no state outlives a wait: bytes count
 * as moved when the target took them.
 */
const CHUNK = 65536;
const staging = new Uint8Array(CHUNK);
/** Of messages that are longer; grows with them. */
let longStaging = staging;
const SPLICE_FLAGS = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;
const COUNT_MAX = 0x7ffff000;

/** One operation that never blocks; `waits` says whether EAGAIN becomes a wait for the description. */
function attempt(task: Task, file: OpenFile, waits: boolean, operation: () => number): number {
  const before = file.flags;
  file.flags = before | O_NONBLOCK;
  const result = operation();
  file.flags = before;
  if (result !== -EAGAIN || !waits || (before & O_NONBLOCK) !== 0) return result;
  const queue = file.waitQueue;
  if (queue === null) return result;
  task.waitOn(queue);
  return BLOCKED;
}

/** An optional `loff_t *`: its value, −1 for a null pointer (null: a failure in `failure`). */
let failure = 0;
/** The one that was −EINVAL, as it is negative. */
let refusedOffset = 0;
function loadOffset(task: Task, address: number): number | null {
  if (address === 0) return -1;
  const low = task.space.loadU32(address),
    high = task.space.loadU32(address + 4);
  if (low < 0 || high < 0) {
    failure = low < 0 ? low : high;
    return null;
  }
  const offset = (high | 0) * 0x100000000 + low;
  if (offset < 0) {
    failure = -EINVAL;
    refusedOffset = offset;
    return null;
  }
  return offset;
}

/** Does what begins where `loadOffset` read `offset` end behind 2^63 (rw_verify_area in Linux's fs/read_write.c)? */
function endsTooFar(task: Task, address: number, offset: number, count: number): boolean {
  if (address === 0 || offset < EXACT_END) return count >= roomBehind(offset);
  return count >= roomBehindWords(task.space.loadU32(address), task.space.loadU32(address + 4));
}

function storeOffset(task: Task, address: number, offset: number): number {
  return address === 0 ? 0 : task.space.storeU64(address, offset);
}

function sendfile(task: Task, outFd: number, inFd: number, offsetAddress: number, count: number): number {
  // What is wrong is told in the order of Linux' fs/read_write.c (do_sendfile).
  const offset = loadOffset(task, offsetAddress);
  if (offset === null && failure !== -EINVAL) return failure;
  const source = task.files.get(inFd);
  if (source === undefined || !source.isReadable) return -EBADF;
  if (offset !== -1 && !source.hasPositions) return -ESPIPE;
  if (offset === null || count < 0) return -EINVAL;
  const start = offset >= 0 ? offset : source.position;
  if (endsTooFar(task, offsetAddress, start, count)) return -EINVAL;
  const target = task.files.get(outFd);
  if (target === undefined || !target.isWritable) return -EBADF;
  // Where no file of this kernel goes to (`s_maxbytes`).
  if (start >= FILE_SIZE_MAX && start + count > FILE_SIZE_MAX) return -EOVERFLOW;
  if (target instanceof PipeFile) {
    const waits = awaitRoom(task, target, true);
    if (waits < 0 || count === 0) return waits;
  } else if ((target.flags & O_APPEND) !== 0) return -EINVAL;
  if (source.inode === null || (!source.inode.isRegular && source.seek(0, SEEK_CUR) < 0)) return -EINVAL;
  if (count === 0) return 0;
  if (source.inode.isDirectory) return -EINVAL;
  const refused = mayRead(task, source);
  if (refused < 0) return refused;
  const done = pump(task, source, start, target, -1, Math.min(count, COUNT_MAX));
  if (done < 0) return done;
  if (offset < 0) source.position = start + done;
  else {
    const stored = storeOffset(task, offsetAddress, start + done);
    if (stored < 0) return stored;
  }
  return done;
}

/** Where it may have to wait for a program, that comes first. */
function isServed({ inode }: OpenFile): boolean {
  return inode?.fileSystem.isServed === true;
}

/** From a file with positions to anything; goes on over several chunks only where the target never blocks. */
function pump(task: Task, source: OpenFile, from: number, target: OpenFile, to: number, count: number): number {
  const waits = drainWrittenThrough(task, target, 0);
  if (waits < 0) return waits;
  let done = 0;
  const mayLoop = target.inode?.isRegular === true && !isServed(target) && !isServed(source);
  // A file that is sent to a later place of itself is read where it was just written: its bytes recur.
  const recursAfter = source.inode === target.inode ? (to < 0 ? target.position : to) - from : 0;
  // Fewer bytes than asked for are what sendfile(2) and copy_file_range(2) may always return.
  const { work } = task.kernel;
  work.mayPause = true;
  do {
    const wanted = Math.min(CHUNK, count - done);
    const readable = recursAfter > 0 ? Math.min(wanted, recursAfter) : wanted;
    let got = source.read(task, new BytesCursor(staging.subarray(0, readable)), from + done);
    if (got <= 0) return done > 0 ? done : got;
    if (got === recursAfter) for (; got < wanted; got++) staging[got] = staging[got - recursAfter]!;
    const put = attempt(task, target, true, () =>
      target.write(task, new BytesCursor(staging.subarray(0, got)), to < 0 ? -1 : to + done),
    );
    if (put <= 0) return done > 0 ? done : put;
    done += put;
    if (put < got) break;
  } while (done < count && mayLoop && !work.mustPause());
  return done;
}

function copyFileRange(
  task: Task,
  inFd: number,
  inAddress: number,
  outFd: number,
  outAddress: number,
  count: number,
  flags: number,
): number {
  const source = task.files.get(inFd),
    target = task.files.get(outFd);
  if (source === undefined || target === undefined || ((source.flags | target.flags) & O_PATH) !== 0) return -EBADF;
  const from = loadOffset(task, inAddress);
  if (from === null) return failureOfRange(count);
  const to = loadOffset(task, outAddress);
  if (to === null) return failureOfRange(count);
  if (flags !== 0) return -EINVAL;
  const sourceInode = source.inode,
    targetInode = target.inode;
  if (sourceInode?.isDirectory === true || targetInode?.isDirectory === true) return -EISDIR;
  if (sourceInode?.isRegular !== true || targetInode?.isRegular !== true) return -EINVAL;
  if (!source.isReadable || !target.isWritable || (target.flags & O_APPEND) !== 0) return -EBADF;
  if (sourceInode.fileSystem !== targetInode.fileSystem) return -EXDEV;
  if ((targetInode.fileFlags & FS_IMMUTABLE_FL) !== 0) return -EPERM;
  if (targetInode.writers < 0) return -ETXTBSY;
  const start = from >= 0 ? from : source.position,
    end = to >= 0 ? to : target.position;
  // A count of more than 2^63 comes as a negative one.
  if (count < 0) {
    if (start >= -count || end >= -count) return -EOVERFLOW;
    count = COUNT_MAX;
  }
  const most = Math.min(count, Math.max(0, sourceInode.size - start));
  if (sourceInode === targetInode && start < end + most && end < start + most) return -EINVAL;
  // Nothing is copied, so the target keeps its size, too (fs/read_write.c, vfs_copy_file_range).
  if (most === 0) return Math.min(0, clipToLimits(task, end, 0));
  const refused = mayRead(task, source);
  if (refused < 0) return refused;
  // A file system that shares blocks must have the source's pages.
  const waits = drainInPieces(task, sourceInode);
  if (waits < 0) return waits;
  // No more than there was: what is written behind it is no source.
  const done = copyBetween(task, source, start, target, end, Math.min(most, COUNT_MAX));
  if (done <= 0) return done;
  if (from < 0) source.position = start + done;
  if (to < 0) target.position = end + done;
  let stored = from >= 0 ? storeOffset(task, inAddress, start + done) : 0;
  if (stored >= 0 && to >= 0) stored = storeOffset(task, outAddress, end + done);
  return stored < 0 ? stored : done;
}

/** A negative place that the count leads to zero or further is an overflow (generic_copy_file_checks). */
function failureOfRange(count: number): number {
  const wraps = count < 0 || (count > 0 && refusedOffset + count >= 0);
  return failure === -EINVAL && wraps ? -EOVERFLOW : failure;
}

/** Lets the file system do it, which may share blocks; else reads and writes. */
function copyBetween(task: Task, source: OpenFile, from: number, target: OpenFile, to: number, count: number): number {
  const inode = target.inode!;
  if (source.inode!.fileSystem === inode.fileSystem && inode.seals <= 0) {
    const clipped = clipToLimits(task, to, count);
    if (clipped < 0) return clipped;
    const copied = target.copyRange(source, from, to, clipped);
    if (copied !== -EOPNOTSUPP) return copied;
    const taken = inode.takeRange(source.inode!, from, to, clipped, false, task.kernel.vfs.now());
    if (taken !== -EOPNOTSUPP) {
      if (taken > 0) contentChanged(task, inode, target.path);
      return taken;
    }
  }
  return pump(task, source, from, target, to, count);
}

function splice(
  task: Task,
  inFd: number,
  inAddress: number,
  outFd: number,
  outAddress: number,
  count: number,
  flags: number,
): number {
  if (count === 0) return 0;
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  const source = task.files.get(inFd),
    target = task.files.get(outFd);
  if (source === undefined || !source.isReadable || target === undefined || !target.isWritable) return -EBADF;
  // A place in a pipe is refused, whatever it is (do_splice).
  const inOffset = source instanceof PipeFile && inAddress !== 0 ? 0 : loadOffset(task, inAddress);
  if (inOffset === null) return failure;
  const outOffset = target instanceof PipeFile && outAddress !== 0 ? 0 : loadOffset(task, outAddress);
  if (outOffset === null) return failure;
  if (endsTooFar(task, inAddress, inOffset, count) || endsTooFar(task, outAddress, outOffset, count)) return -EINVAL;
  return spliceBetween(task, source, target, { inOffset, inAddress, outOffset, outAddress, count, flags });
}

/** What splice(2) does with files. The places that it has come to are stored at the addresses, if any. */
export function spliceBetween(
  task: Task,
  source: OpenFile,
  target: OpenFile,
  {
    inOffset,
    inAddress,
    outOffset,
    outAddress,
    count,
    flags,
  }: {
    /** −1: where the file stands. */
    inOffset: number;
    inAddress: number;
    outOffset: number;
    outAddress: number;
    count: number;
    flags: number;
  },
): number {
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  if (!source.isReadable || !target.isWritable) return -EBADF;
  const fromPipe = source instanceof PipeFile,
    toPipe = target instanceof PipeFile;
  if (!fromPipe && !toPipe) return -EINVAL;
  if (!mayBeSpliced(target) || (!toPipe && !mayBeSpliced(source))) return -EINVAL;
  if ((fromPipe && inOffset >= 0) || (toPipe && outOffset >= 0)) return -ESPIPE;
  if (fromPipe && toPipe && source.pipe === target.pipe) return -EINVAL;
  const waits = (flags & SPLICE_F_NONBLOCK) === 0;
  if (!fromPipe && inOffset >= 0 && !source.hasPositions) return -EINVAL;
  if (!toPipe && outOffset >= 0 && !target.hasPositions) return -EINVAL;
  if (!toPipe && (target.flags & O_APPEND) !== 0) return -EINVAL;
  if (fromPipe && toPipe) {
    // A pipe that is opened O_NONBLOCK on either side makes the call so (do_splice).
    const isBusy = ((source.flags | target.flags) & O_NONBLOCK) !== 0;
    return movePipe(task, source, target, { count, keep: false, waits: waits && !isBusy });
  }
  if (toPipe) {
    const refused = mayRead(task, source);
    if (refused < 0) return refused;
    // Room first: what is read off a socket can't be put back.
    const ready = awaitRoom(task, target, waits);
    if (ready < 0) return ready;
    if (!mayBeSpliced(source)) return -EINVAL;
    if (source.messageMost > 0) return fillWithMessage(task, source, target, count, waits);
    const room = target.pipe.space - (regularOffset(source, inOffset) % PAGE_SIZE);
    return fillPipe(task, { source, inOffset, inAddress }, target, { wanted: Math.min(CHUNK, count, room), waits });
  }
  const { pipe } = source as PipeFile;
  if (pipe.length === 0) return pipe.writers === 0 ? 0 : waitFor(task, source, waits);
  const drained = drainWrittenThrough(task, target, 0);
  if (drained < 0) return drained;
  const bytes = stagingFor(target.messageMost);
  const got = pipe.peek(bytes, Math.min(bytes.length, count));
  const put = attempt(task, target, waits, () =>
    target.write(task, new BytesCursor(bytes.subarray(0, got)), outOffset),
  );
  if (put <= 0) return put;
  pipe.discard(put);
  pipe.queue.wakeAll();
  const stored = outOffset >= 0 ? storeOffset(task, outAddress, outOffset + put) : 0;
  return stored < 0 ? stored : put;
}

/** Where a regular file is read from; 0 for a stream, whose bytes begin a page wherever they come from. */
function regularOffset(source: OpenFile, offset: number): number {
  return source.inode?.isRegular !== true ? 0 : offset >= 0 ? offset : source.position;
}

/** Reads from a file into slots of a pipe that has room: pages of a regular file stay as it has them. */
function fillPipe(
  task: Task,
  from: { source: OpenFile; inOffset: number; inAddress: number },
  target: PipeFile,
  how: { wanted: number; waits: boolean },
): number {
  const { source, inOffset } = from;
  let within = regularOffset(source, inOffset) % PAGE_SIZE;
  const got = attempt(task, source, how.waits, () =>
    source.read(task, new BytesCursor(staging.subarray(0, how.wanted)), inOffset),
  );
  if (got <= 0) return got;
  const bytes = new BytesCursor(staging.subarray(0, got));
  while (bytes.remaining > 0) {
    const moved = target.pipe.append(bytes, Math.min(PAGE_SIZE - within, bytes.remaining));
    if (moved <= 0) break;
    within = 0;
  }
  const put = bytes.position;
  if (put === 0) return -ENOMEM;
  task.kernel.scheduler.wakeGently(target.pipe.queue, POLLIN);
  const stored = inOffset >= 0 ? storeOffset(task, from.inAddress, inOffset + put) : 0;
  return stored < 0 ? stored : put;
}

function stagingFor(messageMost: number): Uint8Array<ArrayBuffer> {
  if (messageMost <= CHUNK) return staging;
  if (longStaging.length < messageMost) longStaging = new Uint8Array(messageMost);
  return longStaging;
}

/** One message, whole: −EIO, when the pipe has no room for it (fs/fuse/dev.c, fuse_dev_splice_read). */
function fillWithMessage(task: Task, source: OpenFile, target: PipeFile, count: number, waits: boolean): number {
  const bytes = stagingFor(source.messageMost);
  const room = Math.min(bytes.length, count);
  const got = attempt(task, source, waits, () => source.read(task, new BytesCursor(bytes.subarray(0, room)), -1));
  if (got <= 0) return got;
  const message = new BytesCursor(bytes.subarray(0, got));
  while (message.remaining > 0)
    if (target.pipe.append(message, Math.min(PAGE_SIZE, message.remaining)) <= 0) return -EIO;
  task.kernel.scheduler.wakeGently(target.pipe.queue, POLLIN);
  return got;
}

/** A pipe with a free slot: 0; else BLOCKED, −EAGAIN, or −EPIPE with its signal. */
function awaitRoom(task: Task, target: PipeFile, waits: boolean): number {
  if (target.pipe.readers === 0) return target.write(task, new BytesCursor(staging.subarray(0, 1))) || -EPIPE;
  return target.pipe.isFull ? waitFor(task, target, waits) : 0;
}

/** What splice(2) and tee(2) do between pipes: bytes to take first, then room (fs/splice.c, ipipe_prep, opipe_prep). */
function movePipe(
  task: Task,
  source: PipeFile,
  target: PipeFile,
  how: { count: number; keep: boolean; waits: boolean },
): number {
  if (source.pipe.length === 0 && source.pipe.writers > 0) return waitFor(task, source, how.waits);
  const ready = awaitRoom(task, target, how.waits);
  if (ready < 0) return ready;
  const wasFull = source.pipe.isFull;
  const moved = source.pipe.transfer(target.pipe, Math.min(CHUNK, how.count), how.keep);
  if (moved <= 0) return moved;
  const { scheduler } = task.kernel;
  scheduler.wakeGently(target.pipe.queue, POLLIN);
  if (wasFull && !source.pipe.isFull) scheduler.wakeGently(source.pipe.queue, POLLOUT);
  return moved;
}

/** Folders, and files without an inode of their own (epoll, eventfd, timerfd …), have nothing to splice. */
function mayBeSpliced(file: OpenFile): boolean {
  return file.inode !== null && !file.inode.isDirectory;
}

function waitFor(task: Task, file: OpenFile, waits: boolean): number {
  if (!waits || (file.flags & O_NONBLOCK) !== 0) return -EAGAIN;
  task.waitOn(file.waitQueue!);
  return BLOCKED;
}

function tee(task: Task, inFd: number, outFd: number, count: number, flags: number): number {
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  if (count === 0) return 0;
  const source = task.files.get(inFd),
    target = task.files.get(outFd);
  if (source === undefined || target === undefined || !source.isReadable || !target.isWritable) return -EBADF;
  if (!(source instanceof PipeFile) || !(target instanceof PipeFile) || source.pipe === target.pipe) return -EINVAL;
  const waits = (flags & SPLICE_F_NONBLOCK) === 0 && ((source.flags | target.flags) & O_NONBLOCK) === 0;
  return movePipe(task, source, target, { count, keep: true, waits });
}

function vmsplice(task: Task, fd: number, vector: number, count: number, flags: number): number {
  if ((flags & ~SPLICE_FLAGS) !== 0) return -EINVAL;
  const file = task.files.get(fd);
  if (!(file instanceof PipeFile)) return -EBADF;
  const cursor = task.space.vectorCursor(vector, count);
  if (isErrno(cursor)) return cursor;
  if (cursor.remaining === 0) return 0;
  const waits = (flags & SPLICE_F_NONBLOCK) === 0;
  if (!file.isWritable) return attempt(task, file, waits, () => file.read(task, cursor));
  const ready = awaitRoom(task, file, waits);
  if (ready < 0) return ready;
  let done = 0;
  while (cursor.remaining > 0 && !file.pipe.isFull && !task.kernel.work.isUsed) {
    const count = cursor.contiguous;
    const place = cursor.ownPlace;
    const moved = place > 0 ? file.pipe.refer(place, count) : file.pipe.append(cursor, count);
    if (moved < 0 && done === 0) return moved;
    if (moved < 0) break;
    if (place > 0) cursor.skip(moved);
    done += moved;
  }
  task.kernel.scheduler.wakeGently(file.pipe.queue, POLLIN);
  return done;
}

export const spliceCalls: SyscallTable = {
  sendfile: {
    run: (task, outFd, inFd, offset, count) => countMoved(task, sendfile(task, outFd | 0, inFd | 0, offset, count)),
  },
  copy_file_range: {
    run: (task, inFd, inOffset, outFd, outOffset, count, flags) =>
      countMoved(task, copyFileRange(task, inFd | 0, inOffset, outFd | 0, outOffset, count, flags >>> 0)),
  },
  splice: {
    run: (task, inFd, inOffset, outFd, outOffset, count, flags) =>
      splice(task, inFd | 0, inOffset, outFd | 0, outOffset, Math.min(count, COUNT_MAX), flags >>> 0),
    gaps: "copies; at most 64 KiB a call, but for a message of FUSE",
  },
  tee: {
    run: (task, inFd, outFd, count, flags) => tee(task, inFd | 0, outFd | 0, Math.min(count, COUNT_MAX), flags >>> 0),
    gaps: "copies; at most 64 KiB a call",
  },
  vmsplice: {
    run: (task, fd, vector, count, flags) => vmsplice(task, fd | 0, vector, count, flags >>> 0),
    gaps: "copies what the process may not write, and shared mappings",
  },
};
