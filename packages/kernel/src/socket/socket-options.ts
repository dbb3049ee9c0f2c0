import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  CAP_NET_ADMIN,
  CAP_NET_RAW,
  EDOM,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_TCP,
  RLIMIT_NOFILE,
  SK_MEMINFO_RCVBUF,
  SK_MEMINFO_RMEM_ALLOC,
  SK_MEMINFO_SNDBUF,
  SK_MEMINFO_VARS,
  SK_MEMINFO_WMEM_ALLOC,
  SKF_AD_MAX,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SO_ACCEPTCONN,
  SO_ATTACH_BPF,
  SO_ATTACH_FILTER,
  SO_BINDTODEVICE,
  SO_BINDTOIFINDEX,
  SO_BPF_EXTENSIONS,
  SO_BROADCAST,
  SO_BSDCOMPAT,
  SO_BUF_LOCK,
  SO_BUSY_POLL,
  SO_BUSY_POLL_BUDGET,
  SO_CNX_ADVICE,
  SO_COOKIE,
  SO_DEBUG,
  SO_DETACH_FILTER,
  SO_DOMAIN,
  SO_DONTROUTE,
  SO_ERROR,
  SO_INCOMING_CPU,
  SO_INCOMING_NAPI_ID,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_LOCK_FILTER,
  SO_MARK,
  SO_MAX_PACING_RATE,
  SO_MEMINFO,
  SO_NOFCS,
  SO_NO_CHECK,
  SO_OOBINLINE,
  SO_PASSCRED,
  SO_PASSSEC,
  SO_PEEK_OFF,
  SO_PEERCRED,
  SO_PEERGROUPS,
  SO_PEERNAME,
  SO_NETNS_COOKIE,
  SO_PASSPIDFD,
  SO_PEERPIDFD,
  SO_PEERSEC,
  SO_PREFER_BUSY_POLL,
  SO_PRIORITY,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_RCVBUFFORCE,
  SO_RCVLOWAT,
  SO_RCVMARK,
  SO_RCVTIMEO,
  SO_RCVTIMEO_NEW,
  SO_RESERVE_MEM,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_RXQ_OVFL,
  SO_SELECT_ERR_QUEUE,
  SO_SNDBUF,
  SO_SNDBUFFORCE,
  SO_SNDLOWAT,
  SO_SNDTIMEO,
  SO_SNDTIMEO_NEW,
  SO_TIMESTAMP,
  SO_TIMESTAMPING,
  SO_TIMESTAMPING_NEW,
  SO_TIMESTAMPNS,
  SO_TIMESTAMPNS_NEW,
  SO_TIMESTAMP_NEW,
  SO_TXTIME,
  SO_TXREHASH,
  SO_TYPE,
  SO_ZEROCOPY,
  SOCK_RCVBUF_LOCK,
  SOCK_SNDBUF_LOCK,
  SOF_TIMESTAMPING_BIND_PHC,
  SOF_TIMESTAMPING_MASK,
  SOF_TIMESTAMPING_OPT_ID,
  SOF_TIMESTAMPING_OPT_ID_TCP,
  SOF_TIMESTAMPING_OPT_STATS,
  SOF_TIMESTAMPING_OPT_TSONLY,
  isErrno,
  Linger,
  Timeval,
  Ucred,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { get64, put64, putFields, putTimeval, viewOf } from "../ground/words.ts";
import type { BpfFilter } from "../security/bpf-filter.ts";
import { attachFilter, detachFilter } from "./socket-filter.ts";
import { type PeerCredentials, writeCredentials } from "./message.ts";
import { isCapable } from "../security/credentials.ts";
import type { Inode } from "../vfs/inode.ts";
import type { SocketBuffers, SocketCaller, SocketKernel, SocketNetwork } from "./socket-kernel.ts";

/** SOCK_MIN_SNDBUF and SOCK_MIN_RCVBUF (include/net/sock.h). */
export const SEND_BUFFER_MIN = 4608,
  RECEIVE_BUFFER_MIN = 2304;
/** What may be asked for, by the …FORCE options too: our own bound in place of INT_MAX / 2. */
const BUFFER_FORCED_MAX = 16 << 20;

/** Options of SOL_SOCKET (socket(7)). Those that change nothing here are kept in `stored`, to be told back. */
export class SocketOptions {
  sendBuffer = 0;
  receiveBuffer = 0;
  /** SO_SNDBUF and SO_RCVBUF said how much, or SO_BUF_LOCK did: it doesn't grow by itself. */
  isSendFixed = false;
  isReceiveFixed = false;
  reuseAddress = false;
  reusePort = false;
  broadcast = false;
  keepAlive = false;
  oobInline = false;
  passCredentials = false;
  passPidfd = false;
  /** When a message came last, as SIOCGSTAMP tells; −1: none has come. */
  stampSeconds = -1;
  stampNanoseconds = 0;
  keepsStamps = false;
  /** SO_LINGER: seconds; off with seconds kept from before: −1 less these. */
  lingerSeconds = -1;
  /** Nanoseconds, 0: for ever. */
  receiveTimeoutNs = 0;
  sendTimeoutNs = 0;
  receiveLowAt = 1;
  /** SO_TIMESTAMP or SO_TIMESTAMPNS (their _NEW forms are the same on 64-bit), 0: none. */
  timestamp = 0;
  boundIndex = 0;
  /** SO_PEEK_OFF: bytes of what waits that a read with MSG_PEEK passes over; below 0: none, and none are counted. */
  peekOffset = -1;
  /** SO_ATTACH_FILTER (socket-filter.ts); SO_LOCK_FILTER: it stays. */
  filter: BpfFilter | null = null;
  isFilterLocked = false;
  readonly stored = new Map<number, number>();

  /** Is the receiver told who sent? */
  get wantsSender(): boolean {
    return this.passCredentials || this.passPidfd;
  }

  /** What a socket begins with (net.core.wmem_default and rmem_default, or what its protocol says), as far as we go. */
  begin({ sendDefault, receiveDefault }: Pick<SocketBuffers, "sendDefault" | "receiveDefault">): void {
    this.sendBuffer = Math.min(sendDefault, BUFFER_FORCED_MAX);
    this.receiveBuffer = Math.min(receiveDefault, BUFFER_FORCED_MAX);
  }

  /** What an accepted connection has from its listener. */
  inherit(from: SocketOptions): void {
    this.sendBuffer = from.sendBuffer;
    this.receiveBuffer = from.receiveBuffer;
    this.isSendFixed = from.isSendFixed;
    this.isReceiveFixed = from.isReceiveFixed;
    this.reuseAddress = from.reuseAddress;
    this.reusePort = from.reusePort;
    this.keepAlive = from.keepAlive;
    this.oobInline = from.oobInline;
    this.passCredentials = from.passCredentials;
    this.passPidfd = from.passPidfd;
    this.lingerSeconds = from.lingerSeconds;
    this.receiveTimeoutNs = from.receiveTimeoutNs;
    this.sendTimeoutNs = from.sendTimeoutNs;
    this.receiveLowAt = from.receiveLowAt;
    this.filter = from.filter;
    this.isFilterLocked = from.isFilterLocked;
    this.timestamp = from.timestamp;
    this.boundIndex = from.boundIndex;
    this.peekOffset = from.peekOffset;
    for (const [name, value] of from.stored) this.stored.set(name, value);
  }

  /** So many bytes were read: SO_PEEK_OFF goes on, or back (net/core/sock.c, sk_peek_offset_bwd). */
  movePeek(peek: boolean, count: number): void {
    if (this.peekOffset >= 0)
      this.peekOffset = Math.max(0, (peek ? this.peekOffset + count : this.peekOffset - count) | 0);
  }

  static {
    stateClass("SocketOptions", this);
  }
}

/** Integer options without effect here, with their value at the start. */
const STORED_DEFAULTS: ReadonlyMap<number, number> = new Map([
  [SO_DEBUG, 0],
  [SO_DONTROUTE, 0],
  [SO_NO_CHECK, 0],
  [SO_PRIORITY, 0],
  [SO_BSDCOMPAT, 0],
  [SO_PASSSEC, 0],
  [SO_MARK, 0],
  [SO_RXQ_OVFL, 0],
  [SO_NOFCS, 0],
  [SO_SELECT_ERR_QUEUE, 0],
  [SO_BUSY_POLL, 0],
  [SO_MAX_PACING_RATE, -1],
  [SO_INCOMING_CPU, -1],
  [SO_ZEROCOPY, 0],
  [SO_TXTIME, 0],
  [SO_RCVMARK, 0],
  [SO_PREFER_BUSY_POLL, 0],
  [SO_RESERVE_MEM, 0],
]);

/** What SO_BUSY_POLL_BUDGET may be: a word of 16 bits. */
const POLL_BUDGET_MAX = 0xffff;

/** Little-endian int of an option value; the caller has checked that it has 4 bytes. */
export function optionInt(value: Uint8Array, at = 0): number {
  return value[at]! | (value[at + 1]! << 8) | (value[at + 2]! << 16) | (value[at + 3]! << 24);
}

/** Option value of one int. */
export function intOption(value: number): Uint8Array {
  return Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
}

/** A timeval as nanoseconds; 0 for none. −EINVAL when it is short, −EDOM when the microseconds are out of range. */
function timeoutOf(value: Uint8Array): number {
  if (value.length < Timeval.size) return -EINVAL;
  const view = viewOf(value);
  const seconds = get64(view, Timeval.offset.tv_sec);
  const microseconds = get64(view, Timeval.offset.tv_usec);
  if (microseconds < 0 || microseconds >= 1000000) return -EDOM;
  if (seconds < 0) return 1;
  // Beyond 2^53 ns (104 days) a time limit is none.
  const nanoseconds = seconds * 1e9 + microseconds * 1000;
  return nanoseconds >= 2 ** 53 ? 0 : nanoseconds;
}

function timeoutBytes(nanoseconds: number): Uint8Array {
  const value = new Uint8Array(Timeval.size);
  putTimeval(viewOf(value), 0, nanoseconds);
  return value;
}

/** A socket, as far as its options reach (socket.ts). */
interface OptionHolder {
  readonly kernel: SocketKernel;
  readonly network: SocketNetwork;
  readonly options: SocketOptions;
  readonly inode: Inode | null;
  readonly family: number;
  readonly type: number;
  readonly protocol: number;
  readonly isListening: boolean;
  readonly heedsFilter: boolean;
  readonly peerCredentials: PeerCredentials | null;
  readonly peerGroups: readonly number[] | null;
  readonly acceptedFrom: Uint8Array | number;
  readonly unsent: number;
  available(): number;
  takeError(): number;
  optionChanged(name: number): void;
}

/** What waits, and how much may; here nothing but the bytes themselves is counted. */
export function memoryOf(socket: OptionHolder): Uint8Array {
  const bytes = new Uint8Array(4 * SK_MEMINFO_VARS);
  const view = viewOf(bytes);
  const { sendBuffer, receiveBuffer } = socket.options;
  view.setUint32(4 * SK_MEMINFO_RCVBUF, receiveBuffer, true);
  view.setUint32(4 * SK_MEMINFO_SNDBUF, sendBuffer, true);
  if (socket.isListening) return bytes;
  // What waits in AF_UNIX is its sender's.
  if (socket.family !== AF_UNIX) view.setUint32(4 * SK_MEMINFO_RMEM_ALLOC, socket.available(), true);
  view.setUint32(4 * SK_MEMINFO_WMEM_ALLOC, socket.unsent, true);
  return bytes;
}

/** Is there room for a message of `length`? One alone is taken, however small SO_RCVBUF is. */
export function hasReceiveRoom(queued: number, length: number, receiveBuffer: number): boolean {
  return queued === 0 || queued + length <= receiveBuffer;
}

/**
 * setsockopt(2) at SOL_SOCKET.
 *
 * @returns 0 or EINVAL (short or bad value), EDOM, EPERM, ENODEV (SO_BINDTODEVICE), ENOPROTOOPT (unknown, or can't be
 *   set)
 */
export function setSocketOption(socket: OptionHolder, task: SocketCaller, name: number, value: Uint8Array): number {
  const options = socket.options;
  if (name === SO_BINDTODEVICE) return bindToDevice(socket, task, value);
  if (name === SO_ATTACH_FILTER) return attachFilter(socket, task, value);
  if (name === SO_LINGER) {
    if (value.length < Linger.size) return -EINVAL;
    const { l_onoff, l_linger } = Linger.offset;
    const before = options.lingerSeconds;
    if (optionInt(value, l_onoff) !== 0) options.lingerSeconds = Math.max(0, optionInt(value, l_linger));
    // Its time stays and is told (net/core/sock.c, sk_setsockopt).
    else if (before >= 0) options.lingerSeconds = -1 - before;
    socket.optionChanged(name);
    return 0;
  }
  if (name === SO_RCVTIMEO || name === SO_SNDTIMEO || name === SO_RCVTIMEO_NEW || name === SO_SNDTIMEO_NEW) {
    const timeout = timeoutOf(value);
    if (timeout < 0) return timeout;
    if (name === SO_RCVTIMEO || name === SO_RCVTIMEO_NEW) options.receiveTimeoutNs = timeout;
    else options.sendTimeoutNs = timeout;
    return 0;
  }
  if (value.length < 4) return -EINVAL;
  const number = optionInt(value);
  const { buffers } = socket.kernel.socketState;
  const on = number !== 0;
  switch (name) {
    case SO_REUSEADDR:
      options.reuseAddress = on;
      break;
    case SO_REUSEPORT:
      if (on && !isInet(socket)) return -EOPNOTSUPP;
      options.reusePort = on;
      break;
    case SO_BROADCAST:
      options.broadcast = on;
      break;
    case SO_KEEPALIVE:
      options.keepAlive = on;
      break;
    case SO_OOBINLINE:
      options.oobInline = on;
      break;
    case SO_PASSCRED:
      options.passCredentials = on;
      break;
    case SO_PASSPIDFD:
      if (socket.family !== AF_UNIX) return -EOPNOTSUPP;
      options.passPidfd = on;
      break;
    case SO_SNDBUF:
      options.sendBuffer = Math.max(SEND_BUFFER_MIN, 2 * clampBuffer(number, buffers.sendMost));
      options.isSendFixed = true;
      break;
    case SO_RCVBUF:
      options.receiveBuffer = Math.max(RECEIVE_BUFFER_MIN, 2 * clampBuffer(number, buffers.receiveMost));
      options.isReceiveFixed = true;
      break;
    case SO_SNDBUFFORCE:
    case SO_RCVBUFFORCE:
      if (!isCapable(task.credentials, CAP_NET_ADMIN, socket.network.owner)) return -EPERM;
      if (name === SO_SNDBUFFORCE) {
        options.sendBuffer = Math.max(SEND_BUFFER_MIN, 2 * clampBuffer(number, BUFFER_FORCED_MAX));
        options.isSendFixed = true;
      } else {
        options.receiveBuffer = Math.max(RECEIVE_BUFFER_MIN, 2 * clampBuffer(number, BUFFER_FORCED_MAX));
        options.isReceiveFixed = true;
      }
      break;
    case SO_BUF_LOCK:
      if ((number & ~(SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK)) !== 0) return -EINVAL;
      options.isSendFixed = (number & SOCK_SNDBUF_LOCK) !== 0;
      options.isReceiveFixed = (number & SOCK_RCVBUF_LOCK) !== 0;
      break;
    case SO_RCVLOWAT:
      options.receiveLowAt = number < 0 ? 0x7fffffff : number === 0 ? 1 : number;
      break;
    case SO_TIMESTAMP:
    case SO_TIMESTAMP_NEW:
      options.timestamp = on ? SO_TIMESTAMP : 0;
      break;
    case SO_TIMESTAMPNS:
    case SO_TIMESTAMPNS_NEW:
      options.timestamp = on ? SO_TIMESTAMPNS : 0;
      break;
    case SO_BINDTOIFINDEX:
      if (mayNotUnbind(socket, task)) return -EPERM;
      if (number < 0) return -EINVAL;
      // Nobody asks whether it is there (net/core/sock.c, sock_bindtoindex_locked).
      options.boundIndex = number;
      socket.optionChanged(SO_BINDTODEVICE);
      return 0;
    case SO_MARK:
      if (
        !isCapable(task.credentials, CAP_NET_ADMIN, socket.network.owner) &&
        !isCapable(task.credentials, CAP_NET_RAW, socket.network.owner)
      )
        return -EPERM;
      options.stored.set(name, number);
      break;
    case SO_PRIORITY:
      if (
        (number < 0 || number > 6) &&
        !isCapable(task.credentials, CAP_NET_ADMIN, socket.network.owner) &&
        !isCapable(task.credentials, CAP_NET_RAW, socket.network.owner)
      )
        return -EPERM;
      options.stored.set(name, number);
      break;
    case SO_PEEK_OFF:
      if (!keepsPeekOffset(socket)) return -EOPNOTSUPP;
      options.peekOffset = number;
      break;
    case SO_TXTIME:
      return -EINVAL;
    case SO_TIMESTAMPING:
    case SO_TIMESTAMPING_NEW:
      return setTimestamping(socket, name, number);
    case SO_MAX_PACING_RATE:
      // Bytes a second in a word of 64 bits, where so many are given; all ones: no bound.
      options.stored.set(name, value.length >= 8 ? get64(viewOf(value), 0) : number === -1 ? -1 : number >>> 0);
      return 0;
    case SO_BUSY_POLL:
      if (number < 0) return -EINVAL;
      options.stored.set(name, number);
      return 0;
    case SO_PREFER_BUSY_POLL:
    case SO_BUSY_POLL_BUDGET:
      if (name === SO_BUSY_POLL_BUDGET && (number < 0 || number > POLL_BUDGET_MAX)) return -EINVAL;
      if (on && !isCapable(task.credentials, CAP_NET_ADMIN, socket.network.owner)) return -EPERM;
      if (name === SO_PREFER_BUSY_POLL) options.stored.set(name, on ? 1 : 0);
      return 0;
    // There is no other way that a connection could be advised to take.
    case SO_CNX_ADVICE:
      return 0;
    case SO_RESERVE_MEM:
      return number < 0 ? -EINVAL : -EOPNOTSUPP;
    case SO_TXREHASH:
      if (!isTcp(socket)) return -EOPNOTSUPP;
      if (number < -1 || number > 1) return -EINVAL;
      options.stored.set(name, Math.abs(number));
      return 0;
    case SO_LOCK_FILTER:
      if (options.isFilterLocked && !on) return -EPERM;
      options.isFilterLocked = on;
      break;
    case SO_DETACH_FILTER:
      return detachFilter(socket);
    case SO_ATTACH_BPF:
      return -EPERM;
    case SO_ZEROCOPY:
      if (!isInet(socket) || socket.type === SOCK_RAW) return -EOPNOTSUPP;
      if (number < 0 || number > 1) return -EINVAL;
      options.stored.set(name, number);
      break;
    default:
      if (!STORED_DEFAULTS.has(name)) return -ENOPROTOOPT;
      options.stored.set(name, name === SO_INCOMING_CPU ? number : on ? 1 : 0);
  }
  socket.optionChanged(name);
  return 0;
}

/** As net/core/sock.c, sock_set_timestamping; no interface has a clock that could be bound. */
function setTimestamping({ options }: OptionHolder, name: number, flags: number): number {
  if ((flags & ~SOF_TIMESTAMPING_MASK) !== 0) return -EINVAL;
  if ((flags & SOF_TIMESTAMPING_OPT_ID_TCP) !== 0 && (flags & SOF_TIMESTAMPING_OPT_ID) === 0) return -EINVAL;
  if ((flags & SOF_TIMESTAMPING_OPT_STATS) !== 0 && (flags & SOF_TIMESTAMPING_OPT_TSONLY) === 0) return -EINVAL;
  if ((flags & SOF_TIMESTAMPING_BIND_PHC) !== 0) return options.boundIndex === 0 ? -EOPNOTSUPP : -EINVAL;
  options.stored.set(SO_TIMESTAMPING, flags);
  // Times are told by the name that was used last.
  options.stored.set(SO_TIMESTAMPING_NEW, name === SO_TIMESTAMPING_NEW ? 1 : 0);
  return 0;
}

function isTcp(socket: OptionHolder): boolean {
  return isInet(socket) && socket.type === SOCK_STREAM && socket.protocol === IPPROTO_TCP;
}

/** Is it a socket of IPv4 or IPv6? */
export function isInet({ family }: { readonly family: number }): boolean {
  return family === AF_INET || family === AF_INET6;
}

/** Sockets that have a `set_peek_off` (net/unix/af_unix.c, net/ipv4/af_inet.c). */
function keepsPeekOffset(socket: OptionHolder): boolean {
  const { family, type, protocol } = socket;
  if (family === AF_UNIX) return true;
  if (!isInet(socket)) return false;
  return type === SOCK_STREAM || (type === SOCK_DGRAM && protocol !== IPPROTO_ICMP && protocol !== IPPROTO_ICMPV6);
}

function clampBuffer(value: number, most: number): number {
  const bound = Math.min(most, BUFFER_FORCED_MAX);
  return value < 0 ? bound : Math.min(value, bound);
}

/** socket(7): the socket sends and receives through one interface only; an empty name ends that. */
function bindToDevice(socket: OptionHolder, task: SocketCaller, value: Uint8Array): number {
  if (mayNotUnbind(socket, task)) return -EPERM;
  let name = "";
  for (let at = 0; at < Math.min(value.length, 15) && value[at] !== 0; at++) name += String.fromCharCode(value[at]!);
  const one = socket.network.interfaceByName(name);
  if (name !== "" && one === undefined) return -ENODEV;
  socket.options.boundIndex = one?.index ?? 0;
  socket.optionChanged(SO_BINDTODEVICE);
  return 0;
}

function mayNotUnbind({ options, network }: OptionHolder, task: SocketCaller): boolean {
  return options.boundIndex !== 0 && !isCapable(task.credentials, CAP_NET_RAW, network.owner);
}

/** As net/core/sock.c, sock_getbindtodevice: −EINVAL without room for any name; −ENODEV it is gone. */
function boundName({ options, network }: OptionHolder, length: number): Uint8Array | number {
  if (options.boundIndex === 0) return new Uint8Array(0);
  if (length < INTERFACE_NAME_SIZE) return -EINVAL;
  const one = network.interfaceByIndex(options.boundIndex);
  return one === undefined ? -ENODEV : Uint8Array.from([...one.name, "\0"], (c) => c.charCodeAt(0));
}

/** IFNAMSIZ */
const INTERFACE_NAME_SIZE = 16;

/**
 * getsockopt(2) at SOL_SOCKET. `length` is the room that the caller offers; the value may be longer, it is cut later.
 *
 * @returns the value, or ENOPROTOOPT; ERANGE for SO_PEERGROUPS without enough room
 */
export function getSocketOption(
  socket: OptionHolder,
  task: SocketCaller,
  name: number,
  length: number,
): Uint8Array | number {
  const options = socket.options;
  switch (name) {
    case SO_TYPE:
      return intOption(socket.type);
    case SO_LOCK_FILTER:
      return intOption(options.isFilterLocked ? 1 : 0);
    case SO_DOMAIN:
      return intOption(socket.family);
    case SO_PROTOCOL:
      return intOption(socket.protocol);
    case SO_ERROR:
      return intOption(socket.takeError());
    case SO_ACCEPTCONN:
      return intOption(socket.isListening ? 1 : 0);
    case SO_REUSEADDR:
      return intOption(options.reuseAddress ? 1 : 0);
    case SO_REUSEPORT:
      return intOption(options.reusePort ? 1 : 0);
    case SO_BROADCAST:
      return intOption(options.broadcast ? 1 : 0);
    case SO_KEEPALIVE:
      return intOption(options.keepAlive ? 1 : 0);
    case SO_OOBINLINE:
      return intOption(options.oobInline ? 1 : 0);
    case SO_PASSCRED:
      return intOption(options.passCredentials ? 1 : 0);
    case SO_SNDBUF:
      return intOption(options.sendBuffer);
    case SO_RCVBUF:
      return intOption(options.receiveBuffer);
    case SO_BUF_LOCK:
      return intOption((options.isSendFixed ? SOCK_SNDBUF_LOCK : 0) | (options.isReceiveFixed ? SOCK_RCVBUF_LOCK : 0));
    case SO_RCVLOWAT:
      return intOption(options.receiveLowAt);
    case SO_SNDLOWAT:
      return intOption(1);
    case SO_TIMESTAMP:
    case SO_TIMESTAMP_NEW:
      return intOption(options.timestamp === SO_TIMESTAMP ? 1 : 0);
    case SO_TIMESTAMPNS:
    case SO_TIMESTAMPNS_NEW:
      return intOption(options.timestamp === SO_TIMESTAMPNS ? 1 : 0);
    case SO_LINGER: {
      const value = new Uint8Array(Linger.size);
      const { lingerSeconds } = options;
      const isOn = lingerSeconds >= 0;
      putFields(viewOf(value), Linger, { l_onoff: isOn ? 1 : 0, l_linger: isOn ? lingerSeconds : -1 - lingerSeconds });
      return value;
    }
    case SO_RCVTIMEO:
    case SO_RCVTIMEO_NEW:
      return timeoutBytes(options.receiveTimeoutNs);
    case SO_SNDTIMEO:
    case SO_SNDTIMEO_NEW:
      return timeoutBytes(options.sendTimeoutNs);
    case SO_PEERCRED: {
      // Without a peer the ids are −1 and the pid is 0 (net/core/sock.c, cred_to_ucred).
      const peer = socket.peerCredentials;
      const value = new Uint8Array(Ucred.size);
      if (peer === null) value.fill(0xff, Ucred.offset.uid);
      else writeCredentials(task, peer, value);
      return value;
    }
    case SO_PEERGROUPS: {
      const groups = socket.peerGroups;
      if (groups === null) return -ENODATA;
      if (length < groups.length * 4) return -ERANGE;
      const value = new Uint8Array(groups.length * 4);
      const { gids } = task.credentials.userNamespace;
      groups.forEach((group, index) => value.set(intOption(gids.shown(group)), index * 4));
      return value;
    }
    case SO_PEEK_OFF:
      return keepsPeekOffset(socket) ? intOption(options.peekOffset) : -EOPNOTSUPP;
    case SO_PASSPIDFD:
      return socket.family === AF_UNIX ? intOption(options.passPidfd ? 1 : 0) : -EOPNOTSUPP;
    case SO_PEERPIDFD: {
      const process = socket.peerCredentials?.process ?? null;
      if (process === null) return -ENODATA;
      const { files, group, kernel } = task;
      const fd = files.install(kernel.vfs.pidfdOf(process), true, 0, group.limits[RLIMIT_NOFILE]!.soft);
      return fd < 0 ? fd : intOption(fd);
    }
    case SO_NETNS_COOKIE: {
      if (length !== 8) return -EINVAL;
      const value = new Uint8Array(8);
      putFields(viewOf(value), Timeval, { tv_sec: socket.network.ino });
      return value;
    }
    case SO_PEERNAME: {
      const peer = socket.acceptedFrom;
      return isErrno(peer) ? -ENOTCONN : peer.length < length ? -EINVAL : peer;
    }
    case SO_BINDTODEVICE:
      return boundName(socket, length);
    case SO_BINDTOIFINDEX:
      return intOption(options.boundIndex);
    case SO_COOKIE: {
      const value = new Uint8Array(8);
      value.set(intOption(socket.inode!.ino));
      return value;
    }
    case SO_BPF_EXTENSIONS:
      return intOption(SKF_AD_MAX);
    case SO_MEMINFO:
      return memoryOf(socket);
    case SO_INCOMING_NAPI_ID:
      return intOption(0);
    case SO_PEERSEC:
      return -ENOPROTOOPT;
    case SO_TIMESTAMPING:
    case SO_TIMESTAMPING_NEW: {
      // Behind the flags stands a clock, of which there is none. The new name tells what was set by it alone.
      const value = new Uint8Array(8);
      if (name === SO_TIMESTAMPING || options.stored.get(name) === 1)
        value.set(intOption(options.stored.get(SO_TIMESTAMPING) ?? 0));
      return value;
    }
    case SO_MAX_PACING_RATE: {
      const rate = options.stored.get(name) ?? -1;
      if (length < 8) return intOption(rate < 0 || rate > 0xffffffff ? -1 : rate);
      const value = new Uint8Array(8);
      put64(viewOf(value), 0, rate);
      return value;
    }
    case SO_TXREHASH:
      return isTcp(socket) ? intOption(options.stored.get(name) ?? 1) : -EOPNOTSUPP;
    default: {
      const initial = STORED_DEFAULTS.get(name);
      return initial === undefined ? -ENOPROTOOPT : intOption(options.stored.get(name) ?? initial);
    }
  }
}
