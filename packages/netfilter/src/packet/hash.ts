/** Numbers from what a packet has in it (net/netfilter/nft_hash.c). */
import {
  NFTA_HASH_LEN,
  NFTA_HASH_MODULUS,
  NFTA_HASH_OFFSET,
  NFTA_HASH_SEED,
  NFTA_HASH_SREG,
  NFTA_HASH_TYPE,
  NFT_HASH_SYM,
} from "@stratos/abi";
import type { Expression } from "../rules/ruleset.ts";
import type { PacketView } from "../track/packet-view.ts";
import { REGISTERS } from "./registers.ts";

const SYMMETRIC = new Uint8Array(36);

export function hashedNumber(it: Expression, packet: PacketView): number {
  const isSymmetric = it.number(NFTA_HASH_TYPE) === NFT_HASH_SYM;
  const seed = it.number(NFTA_HASH_SEED);
  const hash = isSymmetric
    ? symmetricHash(packet)
    : jenkinsHash(REGISTERS, 4 * it.number(NFTA_HASH_SREG), it.number(NFTA_HASH_LEN), seed);
  // reciprocal_scale: the upper half of the product.
  return it.number(NFTA_HASH_OFFSET) + Math.floor((hash * it.number(NFTA_HASH_MODULUS)) / 2 ** 32);
}

/** The same for both directions of a connection (__skb_get_hash_symmetric): the lower end comes first. */
function symmetricHash({ bytes, at, isIp, isV6, protocol, transportAt, end }: PacketView): number {
  if (!isIp) return 0;
  const size = isV6 ? 16 : 4;
  const source = at + (isV6 ? 8 : 12);
  const hasPorts = transportAt >= 0 && transportAt + 4 <= end;
  let order = 0;
  for (let index = 0; index < size && order === 0; index++)
    order = bytes[source + index]! - bytes[source + size + index]!;
  SYMMETRIC.fill(0);
  for (let index = 0; index < 2 * size; index++)
    SYMMETRIC[index] = bytes[source + (order > 0 ? (index + size) % (2 * size) : index)]!;
  if (hasPorts) {
    const isSwapped =
      order > 0 ||
      (order === 0 &&
        ((bytes[transportAt]! << 8) | bytes[transportAt + 1]!) >
          ((bytes[transportAt + 2]! << 8) | bytes[transportAt + 3]!));
    for (let index = 0; index < 4; index++)
      SYMMETRIC[32 + index] = bytes[transportAt + (isSwapped ? (index + 2) & 3 : index)]!;
  }
  return jenkinsHash(SYMMETRIC, 0, 36, protocol);
}

/** Bob Jenkins's lookup3 (include/linux/jhash.h, jhash). */
function jenkinsHash(bytes: Uint8Array, start: number, length: number, seed: number): number {
  let a = (0xdeadbeef + length + seed) | 0;
  let b = a;
  let c = a;
  let at = start;
  let left = length;
  for (; left > 12; left -= 12, at += 12) {
    a = (a + wordAt(bytes, at, 4)) | 0;
    b = (b + wordAt(bytes, at + 4, 4)) | 0;
    c = (c + wordAt(bytes, at + 8, 4)) | 0;
    a = (a - c) ^ rotate(c, 4);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 6);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 8);
    b = (b + a) | 0;
    a = (a - c) ^ rotate(c, 16);
    c = (c + b) | 0;
    b = (b - a) ^ rotate(a, 19);
    a = (a + c) | 0;
    c = (c - b) ^ rotate(b, 4);
    b = (b + a) | 0;
  }
  if (left === 0) return c >>> 0;
  a = (a + wordAt(bytes, at, Math.min(4, left))) | 0;
  b = (b + wordAt(bytes, at + 4, Math.max(0, Math.min(4, left - 4)))) | 0;
  c = (c + wordAt(bytes, at + 8, Math.max(0, left - 8))) | 0;
  c = ((c ^ b) - rotate(b, 14)) | 0;
  a = ((a ^ c) - rotate(c, 11)) | 0;
  b = ((b ^ a) - rotate(a, 25)) | 0;
  c = ((c ^ b) - rotate(b, 16)) | 0;
  a = ((a ^ c) - rotate(c, 4)) | 0;
  b = ((b ^ a) - rotate(a, 14)) | 0;
  c = ((c ^ b) - rotate(b, 24)) | 0;
  return c >>> 0;
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

function wordAt(bytes: Uint8Array, at: number, count: number): number {
  let word = 0;
  for (let index = 0; index < count; index++) word |= bytes[at + index]! << (8 * index);
  return word;
}
