/**
 * `npm run fuzz:lisp-heap -- [--mutations N] [--seed S] [--target wasm|x86_64]`: graphs that are changed at random
 * while the old generation is marked all the time, beside the same in JavaScript, one seed after the other until so
 * many changes were made.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp } from "@stratos/lisp";
import { Register } from "../packages/lisp/src/heap/layout.ts";
import { makeLisp } from "../packages/lisp/src/testing/run.ts";
import { mutationLines, mutationProgram } from "../packages/lisp/src/testing/mutated-graph.ts";
import { markedPrograms } from "./support/marked-program.ts";

const SLICES = [500, 5000, 50_000];

const { values } = parseArgs({
  options: {
    mutations: { type: "string", default: "10000000" },
    seed: { type: "string", default: "1" },
    target: { type: "string", default: "wasm" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-heap-"));

function runNative(text: string, slice: number): string {
  const file = join(folder, "program");
  writeFileSync(file, markedPrograms(text, { slice, targets: ["x86_64"] }).x86_64, { mode: 0o755 });
  const { stdout, stderr, status } = spawnSync(file, [], { encoding: "utf8" });
  if (status !== 0) throw new Error(`status ${status}: ${stderr}`);
  return stdout;
}

function runWasm(text: string, slice: number): string {
  const { lisp, output } = makeLisp();
  const options = { wasm: new NodeWasmEngine(), nurseryBytes: 512 * 1024, memoryBytes: 128 * 1024 * 1024 };
  const session = new CompiledLisp(lisp, options);
  const { heap } = session.engine;
  for (const register of [Register.oldThreshold, Register.leastThreshold]) heap.set(register, 0);
  heap.set(Register.slice, slice);
  session.runProgram(text, "test.scm");
  return output();
}

let passed = 0;
let failed = 0;
let left = Number(values.mutations);
for (let seed = Number(values.seed); left > 0 && failed === 0; seed++) {
  // Small tables change often, large ones take many slices.
  const options = {
    seed,
    rows: seed % 3 === 0 ? 400 : 40,
    columns: 50 + (seed % 150),
    rounds: 4,
    mutationsPerRound: Math.min(Math.ceil(left / 4), 1_250_000),
  };
  const slice = SLICES[seed % SLICES.length]!;
  const text = mutationProgram(options);
  try {
    const printed = values.target === "wasm" ? runWasm(text, slice) : runNative(text, slice);
    const isRight = printed.trim() === mutationLines(options).join("\n");
    if (!isRight) throw new Error("the sums differ");
    passed++;
  } catch (error) {
    failed++;
    console.error(`seed ${seed}: ${(error as Error).message}`);
    const same = `--seed ${seed} --mutations ${left} --target ${values.target}`;
    console.error(`repeat: npm run fuzz:lisp-heap -- ${same}`);
  }
  left -= 4 * options.mutationsPerRound;
}
rmSync(folder, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
