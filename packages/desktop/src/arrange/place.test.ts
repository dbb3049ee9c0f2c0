/** Goal: windows go where the pointer or a key says. Method: places as numbers, without a page. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clamp, EDGE, type Placement, placeOf, resized, snapAt, snapByKey } from "./place.ts";

const AREA = { x: 0, y: 0, width: 1001, height: 601 };
const FREE = { x: 40, y: 50, width: 300, height: 200 };
const MIN = { width: 160, height: 80 };

test("halves and quarters cover the area without a gap or an overlap", () => {
  const cells = (placements: readonly Placement[]): number =>
    placements.reduce((sum, each) => {
      const { width, height } = placeOf(each, FREE, AREA, AREA);
      return sum + width * height;
    }, 0);
  assert.equal(cells(["left", "right"]), 1001 * 601);
  assert.equal(cells(["top-left", "top-right", "bottom-left", "bottom-right"]), 1001 * 601);
  assert.deepEqual(placeOf("bottom-right", FREE, AREA, AREA), { x: 501, y: 301, width: 500, height: 300 });
  const screen = { ...AREA, height: 640 };
  assert.equal(placeOf("maximized", FREE, AREA, screen).height, 601);
  assert.equal(placeOf("fullscreen", FREE, AREA, screen).height, 640);
});

test("a window that is let go at an edge takes its half, at a corner its quarter, above all of it", () => {
  assert.equal(snapAt(0, 300, AREA), "left");
  assert.equal(snapAt(1000, 300, AREA), "right");
  assert.equal(snapAt(3, 20, AREA), "top-left");
  assert.equal(snapAt(998, 590, AREA), "bottom-right");
  assert.equal(snapAt(500, 2, AREA), "maximized");
  assert.equal(snapAt(500, 300, AREA), null);
  assert.equal(snapAt(500, 600, AREA), null);
});

test("keys lead from one part to the next, and back", () => {
  const walk = (from: Placement, ...directions: readonly ("left" | "right" | "up" | "down")[]): string =>
    directions.reduce<string>((at, direction) => snapByKey(at as Placement, direction), from);
  assert.equal(walk("free", "left"), "left");
  assert.equal(walk("free", "left", "right"), "free");
  assert.equal(walk("free", "left", "up"), "top-left");
  assert.equal(walk("free", "left", "up", "right"), "top-right");
  assert.equal(walk("free", "right", "down"), "bottom-right");
  assert.equal(walk("free", "right", "down", "up"), "right");
  assert.equal(walk("free", "up"), "maximized");
  assert.equal(walk("free", "up", "down"), "free");
  assert.equal(walk("free", "down"), "minimized");
  assert.equal(walk("fullscreen", "left"), "fullscreen");
});

test("the edge that is not pulled stays where it is, however small the window gets", () => {
  assert.deepEqual(resized(FREE, EDGE.left | EDGE.top, 1000, 1000, MIN), { x: 180, y: 170, width: 160, height: 80 });
  assert.deepEqual(resized(FREE, EDGE.right | EDGE.bottom, 10, -20, MIN), { ...FREE, width: 310, height: 180 });
  assert.deepEqual(resized(FREE, 0, 10, 10, MIN), FREE);
});

test("a window's title can always be taken again", () => {
  for (const place of [
    { ...FREE, x: 5000, y: 5000 },
    { ...FREE, x: -5000, y: -5000 },
    { x: 0, y: 0, width: 9000, height: 9000 },
  ]) {
    const { x, y, width } = clamp(place, AREA, MIN);
    assert.ok(x + width >= 64 && x <= AREA.width - 64, `${x} ${width}`);
    assert.ok(y >= 0 && y <= AREA.height - 32, String(y));
    assert.ok(width <= AREA.width);
  }
});
