/** Goal: what is in a pack's folder under a name of its content is that content, whatever an earlier run left there. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeContent } from "./pack-files.ts";

test("a file that a crash left short is written again, a whole one stays", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-pack-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "piece.zst");
  const bytes = Buffer.from("the content");
  for (const left of ["", "the con"]) {
    writeFileSync(path, left);
    writeContent(path, bytes);
    assert.deepEqual(readFileSync(path), bytes);
  }
  const { ino } = statSync(path);
  writeContent(path, bytes);
  assert.equal(statSync(path).ino, ino);
  assert.deepEqual(readdirSync(folder), ["piece.zst"], "no draft stays");
  assert.throws(() => writeContent(join(folder, "missing", "piece.zst"), bytes), { code: "ENOENT" });
});
