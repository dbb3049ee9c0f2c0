/** Goal: `logs --tail` shows whole lines, however the output was cut into pieces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastLines } from "./last-lines.ts";

for (const { pieces, count, shown } of [
  { pieces: ["a\nb\nc\n"], count: 2, shown: "b\nc\n" },
  { pieces: ["a\nb", "\nc\n"], count: 2, shown: "b\nc\n" },
  { pieces: ["a\nb\n", "c"], count: 2, shown: "b\nc" },
  { pieces: ["a\n", "\n", "\n"], count: 2, shown: "\n\n" },
  { pieces: ["a\nb\n"], count: 9, shown: "a\nb\n" },
  { pieces: ["a\nb\n"], count: 0, shown: "" },
  { pieces: [], count: 3, shown: "" },
])
  test(`the last ${count} of ${JSON.stringify(pieces)} are ${JSON.stringify(shown)}`, () => {
    const kept = lastLines(
      pieces.map((text) => ({ bytes: Buffer.from(text) })),
      count,
    );
    assert.equal(kept.map(({ bytes }) => bytes.toString()).join(""), shown);
  });
