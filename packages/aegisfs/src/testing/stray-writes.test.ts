/**
 * Goal: a disk that loses writes, or puts them where others stood, never makes a file show what was not written to it.
 * Method: testing/stray-writes.ts. That it would see a loss is shown by more faults than two copies on one disk can
 * bear.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateStrayWrites, type StrayKind, type StrayOutcome } from "./stray-writes.ts";

const SEED = Number(process.env["AEGISFS_SEED"] ?? 20260101);
const ROUNDS = 60;

function run(kind: StrayKind): StrayOutcome[] {
  return Array.from({ length: ROUNDS }, (_, round) => simulateStrayWrites(SEED + round, kind));
}

const sum = (outcomes: readonly StrayOutcome[], part: "faults" | "repairedBlocks"): number =>
  outcomes.reduce((total, outcome) => total + outcome[part], 0);

test(
  "lost and misplaced writes, one copy: an error where something is lost, never other content; check names it and " +
    `repair ends it (seeds from ${SEED})`,
  () => {
    const outcomes = run("one copy");
    assert.ok(sum(outcomes, "faults") >= ROUNDS / 2, "too few faults to prove anything");
    const named = outcomes.filter((outcome) => outcome.named).length;
    assert.ok(named >= ROUNDS / 6, `readers met errors in ${named} of ${ROUNDS} rounds only`);
  },
);

for (const kind of ["two copies", "two devices"] as const) {
  test(`lost and misplaced writes, ${kind}: everything is there, and mended (seeds from ${SEED})`, () => {
    const outcomes = run(kind);
    assert.ok(sum(outcomes, "faults") >= ROUNDS / 2, "too few faults to prove anything");
    assert.ok(sum(outcomes, "repairedBlocks") >= ROUNDS / 4, `${sum(outcomes, "repairedBlocks")} blocks were mended`);
  });
}

test("more faults than two copies on one disk can bear are seen", () => {
  assert.throws(() => {
    for (let round = 0; round < 20; round++) simulateStrayWrites(SEED + round, "two copies", 60);
  }, /seed \d+, two copies: \d+ bytes for/);
});
