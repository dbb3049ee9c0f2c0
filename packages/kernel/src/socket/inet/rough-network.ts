/**
 * A network on which datagrams get lost, come twice, late and out of turn, or not at all between two places for a
 * while: RFC 768 promises none of it away. A network within a machine is smooth (`UdpNetwork.rough` is null) until a
 * disturber (task/disturber.ts) makes it rough; TCP's part is `LoopbackTransport.delay`.
 */
import { EFAULT } from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import { type InetEndpoint, isSameIp, keepEndpoint } from "@stratos/netstack";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { Timer, type TimerClient } from "../../time/timer-queue.ts";
import type { SocketNetwork } from "../socket-kernel.ts";
import type { OutgoingDatagram } from "./datagram-transport.ts";

/** What the network does to the next datagram; of "partition" to all between its two ends. */
export type DatagramFault =
  | { readonly kind: "loss" | "double" }
  /** From now on. */
  | { readonly kind: "delay" | "partition"; readonly ns: number };

/** Brings a datagram at once; `deliver` as a transport's `send`. */
interface Bringer {
  deliver(datagram: OutgoingDatagram, from: IoCursor): number;
}

/** Nothing comes from one end to the other until then, neither way. */
interface Partition {
  readonly one: InetEndpoint;
  readonly other: InetEndpoint;
  readonly untilNs: number;
}

/** Partitions at a time: the oldest one is mended for another. */
const PARTITIONS_MAX = 64;

export class RoughNetwork {
  readonly network: SocketNetwork;
  /** Of the call that is under way; null: its datagrams go as they should. */
  next: DatagramFault | null = null;
  /** Bound: PARTITIONS_MAX. */
  partitions: Partition[] = [];

  constructor(network: SocketNetwork) {
    this.network = network;
  }

  /** As a transport's `send`. */
  send(by: Bringer, datagram: OutgoingDatagram, from: IoCursor): number {
    const fault = this.next;
    this.next = null;
    if (fault?.kind === "partition") this.#part(datagram, fault.ns);
    const isLost = fault?.kind === "loss" || this.#isParted(datagram);
    if (fault === null && !isLost) return by.deliver(datagram, from);
    const bytes = new Uint8Array(from.remaining);
    const taken = bytes.length === 0 ? 0 : from.take(bytes, 0, bytes.length);
    if (taken < bytes.length) return taken < 0 ? taken : -EFAULT;
    if (isLost) return taken;
    if (fault?.kind === "delay") {
      new LateDatagram(this.network, by, datagram, bytes).leave(fault.ns);
      return taken;
    }
    // Where nobody is, nobody says so: that message (ICMP) gets lost on a rough network.
    for (let times = 0; times < 2; times++) by.deliver(datagram, new BytesCursor(bytes));
    return taken;
  }

  #part({ from, to }: OutgoingDatagram, ns: number): void {
    const now = this.network.kernel.now();
    this.partitions = this.partitions.filter(({ untilNs }) => untilNs > now).slice(1 - PARTITIONS_MAX);
    this.partitions.push({ one: kept(from), other: kept(to), untilNs: now + ns });
  }

  #isParted({ from, to }: OutgoingDatagram): boolean {
    if (this.partitions.length === 0) return false;
    const now = this.network.kernel.now();
    return this.partitions.some(
      ({ one, other, untilNs }) =>
        untilNs > now && ((isSame(one, from) && isSame(other, to)) || (isSame(one, to) && isSame(other, from))),
    );
  }

  static {
    stateClass("RoughNetwork", this);
  }
}

/** One that is still under way. Bound: those that a disturber delays; its bytes count with what waits in sockets. */
class LateDatagram implements TimerClient {
  readonly network: SocketNetwork;
  readonly by: Bringer;
  readonly datagram: OutgoingDatagram;
  readonly bytes: Uint8Array;

  constructor(network: SocketNetwork, by: Bringer, datagram: OutgoingDatagram, bytes: Uint8Array) {
    this.network = network;
    this.by = by;
    this.datagram = { ...datagram, from: kept(datagram.from), to: kept(datagram.to) };
    this.bytes = bytes;
  }

  leave(ns: number): void {
    const { kernel, udpMemory } = this.network;
    // As at the receiver: what has no room is lost.
    if (udpMemory.isFull) return;
    udpMemory.bytes += this.bytes.length;
    kernel.timers.set(new Timer(this), kernel.now() + ns);
  }

  /** Who hears it now gets it, though its sender may be closed. */
  timerExpired(): void {
    this.network.udpMemory.bytes -= this.bytes.length;
    this.by.deliver(this.datagram, new BytesCursor(this.bytes));
  }

  static {
    stateClass("LateDatagram", this);
  }
}

function kept({ ip, port }: InetEndpoint): InetEndpoint {
  return keepEndpoint(ip, port);
}

function isSame(one: InetEndpoint, other: InetEndpoint): boolean {
  return one.port === other.port && isSameIp(one.ip, other.ip);
}
