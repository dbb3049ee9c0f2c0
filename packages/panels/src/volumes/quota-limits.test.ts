/** Goal: a limit is what was typed, or refused: never another one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { limitOf } from "./quota-limits.ts";

test("a limit is bytes, or a size with its unit", () => {
  for (const [text, bytes] of [
    ["0", 0],
    [" 4096 ", 4096],
    ["10M", 10 * 2 ** 20],
    ["1.5 GiB", 1.5 * 2 ** 30],
  ] as const)
    assert.equal(limitOf(text), bytes, text);
  for (const text of ["", "many", "-1", "1.5"]) assert.throws(() => limitOf(text), { message: `${text}: 10M, 2G, 0` });
});
