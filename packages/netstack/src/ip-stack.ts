/**
 * IP of one network (RFC 791, RFC 8200, RFC 1122): what comes in by interfaces is checked, put together, handed to its
 * protocol, or passed on to where it goes; what protocols send goes out by IpSender.
 *
 *     frames -> arp / ndp -> neighbours        protocols (IpReceiver)
 *        |                       |                 ^          |
 *        +-> IncomingPacket -> is it for us? --yes-+          v
 *                                +--no--> forward --> IpLinkOutput <-- IpSender
 *
 * Nothing is called back from inside `send`: an interface keeps what comes until its owner hands it in, one after
 * the other. So no protocol is entered twice, and how deep calls go doesn't depend on what others send.
 */
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, EACCES, EHOSTUNREACH, EINVAL } from "@stratos/abi";
import { PASSED, REFUSED, REFUSED_BY_RESET, stateClass } from "@stratos/base";
import {
  ETHERNET_HEADER_SIZE,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  shortAt,
  writeShort,
} from "./ethernet.ts";
import {
  ADDRESS_UNREACHABLE_V6,
  FRAGMENTATION_NEEDED,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_PARAMETER_PROBLEM,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_TOO_BIG,
  ICMPV6_UNREACHABLE,
  NET_UNREACHABLE,
  NO_ROUTE_V6,
  PORT_UNREACHABLE,
  PORT_UNREACHABLE_V6,
  PROTOCOL_UNREACHABLE,
  UNKNOWN_HEADER_V6,
  HOST_UNREACHABLE,
  PROHIBITED,
  PROHIBITED_V6,
} from "./icmp.ts";
import { IcmpLayer } from "./icmp-layer.ts";
import { IpCounters, type VersionCounters } from "./ip-counters.ts";
import {
  type IpAddress,
  isBroadcast,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isV4,
  isWildcard,
  makeV4,
} from "./ip-address.ts";
import { type IpDevice, type IpHost, NextHop, Traffic } from "./ip-host.ts";
import { FRAME_ROOM, IpLinkOutput, OUTPUT } from "./ip-link-output.ts";
import { IncomingPacket, IPV4_HEADER_SIZE, MALFORMED, PARSED } from "./ip-packet.ts";
import { hasSourceRoute, NO_OPTIONS, recordHop } from "./ip-options.ts";
import { IpSender, timeOf } from "./ip-sender.ts";
import { setHeaderChecksum } from "./ip-writer.ts";
import type { NeighbourCache } from "./neighbour-cache.ts";
import type { PacketFilter } from "./packet-filter.ts";
import { type PartialPacket, Reassembly } from "./reassembly.ts";
import { RESET_SIZE, writeReset } from "./tcp-reset.ts";

const HOP = new NextHop();
const TRAFFIC = new Traffic();
/** A packet that no neighbour took, or that waited too long for its other parts. */
const LOST = new IncomingPacket();
/** One of our own that the filter refused. */
const OWN = new IncomingPacket();
const RESET = new Uint8Array(RESET_SIZE);
const RESET_SENDING = { hops: 64, trafficClass: 0, dontFragment: false, device: 0, mark: 0, uid: -1, gid: -1 };

export class IpStack {
  readonly counters: VersionCounters = [new IpCounters(), new IpCounters()];
  readonly sender: IpSender;
  readonly icmp: IcmpLayer;
  #host: IpHost;
  #link: IpLinkOutput;
  #reassembly = new Reassembly();
  /** The packet that is under way through `receive`. */
  readonly packet = new IncomingPacket();

  constructor(host: IpHost) {
    this.#host = host;
    this.#link = new IpLinkOutput(host, this);
    this.sender = new IpSender(host, this.#link, this.counters);
    this.icmp = new IcmpLayer(host, this.#link, this.sender, this.counters);
  }

  get neighbours(): NeighbourCache {
    return this.#link.neighbours;
  }

  /** When `advance` has something to do; Infinity: nothing waits. */
  get nextNs(): number {
    if (this.sender.refused.length > 0) return 0;
    return Math.min(this.#link.neighbours.nextNs, this.#reassembly.nextNs);
  }

  /** What is due at `nowNs` is done. */
  advance(nowNs: number): void {
    this.#link.neighbours.expire(nowNs);
    for (let old = this.#reassembly.takeExpired(nowNs); old !== null; old = this.#reassembly.takeExpired(nowNs))
      this.#gaveUp(old);
    for (const { bytes, type, code } of this.sender.refused.splice(0)) this.#refuseOwn(bytes, type, code);
  }

  /** What the filter refused of ours comes back to whoever sent it, as if from where it went. */
  #refuseOwn(bytes: Uint8Array, type: number, code: number): void {
    if (OWN.read(bytes, 0, bytes.length) !== PARSED) return;
    OWN.device = 0;
    OWN.isForMany = false;
    if (type !== REFUSED_BY_RESET) this.icmp.refuse(OWN, type, code, 0);
    else if (writeReset(OWN, RESET))
      this.#host.receiver(IPPROTO_TCP)?.receive(OWN.destination, OWN.source, RESET, 0, RESET_SIZE, 0, 0);
  }

  #gaveUp(partial: PartialPacket): void {
    const { bytes, at, knownLength, isV6, device } = partial;
    this.counters[isV6 ? 1 : 0].partsExpired++;
    if (!partial.hasFirst || LOST.read(bytes, at, knownLength) !== PARSED) return;
    LOST.device = device;
    LOST.isForMany = false;
    this.icmp.refuse(LOST, isV6 ? ICMPV6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED, 1, 0);
  }

  /**
   * A frame came in, for this interface, for all or for a group.
   *
   * @param bytes  valid during the call, from the frame's header on
   * @param isForMany  it went to all stations or a group
   */
  frameReceived(device: IpDevice, bytes: Uint8Array, length: number, isForMany: boolean): void {
    if (length < ETHERNET_HEADER_SIZE) return;
    const payload = length - ETHERNET_HEADER_SIZE;
    switch (shortAt(bytes, 12)) {
      case ETHERTYPE_ARP:
        this.#link.arpReceived(device, bytes, ETHERNET_HEADER_SIZE, payload);
        break;
      case ETHERTYPE_IPV4:
        if (bytes[ETHERNET_HEADER_SIZE]! >> 4 === 4)
          this.packetReceived(device, bytes, ETHERNET_HEADER_SIZE, payload, isForMany, null, true);
        break;
      case ETHERTYPE_IPV6:
        if (bytes[ETHERNET_HEADER_SIZE]! >> 4 === 6)
          this.packetReceived(device, bytes, ETHERNET_HEADER_SIZE, payload, isForMany, null, true);
        break;
    }
  }

  /** Tells all stations of the interface's network whose address it is (RFC 5227 §3). */
  announce(device: IpDevice, ip: IpAddress): void {
    this.#link.announce(device, ip);
  }

  /**
   * A packet came in, `bytes[at … at + length)`: valid during the call.
   *
   * @param known  of one that came back by the loopback: what the filter knows of it
   * @param isFramed  it came in a frame; by the loopback, a packet socket has sent it
   */
  packetReceived(
    device: IpDevice,
    bytes: Uint8Array,
    at: number,
    length: number,
    isForMany: boolean,
    known: object | null = null,
    isFramed = false,
  ): void {
    const { packet } = this;
    const parsed = packet.read(bytes, at, length);
    const counters = this.counters[bytes[at]! >> 4 === 6 ? 1 : 0];
    counters.inReceives++;
    counters.inOctets += length;
    if (parsed === MALFORMED) {
      counters.inHeaderErrors++;
      return;
    }
    packet.device = device.index;
    packet.isForMany = isForMany;
    if ((isFramed || !device.isLoopback) && !this.#isPlausible(packet, device.isLoopback)) {
      counters.inAddressErrors++;
      return;
    }
    if (parsed !== PARSED) {
      this.icmp.refuse(packet, ICMPV6_PARAMETER_PROBLEM, parsed, packet.problemAt);
      return;
    }
    const { filter } = this.#host;
    const wasInParts = packet.isFragment;
    if (filter !== null && !this.#passesIncoming(filter, device, isForMany, known)) return;
    if (this.#isForUs(packet)) this.#deliver(device);
    else this.#forward(device, wasInParts);
  }

  /** Rules see whole packets. @returns does it go on, as `packet` says it is by now? */
  #passesIncoming(filter: PacketFilter, device: IpDevice, isForMany: boolean, known: object | null): boolean {
    const { packet } = this;
    if (packet.isFragment && !this.#putTogether()) return false;
    const verdict = filter.incoming(packet.bytes, packet.at, packet.length, device.index, isForMany, known);
    return this.#heed(filter, verdict) && packet.read(packet.bytes, packet.at, packet.length) === PARSED;
  }

  /** Does what a rule said. @returns does the packet go on? */
  #heed(filter: PacketFilter, verdict: number): boolean {
    if (verdict === PASSED) return true;
    const { packet } = this;
    if (verdict !== REFUSED) return false;
    const { refusalType, refusalCode } = filter;
    // The sender hears of the packet as it is by now.
    if (packet.read(packet.bytes, packet.at, packet.length) !== PARSED) return false;
    if (refusalType !== REFUSED_BY_RESET) this.icmp.refuse(packet, refusalType, refusalCode, 0);
    else if (!packet.isForMany && writeReset(packet, RESET)) {
      const { source, destination } = packet;
      this.sender.send(IPPROTO_TCP, destination, source, RESET, 0, RESET_SIZE, RESET_SENDING);
    }
    return false;
  }

  #putTogether(): boolean {
    const { packet } = this;
    const counters = this.counters[packet.isV6 ? 1 : 0];
    counters.partsReceived++;
    const whole = this.#reassembly.add(packet, this.#host.now());
    if (whole !== null) counters.putTogether++;
    return whole !== null && packet.read(whole.bytes, whole.at, whole.knownLength) === PARSED;
  }

  /** Addresses that nothing from outside can have (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). */
  #isPlausible({ source, destination, device, isV6 }: IncomingPacket, isLoop: boolean): boolean {
    if (isMulticast(source) || isWildcard(destination)) return false;
    if (isLoopback(source) || isLoopback(destination))
      if (isV6 ? !isLoop : !this.#host.routesLoopback(device)) return false;
    // A mapped one on the wire would pass for IPv4's.
    if (isV6 && (isV4(source) || isV4(destination))) return false;
    if (isBroadcast(source) || this.#host.isBroadcast(device, source)) return false;
    if (this.#host.isGiven(source) && !(isV6 ? isLoop : this.#host.acceptsOwn(device))) return false;
    return isV6 || isWildcard(source) || this.#host.isExpected(device, source, destination);
  }

  #isForUs({ destination, device }: IncomingPacket): boolean {
    if (isMulticast(destination)) return this.#host.hearsGroup(device, destination);
    return this.#host.isOwn(destination) || this.#host.isBroadcast(device, destination);
  }

  #deliver(device: IpDevice): void {
    const { packet } = this;
    if (packet.isFragment && !this.#putTogether()) return;
    const { filter } = this.#host;
    if (filter !== null) {
      if (!this.#heed(filter, filter.local())) return;
      if (packet.read(packet.bytes, packet.at, packet.length) !== PARSED) return;
    }
    if (!this.#readOptions(packet)) return;
    const wasTaken = this.#host.offer(packet);
    const { protocol, source, destination, bytes, payloadAt, payloadLength, isV6 } = packet;
    const counters = this.counters[isV6 ? 1 : 0];
    if (protocol === (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
      counters.inDelivers++;
      this.icmp.received(packet, device);
      return;
    }
    const receiver = this.#host.receiver(protocol);
    if (receiver !== null || wasTaken) counters.inDelivers++;
    else counters.inUnknownProtocols++;
    if (receiver !== null)
      receiver.receive(source, destination, bytes, payloadAt, payloadLength, packet.trafficClass, packet.device);
    else if (wasTaken) return;
    else if (isV6)
      this.icmp.refuse(packet, ICMPV6_PARAMETER_PROBLEM, UNKNOWN_HEADER_V6, packet.nextHeaderAt - packet.at);
    else this.icmp.refuse(packet, ICMP_UNREACHABLE, PROTOCOL_UNREACHABLE, 0);
  }

  /** @returns false: they are malformed, or name a way that we don't take part in */
  #readOptions(packet: IncomingPacket): boolean {
    const { bytes, at, payloadAt, isV6, destination, device } = packet;
    packet.options = NO_OPTIONS;
    if (isV6 || payloadAt - at === IPV4_HEADER_SIZE) return true;
    packet.options = bytes.slice(at + IPV4_HEADER_SIZE, payloadAt);
    if (!hasSourceRoute(packet.options) && this.#record(packet.options, device, destination)) return true;
    this.counters[0].inHeaderErrors++;
    return false;
  }

  /** @param to  us, or where we pass it on to by the interface */
  #record(options: Uint8Array, device: number, to: IpAddress): boolean {
    const host = this.#host;
    const own = host.isOwn(to) ? to : host.sourceFor(device, to);
    const isOwn = (word: number): boolean => host.isOwn(makeV4(word));
    return recordHop(options, { own: own === null ? 0 : own[3]!, isOwn, timeMs: timeOf(host.now()), isSender: false });
  }

  /** Of a protocol, from inside its `receive`: nobody listens at the port. */
  refusePort(): void {
    const { packet } = this;
    if (packet.isV6) this.icmp.refuse(packet, ICMPV6_UNREACHABLE, PORT_UNREACHABLE_V6, 0);
    else this.icmp.refuse(packet, ICMP_UNREACHABLE, PORT_UNREACHABLE, 0);
  }

  /** RFC 1812 §5.2, RFC 8200 §3. */
  #forward(from: IpDevice, wasInParts: boolean): void {
    const { packet } = this;
    const { isV6, source, destination, length } = packet;
    if (packet.isForMany || isMulticast(destination) || !this.#host.forwards(isV6, from.index)) return;
    if (isWildcard(source) || (isV6 && (isLinkLocal(source) || isLinkLocal(destination)))) return;
    const counters = this.counters[isV6 ? 1 : 0];
    if (packet.hops <= 1) {
      counters.inHeaderErrors++;
      this.icmp.refuse(packet, isV6 ? ICMPV6_TIME_EXCEEDED : ICMP_TIME_EXCEEDED, 0, 0);
      return;
    }
    TRAFFIC.from = from.index;
    TRAFFIC.mark = this.#host.filter?.mark ?? 0;
    TRAFFIC.trafficClass = packet.trafficClass;
    TRAFFIC.read(packet.protocol, packet.bytes, packet.payloadAt, packet.isFragment ? 0 : packet.payloadLength);
    const failed = this.#host.route(destination, source, TRAFFIC, HOP);
    const device = failed < 0 ? null : HOP.device;
    if (device === null) {
      counters.inNoRoutes++;
      return this.#refuseRoute(failed);
    }
    counters.forwarded++;
    const mustDivide = length > (isV6 ? device.mtuV6 : device.mtu);
    if (mustDivide && isV6 && !wasInParts) this.icmp.refuse(packet, ICMPV6_TOO_BIG, 0, device.mtuV6);
    else if (mustDivide && !isV6 && !packet.mayFragment)
      this.icmp.refuse(packet, ICMP_UNREACHABLE, FRAGMENTATION_NEEDED, device.mtu);
    else if (!this.#passesOn(device)) return;
    else if (!mustDivide) this.#pass(device, HOP.ip);
    // As its sender had divided it.
    else if (isV6) this.sender.passParts(packet, device, HOP.ip);
    else this.#passParts(device, HOP.ip);
  }

  /** What the sender of a packet is told that no route passes on (net/ipv4/route.c, ip_error; net/ipv6/route.c). */
  #refuseRoute(failed: number): void {
    const { packet } = this;
    // A black hole says nothing.
    if (failed === -EINVAL) return;
    const isProhibited = failed === -EACCES;
    if (packet.isV6) return this.icmp.refuse(packet, ICMPV6_UNREACHABLE, isProhibited ? PROHIBITED_V6 : NO_ROUTE_V6, 0);
    const code = failed === -EHOSTUNREACH ? HOST_UNREACHABLE : NET_UNREACHABLE;
    this.icmp.refuse(packet, ICMP_UNREACHABLE, isProhibited ? PROHIBITED : code, 0);
  }

  #passesOn({ index }: IpDevice): boolean {
    const { filter } = this.#host;
    if (filter === null) return true;
    if (!this.#heed(filter, filter.passing(index)) || !this.#heed(filter, filter.leaving(index))) return false;
    return this.packet.read(this.packet.bytes, this.packet.at, this.packet.length) === PARSED;
  }

  #pass(device: IpDevice, to: IpAddress): void {
    const { bytes, at, length, isV6, payloadAt } = this.packet;
    OUTPUT.set(bytes.subarray(at, at + length), FRAME_ROOM);
    if (isV6) OUTPUT[FRAME_ROOM + 7]!--;
    else {
      OUTPUT[FRAME_ROOM + 8]!--;
      if (!this.#recordPassing(payloadAt - at, device)) return;
      setHeaderChecksum(OUTPUT, FRAME_ROOM, payloadAt - at);
    }
    this.#link.transmit(device, to, length);
  }

  /** Into the options of the header of so many bytes in OUTPUT. @returns false: it is not passed on */
  #recordPassing(header: number, { index }: IpDevice): boolean {
    if (header === IPV4_HEADER_SIZE) return true;
    const options = OUTPUT.subarray(FRAME_ROOM + IPV4_HEADER_SIZE, FRAME_ROOM + header);
    if (!hasSourceRoute(options) && this.#record(options, index, this.packet.destination)) return true;
    this.counters[0].inHeaderErrors++;
    return false;
  }

  /** IPv4 alone is divided on its way; options stand in the first part (RFC 791 §3.2). */
  #passParts(device: IpDevice, to: IpAddress): void {
    const { bytes, at, payloadAt, payloadLength, fragmentAt, hasMore, identification } = this.packet;
    for (let offset = 0; offset < payloadLength;) {
      const header = offset === 0 ? payloadAt - at : IPV4_HEADER_SIZE;
      const size = Math.min((device.mtu - header) & ~7, payloadLength - offset);
      if (size < 8 && offset + size < payloadLength) return;
      OUTPUT.set(bytes.subarray(at, at + header), FRAME_ROOM);
      const isLast = offset + size === payloadLength && !hasMore;
      const flags = ((fragmentAt + offset) >> 3) | (isLast ? 0 : 0x2000);
      OUTPUT[FRAME_ROOM] = 0x40 | (header >> 2);
      writeShort(OUTPUT, FRAME_ROOM + 2, header + size);
      writeShort(OUTPUT, FRAME_ROOM + 4, identification);
      writeShort(OUTPUT, FRAME_ROOM + 6, flags);
      OUTPUT[FRAME_ROOM + 8]!--;
      if (!this.#recordPassing(header, device)) return;
      setHeaderChecksum(OUTPUT, FRAME_ROOM, header);
      OUTPUT.set(bytes.subarray(payloadAt + offset, payloadAt + offset + size), FRAME_ROOM + header);
      this.#link.transmit(device, to, header + size);
      offset += size;
    }
  }

  /** Nobody has its next hop's address: whoever sent it is told, ourselves too. */
  neighbourFailed(packet: Uint8Array): void {
    if (LOST.read(packet, 0, packet.length) !== PARSED) return;
    LOST.device = 0;
    LOST.isForMany = false;
    if (LOST.isV6) this.icmp.refuse(LOST, ICMPV6_UNREACHABLE, ADDRESS_UNREACHABLE_V6, 0);
    else this.icmp.refuse(LOST, ICMP_UNREACHABLE, HOST_UNREACHABLE, 0);
  }

  static {
    stateClass(
      "IpStack",
      this,
      {
        save: (it) => ({ host: it.#host, link: it.#link, reassembly: it.#reassembly }),
        load: (it, from) => ({ host: it.#host, link: it.#link, reassembly: it.#reassembly } = from),
      },
      { keeps: ["packet"] },
    );
  }
}
