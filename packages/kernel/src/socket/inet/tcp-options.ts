import {
  EINVAL,
  ENOENT,
  ENOPROTOOPT,
  EPERM,
  TCP_CONGESTION,
  TCP_CORK,
  TCP_DEFER_ACCEPT,
  TCP_FASTOPEN,
  TCP_FASTOPEN_CONNECT,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_LINGER2,
  TCP_MAXSEG,
  TCP_NODELAY,
  TCP_NOTSENT_LOWAT,
  TCP_QUICKACK,
  TCP_SYNCNT,
  TCP_TIMESTAMP,
  TCP_ULP,
  TCP_USER_TIMEOUT,
  TCP_WINDOW_CLAMP,
  TCP_MD5SIG,
  TCP_REPAIR,
  TcpInfo,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { putFields, viewOf } from "../../ground/words.ts";
import { intOption, optionInt } from "../socket-options.ts";
import type { TcpTransport } from "./tcp-transport.ts";

const KEEPALIVE_SECONDS = 7200;
/** [value at the start, least, most] of the options that are plain integers (tcp(7)). */
const INTEGERS: ReadonlyMap<number, readonly [number, number, number]> = new Map<
  number,
  readonly [number, number, number]
>([
  [TCP_NODELAY, [0, -Infinity, Infinity]],
  [TCP_MAXSEG, [536, 88, 32767]],
  [TCP_CORK, [0, -Infinity, Infinity]],
  [TCP_KEEPIDLE, [KEEPALIVE_SECONDS, 1, 32767]],
  [TCP_KEEPINTVL, [75, 1, 32767]],
  [TCP_KEEPCNT, [9, 1, 127]],
  [TCP_SYNCNT, [6, 1, 127]],
  [TCP_LINGER2, [60, -Infinity, Infinity]],
  [TCP_DEFER_ACCEPT, [0, -Infinity, Infinity]],
  [TCP_WINDOW_CLAMP, [0, 0, Infinity]],
  [TCP_QUICKACK, [1, -Infinity, Infinity]],
  [TCP_USER_TIMEOUT, [0, 0, Infinity]],
  [TCP_FASTOPEN, [0, 0, Infinity]],
  [TCP_FASTOPEN_CONNECT, [0, 0, 1]],
  [TCP_NOTSENT_LOWAT, [0, -Infinity, Infinity]],
  [TCP_TIMESTAMP, [0, -Infinity, Infinity]],
]);
const FLAGS = new Set([TCP_NODELAY, TCP_CORK, TCP_QUICKACK]);
const CONGESTION_CONTROLS = ["cubic", "reno"];
/** MSS over Ethernet. */
const MSS = 1448;

export class TcpOptions {
  readonly values = new Map<number, number>();
  congestion = "cubic";
  /** net.ipv4.tcp_keepalive_time when the connection was made. */
  keepAliveSeconds = KEEPALIVE_SECONDS;

  get noDelay(): boolean {
    return this.values.get(TCP_NODELAY) === 1;
  }

  get isCorked(): boolean {
    return this.values.get(TCP_CORK) === 1;
  }

  inherit(from: TcpOptions): void {
    for (const [name, value] of from.values) this.values.set(name, value);
    this.congestion = from.congestion;
    this.keepAliveSeconds = from.keepAliveSeconds;
  }

  /** Tells who carries the connection what it can do. @param isKept  SO_KEEPALIVE */
  applyTo(transport: TcpTransport, isKept: boolean): void {
    transport.setOption("noDelay", this.noDelay ? 1 : 0);
    if (!isKept) return;
    const idle = this.values.get(TCP_KEEPIDLE) ?? this.keepAliveSeconds;
    if (idle === KEEPALIVE_SECONDS) transport.setOption("keepAlive", 1);
    else transport.setOption("keepAliveSeconds", idle);
  }

  static {
    stateClass("TcpOptions", this);
  }
}

/**
 * setsockopt(2) at IPPROTO_TCP: 0 or EINVAL, ENOENT (unknown congestion control or upper layer), EPERM, ENOPROTOOPT.
 */
export function setTcpOption(options: TcpOptions, name: number, value: Uint8Array): number {
  if (name === TCP_CONGESTION) {
    if (value.length < 1) return -EINVAL;
    let text = "";
    for (let at = 0; at < Math.min(value.length, 15) && value[at] !== 0; at++) text += String.fromCharCode(value[at]!);
    if (!CONGESTION_CONTROLS.includes(text)) return -ENOENT;
    options.congestion = text;
    return 0;
  }
  if (name === TCP_ULP) return -ENOENT;
  if (name === TCP_MD5SIG || name === TCP_REPAIR) return -EPERM;
  const range = INTEGERS.get(name);
  if (range === undefined) return -ENOPROTOOPT;
  if (value.length < 4) return -EINVAL;
  const number = optionInt(value);
  if (number < range[1] || number > range[2]) return -EINVAL;
  options.values.set(name, FLAGS.has(name) ? (number !== 0 ? 1 : 0) : number);
  return 0;
}

/** @param state  TCP_ESTABLISHED … */
export function getTcpOption(options: TcpOptions, name: number, state: number, length: number): Uint8Array | number {
  if (name === TCP_INFO) return tcpInfo(state);
  if (name === TCP_CONGESTION) {
    const value = new Uint8Array(Math.min(16, Math.max(0, length)));
    for (let at = 0; at < Math.min(options.congestion.length, value.length); at++)
      value[at] = options.congestion.charCodeAt(at);
    return value;
  }
  if (name === TCP_ULP) return new Uint8Array(0);
  const range = INTEGERS.get(name);
  if (range === undefined) return -ENOPROTOOPT;
  const initial = name === TCP_KEEPIDLE ? options.keepAliveSeconds : range[0];
  return intOption(options.values.get(name) ?? initial);
}

/** The fields that programs look at: state, MSS, times of a connection without loss. */
function tcpInfo(state: number): Uint8Array {
  const value = new Uint8Array(TcpInfo.size);
  putFields(viewOf(value), TcpInfo, {
    tcpi_state: state,
    tcpi_rto: 200000,
    tcpi_ato: 40000,
    tcpi_snd_mss: MSS,
    tcpi_rcv_mss: MSS,
    tcpi_pmtu: 1500,
    tcpi_rtt: 100,
    tcpi_rttvar: 50,
    tcpi_snd_ssthresh: 0x7fffffff,
    tcpi_snd_cwnd: 10,
    tcpi_advmss: MSS,
  });
  return value;
}
