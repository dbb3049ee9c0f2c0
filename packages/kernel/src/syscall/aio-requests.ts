/**
 * Linux's asynchronous input and output (io_submit(2), libaio). Requests are carried out when they are submitted, which
 * io_submit allows and Linux does as well for most files, or wait for a file (aio-poll.ts); their results wait in the
 * context and its ring (mm/aio-context.ts).
 */
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  ENOMEM,
  IOCB_CMD_FDSYNC,
  IOCB_CMD_FSYNC,
  IOCB_CMD_POLL,
  IOCB_CMD_PREAD,
  IOCB_CMD_PREADV,
  IOCB_CMD_PWRITE,
  IOCB_CMD_PWRITEV,
  IOCB_FLAG_IOPRIO,
  IOCB_FLAG_RESFD,
  IoEvent,
  Iocb,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  O_APPEND,
  O_DSYNC,
  O_NONBLOCK,
  PROT_READ,
  PROT_WRITE,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_NOAPPEND,
  RWF_SYNC,
  SigsetArgument,
  Timespec,
  isErrno,
} from "@stratos/abi";
import { EventFile } from "../event/eventfd.ts";
import { enterTemporaryMask, leaveTemporaryMask, SIGSET_SIZE } from "../event/temporary-mask.ts";
import { WIDE_TOP } from "../mm/address-space.ts";
import { AREA_NO_EXPAND } from "../mm/area.ts";
import { mmap, munmap } from "../mm/mmap.ts";
import type { Task } from "../task/task.ts";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED, BLOCKED_EINTR, UNFINISHED } from "../ground/wait-queue.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { drainBeforeSync } from "../vfs/write-back.ts";
import { get64, getU64, roomBehindWords } from "../ground/words.ts";
import { AioContext, aioRingSize, writeAioEvent } from "../mm/aio-context.ts";
import { checkIoPriority } from "./io-priority.ts";
import { beginPoll } from "./aio-poll.ts";
import { checkTransferFlags } from "./transfer-flags.ts";

/** `struct iocb` and `struct io_event`. Source: Linux include/uapi/linux/aio_abi.h. */
/** Bytes of results that a context may be asked to hold at all (ioctx_alloc in Linux's fs/aio.c). */
const RING_MAX = 0x10000000;

/** io_setup(2): 0; −EAGAIN, −EFAULT, −EINVAL, −ENOMEM. */
export function ioSetup(task: Task, count: number, idAddress: number): number {
  const { space } = task;
  const present = space.loadU64(idAddress);
  if (present === -EFAULT) return -EFAULT;
  const capacity = count >>> 0;
  if (present !== 0 || capacity === 0 || capacity > RING_MAX / IoEvent.size) return -EINVAL;
  const { aioUsage } = task.kernel;
  if (capacity + aioUsage.events > aioUsage.most) return -EAGAIN;
  const bytes = aioRingSize(capacity, task.kernel.harts);
  const id = mmap(task, {
    address: 0,
    length: bytes,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  if (id < 0) return -ENOMEM;
  // Apart from what lies beside it, and of one size (fs/aio.c, aio_ring_mmap_prepare).
  space.splitAt(id);
  space.splitAt(id + bytes);
  space.areaAt(id)!.flags |= AREA_NO_EXPAND;
  if (space.storeU64(idAddress, id) < 0) {
    munmap(space, id, bytes);
    return -EFAULT;
  }
  const contexts = (space.aioContexts ??= new Map<number, AioContext>());
  const context = new AioContext(capacity, { memory: space, address: id, bytes });
  context.writeHead(contexts.size);
  contexts.set(id, context);
  aioUsage.events += capacity;
  return 0;
}

/** Its first page is asked, which may have been unmapped or protected (fs/aio.c, lookup_ioctx). */
function contextAt(task: Task, id: number): AioContext | undefined {
  const context = task.space.aioContexts?.get(id);
  return context === undefined || task.space.loadU32(id) < 0 ? undefined : context;
}

/** io_destroy(2): 0; −EINVAL. */
export function ioDestroy(task: Task, id: number): number {
  const context = contextAt(task, id);
  if (context === undefined) return -EINVAL;
  task.space.aioContexts!.delete(id);
  task.kernel.aioUsage.events -= context.capacity;
  munmap(task.space, id, context.ringBytes);
  context.close();
  return 0;
}

/**
 * io_submit(2): how many requests were taken; what is wrong with the first when none was: −EAGAIN, −EBADF, −EFAULT,
 * −EINVAL.
 */
export function ioSubmit(task: Task, id: number, count: number, list: number): number {
  const context = contextAt(task, id);
  if (context === undefined || count < 0) return -EINVAL;
  const { work } = task.kernel;
  work.mayPause = true;
  const before = stateOf(task, "submit");
  const reached = { ...NOTHING_MOVED, ...before };
  for (let taken = before?.taken ?? 0; taken < count; taken++, Object.assign(reached, NOTHING_MOVED)) {
    if (work.mustPause()) return pauseSubmit(task, taken, reached);
    work.charge(1);
    const iocb = task.space.loadU64(list + taken * 8);
    const result = iocb < 0 ? -EFAULT : context.isFull ? -EAGAIN : submitOne(task, context, iocb, reached);
    // What a program serves waits for it; what has much to store goes on.
    if (result <= BLOCKED) {
      pauseSubmit(task, taken, reached);
      return result;
    }
    if (result < 0) return taken > 0 ? taken : result;
  }
  return count;
}

/** How far a request is: bytes that it has moved; pages that are stored before, as drainBeforeSync counts them. */
interface Reached {
  moved: number;
  left: number;
}

const NOTHING_MOVED: Readonly<Reached> = { moved: 0, left: -1 };

/** No signal's handler ends it: who submits does not look for fewer requests, or fewer bytes of one. */
function pauseSubmit(task: Task, taken: number, { moved, left }: Reached): number {
  task.syscallState = { kind: "submit", taken, moved, left };
  return UNFINISHED;
}

/** @param reached  by executions before, and by this one @returns 0, UNFINISHED, or a negated errno */
function submitOne(task: Task, context: AioContext, iocb: number, reached: Reached): number {
  const bytes = new Uint8Array(Iocb.size);
  if (task.space.copyIn(iocb, bytes, 0, Iocb.size) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const flags = view.getUint32(Iocb.offset.aio_flags, true);
  if (get64(view, Iocb.offset._reserved2) !== 0 || get64(view, Iocb.offset.aio_nbytes) < 0) return -EINVAL;
  if ((flags & ~(IOCB_FLAG_RESFD | IOCB_FLAG_IOPRIO)) !== 0) return -EINVAL;
  const file = task.files.get(view.getInt32(Iocb.offset.aio_fildes, true));
  if (file === undefined) return -EBADF;
  let told: EventFile | null = null;
  if ((flags & IOCB_FLAG_RESFD) !== 0) {
    const event = task.files.get(view.getInt32(Iocb.offset.aio_resfd, true));
    if (event === undefined) return -EBADF;
    if (!(event instanceof EventFile)) return -EINVAL;
    told = event;
  }
  // aio_key, which the program does not use.
  if (task.space.storeU32(iocb + Iocb.offset.aio_key, 0) < 0) return -EFAULT;
  let result = 0;
  if (view.getUint16(Iocb.offset.aio_lio_opcode, true) === IOCB_CMD_POLL) {
    result = beginPoll(context, file, { view, iocb, told });
    if (result <= 0) return result;
  } else {
    const priority = view.getUint16(Iocb.offset.aio_reqprio, true);
    const refused = (flags & IOCB_FLAG_IOPRIO) === 0 ? 0 : checkIoPriority(task.credentials, priority);
    if (refused < 0) return refused;
    const outcome = perform(task, file, view, reached);
    if (isErrno(outcome)) return outcome;
    ({ result } = outcome);
  }
  context.tell({
    dataLow: view.getUint32(Iocb.offset.aio_data, true),
    dataHigh: view.getUint32(Iocb.offset.aio_data + 4, true),
    iocb,
    result,
  });
  told?.signal();
  return 0;
}

interface Outcome {
  readonly result: number;
}

function wordOf(view: DataView, at: number): number {
  return view.getUint32(Iocb.offset.aio_offset + at, true);
}

/** Carries a request out: what came of it, or why it can't be one, or UNFINISHED. */
function perform(task: Task, file: OpenFile, view: DataView, reached: Reached): Outcome | number {
  const operation = view.getUint16(Iocb.offset.aio_lio_opcode, true);
  const flags = view.getInt32(Iocb.offset.aio_rw_flags, true);
  const buffer = getU64(view, Iocb.offset.aio_buf);
  const length = get64(view, Iocb.offset.aio_nbytes);
  const position = get64(view, Iocb.offset.aio_offset);
  if (operation === IOCB_CMD_FSYNC || operation === IOCB_CMD_FDSYNC) {
    if (buffer !== 0 || length !== 0 || position !== 0 || flags !== 0) return -EINVAL;
    if (drains(task, file, reached)) return UNFINISHED;
    const synced = file.sync(operation === IOCB_CMD_FDSYNC);
    return synced <= BLOCKED ? synced : { result: synced };
  }
  const reads = operation === IOCB_CMD_PREAD || operation === IOCB_CMD_PREADV;
  if (!reads && operation !== IOCB_CMD_PWRITE && operation !== IOCB_CMD_PWRITEV) return -EINVAL;
  // Before the file is asked (fs/aio.c, aio_prep_rw).
  const refused = checkTransferFlags(file, flags);
  if (refused < 0) return refused;
  if (reads ? !file.isReadable : !file.isWritable) return -EBADF;
  if (file.inode?.isDirectory === true) return -EINVAL;
  const isVector = operation === IOCB_CMD_PREADV || operation === IOCB_CMD_PWRITEV;
  if (!isVector && buffer + length > WIDE_TOP) return -EFAULT;
  const cursor = isVector ? task.space.vectorCursor(buffer, length) : task.space.cursor(buffer, length);
  if (isErrno(cursor)) return cursor;
  // Also of what has no positions (fs/read_write.c, rw_verify_area).
  if (position < 0 || cursor.remaining >= roomBehindWords(wordOf(view, 0), wordOf(view, 4))) return -EINVAL;
  const { hasPositions } = file;
  const before = file.flags;
  // Nothing may sleep here: a pipe that is empty says so in its result.
  const during =
    (before |
      (hasPositions ? 0 : O_NONBLOCK) |
      ((flags & (RWF_DSYNC | RWF_SYNC)) !== 0 ? O_DSYNC : 0) |
      ((flags & RWF_APPEND) !== 0 ? O_APPEND : 0)) &
    ~((flags & RWF_NOAPPEND) !== 0 ? O_APPEND : 0);
  if (!reads && (during & O_DSYNC) !== 0 && drains(task, file, reached)) return UNFINISHED;
  const { moved } = reached;
  cursor.skip(moved);
  const offset = hasPositions ? position + moved : -1;
  file.flags = during;
  let result: number;
  // Its results are told once: what goes on in pieces (texts of /proc) is read to its end.
  do result = reads ? file.read(task, cursor, offset) : file.write(task, cursor, offset);
  while (result === UNFINISHED);
  file.flags = before;
  if (result <= BLOCKED && file.inode?.fileSystem.isServed === true) return result;
  const done = moved === 0 ? result : moved + Math.max(0, result);
  if (result <= 0 || !task.kernel.work.isCut || !file.isOnDisk) return { result: done };
  reached.moved = done;
  return UNFINISHED;
}

/** A piece of what the request is about to store with its file. @returns whether more is left; what fails is told */
function drains(task: Task, { contentInode }: OpenFile, reached: Reached): boolean {
  if (contentInode === null || !(contentInode.isRegular || contentInode.isDirectory)) return false;
  reached.left = drainBeforeSync(task, contentInode, reached.left);
  if (reached.left > 0) return true;
  reached.left = -1;
  return false;
}

/** io_getevents(2): how many results were stored; −EFAULT, −EINTR, −EINVAL. */
export function ioGetEvents(
  task: Task,
  id: number,
  least: number,
  most: number,
  address: number,
  timeout: number,
): number {
  let state = stateOf(task, "deadline");
  if (state === null) {
    // Not normalised as elsewhere: any count of nanoseconds will do.
    const duration =
      timeout === 0
        ? Infinity
        : task.space.loadU64(timeout) * 1e9 + task.space.loadU64(timeout + Timespec.offset.tv_nsec);
    if (duration < 0) return -EFAULT;
    state = { kind: "deadline", deadlineNs: duration === Infinity ? Infinity : task.kernel.now() + duration };
  }
  const context = contextAt(task, id);
  if (context === undefined || least < 0 || most < 0 || least > most) return -EINVAL;
  context.collect();
  if (context.events.length < least && task.kernel.now() < state.deadlineNs) {
    task.syscallState = state;
    task.waitOn(context.queue);
    if (state.deadlineNs !== Infinity) task.waitUntil(state.deadlineNs);
    return BLOCKED_EINTR;
  }
  const { u8, view } = task.kernel.scratch;
  let stored = 0;
  for (; stored < most && context.events.length > 0; stored++) {
    writeAioEvent(view, context.events[0]!);
    if (task.space.copyOut(address + stored * IoEvent.size, u8, 0, IoEvent.size) < 0)
      return stored > 0 ? stored : -EFAULT;
    context.shift();
  }
  return stored;
}

/** io_pgetevents(2): the same with another signal mask meanwhile. */
export function ioGetEventsMasked(
  task: Task,
  id: number,
  least: number,
  most: number,
  address: number,
  timeout: number,
  set: number,
): number {
  const isFirst = task.syscallState === null;
  let mask = 0;
  let size = SIGSET_SIZE;
  if (set !== 0) {
    mask = task.space.loadU64(set);
    size = task.space.loadU64(set + SigsetArgument.offset.size);
    if (mask < 0 || size < 0) return -EFAULT;
  }
  if (isFirst) {
    const entered = enterTemporaryMask(task, mask, size);
    if (entered < 0) return entered;
  }
  const result = ioGetEvents(task, id, least, most, address, timeout);
  if (result !== BLOCKED_EINTR) leaveTemporaryMask(task);
  return result;
}

/** io_cancel(2): −EINPROGRESS, as its result is yet to be fetched; −EINVAL: it is not under way; −EFAULT. */
export function ioCancel(task: Task, id: number, iocb: number): number {
  const key = task.space.loadU32(iocb + Iocb.offset.aio_key);
  if (key !== 0) return key < 0 ? -EFAULT : -EINVAL;
  for (const request of contextAt(task, id)?.pending ?? []) {
    if (request.iocb !== iocb) continue;
    request.end(0);
    return -EINPROGRESS;
  }
  return -EINVAL;
}
