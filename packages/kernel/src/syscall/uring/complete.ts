/**
 * What the end of a request means: its result, the rest of its chain, and those that wait for it. Source: Linux 6.12
 * io_uring/io_uring.c, io_disarm_next, io_fail_links; io_uring_enter(2), "sqe->flags".
 */
import { ECANCELED } from "@stratos/abi";
import {
  IORING_OP_FUTEX_WAIT,
  IORING_OP_FUTEX_WAITV,
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_WAITID,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
} from "@stratos/abi/io-uring";
import { endAsking } from "../../vfs/fanotify-marks.ts";
import type { Task } from "../../task/task.ts";
import { forgetFutexWait } from "../../task/futex.ts";
import type { Request } from "./request.ts";
import type { RingFile } from "./ring-file.ts";

/**
 * It is done.
 * @param flags  of its last result, IORING_CQE_F_…
 */
export function complete(ring: RingFile, request: Request, result: number, flags: number): void {
  if (request.phase === "done") return;
  const hasFailed = request.hasFailed ?? (result < 0 || request.isShort);
  let rest = request.next;
  request.next = null;
  const { opcode } = request;
  ring.drop(request);
  if (request.permissions !== null) endAsking(request);
  const skips = (request.flags & IOSQE_CQE_SKIP_SUCCESS) !== 0;
  if (!request.isSilent && (!skips || hasFailed))
    ring.post(request.userLow, request.userHigh, result, flags, request.isTimeoutResult);
  ring.tellFreed();
  if (rest?.opcode === IORING_OP_LINK_TIMEOUT && opcode !== IORING_OP_LINK_TIMEOUT) {
    const limit = rest;
    rest = limit.next;
    limit.next = null;
    limit.isSilent = hasFailed && skips;
    // That it is not needed is no failure of its own.
    limit.hasFailed = limit.refusal < 0;
    complete(ring, limit, limit.refusal < 0 ? limit.refusal : -ECANCELED, 0);
  }
  if (rest !== null) {
    if (hasFailed && (request.flags & IOSQE_IO_HARDLINK) === 0) failChain(ring, rest, skips);
    else ring.makeReady(rest);
  }
  endCounted(ring);
  beginDeferred(ring);
}

/** A unit of work for so many requests that are looked at, as a power of two. */
export const LOOKED_AT_SHIFT = 5;

/** What is cancelled of these is counted, also where one is asked for (io_waitid_cancel, io_futex_cancel). */
export const CANCELLED_ARE_COUNTED: ReadonlySet<number> = new Set([
  IORING_OP_WAITID,
  IORING_OP_FUTEX_WAIT,
  IORING_OP_FUTEX_WAITV,
]);

/** Another request, or a call, ends it. */
export function cancel(ring: RingFile, request: Request): void {
  request.isCancelled = true;
  request.leaveQueues();
  forgetFutexWait(request);
  ring.makeReady(request);
}

/** Requests of a chain that are told of at a time. */
const FAILED_MAX = 256;

/** @param isSilent  nothing is told of them */
export function failChain(ring: RingFile, first: Request, isSilent: boolean): void {
  let left = FAILED_MAX;
  ring.kernel.work.charge(FAILED_MAX >> 2);
  for (let at: Request | null = first; at !== null;) {
    if (left-- === 0) {
      at.isChainFailed = true;
      at.isSilent ||= isSilent;
      return ring.makeReady(at);
    }
    const { next, refusal } = at as Request;
    (at as Request).next = null;
    ring.drop(at);
    if (!isSilent && !at.isSilent) ring.post(at.userLow, at.userHigh, refusal < 0 ? refusal : -ECANCELED, 0);
    at = next;
  }
}

/** Timeouts that wait for so many results end when these are there. What ends with them is counted, too. */
function endCounted(ring: RingFile): void {
  const { counted } = ring;
  if (counted.isEnding) return;
  counted.isEnding = true;
  for (let due = counted.next(ring.resultCount); due !== null; due = counted.next(ring.resultCount))
    for (const timeout of due) {
      timeout.isTimeoutResult = true;
      complete(ring, timeout, 0, 0);
    }
  counted.isEnding = false;
}

/** Those that stood behind a drain may have their turn. */
function beginDeferred(ring: RingFile): void {
  while (ring.deferred.length > 0) {
    const head = ring.deferred[0]!;
    if ((head.flags & IOSQE_IO_DRAIN) !== 0 && !isOldest(ring, head)) return;
    ring.deferred.shift();
    ring.makeReady(head);
  }
}

/** Have all before it ended? */
export function isOldest(ring: RingFile, request: Request): boolean {
  for (const oldest of ring.active) return oldest === request;
  return true;
}

/**
 * The task begins a new program: nothing of what it submitted goes on. When it ends, the ring's other users see what
 * comes of it; what holds a ring itself would keep it for ever (REQ_F_INFLIGHT).
 */
export function cancelOf(ring: RingFile, task: Task, isEnd: boolean): void {
  if (!isEnd && ring.chain?.head.owner === task) ring.chain = null;
  for (const request of [...ring.active]) {
    if (request.owner !== task || request.phase === "done") continue;
    if (isEnd && request.file?.isPassable !== false) continue;
    const { next } = request;
    request.next = null;
    // In a ring whose submitter alone does its work, nobody comes to tell of them.
    request.isSilent = ring.isDeferred;
    if (next !== null) failChain(ring, next, ring.isDeferred);
    complete(ring, request, -ECANCELED, 0);
  }
  if (isEnd && ring.maker === task) ring.makerEnded();
}
