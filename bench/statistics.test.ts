import assert from "node:assert/strict";
import { test } from "node:test";
import { geometricMean, median } from "./statistics.ts";

test("the median is the middle, or the mean of the two in the middle", () => {
  assert.equal(median([3, 100, 1]), 3);
  assert.equal(median([4, 1, 2, 100]), 3);
});

test("the geometric mean treats twice as fast and half as fast as equals", () => {
  assert.ok(Math.abs(geometricMean([2, 0.5]) - 1) < 1e-12);
  assert.ok(Math.abs(geometricMean([8, 1]) - Math.sqrt(8)) < 1e-12);
});
