/**
 * Goal: native programs mark and sweep the old generation in slices, and lose nothing that they reach. Method: a graph
 * that is changed at random, beside the same in JavaScript; the heap's own tests are in
 * packages/lisp/src/heap/marking.test.ts, and `npm run fuzz:lisp-heap` goes on for longer.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { mutationLines, mutationProgram } from "../packages/lisp/src/testing/mutated-graph.ts";
import { runStatic } from "./abi/run-static.ts";
import { EMULATORS } from "./support/emulators.ts";
import { extendedTest } from "@stratos/base/testing";
import { markedPrograms } from "./support/marked-program.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-marking-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const seed = 1 + (Date.now() % 2 ** 30);

function run(name: string, program: Uint8Array, emulator: readonly string[] = []): string {
  const file = join(folder, name);
  writeFileSync(file, program, { mode: 0o755 });
  const [command, ...operands] = [...emulator, file];
  const { stdout, stderr, status } = spawnSync(command!, operands, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  return stdout;
}

const isHost = process.arch === "x64" && process.platform === "linux";
test("x86-64: a graph that is changed while it is marked is what a model says", { skip: !isHost }, () => {
  const options = { seed, rows: 40, columns: 150, rounds: 4, mutationsPerRound: 150_000 };
  for (const slice of [2000, 100_000]) {
    const programs = markedPrograms(mutationProgram(options), { slice, targets: ["x86_64"] });
    const lines = run("x86_64", programs.x86_64).trim().split("\n");
    assert.deepEqual(lines, mutationLines(options), `seed ${seed}, slices of ${slice}`);
  }
});

extendedTest("rv64 on the machine, and ppc64le: the same", async () => {
  const options = { seed, rows: 40, columns: 150, rounds: 3, mutationsPerRound: 100_000 };
  const programs = markedPrograms(mutationProgram(options), { slice: 20_000, targets: ["rv64", "ppc64le"] });
  const expected = mutationLines(options);
  const { output } = await runStatic(programs.rv64);
  for (const printed of [output, run("ppc64le", programs.ppc64le, EMULATORS.ppc64le!)])
    assert.deepEqual(printed.trim().split("\n"), expected, `seed ${seed}`);
});
