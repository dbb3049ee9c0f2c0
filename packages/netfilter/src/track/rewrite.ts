/** Addresses and ports in packets are replaced, and checksums with them, without a look at the rest (RFC 1624). */
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP } from "@stratos/abi";
import { shortAt } from "./ip-bytes.ts";
import { DESTINATION, DESTINATION_PORT, SOURCE, SOURCE_PORT, type Tuple } from "./tuple.ts";

/** HC' = ~(~HC + ~m + m'), for one word of sixteen bits at an even place. */
function adjust(bytes: Uint8Array, at: number, before: number, after: number): void {
  let sum = (~shortAt(bytes, at) & 0xffff) + (~before & 0xffff) + after;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  putShort(bytes, at, ~sum & 0xffff);
}

export function putShort(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Where a protocol's checksum is in its header; −1: it has none that is known. */
function checksumPlace(protocol: number): number {
  switch (protocol) {
    case IPPROTO_TCP:
      return 16;
    case IPPROTO_UDP:
      return 6;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
      return 2;
    default:
      return -1;
  }
}

/** Is it one that covers addresses, too? */
function coversAddresses(protocol: number): boolean {
  return protocol === IPPROTO_TCP || protocol === IPPROTO_UDP || protocol === IPPROTO_ICMPV6;
}

/** A packet, or the beginning of one that an error is about: what isn't there isn't changed. */
interface Rewritten {
  readonly bytes: Uint8Array;
  readonly at: number;
  readonly end: number;
  readonly transportAt: number;
  readonly protocol: number;
}

/** A word of the packet is another one, and each checksum that covers it. */
function replaceShort(packet: Rewritten, at: number, value: number, covers: { ip: boolean; transport: boolean }): void {
  const { bytes, transportAt, protocol, end } = packet;
  const before = shortAt(bytes, at);
  if (before === value) return;
  putShort(bytes, at, value);
  if (covers.ip) adjust(bytes, packet.at + 10, before, value);
  if (!covers.transport || transportAt < 0) return;
  const place = checksumPlace(protocol);
  if (place < 0 || transportAt + place + 2 > end) return;
  const isUdp = protocol === IPPROTO_UDP;
  // It has none (RFC 768), and gets none.
  if (isUdp && shortAt(bytes, transportAt + place) === 0) return;
  adjust(bytes, transportAt + place, before, value);
  if (isUdp && shortAt(bytes, transportAt + place) === 0) putShort(bytes, transportAt + place, 0xffff);
}

const IP_AND_PSEUDO = { ip: true, transport: true },
  IP_ALONE = { ip: true, transport: false },
  TRANSPORT_ALONE = { ip: false, transport: true };

/** The packet comes from, or goes to, where `to` says: its address and its port, or the number of a question. */
export function rewrite(packet: Rewritten, to: Tuple, isSource: boolean): void {
  const { bytes, at, transportAt, protocol, end } = packet;
  const isV6 = bytes[at]! >> 4 === 6;
  const words = isV6 ? 4 : 1;
  const place = at + (isV6 ? (isSource ? 8 : 24) : isSource ? 12 : 16);
  const from = (isSource ? SOURCE : DESTINATION) + (isV6 ? 0 : 3);
  const covers = coversAddresses(protocol) ? (isV6 ? TRANSPORT_ALONE : IP_AND_PSEUDO) : isV6 ? NEITHER : IP_ALONE;
  for (let word = 0; word < words; word++) {
    const value = to[from + word]!;
    replaceShort(packet, place + 4 * word, value >>> 16, covers);
    replaceShort(packet, place + 4 * word + 2, value & 0xffff, covers);
  }
  if (transportAt < 0) return;
  if (protocol === (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
    // Its number is the same in both directions.
    if (isSource || isEcho(bytes[transportAt]!, isV6)) {
      if (transportAt + 6 <= end && isEcho(bytes[transportAt]!, isV6))
        replaceShort(packet, transportAt + 4, to[SOURCE_PORT]!, TRANSPORT_ALONE);
    }
    return;
  }
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP) return;
  const port = transportAt + (isSource ? 0 : 2);
  if (port + 2 <= end) replaceShort(packet, port, to[isSource ? SOURCE_PORT : DESTINATION_PORT]!, TRANSPORT_ALONE);
}

const NEITHER = { ip: false, transport: false };

function isEcho(type: number, isV6: boolean): boolean {
  return isV6 ? type === 128 || type === 129 : type === 8 || type === 0 || (type >= 13 && type <= 18);
}

/** Bytes of a packet are others: `payload` statements change its headers so. */
export function replaceBytes(
  packet: Rewritten,
  at: number,
  value: Uint8Array,
  from: number,
  size: number,
  covers: { ip: boolean; transport: boolean },
): void {
  const { bytes } = packet;
  // Whole words of the checksum, with what stands beside the value.
  for (let index = 0; index < size;) {
    const place = at + index;
    const isOdd = (place - packet.at) % 2 === 1;
    const word = isOdd ? place - 1 : place;
    const high = isOdd ? bytes[word]! : value[from + index]!;
    const low = isOdd ? value[from + index]! : index + 1 < size ? value[from + index + 1]! : bytes[word + 1]!;
    replaceShort(packet, word, (high << 8) | low, covers);
    index += isOdd ? 1 : 2;
  }
}
