/** Goal: who gives an image's name and its file the other way round is told so. Method: the command line. */
import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

test("a file that stands where the image's name belongs is told", async () => {
  const folder = testFolder("stratos-import");
  writeFileSync(join(folder, "root.tar"), "");
  const from = process.cwd();
  process.chdir(folder);
  try {
    const swapped = await runCommand("image", "import", "root.tar", "name");
    assert.equal(
      swapped.stderr,
      "stratos: name: no such file or directory; the image's name comes first: image import NAME root.tar\n",
    );
    assert.equal(swapped.status, 1);
    assert.equal(
      (await runCommand("image", "import", "name", "none")).stderr,
      "stratos: none: no such file or directory\n",
    );
  } finally {
    process.chdir(from);
    rmSync(folder, { recursive: true });
  }
});
