/** Reading, writing, and what else is done to an open file. Source: Linux 6.12 io_uring/rw.c, sync.c, truncate.c. */
import {
  EBADF,
  EBADFD,
  EFAULT,
  EINVAL,
  ENOMEM,
  EOPNOTSUPP,
  Iovec,
  O_APPEND,
  O_DSYNC,
  O_NONBLOCK,
  RWF_APPEND,
  RWF_DSYNC,
  RWF_NOAPPEND,
  RWF_NOWAIT,
  RWF_SYNC,
  SYSCALL_NUMBERS,
} from "@stratos/abi";
import {
  IORING_CQE_BUFFER_SHIFT,
  IORING_CQE_F_BUFFER,
  IORING_CQE_F_BUF_MORE,
  IORING_CQE_F_MORE,
  IORING_FSYNC_DATASYNC,
  IORING_OP_FADVISE,
  IORING_OP_FALLOCATE,
  IORING_OP_FSYNC,
  IORING_OP_FTRUNCATE,
  IORING_OP_MADVISE,
  IORING_OP_READ,
  IORING_OP_READV,
  IORING_OP_READ_FIXED,
  IORING_OP_READ_MULTISHOT,
  IORING_OP_SPLICE,
  IORING_OP_SYNC_FILE_RANGE,
  IORING_OP_TEE,
  IORING_OP_WRITE,
  IORING_OP_WRITEV,
  IORING_OP_WRITE_FIXED,
  IORING_SETUP_IOPOLL,
  SPLICE_F_FD_IN_FIXED,
} from "@stratos/abi/io-uring";
import { BLOCKED, UNFINISHED } from "../../ground/wait-queue.ts";
import { getU64, viewOf } from "../../ground/words.ts";
import { countMovedBy, readInto, writeFrom } from "../read-write-calls.ts";
import { spliceBetween } from "../splice-calls.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import { fixedFile, type Slot } from "./fixed-files.ts";
import {
  bytesOf,
  call,
  holdBuffer,
  refuseUnless,
  wantsBuffer,
  type Operation,
  type OperationTable,
} from "./operation.ts";
import { checkIoPriority } from "../io-priority.ts";
import type { Request } from "./request.ts";
import { REQUEST_FD, SOURCE_FD, type RequestTask } from "./request-task.ts";
import type { FixedBuffer, RingFile } from "./ring-file.ts";
import { checkTransferFlags } from "../transfer-flags.ts";

const SYS = (name: string): number => SYSCALL_NUMBERS.get(name)!;
const SYS_FSYNC = SYS("fsync"),
  SYS_FDATASYNC = SYS("fdatasync"),
  SYS_SYNC_FILE_RANGE = SYS("sync_file_range"),
  SYS_FALLOCATE = SYS("fallocate"),
  SYS_FTRUNCATE = SYS("ftruncate"),
  SYS_FADVISE = SYS("fadvise64"),
  SYS_MADVISE = SYS("madvise"),
  SYS_TEE = SYS("tee");

/** MAX_RW_COUNT. */
const COUNT_MAX = 0x7ffff000;
const VECTOR_MAX = 1024;
/** Segments in a record of the host's memory (RingFile.keepFor), as a power of two. */
const SEGMENTS_SHIFT = 2;
/** Results that one execution of a request makes, before others have their turn. */
export const SHOTS_MAX = 32;

/** Takes the segments in. @returns 0, −EFAULT, −EINVAL, −ENOMEM */
export function loadSegments(request: Request, ring: RingFile, vector: number, count: number): number {
  if (count > VECTOR_MAX) return -EINVAL;
  if (!ring.keepFor(request, count >> SEGMENTS_SHIFT)) return -ENOMEM;
  const bytes = new Uint8Array(count * Iovec.size);
  if (request.owner.space.copyIn(vector, bytes, 0, bytes.length) < 0) return -EFAULT;
  const view = viewOf(bytes);
  const segments: number[] = [];
  let total = 0;
  for (let at = 0; at < bytes.length; at += Iovec.size) {
    const length = getU64(view, at + Iovec.offset.iov_len);
    if (length >= 2 ** 63) return -EINVAL;
    const most = Math.min(length, COUNT_MAX - total);
    segments.push(getU64(view, at + Iovec.offset.iov_base), most);
    total += most;
  }
  request.segments = segments;
  return 0;
}

/** One that is not given is the process's. */
function checkPriority({ priority, owner }: Request): number {
  return priority === 0 ? 0 : checkIoPriority(owner.credentials, priority);
}

function prepareVector(request: Request, ring: RingFile): number {
  const refused = checkPriority(request);
  if (refused < 0) return refused;
  // With buffers to choose from, one is chosen for the one segment.
  if (wantsBuffer(request)) {
    if (request.length !== 1) return -EINVAL;
    return loadSegments(request, ring, request.address, 1);
  }
  return loadSegments(request, ring, request.address, request.length);
}

/** A part of a registered buffer. @returns 0, −EFAULT, −EINVAL */
export function checkFixed(request: Request, ring: RingFile): number {
  // Once it has begun it keeps the buffer that was there.
  const kept = request.slots?.find((slot): slot is Slot<FixedBuffer> => !(slot.thing instanceof OpenFile));
  const slot = kept ?? ring.buffers?.[request.bufferIndex] ?? null;
  if (slot === null) return -EFAULT;
  if (kept === undefined) request.use(slot);
  const { address, length } = slot.thing;
  if (request.address < address || request.address + request.length > address + length) return -EFAULT;
  return 0;
}

function wantedBytes({ segments, length }: Request): number {
  if (segments === null) return length;
  let total = 0;
  for (let at = 1; at < segments.length; at += 2) total += segments[at]!;
  return total;
}

/** Of a buffer that was chosen: which it was, once `moved` bytes of it have been used. */
export function settleBuffer(request: Request, moved: number): number {
  const { held } = request;
  if (held === null) return 0;
  request.held = null;
  if (moved < 0) {
    held.group.giveBack(held);
    return 0;
  }
  const goesOn = held.group.settle(held, moved);
  return (IORING_CQE_F_BUFFER | (goesOn ? IORING_CQE_F_BUF_MORE : 0) | (held.id << IORING_CQE_BUFFER_SHIFT)) >>> 0;
}

/** One transfer at the place that the entry says. */
function transfer(task: RequestTask, request: Request, isRead: boolean): number {
  const file = request.file!;
  const flags = request.operationFlags;
  const from = bytesOf(task, request);
  if (request.held === null && request.segments === null && request.address + request.length >= 2 ** 63) return -EFAULT;
  const offset = !file.hasPositions ? -1 : request.offset === -1 ? -1 : request.offset;
  if (offset < -1) return -EINVAL;
  const before = file.flags;
  // What can be waited for is, also where the file is opened O_NONBLOCK (io_rw_init_file).
  file.flags =
    ((file.waitQueue !== null ? before & ~O_NONBLOCK : before) |
      ((flags & RWF_NOWAIT) !== 0 ? O_NONBLOCK : 0) |
      ((flags & RWF_APPEND) !== 0 ? O_APPEND : 0) |
      ((flags & (RWF_DSYNC | RWF_SYNC)) !== 0 ? O_DSYNC : 0)) &
    ~((flags & RWF_NOAPPEND) !== 0 ? O_APPEND : 0);
  const result = isRead ? readInto(task, file, from, offset) : writeFrom(task, file, from, offset);
  file.flags = before;
  countMovedBy(request.owner, result, isRead);
  return result;
}

function mayMove(request: Request, ring: RingFile, isRead: boolean): number {
  const file = request.file!;
  if (isRead ? !file.isReadable : !file.isWritable) return -EBADF;
  const refused = checkTransferFlags(file, request.operationFlags);
  if (refused < 0) return refused;
  // No file here has a queue that could be looked at.
  return ring.has(IORING_SETUP_IOPOLL) ? -EOPNOTSUPP : 0;
}

function moves(isRead: boolean, isFixed = false): Operation["run"] {
  return (task, request, ring) => {
    const refused = mayMove(request, ring, isRead) || (isFixed ? checkFixed(request, ring) : 0);
    if (refused < 0) return refused;
    const wanted = wantedBytes(request);
    const taken = holdBuffer(task, request, ring, wanted);
    if (taken < 0) return taken;
    const result = transfer(task, request, isRead);
    if (result <= BLOCKED) return result;
    request.cqeFlags = settleBuffer(request, result);
    request.isShort = !wantsBuffer(request) && result < wanted;
    return result;
  };
}

/** READ_MULTISHOT: of files that are waited for, as often as there is something. */
function readAgain(task: RequestTask, request: Request, ring: RingFile): number {
  const file = request.file!;
  if (!file.isReadable) return -EBADF;
  if (file.waitQueue === null) return -EBADFD;
  if (ring.has(IORING_SETUP_IOPOLL)) return -EOPNOTSUPP;
  for (let shots = 0; shots < SHOTS_MAX; shots++) {
    const taken = holdBuffer(task, request, ring, 0);
    if (taken < 0) {
      request.cqeFlags = 0;
      return taken;
    }
    const before = file.flags;
    file.flags = before & ~O_NONBLOCK;
    const result = file.read(task, bytesOf(task, request), -1);
    file.flags = before;
    if (result <= BLOCKED) return result;
    const flags = settleBuffer(request, result <= 0 ? -1 : result);
    if (result <= 0 || !ring.hasRoom) {
      request.cqeFlags = flags;
      return result;
    }
    ring.post(request.userLow, request.userHigh, result, flags | IORING_CQE_F_MORE);
  }
  return UNFINISHED;
}

function prepareSplice(request: Request): number {
  return refuseUnless(request.operationFlags >>> 0 < 2 ** 32);
}

/** The file that it reads is named by `splice_fd_in`, in the table or not. */
function obtainSource(request: Request, ring: RingFile): number {
  if (request.source !== null) return 0;
  const isFixed = (request.operationFlags & SPLICE_F_FD_IN_FIXED) !== 0;
  const source = isFixed ? fixedFile(ring, request.fileIndex) : request.owner.files.get(request.fileIndex | 0);
  if (source === undefined) return -EBADF;
  request.source = source.retain();
  return 0;
}

const READ: Operation = {
  needsFile: true,
  takesPriority: true,
  selectsBuffer: true,
  isPolled: true,
  prepare: checkPriority,
  run: moves(true),
};
const WRITE: Operation = {
  needsFile: true,
  takesPriority: true,
  isPolled: true,
  prepare: checkPriority,
  run: moves(false),
};

export const FILE_OPERATIONS: OperationTable = {
  [IORING_OP_READ]: READ,
  [IORING_OP_WRITE]: WRITE,
  [IORING_OP_READV]: { ...READ, prepare: prepareVector },
  [IORING_OP_WRITEV]: { ...WRITE, prepare: prepareVector },
  [IORING_OP_READ_FIXED]: { ...WRITE, run: moves(true, true) },
  [IORING_OP_WRITE_FIXED]: { ...WRITE, run: moves(false, true) },
  [IORING_OP_READ_MULTISHOT]: {
    needsFile: true,
    selectsBuffer: true,
    prepare: (request) => refuseUnless(wantsBuffer(request) && request.address === 0 && request.length === 0),
    run: readAgain,
  },
  [IORING_OP_FSYNC]: {
    needsFile: true,
    prepare: (request) =>
      refuseUnless(
        request.address === 0 &&
          request.bufferIndex === 0 &&
          request.fileIndex === 0 &&
          (request.operationFlags & ~IORING_FSYNC_DATASYNC) === 0,
      ),
    run: (task, request) =>
      call(task, (request.operationFlags & IORING_FSYNC_DATASYNC) !== 0 ? SYS_FDATASYNC : SYS_FSYNC, REQUEST_FD),
  },
  [IORING_OP_SYNC_FILE_RANGE]: {
    needsFile: true,
    prepare: (request) => refuseUnless(request.address === 0 && request.bufferIndex === 0 && request.fileIndex === 0),
    run: (task, { offset, length, operationFlags }) =>
      call(task, SYS_SYNC_FILE_RANGE, REQUEST_FD, offset, length, operationFlags),
  },
  [IORING_OP_FALLOCATE]: {
    needsFile: true,
    prepare: (request) =>
      refuseUnless(request.bufferIndex === 0 && request.operationFlags === 0 && request.fileIndex === 0),
    run: (task, { length, offset, address }) => call(task, SYS_FALLOCATE, REQUEST_FD, length, offset, address),
  },
  [IORING_OP_FTRUNCATE]: {
    needsFile: true,
    prepare: (request) =>
      refuseUnless(
        request.operationFlags === 0 &&
          request.address === 0 &&
          request.length === 0 &&
          request.bufferIndex === 0 &&
          request.fileIndex === 0 &&
          request.thirdAddress === 0,
      ),
    run: (task, { offset }) => call(task, SYS_FTRUNCATE, REQUEST_FD, offset),
  },
  [IORING_OP_FADVISE]: {
    needsFile: true,
    prepare: (request) => refuseUnless(request.bufferIndex === 0 && request.fileIndex === 0),
    run: (task, request) =>
      call(task, SYS_FADVISE, REQUEST_FD, request.offset, request.address || request.length, request.operationFlags),
  },
  [IORING_OP_MADVISE]: {
    prepare: (request) => refuseUnless(request.bufferIndex === 0 && request.fileIndex === 0),
    run: (task, request) =>
      call(task, SYS_MADVISE, request.address, request.secondAddress || request.length, request.operationFlags),
  },
  [IORING_OP_SPLICE]: {
    needsFile: true,
    prepare: prepareSplice,
    run: (task, request, ring) => {
      const failed = obtainSource(request, ring);
      if (failed < 0) return failed;
      if (request.length === 0) return 0;
      if (Math.max(request.sourceOffset, request.offset) + request.length >= 2 ** 63) return -EINVAL;
      const flags = request.operationFlags & ~SPLICE_F_FD_IN_FIXED;
      const result = spliceBetween(task, request.source!, request.file!, {
        inOffset: request.sourceOffset,
        inAddress: 0,
        outOffset: request.offset,
        outAddress: 0,
        count: request.length,
        flags,
      });
      request.isShort = result < request.length;
      return result;
    },
  },
  [IORING_OP_TEE]: {
    needsFile: true,
    prepare: (request) => refuseUnless(request.address === 0 && request.offset === 0),
    run: (task, request, ring) => {
      const failed = obtainSource(request, ring);
      if (failed < 0) return failed;
      if (request.length === 0) return 0;
      const flags = request.operationFlags & ~SPLICE_F_FD_IN_FIXED;
      const result = call(task, SYS_TEE, SOURCE_FD, REQUEST_FD, request.length, flags);
      request.isShort = result < request.length;
      return result;
    },
  },
};
