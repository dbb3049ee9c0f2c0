/** Goal: a device for trials takes writes, and the one below stays as it is. Method: both are read, by pieces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryBlockDevice } from "@stratos/host";
import { ScratchDevice } from "./scratch-device.ts";

test("what is written is read back, across blocks, and is nowhere else", () => {
  const below = new MemoryBlockDevice(64 << 10);
  const old = Uint8Array.from({ length: below.size }, (_, index) => index * 7);
  assert.equal(below.write(0, old, 0, old.length), 0);
  const scratch = new ScratchDevice(below);
  const wanted = old.slice();
  for (const [offset, length] of [
    [100, 8000],
    [4096, 4096],
    [20_000, 1],
    [below.size - 5000, 5000],
  ] as const) {
    const bytes = new Uint8Array(length + 10).fill(offset % 251);
    assert.equal(scratch.write(offset, bytes, 10, length), 0, "as every device answers");
    wanted.set(bytes.subarray(10), offset);
  }
  assert.equal(scratch.flush(), 0);
  for (const [from, to] of [
    [0, below.size],
    [99, 20_001],
  ] as const) {
    const found = new Uint8Array(to - from);
    assert.equal(scratch.read(from, found, 0, found.length), 0);
    assert.deepEqual(found, wanted.slice(from, to));
  }
  const found = new Uint8Array(below.size);
  below.read(0, found, 0, found.length);
  assert.deepEqual(found, old);
});
