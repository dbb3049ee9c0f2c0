/** Goal: monitors lie side by side, and windows stay on theirs. Method: places as numbers, without a page. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Arrangement } from "./arrangement.ts";
import { type ArrangedMonitor, monitorAt, placesOf } from "./monitors.ts";

const FIRST = { width: 1000, height: 600 },
  SMALL = { width: 400, height: 300 };

function monitors(...sides: readonly ("left" | "right" | "above" | "below")[]): ArrangedMonitor[] {
  return placesOf(
    FIRST,
    sides.map((side) => ({ ...SMALL, side })),
  ).map((screen, at) => ({ id: at + 1, screen, area: at === 0 ? { ...screen, height: screen.height - 40 } : screen }));
}

let arrangement = new Arrangement(monitors(), 3, () => {});
const free = (id = "a"): { x: number; y: number } => {
  const { x, y } = arrangement.find(id)!.free;
  return { x, y };
};

beforeEach(() => {
  arrangement = new Arrangement(monitors("right"), 3, () => {});
  arrangement.open({ id: "a", title: "a", size: { width: 200, height: 100 }, free: { x: 1050, y: 50, ...SMALL } });
});

test("those that are added lie on their side of the first, one behind the other, and nothing is below 0", () => {
  const corners = placesOf(FIRST, [
    { ...SMALL, side: "left" },
    { ...SMALL, side: "left" },
    { ...SMALL, side: "right" },
    { ...SMALL, side: "above" },
    { ...SMALL, side: "below" },
  ]).map(({ x, y }) => [x, y]);
  assert.deepEqual(corners, [
    [800, 300],
    [400, 300],
    [0, 300],
    [1800, 300],
    [800, 0],
    [800, 900],
  ]);
});

test("a point belongs to the monitor that it is on, or to the nearest", () => {
  const all = monitors("right");
  const at = (x: number, y: number): number => monitorAt(all, x, y).id;
  assert.deepEqual([at(999, 10), at(1000, 10), at(1350, 400), at(-50, 10), at(5000, 0)], [1, 2, 2, 1, 2]);
});

test("a window is on the monitor below its middle, and takes that one when it fills", () => {
  assert.equal(arrangement.find("a")!.monitor, 2);
  arrangement.setPlacement("a", "maximized");
  assert.deepEqual(arrangement.place(arrangement.find("a")!), { x: 1000, y: 0, width: 400, height: 300 });
  arrangement.moveTo("a", { x: 600, y: 50, width: 300, height: 200 });
  arrangement.setPlacement("a", "left");
  assert.deepEqual(arrangement.place(arrangement.find("a")!), { x: 0, y: 0, width: 500, height: 560 });
});

test("a new window opens where the person works", () => {
  arrangement.open({ id: "b", title: "b", size: { width: 100, height: 100 } });
  assert.equal(arrangement.find("b")!.monitor, 2);
  assert.ok(free("b").x >= 1000);
});

test("a window goes with its monitor, and to another one as it lay", () => {
  arrangement.setMonitors(monitors("left"));
  assert.deepEqual(free(), { x: 50, y: 50 }, "the other one lies to the left of the first now");
  arrangement.toMonitor("a", 1);
  assert.deepEqual([free(), arrangement.find("a")!.monitor], [{ x: 450, y: 50 }, 1]);
});

test("a window of a monitor that is gone comes to the first, in sight, and fills it if it filled the other", () => {
  arrangement.setPlacement("a", "fullscreen");
  arrangement.setMonitors(monitors());
  assert.deepEqual(arrangement.place(arrangement.find("a")!), { x: 0, y: 0, width: 1000, height: 600 });
  arrangement.setPlacement("a", "free");
  assert.deepEqual(free(), { x: 50, y: 50 });
});

test("a window that is pulled over the edge is where the pointer is, though more of it is elsewhere", () => {
  arrangement.moveTo("a", { x: 990, y: 0, width: 300, height: 200 }, arrangement.monitorAt(995, 10));
  assert.deepEqual([arrangement.find("a")!.monitor, free()], [1, { x: 936, y: 0 }]);
});

test("a monitor that is smaller for a while (a page is zoomed, a phone turned) leaves windows as they were", () => {
  const monitor = (width: number, height: number): ArrangedMonitor[] => {
    const screen = { x: 0, y: 0, width, height };
    return [{ id: 1, screen, area: screen }];
  };
  const own = new Arrangement(monitor(1280, 800), 1, () => {});
  own.open({ id: "whole", title: "", size: SMALL, free: { x: 500, y: 300, width: 700, height: 400 } });
  own.open({ id: "hangs", title: "", size: SMALL, free: { x: 1200, y: 300, width: 300, height: 200 } });
  const places = (): number[][] => own.windows.map(({ free }) => Object.values(free));
  const before = places();
  own.setMonitors(monitor(390, 700));
  assert.deepEqual(places(), [
    [0, 300, 390, 400],
    [326, 300, 300, 200],
  ]);
  own.setMonitors(monitor(1280, 800));
  assert.deepEqual(places(), before);

  // What such a page leaves to the next one is in sight there, whatever its size.
  const phone = new Arrangement(monitor(390, 700), 1, () => {});
  phone.open({ id: "whole", title: "", size: SMALL, free: own.find("whole")!.wanted });
  assert.deepEqual(Object.values(phone.find("whole")!.free), [0, 300, 390, 400]);
  phone.setMonitors(monitor(1280, 800));
  assert.deepEqual(Object.values(phone.find("whole")!.free), before[0]);
});
