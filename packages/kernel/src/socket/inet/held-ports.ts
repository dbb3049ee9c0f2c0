/**
 * Ports that connections keep from bind(2) though no socket has claimed them for itself: those of accepted connections,
 * and those whose side ended first, for a minute (RFC 9293 §3.3.2, TIME-WAIT; net/ipv4/inet_connection_sock.c,
 * inet_csk_bind_conflict).
 */
import { stateClass } from "@stratos/base";
import type { InetEndpoint } from "@stratos/netstack";
import type { PortClaim } from "./port-claim.ts";

/** Linux's TCP_TIMEWAIT_LEN. */
const REST_NS = 60e9;
/** Of one table; the oldest goes first. Linux's net.ipv4.tcp_max_tw_buckets is a number of this kind. */
const RESTING_MAX = 4096;

export interface HeldPort extends PortClaim {
  /** Infinity while the connection is there. */
  untilNs: number;
  /** Among those of its port; −1: it is no longer held. */
  index: number;
}

/** Bound: open sockets, and RESTING_MAX. */
export class HeldPorts {
  #byPort = new Map<number, HeldPort[]>();
  /** By when they end. */
  #resting: HeldPort[] = [];

  hold(claim: PortClaim): HeldPort {
    const held = this.#byPort.get(claim.port) ?? [];
    this.#byPort.set(claim.port, held);
    const one = { ...claim, untilNs: Infinity, index: held.length };
    held.push(one);
    return one;
  }

  /** Its connection is over, and this side said so first. */
  rest(one: HeldPort, nowNs: number): void {
    one.untilNs = nowNs + REST_NS;
    this.#resting.push(one);
    if (this.#resting.length > RESTING_MAX) this.release(this.#resting.shift()!);
  }

  release(one: HeldPort): void {
    const held = this.#byPort.get(one.port);
    if (one.index < 0 || held === undefined) return;
    const last = held.pop()!;
    if (last !== one) {
      held[one.index] = last;
      last.index = one.index;
    }
    one.index = -1;
    if (held.length === 0) this.#byPort.delete(one.port);
  }

  at(port: number, nowNs: number): readonly HeldPort[] {
    while (this.#resting.length > 0 && this.#resting[0]!.untilNs <= nowNs) this.release(this.#resting.shift()!);
    return this.#byPort.get(port) ?? NONE;
  }

  static {
    stateClass("HeldPorts", this, {
      save: (it) => ({ byPort: it.#byPort, resting: it.#resting }),
      load: (it, from) => ({ byPort: it.#byPort, resting: it.#resting } = from),
    });
  }
}

const NONE: readonly HeldPort[] = [];

/** A socket of a connection. */
interface PortHolder {
  heldPort: HeldPort | null;
  readonly local: InetEndpoint | null;
  readonly options: { readonly reuseAddress: boolean; readonly reusePort: boolean; readonly boundIndex: number };
  readonly inode: { readonly uid: number } | null;
  readonly network: { readonly tcpPorts: { readonly held: HeldPorts } };
  readonly kernel: { now(): number };
}

/** What the end of a connection says of its port. */
interface EndedTransport {
  readonly waits: boolean;
  /** Of one that a reset may end while it waits. */
  heldPort?: HeldPort | null;
}

/** The port is kept for the connection alone. */
export function holdPort({ local, options, inode, network }: PortHolder): HeldPort | null {
  if (local === null) return null;
  const { reuseAddress, reusePort, boundIndex: device } = options;
  const flags = { isDualStack: false, reuseAddress, reusePort, uid: inode!.uid, isListening: false, device };
  return network.tcpPorts.held.hold({ ip: local.ip, port: local.port, ...flags });
}

/**
 * The connection has been closed: its port is free, or waits where this side was the first.
 *
 * @param isBound  the program chose it: one of the machine's choice is told from others by both ends
 */
export function letHeldPortGo(socket: PortHolder, transport: EndedTransport | null, isBound: boolean): void {
  const { held: ports } = socket.network.tcpPorts;
  const waits = transport?.waits === true;
  const held = socket.heldPort ?? (waits && isBound ? holdPort(socket) : null);
  socket.heldPort = null;
  if (held === null) return;
  if (!waits) ports.release(held);
  else {
    ports.rest(held, socket.kernel.now());
    if (transport.heldPort !== undefined) transport.heldPort = held;
  }
}
