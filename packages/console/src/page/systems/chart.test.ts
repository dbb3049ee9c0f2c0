/** Goal: charts show what was measured. Method: figures of which the picture is known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { polyline, rates } from "./chart.ts";

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

test("a line goes from the left to the right, and never beyond its picture", () => {
  const points = [0, 50, 200].map((value, at) => ({ atMs: 1000 + at * 1000, value }));
  assert.equal(polyline(points, 100), "0,80 300,40 600,0");
  assert.equal(polyline(points.slice(0, 1), 0), "0,80");
  assert.equal(polyline([], 1), "");
});
