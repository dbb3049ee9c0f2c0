/** The Zstandard port: round trips, other sizes than promised, damage. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { zstdCodec } from "./zstd-codec.ts";

test("what is compressed comes back, and only in its own size", () => {
  const input = new Uint8Array(65_536).map((_, index) => (index * index) >> 9);
  const packed = new Uint8Array(65_536);
  const size = zstdCodec.compress(input, 0, input.length, packed, 3);
  assert.ok(size > 0 && size < input.length);
  const output = new Uint8Array(65_536 + 2);
  assert.equal(zstdCodec.decompress(packed, 0, size, output, 1, 65_536), true);
  assert.deepEqual(output.subarray(1, 65_537), input);
  for (const other of [0, 100, 65_535, 65_537]) assert.equal(zstdCodec.decompress(packed, 0, size, new Uint8Array(70_000), 0, other), false, `${other}`);
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
