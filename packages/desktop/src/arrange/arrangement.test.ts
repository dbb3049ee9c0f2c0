/** Goal: one window is on top and has the keyboard, on one of the workspaces. Method: without a page. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Arrangement } from "./arrangement.ts";
import { EDGE } from "./place.ts";

const AREA = { x: 0, y: 0, width: 1000, height: 600 };
const FIRST = { id: 1, area: AREA, screen: AREA };
let arrangement = new Arrangement([FIRST], 3, () => {});
let changes = 0;
const size = { width: 300, height: 200 };
const order = (): string => arrangement.windows.map(({ id }) => id).join("");

beforeEach(() => {
  changes = 0;
  arrangement = new Arrangement([FIRST], 3, () => void changes++);
  for (const id of ["a", "b", "c"]) arrangement.open({ id, title: id, size });
});

test("the last that was opened is on top and has the keyboard; who is pressed comes up", () => {
  assert.deepEqual([order(), arrangement.active, changes], ["abc", "c", 3]);
  arrangement.focus("a");
  assert.deepEqual([order(), arrangement.active], ["bca", "a"]);
  arrangement.focus("a");
  assert.equal(changes, 4, "nothing changes by a press on what is on top");
});

test("the next below gets the keyboard when a window goes", () => {
  arrangement.close("c");
  assert.equal(arrangement.active, "b");
  arrangement.minimize("b");
  assert.equal(arrangement.active, "a");
  arrangement.close("a");
  assert.equal(arrangement.active, null, "b is minimised");
  arrangement.focus("b");
  assert.equal(arrangement.find("b")!.isMinimized, false);
});

test("each workspace has its own windows, and the person goes with the one that is sent", () => {
  arrangement.sendTo("b", 2);
  assert.deepEqual([arrangement.workspace, arrangement.active], [2, "b"]);
  arrangement.goTo(1);
  assert.equal(arrangement.active, null);
  arrangement.goTo(0);
  assert.equal(arrangement.active, "c");
  arrangement.focus("b");
  assert.equal(arrangement.workspace, 2);
  arrangement.setWorkspaceCount(1);
  assert.deepEqual([arrangement.workspace, arrangement.find("b")!.workspace, arrangement.active], [0, 0, "b"]);
  arrangement.goTo(1);
  assert.equal(arrangement.workspace, 0);
});

test("all windows of a workspace come up one after the other, both ways", () => {
  const seen: (string | null)[] = [];
  for (let round = 0; round < 3; round++) {
    arrangement.cycle(false);
    seen.push(arrangement.active);
  }
  assert.deepEqual(seen, ["a", "b", "c"]);
  arrangement.cycle(true);
  assert.equal(arrangement.active, "b");
});

test("a window that was in a half is as it was when it is free again", () => {
  const { free } = arrangement.find("a")!;
  arrangement.setPlacement("a", "left");
  assert.deepEqual(arrangement.place(arrangement.find("a")!), { x: 0, y: 0, width: 500, height: 600 });
  arrangement.setPlacement("a", "free");
  assert.deepEqual(arrangement.place(arrangement.find("a")!), free);
});

test("a program that takes another size than it was pulled to keeps the edge that was not pulled", () => {
  arrangement.moveTo("a", { x: 100, y: 100, width: 300, height: 200 });
  arrangement.sizeIs("a", { width: 290, height: 190 }, EDGE.left | EDGE.top);
  assert.deepEqual(arrangement.find("a")!.free, { x: 110, y: 110, width: 290, height: 190 });
});

test("windows stay in sight when the place for them gets smaller", () => {
  arrangement.moveTo("a", { x: 900, y: 500, width: 300, height: 200 });
  const small = { x: 0, y: 0, width: 400, height: 300 };
  arrangement.setMonitors([{ id: 1, area: small, screen: small }]);
  const { x, y } = arrangement.find("a")!.free;
  assert.ok(x <= 336 && y <= 268, `${x} ${y}`);
});

test("new windows lie beside one another, and within the area", () => {
  const places = new Set<number>();
  for (let index = 0; index < 20; index++) arrangement.open({ id: `w${index}`, title: "", size });
  for (const { free } of arrangement.windows) {
    places.add(free.x);
    assert.ok(free.x + free.width <= 1000 && free.y + free.height <= 600);
  }
  assert.ok(places.size >= 8);
});

test("windows that come again in another order lie as they did, and only the one that had it has the keyboard", () => {
  arrangement = new Arrangement([FIRST], 3, () => {});
  const before = ["a", "b", "c", "d"];
  for (const id of ["c", "a", "d", "b"])
    arrangement.open({ id, title: id, size, below: before.slice(before.indexOf(id) + 1), isActive: id === "b" });
  assert.deepEqual([order(), arrangement.active], ["abcd", "b"]);
  arrangement.open({ id: "new", title: "new", size });
  assert.deepEqual([order(), arrangement.active], ["abcdnew", "new"]);
});
