import { AF_INET6, EAGAIN, EFAULT, ETH_P_IP, ETH_P_IPV6, POLLIN, POLLRDNORM, isErrno } from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { DatagramQueue, type ReceivedDatagram } from "./datagram-queue.ts";
import { type DatagramTransport, NOBODY, type OutgoingDatagram } from "./datagram-transport.ts";
import { isGroupOpen } from "./group-route.ts";
import { Hearing, type PortTable, reaches } from "./port-table.ts";
import { hasReceiveRoom } from "../socket-options.ts";
import { admittedBytes } from "../socket-filter.ts";
import type { UdpClaim, UdpSocket } from "./udp-socket.ts";

const UDP_HEADER_SIZE = 8;

/** Datagrams between sockets of one network: what one sends goes into the queue of the other. */
export class LoopbackDatagrams implements DatagramTransport {
  #socket: UdpSocket;
  #ports: PortTable<UdpClaim>;
  /** What came in; its cost stays within SO_RCVBUF. */
  readonly queue = new DatagramQueue();

  constructor(socket: UdpSocket, ports: PortTable<UdpClaim>) {
    this.#socket = socket;
    this.#ports = ports;
  }

  send(datagram: OutgoingDatagram, from: IoCursor): number {
    const { rough } = this.#socket.network;
    return rough === null ? this.deliver(datagram, from) : rough.send(this, datagram, from);
  }

  /** Into the queue of who hears it. @returns as `send` */
  deliver(datagram: OutgoingDatagram, from: IoCursor): number {
    const device = this.#socket.network.interfaceOf(datagram.to.ip).index;
    const claim = this.#hearerOf(datagram, device);
    return claim === null ? NOBODY : claim.socket.loopback.arrive(datagram, device, from);
  }

  isHeard(datagram: OutgoingDatagram): boolean {
    return this.#hearerOf(datagram, this.#socket.network.interfaceOf(datagram.to.ip).index) !== null;
  }

  #hearerOf({ to: { ip, port }, from }: OutgoingDatagram, device: number): UdpClaim | null {
    return this.#ports.find({ ip, port, device }, from, hears);
  }

  /** Does the interface take in what is sent to the group? Work: one step a member of groups. */
  isOpen({ to, from }: OutgoingDatagram, device: number): boolean {
    return isGroupOpen(this.#socket.network, to.ip, { device, from: from.ip });
  }

  /**
   * A copy for each socket that hears the group by the interface (net/ipv4/udp.c, __udp4_lib_mcast_deliver). Work: one
   * step a socket at the port.
   */
  sendToMembers(datagram: OutgoingDatagram, device: number, copy: () => IoCursor): void {
    const { to, from } = datagram;
    for (const claim of this.#ports.at(to.port)) {
      const { socket } = claim;
      const isReached = reaches(claim, to.ip, device) && socket.hears(from);
      if (isReached && socket.ip.hearsGroup(to.ip, device, from.ip, socket.isV6))
        socket.loopback.arrive(datagram, device, copy());
    }
  }

  /** A copy for each socket that the address reaches, as a broadcast. Work: one step a socket at the port. */
  sendToAll(datagram: OutgoingDatagram, copy: () => IoCursor): void {
    const { ip, port } = datagram.to;
    const device = this.#socket.network.interfaceOf(ip).index;
    for (const claim of this.#ports.at(port))
      if (reaches(claim, ip, device) && claim.socket.hears(datagram.from))
        claim.socket.loopback.arrive(datagram, device, copy());
  }

  /** Into the queue; without room the datagram is lost, as datagrams are. @returns its length, −EFAULT */
  arrive(datagram: OutgoingDatagram, interfaceIndex: number, from: IoCursor): number {
    const socket = this.#socket;
    const { udpMemory, transfer } = socket.network;
    const length = from.remaining;
    if (!hasReceiveRoom(this.queue.cost, length, socket.options.receiveBuffer) || udpMemory.isFull) {
      socket.network.counters.udpOf(datagram.from.ip).noRoom++;
      // The bytes are looked at all the same.
      const taken = length === 0 ? 0 : from.take(transfer, 0, length);
      return taken < length ? (taken < 0 ? taken : -EFAULT) : length;
    }
    const before = this.queue.cost;
    const admitted = socket.options.filter === null ? from : this.#admit(datagram, interfaceIndex, from);
    if (isErrno(admitted)) return admitted;
    const taken = this.queue.push(datagram, interfaceIndex, admitted);
    if (taken < 0) return taken;
    udpMemory.bytes += this.queue.cost - before;
    socket.readiness.wakeAll(POLLIN | POLLRDNORM);
    return length;
  }

  /**
   * What the socket's filter lets through, which sees the UDP header as well (RFC 768); its length when that is
   * nothing; −EFAULT.
   */
  #admit(datagram: OutgoingDatagram, interfaceIndex: number, from: IoCursor): IoCursor | number {
    const length = from.remaining;
    const bytes = new Uint8Array(UDP_HEADER_SIZE + length);
    const taken = length === 0 ? 0 : from.take(bytes, UDP_HEADER_SIZE, length);
    if (taken < length) return taken < 0 ? taken : -EFAULT;
    const header = [datagram.from.port, datagram.to.port, bytes.length, 0];
    header.forEach((word, index) => bytes.set([word >> 8, word & 255], index * 2));
    const protocol = this.#socket.family === AF_INET6 ? ETH_P_IPV6 : ETH_P_IP;
    const admitted = admittedBytes(this.#socket, bytes, { protocol, interfaceIndex });
    return admitted < 0
      ? length
      : new BytesCursor(bytes.subarray(UDP_HEADER_SIZE, Math.max(UDP_HEADER_SIZE, admitted)));
  }

  receive(into: ReceivedDatagram, to: IoCursor, peek: boolean): number {
    const { queue } = this;
    if (queue.count === 0) return -EAGAIN;
    into.passed = 0;
    const moved = queue.copyTo(to);
    queue.describe(into);
    if (peek) queue.markPeeked();
    else {
      // Also one that couldn't be put there (net/ipv4/udp.c, udp_recvmsg).
      const before = queue.cost;
      queue.shift();
      this.#socket.network.udpMemory.bytes -= before - queue.cost;
    }
    return moved;
  }

  /** As `receive` where a peek passes over so many bytes of what waits. */
  peekAt(offset: number, into: ReceivedDatagram, to: IoCursor): number {
    const { queue } = this;
    const place = queue.seek(offset, into);
    if (place < 0) return -EAGAIN;
    const moved = queue.copyTo(to, place, into.passed);
    if (moved < 0) return moved;
    queue.describe(into, place);
    queue.markPeeked(place);
    return moved;
  }

  get isReadable(): boolean {
    return this.queue.count > 0;
  }

  get isWritable(): boolean {
    return true;
  }

  get available(): number {
    return this.queue.length;
  }

  takeError(): number {
    return 0;
  }

  close(): void {
    this.#socket.network.udpMemory.bytes -= this.queue.cost;
    this.queue.clear();
  }

  static {
    stateClass("LoopbackDatagrams", this, {
      save: (it) => ({ socket: it.#socket, ports: it.#ports }),
      load: (it, from) => ({ socket: it.#socket, ports: it.#ports } = from),
    });
  }
}

function hears(claim: UdpClaim, sender: OutgoingDatagram["from"]): Hearing {
  if (!claim.socket.hears(sender)) return Hearing.nobody;
  return claim.socket.peer === null ? Hearing.anybody : Hearing.peer;
}
