/** Goal: what is dead does not count, the error comes once, then what was kept; and both anew when memory was freed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HeapWatch } from "./heap-watch.ts";

const MIB = 1024 * 1024;

test("a heap is full when what lives is more than its limit, and its reserve after that", () => {
  let live = 50 * MIB;
  let dead = 0;
  let collections = 0;
  const watch = new HeapWatch(320 * MIB, {
    used: () => live + dead,
    collect: () => {
      dead = 0;
      collections++;
    },
  });
  assert.equal(watch.full(), null);
  dead = 350 * MIB;
  assert.equal(watch.full(), null, "all that is beyond is dead");
  assert.equal(collections, 1);
  live = 369 * MIB;
  dead = 2 * MIB;
  assert.equal(watch.full(), null);
  assert.equal(collections, 2);
  dead = 5 * MIB;
  assert.equal(watch.full(), null);
  assert.equal(collections, 2, "little was made since");
  live = 382 * MIB;
  assert.equal(watch.full(), "heap");
  assert.equal(watch.full(), null, "a handler has memory");
  live = 430 * MIB;
  assert.equal(watch.full(), "reserve");
  live = 100 * MIB;
  dead = 400 * MIB;
  assert.equal(watch.full(), null);
  live = 390 * MIB;
  assert.equal(watch.full(), "heap", "again");
});
