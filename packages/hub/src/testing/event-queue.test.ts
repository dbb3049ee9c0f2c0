/** Goal: what is due comes in order of its time, and of one time as it came. Method: beside a sorted list. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { EventQueue } from "./event-queue.ts";

test("what is due comes earliest first, and in the order in which it was added", () => {
  const random = new SeededRandom(1);
  const queue = new EventQueue<string>();
  const added: { atMs: number; item: string }[] = [];
  const taken: string[] = [];
  for (let index = 0; index < 2_000; index++) {
    const entry = { atMs: random.below(50), item: String(index) };
    added.push(entry);
    queue.add(entry.atMs, entry.item);
  }
  assert.equal(queue.take(0), null);
  for (let item = queue.take(Infinity); item !== null; item = queue.take(Infinity)) taken.push(item);
  assert.deepEqual(
    taken,
    added.toSorted((a, b) => a.atMs - b.atMs).map(({ item }) => item),
  );
  assert.equal(queue.firstMs, null);
});
