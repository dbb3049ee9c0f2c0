/**
 * IP addresses as numbers: four words of 32 bits, the most significant first. An IPv4 address stands in its mapped form
 * (RFC 4291 §2.5.5.2): one kind of value holds both, and a mapped address of an AF_INET6 socket is IPv4 by itself.
 *
 *     10.0.0.1      0 | 0 | 0xffff | 0x0a000001
 *     2001:db8::1   0x20010db8 | 0 | 0 | 1
 *
 * Who keeps an address keeps words of its own or constants: the words of a scratch endpoint are valid during one call.
 */
import { stateClass } from "@stratos/base";

/** Four words; nobody changes those of another. */
export type IpAddress = Uint32Array;

const MAPPED = 0xffff;

export function makeV4(word: number): IpAddress {
  return Uint32Array.of(0, 0, MAPPED, word);
}

export const ANY_V4 = makeV4(0),
  ANY_V6 = new Uint32Array(4),
  LOOPBACK_V4 = makeV4(0x7f000001),
  LOOPBACK_V6 = Uint32Array.of(0, 0, 0, 1);

/** An address with a port. */
export interface InetEndpoint {
  readonly ip: IpAddress;
  readonly port: number;
}

/** An endpoint that calls fill in. */
export class ScratchEndpoint implements InetEndpoint {
  readonly ip: IpAddress = new Uint32Array(4);
  port = 0;

  set(ip: IpAddress, port: number): this {
    copyIp(ip, this.ip);
    this.port = port;
    return this;
  }

  static {
    stateClass("ScratchEndpoint", this);
  }
}

/** An endpoint to keep. */
export function keepEndpoint(ip: IpAddress, port: number): InetEndpoint {
  return { ip: keepIp(ip), port };
}

/** An address to keep, which nobody writes to: of the loopback's there are many. */
export function keepIp(ip: IpAddress): IpAddress {
  return isSameIp(ip, LOOPBACK_V4) ? LOOPBACK_V4 : isSameIp(ip, LOOPBACK_V6) ? LOOPBACK_V6 : ip.slice();
}

export function copyIp(from: IpAddress, to: IpAddress): void {
  to[0] = from[0]!;
  to[1] = from[1]!;
  to[2] = from[2]!;
  to[3] = from[3]!;
}

export function isSameIp(one: IpAddress, other: IpAddress): boolean {
  return one[3] === other[3] && one[2] === other[2] && one[1] === other[1] && one[0] === other[0];
}

export function isV4(ip: IpAddress): boolean {
  return ip[2] === MAPPED && ip[1] === 0 && ip[0] === 0;
}

export function isWildcard(ip: IpAddress): boolean {
  return ip[3] === 0 && ip[1] === 0 && ip[0] === 0 && (ip[2] === 0 || ip[2] === MAPPED);
}

export function isLoopback(ip: IpAddress): boolean {
  return isV4(ip) ? ip[3]! >>> 24 === 127 : isSameIp(ip, LOOPBACK_V6);
}

export function isMulticast(ip: IpAddress): boolean {
  return isV4(ip) ? ip[3]! >>> 28 === 14 : ip[0]! >>> 24 === 255;
}

/** What each host hears on each link: RFC 1112 §4; RFC 4291 §2.7.1, of the link and of the interface. */
export const ALL_HOSTS: IpAddress = Uint32Array.of(0, 0, 0xffff, 0xe0000001);
export const ALL_NODES: readonly IpAddress[] = [
  Uint32Array.of(0xff020000, 0, 0, 1),
  Uint32Array.of(0xff010000, 0, 0, 1),
];

export function isForAllHosts(ip: IpAddress): boolean {
  return isSameIp(ip, ALL_HOSTS) || ALL_NODES.some((one) => isSameIp(ip, one));
}

/** The limited broadcast address (RFC 919 §7). */
export function isBroadcast(ip: IpAddress): boolean {
  return ip[3] === 0xffffffff && isV4(ip);
}

export function isLinkLocal(ip: IpAddress): boolean {
  return isV4(ip) ? ip[3]! >>> 16 === 0xa9fe : ip[0]! >>> 22 === 0x3fa;
}

/** Bits of an address of this kind. */
export function widthOf(ip: IpAddress): 32 | 128 {
  return isV4(ip) ? 32 : 128;
}

/** The mask of word `index` for a prefix of `length` bits of all 128. */
function maskWord(length: number, index: number): number {
  const bits = Math.min(32, Math.max(0, length - 32 * index));
  return bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
}

/** @param prefixLength  of 32 for IPv4, of 128 for IPv6 */
export function isInPrefix(ip: IpAddress, prefix: IpAddress, prefixLength: number): boolean {
  const v4 = isV4(prefix);
  if (v4 !== isV4(ip)) return false;
  const bits = v4 ? prefixLength + 96 : prefixLength;
  for (let index = 0; index < 4; index++)
    if (((ip[index]! ^ prefix[index]!) & maskWord(bits, index)) !== 0) return false;
  return true;
}

/** How many bits two addresses of one family have in common from the first on. */
export function commonBits(one: IpAddress, other: IpAddress): number {
  for (let index = 0; index < 4; index++) {
    const different = one[index]! ^ other[index]!;
    if (different !== 0) return index * 32 + Math.clz32(different) - (isV4(one) ? 96 : 0);
  }
  return widthOf(one);
}

/** The address with the bits behind its prefix cleared. */
export function prefixOf(ip: IpAddress, prefixLength: number): IpAddress {
  const bits = isV4(ip) ? prefixLength + 96 : prefixLength;
  return ip.map((word, index) => word & maskWord(bits, index));
}

/** The IPv4 mask of a prefix. */
export function netmaskOf(prefixLength: number): IpAddress {
  return makeV4(maskWord(prefixLength, 0));
}

/** The IPv4 address that all stations of a network hear (RFC 919 §7); a point-to-point one has none: 0.0.0.0. */
export function broadcastOf(ip: IpAddress, prefixLength: number): IpAddress {
  return prefixLength > 30 ? ANY_V4 : makeV4((ip[3]! | ~maskWord(prefixLength, 0)) >>> 0);
}

/** The IPv4 address at `bytes[at …)`, into `into`. */
export function readV4(bytes: Uint8Array, at: number, into: IpAddress): IpAddress {
  into[0] = into[1] = 0;
  into[2] = MAPPED;
  into[3] = wordAt(bytes, at);
  return into;
}

/** The sixteen bytes of an address at `bytes[at …)`, into `into`. */
export function readV6(bytes: Uint8Array, at: number, into: IpAddress): IpAddress {
  for (let index = 0; index < 4; index++) into[index] = wordAt(bytes, at + 4 * index);
  return into;
}

/** An address of 4 or 16 bytes, by its length; null for other lengths. */
export function ipOfBytes(bytes: Uint8Array): IpAddress | null {
  const ip = new Uint32Array(4);
  return bytes.length === 4 ? readV4(bytes, 0, ip) : bytes.length === 16 ? readV6(bytes, 0, ip) : null;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** The last word: all of an IPv4 address. */
export function writeV4(ip: IpAddress, bytes: Uint8Array, at: number): void {
  writeWord(ip[3]!, bytes, at);
}

/** Sixteen bytes; IPv4 is mapped. */
export function writeV6(ip: IpAddress, bytes: Uint8Array, at: number): void {
  for (let index = 0; index < 4; index++) writeWord(ip[index]!, bytes, at + 4 * index);
}

function writeWord(word: number, bytes: Uint8Array, at: number): void {
  bytes[at] = word >>> 24;
  bytes[at + 1] = word >>> 16;
  bytes[at + 2] = word >>> 8;
  bytes[at + 3] = word;
}

/** Four bytes of IPv4, sixteen of IPv6. */
export function ipBytes(ip: IpAddress): Uint8Array {
  const bytes = new Uint8Array(isV4(ip) ? 4 : 16);
  if (isV4(ip)) writeV4(ip, bytes, 0);
  else writeV6(ip, bytes, 0);
  return bytes;
}
