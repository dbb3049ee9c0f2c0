/** Goal: what a recording says was done to its programs is taken as written, or refused, whoever wrote it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Disturbance } from "@stratos/kernel/faults";
import { disturberOf } from "./recorded-disturbances.ts";
import { RecordingError } from "./recording-format.ts";

const GOOD: Disturbance = { tid: 3, at: "call", n: 15, kind: "short", amount: 100 };

test("a recording without disturbances has no disturber, and one with some has one", () => {
  assert.equal(disturberOf({}), null);
  assert.notEqual(disturberOf({ disturbances: [GOOD] }), null);
  assert.equal(disturberOf({ schedule: 0 }), null);
  assert.notEqual(disturberOf({ schedule: 7 }), null);
});

test("what is none is refused", () => {
  for (const wrong of [
    "list",
    [null],
    [{ ...GOOD, tid: -1 }],
    [{ ...GOOD, n: 1.5 }],
    [{ ...GOOD, amount: Infinity }],
    [{ ...GOOD, kind: "reboot" }],
    [{ ...GOOD, at: "instruction" }],
    [{ ...GOOD, at: "noon" }],
    new Array(5000).fill(GOOD),
  ])
    assert.throws(() => disturberOf({ disturbances: wrong as readonly Disturbance[] }), RecordingError);
  for (const wrong of [-1, 0.5, 2 ** 32, "7", null])
    assert.throws(() => disturberOf({ schedule: wrong as number }), RecordingError);
  assert.throws(() => disturberOf({ schedule: 7, disturbances: [GOOD] }), RecordingError);
});
