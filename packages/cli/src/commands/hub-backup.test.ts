/**
 * Goal: a hub's backup has its name when it is whole, and not before. Method: a hub in this process; a small file
 * system, as root.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { startCommandHub } from "../testing/command-hub.ts";

const skip = (process.platform !== "linux" || process.geteuid?.() !== 0) && "mounts a file system, as Linux's root";

extendedTest(
  "a backup that finds no room leaves no file; one that is there is not overwritten",
  { skip },
  async (t) => {
    const hub = await startCommandHub("stratos-hub-backup");
    t.after(() => hub.close());
    const whole = join(hub.folder, "whole");
    assert.deepEqual(await hub.run("backup", whole), { status: 0, stdout: "", stderr: "" });
    const { size, mode } = statSync(whole);
    assert.equal(mode & 0o777, 0o600);
    const text = readFileSync(whole, "utf8");
    assert.equal((await hub.run("backup", whole)).stderr, `stratos: ${whole}: is there already\n`);
    assert.equal(readFileSync(whole, "utf8"), text);

    const small = join(hub.folder, "small");
    mkdirSync(small);
    const room = Math.max(4096, (size >> 13) << 12);
    assert.ok(room < size, `${size} bytes`);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${room}`, "tmpfs", small]);
    try {
      const { status, stderr } = await hub.run("backup", join(small, "b"));
      assert.equal(stderr, `stratos: ${join(small, "b")}: no space left on device\n`);
      assert.equal(status, 1);
      assert.deepEqual(readdirSync(small), []);
    } finally {
      execFileSync("umount", [small]);
    }
  },
);
