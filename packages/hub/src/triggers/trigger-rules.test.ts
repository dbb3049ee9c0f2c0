/** Goal: a pattern of a trigger says what its documentation says of it, and no name from outside makes the hub wait. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { matchesPattern } from "./trigger-rules.ts";

test("patterns match as the expressions that define them", () => {
  const seed = Date.now() % 1_000_000;
  const random = new SeededRandom(seed);
  const textOf = (letters: string, length: number): string =>
    Array.from({ length: random.below(length + 1) }, () => letters[random.below(letters.length)]!).join("");
  for (let round = 0; round < 3_000; round++) {
    const pattern = textOf("ab/**.", 6);
    const text = textOf("ab/*.\n", 7);
    const source = pattern.replace(/\./g, "\\.").replace(/\*+/g, (stars) => (stars.length > 1 ? "[^]*" : "[^/]*"));
    const expected = new RegExp(`^${source}$`).test(text);
    assert.equal(matchesPattern(pattern, text), expected, `${pattern} ~ ${JSON.stringify(text)} (seed ${seed})`);
  }
});

test("a pattern of many stars and a long name are done at once", () => {
  const pattern = "*a".repeat(100);
  assert.equal(matchesPattern(`${pattern}b`, "a".repeat(2_000)), false);
  assert.equal(matchesPattern(pattern, "a".repeat(2_000)), true);
});
