/**
 * From entries of the submission queue to requests. Source: Linux 6.12 io_uring/io_uring.c, io_init_req, io_submit_sqe,
 * io_submit_sqes.
 *
 * An entry is copied before it is looked at: the program may write it at any time.
 */
import { EACCES, EAGAIN, ECANCELED, EINVAL, EOPNOTSUPP } from "@stratos/abi";
import {
  IORING_OP_LAST,
  IORING_OP_LINK_TIMEOUT,
  IORING_OFF_SQES,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_SUBMIT_ALL,
  IOSQE_ASYNC,
  IOSQE_BUFFER_SELECT,
  IOSQE_CQE_SKIP_SUCCESS,
  IOSQE_FIXED_FILE,
  IOSQE_IO_DRAIN,
  IOSQE_IO_HARDLINK,
  IOSQE_IO_LINK,
  IoUringSqe,
} from "@stratos/abi/io-uring";
import type { Credentials } from "../../security/credentials.ts";
import type { Task } from "../../task/task.ts";
import { begin } from "./execute.ts";
import { OPERATIONS } from "./operations.ts";
import { Request } from "./request.ts";
import { RING, type RingFile } from "./ring-file.ts";

/** Of the host's memory (RingFile.keepFor): what each request has. Without room for them: EAGAIN. */
const REQUEST_RECORDS = 8;

const COMMON_FLAGS = IOSQE_FIXED_FILE | IOSQE_IO_LINK | IOSQE_IO_HARDLINK | IOSQE_ASYNC;
const VALID_FLAGS = COMMON_FLAGS | IOSQE_BUFFER_SELECT | IOSQE_IO_DRAIN | IOSQE_CQE_SKIP_SUCCESS;

/**
 * Takes entries, as many as there are up to `most`, in pieces of a call's work.
 * @returns how many were taken; −EAGAIN where there is no room for another request. `isCut`: it goes on
 */
export function submit(ring: RingFile, owner: Task, most: number): { taken: number; isCut: boolean } {
  const { memory, shape, kernel } = ring;
  const { work } = kernel;
  work.mayPause = true;
  // Another thread's chain ends where this one comes in between.
  if (ring.chain !== null && ring.chain.head.owner !== owner) endChain(ring, ring.chain.head.owner);
  const count = Math.min(ring.submissions, most, shape.sqEntries);
  let taken = 0;
  // A chain is begun as a whole, but taken in pieces.
  let head: Request | null = ring.chain?.head ?? null;
  let last: Request | null = ring.chain?.last ?? null;
  let isCut = false;
  ring.chain = null;
  ring.beginSubmitting();
  while (taken < count) {
    if (work.mustPause()) {
      isCut = true;
      break;
    }
    if (!ring.mayKeep(REQUEST_RECORDS)) {
      if (taken === 0 && head === null) taken = -EAGAIN;
      break;
    }
    work.charge(1);
    const sqe = takeEntry(ring);
    if (sqe === null) break;
    taken++;
    const request = makeRequest(ring, owner, sqe, last);
    if (head === null) {
      head = request;
      if (ring.drainsNext) request.flags |= IOSQE_IO_DRAIN;
      ring.drainsNext = false;
    } else {
      last!.next = request;
      // Then its chain waits as a whole, and what follows that (io_init_req_drain).
      if ((request.flags & IOSQE_IO_DRAIN) !== 0) {
        head.flags |= IOSQE_IO_DRAIN;
        ring.drainsNext = true;
      }
      if (request.refusal < 0 && head.refusal === 0) head.refusal = -ECANCELED;
    }
    last = request;
    // What is wrong with one in the midst of a chain is told with the chain (io_submit_fail_init).
    if (request.isLinked) continue;
    const { refusal } = request;
    begin(ring, head);
    head = last = null;
    if (refusal < 0 && !ring.has(IORING_SETUP_SUBMIT_ALL)) break;
  }
  if (head !== null && isCut) ring.chain = { head, last: last! };
  else if (head !== null) begin(ring, head);
  ring.endSubmitting();
  memory.storeU32(RING.sqHead, ring.sqHead);
  return { taken, isCut };
}

/** Who was to go on with a chain won't: it begins as far as it was taken. */
export function endChain(ring: RingFile, owner: Task): void {
  const { chain } = ring;
  if (chain?.head.owner !== owner) return;
  ring.chain = null;
  begin(ring, chain.head);
}

/** null: the array names none, which counts as dropped. */
function takeEntry(ring: RingFile): DataView | null {
  const { memory, shape, sqeSize } = ring;
  let index = ring.sqHead & (shape.sqEntries - 1);
  ring.sqHead = (ring.sqHead + 1) >>> 0;
  if (!ring.has(IORING_SETUP_NO_SQARRAY)) {
    index = memory.loadU32(ring.arrayAt + index * 4);
    if (index >= shape.sqEntries) {
      memory.storeU32(RING.sqDropped, (memory.loadU32(RING.sqDropped) + 1) >>> 0);
      return null;
    }
  }
  const bytes = new Uint8Array(IoUringSqe.size);
  memory.read(IORING_OFF_SQES + index * sqeSize, bytes, bytes.length);
  return new DataView(bytes.buffer);
}

/** @param last  of the chain that it stands in */
function makeRequest(ring: RingFile, owner: Task, sqe: DataView, last: Request | null): Request {
  const personality = sqe.getUint16(IoUringSqe.offset.personality, true);
  const credentials: Credentials | undefined =
    personality !== 0
      ? ring.personalities.get(personality)
      : owner === ring.maker && ring.isPolling
        ? ring.credentials
        : owner.credentials;
  const request = new Request(ring, owner, sqe, credentials ?? owner.credentials);
  ring.enlist(request);
  ring.keepFor(request, REQUEST_RECORDS);
  request.refusal = credentials === undefined ? -EINVAL : check(ring, request);
  if (request.refusal === 0) request.refusal = OPERATIONS[request.opcode]!.prepare?.(request, ring) ?? 0;
  if (request.refusal === 0 && request.opcode === IORING_OP_LINK_TIMEOUT)
    if (last === null || last.opcode === IORING_OP_LINK_TIMEOUT) request.refusal = -EINVAL;
  return request;
}

function check(ring: RingFile, request: Request): number {
  const { flags, opcode } = request;
  if (opcode >= IORING_OP_LAST) return -EINVAL;
  const operation = OPERATIONS[opcode];
  if ((flags & ~VALID_FLAGS) !== 0) {
    request.flags &= VALID_FLAGS & ~(IOSQE_IO_LINK | IOSQE_IO_HARDLINK);
    return -EINVAL;
  }
  if ((flags & IOSQE_BUFFER_SELECT) !== 0 && operation?.selectsBuffer !== true) return -EOPNOTSUPP;
  if ((flags & IOSQE_CQE_SKIP_SUCCESS) !== 0) ring.isDrainDisabled = true;
  if ((flags & IOSQE_IO_DRAIN) !== 0 && ring.isDrainDisabled) return -EOPNOTSUPP;
  const refused = checkRestrictions(ring, request);
  if (refused < 0) return refused;
  if (operation === undefined) return -EINVAL;
  if (request.priority !== 0 && operation.takesPriority !== true) return -EINVAL;
  return ring.has(IORING_SETUP_IOPOLL) && operation.isPolled !== true ? -EINVAL : 0;
}

function checkRestrictions({ restrictions }: RingFile, { opcode, flags }: Request): number {
  if (restrictions === null) return 0;
  const { operations, allowedFlags, requiredFlags } = restrictions;
  if (!operations.has(opcode)) return -EACCES;
  if ((flags & requiredFlags) !== requiredFlags) return -EACCES;
  return (flags & ~(allowedFlags | requiredFlags)) !== 0 ? -EACCES : 0;
}

/** What the poller of IORING_SETUP_SQPOLL finds. @returns whether it found anything */
export function submitPolled(ring: RingFile): boolean {
  if (ring.submissions === 0) return false;
  const { maker } = ring;
  submit(ring, maker, ring.shape.sqEntries);
  ring.wakePoller();
  // Who waits for room among the submissions (IORING_ENTER_SQ_WAIT).
  ring.queue.wakeAll();
  return true;
}
