/** Goal: what somebody else has in a folder is not replaced by pages of ours. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeWebFolder } from "./web-folder.ts";

test("a folder with files of others is refused before anything is written, an empty one is not", async (t) => {
  const home = mkdtempSync(join(tmpdir(), "stratos-web-folder-"));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const folder = join(home, "site");
  const write = (to: string): Promise<unknown> =>
    writeWebFolder({ image: "none", home, folder: to, lines: [], desktop: "" }, () => {});
  // It is the image that is missing there.
  await assert.rejects(write(folder), /no such image/);
  assert.ok(!existsSync(folder) || readdirSync(folder).length === 0);
  writeFileSync(join(home, "index.html"), "mine");
  await assert.rejects(write(home), /: is not empty \(index\.html\), and no folder of `image web`/);
  assert.ok(!existsSync(join(home, "image")));
});
