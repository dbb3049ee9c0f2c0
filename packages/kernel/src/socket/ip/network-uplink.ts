/**
 * What lies behind the provider's interface for packets that a network passes on: `Uplink` of netstack, with the
 * kernel's clock, timers and memory. What it says comes in by the same interface.
 */
import { stateClass } from "@stratos/base";
import type { HostAddress, SocketProvider } from "@stratos/host";
import {
  type IncomingConnections,
  type IncomingDatagrams,
  type IpAddress,
  type IpDevice,
  isLinkLocal,
  isV4,
  type Uplink,
  type UplinkHost,
} from "@stratos/netstack";
import { Timer, type TimerClient } from "../../time/timer-queue.ts";
import type { NetworkInterface } from "../network-interface.ts";
import type { SocketNetwork } from "../socket-kernel.ts";
import { makeUplink } from "./make-tcp.ts";

const KEY_BYTES = 16;

export class NetworkUplink implements IpDevice, UplinkHost, TimerClient {
  readonly provider: SocketProvider;
  readonly isEthernet = false;
  readonly asksNeighbours = false;
  readonly isLoopback = false;
  #network: SocketNetwork;
  #one: NetworkInterface;
  #timer = new Timer(this);
  /** null: nothing was passed on yet. */
  #uplink: Uplink | null = null;

  constructor(network: SocketNetwork, one: NetworkInterface, provider: SocketProvider) {
    this.#network = network;
    this.#one = one;
    this.provider = provider;
  }

  get index(): number {
    return this.#one.index;
  }

  get mtu(): number {
    return this.#one.mtu;
  }

  get mtuV6(): number {
    return Math.min(this.#one.mtu, this.#one.mtuV6);
  }

  get hardwareAddress(): Uint8Array {
    return this.#one.hardwareAddress;
  }

  get isUp(): boolean {
    return this.#one.isUp;
  }

  transmit(bytes: Uint8Array, length: number): void {
    const { counters } = this.#one;
    counters.sentPackets++;
    counters.sentBytes += length;
    this.#begun.transmit(bytes, 0, length);
  }

  get #begun(): Uplink {
    if (this.#uplink !== null) return this.#uplink;
    const key = new Uint8Array(KEY_BYTES);
    this.#network.kernel.random.fill(key);
    return (this.#uplink = makeUplink(this, key));
  }

  now(): number {
    return this.#network.kernel.now();
  }

  wakeAt(deadlineNs: number): void {
    const { timers } = this.#network.kernel;
    if (deadlineNs === Infinity) timers.cancel(this.#timer);
    else if (!this.#timer.isArmed || this.#timer.deadlineNs !== deadlineNs) timers.set(this.#timer, deadlineNs);
  }

  wakeNow(): void {
    const { kernel } = this.#network;
    this.wakeAt(kernel.now());
    kernel.onRunnable?.();
  }

  timerExpired(): void {
    this.#begun.advance();
    this.#network.kernel.socketState.backlog.run();
  }

  isOutside(ip: IpAddress): boolean {
    return this.#one.addressOf(ip) !== undefined;
  }

  arrive(packet: Uint8Array): boolean {
    const { kernel } = this.#network;
    const { counters } = this.#one;
    const isTaken = kernel.socketState.backlog.add(kernel, this.#one, packet, false);
    counters.receivedPackets++;
    counters.receivedBytes += packet.length;
    if (!isTaken) counters.receivedDropped++;
    return isTaken;
  }

  addressOutside(isV6: boolean): IpAddress | null {
    const found = this.#one.addresses.find(({ ip }) => isV4(ip) !== isV6 && (!isV6 || !isLinkLocal(ip)));
    return found?.ip ?? null;
  }

  /** A listener's connections from the host are to come in by packets. */
  comesIn(door: IncomingConnections): void {
    this.#begun.comesIn(door);
  }

  /** That listens no more. */
  forget(door: IncomingConnections): void {
    this.#uplink?.forget(door);
  }

  /** So are datagrams that somebody outside sends to a socket's port. */
  datagramsComeIn(door: IncomingDatagrams): void {
    this.#begun.datagramsComeIn(door);
  }

  forgetDatagrams(door: IncomingDatagrams): void {
    this.#uplink?.forgetDatagrams(door);
  }

  /** Who has sent what came in from there; null: nothing did. @param port  that it came to */
  senderOutside(ip: IpAddress, ipPort: number, port: number): HostAddress | null {
    return this.#uplink?.senderOutside(ip, ipPort, port) ?? null;
  }

  echoesNothing(): void {
    this.#network.kernel.notices.set("packets", "");
  }

  charge(bytes: number): void {
    this.#network.tcpMemory.bytes += bytes;
  }

  get isShort(): boolean {
    return this.#network.tcpMemory.isFull;
  }

  static {
    stateClass("NetworkUplink", this, {
      save: (it) => ({ network: it.#network, one: it.#one, timer: it.#timer, uplink: it.#uplink }),
      load: (it, from) => ({ network: it.#network, one: it.#one, timer: it.#timer, uplink: it.#uplink } = from),
    });
  }
}
