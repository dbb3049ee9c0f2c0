/** Goal: notes of the trash are as the specification has them, and what others wrote wrongly leads nowhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { infoText, parseInfo } from "./trash.ts";

test("a note says where a file was, in the letters of URLs, and when", () => {
  const text = infoText("/home/u/50 % =\nä", new Date(Date.UTC(2026, 10, 29, 5, 6, 7)));
  assert.equal(text, "[Trash Info]\nPath=/home/u/50%20%25%20%3D%0A%C3%A4\nDeletionDate=2026-11-29T05:06:07\n");
  assert.deepEqual(parseInfo(text), { path: "/home/u/50 % =\nä", deleted: "2026-11-29T05:06:07" });
});

test("of others' notes the first line of a key counts, and what is no whole path is none", () => {
  const path = (line: string): string | null => parseInfo(`[Trash Info]\n${line}\n`).path;
  assert.equal(path("Path=/a\nPath=/b"), "/a");
  for (const line of [
    "Path=a",
    "Path=../a",
    "Path=/a/../b",
    "Path=/a/./b",
    "Path=/a//b",
    "Path=/",
    "Path=%ff",
    "Path=/%00",
  ])
    assert.equal(path(line), null, line);
  assert.deepEqual(parseInfo("Path=/a\nDeletionDate=2026-11-29T05:06:07\n"), { path: null, deleted: null });
  assert.equal(parseInfo("[Trash Info]\nPath=/a\nDeletionDate=yesterday\n").deleted, null);
});
