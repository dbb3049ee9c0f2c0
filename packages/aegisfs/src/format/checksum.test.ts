/**
 * The fast checksum against XXH32 written down plainly from its specification, which is itself held against a published
 * value.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { byteStringOf, SeededRandom } from "@stratos/base";
import { checksumBlock, checksumWords } from "./checksum.ts";

const PRIMES = [2654435761n, 2246822519n, 3266489917n, 668265263n, 374761393n] as const;
const MASK = 0xffffffffn;
const rotate = (value: bigint, by: bigint): bigint => ((value << by) | (value >> (32n - by))) & MASK;

/** xxhash_spec.md, XXH32 algorithm description, step by step. */
function plainXxh32(bytes: Uint8Array, seed: bigint): number {
  const [p1, p2, p3, p4, p5] = PRIMES;
  const word = (at: number): bigint =>
    BigInt(bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)) + (BigInt(bytes[at + 3]!) << 24n);
  let at = 0;
  let hash = (seed + p5) & MASK;
  if (bytes.length >= 16) {
    const lanes = [(seed + p1 + p2) & MASK, (seed + p2) & MASK, seed, (seed - p1) & MASK];
    for (; at + 16 <= bytes.length; at += 16) {
      for (let lane = 0; lane < 4; lane++)
        lanes[lane] = (rotate((lanes[lane]! + word(at + lane * 4) * p2) & MASK, 13n) * p1) & MASK;
    }
    hash = (rotate(lanes[0]!, 1n) + rotate(lanes[1]!, 7n) + rotate(lanes[2]!, 12n) + rotate(lanes[3]!, 18n)) & MASK;
  }
  hash = (hash + BigInt(bytes.length)) & MASK;
  for (; at + 4 <= bytes.length; at += 4) hash = (rotate((hash + word(at) * p3) & MASK, 17n) * p4) & MASK;
  for (; at < bytes.length; at++) hash = (rotate((hash + BigInt(bytes[at]!) * p5) & MASK, 11n) * p1) & MASK;
  hash = ((hash ^ (hash >> 15n)) * p2) & MASK;
  hash = ((hash ^ (hash >> 13n)) * p3) & MASK;
  return Number(hash ^ (hash >> 16n));
}

test("the plain form gives the published values", () => {
  assert.equal(plainXxh32(new Uint8Array(0), 0n), 0x02cc5d05);
  assert.equal(plainXxh32(byteStringOf("Nobody inspects the spammish repetition"), 0n), 0xe2293b2f);
});

test("the fast form agrees with the plain one", () => {
  const random = new SeededRandom(11);
  for (const size of [16, 32, 48, 4096, 16384]) {
    const bytes = new Uint8Array(size);
    random.fill(bytes);
    const seed = random.u32();
    assert.equal(checksumWords(new Int32Array(bytes.buffer), 0, size / 4, seed), plainXxh32(bytes, BigInt(seed)));
  }
});

test("a block is checked wherever it lies in memory", () => {
  const bytes = new Uint8Array(3 * 4096 + 1);
  new SeededRandom(12).fill(bytes);
  for (const at of [0, 4, 1, 3, 4099])
    assert.equal(checksumBlock(bytes, at), plainXxh32(bytes.subarray(at, at + 4096), 0n));
});
