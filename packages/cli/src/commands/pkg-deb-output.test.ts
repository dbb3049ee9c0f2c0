/**
 * Goal: what a command makes is whole, or what was there before is still there. Method: no file may grow
 * (RLIMIT_FSIZE), as on a full disk.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { commandArguments } from "../testing/command-line.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-deb-output");
after(() => rmSync(folder, { recursive: true, force: true }));

test("a package that finds no room leaves the one before as it was, and says where", () => {
  mkdirSync(join(folder, "thing/DEBIAN"), { recursive: true });
  writeFileSync(
    join(folder, "thing/DEBIAN/control"),
    "Package: thing\nVersion: 1\nArchitecture: all\nMaintainer: A <a@b.c>\nDescription: x\n",
  );
  writeFileSync(join(folder, "thing.deb"), "what was there");
  const { status, stderr } = spawnSync(
    "sh",
    [
      "-c",
      'trap "" XFSZ; ulimit -f 0; exec "$@"',
      "sh",
      process.execPath,
      ...commandArguments,
      "pkg",
      "deb",
      "build",
      "thing",
      "thing.deb",
    ],
    { cwd: folder, encoding: "utf8", env: { ...process.env, STRATOS_HOME: join(folder, "home") } },
  );
  assert.equal(`${stderr}${status}`, "stratos: thing.deb: file too large\n1");
  assert.equal(readFileSync(join(folder, "thing.deb"), "utf8"), "what was there");
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("thing.deb")),
    ["thing.deb"],
  );
});
