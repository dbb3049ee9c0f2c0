/** Goal: a script that is asked for a case that it doesn't have fails at once and names those it has. Method: one. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { BUSY_PROGRAMS } from "../determinism/busy-programs.ts";
import { repository } from "./stratos.ts";

test("who asks for a case that isn't there is told which are, by status 2", () => {
  const script = join(repository, "tests/determinism/checkpoints.ts");
  const given = ["--disable-warning=ExperimentalWarning", script, "--only", "nowhere"];
  const { status, stdout, stderr } = spawnSync(process.execPath, given, { encoding: "utf8" });
  const names = BUSY_PROGRAMS.map(({ name }) => name).join(", ");
  assert.deepEqual([status, stdout, stderr], [2, "", `no such case: nowhere; there are ${names}\n`]);
});
