/**
 * Ethernet frames (IEEE 802.3 §3.1.1, RFC 894):
 *
 *     0             6        12     14
 *     | destination | source | type | payload …
 */
import { type IpAddress, isV4 } from "./ip-address.ts";

export const ETHERNET_HEADER_SIZE = 14,
  HARDWARE_SIZE = 6;
export const ETHERTYPE_IPV4 = 0x0800,
  ETHERTYPE_ARP = 0x0806,
  ETHERTYPE_IPV6 = 0x86dd;

/** All stations of a link. */
export const HARDWARE_BROADCAST = new Uint8Array(HARDWARE_SIZE).fill(255);

export function writeEthernetHeader(
  frame: Uint8Array,
  destination: Uint8Array,
  source: Uint8Array,
  etherType: number,
): void {
  for (let index = 0; index < HARDWARE_SIZE; index++) {
    frame[index] = destination[index]!;
    frame[HARDWARE_SIZE + index] = source[index]!;
  }
  writeShort(frame, 12, etherType);
}

/** Where a multicast group's packets go: RFC 1112 §6.4, RFC 2464 §7. */
export function hardwareOfGroup(group: IpAddress, into: Uint8Array): Uint8Array {
  const low = group[3]!;
  if (isV4(group)) {
    into[0] = 0x01;
    into[1] = 0x00;
    into[2] = 0x5e;
    into[3] = (low >>> 16) & 0x7f;
  } else {
    into[0] = into[1] = 0x33;
    into[2] = low >>> 24;
    into[3] = low >>> 16;
  }
  into[4] = low >>> 8;
  into[5] = low;
  return into;
}

export function shortAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

export function writeShort(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

export function writeLong(bytes: Uint8Array, at: number, value: number): void {
  writeShort(bytes, at, value >>> 16);
  writeShort(bytes, at + 2, value);
}

export function longAt(bytes: Uint8Array, at: number): number {
  return ((shortAt(bytes, at) << 16) | shortAt(bytes, at + 2)) >>> 0;
}
