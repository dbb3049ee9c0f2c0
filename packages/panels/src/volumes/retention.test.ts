/** Goal: the picture of a schedule shows what the schedule keeps. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { keptHours } from "./retention.ts";

test("of each period so many are kept; what two periods keep is one snapshot", () => {
  assert.deepEqual(keptHours({ hourly: 0, daily: 0, weekly: 0, monthly: 0 }), []);
  assert.deepEqual(keptHours({ hourly: 3, daily: 0, weekly: 0, monthly: 0 }), [0, 1, 2]);
  assert.deepEqual(
    keptHours({ hourly: 26, daily: 2, weekly: 0, monthly: 0 }).length,
    26,
    "yesterday's is an hourly one",
  );
  assert.deepEqual(keptHours({ hourly: 2, daily: 3, weekly: 2, monthly: 0 }), [0, 1, 24, 48, 168]);
});

test("older periods are snapshots of the shortest one", () => {
  assert.deepEqual(
    keptHours({ hourly: 0, daily: 0, weekly: 5, monthly: 2 }),
    [0, 168, 336, 504, 672],
    "the fifth week",
  );
  assert.deepEqual(keptHours({ hourly: 0, daily: 1, weekly: 0, monthly: 3 }), [0, 720, 1440]);
});
