/**
 * Goal: code that a program writes at run time is translated, though the program writes and flushes other code all the
 * time. Method: `written-code.c`, which calls one loop a thousand times; what it prints is compared by abi.test.ts.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { build } from "./on-linux.ts";
import { runStatic } from "./run-static.ts";

test("what a program flushes leaves the translations of its other code alone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-written-"));
  try {
    const program = build("written-code", folder, "riscv64-linux-gnu-gcc", ["-static"]);
    const { machine } = await runStatic(readFileSync(program), { seed: 1 });
    const { instructions, interpreted } = machine.kernel.processor.statistics;
    assert.ok(interpreted < instructions / 4, `${interpreted} of ${instructions} instructions were interpreted`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
