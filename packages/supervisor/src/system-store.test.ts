/** Goal: what is removed is gone, and what cannot be removed keeps nobody from going on. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SystemFolder } from "./system-store.ts";

test("a system whose folder somebody removed by hand can be removed", (t) => {
  const parent = mkdtempSync(join(tmpdir(), "stratos-store-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  mkdirSync(join(parent, "one"));
  new SystemFolder(parent, "one").remove();
  new SystemFolder(parent, "one").remove();
  assert.deepEqual(readdirSync(parent), []);
});
