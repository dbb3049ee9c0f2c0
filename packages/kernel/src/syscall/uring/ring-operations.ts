/**
 * What is done to the ring itself, or to another: cancelling, results for others, files and buffers. Source: Linux 6.12
 * io_uring/cancel.c, msg_ring.c, kbuf.c, rsrc.c; and waits for words and children, futex.c and waitid.c.
 */
import {
  E2BIG,
  EAGAIN,
  EALREADY,
  EBADF,
  EBADFD,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENXIO,
  EOVERFLOW,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_MASK,
  FUTEX2_SIZE_U32,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_WAITV_MAX,
  FutexWaitv,
  SYSCALL_NUMBERS,
} from "@stratos/abi";
import {
  IORING_ASYNC_CANCEL_ALL,
  IORING_ASYNC_CANCEL_ANY,
  IORING_ASYNC_CANCEL_FD,
  IORING_ASYNC_CANCEL_FD_FIXED,
  IORING_ASYNC_CANCEL_OP,
  IORING_ASYNC_CANCEL_USERDATA,
  IORING_FILE_INDEX_ALLOC,
  IORING_MSG_DATA,
  IORING_MSG_RING_CQE_SKIP,
  IORING_MSG_RING_FLAGS_PASS,
  IORING_MSG_SEND_FD,
  IORING_NOP_INJECT_RESULT,
  IORING_OP_ASYNC_CANCEL,
  IORING_OP_FILES_UPDATE,
  IORING_OP_FUTEX_WAIT,
  IORING_OP_FUTEX_WAITV,
  IORING_OP_FUTEX_WAKE,
  IORING_OP_LINK_TIMEOUT,
  IORING_OP_MSG_RING,
  IORING_OP_NOP,
  IORING_OP_PROVIDE_BUFFERS,
  IORING_OP_REMOVE_BUFFERS,
  IORING_OP_WAITID,
  IOSQE_BUFFER_SELECT,
  IOSQE_FIXED_FILE,
} from "@stratos/abi/io-uring";
import { get64, getU64, viewOf } from "../../ground/words.ts";
import { enqueue, futexWake, keyOf } from "../../task/futex.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import { cancel, CANCELLED_ARE_COUNTED, LOOKED_AT_SHIFT } from "./complete.ts";
import { closeFixed, fixedFile, installFixed, putFixed } from "./fixed-files.ts";
import { WAITS, call, refuseUnless, type OperationTable } from "./operation.ts";
import { BufferGroup, GROUP_RECORDS, PROVIDED_MAX } from "./provided-buffers.ts";
import type { Request } from "./request.ts";
import type { RequestTask } from "./request-task.ts";
import { RingFile } from "./ring-file.ts";

const SYS_WAITID = SYSCALL_NUMBERS.get("waitid")!;
const PROVIDED_FIRST = 65535;
/** Of the host's memory (RingFile.keepFor): a key, and its place in the queue of a word. */
const WORD_RECORDS = 2;

// ---- Cancelling

/** What requests are to be cancelled. */
interface CancelKey {
  readonly flags: number;
  readonly low: number;
  readonly high: number;
  readonly file: OpenFile | null;
  readonly opcode: number;
}

export const CANCEL_FLAGS =
  IORING_ASYNC_CANCEL_ALL |
  IORING_ASYNC_CANCEL_FD |
  IORING_ASYNC_CANCEL_ANY |
  IORING_ASYNC_CANCEL_FD_FIXED |
  IORING_ASYNC_CANCEL_USERDATA |
  IORING_ASYNC_CANCEL_OP;

function isByName({ flags }: CancelKey): boolean {
  if ((flags & IORING_ASYNC_CANCEL_ANY) !== 0) return false;
  return (
    (flags & (IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_OP)) === 0 || (flags & IORING_ASYNC_CANCEL_USERDATA) !== 0
  );
}

function matches(request: Request, key: CancelKey): boolean {
  const { flags, low, high, file, opcode } = key;
  if ((flags & IORING_ASYNC_CANCEL_ANY) !== 0) return true;
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0 && request.file !== file) return false;
  if ((flags & IORING_ASYNC_CANCEL_OP) !== 0 && request.opcode !== opcode) return false;
  return !isByName(key) || request.isCalled(low, high);
}

/**
 * Cancels what waits, or has still to be executed again. What stands behind others of its chain goes on with them.
 * @returns 0, with IORING_ASYNC_CANCEL_ALL or ANY how many; −ENOENT, −EALREADY
 */
export function cancelMatching(ring: RingFile, key: CancelKey, own: Request | null): number {
  const isMany = (key.flags & (IORING_ASYNC_CANCEL_ALL | IORING_ASYNC_CANCEL_ANY)) !== 0;
  let count = 0;
  let isUnderWay = false;
  const among = isByName(key) ? ring.names.of(key.low, key.high) : ring.active;
  ring.kernel.work.charge(among.size >> LOOKED_AT_SHIFT);
  // What is cancelled stays among them until it is told of.
  for (const request of among) {
    if (request === own || !request.hasBegun || request.opcode === IORING_OP_LINK_TIMEOUT) continue;
    if (request.phase === "done" || request.isCancelled || !matches(request, key)) continue;
    // It has moved some of its bytes, and has the rest to move.
    if (request.phase === "ready" && request.syscallState !== null && !isMany) {
      isUnderWay = true;
      continue;
    }
    cancel(ring, request);
    count++;
    if (!isMany) return CANCELLED_ARE_COUNTED.has(request.opcode) ? 1 : 0;
  }
  if (isMany) return count;
  return isUnderWay ? -EALREADY : -ENOENT;
}

function prepareCancel(request: Request): number {
  if ((request.flags & IOSQE_BUFFER_SELECT) !== 0) return -EINVAL;
  if (request.offset !== 0 || request.fileIndex !== 0) return -EINVAL;
  const flags = request.operationFlags;
  if ((flags & ~CANCEL_FLAGS) !== 0) return -EINVAL;
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0 && (flags & IORING_ASYNC_CANCEL_ANY) !== 0) return -EINVAL;
  if ((flags & IORING_ASYNC_CANCEL_OP) !== 0 && (flags & IORING_ASYNC_CANCEL_ANY) !== 0) return -EINVAL;
  return 0;
}

function cancelOthers(_task: RequestTask, request: Request, ring: RingFile): number {
  const flags = request.operationFlags;
  let file: OpenFile | null = null;
  if ((flags & IORING_ASYNC_CANCEL_FD) !== 0) {
    const isFixed = (flags & IORING_ASYNC_CANCEL_FD_FIXED) !== 0 || (request.flags & IOSQE_FIXED_FILE) !== 0;
    file = (isFixed ? fixedFile(ring, request.fd >>> 0) : request.owner.files.get(request.fd)) ?? null;
    if (file === null) return -EBADF;
  }
  const low = request.addressLow;
  const high = request.addressHigh;
  return cancelMatching(ring, { flags, low, high, file, opcode: request.length }, request);
}

// ---- Other rings

function prepareMessage(request: Request): number {
  if (request.bufferIndex !== 0 || request.personality !== 0) return -EINVAL;
  return refuseUnless((request.operationFlags & ~(IORING_MSG_RING_CQE_SKIP | IORING_MSG_RING_FLAGS_PASS)) === 0);
}

function message(_task: RequestTask, request: Request, ring: RingFile): number {
  const target = request.file!;
  if (!(target instanceof RingFile)) return -EBADFD;
  const flags = request.operationFlags;
  if (target.isDisabled) return -EBADFD;
  const low = request.offsetLow;
  const high = request.offsetHigh;
  switch (request.address) {
    case IORING_MSG_DATA: {
      if ((flags & IORING_MSG_RING_CQE_SKIP) !== 0 || request.thirdAddress !== 0) return -EINVAL;
      const passes = (flags & IORING_MSG_RING_FLAGS_PASS) !== 0;
      if (!passes && request.fileIndex !== 0) return -EINVAL;
      if (target.isFull) return -EOVERFLOW;
      target.post(low, high, request.length | 0, passes ? request.fileIndex : 0);
      return 0;
    }
    case IORING_MSG_SEND_FD: {
      if ((flags & IORING_MSG_RING_FLAGS_PASS) !== 0 || request.length !== 0 || target === ring) return -EINVAL;
      const file = fixedFile(ring, request.thirdAddress);
      if (file === undefined) return -EBADF;
      const slot = installFixed(target, file.retain(), request.fileIndex);
      if (slot < 0) return slot;
      if ((flags & IORING_MSG_RING_CQE_SKIP) === 0) {
        if (target.isFull) return -EOVERFLOW;
        target.post(low, high, slot, 0);
      }
      return slot;
    }
    default:
      return -EINVAL;
  }
}

// ---- Files

/** Each is a descriptor, −1: none, or IORING_REGISTER_FILES_SKIP. @returns how many were taken, or why not the first */
export function updateFiles(
  ring: RingFile,
  request: Pick<Request, "owner">,
  at: number,
  fds: number,
  count: number,
): number {
  const { files } = ring;
  if (files === null) return -ENXIO;
  if (at + count > files.length) return -EINVAL;
  ring.kernel.work.charge(count >> LOOKED_AT_SHIFT);
  let done = 0;
  let failed = 0;
  for (; done < count && failed === 0; done++) {
    const word = request.owner.space.loadU32(fds + done * 4);
    if (word < 0) failed = -EFAULT;
    else if ((word | 0) === -1) closeFixed(ring, at + done);
    else if ((word | 0) !== -2) {
      const file = request.owner.files.get(word);
      failed = file === undefined || !file.isPassable ? -EBADF : putFixed(ring, at + done, file.retain());
    }
    if (failed < 0) break;
  }
  return done > 0 ? done : failed;
}

function update(_task: RequestTask, request: Request, ring: RingFile): number {
  const { offset, length, address, owner } = request;
  if (offset >>> 0 !== IORING_FILE_INDEX_ALLOC) return updateFiles(ring, request, offset >>> 0, address, length);
  let done = 0;
  let failed = ring.files === null ? -ENXIO : 0;
  ring.kernel.work.charge((ring.files?.length ?? 0) >> LOOKED_AT_SHIFT);
  for (; done < length && failed === 0; done++) {
    const word = owner.space.loadU32(address + done * 4);
    const file = word < 0 ? undefined : owner.files.get(word);
    if (file === undefined) {
      failed = word < 0 ? -EFAULT : -EBADF;
      break;
    }
    const slot = installFixed(ring, file.retain(), IORING_FILE_INDEX_ALLOC);
    if (slot < 0) {
      failed = slot;
      break;
    }
    if (owner.space.storeU32(address + done * 4, slot) < 0) {
      closeFixed(ring, slot);
      failed = -EFAULT;
      break;
    }
  }
  return done > 0 ? done : failed;
}

// ---- Buffers

function prepareProvide(request: Request): number {
  if (request.operationFlags !== 0 || request.fileIndex !== 0) return -EINVAL;
  const { fd: count, address, length, offset: first } = request;
  if (count <= 0 || count > PROVIDED_MAX) return -E2BIG;
  if (length === 0) return -EINVAL;
  if (count * length >= 2 ** 63 || address + count * length >= 2 ** 63) return -EOVERFLOW;
  if (first > PROVIDED_FIRST || first < 0) return -E2BIG;
  return first + count > PROVIDED_MAX ? -EINVAL : 0;
}

function provide(_task: RequestTask, request: Request, ring: RingFile): number {
  const { fd: count, address, length, offset: first, bufferIndex } = request;
  let group = ring.groups.get(bufferIndex);
  if (group !== undefined && group.isRing) return -EINVAL;
  if (group !== undefined && group.list.length + count > PROVIDED_MAX) return -EOVERFLOW;
  const more = (group?.list.length ?? 0) + count - (group?.room ?? 0);
  if (!ring.keep(Math.max(0, more) + (group === undefined ? GROUP_RECORDS : 0))) return -ENOMEM;
  if (group === undefined) ring.groups.set(bufferIndex, (group = new BufferGroup(bufferIndex)));
  group.room += Math.max(0, more);
  for (let index = 0; index < count; index++)
    group.list.push({ address: address + index * length, length, id: (first + index) & 0xffff });
  request.kernel.work.charge(count >> 6);
  return 0;
}

function prepareRemove(request: Request): number {
  if (
    request.operationFlags !== 0 ||
    request.address !== 0 ||
    request.length !== 0 ||
    request.offset !== 0 ||
    request.fileIndex !== 0
  )
    return -EINVAL;
  return refuseUnless(request.fd > 0 && request.fd <= PROVIDED_MAX);
}

function remove(_task: RequestTask, { fd, bufferIndex }: Request, ring: RingFile): number {
  const group = ring.groups.get(bufferIndex);
  if (group === undefined) return -ENOENT;
  if (group.isRing) return -EINVAL;
  return group.list.splice(0, fd).length;
}

// ---- Words and children

function checkWord(flags: number, address: number): number {
  if ((flags & ~(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE)) !== 0 || (flags & FUTEX2_SIZE_MASK) !== FUTEX2_SIZE_U32)
    return -EINVAL;
  return refuseUnless(address % 4 === 0);
}

function prepareWord(request: Request): number {
  if (request.length !== 0 || request.operationFlags !== 0 || request.bufferIndex !== 0 || request.fileIndex !== 0)
    return -EINVAL;
  const mask = request.thirdAddress;
  if (mask > FUTEX_BITSET_MATCH_ANY) return -EINVAL;
  return checkWord(request.fd, request.address);
}

function isPrivateWord({ fd: flags }: Request): boolean {
  return (flags & FUTEX2_PRIVATE) !== 0;
}

function waitForWord(task: RequestTask, request: Request): number {
  const { syscallState: state } = task;
  if (state?.kind === "futex") return state.isWoken ? 0 : WAITS;
  const { address, thirdAddress: bitset } = request;
  const value = task.space.loadU32(address);
  if (value < 0) return -EFAULT;
  if (bitset === 0) return -EINVAL;
  if (value !== request.offsetLow || request.offsetHigh !== 0) return -EAGAIN;
  const key = keyOf(task.space, address, isPrivateWord(request));
  task.syscallState = { kind: "futex", key, bitset, isWoken: false, deadlineNs: Infinity };
  enqueue(request, key);
  return WAITS;
}

function prepareWords(request: Request): number {
  if (request.fd !== 0 || request.bufferIndex !== 0 || request.fileIndex !== 0) return -EINVAL;
  if (request.offset !== 0 || request.operationFlags !== 0 || request.thirdAddress !== 0) return -EINVAL;
  return refuseUnless(request.length > 0 && request.length <= FUTEX_WAITV_MAX);
}

function waitForWords(task: RequestTask, request: Request, ring: RingFile): number {
  const { syscallState: state } = task;
  if (state?.kind === "futexes") return state.woken >= 0 ? state.woken : WAITS;
  if (!ring.keepFor(request, request.length * WORD_RECORDS)) return -ENOMEM;
  const bytes = new Uint8Array(request.length * FutexWaitv.size);
  if (task.space.copyIn(request.address, bytes, 0, bytes.length) < 0) return -EFAULT;
  const view = viewOf(bytes);
  const keys: string[] = [];
  for (let at = 0; at < bytes.length; at += FutexWaitv.size) {
    const address = getU64(view, at + FutexWaitv.offset.uaddr);
    const flags = view.getUint32(at + FutexWaitv.offset.flags, true);
    const refused = checkWord(flags, address);
    if (refused < 0 || view.getUint32(at + FutexWaitv.offset._reserved, true) !== 0) return -EINVAL;
    const value = task.space.loadU32(address);
    if (value < 0) return -EFAULT;
    if (value !== get64(view, at + FutexWaitv.offset.val)) return -EAGAIN;
    keys.push(keyOf(task.space, address, (flags & FUTEX2_PRIVATE) !== 0));
  }
  task.syscallState = { kind: "futexes", keys, woken: -1, deadlineNs: Infinity };
  for (const key of keys) enqueue(request, key);
  request.kernel.work.charge(keys.length >> 2);
  return WAITS;
}

export const RING_OPERATIONS: OperationTable = {
  [IORING_OP_NOP]: {
    isPolled: true,
    prepare: ({ operationFlags }) => refuseUnless((operationFlags & ~IORING_NOP_INJECT_RESULT) === 0),
    run: (_task, { operationFlags, length }) => (operationFlags !== 0 ? length | 0 : 0),
  },
  [IORING_OP_ASYNC_CANCEL]: { prepare: prepareCancel, run: cancelOthers },
  [IORING_OP_MSG_RING]: { needsFile: true, isPolled: true, prepare: prepareMessage, run: message },
  [IORING_OP_FILES_UPDATE]: {
    isPolled: true,
    prepare: (request) => {
      if ((request.flags & (IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT)) !== 0) return -EINVAL;
      return refuseUnless(request.operationFlags === 0 && request.fileIndex === 0 && request.length !== 0);
    },
    run: update,
  },
  [IORING_OP_PROVIDE_BUFFERS]: { isPolled: true, prepare: prepareProvide, run: provide },
  [IORING_OP_REMOVE_BUFFERS]: { isPolled: true, prepare: prepareRemove, run: remove },
  [IORING_OP_FUTEX_WAIT]: { prepare: prepareWord, run: waitForWord },
  [IORING_OP_FUTEX_WAKE]: {
    prepare: prepareWord,
    run: (task, request) => {
      if (request.thirdAddress === 0) return -EINVAL;
      // Not as futex(2), which counts once it has woken one (FLAGS_STRICT).
      if (request.offset === 0) return 0;
      return futexWake(task.space, request.address, request.offset, request.thirdAddress, isPrivateWord(request));
    },
  },
  [IORING_OP_FUTEX_WAITV]: { prepare: prepareWords, run: waitForWords },
  [IORING_OP_WAITID]: {
    prepare: (request) =>
      refuseUnless(
        request.address === 0 &&
          request.bufferIndex === 0 &&
          request.thirdAddress === 0 &&
          request.operationFlags === 0,
      ),
    run: (task, request) =>
      call(task, SYS_WAITID, request.length, request.fd, request.secondAddress, request.fileIndex, 0),
  },
};
