import { POLLERR, POLLHUP, POLLIN, POLLOUT, POLLPRI, POLLRDHUP, POLLRDNORM, POLLWRNORM } from "@stratos/abi";
import type { IncomingConnections, InetEndpoint } from "@stratos/netstack";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { TcpSocket } from "./tcp-socket.ts";

/**
 * How the bytes of an established connection travel. Its members, and those of TcpListener and TcpAttempt, are the
 * loopback (loopback-tcp.ts, loopback-transport.ts), our own stack over links (stack-tcp.ts, stack-transport.ts) and
 * the provider (host-tcp.ts, host-transport.ts); what all must do alike stands in testing/inet-conformance.ts.
 */
export interface TcpTransport {
  /**
   * Bytes moved; 0 after the peer's last; −EAGAIN; −EFAULT; or the connection's error. `passed`: a peek begins so many
   * bytes behind the first.
   */
  read(to: IoCursor, peek: boolean, passed: number): number;
  /**
   * Bytes taken, −EAGAIN, −EPIPE, −EFAULT, or the connection's error. `capacity`: how many may be under way. With
   * `hasMore` (MSG_MORE, TCP_CORK) what
   * doesn't fill a segment waits for more, or for `push`.
   */
  write(from: IoCursor, capacity: number, hasMore: boolean): number;
  /** Sends what waits for more. */
  push(): void;
  /** Does something wait for more? */
  readonly holdsBack: boolean;
  /** Bytes up to the urgent one (SIOCINQ). */
  readonly available: number;
  /** Bytes that the next reads find, the urgent one aside when it is next. */
  readonly readable: number;
  readonly unsent: number;
  /** All that this side has written, and all that has come, since the connection is there. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** Of a whole segment (MSS). */
  readonly segmentBytes: number;
  /** The peer sends no more (FIN), whether everything was read or not. */
  readonly isEnded: boolean;
  /** The connection is gone (RST, time-out). */
  readonly isReset: boolean;
  canWrite(capacity: number): boolean;
  /** Does an error wait to be told? */
  readonly hasError: boolean;
  /** The host's news were told: looks for an error of the connection. */
  notice(): void;
  /** A pending error (positive errno), once. */
  takeError(): number;
  /** No more from this side (FIN). */
  finish(): void;
  /** Receives no more. */
  stopReading(): void;
  close(): void;
  abort(): void;
  /** The connection ends with an error at this side and a reset at the other. What has arrived can still be read. */
  destroy(error: number): void;
  /** Does an urgent byte (MSG_OOB) wait to be taken? */
  readonly hasUrgent: boolean;
  /** Moves it alone: 1, 0 when nothing may be moved, −EINVAL when there is none, −EFAULT. */
  readUrgent(to: IoCursor, peek: boolean): number;
  /** 1, −EAGAIN, −EPIPE. `capacity` as for `write`. */
  sendUrgent(byte: number, capacity: number): number;
  /** SO_OOBINLINE: the urgent byte stays in the stream. */
  isUrgentInline: boolean;
  readonly isAtMark: boolean;
  /** What the socket asks of who carries it; what that can't do is passed over. */
  setOption(option: TransportOption, value: number): void;
  /** This side has ended it before the other did, and its port is to wait. */
  readonly waits: boolean;
  /** TCP_ESTABLISHED … as the segments have it; 0: there are none, and the socket knows. */
  readonly state: number;
}

export type TransportOption =
  | "noDelay"
  | "keepAlive"
  | "keepAliveSeconds"
  | "keepAliveInterval"
  | "keepAliveProbes"
  | "userTimeoutMs"
  | "finWaitSeconds"
  | "reno";

/** Where connections come in. */
export interface TcpListener {
  /** 0; −EINPROGRESS: ask again when the socket's `changed` was called; or what failed. */
  begin(): number;
  /** Connections that wait, and how many may, were changed by listen(2). */
  resize(): void;
  /** A connection that waits, or −EAGAIN. */
  accept(): TcpSocket | number;
  /** Connections that wait, as far as they are known. */
  readonly length: number;
  readonly isReadable: boolean;
  /** Those that wait are reset. */
  close(): void;
}

/** What is known of a connection when it is there. */
export interface Established {
  readonly transport: TcpTransport;
  readonly local: InetEndpoint | null;
  readonly peer: InetEndpoint | null;
}

/** A connection on its way. */
export interface TcpAttempt {
  /** What became of it: null nothing yet; a positive errno it failed. */
  outcome(): Established | number | null;
  /** Gives it up. */
  abandon(): void;
}

/** What poll(2) says of a connection (net/ipv4/tcp.c, tcp_poll). */
export function readinessOf(
  transport: TcpTransport,
  socket: {
    readonly isReadShut: boolean;
    readonly isWriteShut: boolean;
    readonly capacity: number;
    readonly lowAt: number;
  },
): number {
  if (transport.isReset) {
    const ready = POLLHUP | POLLRDHUP | POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM;
    return transport.hasError ? ready | POLLERR : ready;
  }
  let ready = 0;
  const ended = transport.isEnded || socket.isReadShut;
  if (ended) ready |= POLLIN | POLLRDNORM | POLLRDHUP;
  if (ended && socket.isWriteShut) ready |= POLLHUP;
  if (transport.readable >= socket.lowAt) ready |= POLLIN | POLLRDNORM;
  if (socket.isWriteShut || transport.canWrite(socket.capacity)) ready |= POLLOUT | POLLWRNORM;
  if (transport.hasUrgent) ready |= POLLPRI;
  return ready;
}

/** The same of a socket that has no connection. */
export function readinessWithout(hasError: boolean, isReadShut: boolean): number {
  let ready = POLLHUP | POLLOUT | POLLWRNORM;
  if (hasError) ready |= POLLERR;
  if (isReadShut) ready |= POLLIN | POLLRDNORM | POLLRDHUP;
  return ready;
}

/** Takes connections that came to a listener of the host in as packets (network-uplink.ts). */
export interface WayIn {
  comesIn(door: IncomingConnections): void;
  /** It listens no more. */
  forget(door: IncomingConnections): void;
}
