/** Goal: deduplication names no block by what it held before. Method: an index over blocks that are looked at. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { WriteIndex } from "./write-index.ts";

test("blocks that were given back and taken again are found by what they hold now alone, each of a run", () => {
  const held = new Map<number, number>();
  const space = { onRelease: (_block: number, _count: number): void => {} };
  const store = {
    read: (block: number, _count: number, bytes: Uint8Array, at: number): void =>
      void bytes.fill(held.get(block) ?? 0, at, at + BLOCK_SIZE),
  };
  const index = new WriteIndex({ space, store } as never, 64);
  const put = (block: number, values: number[]): void => {
    values.forEach((value, offset) => held.set(block + offset, value));
    index.add(block, values.length, Uint32Array.from(values));
  };
  const find = (...values: number[]): number[] => {
    const bytes = new Uint8Array(values.length * BLOCK_SIZE);
    values.forEach((value, offset) => bytes.fill(value, offset * BLOCK_SIZE, (offset + 1) * BLOCK_SIZE));
    const length = index.find(bytes, 0, values.length, Uint32Array.from(values));
    return length === 0 ? [] : [index.found, length];
  };
  put(10, [1, 2, 3]);
  assert.deepEqual(find(1, 2, 3), [10, 3]);
  space.onRelease(11, 1);
  assert.deepEqual([find(1, 2, 3), find(2)], [[10, 1], []]);
  put(10, [4, 5]);
  assert.deepEqual([find(2), find(4, 5), find(5)], [[], [10, 2], [11, 1]]);
});
