/** Packets of this machine's own: route, header, and parts where the way takes no longer ones. */
import { EMSGSIZE, ENETUNREACH, EPERM, IPPROTO_ICMP, IPPROTO_ICMPV6 } from "@stratos/abi";
import { PASSED, REFUSED, stateClass } from "@stratos/base";
import { copyIp, type IpAddress, isSameIp, isV4, makeV4, readV4, readV6 } from "./ip-address.ts";
import { type IpDevice, type IpHost, NextHop, Traffic } from "./ip-host.ts";
import { FRAME_ROOM, type IpLinkOutput, OUTPUT } from "./ip-link-output.ts";
import type { VersionCounters } from "./ip-counters.ts";
import type { IpOutput, IpSending } from "./ip-output.ts";
import { type IncomingPacket, IPV4_HEADER_SIZE, IPV6_HEADER_SIZE } from "./ip-packet.ts";
import { hasSourceRoute, NO_OPTIONS, recordHop } from "./ip-options.ts";
import { FRAGMENT_HEADER_SIZE, IpHeader } from "./ip-writer.ts";
import type { PacketFilter } from "./packet-filter.ts";
import { PathMtu } from "./path-mtu.ts";

/** Of a packet with its header: the field that tells its length has sixteen bits (IPv6 doesn't count the header). */
const LENGTH_MAX = 65535;
const MTU_UNKNOWN_V4 = 576,
  MTU_UNKNOWN_V6 = 1280;
const HOP = new NextHop();
const TRAFFIC = new Traffic();
/** Of whoever asks for a way, and not for a packet. */
const ANY_TRAFFIC = new Traffic();
const HEADER = new IpHeader();
/** A payload that goes out in parts, after rules have seen the whole packet. */
const PAYLOAD = new Uint8Array(65536);
const BEFORE: IpAddress = new Uint32Array(4);
/** Refusals of our own packets that wait to be told; further ones are lost. */
const REFUSED_MAX = 64;

/** One of our own packets that a rule refused: all of it, and how (packet-filter.ts). */
interface RefusedPacket {
  readonly bytes: Uint8Array;
  readonly type: number;
  readonly code: number;
}

/** Of a packet by way of HOP. */
function mostOf(device: IpDevice, isV6: boolean): number {
  const most = isV6 ? device.mtuV6 : device.mtu;
  return HOP.mtu === 0 || HOP.mtu > most ? most : HOP.mtu;
}

export class IpSender implements IpOutput {
  readonly paths = new PathMtu();
  /** Whoever sent them is told at the next turn, since nothing is called back from inside `send`. */
  readonly refused: RefusedPacket[] = [];
  #counters: VersionCounters;
  #host: IpHost;
  #link: IpLinkOutput;
  /** Of packets in parts; nobody can tell from it what others are sent (RFC 7739 §5.3 asks for no more within one). */
  #identification = 0;

  constructor(host: IpHost, link: IpLinkOutput, counters: VersionCounters) {
    this.#counters = counters;
    this.#host = host;
    this.#link = link;
  }

  send(
    protocol: number,
    source: IpAddress,
    destination: IpAddress,
    payload: Uint8Array,
    at: number,
    length: number,
    how: IpSending,
  ): number {
    const isV6 = !isV4(destination);
    const counters = this.#counters[isV6 ? 1 : 0];
    describe(how, protocol, payload, at, length);
    const failed = this.#host.route(destination, source, TRAFFIC, HOP);
    const device = failed < 0 ? null : HOP.device;
    if (device === null) {
      counters.outNoRoutes++;
      return failed < 0 ? failed : -ENETUNREACH;
    }
    const options = isV6 || how.options === undefined ? NO_OPTIONS : this.#optionsFrom(source, how.options);
    // Nobody follows them: it is as lost as it would be there.
    if (options.length > 0 && hasSourceRoute(options)) return 0;
    if (length + (isV6 ? 0 : IPV4_HEADER_SIZE + options.length) > LENGTH_MAX) return -EMSGSIZE;
    HEADER.options = options;
    HEADER.protocol = protocol;
    HEADER.source.set(source);
    HEADER.destination.set(destination);
    HEADER.hops = how.hops;
    HEADER.trafficClass = how.trafficClass;
    const most = mostOf(device, isV6);
    const mtu = this.paths.to(destination, most, this.#host.now());
    const whole = HEADER.size + length;
    counters.outRequests++;
    counters.outOctets += whole;
    if (length > 0 && protocol === (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) counters.countIcmpOut(payload[at]!);
    const { filter } = this.#host;
    if (filter !== null) {
      if (whole > mtu && how.dontFragment) return -EMSGSIZE;
      copyBytes(payload, at, length, PAYLOAD, 0);
      return this.#sendFiltered(filter, device, mtu, length, how);
    }
    if (whole > mtu) return how.dontFragment ? -EMSGSIZE : this.#sendParts(device, HOP.ip, mtu, payload, at, length);
    // Path MTU discovery (RFC 1191 §3): whoever finds it too long says so.
    HEADER.dontFragment = true;
    HEADER.identification = 0;
    const start = FRAME_ROOM + HEADER.write(OUTPUT, FRAME_ROOM, length);
    copyBytes(payload, at, length, OUTPUT, start);
    this.#link.transmit(device, HOP.ip, whole);
    return 0;
  }

  /** As the first hop has written itself into them. */
  #optionsFrom(source: IpAddress, given: Uint8Array): Uint8Array {
    if (given.length === 0) return NO_OPTIONS;
    const options = given.slice();
    const host = this.#host;
    const isOwn = (word: number): boolean => host.isOwn(makeV4(word));
    recordHop(options, { own: source[3]!, isOwn, timeMs: timeOf(host.now()), isSender: true });
    return options;
  }

  #sendParts(device: IpDevice, to: IpAddress, mtu: number, payload: Uint8Array, at: number, length: number): number {
    const headers = HEADER.isV6 ? IPV6_HEADER_SIZE + FRAGMENT_HEADER_SIZE : HEADER.size;
    const most = (mtu - headers) & ~7;
    if (most < 8) return -EMSGSIZE;
    const counters = this.#counters[HEADER.isV6 ? 1 : 0];
    counters.divided++;
    this.#identification = (this.#identification + 1) & 0xffff;
    HEADER.identification = this.#identification;
    for (let offset = 0; offset < length; offset += most) {
      const size = Math.min(most, length - offset);
      HEADER.writePart(OUTPUT, FRAME_ROOM, size, offset, offset + size < length);
      copyBytes(payload, at + offset, size, OUTPUT, FRAME_ROOM + headers);
      counters.partsMade++;
      this.#link.transmit(device, to, headers + size);
    }
    return 0;
  }

  /**
   * Rules see the packet whole, and may change where it goes; PAYLOAD is behind HEADER's header.
   *
   * @returns 0; −EPERM a rule took it; as `send` where a rule sends it
   */
  #sendFiltered(filter: PacketFilter, device: IpDevice, mtu: number, length: number, how: IpSending): number {
    const whole = HEADER.size + length;
    HEADER.dontFragment = whole <= mtu;
    HEADER.identification = 0;
    HEADER.write(OUTPUT, FRAME_ROOM, length);
    copyBytes(PAYLOAD, 0, length, OUTPUT, FRAME_ROOM + HEADER.size);
    copyIp(HEADER.destination, BEFORE);
    const verdict = filter.outgoing(OUTPUT, FRAME_ROOM, whole, device.index, how);
    if (!this.#passes(filter, verdict, whole)) return -EPERM;
    readAddresses();
    let out = device;
    if (filter.isRerouted || !isSameIp(BEFORE, HEADER.destination)) {
      TRAFFIC.out = 0;
      TRAFFIC.mark = filter.mark;
      const failed = this.#host.route(HEADER.destination, HEADER.source, TRAFFIC, HOP);
      if (failed < 0) return failed;
      if (HOP.device === null) return -ENETUNREACH;
      out = HOP.device;
    }
    if (!this.#passes(filter, filter.leaving(out.index), whole)) return -EPERM;
    readAddresses();
    const most = Math.min(HEADER.isV6 ? out.mtuV6 : out.mtu, mtu);
    if (whole <= most) {
      this.#link.transmit(out, HOP.ip, whole);
      return 0;
    }
    copyBytes(OUTPUT, FRAME_ROOM + HEADER.size, length, PAYLOAD, 0);
    return this.#sendParts(out, HOP.ip, most, PAYLOAD, 0, length);
  }

  #passes(filter: PacketFilter, verdict: number, length: number): boolean {
    if (verdict === REFUSED && this.refused.length < REFUSED_MAX) {
      const { refusalType: type, refusalCode: code } = filter;
      this.refused.push({ bytes: OUTPUT.slice(FRAME_ROOM, FRAME_ROOM + length), type, code });
    }
    return verdict === PASSED;
  }

  /** IPv6 that was put together for the rules, and goes on: in parts again. */
  passParts(packet: IncomingPacket, device: IpDevice, to: IpAddress): void {
    HEADER.protocol = packet.protocol;
    copyIp(packet.source, HEADER.source);
    copyIp(packet.destination, HEADER.destination);
    HEADER.hops = packet.hops - 1;
    HEADER.options = NO_OPTIONS;
    HEADER.trafficClass = packet.trafficClass;
    this.#sendParts(device, to, device.mtuV6, packet.bytes, packet.payloadAt, packet.payloadLength);
  }

  mtuTo(destination: IpAddress, index: number): number {
    ANY_TRAFFIC.out = index;
    const failed = this.#host.route(destination, null, ANY_TRAFFIC, HOP);
    const device = failed < 0 ? null : HOP.device;
    if (device === null) return isV4(destination) ? MTU_UNKNOWN_V4 : MTU_UNKNOWN_V6;
    return this.paths.to(destination, mostOf(device, !isV4(destination)), this.#host.now());
  }

  static {
    stateClass("IpSender", this, {
      save: (it) => ({ host: it.#host, link: it.#link, counters: it.#counters, identification: it.#identification }),
      load: (it, from) =>
        ({ host: it.#host, link: it.#link, counters: it.#counters, identification: it.#identification } = from),
    });
  }
}

/** Of a clock that does not begin at midnight (RFC 791 §3.1). */
export function timeOf(nowNs: number): number {
  return (Math.floor(nowNs / 1e6) | 0x80000000) >>> 0;
}

function describe(how: IpSending, protocol: number, payload: Uint8Array, at: number, length: number): void {
  TRAFFIC.out = how.device;
  TRAFFIC.mark = how.mark;
  TRAFFIC.uid = how.uid;
  TRAFFIC.trafficClass = how.trafficClass;
  TRAFFIC.read(protocol, payload, at, length);
}

function copyBytes(from: Uint8Array, at: number, length: number, into: Uint8Array, to: number): void {
  for (let index = 0; index < length; index++) into[to + index] = from[at + index]!;
}

/** Of the packet in OUTPUT, as rules have left it. */
function readAddresses(): void {
  const isV6 = HEADER.isV6;
  const read = isV6 ? readV6 : readV4;
  read(OUTPUT, FRAME_ROOM + (isV6 ? 8 : 12), HEADER.source);
  read(OUTPUT, FRAME_ROOM + (isV6 ? 24 : 16), HEADER.destination);
}
