/** Goal: which hits of a breakpoint stop or print. Method: one at an address, come to by hand; nothing runs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Task } from "@stratos/kernel";
import { ProgramCode } from "../symbols/program-code.ts";
import { Breakpoints, LOG_LINES_MAX } from "./breakpoints.ts";

const PC = 0x1000;

/** A breakpoint as a request gives it, and what each time that it is come to does. */
function breakpointOf(rule: object): { message: string | undefined; come: () => boolean; begin: () => void } {
  const breakpoints = new Breakpoints(new ProgramCode(), {
    taskOf: () => ({}) as Task,
    valuesOf: () => ({ register: () => null, variable: () => null, memory: () => null }),
    print: (line) => printed.push(line),
  });
  const answer = breakpoints.setInstructions({
    breakpoints: [{ instructionReference: `0x${PC.toString(16)}`, ...rule }],
  });
  return {
    message: answer.breakpoints[0]!.message,
    come: () => breakpoints.isWanted({ tid: 1, pc: PC, instructions: 0, reason: { kind: "breakpoint" } }),
    begin: () => breakpoints.beginJourney(),
  };
}
const printed: string[] = [];

test("a hit count says which hits stop", () => {
  const expected = {
    "3": [3],
    "== 2": [2],
    "<2": [1],
    "<= 2": [1, 2],
    "> 4": [5, 6, 7],
    ">=4": [4, 5, 6, 7],
    " % 3 ": [3, 6],
  };
  for (const [hitCondition, stops] of Object.entries(expected)) {
    const { come } = breakpointOf({ hitCondition });
    const found = [1, 2, 3, 4, 5, 6, 7].filter(() => come());
    assert.deepEqual(found, stops, hitCondition);
  }
});

test("hits count where the condition holds alone", () => {
  assert.equal(breakpointOf({ condition: "0", hitCondition: "1" }).come(), false);
  assert.equal(breakpointOf({ condition: "1", hitCondition: "1" }).come(), true);
});

test("a count that says nothing is refused", () => {
  for (const hitCondition of ["x", "-1", "% 0", "!= 3", "3 4", ">", "1e3"])
    assert.equal(breakpointOf({ hitCondition }).message, `${hitCondition}: hits are counted as 3, >= 3 or % 3`);
});

test("a logpoint prints so many lines in a journey, says so once, and prints again in the next", () => {
  printed.length = 0;
  const { come, begin } = breakpointOf({ logMessage: "{6 * 7}" });
  for (let times = 0; times < LOG_LINES_MAX + 3; times++) assert.equal(come(), false);
  assert.equal(printed.length, LOG_LINES_MAX + 1);
  assert.equal(printed[LOG_LINES_MAX - 1], "42");
  assert.match(printed[LOG_LINES_MAX]!, /^more than \d+ lines of logpoints/);
  begin();
  come();
  assert.equal(printed.at(-1), "42");
});
