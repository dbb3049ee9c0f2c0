/** Goal: what has nothing to do with each other does not wait for each other. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ADVISORY_CLASSES, ADVISORY_LOCKS } from "./advisory-locks.ts";

test("each advisory lock of the hub has a number of its own, from one list", () => {
  for (const numbers of [Object.values(ADVISORY_LOCKS), Object.values(ADVISORY_CLASSES)] as readonly number[][])
    assert.equal(new Set(numbers).size, numbers.length);
  const source = join(import.meta.dirname, "..");
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  for (const file of files) {
    if (file.startsWith(join("database", "advisory-locks"))) continue;
    const text = readFileSync(join(source, file), "utf8");
    assert.ok(!/advisory_(xact_)?lock\w*\(\s*\d/.test(text) && !/7_470_/.test(text), file);
  }
});
