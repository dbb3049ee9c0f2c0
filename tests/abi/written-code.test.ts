/**
 * Goal: code that a program writes at run time is translated, though the program writes and flushes other code all the
 * time. Method: `written-code.c`, which calls one loop a thousand times; what it prints is compared by abi.test.ts.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { build } from "./on-linux.ts";
import { runStatic } from "./run-static.ts";

test("what a program flushes leaves the translations of its other code alone", async () => {
  const { machine } = await runStatic(readFileSync(build("written-code")), { seed: 1 });
  const { instructions, interpreted } = machine.kernel.processor.statistics;
  assert.ok(interpreted < instructions / 4, `${interpreted} of ${instructions} instructions were interpreted`);
});
