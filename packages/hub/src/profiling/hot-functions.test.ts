/** Goal: a profile's times are those of its samples. Method: small profiles by hand, whose times can be counted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCpuProfile, type CpuProfile, type ProfileNode } from "./cpu-profile.ts";
import { compareTimes, hottest, profileTimes } from "./hot-functions.ts";

const node = (id: number, functionName: string, url: string, children: number[] = [], line = id): ProfileNode => ({
  id,
  callFrame: { functionName, scriptId: "0", url, lineNumber: line, columnNumber: 0 },
  children,
});
const system = (id: number, name: string, children: number[] = []): ProfileNode => node(id, name, "", children, -1);
/** Each sample lasts a millisecond. */
const profile = (nodes: ProfileNode[], samples: number[]): CpuProfile => ({
  nodes,
  startTime: 1_000,
  endTime: 1_000 + 1_000 * (samples.length + 1),
  samples,
  timeDeltas: samples.map(() => 1_000),
});

test("self is what ran, total is what stood on the stack, once where it called itself; idling is no work", () => {
  const nodes = [
    system(1, "(root)", [2, 3]),
    system(2, "(idle)"),
    node(3, "serve", "a.ts", [4, 5], 9),
    node(4, "walk", "b.ts", [6], 19),
    node(5, "", "b.ts", [], 29),
    // It calls itself: the same function further down.
    node(6, "walk", "b.ts", [], 19),
  ];
  const times = profileTimes(profile(nodes, [2, 2, 3, 4, 6, 6, 5, 2]));
  assert.equal(times.spanMs, 9);
  assert.equal(times.busyMs, 5);
  assert.deepEqual(hottest(times, "self", 10), [
    { function: "walk", where: "b.ts:20", selfMs: 3, totalMs: 3 },
    { function: "(anonymous)", where: "b.ts:30", selfMs: 1, totalMs: 1 },
    { function: "serve", where: "a.ts:10", selfMs: 1, totalMs: 5 },
  ]);
  assert.deepEqual(
    hottest(times, "total", 2).map((one) => one.function),
    ["serve", "walk"],
  );
});

test("two profiles of different length are compared by the second, and by file: lines move", () => {
  const at = (line: number, samples: number[]): ReturnType<typeof profileTimes> =>
    profileTimes(
      profile([system(1, "(root)", [2, 3]), node(2, "f", "a.ts", [], line), node(3, "g", "a.ts", [], 5)], samples),
    );
  const [first] = compareTimes(at(40, [2, 2, 2, 3]), at(30, [2, 3, 3, 3, 3, 3, 3, 3, 3]), "self", 1);
  assert.equal(first!.function, "g");
  const both = compareTimes(at(40, [2, 2, 2, 3]), at(30, [2, 3, 3, 3, 3, 3, 3, 3, 3]), "self", 10);
  assert.deepEqual(both[1], { function: "f", where: "a.ts", now: 600, before: 100 });
});

test("a profile that somebody made up neither hangs nor misleads", () => {
  // A circle, a child that is nowhere, a node twice below others.
  const nodes = [node(1, "a", "x.ts", [2, 99]), node(2, "b", "x.ts", [1, 2, 3]), node(3, "c", "x.ts", [1])];
  const { functions } = profileTimes(profile(nodes, [1, 2, 3, 77]));
  assert.equal(
    functions.reduce((sum, { selfMs }) => sum + selfMs, 0),
    3,
  );
  const deep = Array.from({ length: 200_000 }, (_, index) => node(index + 1, "deep", "x.ts", [index + 2], 0));
  assert.equal(profileTimes(profile(deep, [200_000])).functions[0]!.totalMs, 1);
  const good = JSON.stringify(profile([node(1, "a", "x.ts")], [1]));
  assert.equal(parseCpuProfile(good).samples.length, 1);
  for (const [text, why] of [
    ["", /no profile: Unexpected end/],
    ["null", /it has no nodes/],
    [good.replace('"nodes"', '"other"'), /it has no nodes/],
    [good.replace('"samples":[1]', '"samples":[1,2]'), /do not fit/],
    [good.replace('"endTime"', '"ended"'), /it has no span/],
    [good.replace('"id":1', '"id":"1"'), /it has no nodes/],
  ] as const)
    assert.throws(() => parseCpuProfile(text), why);
});
