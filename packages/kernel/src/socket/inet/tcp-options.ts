import {
  EINVAL,
  ENOENT,
  ENOPROTOOPT,
  EOPNOTSUPP,
  EPERM,
  IPPROTO_TCP,
  TCP_CC_INFO,
  TCP_CLOSE,
  TCP_CONGESTION,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_FASTOPEN,
  TCP_FASTOPEN_CONNECT,
  TCP_FASTOPEN_NO_COOKIE,
  TCP_INQ,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_LINGER2,
  TCP_LISTEN,
  TCP_MAXSEG,
  TCP_MD5SIG,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
  TCP_QUICKACK,
  TCP_REPAIR,
  TCP_SAVED_SYN,
  TCP_SYNCNT,
  TCP_THIN_DUPACK,
  TCP_THIN_LINEAR_TIMEOUTS,
  TCP_TIMESTAMP,
  TCP_ULP,
  TCP_USER_TIMEOUT,
  TCP_WINDOW_CLAMP,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { addTimestamps } from "../message-timestamp.ts";
import type { IncomingMessage } from "../message.ts";
import type { NetworkSettings } from "../network-settings.ts";
import type { SocketKernel } from "../socket-kernel.ts";
import { intOption, optionInt, type SocketOptions } from "../socket-options.ts";
import type { TcpTransport, TransportOption } from "./tcp-transport.ts";

const KEEPALIVE_SECONDS = 7200;
/** RFC 9293, 3.7.1. */
const MSS_UNKNOWN = 536;
/** Bounds in seconds: of orphans in FIN-WAIT-2, of one wait for an acknowledgement (include/net/tcp.h). */
const FIN_WAIT_SECONDS = 60,
  FIN_WAIT_SECONDS_MAX = 120,
  RTO_SECONDS_MAX = 120;
/** Three and a half times the least wait for an acknowledgement (include/net/tcp.h, tcp_fin_time). */
const FIN_WAIT_NS_LEAST = 700e6;
/** `struct tcp_md5sig`. */
const TCP_MD5SIG_SIZE = 216;
/** TCP_WINDOW_CLAMP is no smaller (SOCK_MIN_RCVBUF / 2). */
const WINDOW_MIN = 1152;

/** [value at the start, least, most] of the options that are plain integers (tcp(7)). */
const INTEGERS: ReadonlyMap<number, readonly [number, number, number]> = new Map<
  number,
  readonly [number, number, number]
>([
  [TCP_NODELAY, [0, -Infinity, Infinity]],
  [TCP_MAXSEG, [MSS_UNKNOWN, 88, 32767]],
  [TCP_CORK, [0, -Infinity, Infinity]],
  [TCP_KEEPIDLE, [KEEPALIVE_SECONDS, 1, 32767]],
  [TCP_KEEPINTVL, [75, 1, 32767]],
  [TCP_KEEPCNT, [9, 1, 127]],
  [TCP_SYNCNT, [6, 1, 127]],
  [TCP_LINGER2, [FIN_WAIT_SECONDS, -Infinity, Infinity]],
  [TCP_DEFER_ACCEPT, [0, -Infinity, Infinity]],
  [TCP_WINDOW_CLAMP, [0, -Infinity, Infinity]],
  [TCP_QUICKACK, [1, -Infinity, Infinity]],
  [TCP_THIN_LINEAR_TIMEOUTS, [0, 0, 1]],
  [TCP_THIN_DUPACK, [0, 0, 1]],
  [TCP_USER_TIMEOUT, [0, 0, Infinity]],
  [TCP_FASTOPEN, [0, 0, Infinity]],
  [TCP_FASTOPEN_CONNECT, [0, 0, 1]],
  [TCP_FASTOPEN_NO_COOKIE, [0, 0, 1]],
  [TCP_NOTSENT_LOWAT, [0, -Infinity, Infinity]],
  [TCP_TIMESTAMP, [0, -Infinity, Infinity]],
  [TCP_INQ, [0, 0, 1]],
]);
const FLAGS = new Set([TCP_NODELAY, TCP_CORK, TCP_QUICKACK]);
export const CONGESTION_CONTROLS: readonly string[] = ["cubic", "reno"];
/** Of a queue of connections that come with data, and of who waits for data: a listener's own. */
const OF_LISTENERS = new Set<number>([TCP_DEFER_ACCEPT, TCP_FASTOPEN]);

/** What Linux's own tuning soon makes of tcp_wmem, within its most. */
const GROWN_SEND_BUFFER = 164160;

/** What a socket begins with, by net.ipv4.tcp_wmem and tcp_rmem. */
export function streamBuffers({ tcpSend, tcpReceive }: Pick<NetworkSettings, "tcpSend" | "tcpReceive">): {
  readonly sendDefault: number;
  readonly receiveDefault: number;
} {
  return {
    sendDefault: Math.min(Math.max(tcpSend[1], GROWN_SEND_BUFFER), tcpSend[2]),
    receiveDefault: tcpReceive[1],
  };
}

/** What whoever carries a connection is told of when it was set. */
const CARRIED: readonly (readonly [number, TransportOption])[] = [
  [TCP_KEEPINTVL, "keepAliveInterval"],
  [TCP_KEEPCNT, "keepAliveProbes"],
  [TCP_USER_TIMEOUT, "userTimeoutMs"],
  [TCP_LINGER2, "finWaitSeconds"],
];

/** Seconds, and their number. */
interface TimeSettings {
  readonly keepAliveSeconds: number;
  readonly keepAliveInterval: number;
  readonly keepAliveProbes: number;
  readonly finSeconds: number;
}

export class TcpOptions {
  readonly values = new Map<number, number>();
  congestion = "cubic";
  /** net.ipv4.tcp_keepalive_time when the connection was made. */
  keepAliveSeconds = KEEPALIVE_SECONDS;

  /** As the network's settings (net.ipv4.tcp_keepalive_…, tcp_fin_timeout) have it when the socket is made. */
  begin({ keepAliveSeconds, keepAliveInterval, keepAliveProbes, finSeconds }: TimeSettings): void {
    this.keepAliveSeconds = keepAliveSeconds;
    if (finSeconds !== FIN_WAIT_SECONDS) this.values.set(TCP_LINGER2, finSeconds);
    if (keepAliveInterval !== INTEGERS.get(TCP_KEEPINTVL)![0]) this.values.set(TCP_KEEPINTVL, keepAliveInterval);
    if (keepAliveProbes !== INTEGERS.get(TCP_KEEPCNT)![0]) this.values.set(TCP_KEEPCNT, keepAliveProbes);
  }

  get noDelay(): boolean {
    return this.values.get(TCP_NODELAY) === 1;
  }

  /** recvmsg(2) says how much is left to read. */
  get tellsQueue(): boolean {
    return this.values.get(TCP_INQ) === 1;
  }

  /** How long a connection that says nothing is kept from accept(2); 0: it is not. */
  get deferSeconds(): number {
    return this.values.get(TCP_DEFER_ACCEPT) ?? 0;
  }

  /** How long what was written may wait for the peer; 0: for ever. */
  get userTimeoutMs(): number {
    return this.values.get(TCP_USER_TIMEOUT) ?? 0;
  }

  /** How often a SYN is sent again; 0: as often as the network's settings say. */
  get synRetries(): number {
    return this.values.get(TCP_SYNCNT) ?? 0;
  }

  /** Did the program say how long a connection may take? */
  get limitsConnecting(): boolean {
    return this.synRetries > 0 || this.userTimeoutMs > 0;
  }

  /** How long a side that is closed waits for the other's end; below 0: it doesn't. */
  get finWaitNs(): number {
    const seconds = this.values.get(TCP_LINGER2) ?? FIN_WAIT_SECONDS;
    return seconds < 0 ? -1 : Math.max(seconds * 1e9, FIN_WAIT_NS_LEAST);
  }

  /** TCP_MAXSEG; 0: not chosen. */
  get segmentMost(): number {
    return this.values.get(TCP_MAXSEG) ?? 0;
  }

  get isCorked(): boolean {
    return this.values.get(TCP_CORK) === 1;
  }

  inherit(from: TcpOptions): void {
    for (const [name, value] of from.values) if (!OF_LISTENERS.has(name)) this.values.set(name, value);
    this.congestion = from.congestion;
    this.keepAliveSeconds = from.keepAliveSeconds;
  }

  /** Tells who carries the connection what it can do. @param isKept  SO_KEEPALIVE */
  applyTo(transport: TcpTransport, isKept: boolean): void {
    transport.setOption("noDelay", this.noDelay ? 1 : 0);
    transport.setOption("reno", this.congestion === "reno" ? 1 : 0);
    for (const [name, option] of CARRIED) {
      const value = this.values.get(name);
      if (value !== undefined) transport.setOption(option, value);
    }
    if (!isKept) return;
    const idle = this.values.get(TCP_KEEPIDLE) ?? this.keepAliveSeconds;
    if (idle === KEEPALIVE_SECONDS) transport.setOption("keepAlive", 1);
    else transport.setOption("keepAliveSeconds", idle);
  }

  static {
    stateClass("TcpOptions", this);
  }
}

/** A socket whose bytes are received. */
interface Receiver {
  readonly kernel: SocketKernel;
  readonly options: SocketOptions;
  readonly tcp: TcpOptions;
}

/**
 * What comes with received bytes: their time, and then TCP_INQ, of which the end counts behind the last byte
 * (net/ipv4/tcp.c, tcp_recvmsg; include/net/tcp.h, tcp_inq_hint). Of several parts (MSG_WAITALL) that of the last.
 */
export function tellWithBytes(
  { kernel, options, tcp }: Receiver,
  transport: TcpTransport,
  message: IncomingMessage,
  count: number,
): void {
  message.controls = null;
  if (count > 0 && options.timestamp !== 0) addTimestamps(kernel, options, message);
  if (!tcp.tellsQueue) return;
  message.addControl(IPPROTO_TCP, TCP_INQ, intOption(transport.available + (transport.isEnded ? 1 : 0)));
}

/**
 * setsockopt(2) at IPPROTO_TCP: 0 or EINVAL, ENOENT (unknown congestion control or upper layer), EPERM, ENOPROTOOPT,
 * EOPNOTSUPP.
 *
 * @param state  TCP_ESTABLISHED …
 */
export function setTcpOption(
  options: TcpOptions,
  name: number,
  value: Uint8Array,
  { state, queueMost }: { readonly state: number; readonly queueMost: number },
): number {
  if (name === TCP_CONGESTION) {
    if (value.length < 1) return -EINVAL;
    let text = "";
    for (let at = 0; at < Math.min(value.length, 15) && value[at] !== 0; at++) text += String.fromCharCode(value[at]!);
    if (!CONGESTION_CONTROLS.includes(text)) return -ENOENT;
    options.congestion = text;
    return 0;
  }
  if (name === TCP_ULP) return value.length < 1 ? -EINVAL : -ENOENT;
  if (name === TCP_REPAIR) return -EPERM;
  const range = INTEGERS.get(name);
  if (value.length < 4) return -EINVAL;
  if (name === TCP_MD5SIG) return value.length < TCP_MD5SIG_SIZE ? -EINVAL : -EPERM;
  if (range === undefined) return -ENOPROTOOPT;
  const number = optionInt(value);
  if (name === TCP_MAXSEG && number === 0) {
    options.values.delete(TCP_MAXSEG);
    return 0;
  }
  if (number < range[1] || number > range[2]) return -EINVAL;
  const isIdle = state === TCP_CLOSE || state === TCP_LISTEN;
  switch (name) {
    case TCP_WINDOW_CLAMP:
      if (number === 0 && state !== TCP_CLOSE) return -EINVAL;
      break;
    case TCP_FASTOPEN:
    case TCP_FASTOPEN_NO_COOKIE:
      if (!isIdle) return -EINVAL;
      break;
    case TCP_FASTOPEN_CONNECT:
      return -EOPNOTSUPP; // net.ipv4.tcp_fastopen is 0
  }
  options.values.set(name, kept(name, number, queueMost));
  return 0;
}

/** As net/ipv4/tcp.c, do_tcp_setsockopt, keeps what it took. */
function kept(name: number, number: number, queueMost: number): number {
  switch (name) {
    case TCP_LINGER2:
      if (number < 0) return -1;
      return number === 0 ? FIN_WAIT_SECONDS : Math.min(number, FIN_WAIT_SECONDS_MAX);
    case TCP_DEFER_ACCEPT:
      return secondsOfRetries(number);
    case TCP_WINDOW_CLAMP:
      return number === 0 ? 0 : Math.max(WINDOW_MIN, number >>> 0 > 0x7fffffff ? 0 : number);
    case TCP_FASTOPEN:
      return Math.min(number, queueMost);
    case TCP_THIN_DUPACK:
      return 0;
    default:
      return FLAGS.has(name) ? (number !== 0 ? 1 : 0) : number;
  }
}

/** How long the least count of retries takes that is no shorter (secs_to_retrans, retrans_to_secs). */
function secondsOfRetries(seconds: number): number {
  if (seconds <= 0) return 0;
  let wait = 1;
  let all = wait;
  for (let retries = 1; seconds > all && retries < 255; retries++) {
    wait = Math.min(2 * wait, RTO_SECONDS_MAX);
    all += wait;
  }
  return all;
}

/** getsockopt(2) at IPPROTO_TCP, but TCP_INFO. @param mss  of the connection; 0: there is none */
export function getTcpOption(
  options: TcpOptions,
  name: number,
  { mss, synRetries, length }: { readonly mss: number; readonly synRetries: number; readonly length: number },
): Uint8Array | number {
  if (name === TCP_CONGESTION) {
    const value = new Uint8Array(Math.min(16, Math.max(0, length)));
    for (let at = 0; at < Math.min(options.congestion.length, value.length); at++)
      value[at] = options.congestion.charCodeAt(at);
    return value;
  }
  // No headers were kept, and cubic and reno tell nothing of themselves.
  if (name === TCP_ULP || name === TCP_SAVED_SYN || name === TCP_CC_INFO) return new Uint8Array(0);
  if (name === TCP_MAXSEG && mss > 0) return intOption(mss);
  const range = INTEGERS.get(name);
  if (range === undefined) return -ENOPROTOOPT;
  const initial = name === TCP_KEEPIDLE ? options.keepAliveSeconds : name === TCP_SYNCNT ? synRetries : range[0];
  return intOption(options.values.get(name) ?? initial);
}
