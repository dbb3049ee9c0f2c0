/** Goal: the sum is what its comment says, and a changed byte, a lost one and a zero more are seen. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { wordSum } from "./word-sum.ts";

function plainSum(bytes: Uint8Array): number {
  const words = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
  words.set(bytes);
  const view = new DataView(words.buffer);
  let a = 0n;
  let b = 0n;
  for (let at = 0; at < words.length; at += 8) {
    a = BigInt.asUintN(64, a + view.getBigUint64(at, true));
    b = BigInt.asUintN(64, (b << 5n) | (b >> 59n)) ^ a;
  }
  return Number((b ^ (b >> 32n) ^ BigInt(bytes.length)) & 0xffffffffn);
}

test("the sum of random bytes is the one that plain code has, and damages change it", () => {
  const seed = Date.now() % 2 ** 31;
  const random = new SeededRandom(seed);
  for (const length of [0, 1, 7, 8, 9, 100, 65_528, 65_536, 70_001, 131_072, 131_081]) {
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    const sum = wordSum(bytes);
    assert.equal(sum, plainSum(bytes), `seed ${seed}, length ${length}`);
    assert.notEqual(wordSum(Uint8Array.of(...bytes.subarray(0, 60_000), 0)), sum);
    if (length === 0) continue;
    // Of a byte of 1 the sum is that of nothing.
    if (length > 1) assert.notEqual(wordSum(bytes.subarray(1)), sum, `seed ${seed}, length ${length}`);
    bytes[random.below(length)]! ^= 1 << random.below(8);
    assert.notEqual(wordSum(bytes), sum, `seed ${seed}, length ${length}`);
  }
});
