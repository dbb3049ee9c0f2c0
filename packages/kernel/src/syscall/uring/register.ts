/** io_uring_register(2). Source: its manual page; Linux 6.12 io_uring/register.c, rsrc.c, kbuf.c. */
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  EBADF,
  EBADFD,
  EACCES,
  EALREADY,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EMFILE,
  ENOMEM,
  ENXIO,
  EOVERFLOW,
  ETIME,
  O_PATH,
  RLIMIT_NOFILE,
  isErrno,
} from "@stratos/abi";
import {
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_OP_LAST,
  IORING_REGISTER_BUFFERS,
  IORING_REGISTER_BUFFERS2,
  IORING_REGISTER_BUFFERS_UPDATE,
  IORING_REGISTER_CLOCK,
  IORING_REGISTER_CLONE_BUFFERS,
  IORING_REGISTER_ENABLE_RINGS,
  IORING_REGISTER_EVENTFD,
  IORING_REGISTER_EVENTFD_ASYNC,
  IORING_REGISTER_FILES,
  IORING_REGISTER_FILES2,
  IORING_REGISTER_FILES_SKIP,
  IORING_REGISTER_FILES_UPDATE,
  IORING_REGISTER_FILES_UPDATE2,
  IORING_REGISTER_FILE_ALLOC_RANGE,
  IORING_REGISTER_IOWQ_AFF,
  IORING_REGISTER_IOWQ_MAX_WORKERS,
  IORING_REGISTER_LAST,
  IORING_REGISTER_PBUF_RING,
  IORING_REGISTER_PBUF_STATUS,
  IORING_REGISTER_PERSONALITY,
  IORING_REGISTER_PROBE,
  IORING_REGISTER_RESTRICTIONS,
  IORING_REGISTER_RING_FDS,
  IORING_REGISTER_SYNC_CANCEL,
  IORING_REGISTER_USE_REGISTERED_RING,
  IORING_RESTRICTION_REGISTER_OP,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED,
  IORING_RESTRICTION_SQE_OP,
  IORING_RSRC_REGISTER_SPARSE,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_UNREGISTER_BUFFERS,
  IORING_UNREGISTER_EVENTFD,
  IORING_UNREGISTER_FILES,
  IORING_UNREGISTER_IOWQ_AFF,
  IORING_UNREGISTER_PBUF_RING,
  IORING_UNREGISTER_PERSONALITY,
  IORING_UNREGISTER_RING_FDS,
  IO_URING_OP_SUPPORTED,
  IoUringClockRegister,
  IoUringFileIndexRange,
  IoUringProbe,
  IoUringProbeOp,
  IoUringRestriction,
  IoUringRsrcUpdate2,
  IoUringSyncCancelReg,
} from "@stratos/abi/io-uring";
import { EventFile } from "../../event/eventfd.ts";
import { getU64 } from "../../ground/words.ts";
import type { Task } from "../../task/task.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import { closeFixed, dropFile, fixedFile, putFixed, slotFor, type Slot } from "./fixed-files.ts";
import { OPERATIONS } from "./operations.ts";
import {
  bufferRingStatus,
  cloneBuffers,
  registerBufferRing,
  registerBuffers,
  unregisterBufferRing,
  unregisterBuffers,
  updateBuffers,
} from "./register-buffers.ts";
import {
  isZero,
  load,
  loadTable,
  loadTag,
  loadUpdate,
  type Register,
  type Registration,
  type Table,
  type Update,
} from "./registration.ts";
import { CANCEL_FLAGS, cancelMatching, updateFiles } from "./ring-operations.ts";
import { ringAt } from "./setup.ts";
import { RINGS_MAX, uringOf } from "./uring-state.ts";

/** IORING_MAX_FIXED_FILES. */
const FILES_MAX = 1 << 20;
const RESTRICTIONS_MAX = 256;

const withoutArguments =
  (run: Register): Register =>
  (given) =>
    given.argument !== 0 || given.count !== 0 ? -EINVAL : run(given);

/** io_uring_register(2): 0, or what the operation returns; −EBADF, −EBADFD, −EINVAL, −EEXIST, −EACCES, … */
export function registerRing(task: Task, fd: number, operation: number, argument: number, count: number): number {
  const isRegistered = (operation & IORING_REGISTER_USE_REGISTERED_RING) !== 0;
  const opcode = (operation & ~IORING_REGISTER_USE_REGISTERED_RING) >>> 0;
  if (opcode >= IORING_REGISTER_LAST) return -EINVAL;
  const ring = ringAt(task, fd, isRegistered);
  if (isErrno(ring)) return ring;
  // That thread alone may change it (__io_uring_register).
  if (ring.has(IORING_SETUP_SINGLE_ISSUER) && ring.submitter !== null && ring.submitter !== task) return -EEXIST;
  if (ring.restrictions !== null && !ring.isDisabled && !ring.restrictions.registers.has(opcode)) return -EACCES;
  const register = REGISTERS[opcode];
  return register === undefined ? -EINVAL : register({ task, ring, argument, count: count >>> 0 });
}

// ---- Files

/** A descriptor that may stand in a table; null: −1, none; −EBADF. */
function fileFor(task: Task, word: number): OpenFile | null | number {
  if ((word | 0) === -1) return null;
  const file = task.files.get(word | 0);
  return file === undefined || (file.flags & O_PATH) !== 0 || !file.isPassable ? -EBADF : file;
}

function registerFiles({ task, ring }: Registration, { nr, flags, data, tags }: Table): number {
  if (ring.files !== null) return -EBUSY;
  if (nr === 0) return -EINVAL;
  if (nr > FILES_MAX) return -EMFILE;
  if (nr > task.group.limits[RLIMIT_NOFILE]!.soft) return -EMFILE;
  if (!ring.keep(nr)) return -ENOMEM;
  const files: (Slot<OpenFile> | null)[] = new Array<null>(nr).fill(null);
  let failed = 0;
  for (let index = 0; index < nr && failed === 0; index++) {
    const tag = loadTag(task, tags, index);
    if (isErrno(tag)) failed = tag;
    else {
      const isSparse = (flags & IORING_RSRC_REGISTER_SPARSE) !== 0 || data === 0;
      const word = isSparse ? 0xffffffff : task.space.loadU32(data + index * 4);
      const file = word < 0 ? -EFAULT : fileFor(task, word);
      if (isErrno(file)) failed = file;
      else if (file === null) failed = tag.low !== 0 || tag.high !== 0 ? -EINVAL : 0;
      else files[index] = slotFor(file.retain(), tag);
    }
  }
  if (failed < 0) {
    for (const slot of files) slot?.thing.release();
    ring.letGo(nr);
    return failed;
  }
  ring.files = files;
  Object.assign(ring.allocation, { start: 0, end: nr, next: 0 });
  task.kernel.work.charge(nr >> 6);
  return 0;
}

function unregisterFiles({ ring }: Registration): number {
  const { files } = ring;
  if (files === null) return -ENXIO;
  ring.files = null;
  ring.letGo(files.length);
  for (const slot of files) if (slot !== null) dropFile(ring, slot);
  return 0;
}

function updateTagged({ task, ring }: Registration, { at, data, tags, nr }: Update): number {
  const { files } = ring;
  if (files === null) return -ENXIO;
  if (at + nr > files.length) return -EINVAL;
  let done = 0;
  for (; done < nr; done++) {
    const word = task.space.loadU32(data + done * 4);
    const tag = loadTag(task, tags, done);
    const failed = (code: number): number => (done > 0 ? done : code);
    if (word < 0 || isErrno(tag)) return failed(-EFAULT);
    const isNone = (word | 0) === -1 || (word | 0) === IORING_REGISTER_FILES_SKIP;
    if (isNone && (tag.low !== 0 || tag.high !== 0)) return failed(-EINVAL);
    if ((word | 0) === IORING_REGISTER_FILES_SKIP) continue;
    const file = fileFor(task, word);
    if (isErrno(file)) return failed(file);
    if (file === null) closeFixed(ring, at + done);
    else putFixed(ring, at + done, file.retain(), tag);
  }
  return done;
}

/** `struct io_uring_files_update`: `count` of them. */
function updatePlain({ task, ring, argument, count }: Registration): number {
  const view = load(task, argument, IoUringRsrcUpdate2.offset.tags);
  if (isErrno(view)) return view;
  const { offset, resv, data } = IoUringRsrcUpdate2.offset;
  if (view.getUint32(resv, true) !== 0 || count === 0) return -EINVAL;
  return updateFiles(ring, { owner: task }, view.getUint32(offset, true), getU64(view, data), count);
}

function allocateFrom({ task, ring, argument, count }: Registration): number {
  const view = load(task, argument, IoUringFileIndexRange.size);
  if (isErrno(view)) return view;
  const { off, len, resv } = IoUringFileIndexRange.offset;
  const start = view.getUint32(off, true);
  const end = start + view.getUint32(len, true);
  if (count !== 0 || !isZero(view, resv)) return -EINVAL;
  if (end > 0xffffffff) return -EOVERFLOW;
  if (end > (ring.files?.length ?? 0)) return -EINVAL;
  Object.assign(ring.allocation, { start, end, next: start });
  return 0;
}

// ---- Who is told, who may do what

function registerEventFile({ task, ring, argument, count }: Registration, isAsync: boolean): number {
  if (count !== 1) return -EINVAL;
  if (ring.eventFile !== null) return -EBUSY;
  const fd = task.space.loadU32(argument);
  if (fd < 0) return -EFAULT;
  const file = task.files.get(fd | 0);
  if (file === undefined) return -EBADF;
  if (!(file instanceof EventFile)) return -EINVAL;
  ring.eventFile = file.retain();
  ring.isEventAsync = isAsync;
  return 0;
}

function unregisterEventFile({ ring }: Registration): number {
  const { eventFile } = ring;
  if (eventFile === null) return -ENXIO;
  ring.eventFile = null;
  eventFile.release();
  return 0;
}

function probe({ task, argument, count }: Registration): number {
  if (argument === 0 || count > 256) return -EINVAL;
  const shown = Math.min(count, IORING_OP_LAST);
  const given = load(task, argument, IoUringProbe.size + count * IoUringProbeOp.size);
  if (isErrno(given)) return given;
  if (!isZero(given, 0)) return -EINVAL;
  given.setUint8(IoUringProbe.offset.last_op, IORING_OP_LAST - 1);
  given.setUint8(IoUringProbe.offset.ops_len, shown);
  for (let op = 0; op < shown; op++) {
    const at = IoUringProbe.size + op * IoUringProbeOp.size;
    given.setUint8(at + IoUringProbeOp.offset.op, op);
    const isThere = OPERATIONS[op] !== undefined;
    given.setUint16(at + IoUringProbeOp.offset.flags, isThere ? IO_URING_OP_SUPPORTED : 0, true);
  }
  const bytes = new Uint8Array(given.buffer);
  return task.space.copyOut(argument, bytes, 0, bytes.length);
}

function registerPersonality({ task, ring }: Registration): number {
  if (ring.personalities.size >= 0xffff || !ring.keep(1)) return -ENOMEM;
  do ring.lastPersonality = (ring.lastPersonality % 0xffff) + 1;
  while (ring.personalities.has(ring.lastPersonality));
  ring.personalities.set(ring.lastPersonality, task.credentials);
  return ring.lastPersonality;
}

function registerRestrictions({ task, ring, argument, count }: Registration): number {
  if (!ring.isDisabled) return -EBADFD;
  if (ring.restrictions !== null) return -EBUSY;
  if (argument === 0 || count > RESTRICTIONS_MAX) return -EINVAL;
  const view = load(task, argument, count * IoUringRestriction.size);
  if (isErrno(view)) return view;
  const restrictions = {
    registers: new Set<number>(),
    operations: new Set<number>(),
    allowedFlags: 0,
    requiredFlags: 0,
  };
  for (let at = 0; at < view.byteLength; at += IoUringRestriction.size) {
    const value = view.getUint8(at + IoUringRestriction.offset.register_op);
    switch (view.getUint16(at + IoUringRestriction.offset.opcode, true)) {
      case IORING_RESTRICTION_REGISTER_OP:
        if (value >= IORING_REGISTER_LAST) return -EINVAL;
        restrictions.registers.add(value);
        break;
      case IORING_RESTRICTION_SQE_OP:
        if (value >= IORING_OP_LAST) return -EINVAL;
        restrictions.operations.add(value);
        break;
      case IORING_RESTRICTION_SQE_FLAGS_ALLOWED:
        restrictions.allowedFlags = value;
        break;
      case IORING_RESTRICTION_SQE_FLAGS_REQUIRED:
        restrictions.requiredFlags = value;
        break;
      default:
        return -EINVAL;
    }
  }
  ring.restrictions = restrictions;
  return 0;
}

function enable({ task, ring }: Registration): number {
  if (!ring.isDisabled) return -EBADFD;
  if (ring.has(IORING_SETUP_SINGLE_ISSUER)) ring.submitter ??= task;
  ring.isDisabled = false;
  ring.wakePoller();
  return 0;
}

/** Requests that are cut short are no threads of the host: what the limits are is kept, and told. */
function limitWorkers({ task, ring, argument, count }: Registration): number {
  if (argument === 0 || count !== 2) return -EINVAL;
  const view = load(task, argument, 8);
  if (isErrno(view)) return view;
  for (let kind = 0; kind < 2; kind++) {
    const wanted = view.getUint32(kind * 4, true);
    if (wanted > 0x7fffffff) return -EINVAL;
    view.setUint32(kind * 4, Math.min(0x7fffffff, ring.workers[kind]!), true);
    if (wanted !== 0) ring.workers[kind] = wanted;
  }
  return task.space.copyOut(argument, new Uint8Array(view.buffer), 0, 8);
}

/** IORING_REGISTER_RING_FDS: `struct io_uring_rsrc_update` each. */
function registerRings({ task, argument, count }: Registration): number {
  if (count === 0 || count > RINGS_MAX) return -EINVAL;
  const own = uringOf(task.kernel).registeredBy(task);
  const { offset, resv, data, tags } = IoUringRsrcUpdate2.offset;
  for (let index = 0; index < count; index++) {
    const at = argument + index * tags;
    const view = load(task, at, tags);
    const failed = (code: number): number => (index > 0 ? index : code);
    if (isErrno(view)) return failed(view);
    if (view.getUint32(resv, true) !== 0) return failed(-EINVAL);
    const wanted = view.getUint32(offset, true);
    const slot = wanted === 0xffffffff ? own.indexOf(null) : wanted;
    if (wanted !== 0xffffffff && wanted >= RINGS_MAX) return failed(-EINVAL);
    if (slot < 0 || own[slot] !== null) return failed(-EBUSY);
    const ring = ringAt(task, view.getInt32(data, true), false);
    if (isErrno(ring)) return failed(ring);
    own[slot] = ring.retain();
    if (task.space.storeU32(at + offset, slot) < 0) {
      own[slot] = null;
      ring.release();
      return failed(-EFAULT);
    }
  }
  return count;
}

function unregisterRings({ task, argument, count }: Registration): number {
  if (count === 0 || count > RINGS_MAX) return -EINVAL;
  const own = uringOf(task.kernel).registered.get(task);
  if (own === undefined) return 0;
  const { offset, resv, data, tags } = IoUringRsrcUpdate2.offset;
  for (let index = 0; index < count; index++) {
    const view = load(task, argument + index * tags, tags);
    const failed = (code: number): number => (index > 0 ? index : code);
    if (isErrno(view)) return failed(view);
    const slot = view.getUint32(offset, true);
    if (view.getUint32(resv, true) !== 0 || getU64(view, data) !== 0 || slot >= RINGS_MAX) return failed(-EINVAL);
    own[slot]?.release();
    own[slot] = null;
  }
  return count;
}

/** Nothing goes on by itself while this call does: what can be cancelled is, at once. */
function cancelNow({ task, ring, argument, count }: Registration): number {
  const view = count === 1 ? load(task, argument, IoUringSyncCancelReg.size) : -EINVAL;
  if (isErrno(view)) return view;
  const at = IoUringSyncCancelReg.offset;
  const flags = view.getUint32(at.flags, true);
  if ((flags & ~CANCEL_FLAGS) !== 0 || !isZero(view, at.pad)) return -EINVAL;
  let file: OpenFile | null = null;
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0) {
    const fd = view.getInt32(at.fd, true);
    file = ((flags & IORING_ASYNC_CANCEL_FD_FIXED) !== 0 ? fixedFile(ring, fd >>> 0) : task.files.get(fd)) ?? null;
    if (file === null) return -EBADF;
  }
  const low = view.getUint32(at.addr, true);
  const high = view.getUint32(at.addr + 4, true);
  const result = cancelMatching(ring, { flags, low, high, file, opcode: view.getUint8(at.opcode) }, null);
  // What is under way goes on when this call is over, and not before.
  return result === -EALREADY ? -ETIME : result;
}

function chooseClock({ task, ring, argument, count }: Registration): number {
  if (argument === 0 || count !== 0) return -EINVAL;
  const view = load(task, argument, IoUringClockRegister.size);
  if (isErrno(view)) return view;
  const clock = view.getUint32(0, true);
  if (!isZero(view, 4) || (clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME)) return -EINVAL;
  ring.clock = clock;
  return 0;
}

function tableOf(run: (given: Registration, table: Table) => number): Register {
  return (given) => {
    const table = loadTable(given);
    return isErrno(table) ? table : run(given, table);
  };
}

function updateOf(run: (given: Registration, update: Update) => number): Register {
  return (given) => {
    const update = loadUpdate(given);
    return isErrno(update) ? update : run(given, update);
  };
}

function plainTable({ argument, count }: Registration): Table {
  return { nr: count, flags: 0, data: argument, tags: 0 };
}

const REGISTERS: Readonly<Record<number, Register>> = {
  [IORING_REGISTER_BUFFERS]: (given) => (given.argument === 0 ? -EFAULT : registerBuffers(given, plainTable(given))),
  [IORING_UNREGISTER_BUFFERS]: withoutArguments(unregisterBuffers),
  [IORING_REGISTER_FILES]: (given) => (given.argument === 0 ? -EFAULT : registerFiles(given, plainTable(given))),
  [IORING_UNREGISTER_FILES]: withoutArguments(unregisterFiles),
  [IORING_REGISTER_EVENTFD]: (given) => registerEventFile(given, false),
  [IORING_REGISTER_EVENTFD_ASYNC]: (given) => registerEventFile(given, true),
  [IORING_UNREGISTER_EVENTFD]: withoutArguments(unregisterEventFile),
  [IORING_REGISTER_FILES_UPDATE]: updatePlain,
  [IORING_REGISTER_PROBE]: probe,
  [IORING_REGISTER_PERSONALITY]: withoutArguments(registerPersonality),
  [IORING_UNREGISTER_PERSONALITY]: ({ ring, argument, count }) => {
    if (argument !== 0) return -EINVAL;
    if (!ring.personalities.delete(count)) return -EINVAL;
    ring.letGo(1);
    return 0;
  },
  [IORING_REGISTER_RESTRICTIONS]: registerRestrictions,
  [IORING_REGISTER_ENABLE_RINGS]: withoutArguments(enable),
  [IORING_REGISTER_FILES2]: tableOf(registerFiles),
  [IORING_REGISTER_FILES_UPDATE2]: updateOf(updateTagged),
  [IORING_REGISTER_BUFFERS2]: tableOf(registerBuffers),
  [IORING_REGISTER_BUFFERS_UPDATE]: updateOf(updateBuffers),
  [IORING_REGISTER_IOWQ_AFF]: ({ argument, count }) => (argument === 0 || count === 0 ? -EINVAL : 0),
  [IORING_UNREGISTER_IOWQ_AFF]: withoutArguments(() => 0),
  [IORING_REGISTER_IOWQ_MAX_WORKERS]: limitWorkers,
  [IORING_REGISTER_RING_FDS]: registerRings,
  [IORING_UNREGISTER_RING_FDS]: unregisterRings,
  [IORING_REGISTER_PBUF_RING]: registerBufferRing,
  [IORING_UNREGISTER_PBUF_RING]: unregisterBufferRing,
  [IORING_REGISTER_SYNC_CANCEL]: cancelNow,
  [IORING_REGISTER_FILE_ALLOC_RANGE]: allocateFrom,
  [IORING_REGISTER_PBUF_STATUS]: bufferRingStatus,
  [IORING_REGISTER_CLOCK]: chooseClock,
  [IORING_REGISTER_CLONE_BUFFERS]: cloneBuffers,
};
