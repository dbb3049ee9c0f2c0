/** Goal: a tree of calls has each function's time once, at its place, whatever V8's nodes are like. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CpuProfile } from "./cpu-profile.ts";
import { flameAt, flameBoxes, flameOf, type Flame } from "./flame.ts";

const frame = (functionName: string, url = "packages/a.ts"): CpuProfile["nodes"][number]["callFrame"] => ({
  functionName,
  scriptId: "1",
  url,
  lineNumber: url === "" ? -1 : 0,
  columnNumber: 0,
});
/** Node 3 and 5 are both `work`, called from `main`; 4 is called from 5 alone. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)", ""), children: [2, 6] },
    { id: 2, callFrame: frame("main"), children: [3, 5] },
    { id: 3, callFrame: frame("work") },
    { id: 4, callFrame: frame("") },
    { id: 5, callFrame: frame("work"), children: [4, 99] },
    { id: 6, callFrame: frame("(idle)", "") },
  ],
  startTime: 0,
  endTime: 10_000,
  samples: [2, 3, 5, 4, 6],
  timeDeltas: [0, 1_000, 2_000, 2_000, 1_000],
};
const words = (flame: Flame): string =>
  `${flame.function} ${flame.selfMs}/${flame.totalMs}` +
  (flame.children.length === 0 ? "" : ` (${flame.children.map(words).join(", ")})`);

test("calls of one function from one place are one; idling is no work; each knows what it called", () => {
  assert.equal(words(flameOf(PROFILE)), "all 0/6 (main 1/6 (work 4/5 ((anonymous) 1/1)))");
});

test("nodes in a circle, twice, without a parent or as deep as a stack: each once, and it ends", () => {
  const nodes = Array.from({ length: 20_000 }, (_, index) => ({
    id: index,
    callFrame: frame(`f${index}`),
    children: [(index + 1) % 20_000, index + 1],
  }));
  const round = flameOf({ ...PROFILE, nodes, samples: [0], timeDeltas: [0] });
  assert.ok(round.totalMs <= 10);
  const line = flameOf({ ...PROFILE, nodes: nodes.slice(0, -1), samples: [19_998], timeDeltas: [0] });
  assert.equal(line.totalMs, 10);
  assert.equal(flameBoxes(line, { depthMax: 48, widthMin: 0.01 }).length, 49);
});

test("a picture begins where it is told, leaves out what is too narrow, and places children within", () => {
  const root = flameOf(PROFILE);
  const boxes = flameBoxes(root, { depthMax: 9, widthMin: 0.2 });
  assert.deepEqual(
    boxes.map(({ flame, left, width }) => [flame.function, left, width]),
    [
      ["all", 0, 1],
      ["main", 0, 1],
      ["work", 0, 5 / 6],
    ],
  );
  assert.deepEqual(
    flameAt(root, [0, 0])!.map((flame) => flame.function),
    ["all", "main", "work"],
  );
  assert.equal(flameAt(root, [0, 7]), null);
});
