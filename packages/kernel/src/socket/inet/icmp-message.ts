/** ICMP (RFC 792) and ICMPv6 (RFC 4443): what an echo is, and its checksum. */
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDP } from "@stratos/abi";
import { type IpAddress, writeV4 } from "@stratos/netstack";

const ECHO_REPLY_V4 = 0,
  ECHO_REQUEST_V4 = 8,
  ECHO_REQUEST_V6 = 128,
  ECHO_REPLY_V6 = 129;
/** Type, code, checksum, identifier, sequence number. */
export const ICMP_HEADER_SIZE = 8;

/** A packet inside the machine: what follows the IP header, and what that would say. */
export interface IpPacket {
  readonly isV4: boolean;
  readonly protocol: number;
  readonly bytes: Uint8Array;
  readonly from: IpAddress;
  readonly to: IpAddress;
  readonly hopLimit: number;
  readonly trafficClass: number;
  /** The interface that it came in by; 0: it never left this machine. */
  readonly device: number;
  /** Of IPv4, those of its header; as it came in, with what this machine has recorded in them. */
  readonly options: Uint8Array;
}

export function isEchoRequest(packet: IpPacket): boolean {
  const { bytes, isV4, protocol } = packet;
  return (
    protocol === (isV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
    bytes.length >= ICMP_HEADER_SIZE &&
    bytes[0] === (isV4 ? ECHO_REQUEST_V4 : ECHO_REQUEST_V6) &&
    bytes[1] === 0
  );
}

export function isEchoReply(packet: IpPacket): boolean {
  const { bytes, isV4, protocol } = packet;
  return (
    protocol === (isV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6) &&
    bytes.length >= ICMP_HEADER_SIZE &&
    bytes[0] === (isV4 ? ECHO_REPLY_V4 : ECHO_REPLY_V6)
  );
}

/** The identifier of an echo, which a ping socket has instead of a port. */
export function echoIdentifier(bytes: Uint8Array): number {
  return (bytes[4]! << 8) | bytes[5]!;
}

/**
 * RFC 792: over the message; RFC 4443 §2.3: over a pseudo-header of the addresses, the length and the protocol as
 * well.
 */
export function setIcmpChecksum(packet: IpPacket): void {
  setChecksum(packet, ICMP_CHECKSUM);
}

/** Where ICMP has its checksum. */
export const ICMP_CHECKSUM = 2;

/** The checksum of a packet's bytes, over IPv6 with a pseudo-header, at a place of them. */
export function setChecksum(packet: IpPacket, at: number): void {
  const { bytes, protocol, isV4 } = packet;
  bytes[at] = bytes[at + 1] = 0;
  let checksum = sumOf(packet);
  // UDP over IPv6 has none that is zero (RFC 8200 §8.1).
  if (checksum === 0 && protocol === IPPROTO_UDP && !isV4) checksum = 0xffff;
  bytes[at] = checksum >> 8;
  bytes[at + 1] = checksum & 255;
}

/** Is the checksum that lies in the bytes somewhere right? */
export function hasRightChecksum(packet: IpPacket): boolean {
  return sumOf(packet) === 0;
}

function sumOf({ bytes, isV4, protocol, from, to }: IpPacket): number {
  let sum = 0;
  if (!isV4) {
    for (const ip of [from, to]) for (const word of ip) sum += (word >>> 16) + (word & 0xffff);
    sum += bytes.length + protocol;
  }
  return internetChecksum(addWords(sum, bytes));
}

/** RFC 1071 §1: the sum of 16-bit words. */
function addWords(sum: number, bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  return sum;
}

function internetChecksum(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** The IPv4 header (RFC 791 §3.1) that raw sockets see before what a packet carries. */
export function ipv4Header(packet: IpPacket): Uint8Array {
  const header = new Uint8Array(20 + packet.options.length);
  header.set(packet.options, 20);
  const length = header.length + packet.bytes.length;
  header[0] = 0x40 | (header.length >> 2);
  header[1] = packet.trafficClass;
  header[2] = length >> 8;
  header[3] = length & 255;
  header[6] = 0x40; // don't fragment
  header[8] = packet.hopLimit;
  header[9] = packet.protocol;
  writeV4(packet.from, header, 12);
  writeV4(packet.to, header, 16);
  const checksum = internetChecksum(addWords(0, header));
  header[10] = checksum >> 8;
  header[11] = checksum & 255;
  return header;
}
