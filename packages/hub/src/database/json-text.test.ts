/** Goal: what becomes JSON for a database is kept by it, and means the same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonText } from "./json-text.ts";

test("what jsonb does not hold becomes U+FFFD; text that looks like its escape stays", () => {
  for (const [given, kept] of [
    ["a\0b", "a\ufffdb"],
    ["\ud83d", "\ufffd"],
    ["\ude00x", "\ufffdx"],
    ["\u{1f600}", "\u{1f600}"],
    ["\\u0000", "\\u0000"],
    ["\\\\u0000", "\\\\u0000"],
    ["\\\0", "\\\ufffd"],
    ["\\ud800", "\\ud800"],
    ["\ud7ff\ue000", "\ud7ff\ue000"],
  ] as const)
    assert.equal((JSON.parse(jsonText([given])) as string[])[0], kept, JSON.stringify(given));
});
