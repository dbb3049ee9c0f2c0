/** Goal: a log of an hour without a database is a page, and says how often. Method: a clock of the test's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutRepeats } from "./repeated-words.ts";

test("the same words are told once a minute, with how often they came; others at once", () => {
  let nowMs = 0;
  const told: string[] = [];
  const tell = withoutRepeats(
    (text) => told.push(text),
    () => nowMs,
  );
  for (; nowMs < 59_000; nowMs += 1_000) tell("no database");
  tell("no disk");
  assert.deepEqual(told, ["no database", "no disk"]);
  nowMs = 61_000;
  tell("no database");
  nowMs = 200_000;
  tell("no database");
  assert.deepEqual(told.slice(2), ["no database (59 times)", "no database"]);
});

test("words that never come again take no room for ever", () => {
  const told: string[] = [];
  const tell = withoutRepeats(
    (text) => told.push(text),
    () => 0,
  );
  for (let index = 0; index < 1_500; index++) tell(String(index));
  tell("0");
  tell("1499");
  assert.equal(told.length, 1_501);
});
