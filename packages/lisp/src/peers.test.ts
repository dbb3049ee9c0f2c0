/**
 * Goal: random expressions have the values that Guile and Chez Scheme gave them, and are the same compiled. Method:
 * `testing/peer-answers.json`, which `npm run conformance:lisp-peers -- --record` writes; that command asks the peers
 * again, with any seed. Compiled programs, also with types, are compared with the interpreter (`STRATOS_SEED`).
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { sampleCount } from "@stratos/base/testing";
import answers from "./testing/peer-answers.json" with { type: "json" };
import { SeededRandom } from "@stratos/base";
import { CompiledLisp } from "./compiled-session.ts";
import { ALL_PASSES } from "./middle/simplify.ts";
import { programOf, randomExpression } from "./testing/random-program.ts";
import { makeLisp, runText } from "./testing/run.ts";
import { runtimeImage } from "./testing/runtime-image.ts";
import { testWasmEngine } from "./testing/wasm-engine.ts";

test("recorded answers of Guile and Chez", () => {
  const rows = answers as [expression: string, answer: string][];
  assert.ok(rows.length >= 300);
  const { output, error } = runText(programOf(rows.map(([expression]) => expression)));
  assert.equal(error, null);
  for (const [index, line] of output.trimEnd().split("\n").entries())
    assert.equal(line, rows[index]![1], rows[index]![0]);
});

const seed = Number(process.env["STRATOS_SEED"] ?? 253);

for (const isTyped of [false, true]) {
  test(`random expressions${isTyped ? " with types" : ""} are the same compiled (seed ${seed})`, () => {
    const random = new SeededRandom(seed);
    const expressions = Array.from({ length: sampleCount(150, 0.5) }, () => randomExpression(random, isTyped));
    const text = programOf(expressions);
    const expected = runText(text).output.trimEnd().split("\n");
    for (const passes of [ALL_PASSES, { ...ALL_PASSES, inlining: false }]) {
      const { lisp, output } = makeLisp();
      const options = { wasm: testWasmEngine, memoryBytes: 128 * 1024 * 1024, passes, image: runtimeImage(passes) };
      new CompiledLisp(lisp, options).runProgram(text, "r.scm");
      for (const [index, line] of output().trimEnd().split("\n").entries())
        assert.equal(line, expected[index], `${expressions[index]} (seed ${seed})`);
    }
  });
}
