/** Goal: an image that is being changed is not removed, to be there again. Method: the command line, a lock held. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { lockForChange } from "@stratos/images";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

test("image rm of one that is being changed says by whom, and removes none", async () => {
  const home = join(testFolder("stratos-image-rm"), "home");
  process.env["STRATOS_HOME"] = home;
  for (const name of ["one", "two"]) {
    mkdirSync(join(home, "images", name), { recursive: true });
    writeFileSync(join(home, "images", name, "image.json"), '{ "format": 1, "layers": 0 }');
  }
  const unlock = lockForChange(home, "two");
  const refused = await runCommand("image", "rm", "one", "two");
  assert.match(refused.stderr, /^stratos: two: is being built or changed already, by process \d+; try again/);
  assert.equal(refused.status, 1);
  unlock();
  assert.equal((await runCommand("image", "rm", "one", "two")).status, 0);
  assert.deepEqual(readdirSync(join(home, "images")), []);
});
