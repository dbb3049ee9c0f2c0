/**
 * TCP of a network over its links (`TcpStack` of netstack): it has the kernel's clock, timers and memory, and finds who
 * listens. Connections inside the machine and those of the provider have nothing to do with it (tcp-transport.ts).
 */
import { stateClass } from "@stratos/base";
import {
  type ConnectionOptions,
  type IpAddress,
  type IpOutput,
  type IpReceiver,
  ScratchEndpoint,
  type TcpBacklog,
  type TcpHost,
  type TcpStack,
} from "@stratos/netstack";
import { Timer, type TimerClient } from "../../time/timer-queue.ts";
import { makeTcpStack } from "../ip/make-tcp.ts";
import { Hearing } from "./port-table.ts";
import type { StackListener } from "./stack-tcp.ts";
import type { TcpClaim, TcpNetwork, TcpSocket } from "./tcp-socket.ts";

/** RFC 6528 asks for 128 bits that nobody outside knows. */
const KEY_BYTES = 16;
const FROM = new ScratchEndpoint();

/** The IP layer below. */
interface IpBelow {
  readonly output: IpOutput;
  /** Something was sent: what comes of it in this machine is done. */
  settle(): void;
}

export class NetworkTcp implements TcpHost, IpReceiver, TimerClient {
  #network: TcpNetwork;
  #below: IpBelow;
  #timer = new Timer(this);
  /** null: nothing came or went yet. */
  #stack: TcpStack | null = null;

  constructor(network: TcpNetwork, below: IpBelow) {
    this.#network = network;
    this.#below = below;
  }

  get stack(): TcpStack {
    if (this.#stack !== null) return this.#stack;
    const key = new Uint8Array(KEY_BYTES);
    this.#network.kernel.random.fill(key);
    return (this.#stack = makeTcpStack(this.#below.output, this, key));
  }

  /** null: nothing came or went yet. */
  get begun(): TcpStack | null {
    return this.#stack;
  }

  receive(...packet: Parameters<IpReceiver["receive"]>): void {
    this.stack.receive(...packet);
  }

  unreachable(...error: Parameters<IpReceiver["unreachable"]>): void {
    this.stack.unreachable(...error);
  }

  now(): number {
    return this.#network.kernel.now();
  }

  wakeAt(deadlineNs: number): void {
    const { timers } = this.#network.kernel;
    if (deadlineNs === Infinity) timers.cancel(this.#timer);
    else if (!this.#timer.isArmed || this.#timer.deadlineNs !== deadlineNs) timers.set(this.#timer, deadlineNs);
    this.#below.settle();
  }

  timerExpired(): void {
    this.stack.expire();
  }

  listenerFor(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    device: number,
  ): TcpBacklog | null {
    const where = { ip: local, port: localPort, device };
    const claim = this.#network.tcpPorts.find(where, FROM.set(remote, remotePort), hears);
    return claim?.socket.fromLinks?.backlog ?? null;
  }

  childOptions(backlog: TcpBacklog, device: number): ConnectionOptions {
    const { socket } = backlog.owner as StackListener;
    return connectionOptions(socket, socket.options.boundIndex || device);
  }

  charge(bytes: number): void {
    this.#network.tcpMemory.bytes += bytes;
  }

  get isShort(): boolean {
    return this.#network.tcpMemory.isFull;
  }

  static {
    stateClass("NetworkTcp", this, {
      save: (it) => ({ network: it.#network, below: it.#below, timer: it.#timer, stack: it.#stack }),
      load: (it, from) => ({ network: it.#network, below: it.#below, timer: it.#timer, stack: it.#stack } = from),
    });
  }
}

/** @param device  the interface that it keeps to; 0: none */
export function connectionOptions(socket: TcpSocket, device: number): ConnectionOptions {
  const { options, ip, tcp, network } = socket;
  const { peer, local } = socket;
  const end = peer?.ip ?? local!.ip;
  return {
    how: {
      hops: ip.hopLimitTo(end, null),
      trafficClass: ip.trafficClassTo(end, null),
      dontFragment: true,
      device,
      ...socket.origin,
    },
    receiveLimit: options.receiveBuffer,
    // Who chose the room keeps it (SOCK_RCVBUF_LOCK).
    receiveMost: options.isReceiveFixed
      ? options.receiveBuffer
      : Math.max(options.receiveBuffer, network.settings.tcpReceive[2]),
    mssClamp: tcp.segmentMost,
    offersSack: network.settings.hasSack !== 0,
    offersTimestamps: network.settings.hasTimestamps !== 0,
    offersScale: network.settings.hasWindowScaling !== 0,
  };
}

function hears(claim: TcpClaim): Hearing {
  return claim.socket.isListening ? Hearing.anybody : Hearing.nobody;
}
