/** Goal: what charts show of figures that grow is what was measured. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rates } from "./rates.ts";

test("of a figure that grows it is told how much in a second", () => {
  const points = [
    { atMs: 0, value: 0 },
    { atMs: 2000, value: 100 },
    { atMs: 3000, value: 100 },
  ];
  assert.deepEqual(rates(points), [
    { atMs: 2000, value: 50 },
    { atMs: 3000, value: 0 },
  ]);
  assert.deepEqual(rates(points.slice(0, 1)), []);
});
