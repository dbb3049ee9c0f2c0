/** ramfs: the conformance suite, and where it differs from tmpfs: it has no sizes, and refuses no option. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { AT_FDCWD, EINVAL, MS_REMOUNT, RAMFS_MAGIC } from "@stratos/abi";
import { BUFFER, FileTask, type Stat } from "../../testing/file-system-task.ts";
import { fileSystemConformance } from "../../testing/file-system-conformance.ts";
import { Ramfs } from "./ramfs.ts";

fileSystemConformance("ramfs", (kernel) => new Ramfs(kernel, 0o755));

it("is mounted with a mode alone, and tells neither blocks nor inodes", () => {
  const { user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/m", 0o700);
  const mount = (flags: number, options: string): number => user.call("mount", "none", "/m", "ramfs", flags, options);
  assert.equal(mount(0, "mode=rwx"), -EINVAL);
  assert.equal(mount(0, "size=1k,nr_inodes=1"), 0);
  assert.equal((user.stat("/m") as Stat).mode & 0o7777, 0o755);
  user.put("/m/f", "x".repeat(5000));
  assert.equal(user.call("statfs", "/m", BUFFER), 0);
  const word = (at: number): number => user.memory.view.getUint32(BUFFER + at, true);
  assert.deepEqual([0, 8, 16, 24, 32, 40, 48].map(word), [RAMFS_MAGIC, 4096, 0, 0, 0, 0, 0]);
  assert.equal(mount(MS_REMOUNT, "size=0,mode=700"), 0);
  assert.equal((user.stat("/m") as Stat).mode & 0o7777, 0o755);
  assert.equal(user.get("/m/f"), "x".repeat(5000));
  assert.equal(mount(0, "mode=1711"), 0);
  assert.equal((user.stat("/m") as Stat).mode & 0o7777, 0o1711);
});
