/** TIMEOUT, TIMEOUT_REMOVE, LINK_TIMEOUT, and POLL_ADD, POLL_REMOVE. Source: Linux 6.12 io_uring/timeout.c, poll.c. */
import {
  CLOCK_BOOTTIME,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  ECANCELED,
  EINVAL,
  ENOENT,
  ETIME,
  POLLERR,
  POLLHUP,
  isErrno,
} from "@stratos/abi";
import {
  IORING_CQE_F_MORE,
  IORING_LINK_TIMEOUT_UPDATE,
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_POLL_ADD,
  IORING_OP_POLL_REMOVE,
  IORING_OP_TIMEOUT,
  IORING_OP_TIMEOUT_REMOVE,
  IORING_POLL_ADD_MULTI,
  IORING_POLL_UPDATE_EVENTS,
  IORING_POLL_UPDATE_USER_DATA,
  IORING_TIMEOUT_ABS,
  IORING_TIMEOUT_BOOTTIME,
  IORING_TIMEOUT_ETIME_SUCCESS,
  IORING_TIMEOUT_MULTISHOT,
  IORING_TIMEOUT_REALTIME,
  IORING_TIMEOUT_UPDATE,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
} from "@stratos/abi/io-uring";
import { loadTimespec } from "../../event/wait-deadline.ts";
import { forgetPolls } from "../../fs/fuse/fuse-answers.ts";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { toMonotonic } from "../../task/clocks.ts";
import { cancel, CANCELLED_ARE_COUNTED, complete, LOOKED_AT_SHIFT } from "./complete.ts";
import { SHOTS_MAX } from "./file-operations.ts";
import { WAITS, refuseUnless, type OperationTable } from "./operation.ts";
import type { Request } from "./request.ts";
import type { RequestTask } from "./request-task.ts";
import type { RingFile } from "./ring-file.ts";

const CLOCKS = IORING_TIMEOUT_BOOTTIME | IORING_TIMEOUT_REALTIME;

function clockOf(flags: number): number {
  if ((flags & IORING_TIMEOUT_REALTIME) !== 0) return CLOCK_REALTIME;
  return (flags & IORING_TIMEOUT_BOOTTIME) !== 0 ? CLOCK_BOOTTIME : CLOCK_MONOTONIC;
}

/** @returns monotonic, and how long from now; −EFAULT, −EINVAL */
function loadDeadline(request: Request, address: number, flags: number): { deadlineNs: number; ns: number } | number {
  const { owner, kernel } = request;
  const time = loadTimespec(owner.space, address);
  if (isErrno(time)) return time;
  const { seconds, nanoseconds } = time;
  if ((flags & IORING_TIMEOUT_ABS) !== 0)
    return { deadlineNs: toMonotonic(owner, clockOf(flags), seconds, nanoseconds), ns: 0 };
  const ns = seconds * 1e9 + nanoseconds;
  return { deadlineNs: kernel.now() + ns, ns };
}

function prepareTimeout(request: Request, isLink: boolean): number {
  const flags = request.operationFlags;
  if (request.bufferIndex !== 0 || request.length !== 1 || request.fileIndex !== 0) return -EINVAL;
  if (isLink && request.offset !== 0) return -EINVAL;
  const known = IORING_TIMEOUT_ABS | CLOCKS | IORING_TIMEOUT_ETIME_SUCCESS | (isLink ? 0 : IORING_TIMEOUT_MULTISHOT);
  if ((flags & ~known) !== 0 || (flags & CLOCKS) === CLOCKS) return -EINVAL;
  // What repeats has no one time to be at.
  if ((flags & IORING_TIMEOUT_MULTISHOT) !== 0 && (flags & IORING_TIMEOUT_ABS) !== 0) return -EINVAL;
  const time = loadDeadline(request, request.address, flags);
  if (isErrno(time)) return time;
  request.deadlineNs = time.deadlineNs;
  request.periodNs = time.ns;
  request.repeats = (flags & IORING_TIMEOUT_MULTISHOT) !== 0 ? request.offset >>> 0 : 0;
  return 0;
}

/** Each execution looks what time it is. */
function timeout(_task: RequestTask, request: Request, ring: RingFile): number {
  const now = request.kernel.now();
  const flags = request.operationFlags;
  const isMultishot = (flags & IORING_TIMEOUT_MULTISHOT) !== 0;
  if (!request.isTimeoutResult) {
    request.isTimeoutResult = true;
    // A relative time begins when the request does, which may be after others of its chain.
    if ((flags & IORING_TIMEOUT_ABS) === 0) request.deadlineNs = now + request.periodNs;
    if (!isMultishot && request.offset >>> 0 !== 0) {
      request.targetCount = ring.resultCount + (request.offset >>> 0);
      ring.counted.add(request, ring.resultCount);
    }
  }
  for (let shots = 0; now >= request.deadlineNs; shots++) {
    ring.timeoutCount++;
    if (!isMultishot || request.repeats === 1) {
      request.hasFailed = (flags & IORING_TIMEOUT_ETIME_SUCCESS) === 0;
      return -ETIME;
    }
    if (shots >= SHOTS_MAX || !ring.hasRoom) return shots >= SHOTS_MAX ? UNFINISHED : -ETIME;
    if (request.repeats > 1) request.repeats--;
    ring.post(request.userLow, request.userHigh, -ETIME, IORING_CQE_F_MORE, true);
    request.deadlineNs += Math.max(1, request.periodNs);
  }
  request.waitUntil(request.deadlineNs);
  return WAITS;
}

/** The request that it limits has begun, and waits. */
export function armLimit(ring: RingFile, request: Request, limit: Request): void {
  if (limit.refusal < 0) return;
  limit.hasBegun = true;
  limit.phase = "waits";
  limit.limited = request;
  if ((limit.operationFlags & IORING_TIMEOUT_ABS) === 0) limit.deadlineNs = ring.kernel.now() + limit.periodNs;
  limit.waitUntil(limit.deadlineNs);
}

/** Its time is over: what it limits is, too. */
function limitOver(_task: RequestTask, limit: Request, ring: RingFile): number {
  const { limited } = limit;
  limit.isTimeoutResult = true;
  limit.hasFailed = false;
  ring.timeoutCount++;
  if (limited === null || limited.phase === "done") return -ENOENT;
  if (ring.kernel.now() < limit.deadlineNs) {
    limit.waitUntil(limit.deadlineNs);
    return WAITS;
  }
  limited.next = limit.next;
  limit.next = null;
  complete(ring, limited, -ECANCELED, 0);
  // How many were cancelled hides the time.
  return CANCELLED_ARE_COUNTED.has(limited.opcode) ? 1 : -ETIME;
}

function timeoutOf(ring: RingFile, request: Request, opcode: number): Request | undefined {
  const low = request.addressLow;
  const high = request.addressHigh;
  const named = ring.names.of(low, high);
  ring.kernel.work.charge(named.size >> LOOKED_AT_SHIFT);
  for (const each of named)
    if (each.opcode === opcode && each !== request && each.phase === "waits" && each.isCalled(low, high)) return each;
  return undefined;
}

function prepareRemoval(request: Request): number {
  if (request.bufferIndex !== 0 || request.length !== 0 || request.fileIndex !== 0) return -EINVAL;
  if ((request.flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT)) !== 0) return -EINVAL;
  const flags = request.operationFlags;
  const updates = IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE;
  if ((flags & updates) === 0) return refuseUnless(flags === 0);
  if ((flags & ~(updates | IORING_TIMEOUT_ABS)) !== 0) return -EINVAL;
  const time = loadDeadline(request, request.secondAddress, flags);
  if (isErrno(time)) return time;
  request.deadlineNs = time.deadlineNs;
  request.periodNs = time.ns;
  return 0;
}

function removeTimeout(_task: RequestTask, request: Request, ring: RingFile): number {
  const flags = request.operationFlags;
  const isLink = (flags & IORING_LINK_TIMEOUT_UPDATE) !== 0;
  const found = timeoutOf(ring, request, isLink ? IORING_OP_LINK_TIMEOUT : IORING_OP_TIMEOUT);
  if (found === undefined) return -ENOENT;
  if ((flags & (IORING_TIMEOUT_UPDATE | IORING_LINK_TIMEOUT_UPDATE)) === 0) {
    cancel(ring, found);
    return 0;
  }
  found.leaveQueues();
  found.deadlineNs = request.deadlineNs;
  if (request.periodNs > 0) found.periodNs = request.periodNs;
  ring.counted.delete(found);
  found.waitUntil(found.deadlineNs);
  return 0;
}

// ---- POLL

function pollEvents(request: Request): number {
  return request.operationFlags | POLLERR | POLLHUP;
}

function preparePoll(request: Request): number {
  if (request.bufferIndex !== 0 || request.offset !== 0 || request.address !== 0) return -EINVAL;
  const flags = request.length;
  // IORING_POLL_ADD_LEVEL has a number, and Linux refuses it (io_poll_add_prep).
  if ((flags & ~IORING_POLL_ADD_MULTI) !== 0) return -EINVAL;
  return refuseUnless((flags & IORING_POLL_ADD_MULTI) === 0 || (request.flags & IOSQE_CQE_SKIP_SUCCESS) === 0);
}

/** In `periodNs` of an update nothing is kept: the flags of `len` are those of the request that was added. */
function poll(task: RequestTask, request: Request, ring: RingFile): number {
  const file = request.file!;
  if (request.events === 0) request.events = pollEvents(request);
  const asksFirst = ring.kernel.vfs.servedFiles > 0;
  if (asksFirst) {
    const asking = file.askPoll(request.events & 0x7fff, true);
    if (asking < 0) return asking;
  }
  const found = file.poll() & request.events;
  if (found !== 0) {
    // What is there at its beginning is told as what comes later is, and with that (__io_arm_poll_handler): when all is
    // submitted, or by who waits.
    if (request.length === IORING_POLL_ADD_MULTI && ring.isSubmitting) return UNFINISHED;
    file.eventsTold(found);
    // Its own results would wake it again, for ever (io_poll_wake).
    if ((request.length & IORING_POLL_ADD_MULTI) === 0 || request.isWokenByRing || !ring.hasRoom) return found;
    ring.post(request.userLow, request.userHigh, found, IORING_CQE_F_MORE);
    if (file === ring.eventFile) request.isWokenByRing = true;
  }
  if (asksFirst) forgetPolls(task);
  if (file.waitQueue !== null) task.waitOn(file.waitQueue);
  return WAITS;
}

function preparePollRemoval(request: Request): number {
  if (request.bufferIndex !== 0 || request.fileIndex !== 0) return -EINVAL;
  const flags = request.length;
  const updates = IORING_POLL_UPDATE_EVENTS | IORING_POLL_UPDATE_USER_DATA;
  if ((flags & ~(updates | IORING_POLL_ADD_MULTI)) !== 0) return -EINVAL;
  if (flags === IORING_POLL_ADD_MULTI) return -EINVAL;
  if ((flags & IORING_POLL_UPDATE_USER_DATA) === 0 && request.offset !== 0) return -EINVAL;
  return refuseUnless((flags & IORING_POLL_UPDATE_EVENTS) !== 0 || request.operationFlags === 0);
}

function removePoll(_task: RequestTask, request: Request, ring: RingFile): number {
  const found = timeoutOf(ring, request, IORING_OP_POLL_ADD);
  if (found === undefined) return -ENOENT;
  const flags = request.length;
  if (flags === 0) {
    cancel(ring, found);
    return 0;
  }
  if ((flags & IORING_POLL_UPDATE_EVENTS) !== 0) {
    found.events = pollEvents(request);
    found.setLength(flags & IORING_POLL_ADD_MULTI);
  }
  if ((flags & IORING_POLL_UPDATE_USER_DATA) !== 0) {
    ring.names.delete(found);
    found.userLow = request.offsetLow;
    found.userHigh = request.offsetHigh;
    ring.names.add(found);
  }
  // It looks again at once.
  ring.requestWoken(found);
  return 0;
}

export const TIMEOUT_OPERATIONS: OperationTable = {
  [IORING_OP_TIMEOUT]: { prepare: (request) => prepareTimeout(request, false), run: timeout },
  [IORING_OP_TIMEOUT_REMOVE]: { isPolled: true, prepare: prepareRemoval, run: removeTimeout },
  [IORING_OP_LINK_TIMEOUT]: { prepare: (request) => prepareTimeout(request, true), run: limitOver },
  [IORING_OP_POLL_ADD]: { needsFile: true, prepare: preparePoll, run: poll },
  [IORING_OP_POLL_REMOVE]: { prepare: preparePollRemoval, run: removePoll },
};
