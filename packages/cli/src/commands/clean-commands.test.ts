/**
 * Goal: a command that frees space tells what it cannot remove, has status 1 then, and removes the others. Method:
 * folders of a home, and a host that refuses one file.
 */
import assert from "node:assert/strict";
import fs, { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { dirname, join } from "node:path";
import { test, type TestContext } from "node:test";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

function homeWith(t: TestContext, ...files: readonly string[]): string {
  const home = testFolder("stratos-clean");
  const before = process.env["STRATOS_HOME"];
  process.env["STRATOS_HOME"] = home;
  t.after(() => {
    process.env["STRATOS_HOME"] = before;
    rmSync(home, { recursive: true, force: true });
  });
  for (const file of files) {
    mkdirSync(dirname(join(home, file)), { recursive: true, mode: 0o700 });
    writeFileSync(join(home, file), "1234", { mode: 0o600 });
  }
  return home;
}

/** As where the file is a mount point (EBUSY), or its folder somebody else's. */
function refuse(t: TestContext, path: string): void {
  const remove = fs.rmSync;
  t.mock.method(fs, "rmSync", (name: string, options: object) => {
    if (name === path)
      throw Object.assign(new Error(`EACCES: permission denied, unlink '${path}'`), {
        code: "EACCES",
        syscall: "unlink",
      });
    remove(name, options);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

for (const [command, folder, names, said] of [
  ["cache prune", "translations", ["a.code", "b.code", "c.code"], /^2 removed, 8\n$/],
  ["pkg clean", "downloads/debs/deep", ["a.deb", "b.deb", "c.deb"], /^8 removed\n$/],
  ["compose clean", "compose/layers", ["a", "b", "c"], /layers +2 +8\n/],
] as const)
  test(`\`${command}\` goes on behind what it cannot remove`, async (t) => {
    const paths = names.map((name) => join(folder, name));
    const home = homeWith(t, ...paths);
    const kept = join(home, paths[1]!);
    refuse(t, kept);
    const { status, stdout, stderr } = await runCommand(...command.split(" "));
    assert.deepEqual([status, stderr], [1, `stratos: ${kept}: not removed: permission denied\n`]);
    assert.match(stdout, said);
    assert.deepEqual(
      paths.map((path) => existsSync(join(home, path))),
      [false, true, false],
    );
  });

test("a folder of translations that others may look into is not touched, and told", async (t) => {
  const home = homeWith(t, "translations/a.code");
  fs.chmodSync(join(home, "translations"), 0o755);
  const { status, stdout, stderr } = await runCommand("cache", "prune");
  assert.deepEqual([status, stdout], [1, "0 removed, 0\n"]);
  assert.equal(
    stderr,
    `stratos: ${join(home, "translations")}: not removed: is not this user's alone, as it has to be\n`,
  );
});

test("what is not there is no failure, and nothing is made for it", async (t) => {
  const home = homeWith(t);
  for (const command of ["cache prune", "pkg clean", "compose clean"])
    assert.equal((await runCommand(...command.split(" "))).status, 0, command);
  assert.deepEqual(fs.readdirSync(home), []);
});

test("of very many the first are told, and how many there are", async (t) => {
  const files = Array.from({ length: 25 }, (_, index) => `compose/layers/${index}`);
  homeWith(t, ...files);
  t.mock.method(fs, "rmSync", () => {
    throw Object.assign(new Error("EROFS: read-only file system, unlink 'x'"), { code: "EROFS", syscall: "unlink" });
  });
  syncBuiltinESMExports();
  const { status, stderr } = await runCommand("compose", "clean").finally(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  assert.equal(status, 1);
  assert.match(stderr, /^(stratos: \S+: not removed: read-only file system\n){10}stratos: and 15 more: not removed\n$/);
});
