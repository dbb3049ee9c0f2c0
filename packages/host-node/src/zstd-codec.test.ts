/** The Zstandard port: round trips, other sizes than promised, damage, contexts that are used again. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { constants, zstdCompressSync } from "node:zlib";
import { SeededRandom } from "@stratos/base";
import { zstdCodec } from "./zstd-codec.ts";
import { zstdFrameContent } from "./zstd-frame.ts";

test("what is compressed comes back, and only in its own size", () => {
  const input = new Uint8Array(65_536).map((_, index) => (index * index) >> 9);
  const packed = new Uint8Array(65_536);
  const size = zstdCodec.compress(input, 0, input.length, packed, 3);
  assert.ok(size > 0 && size < input.length);
  const output = new Uint8Array(65_536 + 2);
  assert.equal(zstdCodec.decompress(packed, 0, size, output, 1, 65_536), true);
  assert.deepEqual(output.subarray(1, 65_537), input);
  for (const other of [0, 100, 65_535, 65_537])
    assert.equal(zstdCodec.decompress(packed, 0, size, new Uint8Array(70_000), 0, other), false, `${other}`);
  assert.equal(zstdCodec.compress(input, 0, input.length, new Uint8Array(20), 1), 0);
});

test("damage is told, and a bomb does not go off", () => {
  const bomb = new Uint8Array(1 << 20);
  const packed = new Uint8Array(4096);
  const size = zstdCodec.compress(bomb, 0, bomb.length, packed, 19);
  assert.ok(size > 0 && size < 200);
  assert.equal(zstdCodec.decompress(packed, 0, size, new Uint8Array(65_536), 0, 65_536), false);
  for (let at = 0; at < size; at++) {
    const damaged = packed.slice(0, size);
    damaged[at]! ^= 0x55;
    zstdCodec.decompress(damaged, 0, size, new Uint8Array(65_536), 0, 65_536);
  }
  assert.equal(zstdCodec.decompress(packed, 0, 0, new Uint8Array(16), 0, 16), false);
});

test("each piece comes out of a context that was used before as out of a new one", () => {
  const seed = 29;
  const random = new SeededRandom(seed);
  const output = new Uint8Array(140_000);
  const back = new Uint8Array(131_072 + 3);
  for (let round = 0; round < 60; round++) {
    const input = new Uint8Array(1 + random.below(131_072));
    random.fill(input);
    const spread = random.below(256);
    if (round % 5 !== 0) for (let at = 0; at < input.length; at++) input[at]! &= spread;
    const level = [0, 1, 1, 3, 9][random.below(5)]!;
    const expected = new Uint8Array(
      zstdCompressSync(input, { params: { [constants.ZSTD_c_compressionLevel]: level === 0 ? 1 : level } }),
    );
    const room = round % 2 === 0 ? output : output.subarray(0, Math.max(1, input.length - 1));
    const size = zstdCodec.compress(input, 0, input.length, room, level);
    assert.equal(size, expected.length <= room.length ? expected.length : 0, `seed ${seed}, round ${round}`);
    if (size > 0) assert.deepEqual(output.subarray(0, size), expected, `seed ${seed}, round ${round}`);
    // A damaged piece in between leaves nothing behind.
    const damaged = expected.slice();
    damaged[6 + random.below(damaged.length - 6)]! ^= 1 << random.below(8);
    zstdCodec.decompress(damaged, 0, damaged.length, back, 0, input.length);
    zstdCodec.decompress(expected, 0, expected.length - 1 - random.below(3), back, 0, input.length);
    assert.equal(
      zstdCodec.decompress(expected, 0, expected.length, back, 3, input.length),
      true,
      `seed ${seed}, round ${round}`,
    );
    assert.deepEqual(back.subarray(3, 3 + input.length), input, `seed ${seed}, round ${round}`);
  }
});

test("a frame that never ends leaves nothing for the next one", () => {
  const input = new Uint8Array(4096).fill(65);
  const packed = new Uint8Array(4200);
  const size = zstdCodec.compress(input, 0, input.length, packed, 1);
  // Its only block is not the last one any more (RFC 8878 §3.1.1.2): all of the content, and then more is to come.
  const endless = packed.slice(0, size);
  const header = 4 + 1 + 2;
  assert.equal(zstdFrameContent(endless, 0, size), 4096);
  assert.equal(endless[header]! & 1, 1);
  endless[header]! &= 0xfe;
  assert.equal(zstdFrameContent(endless, 0, size), -1);
  const output = new Uint8Array(4096);
  assert.equal(zstdCodec.decompress(endless, 0, size, output, 0, 4096), false);
  assert.equal(zstdCodec.decompress(packed, 0, size, output, 0, 4096), true);
  assert.deepEqual(output, input);
});

test("a frame that does not say its size is decoded as ever; more than one frame is none", () => {
  const input = new Uint8Array(3000).map((_, index) => index >> 4);
  const unsized = zstdCompressSync(input, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
  assert.equal(zstdFrameContent(unsized, 0, unsized.length), -1);
  const output = new Uint8Array(6000);
  assert.equal(zstdCodec.decompress(unsized, 0, unsized.length, output, 0, 3000), true);
  assert.deepEqual(output.subarray(0, 3000), input);
  const both = Buffer.concat([zstdCompressSync(input), zstdCompressSync(input)]);
  assert.equal(zstdCodec.decompress(both, 0, both.length, output, 0, 6000), false);
});
