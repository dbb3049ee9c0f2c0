/**
 * Goal: random expressions have the values that Guile and Chez Scheme gave them. Method: `testing/peer-answers.json`,
 * which `npm run conformance:lisp-peers -- --record` writes; that command asks the peers again, with any seed.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import answers from "./testing/peer-answers.json" with { type: "json" };
import { programOf } from "./testing/random-program.ts";
import { runText } from "./testing/run.ts";

test("recorded answers of Guile and Chez", () => {
  const rows = answers as [expression: string, answer: string][];
  assert.ok(rows.length >= 300);
  const { output, error } = runText(programOf(rows.map(([expression]) => expression)));
  assert.equal(error, null);
  for (const [index, line] of output.trimEnd().split("\n").entries())
    assert.equal(line, rows[index]![1], rows[index]![0]);
});
