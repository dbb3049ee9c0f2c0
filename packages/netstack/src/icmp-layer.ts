/**
 * ICMP of both versions: echoes are answered, errors about packets that we sent are told to their protocols, and
 * errors are made of packets that we can't take or pass on (RFC 1122 §3.2.2, RFC 4443 §2.4). Bound of what we say:
 * the host's `errorLimit`.
 */
import { IPPROTO_ICMP, IPPROTO_ICMPV6 } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { addToChecksum, foldChecksum, pseudoHeaderSum } from "./checksum.ts";
import { longAt, shortAt } from "./ethernet.ts";
import { isIcmpError, writeIcmpError } from "./icmp-error.ts";
import {
  FRAGMENTATION_NEEDED,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  ICMP_HEADER_SIZE,
  ICMP_UNREACHABLE,
  ICMPV6_ECHO,
  ICMPV6_ECHO_REPLY,
  ICMPV6_TOO_BIG,
  type IcmpError,
  meaningOf,
  MLD_QUERY,
  NDP_ADVERTISEMENT,
  NDP_ROUTER_ADVERTISEMENT,
  NDP_SOLICITATION,
  setIcmpChecksum,
} from "./icmp.ts";
import { copyIp, type IpAddress, isBroadcast, isMulticast, isWildcard } from "./ip-address.ts";
import type { VersionCounters } from "./ip-counters.ts";
import type { IpDevice, IpHost } from "./ip-host.ts";
import type { IpLinkOutput } from "./ip-link-output.ts";
import { answerOptions, NO_OPTIONS } from "./ip-options.ts";
import { IncomingPacket, PARSED } from "./ip-packet.ts";
import type { IpSender } from "./ip-sender.ts";
import { TokenBucket } from "./token-bucket.ts";

/**
 * An error costs none, one or two of what is allowed: who counted how many still come would learn of others' packets
 * (net/ipv4/icmp.c, icmp_global_consume; CVE-2020-25705).
 */
const ERROR_COSTS = 3;
/** A message that goes out; valid during one call. */
const MESSAGE = new Uint8Array(65536);
/** The packet that an error is about. */
const REFUSED = new IncomingPacket();
const SENDING = {
  hops: 64,
  trafficClass: 0,
  dontFragment: false,
  device: 0,
  mark: 0,
  uid: -1,
  gid: -1,
  options: NO_OPTIONS as Uint8Array,
};
const SOURCE: IpAddress = new Uint32Array(4);

export class IcmpLayer {
  #counters: VersionCounters;
  #host: IpHost;
  #link: IpLinkOutput;
  #sender: IpSender;
  #errors = new TokenBucket();
  /** The error that protocols are told, while they are; who says it. */
  error: IcmpError | null = null;
  readonly offender: IpAddress = new Uint32Array(4);

  constructor(host: IpHost, link: IpLinkOutput, sender: IpSender, counters: VersionCounters) {
    this.#counters = counters;
    this.#host = host;
    this.#link = link;
    this.#sender = sender;
  }

  /** A message for this machine. @param device  null: it comes from this machine itself */
  received(packet: IncomingPacket, device: IpDevice | null): void {
    const { bytes, payloadAt: at, payloadLength: length, isV6 } = packet;
    const counters = this.#counters[isV6 ? 1 : 0];
    if (length < ICMP_HEADER_SIZE || !hasRightChecksum(packet)) {
      counters.icmpErrors++;
      return;
    }
    const type = bytes[at]!;
    counters.countIcmpIn(type);
    if (type === (isV6 ? ICMPV6_ECHO : ICMP_ECHO)) this.#answerEcho(packet);
    else if (isV6 && (type === NDP_SOLICITATION || type === NDP_ADVERTISEMENT)) {
      if (device !== null) this.#link.ndpReceived(device, packet);
    } else if (isV6 && (type === NDP_ROUTER_ADVERTISEMENT || type === MLD_QUERY)) {
      if (device !== null) this.#host.linkMessage(device, packet);
    } else this.#errorReceived(packet, type, bytes[at + 1]!);
  }

  /** Its data, from where it went, if such are answered (net.ipv4.icmp_echo_ignore_all, …_ignore_broadcasts). */
  #answerEcho(packet: IncomingPacket): void {
    if (!this.#host.answersEcho(packet.isV6)) return;
    const { bytes, payloadAt: at, payloadLength: length, isV6, source, destination, device } = packet;
    if (isWildcard(source)) return;
    const isForMany = isMulticast(destination) || !this.#host.isOwn(destination);
    if (isForMany && !isV6 && !this.#host.answersBroadcast) return;
    const own = isForMany ? this.#host.sourceFor(device, source) : destination;
    if (own === null) return;
    MESSAGE.set(bytes.subarray(at, at + length));
    MESSAGE[0] = isV6 ? ICMPV6_ECHO_REPLY : ICMP_ECHO_REPLY;
    const options = answerOptions(packet.options);
    this.#send(length, isV6, own, source, packet.trafficClass, isForLink(source) ? device : 0, options);
  }

  #send(
    length: number,
    isV6: boolean,
    source: IpAddress,
    destination: IpAddress,
    trafficClass: number,
    device: number,
    options: Uint8Array = NO_OPTIONS,
  ): void {
    setIcmpChecksum(MESSAGE, 0, length, isV6, source, destination);
    SENDING.trafficClass = trafficClass;
    SENDING.device = device;
    SENDING.options = options;
    const protocol = isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    this.#sender.send(protocol, source, destination, MESSAGE, 0, length, SENDING);
  }

  /** About a packet of ours: whose it was hears it. What it says of that is looked at, not believed. */
  #errorReceived(packet: IncomingPacket, type: number, code: number): void {
    const { bytes, payloadAt: at, payloadLength: length, isV6 } = packet;
    const isTooBig = isV6 ? type === ICMPV6_TOO_BIG : type === ICMP_UNREACHABLE && code === FRAGMENTATION_NEEDED;
    const mtu = isTooBig ? (isV6 ? longAt(bytes, at + 4) : shortAt(bytes, at + 6)) : 0;
    const error = meaningOf(isV6, type, code, mtu);
    if (error === null || !readRefused(bytes, at + ICMP_HEADER_SIZE, length - ICMP_HEADER_SIZE, isV6)) return;
    if (!this.#host.isOwn(REFUSED.source)) return;
    if (isTooBig) this.#sender.paths.tooBig(REFUSED.destination, mtu, this.#host.now());
    this.#tell(error, packet.source);
  }

  /** @param offender  who says so */
  #tell(error: IcmpError, offender: IpAddress): void {
    const receiver = this.#host.receiver(REFUSED.protocol);
    if (receiver === null || REFUSED.fragmentAt > 0) return;
    this.error = error;
    copyIp(offender, this.offender);
    const { destination, source, bytes, payloadAt, payloadLength } = REFUSED;
    receiver.unreachable(destination, source, error.errno, bytes, payloadAt, payloadLength);
    this.error = null;
  }

  /**
   * A packet can't be taken, or passed on: its sender is told, if such packets are spoken of at all (RFC 1122 §3.2.2,
   * RFC 4443 §2.4 (e)): no errors of errors, nor of parts behind the first, nor of what went to many.
   *
   * @param value  the second word: an MTU, a place
   */
  refuse(packet: IncomingPacket, type: number, code: number, value: number): void {
    const { isV6, source, destination, device } = packet;
    if (isWildcard(source) || isMulticast(source) || isBroadcast(source) || packet.fragmentAt > 0) return;
    const isToldToMany = isV6 && type === ICMPV6_TOO_BIG;
    if (!isToldToMany && (packet.isForMany || isMulticast(destination) || isBroadcast(destination))) return;
    if (!isToldToMany && device !== 0 && this.#host.isBroadcast(device, destination)) return;
    if (isIcmpError(packet)) return;
    const isOurs = this.#host.isOwn(source);
    const host = this.#host;
    if (!isOurs && !this.#errors.take(host.now(), host.errorLimit, host.random() % ERROR_COSTS)) return;
    const size = writeIcmpError(packet, type, code, value, MESSAGE);
    const isToUs = host.isOwn(destination);
    if (isOurs && !(isToUs && host.isSeen)) {
      this.#toldOurselves(size, isV6, source);
      return;
    }
    const own = isToUs ? destination : this.#host.sourceFor(device, source);
    if (own !== null) this.#send(size, isV6, own, source, 0, isForLink(source) ? device : 0);
  }

  /** The error comes to ourselves, as by the loopback: raw sockets see it, too. */
  #toldOurselves(size: number, isV6: boolean, ip: IpAddress): void {
    copyIp(ip, SOURCE);
    setIcmpChecksum(MESSAGE, 0, size, isV6, SOURCE, SOURCE);
    const told = new IncomingPacket();
    told.isV6 = isV6;
    told.bytes = MESSAGE;
    told.payloadLength = size;
    told.protocol = isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    told.hops = 64;
    copyIp(SOURCE, told.source);
    copyIp(SOURCE, told.destination);
    this.#host.offer(told);
    this.received(told, null);
  }

  static {
    stateClass("IcmpLayer", this, {
      save: (it) => ({
        host: it.#host,
        link: it.#link,
        sender: it.#sender,
        errors: it.#errors,
        counters: it.#counters,
      }),
      load: (it, from) =>
        ({ host: it.#host, link: it.#link, sender: it.#sender, errors: it.#errors, counters: it.#counters } = from),
    });
  }
}

/** Is it of one link, so that the answer must go by the same? */
function isForLink(ip: IpAddress): boolean {
  return ip[0]! >>> 22 === 0x3fa;
}

/** The beginning of a packet that an error brings, which is cut, into REFUSED. */
function readRefused(bytes: Uint8Array, at: number, length: number, isV6: boolean): boolean {
  const least = isV6 ? 40 : 20;
  if (length < least || bytes[at]! >> 4 !== (isV6 ? 6 : 4)) return false;
  // Its own length says how long it was: here it is as long as what is left of it.
  const copy = bytes.slice(at, at + length);
  const header = isV6 ? 40 : (copy[0]! & 15) * 4;
  if (header > length) return false;
  const lengthAt = isV6 ? 4 : 2;
  const told = shortAt(copy, lengthAt) + (isV6 ? header : 0);
  if (told > length) {
    const left = isV6 ? length - header : length;
    copy[lengthAt] = left >> 8;
    copy[lengthAt + 1] = left & 255;
  }
  if (!isV6) {
    copy[6] = copy[6]! & ~0x20;
    copy[10] = copy[11] = 0;
    const checksum = foldChecksum(addToChecksum(0, copy, 0, header));
    copy[10] = checksum >> 8;
    copy[11] = checksum & 255;
  }
  return REFUSED.read(copy, 0, length) === PARSED;
}

function hasRightChecksum({ bytes, payloadAt, payloadLength, isV6, source, destination }: IncomingPacket): boolean {
  const pseudo = isV6 ? pseudoHeaderSum(source, destination, IPPROTO_ICMPV6, payloadLength) : 0;
  return foldChecksum(addToChecksum(pseudo, bytes, payloadAt, payloadLength)) === 0;
}
