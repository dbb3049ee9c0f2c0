/** One round of the fuzzer of system calls: a list from a seed, executed by typed-calls.c in a fresh machine. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStatic, type StaticRun } from "../abi/run-static.ts";
import { CallGenerator, encodeCalls, type GeneratedCall } from "./call-generator.ts";
import type { CallWatch } from "./call-watch.ts";

/**
 * Units that one step between two looks at the work may add: some areas' text, an area, a page-table node, a page
 * that is read.
 */
export const WORK_STEP = 512;
const ROUND_CALLS = 1000;
const MEMORY_BYTES = 192 << 20;

export function buildRunner(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "stratos-typed-calls-"));
  try {
    const output = join(folder, "typed-calls");
    execFileSync("riscv64-linux-gnu-gcc", [
      "-O1",
      "-w",
      "-static",
      "-o",
      output,
      join(import.meta.dirname, "typed-calls.c"),
    ]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export function callsOf(seed: number, count = ROUND_CALLS): GeneratedCall[] {
  const generator = new CallGenerator(seed);
  return Array.from({ length: count }, () => generator.next());
}

/** Deterministic: the machine's time is counted in instructions, so that waits pass at once. */
export async function runRound(
  runner: Uint8Array,
  calls: readonly GeneratedCall[],
  watch: CallWatch,
  seed: number,
): Promise<StaticRun> {
  return runStatic(runner, {
    seed,
    memoryBytes: MEMORY_BYTES,
    files: { calls: encodeCalls(calls) },
    prepare: (machine) => watch.attach(machine),
  });
}
