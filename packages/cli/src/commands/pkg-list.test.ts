/** Goal: a list of a system that cannot be read is told with its reason. Method: the command line. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

test("a list that is not there, or a folder, is told as that", async () => {
  const folder = testFolder("stratos-list");
  for (const [path, why] of [
    [join(folder, "none.toml"), "no such file or directory"],
    [folder, "is a directory"],
  ] as const)
    for (const verb of ["diff", "apply"])
      assert.equal((await runCommand("pkg", verb, path, "--root", folder)).stderr, `stratos: ${path}: ${why}\n`);
  rmSync(folder, { recursive: true });
});
