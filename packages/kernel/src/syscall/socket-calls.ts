import {
  IPPROTO_TCP,
  AF_NETLINK,
  AF_UNIX,
  EOPNOTSUPP,
  LANDLOCK_ACCESS_NET_BIND_TCP,
  LANDLOCK_ACCESS_NET_CONNECT_TCP,
  EAGAIN,
  EBADF,
  EFAULT,
  EINTR,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  ENOTSOCK,
  MSG_CMSG_CLOEXEC,
  MSG_CMSG_COMPAT,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  MSG_WAITFORONE,
  O_NONBLOCK,
  O_PATH,
  RLIMIT_NOFILE,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_TYPE_MASK,
  SO_ATTACH_FILTER,
  SO_BINDTODEVICE,
  TCP_CONGESTION,
  SockFilter,
  SOL_NETLINK,
  SOL_SOCKET,
  isErrno,
  NETLINK_LIST_MEMBERSHIPS,
  Mmsghdr,
  Msghdr,
  SockaddrStorage,
  ECONNABORTED,
} from "@stratos/abi";
import { checkLandlockPort } from "../socket/landlock-port.ts";
import { getU64 } from "../ground/words.ts";
import { CONTROL_MAX, ControlWriter, parseControl, writeControl } from "../socket/control-message.ts";
import { createSocket, createSocketPair } from "../socket/create-socket.ts";
import { messagesOfCalls } from "../socket/message.ts";
import { obtainTransferState, Socket, transferState } from "../socket/socket.ts";
import { getSocketOption, setSocketOption } from "../socket/socket-options.ts";
import { filterProgram } from "../socket/socket-filter.ts";
import { loadDuration } from "../event/wait-deadline.ts";
import type { Task } from "../task/task.ts";
import { BLOCKED, BLOCKED_EINTR, UNFINISHED } from "../ground/wait-queue.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** UIO_MAXIOV: messages of one sendmmsg, segments of one message. */
const VECTOR_MAX = 1024;
const COUNT_MAX = 0x7ffff000;
/** Longest option value that is read (net/socket.c checks by option). */
const OPTION_MAX = 16384;

/** @returns EBADF, ENOTSOCK */
function socketOf(task: Task, fd: number): Socket | number {
  const file = task.files.get(fd | 0);
  // O_PATH gives a place, not a file (open(2)).
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  return file instanceof Socket ? file : -ENOTSOCK;
}

/** The sockaddr of a call, of each length that was asked for; valid during the call. */
const NAMES_BUFFER = new ArrayBuffer(SockaddrStorage.size);
const NAMES: (Uint8Array | undefined)[] = new Array<undefined>(SockaddrStorage.size + 1).fill(undefined);

/** A sockaddr argument: EINVAL for a length out of range, EFAULT. */
export function loadAddress(task: Task, address: number, length: number): Uint8Array | number {
  if (length < 0 || length > SockaddrStorage.size) return -EINVAL;
  const bytes = (NAMES[length] ??= new Uint8Array(NAMES_BUFFER, 0, length));
  return length > 0 && task.space.copyIn(address, bytes, 0, length) < 0 ? -EFAULT : bytes;
}

/** Stores a sockaddr and its full length; what doesn't fit is cut (accept(2)). */
function storeAddress(
  task: Task,
  name: Uint8Array,
  nameLength: number,
  address: number,
  lengthAddress: number,
): number {
  const room = task.space.loadU32(lengthAddress);
  if (room === -EFAULT) return -EFAULT;
  if ((room | 0) < 0) return -EINVAL;
  const count = Math.min(room, nameLength);
  if (count > 0 && task.space.copyOut(address, name, 0, count) < 0) return -EFAULT;
  return task.space.storeU32(lengthAddress, nameLength);
}

function openFlags(type: number): number {
  return (type & SOCK_NONBLOCK) !== 0 ? O_NONBLOCK : 0;
}

function install(task: Task, socket: Socket, type: number): number {
  socket.openedBy = task.credentials;
  return task.files.install(socket, (type & SOCK_CLOEXEC) !== 0, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
}

function isBlocked(result: number): boolean {
  return result === BLOCKED || result === BLOCKED_EINTR || result === UNFINISHED;
}

function socket(task: Task, family: number, type: number, protocol: number): number {
  if ((type & ~(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  const made = createSocket(task, family | 0, type & SOCK_TYPE_MASK, protocol | 0, openFlags(type));
  return isErrno(made) ? made : install(task, made, type);
}

function socketpair(task: Task, family: number, type: number, protocol: number, into: number): number {
  if ((type & ~(SOCK_TYPE_MASK | SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  // Their numbers are told before there are any (net/socket.c, __sys_socketpair).
  if ((task.space.storeU32(into, 0) | task.space.storeU32(into + 4, 0)) < 0) return -EFAULT;
  const pair = createSocketPair(task, family | 0, type & SOCK_TYPE_MASK, protocol | 0, openFlags(type));
  if (isErrno(pair)) return pair;
  const one = install(task, pair[0], type);
  if (one < 0) {
    pair[1].release();
    return one;
  }
  const other = install(task, pair[1], type);
  const stored = other < 0 ? other : task.space.storeU32(into, one) | task.space.storeU32(into + 4, other);
  if (stored >= 0) return 0;
  task.files.close(task, one);
  if (other >= 0) task.files.close(task, other);
  return other < 0 ? other : -EFAULT;
}

/** Has the caller given up that with the port (landlock(7))? */
export function checkPort(
  { credentials: { landlock } }: Task,
  socket: Socket,
  address: Uint8Array,
  right: number,
): number {
  return landlock === null ? 0 : checkLandlockPort(landlock, socket, address, right);
}

function bind(task: Task, fd: number, address: number, length: number): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  const name = loadAddress(task, address, length | 0);
  if (isErrno(name)) return name;
  const refused = checkPort(task, target, name, LANDLOCK_ACCESS_NET_BIND_TCP);
  return refused < 0 ? refused : target.bind(task, name);
}

function listen(task: Task, fd: number, backlog: number): number {
  const target = socketOf(task, fd);
  return isErrno(target) ? target : target.listen(task, backlog | 0);
}

function accept4(task: Task, fd: number, address: number, lengthAddress: number, flags: number): number {
  const listener = socketOf(task, fd);
  if (isErrno(listener)) return listener;
  if ((flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) !== 0) return -EINVAL;
  const limit = task.group.limits[RLIMIT_NOFILE]!.soft;
  const connection = listener.acceptWaiting(task, openFlags(flags));
  if (isErrno(connection)) return connection;
  if (address !== 0) {
    const peer = connection.acceptedFrom;
    const stored = isErrno(peer) ? -ECONNABORTED : storeAddress(task, peer, peer.length, address, lengthAddress);
    if (stored < 0) {
      connection.release();
      return stored;
    }
  }
  return task.files.install(connection, (flags & SOCK_CLOEXEC) !== 0, 0, limit);
}

function connect(task: Task, fd: number, address: number, length: number): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  const name = loadAddress(task, address, length | 0);
  if (isErrno(name)) return name;
  const refused = checkPort(task, target, name, LANDLOCK_ACCESS_NET_CONNECT_TCP);
  return refused < 0 ? refused : target.connect(task, name, (target.flags & O_NONBLOCK) !== 0);
}

function getsockname(task: Task, fd: number, address: number, lengthAddress: number): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  const name = target.localName();
  return storeAddress(task, name, name.length, address, lengthAddress);
}

function getpeername(task: Task, fd: number, address: number, lengthAddress: number): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  const name = target.peerName();
  return isErrno(name) ? name : storeAddress(task, name, name.length, address, lengthAddress);
}

function sendto(
  task: Task,
  fd: number,
  buffer: number,
  count: number,
  flags: number,
  address: number,
  length: number,
): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  if (count < 0) return -EINVAL;
  const name = address === 0 ? null : loadAddress(task, address, length | 0);
  if (isErrno(name)) return name;
  OUTGOING.address = name;
  OUTGOING.ancillary = null;
  return target.sendWaiting(task, task.space.cursor(buffer, Math.min(count, COUNT_MAX)), OUTGOING, flags);
}

/** The message of a call; valid during it. */
const { outgoing: OUTGOING, incoming: INCOMING } = messagesOfCalls();

function recvfrom(
  task: Task,
  fd: number,
  buffer: number,
  count: number,
  flags: number,
  address: number,
  lengthAddress: number,
): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  if (count < 0) return -EINVAL;
  const message = INCOMING.reset();
  const result = target.receiveWaiting(task, task.space.cursor(buffer, Math.min(count, COUNT_MAX)), message, flags);
  if (message.rights !== null) for (const file of message.rights) file.release();
  if (result < 0 || address === 0) return result;
  // A stream, or a sender without a name: the length says so, once it was looked at (net/socket.c, move_addr_to_user).
  const stored = storeAddress(task, message.address, message.addressLength, address, lengthAddress);
  return stored < 0 ? stored : result;
}

/** `struct msghdr` (recvmsg(2)). */
interface MessageHeader {
  name: number;
  nameLength: number;
  vector: number;
  vectorCount: number;
  control: number;
  controlLength: number;
}

/** @returns EFAULT, EMSGSIZE (too many segments), EINVAL (negative lengths) */
function loadHeader(task: Task, address: number): MessageHeader | number {
  if (task.space.copyIn(address, HEADER_BYTES, 0, Msghdr.size) < 0) return -EFAULT;
  const header = HEADER;
  header.name = getU64(HEADER_VIEW, Msghdr.offset.msg_name);
  const nameLength = header.name === 0 ? 0 : HEADER_VIEW.getInt32(Msghdr.offset.msg_namelen, true);
  if (nameLength < 0) return -EINVAL;
  header.nameLength = Math.min(nameLength, SockaddrStorage.size);
  header.vector = getU64(HEADER_VIEW, Msghdr.offset.msg_iov);
  header.vectorCount = getU64(HEADER_VIEW, Msghdr.offset.msg_iovlen);
  if (header.vectorCount > VECTOR_MAX) return -EMSGSIZE;
  header.control = getU64(HEADER_VIEW, Msghdr.offset.msg_control);
  header.controlLength = getU64(HEADER_VIEW, Msghdr.offset.msg_controllen);
  return header;
}

/** The header of a call; valid during it. */
const HEADER_BYTES = new Uint8Array(Msghdr.size);
const HEADER_VIEW = new DataView(HEADER_BYTES.buffer);
const HEADER: MessageHeader = { name: 0, nameLength: 0, vector: 0, vectorCount: 0, control: 0, controlLength: 0 };

function sendMessage(task: Task, target: Socket, address: number, flags: number): number {
  const header = loadHeader(task, address);
  if (isErrno(header)) return header;
  let name: Uint8Array | number | null = null;
  if (header.nameLength > 0) {
    name = loadAddress(task, header.name, header.nameLength);
    if (isErrno(name)) return name;
  }
  const cursor = task.space.vectorCursor(header.vector, header.vectorCount);
  if (isErrno(cursor)) return cursor;
  const message = OUTGOING;
  message.address = name;
  message.ancillary = null;
  // Files go with the first byte: a call that is executed again has sent them.
  if (header.control !== 0 && header.controlLength > 0 && (transferState(task)?.transferred ?? 0) === 0) {
    if (header.controlLength > CONTROL_MAX) return -ENOBUFS;
    const control = new Uint8Array(header.controlLength);
    if (task.space.copyIn(header.control, control, 0, control.length) < 0) return -EFAULT;
    const ancillary = parseControl(task, target, control);
    if (isErrno(ancillary)) return ancillary;
    message.ancillary = ancillary;
  }
  const result = target.sendWaiting(task, cursor, message, flags);
  if (message.ancillary?.rights) for (const file of message.ancillary.rights) file.release();
  return result;
}

function sendmsg(task: Task, fd: number, address: number, flags: number): number {
  if ((flags & MSG_CMSG_COMPAT) !== 0) return -EINVAL;
  const target = socketOf(task, fd);
  return isErrno(target) ? target : sendMessage(task, target, address, flags);
}

function receiveMessage(task: Task, target: Socket, address: number, flags: number): number {
  const header = loadHeader(task, address);
  if (isErrno(header)) return header;
  const cursor = task.space.vectorCursor(header.vector, header.vectorCount);
  if (isErrno(cursor)) return cursor;
  const message = INCOMING.reset();
  const result = target.receiveWaiting(task, cursor, message, flags);
  if (result < 0) return result;
  const { space } = task;
  const { msg_namelen, msg_controllen, msg_flags } = Msghdr.offset;
  const writer = new ControlWriter(task, header.control, header.controlLength);
  const failed = writeControl(writer, message, flags, target.options);
  if (failed < 0) return failed;
  if (header.name !== 0) {
    const count = Math.min(message.addressLength, header.nameLength);
    if (count > 0 && space.copyOut(header.name, message.address, 0, count) < 0) return -EFAULT;
    if (space.storeU32(address + msg_namelen, message.addressLength) < 0) return -EFAULT;
  }
  // Sockets without a queue of errors read as if nobody had asked for it.
  const hasErrors = target.family !== AF_UNIX && target.family !== AF_NETLINK;
  const outFlags = message.flags | writer.flags | (flags & MSG_CMSG_CLOEXEC) | (hasErrors ? flags & MSG_ERRQUEUE : 0);
  if (space.storeU64(address + msg_controllen, writer.written) < 0) return -EFAULT;
  return space.storeU32(address + msg_flags, outFlags) < 0 ? -EFAULT : result;
}

function recvmsg(task: Task, fd: number, address: number, flags: number): number {
  if ((flags & MSG_CMSG_COMPAT) !== 0) return -EINVAL;
  const target = socketOf(task, fd);
  return isErrno(target) ? target : receiveMessage(task, target, address, flags);
}

/**
 * sendmmsg(2): the messages before the first that fails count. A wait remembers how many were sent.
 */
function sendmmsg(task: Task, fd: number, vector: number, count: number, flags: number): number {
  if ((flags & MSG_CMSG_COMPAT) !== 0) return -EINVAL;
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  const most = Math.min(count >>> 0, VECTOR_MAX);
  let done = transferState(task)?.messages ?? 0;
  while (done < most) {
    const at = vector + done * Mmsghdr.size;
    const result = sendMessage(task, target, at, flags);
    if (result < 0) return isBlocked(result) ? remember(task, done, result) : done > 0 ? done : result;
    if (task.space.storeU32(at + Mmsghdr.offset.msg_len, result) < 0) return done > 0 ? done : -EFAULT;
    nextMessage(task, ++done);
  }
  return done;
}

/**
 * recvmmsg(2): waits until all messages came, the time is over, or, with MSG_WAITFORONE, none is there after the first.
 */
function recvmmsg(task: Task, fd: number, vector: number, count: number, flags: number, timeout: number): number {
  if ((flags & MSG_CMSG_COMPAT) !== 0) return -EINVAL;
  const deadline = timeout === 0 ? 0 : startDeadline(task, timeout);
  if (deadline < 0) return deadline;
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  const most = Math.min(count >>> 0, VECTOR_MAX);
  let done = transferState(task)?.messages ?? 0;
  while (done < most) {
    const at = vector + done * Mmsghdr.size;
    const waits = done > 0 && (flags & MSG_WAITFORONE) !== 0 ? MSG_DONTWAIT : 0;
    const result = receiveMessage(task, target, at, (flags & ~MSG_WAITFORONE) | waits);
    if (isBlocked(result)) return remember(task, done, result);
    if (result < 0) {
      if (done === 0) return result;
      // The next call tells it (recvmmsg(2), BUGS).
      if (result !== -EAGAIN) target.pendingError = -result;
      return done;
    }
    if (task.space.storeU32(at + Mmsghdr.offset.msg_len, result) < 0) return done > 0 ? done : -EFAULT;
    nextMessage(task, ++done);
    const state = transferState(task);
    if (state !== null && state.deadlineNs !== Infinity && task.kernel.now() >= state.deadlineNs) break;
  }
  return done;
}

/**
 * The time limit is looked at after each message only, but for us it also ends the wait for the next (recvmmsg(2),
 * BUGS).
 */
function startDeadline(task: Task, timeout: number): number {
  const { space } = task;
  const duration = loadDuration(space, timeout);
  if (duration < 0) return duration;
  const state = obtainTransferState(task);
  if (state !== null && state.deadlineNs === Infinity) state.deadlineNs = task.kernel.now() + duration;
  return 0;
}

function remember(task: Task, messages: number, result: number): number {
  const state = transferState(task);
  if (state !== null) state.messages = messages;
  return messages > 0 && result === BLOCKED ? BLOCKED_EINTR : result;
}

/** Clears what belonged to the message before. */
function nextMessage(task: Task, messages: number): void {
  const state = transferState(task);
  if (state === null) return;
  state.messages = messages;
  state.transferred = 0;
}

/** What a handler's interruption leaves: messages or bytes that were moved already count (send(2), recv(2)). */
function interruptedTransfer(task: Task): number {
  const state = transferState(task);
  if (state === null) return -EINTR;
  return state.messages > 0 ? state.messages : state.transferred > 0 ? state.transferred : -EINTR;
}

function setsockopt(task: Task, fd: number, level: number, name: number, address: number, length: number): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  if ((length | 0) < 0) return -EINVAL;
  // Sockets of AF_UNIX have no protocol that would know any (net/socket.c, do_sock_setsockopt).
  if (level !== SOL_SOCKET && target.family === AF_UNIX) return -EOPNOTSUPP;
  const value = new Uint8Array(Math.min(length >>> 0, OPTION_MAX));
  if (value.length > 0 && task.space.copyIn(address, value, 0, value.length) < 0)
    return value.length < 4 && isOfNumbers(level | 0, name | 0) ? -EINVAL : -EFAULT;
  return level === SOL_SOCKET
    ? setSocketOption(target, task, name | 0, value)
    : target.setProtocolOption(task, level | 0, name | 0, value);
}

/** Are the options numbers, whose length is looked at before they are read (net/core/sock.c, sk_setsockopt)? */
function isOfNumbers(level: number, name: number): boolean {
  return level === SOL_SOCKET ? name !== SO_BINDTODEVICE : level === IPPROTO_TCP && name !== TCP_CONGESTION;
}

function getsockopt(
  task: Task,
  fd: number,
  level: number,
  name: number,
  address: number,
  lengthAddress: number,
): number {
  const target = socketOf(task, fd);
  if (isErrno(target)) return target;
  if (level !== SOL_SOCKET && target.family === AF_UNIX) return -EOPNOTSUPP;
  const room = task.space.loadU32(lengthAddress);
  if (room === -EFAULT) return -EFAULT;
  if ((room | 0) < 0) return -EINVAL;
  if (level === SOL_SOCKET && name === SO_ATTACH_FILTER) return getFilter(task, target, room, address, lengthAddress);
  const value =
    level === SOL_SOCKET
      ? getSocketOption(target, task, name | 0, room)
      : target.getProtocolOption(task, level | 0, name | 0, room, address);
  if (isErrno(value)) return value;
  // Its length is told in any case, and of its words those that fit (net/netlink/af_netlink.c).
  const isList = level === SOL_NETLINK && name === NETLINK_LIST_MEMBERSHIPS;
  const count = Math.min(isList ? room & ~3 : room, value.length);
  if (count > 0 && task.space.copyOut(address, value, 0, count) < 0) return -EFAULT;
  return task.space.storeU32(lengthAddress, isList ? value.length : count);
}

/** SO_GET_FILTER: its length counts instructions (net/core/filter.c, sk_get_filter). */
function getFilter(task: Task, target: Socket, room: number, address: number, lengthAddress: number): number {
  const program = filterProgram(target);
  const count = program.length / SockFilter.size;
  if (room > 0 && room < count) return -EINVAL;
  if (room > 0 && count > 0 && task.space.copyOut(address, program, 0, program.length) < 0) return -EFAULT;
  return task.space.storeU32(lengthAddress, count);
}

function shutdown(task: Task, fd: number, how: number): number {
  const target = socketOf(task, fd);
  return isErrno(target) ? target : target.shutdown(task, how | 0);
}

export const socketCalls: SyscallTable = {
  socket: {
    run: socket,
    gaps:
      "AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (route, usersock, sock_diag, netfilter, uevents, generic; others are " +
      "EPROTONOSUPPORT: for want of NETLINK_AUDIT auditd does not start) and " +
      "AF_PACKET (not SOCK_PACKET: ESOCKTNOSUPPORT); raw and ICMP sockets reach this machine's own addresses and " +
      "what its links lead to, and the " +
      "host's network with TCP, UDP and echo requests (ENOPROTOOPT); packet sockets see frames of veth pairs, " +
      "bridges and tap interfaces, packets of tun interfaces, and on lo what packet sockets send and what goes " +
      "from one address of the machine to another (raw sockets see it, too), of connections that began while " +
      "such a socket was there; what goes to groups and to all over lo, and over the host's sockets, makes none, " +
      "and no host offers a link of its own; " +
      "interfaces that programs make are dummy, veth and bridge (others: EOPNOTSUPP), and tun and tap by " +
      "/dev/net/tun (without IFF_NAPI, TUNSETLINK and filters: EINVAL), over which TCP, UDP, ICMP and " +
      "raw packets go, not UDP-Lite (ENETUNREACH); TCP over links has no ECN, SYN cookies and pacing; " +
      "filters of TCP see segments over links and, inside the machine, of connections that begin while there is " +
      "one, shorten none, and are refused where a connection has no segments here (ENOPROTOOPT); " +
      "/proc/net/tcp and NETLINK_SOCK_DIAG list of those over links what has a socket; packets are passed on " +
      "to the host's network as TCP and UDP from an " +
      "address of the way out (masquerade), which sockets of the host carry, and as echo " +
      "requests, which its ping sends " +
      "(prohibited, where it has none): hop limits of TCP and UDP, ECN and options of IP stay here; " +
      "rules of netfilter see TCP and UDP that cross links, the loopback or " +
      "the way out for other networks, and connections from the host, not datagrams from there, nor what the " +
      "first network's own sockets begin with the host, know no queues, helpers and zones, and " +
      "check no windows of TCP; a route has 64 ways at most (EINVAL), and none has a number " +
      "(RTM_GETNEXTHOP: EOPNOTSUPP); of a route's metrics the MTU alone is heeded; rules of routes know no " +
      "tunnels and groups of interfaces (EOPNOTSUPP), programs make no routes of this machine, of broadcasts " +
      "and groups (EOPNOTSUPP); the way out stays in its network (EINVAL) and is no " +
      "port of a bridge (EOPNOTSUPP); bridges have no spanning tree, no snooping of groups and no VLANs: such " +
      "settings are kept without effect, or refused where they would filter or answer for others (EOPNOTSUPP); a " +
      "bridge's `mcast_*` but `mcast_snooping`, and its `nf_call_*`, are taken and not kept; " +
      "they know 1024 stations and take none from programs, and a frame goes 1024 ways at most; a network has 256 " +
      "addresses in all (ENOBUFS), an interface 16 alternative names (EINVAL); nothing waits in front of a link: " +
      "there are no queues, classes and filters of tc(8) (RTM_NEWQDISC and its like: EOPNOTSUPP), and no IPsec " +
      "(NETLINK_XFRM: EPROTONOSUPPORT); a program that says which sockets sock_diag(7) tells has 4096 bytes at most",
  },
  socketpair: { run: socketpair },
  bind: {
    run: bind,
    gaps:
      "over the host's network a TCP port that the machine chooses takes connections from bind on, before listen; " +
      "a port whose connections to the outside wait in TIME_WAIT is free, without SO_REUSEADDR, too",
  },
  listen: { run: listen },
  accept: { run: (task, fd, address, length) => accept4(task, fd, address, length, 0) },
  accept4: { run: accept4 },
  connect: { run: connect },
  getsockname: { run: getsockname },
  getpeername: { run: getpeername },
  sendto: { run: sendto, interrupted: interruptedTransfer },
  recvfrom: { run: recvfrom, interrupted: interruptedTransfer },
  setsockopt: {
    run: setsockopt,
    gaps:
      "datagrams to a multicast group reach members in this machine, and the host's network, from which none come " +
      "in; IPv6 extension headers travel with UDP datagrams inside the machine alone (over links: EOPNOTSUPP), and " +
      "those with a routing header are lost; options of IPv4 (IP_OPTIONS) go with datagrams, not with TCP, which " +
      "keeps them, nor over the host's network, are not told of a datagram that came in parts, and a packet with a " +
      "source route is lost; IP_HDRINCL's identification and options are ours over links; TCP " +
      "takes no filters, groups of SO_REUSEPORT no programs (ENOPROTOOPT); TCP's bytes have no times " +
      "(SO_TIMESTAMP, SO_TIMESTAMPING), and no packet has the time when it went out; " +
      "TCP_WINDOW_CLAMP and IP_BIND_ADDRESS_NO_PORT are kept without " +
      "effect, as are TCP_DEFER_ACCEPT beyond the machine and, once there is a connection, TCP_USER_TIMEOUT by " +
      "the host's sockets; TCP_SAVE_SYN, TCP_TX_DELAY (ENOPROTOOPT), TCP_MD5SIG and TCP_REPAIR (EPERM) are " +
      "refused; packet sockets have no PACKET_VNET_HDR (ENOPROTOOPT), their rings no hash of a packet, and " +
      "PACKET_FANOUT no eBPF (EINVAL) and no defragmentation",
  },
  getsockopt: {
    run: getsockopt,
    gaps: "no SO_PEERSEC; TCP_INFO tells state, bytes and constants, no segments and times",
  },
  shutdown: { run: shutdown },
  sendmsg: {
    run: sendmsg,
    interrupted: interruptedTransfer,
    gaps:
      "no MSG_FASTOPEN, MSG_ZEROCOPY; of IP control messages TTL, TOS and options count; MSG_MORE over the host's " +
      "TCP is sent at once",
  },
  recvmsg: { run: recvmsg, interrupted: interruptedTransfer, gaps: "the error queue has refused UDP datagrams alone" },
  sendmmsg: { run: sendmmsg, interrupted: interruptedTransfer },
  recvmmsg: { run: recvmmsg, interrupted: interruptedTransfer },
};
