/** Goal: an attempt does the same whenever it is made, and only what was asked for; rare moments are aimed at, too. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Disturbance, type DisturbancePoint, powerCutKind } from "@stratos/kernel/faults";
import { attemptPlan, groundOf } from "./attempt-plan.ts";

const KINDS = { faults: ["short", "eintr"], schedules: true } as const;
const point = (n: number, kind: DisturbancePoint["kind"], call: number): DisturbancePoint => ({
  ...{ tid: 2, n, kind, program: "cat", call, count: 100 },
});
/** A thousand reads, of which each may be short, and one write. */
const POINTS = [
  ...Array.from({ length: 1000 }, (_, index) => point(index + 1, "short", 63)),
  point(2000, "short", 64),
  point(2000, "hold", 64),
];
const RUN = { points: POINTS, tasks: new Map([[2, 5000]]), instructions: 5000 };

function aimed(attempts: number, kinds: Parameters<typeof groundOf>[1], run = RUN): Disturbance[] {
  const ground = groundOf(run, kinds);
  return Array.from({ length: attempts }, (_, index) => attemptPlan(7, index + 1, kinds, ground)).flatMap((plan) =>
    "list" in plan ? plan.list : [],
  );
}

test("the same attempt is the same plan, another one is another", () => {
  const ground = groundOf(RUN, KINDS);
  assert.deepEqual(attemptPlan(7, 4, KINDS, ground), attemptPlan(7, 4, KINDS, ground));
  assert.notDeepEqual(attemptPlan(7, 4, KINDS, ground), attemptPlan(7, 5, KINDS, ground));
  assert.notDeepEqual(attemptPlan(7, 4, KINDS, ground), attemptPlan(8, 4, KINDS, ground));
});

test("the one write is aimed at within a dozen attempts", () => {
  assert.ok(aimed(12, KINDS).some(({ kind, n }) => kind === "short" && n === 2000));
});

test("where the power may fail, each call is the last one with each of the ends, whatever else is done", () => {
  const kinds = { faults: ["short", "eintr", "enospc", "eio", "power"], schedules: true } as const;
  const calls = [64, 82, 276];
  const points = [...POINTS, ...calls.map((call, index) => point(3000 + index, "power", call))];
  const ground = groundOf({ ...RUN, points }, kinds);
  const ends = new Set<string>();
  for (let attempt = 1; attempt <= 27; attempt++) {
    const plan = attemptPlan(11, attempt, kinds, ground);
    if (!("list" in plan) || plan.list.length !== 1 || plan.list[0]!.kind !== "power") continue;
    ends.add(`${plan.list[0]!.n} ${powerCutKind(plan.list[0]!.amount)}`);
  }
  assert.equal(ends.size, calls.length * 3, [...ends].join(", "));
});

test("what was not asked for is not done", () => {
  assert.ok(aimed(60, { faults: ["short"], schedules: false }).every(({ kind }) => kind === "short"));
  assert.ok(aimed(60, { faults: [], schedules: true }).every(({ kind }) => kind === "hold"));
  for (let attempt = 3; attempt <= 90; attempt += 3) {
    const kinds = { faults: [], schedules: true };
    const plan = attemptPlan(7, attempt, kinds, groundOf(RUN, kinds));
    assert.ok("rates" in plan && Object.keys(plan.rates.faults).length === 0);
    assert.ok(plan.rates.hold > 0 || plan.rates.turnMost > 0, "it does something");
  }
});

test("a task is held in the midst of computation where there are others, within what it runs", () => {
  const atInstructions = (run: typeof RUN): Disturbance[] =>
    aimed(90, KINDS, run).filter(({ at }) => at === "instruction");
  assert.deepEqual(atInstructions(RUN), []);
  const held = atInstructions({
    ...RUN,
    tasks: new Map([
      [2, 5000],
      [3, 10],
    ]),
  });
  assert.ok(held.some(({ tid }) => tid === 3));
  assert.ok(held.every(({ tid, n }) => n >= 1 && n <= (tid === 3 ? 10 : 5000)));
});
