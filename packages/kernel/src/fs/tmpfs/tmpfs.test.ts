/**
 * tmpfs: the conformance suite, and what is its own: limits, sparse files, holes. Accounting is looked at from inside.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  EINVAL,
  ENOSPC,
  ENXIO,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MS_REMOUNT,
  O_CREAT,
  O_RDWR,
  S_IFDIR,
} from "@stratos/abi";
import { BUFFER, FileTask, type Stat } from "../../testing/file-system-task.ts";
import { parseMountOptions } from "../../vfs/mount-options.ts";
import { fileSystemConformance } from "../../testing/file-system-conformance.ts";
import { Tmpfs, tmpfsType } from "./tmpfs.ts";

fileSystemConformance("tmpfs", (kernel) => new Tmpfs(kernel));

it("a full tmpfs says ENOSPC and works again after unlink", () => {
  let root!: Tmpfs;
  const { user } = FileTask.create((kernel) => (root = new Tmpfs(kernel, { sizeBytes: 8 * 4096 })));
  const fd = user.open("/f", O_RDWR | O_CREAT);
  for (let page = 0; page < 8; page++) assert.equal(user.write(fd, "x".repeat(4096)), 4096);
  assert.equal(user.write(fd, "y"), -ENOSPC);
  // A fault in a mapping of a hole finds no room either: SIGBUS.
  assert.equal(user.call("ftruncate", fd, 9 * 4096), 0);
  assert.equal(user.task.files.get(fd)!.inode!.pages!.frame(8), -ENOSPC);
  user.call("close", fd);
  user.call("unlinkat", AT_FDCWD, "/f", 0);
  assert.equal(root.pagesUsed, 0);
  user.put("/g", "fits again");
});

it("frames come back when files go", () => {
  const { test, user } = FileTask.create();
  const before = test.kernel.frames.usedCount;
  for (let index = 0; index < 10; index++) user.put(`/f${index}`, "z".repeat(5000));
  assert.equal(test.kernel.frames.usedCount, before + 20);
  for (let index = 0; index < 10; index++) user.call("unlinkat", AT_FDCWD, `/f${index}`, 0);
  assert.equal(test.kernel.frames.usedCount, before);
});

it("holes take no frames, are found by lseek and are punched", () => {
  const { user } = FileTask.create();
  const fd = user.open("/sparse", O_RDWR | O_CREAT);
  user.call("ftruncate", fd, 1 << 20);
  assert.equal((user.fstat(fd) as Stat).blocks, 0);
  assert.equal(user.read(fd, 100), "\0".repeat(100));
  assert.equal((user.fstat(fd) as Stat).blocks, 0, "reading a hole allocates nothing");
  user.call("pwrite64", fd, "data", 4, 5 * 4096);
  assert.equal(user.call("lseek", fd, 0, 3), 5 * 4096);
  assert.equal(user.call("lseek", fd, 5 * 4096, 4), 6 * 4096);
  assert.equal(user.call("lseek", fd, 1 << 20, 3), -ENXIO);
  assert.equal(user.call("fallocate", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4 * 4096, 3 * 4096), 0);
  assert.equal((user.fstat(fd) as Stat).blocks, 0);
});

it("a hole over a file's last page frees it, and what was allocated behind the end", () => {
  const { user } = FileTask.create();
  const fd = user.open("/short", O_RDWR | O_CREAT);
  user.call("write", fd, "short", 5);
  assert.equal(user.call("fallocate", fd, FALLOC_FL_KEEP_SIZE, 0, 3 * 4096), 0);
  assert.equal((user.fstat(fd) as Stat).blocks, 24);
  assert.equal(user.call("fallocate", fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 3 * 4096), 0);
  assert.equal((user.fstat(fd) as Stat).blocks, 0);
  assert.equal(user.get("/short"), "\0".repeat(5));
});

it("mount options are read as tmpfs(5) says", () => {
  const { test } = FileTask.create();
  const made = tmpfsType.create(test.kernel, "none", parseMountOptions("size=64k,mode=755,uid=5"));
  assert.ok(made instanceof Tmpfs);
  assert.equal(made.pagesMax, 16);
  assert.equal(made.root.mode & 0o7777, 0o755);
  assert.equal(made.root.uid, 5);
  assert.equal(typeof tmpfsType.create(test.kernel, "none", parseMountOptions("bogus=1")), "number");
});

it("size and nr_inodes change while it is mounted, and not below what is used", () => {
  const { user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/m", 0o755);
  const mount = (flags: number, options: string): number => user.call("mount", "none", "/m", "tmpfs", flags, options);
  assert.equal(mount(0, "size=16k,nr_inodes=3,mode=700"), 0);
  const free = (): number[] => {
    assert.equal(user.call("statfs", "/m", BUFFER), 0);
    return [16, 32, 48].map((at) => user.memory.view.getUint32(BUFFER + at, true));
  };
  assert.deepEqual(free(), [4, 4, 2]);
  user.put("/m/a", "x".repeat(3 * 4096));
  user.put("/m/b", "");
  assert.equal(user.open("/m/c", O_RDWR | O_CREAT), -ENOSPC);
  assert.equal(mount(MS_REMOUNT, "size=8k"), -EINVAL);
  assert.equal(mount(MS_REMOUNT, "nr_inodes=2"), -EINVAL);
  assert.equal(mount(MS_REMOUNT, "bogus"), -EINVAL);
  assert.deepEqual(free(), [4, 1, 0]);
  assert.equal(mount(MS_REMOUNT, "size=40k,nr_inodes=5,mode=777"), 0);
  assert.deepEqual(free(), [10, 7, 2]);
  user.put("/m/c", "y".repeat(7 * 4096));
  assert.equal((user.stat("/m") as Stat).mode & 0o777, 0o700);
});

it("a size, or a number of inodes, of 0 is as much as the machine has", () => {
  const options = parseMountOptions("size=0,nr_inodes=0");
  const { test, user } = FileTask.create((kernel) => tmpfsType.create(kernel, "none", options) as Tmpfs);
  const root = [...test.kernel.vfs.roots.keys()][0] as Tmpfs;
  assert.deepEqual([root.pagesMax, root.inodesMax], [test.kernel.frames.total, test.kernel.frames.total]);
  user.put("/f", "content");
});

it("its root is a folder and no device", () => {
  const { mode, rdev, nlink } = FileTask.create().user.stat("/") as Stat;
  assert.deepEqual([mode, rdev, nlink], [S_IFDIR | 0o1777, 0, 2]);
});
