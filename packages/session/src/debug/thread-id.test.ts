/** Goal: threads are known by each way to say them, and nothing else is one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseThreadId, threadId } from "./thread-id.ts";

test("threads have the number of their process where the client wants it", () => {
  assert.deepEqual([threadId(0, 31), threadId(18, 31)], ["1f", "p12.1f"]);
  for (const [text, tid] of [
    ["1f", 31],
    ["0", 0],
    ["-1", -1],
    ["p12.1f", 31],
    ["p12.-1", -1],
    ["p12", -1],
    ["p0.0", 0],
    ["p-1.-1", -1],
  ] as const)
    assert.equal(parseThreadId(text, 18), tid, text);
  for (const text of ["", "p", "p.", "p.1", "x", "p13.1", "p12.x", "1f.1", "-2", "123456789"])
    assert.ok(Number.isNaN(parseThreadId(text, 18)), text);
});
