/** Goal: a place for what is built that can't be is refused before anything is done. Method: /proc. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../testing/run-command.ts";

test("a folder that cannot be made ends a build at once", async () => {
  const { status, stderr } = await runCommand("builder", "build", "-o", "/proc/no-such/sub", "hello");
  assert.equal(`${stderr}${status}`, "stratos: /proc/no-such: no such file or directory\n1");
});
