/** Goal: words come apart as sh has them. Method: lines with each kind of quote; sh itself is the judge. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { splitWords } from "./split-words.ts";

test("words come apart as sh takes them apart", () => {
  for (const line of [
    "python3 -c 'import json'",
    `a"b c"d'e f'\\ g  h`,
    `"a \\" \\\\ \\n" '' ""`,
    "",
    "  one\ttwo\n",
  ]) {
    const judged = execFileSync("sh", ["-c", `set -- ${line}\nfor word; do printf '%s\\0' "$word"; done`], {
      encoding: "utf8",
    });
    assert.deepEqual(splitWords(line), judged.split("\0").slice(0, -1), line);
  }
});

test("an open quote is told", () => {
  for (const line of ["'a", 'a "b', 'a "b\\"', "a\\"]) assert.equal(splitWords(line), null, line);
});
