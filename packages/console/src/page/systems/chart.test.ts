/** Goal: charts show what was measured. Method: figures of which the picture is known. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { polyline } from "./chart.ts";

test("a line goes from the left to the right, and never beyond its picture", () => {
  const points = [0, 50, 200].map((value, at) => ({ atMs: 1000 + at * 1000, value }));
  assert.equal(polyline(points, 100), "0,80 300,40 600,0");
  assert.equal(polyline(points.slice(0, 1), 0), "0,80");
  assert.equal(polyline([], 1), "");
});
