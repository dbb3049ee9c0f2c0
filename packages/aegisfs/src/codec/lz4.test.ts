/**
 * LZ4 blocks: what goes in comes out, the bytes are those that any LZ4 reader takes, and damaged input is refused
 * without harm.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { lz4 } from "./lz4.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);

function filled(random: SeededRandom, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return bytes;
}

/** Text-like bytes: repeats of a few random words, with noise between. */
function sample(random: SeededRandom, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const words = Array.from({ length: 1 + random.below(40) }, () => filled(random, 1 + random.below(30)));
  const noise = random.below(4);
  for (let at = 0; at < length;) {
    const word = random.below(4) < noise ? filled(random, 1 + random.below(20)) : words[random.below(words.length)]!;
    const count = Math.min(word.length, length - at);
    bytes.set(word.subarray(0, count), at);
    at += count;
  }
  return bytes;
}

test(`compressed data decompresses to itself (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const packed = new Uint8Array(70_000);
  const unpacked = new Uint8Array(65_536);
  for (let round = 0; round < 600; round++) {
    const length = random.below(3) === 0 ? random.below(40) : random.below(65_537);
    const bytes = round < 4 ? new Uint8Array([0, 1, 65_536, 4096][round]!) : sample(random, length);
    const size = lz4.compress(bytes, 0, bytes.length, packed, round % 13);
    assert.ok(size > 0);
    assert.ok(lz4.decompress(packed, 0, size, unpacked, 0, bytes.length), `round ${round}`);
    assert.deepEqual(unpacked.subarray(0, bytes.length), bytes);
    assert.equal(lz4.decompress(packed, 0, size, unpacked, 0, bytes.length + 1), false);
  }
});

test("a higher level makes what repeats from further back smaller, at its place in a larger buffer", () => {
  const random = new SeededRandom(SEED);
  const bytes = sample(random, 65_536);
  const larger = new Uint8Array(100_000);
  larger.set(bytes, 12_345);
  const packed = new Uint8Array(70_000);
  const unpacked = new Uint8Array(65_536);
  const sizes = [0, 3, 9].map((level) => {
    const size = lz4.compress(larger, 12_345, bytes.length, packed, level);
    assert.ok(lz4.decompress(packed, 0, size, unpacked, 0, bytes.length));
    assert.deepEqual(unpacked, bytes);
    // Where a block does not fit nothing is said to be there.
    assert.equal(lz4.compress(larger, 12_345, bytes.length, packed.subarray(0, size - 1), level), 0);
    return size;
  });
  assert.ok(sizes[1]! < sizes[0]! && sizes[2]! <= sizes[1]!, sizes.join());
});

test("a block that the reference implementation made is read", () => {
  const text =
    "stratos stratos stratos stratos, and then some other words, words, words and stratos again: the other words " +
    "of stratos";
  // `lz4 -c`, version 1.9.4, without the frame around it.
  const hex =
    "8f73747261746f7320080004f90d2c20616e64207468656e20736f6d65206f7468657220776f7264732c070001280004450060616761" +
    "696e3a3700083100b0206f662073747261746f73";
  const block = Uint8Array.from(hex.match(/../g)!, (byte) => parseInt(byte, 16));
  const bytes = new Uint8Array(text.length);
  assert.ok(lz4.decompress(block, 0, block.length, bytes, 0, bytes.length));
  assert.equal(String.fromCharCode(...bytes), text);
});

test("what does not shrink is refused", () => {
  const random = new SeededRandom(7);
  const bytes = filled(random, 4096);
  assert.equal(lz4.compress(bytes, 0, 4096, new Uint8Array(3584), 0), 0);
});

test(`damaged input never writes outside of its output (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED + 1);
  const packed = new Uint8Array(70_000);
  for (let round = 0; round < 2000; round++) {
    const bytes = sample(random, 1 + random.below(3000));
    const size = lz4.compress(bytes, 0, bytes.length, packed, 0);
    for (let flips = 1 + random.below(4); flips > 0; flips--) packed[random.below(size)]! ^= 1 << random.below(8);
    const out = new Uint8Array(bytes.length + 64).fill(0xa5);
    lz4.decompress(packed, 0, size - random.below(2), out, 32, bytes.length);
    assert.ok(
      out.subarray(0, 32).every((byte) => byte === 0xa5) &&
        out.subarray(32 + bytes.length).every((byte) => byte === 0xa5),
      `round ${round}`,
    );
  }
});
