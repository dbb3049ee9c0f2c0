/** Goal: who only looks changes nothing, so that it works where nothing can be made. Method: homes of that kind. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const NOWHERE = "/proc/nowhere/home";

function withHome(t: TestContext, home: string): void {
  const before = process.env["STRATOS_HOME"];
  process.env["STRATOS_HOME"] = home;
  t.after(() => void (process.env["STRATOS_HOME"] = before));
}

test("a home without named systems has none to list, and stays as it is", async (t) => {
  const home = testFolder("stratos-list-systems");
  t.after(() => rmSync(home, { recursive: true }));
  for (const place of [home, ...(existsSync("/proc/self") ? [NOWHERE] : [])]) {
    withHome(t, place);
    const { status, stdout, stderr } = await runCommand("ps");
    assert.deepEqual([status, stderr], [0, ""]);
    assert.match(stdout, /^NAME +IMAGE .*\n$/);
    assert.equal((await runCommand("ps", "--all", "--json")).stdout, "[]\n");
    assert.equal((await runCommand("ps", "--names")).stdout, "");
  }
  assert.equal(existsSync(join(home, "systems")), false);
});

test("what a supervisor that found no space has left is no system, for which none is started", async (t) => {
  const home = testFolder("stratos-list-systems");
  t.after(() => rmSync(home, { recursive: true }));
  withHome(t, home);
  const folder = join(home, "systems");
  mkdirSync(folder, { mode: 0o700 });
  mkdirSync(join(folder, ".new-0123456789ab"));
  writeFileSync(join(folder, "supervisor.log"), "no space left on device\n");
  const { status, stdout, stderr } = await runCommand("ps", "--names");
  assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  assert.deepEqual(readdirSync(folder).sort(), [".new-0123456789ab", "supervisor.log"]);
  assert.equal(readFileSync(join(folder, "supervisor.log"), "utf8"), "no space left on device\n");
});

test("a treefile is checked where nothing can be made", { skip: !existsSync("/proc/self") }, async (t) => {
  const folder = testFolder("stratos-validate");
  t.after(() => rmSync(folder, { recursive: true }));
  const treefile = join(folder, "tree.yaml");
  writeFileSync(treefile, "name: x\nsuite: trixie\noutputs:\n  disk: { format: oci }\n");
  withHome(t, NOWHERE);
  const { status, stdout, stderr } = await runCommand("compose", "validate", treefile);
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /valid/);
});
