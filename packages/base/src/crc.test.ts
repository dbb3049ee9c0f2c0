/**
 * Cyclic redundancy checks: the values that their standards print, and the plain definition, bit by bit, at each place
 * and length.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byteStringOf } from "./byte-string.ts";
import { crc32, crc32c } from "./crc.ts";
import { SeededRandom } from "./seeded-random.ts";

function bitByBit(polynomial: number, bytes: Uint8Array): number {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
  }
  return ~crc >>> 0;
}

test("the checks of known bytes are those of the standards", () => {
  const digits = byteStringOf("123456789");
  assert.deepEqual([crc32(digits), crc32c(digits)], [0xcbf43926, 0xe3069283]);
  // RFC 3720 §B.4: zeros, ones, and counting up.
  assert.deepEqual(
    [
      crc32c(new Uint8Array(32)),
      crc32c(new Uint8Array(32).fill(255)),
      crc32c(Uint8Array.from({ length: 32 }, (_, index) => index)),
    ],
    [0x8a9136aa, 0x62a8ab43, 0x46dd794e],
  );
});

test("bytes at any place and of any length give what the definition does, in one go or in two", () => {
  const seed = 4711,
    random = new SeededRandom(seed),
    bytes = new Uint8Array(1000);
  random.fill(bytes);
  for (let round = 0; round < 2000; round++) {
    // Also of a view that begins off the words of its buffer.
    const view = bytes.subarray(random.below(8)),
      start = random.below(300),
      end = start + random.below(view.length - start),
      cut = start + random.below(end - start + 1);
    const about = `seed ${seed}, round ${round}: ${start} to ${end} of ${view.byteOffset}`;
    assert.equal(crc32(view, start, end), bitByBit(0xedb88320, view.subarray(start, end)), about);
    assert.equal(
      crc32c(view, cut, end, crc32c(view, start, cut)),
      bitByBit(0x82f63b78, view.subarray(start, end)),
      about,
    );
  }
});
