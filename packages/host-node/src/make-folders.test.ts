/** Goal: folders are made where they can be, and what can't be made is told at once. Method: a folder, and /proc. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeFolders } from "./make-folders.ts";

test("the uppermost that was made is answered; of those that were there none", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "make-folders-"));
  t.after(() => rmSync(folder, { recursive: true }));
  assert.equal(makeFolders(join(folder, "a/b/c"), 0o700), join(folder, "a"));
  assert.equal(statSync(join(folder, "a/b")).mode & 0o777, 0o700);
  assert.equal(makeFolders(join(folder, "a/b")), undefined);
  assert.equal(makeFolders(join(folder, "a/b/d")), join(folder, "a/b/d"));
});

// Node's own `recursive` goes on for ever there.
test("in /proc there can be none", { skip: process.platform !== "linux" }, () => {
  assert.throws(() => makeFolders("/proc/no-such/sub"), { code: "ENOENT", path: "/proc/no-such" });
});
