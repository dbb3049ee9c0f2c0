/** Goal: a command has the words that its submitter, or a template's parameters, gave it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readCommandPayload } from "./command-payload.ts";

test("numbers and booleans among the words and the environment are texts, as programs have them", () => {
  assert.deepEqual(readCommandPayload({ argv: ["make", "-j", 4, true], environment: { JOBS: 4, V: "1" } }), {
    argv: ["make", "-j", "4", "true"],
    environment: { JOBS: "4", V: "1" },
    files: {},
    artefacts: [],
  });
});

test("what is no word is refused with its place", () => {
  for (const argv of [undefined, [], "make", { 0: "make" }, ["make", null], ["make", ["all"]]])
    assert.match(String(readCommandPayload({ argv })), /^payload\.argv: expected/);
  for (const environment of [null, ["A"], { A: {} }])
    assert.match(String(readCommandPayload({ argv: ["true"], environment })), /^payload\.environment: expected/);
});
