/** Conditions mean what they say, and nonsense is refused with its place. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { ConditionError, parseCondition } from "./condition.ts";

const scope = { variant: "server", architecture: "amd64", custom: { edition: "pro", level: 3, off: false } };

test("conditions are true or false as they read", () => {
  const rows: [string, boolean][] = [
    ['variant == "server"', true],
    ["variant != 'server'", false],
    ['architecture =~ "{amd,arm}64"', true],
    ['architecture !~ "arm*"', true],
    ['variant == "x" || custom.level == 3 && !custom.off', true],
    ['(variant == "x" || custom.level == 3) && custom.off', false],
    ["custom.none", false],
    ["custom.none == custom.none", false],
    ["custom.edition", true],
    ["true", true],
    ["!true", false],
  ];
  for (const [text, expected] of rows) assert.equal(parseCondition(text)(scope), expected, text);
});

test("nonsense is refused", () => {
  for (const text of ["", "variant ==", "&& x", "(a", "a b", "a =~ b", "$x", "a == 3x"])
    assert.throws(() => parseCondition(text), ConditionError, text);
});
