/** Goal: what frees space on a full disk has its lock there. Method: a small file system that is full, as root. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FileLockedError, lockFile, lockOwner, removeLeftovers } from "./file-lock.ts";

const skip = (process.platform !== "linux" || process.geteuid?.() !== 0) && "mounts a file system, as Linux's root";

test("a lock on a full disk keeps others away, and a killed process's is taken over", { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-lock-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]);
  t.after(() => {
    execFileSync("umount", [folder]);
    rmdirSync(folder);
  });
  assert.throws(() => writeFileSync(join(folder, "filler"), new Uint8Array(128 << 10)), { code: "ENOSPC" });
  const path = join(folder, "x");
  const release = lockFile(path);
  assert.equal(lockOwner(path), process.pid);
  assert.throws(() => lockFile(path), FileLockedError);
  removeLeftovers(path);
  assert.equal(lockOwner(path), process.pid, "it is no leftover");
  release();
  assert.deepEqual(readdirSync(folder), ["filler"]);

  const takeAndDie = `import { lockFile } from ${JSON.stringify(join(import.meta.dirname, "file-lock.ts"))};
    lockFile(${JSON.stringify(path)}); process.kill(process.pid, "SIGKILL");`;
  const options = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", takeAndDie];
  assert.equal(spawnSync(process.execPath, options).signal, "SIGKILL");
  assert.deepEqual(readdirSync(folder).sort(), ["filler", "x.lock"]);
  assert.equal(lockOwner(path), null);
  lockFile(path)();
  assert.equal(spawnSync(process.execPath, options).signal, "SIGKILL");
  removeLeftovers(path);
  assert.deepEqual(readdirSync(folder), ["filler"]);
});
