/**
 * Ports that connections keep from bind(2) though no socket has claimed them for itself: those of accepted connections,
 * and those whose side ended first, as long as the other side may (FIN-WAIT-2), and for a minute after (RFC 9293
 * §3.3.2, TIME-WAIT; net/ipv4/inet_timewait_sock.c).
 */
import { TCP_FIN_WAIT2, TCP_TIME_WAIT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type InetEndpoint, type IpAddress, isLoopback } from "@stratos/netstack";
import type { PortClaim } from "./port-claim.ts";
import { PortMap } from "./port-map.ts";

/** Linux's TCP_TIMEWAIT_LEN. */
const REST_NS = 60e9;
/** The loopback of a network. */
const LOOPBACK_INDEX = 1;
/** Of one network, however many net.ipv4.tcp_max_tw_buckets allows. */
const WAITING_MAX = 65536;
/** A queue is rid of what was let go when that is more than the rest, and this. */
const GONE_MAX = 256;

/** One shape for all: connections come and go often. */
export class HeldPort implements PortClaim {
  ip: IpAddress;
  readonly port: number;
  readonly isDualStack = false;
  reuseAddress: boolean;
  reusePort: boolean;
  readonly uid: number;
  isListening = false;
  device: number;
  readonly isConnectBound: boolean;
  peer: InetEndpoint | null;
  /** Its socket is of AF_INET6. */
  readonly isV6: boolean;
  /** Infinity while the connection is there. */
  untilNs = Infinity;
  /** In TIME-WAIT; of one that waits, else in FIN-WAIT-2. */
  rests = false;
  /** Among those of its port; −1: it is no longer held. */
  index = -1;

  constructor(
    ip: IpAddress,
    port: number,
    peer: InetEndpoint | null,
    { reuseAddress, reusePort, boundIndex }: PortHolder["options"],
    uid: number,
    isConnectBound: boolean,
    isV6: boolean,
  ) {
    this.ip = ip;
    this.port = port;
    this.reuseAddress = reuseAddress;
    this.reusePort = reusePort;
    this.uid = uid;
    this.device = boundIndex;
    this.isConnectBound = isConnectBound;
    this.peer = peer;
    this.isV6 = isV6;
  }

  /** Its socket's SO_REUSEADDR and SO_REUSEPORT, as they are now. */
  share({ reuseAddress, reusePort }: PortHolder["options"]): void {
    this.reuseAddress = reuseAddress;
    this.reusePort = reusePort;
  }

  static {
    stateClass("HeldPort", this);
  }
}

/** net.ipv4.tcp_max_tw_buckets, tcp_tw_reuse and tcp_tw_reuse_delay. */
export interface WaitSettings {
  waitingMost: number;
  /** 0: who waits is left alone; 1: it gives way to connect(2); 2: over the loopback. */
  waitReuse: number;
  waitReuseMs: number;
}

/** In the order in which they came; what was let go before its time stays for a while. Bound: HeldPorts'. */
class PortQueue {
  all: HeldPort[] = [];
  /** Those before it are gone. */
  first = 0;

  static {
    stateClass("PortQueue", this);
  }
}

/** Bound: open sockets, and tcp_max_tw_buckets up to WAITING_MAX. */
export class HeldPorts {
  #byPort = new PortMap<HeldPort[]>();
  /** Those in TIME-WAIT, by when they end; and in FIN-WAIT-2, as they came. */
  #resting = new PortQueue();
  #halfEnded = new PortQueue();
  #waiting = 0;
  /** When they are to be looked at. */
  #nextNs = Infinity;

  hold(one: HeldPort): HeldPort {
    const held = this.#byPort.get(one.port);
    if (held === null) this.#byPort.set(one.port, [one]);
    else held.push(one);
    one.index = held === null ? 0 : held.length - 1;
    return one;
  }

  /** Its connection is over, and this side said so first. */
  rest(one: HeldPort, nowNs: number, { waitingMost }: WaitSettings): void {
    this.#letOver(nowNs);
    if (isOver(one, nowNs)) this.release(one);
    if (one.index < 0 || !this.#mayWait(one, waitingMost)) return;
    one.rests = true;
    this.#enter(this.#resting, one, nowNs + REST_NS);
  }

  /** The same, but the other side has not ended it yet; it may for so long. */
  restUntilEnded(one: HeldPort, nowNs: number, forNs: number, { waitingMost }: WaitSettings): void {
    this.#letOver(nowNs);
    if (one.index < 0 || !this.#mayWait(one, waitingMost)) return;
    this.#enter(this.#halfEnded, one, nowNs + forNs);
  }

  #enter(queue: PortQueue, one: HeldPort, untilNs: number): void {
    one.untilNs = untilNs;
    this.#nextNs = Math.min(this.#nextNs, untilNs);
    queue.all.push(one);
    if (queue.all.length - queue.first > 2 * this.#waiting + GONE_MAX) this.#nextNs = 0;
  }

  /** Else it is let go: too many do (net/ipv4/tcp_minisocks.c, tcp_time_wait). */
  #mayWait(one: HeldPort, most: number): boolean {
    if (doesWait(one)) return true;
    if (this.#waiting >= Math.min(most, WAITING_MAX)) {
      this.release(one);
      return false;
    }
    this.#waiting++;
    return true;
  }

  release(one: HeldPort): void {
    const held = this.#byPort.get(one.port);
    if (one.index < 0 || held === null) return;
    const last = held.pop()!;
    if (last !== one) {
      held[one.index] = last;
      last.index = one.index;
    }
    one.index = -1;
    if (doesWait(one)) this.#waiting--;
    if (held.length === 0) this.#byPort.set(one.port, null);
  }

  /** Those at a port; some may be over already (`isOver`). */
  at(port: number, nowNs: number): readonly HeldPort[] {
    if (this.#nextNs <= nowNs) this.#letOver(nowNs);
    return this.#byPort.get(port) ?? NONE;
  }

  isFree(port: number, nowNs: number): boolean {
    for (const one of this.at(port, nowNs)) if (!isOver(one, nowNs)) return false;
    return true;
  }

  /** How many wait. */
  waiting(nowNs: number): number {
    this.#letOver(nowNs);
    return this.#waiting;
  }

  /** Those, for who lists sockets. */
  waitingOnes(nowNs: number): HeldPort[] {
    this.#letOver(nowNs);
    const waiting = (one: HeldPort, isHalf: boolean): boolean => belongs(one, isHalf) && !isOver(one, nowNs);
    return [
      ...this.#resting.all.slice(this.#resting.first).filter((one) => waiting(one, false)),
      ...this.#halfEnded.all.slice(this.#halfEnded.first).filter((one) => waiting(one, true)),
    ];
  }

  #letOver(nowNs: number): void {
    if (nowNs < this.#nextNs) return;
    this.#nextNs = Math.min(this.#look(this.#resting, nowNs), this.#look(this.#halfEnded, nowNs));
  }

  /** @returns when the first is over */
  #look(queue: PortQueue, nowNs: number): number {
    const isHalf = queue === this.#halfEnded;
    if (queue.all.length - queue.first > 2 * this.#waiting + GONE_MAX) {
      queue.all = queue.all.filter((one) => belongs(one, isHalf));
      queue.first = 0;
    }
    const { all } = queue;
    let nextNs = Infinity;
    for (; queue.first < all.length; queue.first++) {
      const one = all[queue.first]!;
      if (!belongs(one, isHalf)) continue;
      if (!isOver(one, nowNs)) {
        nextNs = one.untilNs;
        break;
      }
      this.release(one);
    }
    if (queue.first > all.length - queue.first + GONE_MAX) {
      all.splice(0, queue.first);
      queue.first = 0;
    }
    return nextNs;
  }

  static {
    stateClass("HeldPorts", this, {
      save: (it) => ({
        byPort: it.#byPort,
        resting: it.#resting,
        halfEnded: it.#halfEnded,
        waiting: it.#waiting,
        nextNs: it.#nextNs,
      }),
      load: (it, from) =>
        ({
          byPort: it.#byPort,
          resting: it.#resting,
          halfEnded: it.#halfEnded,
          waiting: it.#waiting,
          nextNs: it.#nextNs,
        } = from),
    });
  }
}

const NONE: readonly HeldPort[] = [];

/** One that was let go, or rests by now, is in a queue no more. */
function belongs(one: HeldPort, isHalf: boolean): boolean {
  return one.index >= 0 && one.rests !== isHalf;
}

/** Has it waited for long enough? */
export function isOver(one: HeldPort, nowNs: number): boolean {
  return one.untilNs <= nowNs;
}

/** `tw_substate` of Linux. */
export function waitingState({ rests }: HeldPort): number {
  return rests ? TCP_TIME_WAIT : TCP_FIN_WAIT2;
}

/** Does it wait for the other side, or for late segments? */
export function doesWait(one: HeldPort): boolean {
  return one.untilNs < Infinity;
}

/**
 * May a new connection between its ends have its place (net/ipv4/tcp_ipv4.c, tcp_twsk_unique)?
 *
 * @param isBound  the program chose the port
 */
export function givesWay(one: HeldPort, isBound: boolean, nowNs: number, settings: WaitSettings): boolean {
  if (isBound) return doesWait(one);
  const { waitReuse, waitReuseMs } = settings;
  if (waitReuse === 0 || (waitReuse === 2 && !isOfLoopback(one))) return false;
  return one.rests && nowNs - (one.untilNs - REST_NS) > waitReuseMs * 1e6;
}

function isOfLoopback({ ip, peer, device }: HeldPort): boolean {
  return device === LOOPBACK_INDEX || isLoopback(ip) || (peer !== null && isLoopback(peer.ip));
}

/** A socket of a connection. */
interface PortHolder {
  heldPort: HeldPort | null;
  readonly local: InetEndpoint | null;
  readonly peer: InetEndpoint | null;
  readonly isV6: boolean;
  readonly options: { readonly reuseAddress: boolean; readonly reusePort: boolean; readonly boundIndex: number };
  readonly inode: { readonly uid: number } | null;
  readonly network: { readonly tcpPorts: { readonly held: HeldPorts }; readonly settings: WaitSettings };
  readonly kernel: { now(): number };
  readonly tcp: { readonly finWaitNs: number };
}

/** What the end of a connection says of its port. */
interface EndedTransport {
  readonly waits: boolean;
  /** The other side has ended it, too. */
  readonly isEnded: boolean;
  /** Of one that is told when that comes, or a reset: what waits. */
  heldPort?: HeldPort | null;
}

/** The port is kept for the connection alone. @param claim  the socket's own, if there is one */
export function holdPort(socket: PortHolder, claim: PortClaim | null): HeldPort | null {
  const { local, peer, options, inode, network, isV6 } = socket;
  if (local === null) return null;
  const port = claim === null ? local.port : claim.port;
  const isConnectBound = claim !== null && claim.isConnectBound;
  return network.tcpPorts.held.hold(new HeldPort(local.ip, port, peer, options, inode!.uid, isConnectBound, isV6));
}

/** The connection has been closed: its port is free, or waits where this side was the first. */
export function letHeldPortGo(socket: PortHolder, transport: EndedTransport | null, claim: PortClaim | null): void {
  const { tcpPorts, settings } = socket.network;
  const waits = transport?.waits === true;
  const held = socket.heldPort ?? (waits ? holdPort(socket, claim) : null);
  socket.heldPort = null;
  if (held === null) return;
  if (!waits) {
    tcpPorts.held.release(held);
    return;
  }
  const now = socket.kernel.now();
  if (transport.isEnded) tcpPorts.held.rest(held, now, settings);
  else tcpPorts.held.restUntilEnded(held, now, socket.tcp.finWaitNs, settings);
  if (transport.heldPort !== undefined) transport.heldPort = held;
}
