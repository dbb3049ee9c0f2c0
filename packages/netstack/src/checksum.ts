/**
 * The Internet checksum (RFC 1071): the complement of the ones' complement sum of 16-bit words. A sum under way is a
 * plain number, in which carries gather; `foldChecksum` brings them in. 65535 bytes and a pseudo-header stay far below
 * 2^53.
 */
import { type IpAddress, isV4 } from "./ip-address.ts";

/** Adds `bytes[at … at + length)`; the last byte of an odd number is padded with zero. */
export function addToChecksum(sum: number, bytes: Uint8Array, at: number, length: number): number {
  const end = at + (length & ~1);
  let words = 0;
  for (let index = at; index < end; index += 2) words += (bytes[index]! << 8) | bytes[index + 1]!;
  if ((length & 1) !== 0) words += bytes[end]! << 8;
  return sum + words;
}

/** Of TCP, UDP (RFC 768, RFC 9293 §3.1) and, over IPv6, of ICMPv6 as well (RFC 8200 §8.1). */
export function pseudoHeaderSum(source: IpAddress, destination: IpAddress, protocol: number, length: number): number {
  let sum = protocol + (length >>> 16) + (length & 0xffff);
  for (let index = isV4(source) ? 3 : 0; index < 4; index++) {
    sum += (source[index]! >>> 16) + (source[index]! & 0xffff);
    sum += (destination[index]! >>> 16) + (destination[index]! & 0xffff);
  }
  return sum;
}

/** The checksum of a sum; over what has the right one in it, it is 0. */
export function foldChecksum(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}
