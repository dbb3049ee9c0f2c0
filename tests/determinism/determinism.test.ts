/**
 * Goal: a run repeats from its seed, whatever tier executed it. Method: programs full of threads, timers, signals and
 * random bytes run twice translated and once interpreted; output, status and the number of retired instructions must
 * agree to the last one.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runStatic } from "../abi/run-static.ts";
import { compiled } from "../support/compiled.ts";

function build(source: string): Uint8Array {
  const flags = ["-O1", "-w", "-static"];
  return readFileSync(compiled(join(import.meta.dirname, "..", source), { flags, libraries: ["-lpthread"] }));
}

async function fingerprint(
  program: Uint8Array,
  seed: number,
  translate: boolean,
): Promise<{ output: string; status: number; instructions: number }> {
  const run = await runStatic(program, { seed, translate });
  return { output: run.output, status: run.status, instructions: run.machine.processor.statistics.instructions };
}

for (const source of [
  "abi/threads.c",
  "abi/signals.c",
  "abi/pipes-and-polling.c",
  "abi/wide-memory.c",
  "determinism/dice.c",
]) {
  test(`${source} repeats from its seed in every tier`, async () => {
    const program = build(source);
    const first = await fingerprint(program, 7, true);
    assert.deepEqual(await fingerprint(program, 7, true), first);
    assert.deepEqual(await fingerprint(program, 7, false), first);
  });
}

test("another seed gives other dice", async () => {
  const program = build("determinism/dice.c");
  assert.notEqual((await fingerprint(program, 8, true)).output, (await fingerprint(program, 7, true)).output);
});
