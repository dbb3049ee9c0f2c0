/**
 * Goal: who writes to a volume whose host has no room left is told that, in one line, and the volume stays whole.
 * Method: a small file system, as root, on which a larger volume lies.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const skip = (process.platform !== "linux" || process.geteuid?.() !== 0) && "mounts a file system, as Linux's root";
const source = testFolder("stratos-full-disk");
let small = "";

const fs = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await runCommand("fs", ...args);
  return `${stdout}${stderr}${status === 0 ? "" : `status ${status}`}`;
};

before(() => {
  small = mkdtempSync(join(tmpdir(), "stratos-full-"));
  if (skip === false) execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", small]);
});
after(() => {
  if (skip === false) execFileSync("umount", [small]);
  rmdirSync(small);
  rmSync(source, { recursive: true, force: true });
});

test("a copy, a received snapshot and a restored backup that find no room on the host say so", { skip }, async () => {
  const from = join(source, "v"),
    to = join(small, "w"),
    store = join(source, "store");
  writeFileSync(join(source, "big"), Buffer.alloc(20 << 20, "0123456789abcde"));
  assert.equal(await fs("format", from, "--size", "64M", "--compress", "none"), "");
  assert.equal(await fs("cp", join(source, "big"), `${from}:/big`), "");
  assert.equal(await fs("snapshot", "create", from, "s"), "s\n");
  assert.equal(await fs("send", from, "s", "-o", join(source, "stream")), "");
  assert.match(await fs("backup", "run", from, store), /stored/);
  for (const command of [
    ["cp", join(source, "big"), `${to}:/big`],
    ["receive", to, "-i", join(source, "stream")],
    ["backup", "restore", store, to],
  ]) {
    assert.equal(await fs("format", to, "--size", "64M", "--force"), "");
    assert.equal(
      await fs(...command),
      `stratos: ${to}: could not be written: no space left on device\nstatus 1`,
      command.join(" "),
    );
    assert.equal(await fs("check", to), `${to}: clean\n`);
    rmSync(to);
  }
});
