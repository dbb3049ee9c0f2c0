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
import { FLOW_SIZE, readFlow } from "./flow.ts";
import { REGISTERS } from "./registers.ts";

export function hashedNumber(it: Expression, packet: PacketView): number {
  const isSymmetric = it.number(NFTA_HASH_TYPE) === NFT_HASH_SYM;
  const hash = isSymmetric
    ? jenkinsHash(readFlow(packet), 0, FLOW_SIZE, 0)
    : jenkinsHash(REGISTERS, 4 * it.number(NFTA_HASH_SREG), it.number(NFTA_HASH_LEN), it.number(NFTA_HASH_SEED));
  return it.number(NFTA_HASH_OFFSET) + scaled(hash, it.number(NFTA_HASH_MODULUS));
}

/** The upper half of the product of two words (reciprocal_scale), exact also beyond 2^53. */
export function scaled(word: number, modulus: number): number {
  return Math.floor(((word >>> 16) * modulus + Math.floor(((word & 0xffff) * modulus) / 0x10000)) / 0x10000);
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
