/**
 * How requests go on: executed, told, and what that means for the rest of their chain. Source: Linux 6.12
 * io_uring/io_uring.c, io_queue_sqe, io_disarm_next, io_fail_links; io_uring_enter(2), "sqe->flags".
 *
 *     submit ─► issue ─► execute ──┬─► waits ── woken ──► ready ─► execute
 *                 ▲                └─► complete ─► result, and the next of its chain ─► ready
 *                 └── deferred until all before it are done (IOSQE_IO_DRAIN)
 */
import { EBADF, ECANCELED, O_PATH } from "@stratos/abi";
import {
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_TIMEOUT,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
} from "@stratos/abi/io-uring";
import { BLOCKED, BLOCKED_EINTR, BLOCKED_KILLABLE, BLOCKED_RESTART, UNFINISHED } from "../../ground/wait-queue.ts";
import { complete, failChain, isOldest } from "./complete.ts";
import { OPERATIONS } from "./operations.ts";
import { WAITS } from "./operation.ts";
import type { Request } from "./request.ts";
import type { RingFile } from "./ring-file.ts";
import { armLimit } from "./timeout-operations.ts";

/** The head of a chain, or a request alone, has been submitted. */
export function begin(ring: RingFile, head: Request): void {
  if (ring.deferred.length > 0 || ((head.flags & IOSQE_IO_DRAIN) !== 0 && !isOldest(ring, head))) {
    ring.deferred.push(head);
    return;
  }
  issue(ring, head);
}

/** Its first execution. */
function issue(ring: RingFile, request: Request): void {
  request.hasBegun = true;
  if (request.refusal < 0) {
    // What is wrong when it is submitted ends a chain of whatever kind (io_queue_sqe_fallback).
    request.flags &= ~IOSQE_IO_HARDLINK;
    return complete(ring, request, request.refusal, 0);
  }
  const { needsFile } = OPERATIONS[request.opcode]!;
  if (needsFile && request.file === null) {
    const isFixed = (request.flags & IOSQE_FIXED_FILE) !== 0;
    const slot = isFixed ? ring.files?.[request.fd >>> 0] : null;
    if (slot) request.use(slot);
    const file = isFixed ? slot?.thing : request.owner.files.get(request.fd);
    if (file === undefined || (file.flags & O_PATH) !== 0) return complete(ring, request, -EBADF, 0);
    request.file = file.retain();
  }
  execute(ring, request);
  const { next } = request;
  // Others may have ended it: TypeScript knows only what it was before.
  if ((request.phase as string) !== "done" && next !== null && next.opcode === IORING_OP_LINK_TIMEOUT)
    armLimit(ring, request, next);
}

function execute(ring: RingFile, request: Request): void {
  if (request.isCancelled) return complete(ring, request, -ECANCELED, 0);
  const task = ring.executor(request.owner);
  const { work } = ring.kernel;
  const { mayPause } = work;
  request.phase = "runs";
  work.charge(1);
  // It says itself whether it can go on in pieces; whether another was cut does not concern it.
  work.mayPause = work.isCut = false;
  // What asks for whom it is done (a signalfd) is told.
  const { scheduler } = ring.kernel;
  const { current } = scheduler;
  scheduler.current = request.owner;
  task.begin(ring, request);
  const result = isOrphan(request) ? -ECANCELED : OPERATIONS[request.opcode]!.run(task, request, ring);
  task.end(request);
  scheduler.current = current;
  work.mayPause = mayPause;
  // The ring, or what cancels all, may have ended it meanwhile.
  if ((request.phase as string) === "done") return;
  if (isWait(result)) {
    request.phase = "waits";
    if (request.held !== null) {
      request.held.group.giveBack(request.held);
      request.held = null;
    }
  } else if (result === UNFINISHED) ring.makeReady(request);
  else complete(ring, request, result, request.cqeFlags);
}

/** Its submitter has ended, and what it would have had done with it. A time passes all the same. */
function isOrphan({ owner, opcode }: Request): boolean {
  return (
    (owner.state === "Z" || owner.state === "X") && opcode !== IORING_OP_TIMEOUT && opcode !== IORING_OP_LINK_TIMEOUT
  );
}

function isWait(result: number): boolean {
  return (
    result === WAITS ||
    result === BLOCKED ||
    result === BLOCKED_EINTR ||
    result === BLOCKED_KILLABLE ||
    result === BLOCKED_RESTART
  );
}

/**
 * Executes what is ready, as far as the work of a call allows; what that makes ready comes next.
 * @returns whether anything is left
 */
export function runReady(ring: RingFile): boolean {
  const { work } = ring.kernel;
  let done = 0;
  // What is woken again at once must not keep others from their turn. `ready` changes as they run.
  for (let left = ring.ready.length + CHAIN_MAX; left > 0 && done < ring.ready.length && !work.isUsed; left--) {
    const request = ring.ready[done++]!;
    if (request.phase !== "ready") continue;
    if (request.isChainFailed) failChain(ring, request, request.isSilent);
    else if (request.hasBegun) execute(ring, request);
    else issue(ring, request);
  }
  ring.ready.splice(0, done);
  if (ring.ready.length === 0) ring.workDone();
  return ring.ready.length > 0;
}

/** Requests of chains that one run goes through. */
const CHAIN_MAX = 1024;
