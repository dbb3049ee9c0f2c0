/** Goal: who has no supervisor for want of space is told so. Method: a file system without a file left, as root. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openSupervisor } from "./client.ts";

const skip = (process.platform !== "linux" || process.geteuid?.() !== 0) && "mounts a file system, as Linux's root";

test("a supervisor that finds no space is told by the file and the reason", { skip }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), "stratos-full-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "nr_inodes=2", "tmpfs", home]);
  t.after(() => {
    execFileSync("umount", [home]);
    rmdirSync(home);
  });
  await assert.rejects(openSupervisor(home, "1"), { code: "ENOSPC", path: join(home, "systems", "supervisor.log") });
});
