/** What is done to sockets. Source: Linux 6.12 io_uring/net.c. */
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOTSOCK,
  LANDLOCK_ACCESS_NET_CONNECT_TCP,
  MSG_CMSG_CLOEXEC,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_NOSIGNAL,
  MSG_TRUNC,
  MSG_WAITALL,
  Msghdr,
  O_NONBLOCK,
  POLLIN,
  POLLOUT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SYSCALL_NUMBERS,
  SockaddrStorage,
  isErrno,
} from "@stratos/abi";
import {
  IORING_ACCEPT_DONTWAIT,
  IORING_ACCEPT_MULTISHOT,
  IORING_ACCEPT_POLL_FIRST,
  IORING_CQE_F_MORE,
  IORING_CQE_F_NOTIF,
  IORING_CQE_F_SOCK_NONEMPTY,
  IORING_FILE_INDEX_ALLOC,
  IORING_NOTIF_USAGE_ZC_COPIED,
  IORING_OP_ACCEPT,
  IORING_OP_BIND,
  IORING_OP_CONNECT,
  IORING_OP_LISTEN,
  IORING_OP_RECV,
  IORING_OP_RECVMSG,
  IORING_OP_SEND,
  IORING_OP_SENDMSG,
  IORING_OP_SENDMSG_ZC,
  IORING_OP_SEND_ZC,
  IORING_OP_SHUTDOWN,
  IORING_OP_SOCKET,
  IORING_RECVSEND_BUNDLE,
  IORING_RECVSEND_FIXED_BUF,
  IORING_RECVSEND_POLL_FIRST,
  IORING_RECV_MULTISHOT,
  IORING_SEND_ZC_REPORT_USAGE,
  IOSQE_CQE_SKIP_SUCCESS,
  IoUringRecvmsgOut,
} from "@stratos/abi/io-uring";
import { BLOCKED, UNFINISHED } from "../../ground/wait-queue.ts";
import { getU64, putFields, viewOf } from "../../ground/words.ts";
import { CONTROL_MAX, ControlWriter, parseControl, writeControl } from "../../socket/control-message.ts";
import { messagesOfCalls } from "../../socket/message.ts";
import { Socket, transferState } from "../../socket/socket.ts";
import { checkPort, loadAddress } from "../socket-calls.ts";
import { SHOTS_MAX, checkFixed, loadSegments, settleBuffer } from "./file-operations.ts";
import { intoTable } from "./name-operations.ts";
import { bytesOf, call, cursorOver, holdBuffer, refuseUnless, wantsBuffer, type OperationTable } from "./operation.ts";
import type { Request } from "./request.ts";
import { REQUEST_FD, type RequestTask } from "./request-task.ts";
import type { RingFile } from "./ring-file.ts";

const SYS = (name: string): number => SYSCALL_NUMBERS.get(name)!;
const SYS_ACCEPT4 = SYS("accept4"),
  SYS_BIND = SYS("bind"),
  SYS_LISTEN = SYS("listen"),
  SYS_SHUTDOWN = SYS("shutdown"),
  SYS_SOCKET = SYS("socket");

/** Used by one request after the other, during its execution. */
const { outgoing: OUTGOING, incoming: INCOMING } = messagesOfCalls();

function socketOf({ file }: Request): Socket | number {
  return file instanceof Socket ? file : -ENOTSOCK;
}

/** A description that is opened O_NONBLOCK makes no request fail: it waits for the socket (io_arm_poll_handler). */
function asWaiting(socket: Socket, operation: () => number): number {
  const before = socket.flags;
  socket.flags = before & ~O_NONBLOCK;
  const result = operation();
  socket.flags = (socket.flags & ~O_NONBLOCK) | (before & O_NONBLOCK);
  return result;
}

/** IORING_RECVSEND_POLL_FIRST: it begins by waiting, unless the socket is ready. @returns 0, or that it waits */
function pollFirst(task: RequestTask, request: Request, socket: Socket, events: number): number {
  if ((request.priority & IORING_RECVSEND_POLL_FIRST) === 0 || (socket.poll() & events) !== 0) return 0;
  task.waitOn(socket.readiness);
  return BLOCKED;
}

// ---- Addresses and headers

function prepareAddress(request: Request, address: number, length: number): number {
  const name = loadAddress(request.owner, address, length);
  if (isErrno(name)) return name;
  request.name = name.slice();
  return 0;
}

const HEADER = new Uint8Array(Msghdr.size);
const HEADER_VIEW = viewOf(HEADER);

/** `struct msghdr`, its segments and, for one that sends, its address. */
function prepareMessage(request: Request, ring: RingFile, sends: boolean): number {
  const { owner, address } = request;
  if (request.fileIndex !== 0 || request.offset !== 0) return -EINVAL;
  if (owner.space.copyIn(address, HEADER, 0, Msghdr.size) < 0) return -EFAULT;
  const at = Msghdr.offset;
  const name = getU64(HEADER_VIEW, at.msg_name);
  // A multishot's names have room in its buffers.
  const isKept = name !== 0 || (!sends && (request.priority & IORING_RECV_MULTISHOT) !== 0);
  const nameLength = isKept ? HEADER_VIEW.getInt32(at.msg_namelen, true) : 0;
  if (nameLength < 0) return -EINVAL;
  const count = getU64(HEADER_VIEW, at.msg_iovlen);
  if (count > 1024) return -EMSGSIZE;
  const vector = getU64(HEADER_VIEW, at.msg_iov);
  request.message = {
    address,
    name,
    nameLength: name === 0 ? nameLength : Math.min(nameLength, SockaddrStorage.size),
    control: getU64(HEADER_VIEW, at.msg_control),
    controlLength: getU64(HEADER_VIEW, at.msg_controllen),
  };
  if (sends && nameLength > 0) {
    const failed = prepareAddress(request, name, request.message.nameLength);
    if (failed < 0) return failed;
  }
  if (wantsBuffer(request) && count > 1) return -EINVAL;
  return loadSegments(request, ring, vector, count);
}

// ---- Sending

const SEND_FLAGS = IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_BUNDLE;
const ZERO_COPY_FLAGS = IORING_RECVSEND_POLL_FIRST | IORING_RECVSEND_FIXED_BUF | IORING_SEND_ZC_REPORT_USAGE;

function prepareSend(request: Request, ring: RingFile, isMessage: boolean): number {
  if ((request.priority & ~(isMessage ? IORING_RECVSEND_POLL_FIRST : SEND_FLAGS)) !== 0) return -EINVAL;
  if (isMessage) return prepareMessage(request, ring, true);
  return prepareDestination(request);
}

/** SEND to an address: `addr2`, and its length. */
function prepareDestination(request: Request): number {
  const length = request.nameLength;
  if (request.namePadding !== 0) return -EINVAL;
  return request.secondAddress === 0
    ? refuseUnless(length === 0)
    : prepareAddress(request, request.secondAddress, length);
}

function prepareZeroCopy(request: Request, ring: RingFile, isMessage: boolean): number {
  // The notification is a result of its own.
  if ((request.flags & IOSQE_CQE_SKIP_SUCCESS) !== 0) return -EINVAL;
  if ((request.priority & ~ZERO_COPY_FLAGS) !== 0) return -EINVAL;
  if (isMessage)
    return (request.priority & IORING_RECVSEND_FIXED_BUF) !== 0 ? -EINVAL : prepareMessage(request, ring, true);
  return prepareDestination(request);
}

/** A bundle goes on, a result for each time, until what it took was its group's last buffer (io_send_finish). */
function send(task: RequestTask, request: Request, ring: RingFile): number {
  const socket = socketOf(request);
  if (isErrno(socket)) return socket;
  const first = pollFirst(task, request, socket, POLLOUT);
  if (first < 0) return first;
  const isBundle = (request.priority & IORING_RECVSEND_BUNDLE) !== 0;
  for (let shots = 0; shots < SHOTS_MAX; shots++) {
    const taken = holdBuffer(task, request, ring, request.length, isBundle);
    if (taken < 0) return taken;
    const isLast = !isBundle || request.held === null || request.held.isLast;
    const result = sendOnce(task, request, socket, isBundle);
    if (isLast || result <= 0 || !ring.hasRoom) return result;
    ring.post(request.userLow, request.userHigh, result, request.cqeFlags | IORING_CQE_F_MORE);
    request.cqeFlags = 0;
    request.setLength(0);
    task.syscallState = null;
  }
  return UNFINISHED;
}

function sendOnce(task: RequestTask, request: Request, socket: Socket, isBundle: boolean): number {
  const message = OUTGOING;
  message.address = request.name;
  message.ancillary = null;
  const before = transferState(task)?.transferred ?? 0;
  const control = request.message;
  if (control !== null && control.control !== 0 && control.controlLength > 0 && before === 0) {
    if (control.controlLength > CONTROL_MAX) return -ENOBUFS;
    const bytes = new Uint8Array(control.controlLength);
    if (task.space.copyIn(control.control, bytes, 0, bytes.length) < 0) return -EFAULT;
    const ancillary = parseControl(task, socket, bytes);
    if (isErrno(ancillary)) return ancillary;
    message.ancillary = ancillary;
  }
  const flags = (request.operationFlags | MSG_NOSIGNAL) & ~MSG_WAITALL;
  // A bundle is MSG_WAITALL (io_sendmsg_prep): each of its results is of whole buffers.
  const waitsForAll = isBundle || (request.operationFlags & MSG_WAITALL) !== 0;
  const from = bytesOf(task, request);
  const wanted = from.remaining;
  let result = asWaiting(socket, () =>
    socket.sendWaiting(task, from, message, waitsForAll ? flags : flags | MSG_DONTWAIT),
  );
  // It waits for room, and is then done with what there was room for.
  if (result === -EAGAIN && !waitsForAll && (flags & MSG_DONTWAIT) === 0)
    result = asWaiting(socket, () => socket.sendWaiting(task, bytesOf(task, request), message, flags));
  if (message.ancillary?.rights) for (const file of message.ancillary.rights) file.release();
  message.ancillary = null;
  if (result <= BLOCKED) return result;
  request.cqeFlags = settleBuffer(request, result);
  // What has failed once fails its chain.
  request.isShort ||= waitsForAll && result < wanted;
  return result;
}

/** Its bytes are copied as all are, and the notification follows at once. */
function sendZeroCopy(task: RequestTask, request: Request, ring: RingFile): number {
  if ((request.priority & IORING_RECVSEND_FIXED_BUF) !== 0) {
    const refused = checkFixed(request, ring);
    if (refused < 0) return refused;
  }
  const result = send(task, request, ring);
  if (result <= BLOCKED) return result;
  const flags = request.cqeFlags | IORING_CQE_F_MORE;
  ring.post(request.userLow, request.userHigh, result, flags);
  const copied = (request.priority & IORING_SEND_ZC_REPORT_USAGE) !== 0 ? IORING_NOTIF_USAGE_ZC_COPIED : 0;
  request.cqeFlags = IORING_CQE_F_NOTIF;
  request.hasFailed = result < 0 || request.isShort;
  return copied;
}

// ---- Receiving

function prepareReceive(request: Request, ring: RingFile, isMessage: boolean): number {
  const known = IORING_RECVSEND_POLL_FIRST | IORING_RECV_MULTISHOT | (isMessage ? 0 : IORING_RECVSEND_BUNDLE);
  if (request.fileIndex !== 0 || request.offset !== 0 || (request.priority & ~known) !== 0) return -EINVAL;
  if ((request.operationFlags & MSG_ERRQUEUE) !== 0) request.hasFailed = null;
  if ((request.priority & IORING_RECV_MULTISHOT) !== 0) {
    if (!wantsBuffer(request) || (request.operationFlags & MSG_WAITALL) !== 0) return -EINVAL;
    if (!isMessage && request.length !== 0 && (request.priority & IORING_RECVSEND_BUNDLE) !== 0) return -EINVAL;
  }
  return isMessage ? prepareMessage(request, ring, false) : 0;
}

function receive(task: RequestTask, request: Request, ring: RingFile): number {
  const socket = socketOf(request);
  if (isErrno(socket)) return socket;
  if (request.syscallState === null && request.hasBegun) {
    const first = pollFirst(task, request, socket, POLLIN);
    if (first < 0) return first;
  }
  const isMultishot = (request.priority & IORING_RECV_MULTISHOT) !== 0;
  for (let shots = 0; shots < SHOTS_MAX; shots++) {
    const result =
      request.message === null
        ? receiveBytes(task, request, ring, socket)
        : receiveMessage(task, request, ring, socket);
    if (result <= BLOCKED) return result;
    if (!isMultishot || result <= 0 || request.isAtEnd || !ring.hasRoom) return result;
    ring.post(request.userLow, request.userHigh, result, request.cqeFlags | IORING_CQE_F_MORE);
    request.cqeFlags = 0;
    task.syscallState = null;
  }
  return UNFINISHED;
}

/** Is there more to read? Only TCP says so. */
function moreFlag({ family, type, isListening }: Socket, left: () => number): number {
  const isTcp = (family === AF_INET || family === AF_INET6) && type === SOCK_STREAM && !isListening;
  return isTcp && left() > 0 ? IORING_CQE_F_SOCK_NONEMPTY : 0;
}

function receiveBytes(task: RequestTask, request: Request, ring: RingFile, socket: Socket): number {
  const isBundle = (request.priority & IORING_RECVSEND_BUNDLE) !== 0;
  const most = isBundle && request.length === 0 ? Math.max(1, socket.available()) : request.length;
  const taken = holdBuffer(task, request, ring, most, isBundle);
  if (taken < 0) return socket.isStream || (socket.poll() & POLLIN) !== 0 ? taken : taken;
  const to = bytesOf(task, request);
  const wanted = to.remaining;
  const message = INCOMING.reset();
  const flags = request.operationFlags;
  const result = asWaiting(socket, () => socket.receiveWaiting(task, to, message, flags));
  if (message.rights !== null) for (const file of message.rights) file.release();
  message.rights = null;
  if (result <= BLOCKED) return result;
  // At the end there is nothing in a buffer.
  request.cqeFlags = settleBuffer(request, result === 0 ? -1 : result);
  if (result >= 0) request.cqeFlags |= moreFlag(socket, () => socket.available());
  request.isShort = (flags & MSG_WAITALL) !== 0 && result < wanted;
  return result;
}

function receiveMessage(task: RequestTask, request: Request, ring: RingFile, socket: Socket): number {
  const header = request.message!;
  const { space } = task;
  const isMultishot = (request.priority & IORING_RECV_MULTISHOT) !== 0;
  const taken = holdBuffer(task, request, ring, isMultishot ? 0 : (request.segments?.[1] ?? 0));
  if (taken < 0) return taken;
  const flags = request.operationFlags;
  const message = INCOMING.reset();
  // A multishot's buffer begins with what recvmsg(2) stores elsewhere.
  const front = isMultishot ? IoUringRecvmsgOut.size + header.nameLength + header.controlLength : 0;
  const held = request.held?.segments;
  if (isMultishot && held![1]! < front) {
    settleBuffer(request, -1);
    return -EFAULT;
  }
  const to = isMultishot ? cursorOver(task, [held![0]! + front, held![1]! - front]) : bytesOf(task, request);
  const wanted = to.remaining;
  const result = asWaiting(socket, () => socket.receiveWaiting(task, to, message, flags));
  if (result <= BLOCKED) return result;
  if (result < 0) {
    request.cqeFlags = settleBuffer(request, result);
    return result;
  }
  request.isAtEnd = result === 0;
  const controlAt = isMultishot ? held![0]! + IoUringRecvmsgOut.size + header.nameLength : header.control;
  const writer = new ControlWriter(task, controlAt, header.controlLength);
  const failed = writeControl(writer, message, flags, socket.options);
  const outFlags = message.flags | writer.flags | (flags & MSG_CMSG_CLOEXEC) | (flags & MSG_ERRQUEUE);
  const nameLength = Math.min(message.addressLength, header.nameLength);
  const nameAt = isMultishot ? held![0]! + IoUringRecvmsgOut.size : header.name;
  let stored = failed;
  if (stored >= 0 && nameAt !== 0 && nameLength > 0) stored = space.copyOut(nameAt, message.address, 0, nameLength);
  let moved = result;
  if (isMultishot) {
    const bytes = new Uint8Array(IoUringRecvmsgOut.size);
    putFields(viewOf(bytes), IoUringRecvmsgOut, {
      namelen: message.addressLength,
      controllen: writer.written,
      payloadlen: result,
      flags: outFlags,
    });
    if (stored >= 0) stored = space.copyOut(held![0]!, bytes, 0, bytes.length);
    moved = front + Math.min(result, wanted);
  } else if (stored >= 0) {
    const at = Msghdr.offset;
    if (header.name !== 0) stored = space.storeU32(header.address + at.msg_namelen, message.addressLength);
    if (stored >= 0) stored = space.storeU64(header.address + at.msg_controllen, writer.written);
    if (stored >= 0) stored = space.storeU32(header.address + at.msg_flags, outFlags);
  }
  request.cqeFlags = settleBuffer(request, stored < 0 ? stored : moved);
  if (stored < 0) return stored;
  request.cqeFlags |= moreFlag(socket, () => socket.available());
  request.isShort = (outFlags & MSG_TRUNC) !== 0 || ((flags & MSG_WAITALL) !== 0 && result < wanted);
  return moved;
}

// ---- Connections

function prepareAccept(request: Request): number {
  if (request.length !== 0 || request.bufferIndex !== 0) return -EINVAL;
  const known = IORING_ACCEPT_MULTISHOT | IORING_ACCEPT_DONTWAIT | IORING_ACCEPT_POLL_FIRST;
  if ((request.priority & ~known) !== 0) return -EINVAL;
  const flags = request.operationFlags;
  if (request.fileIndex !== 0 && (flags & SOCK_CLOEXEC) !== 0) return -EINVAL;
  if ((flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK)) !== 0) return -EINVAL;
  const isMultishot = (request.priority & IORING_ACCEPT_MULTISHOT) !== 0;
  return refuseUnless(!isMultishot || request.fileIndex === 0 || request.fileIndex === IORING_FILE_INDEX_ALLOC);
}

function accept(task: RequestTask, request: Request, ring: RingFile): number {
  const socket = socketOf(request);
  if (isErrno(socket)) return socket;
  if ((request.priority & IORING_ACCEPT_POLL_FIRST) !== 0 && (socket.poll() & POLLIN) === 0) {
    task.waitOn(socket.readiness);
    return BLOCKED;
  }
  const isMultishot = (request.priority & IORING_ACCEPT_MULTISHOT) !== 0;
  for (let shots = 0; shots < SHOTS_MAX; shots++) {
    intoTable(task, request);
    const doesNotWait = (request.priority & IORING_ACCEPT_DONTWAIT) !== 0 && (socket.poll() & POLLIN) === 0;
    if (doesNotWait && socket.isListening) return -EAGAIN;
    const result = asWaiting(socket, () =>
      call(task, SYS_ACCEPT4, REQUEST_FD, request.address, request.secondAddress, request.operationFlags),
    );
    if (result <= BLOCKED) return result;
    const isInternet = socket.family === AF_INET || socket.family === AF_INET6;
    const more = result >= 0 && isInternet && (socket.poll() & POLLIN) !== 0 ? IORING_CQE_F_SOCK_NONEMPTY : 0;
    request.cqeFlags = more;
    if (!isMultishot || result < 0 || !ring.hasRoom) return result;
    ring.post(request.userLow, request.userHigh, result, more | IORING_CQE_F_MORE);
    request.cqeFlags = 0;
    task.syscallState = null;
  }
  return UNFINISHED;
}

function connect(task: RequestTask, request: Request): number {
  const socket = socketOf(request);
  if (isErrno(socket)) return socket;
  const name = request.name!;
  const refused = checkPort(task, socket, name, LANDLOCK_ACCESS_NET_CONNECT_TCP);
  return refused < 0 ? refused : asWaiting(socket, () => socket.connect(task, name, false));
}

export const SOCKET_OPERATIONS: OperationTable = {
  [IORING_OP_SEND]: {
    needsFile: true,
    takesPriority: true,
    selectsBuffer: true,
    prepare: (request, ring) => prepareSend(request, ring, false),
    run: send,
  },
  [IORING_OP_SENDMSG]: {
    needsFile: true,
    takesPriority: true,
    selectsBuffer: true,
    prepare: (request, ring) => prepareSend(request, ring, true),
    run: send,
  },
  [IORING_OP_SEND_ZC]: {
    needsFile: true,
    takesPriority: true,
    prepare: (request, ring) => prepareZeroCopy(request, ring, false),
    run: sendZeroCopy,
  },
  [IORING_OP_SENDMSG_ZC]: {
    needsFile: true,
    takesPriority: true,
    prepare: (request, ring) => prepareZeroCopy(request, ring, true),
    run: sendZeroCopy,
  },
  [IORING_OP_RECV]: {
    needsFile: true,
    takesPriority: true,
    selectsBuffer: true,
    prepare: (request, ring) => prepareReceive(request, ring, false),
    run: receive,
  },
  [IORING_OP_RECVMSG]: {
    needsFile: true,
    takesPriority: true,
    selectsBuffer: true,
    prepare: (request, ring) => prepareReceive(request, ring, true),
    run: receive,
  },
  [IORING_OP_ACCEPT]: { needsFile: true, takesPriority: true, prepare: prepareAccept, run: accept },
  [IORING_OP_CONNECT]: {
    needsFile: true,
    prepare: (request) =>
      request.length !== 0 || request.bufferIndex !== 0 || request.operationFlags !== 0 || request.fileIndex !== 0
        ? -EINVAL
        : prepareAddress(request, request.address, request.offset),
    run: connect,
  },
  [IORING_OP_SHUTDOWN]: {
    needsFile: true,
    prepare: (request) =>
      refuseUnless(
        request.offset === 0 &&
          request.address === 0 &&
          request.operationFlags === 0 &&
          request.bufferIndex === 0 &&
          request.fileIndex === 0,
      ),
    run: (task, { length }) => call(task, SYS_SHUTDOWN, REQUEST_FD, length),
  },
  [IORING_OP_SOCKET]: {
    prepare: (request) => {
      if (request.address !== 0 || request.operationFlags !== 0 || request.bufferIndex !== 0) return -EINVAL;
      const type = request.offset;
      return refuseUnless(request.fileIndex === 0 || (type & SOCK_CLOEXEC) === 0);
    },
    run: (task, request) => {
      intoTable(task, request);
      return call(task, SYS_SOCKET, request.fd, request.offset, request.length);
    },
  },
  [IORING_OP_BIND]: {
    needsFile: true,
    prepare: (request) =>
      refuseUnless(
        request.length === 0 && request.bufferIndex === 0 && request.operationFlags === 0 && request.fileIndex === 0,
      ),
    run: (task, { address, offset }) => call(task, SYS_BIND, REQUEST_FD, address, offset),
  },
  [IORING_OP_LISTEN]: {
    needsFile: true,
    prepare: (request) =>
      refuseUnless(
        request.address === 0 &&
          request.bufferIndex === 0 &&
          request.operationFlags === 0 &&
          request.fileIndex === 0 &&
          request.offset === 0,
      ),
    run: (task, { length }) => call(task, SYS_LISTEN, REQUEST_FD, length),
  },
};
