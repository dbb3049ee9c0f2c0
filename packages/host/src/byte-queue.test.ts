/** Goal: bytes come in order, in pieces of whatever size is asked for, and stay while they are only looked at. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ByteQueue } from "./byte-queue.ts";

test("what was put in piece by piece is read in order, whatever the sizes, and once", () => {
  for (let size = 1; size <= 12; size++) {
    const queue = new ByteQueue();
    for (const piece of [[1, 2, 3], [], [4], [5, 6, 7, 8, 9], [10]]) queue.push(Uint8Array.from(piece));
    assert.equal(queue.length, 10);
    const read: number[] = [];
    while (queue.length > 0) {
      const [seen, taken] = [new Uint8Array(size + 2), new Uint8Array(size + 2)];
      const count = queue.read(seen, 1, size, true);
      assert.equal(queue.read(taken, 1, size, false), count);
      assert.deepEqual(seen, taken);
      assert.deepEqual([taken[0], taken[count + 1]], [0, 0], "nothing beside its place is touched");
      read.push(...taken.subarray(1, count + 1));
    }
    assert.deepEqual(read, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], `by ${size}`);
    assert.equal(queue.read(new Uint8Array(4), 0, 4, false), 0);
  }
});

test("what is cleared is gone", () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1));
  queue.clear();
  assert.equal(queue.length, 0);
  queue.push(Uint8Array.of(2));
  const bytes = new Uint8Array(1);
  assert.equal(queue.read(bytes, 0, 1, false), 1);
  assert.equal(bytes[0], 2);
});
