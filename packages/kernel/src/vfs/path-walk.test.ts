/** Walks seen through system calls: links, "..", mounts, chroot, openat2's limits, and the dentry cache's bound. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  EACCES,
  EBADF,
  EBUSY,
  EINVAL,
  EFAULT,
  ELOOP,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  EROFS,
  EXDEV,
  MNT_DETACH,
  MS_BIND,
  MS_MOVE,
  MS_RDONLY,
  MS_REC,
  MS_REMOUNT,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  S_IFCHR,
  CLONE_NEWNS,
} from "@stratos/abi";
import { Procfs } from "../procfs/procfs.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import { forgetUnread, hasNamesToForget, pruneDentries } from "./dentry-cache.ts";
import { mountAt } from "./boot-mounts.ts";

function openat2(user: FileTask, dirfd: number, path: string, resolve: number, flags = O_RDONLY): number {
  const { view } = user.memory;
  view.setBigUint64(0x9000, BigInt(flags), true);
  view.setBigUint64(0x9008, 0n, true);
  view.setBigUint64(0x9010, BigInt(resolve), true);
  return user.call("openat2", dirfd, path, 0x9000, 24);
}

const mkdir = (user: FileTask, path: string): number => user.call("mkdirat", AT_FDCWD, path, 0o755);

it("paths take dots, doubled slashes and descriptors as bases", () => {
  const { user } = FileTask.create();
  mkdir(user, "/a");
  mkdir(user, "/a/b");
  user.put("/a/b/f", "found");
  assert.equal(user.get("//a/./b/../b//f"), "found");
  assert.equal(user.get("/../../a/b/f"), "found");
  const dirfd = user.open("/a", O_DIRECTORY);
  const placefd = user.open("/a/b", O_PATH);
  assert.ok(user.call("openat", dirfd, "b/f", 0, 0) >= 0);
  assert.ok(user.call("openat", placefd, "f", 0, 0) >= 0);
  assert.equal(user.call("openat", 77, "b/f", 0, 0), -EBADF);
  assert.equal(user.call("openat", user.open("/a/b/f"), "x", 0, 0), -ENOTDIR);
  assert.equal(user.call("read", placefd, BUFFER, 1), -EBADF);
  assert.equal(user.open(`/${"x/".repeat(2500)}`), -ENAMETOOLONG);
  assert.equal(user.call("openat", AT_FDCWD, 0, 0, 0), -14);
});

it("forty links are followed, forty-one are a loop", () => {
  const { user } = FileTask.create();
  user.put("/end", "end");
  user.call("symlinkat", "end", AT_FDCWD, "/l1");
  for (let index = 2; index <= 41; index++) user.call("symlinkat", `l${index - 1}`, AT_FDCWD, `/l${index}`);
  assert.equal(user.get("/l40"), "end");
  assert.equal(user.get("/l41"), -ELOOP);
});

it("search permission is asked of each directory", () => {
  const { user } = FileTask.create();
  mkdir(user, "/closed");
  user.put("/closed/f", "");
  user.call("fchmodat", AT_FDCWD, "/closed", 0o700);
  user.becomeUser(1000);
  assert.equal(user.stat("/closed/f"), -EACCES);
  assert.equal(user.call("chdir", "/closed"), -EACCES);
  assert.equal(user.call("faccessat", AT_FDCWD, "/closed", 4), -EACCES);
});

it("an empty path may be none at all, where it means the descriptor", () => {
  const { user } = FileTask.create();
  user.put("/f", "");
  const fd = user.open("/f");
  assert.equal(user.call("faccessat2", fd, 0, 4, AT_EMPTY_PATH), 0);
  assert.equal(user.call("faccessat2", fd, "", 4, AT_EMPTY_PATH), 0);
  assert.equal(user.call("faccessat2", fd, 0, 4, 0), -EFAULT);
  assert.equal(user.call("faccessat2", fd, 1 << 30, 4, AT_EMPTY_PATH), -EFAULT);
});

it("openat2 keeps a walk where it belongs", () => {
  const { user, test } = FileTask.create();
  mkdir(user, "/jail");
  user.put("/jail/in", "in");
  user.put("/out", "out");
  user.call("symlinkat", "/out", AT_FDCWD, "/jail/abs");
  user.call("symlinkat", "../out", AT_FDCWD, "/jail/up");
  mkdir(user, "/jail/m");
  user.call("mount", "none", "/jail/m", "tmpfs", 0, 0);
  const jail = user.open("/jail", O_DIRECTORY);
  assert.ok(openat2(user, jail, "in", RESOLVE_BENEATH) >= 0);
  assert.equal(openat2(user, jail, "../out", RESOLVE_BENEATH), -EXDEV);
  assert.equal(openat2(user, jail, "up", RESOLVE_BENEATH), -EXDEV);
  assert.equal(openat2(user, jail, "abs", RESOLVE_BENEATH), -EXDEV);
  assert.equal(openat2(user, jail, "/in", RESOLVE_BENEATH), -EXDEV);
  assert.ok(openat2(user, jail, "/in", RESOLVE_IN_ROOT) >= 0);
  assert.equal(openat2(user, jail, "up", RESOLVE_IN_ROOT), -ENOENT);
  assert.equal(openat2(user, jail, "up", RESOLVE_NO_SYMLINKS), -ELOOP);
  assert.equal(openat2(user, jail, "m", RESOLVE_NO_XDEV), -EXDEV);
  mountAt(test.kernel, "/proc", new Procfs(test.kernel));
  const links = user.open("/proc/self", O_DIRECTORY);
  assert.equal(openat2(user, links, "root", RESOLVE_NO_XDEV), -EXDEV);
  assert.equal(openat2(user, links, "root/proc/self", 0) >= 0, true);
  assert.equal(openat2(user, links, `fd/${links}`, RESOLVE_NO_XDEV) >= 0, true, "on the same mount");
  assert.equal(openat2(user, jail, "in", RESOLVE_BENEATH | RESOLVE_IN_ROOT), -EINVAL);
  assert.equal(openat2(user, jail, "in", 1 << 20), -EINVAL);
});

it("mounts cover directories, nest, move, are bound and taken away", () => {
  const { user, test } = FileTask.create();
  mkdir(user, "/mnt");
  user.put("/mnt/below", "below");
  assert.equal(user.call("mount", "none", "/mnt", "tmpfs", 0, 0), 0);
  assert.equal(user.stat("/mnt/below"), -ENOENT);
  user.put("/mnt/above", "above");
  mkdir(user, "/mnt/deep");
  assert.equal(user.call("chdir", "/mnt/deep"), 0);
  assert.equal(user.cwd(), "/mnt/deep");
  assert.equal(user.get("../above"), "above");
  assert.equal(user.call("umount2", "/mnt", 0), -EBUSY);
  assert.equal(user.call("chdir", ".."), 0);
  assert.equal(user.call("chdir", ".."), 0);
  assert.equal(user.cwd(), "/");
  assert.equal(user.call("unlinkat", AT_FDCWD, "/mnt", AT_REMOVEDIR), -EBUSY);
  assert.equal(user.call("renameat2", AT_FDCWD, "/mnt", AT_FDCWD, "/other", 0), -EBUSY);
  assert.equal(user.call("linkat", AT_FDCWD, "/mnt/above", AT_FDCWD, "/link", 0), -EXDEV);
  mkdir(user, "/bound");
  assert.equal(user.call("mount", "/mnt/deep", "/bound", 0, MS_BIND | MS_REC, 0), 0);
  user.put("/bound/file", "shared");
  assert.equal(user.get("/mnt/deep/file"), "shared");
  assert.equal(user.call("mount", "none", "/bound", 0, MS_REMOUNT | MS_BIND | MS_RDONLY, 0), 0);
  assert.equal(user.open("/bound/file", O_WRONLY), -EROFS);
  assert.equal(user.open("/bound/new", O_CREAT | O_WRONLY), -EROFS);
  assert.equal(user.open("/mnt/deep/new", O_CREAT | O_WRONLY) >= 0, true);
  mkdir(user, "/moved");
  assert.equal(user.call("mount", "/bound", "/moved", 0, MS_MOVE, 0), 0);
  assert.equal(user.get("/moved/file"), "shared");
  assert.equal(user.stat("/bound/file"), -ENOENT);
  assert.equal(user.call("umount2", "/bound", 0), -EINVAL);
  assert.equal(user.call("umount2", "/moved", MNT_DETACH), 0);
  const used = test.kernel.frames.usedCount;
  user.task.files.closeAll(user.task);
  assert.equal(user.call("umount2", "/mnt", 0), 0);
  assert.ok(test.kernel.frames.usedCount < used, "the file system gave its frames back");
  assert.equal(user.get("/mnt/below"), "below");
  user.becomeUser(1);
  assert.equal(user.call("mount", "none", "/mnt", "tmpfs", 0, 0), -EPERM);
});

it("a mount namespace of its own changes nothing elsewhere", () => {
  const { user, test } = FileTask.create();
  mkdir(user, "/mnt");
  const other = new FileTask(test.kernel, user);
  assert.equal(other.call("unshare", CLONE_NEWNS), 0);
  assert.equal(other.call("mount", "none", "/mnt", "tmpfs", 0, 0), 0);
  other.put("/mnt/f", "mine");
  assert.equal(user.stat("/mnt/f"), -ENOENT);
  assert.equal(other.get("/mnt/f"), "mine");
  user.put("/both", "seen");
  assert.equal(other.get("/both"), "seen");
});

it("chroot confines absolute paths, links and dot-dot", () => {
  const { user } = FileTask.create();
  mkdir(user, "/jail");
  mkdir(user, "/jail/etc");
  user.put("/secret", "outside");
  user.call("symlinkat", "/secret", AT_FDCWD, "/jail/link");
  assert.equal(user.call("chroot", "/jail"), 0);
  assert.equal(user.call("chdir", "/etc"), 0);
  assert.equal(user.cwd(), "/etc");
  assert.equal(user.get("/../../secret"), -ENOENT);
  assert.equal(user.get("/link"), -ENOENT);
  assert.equal(user.get("../../../secret"), -ENOENT);
  user.becomeUser(1000);
  assert.equal(user.call("chroot", "/"), -EPERM);
});

it("pivot_root moves who stood at the old root, and leaves others where they are", () => {
  const { user } = FileTask.create();
  for (const path of ["/new", "/elsewhere"]) user.call("mkdirat", AT_FDCWD, path, 0o755);
  const atRoot = new FileTask(user.task.kernel, user),
    inside = new FileTask(user.task.kernel, user),
    inNew = new FileTask(user.task.kernel, user);
  assert.equal(user.call("mount", "none", "/new", "tmpfs", 0, 0), 0);
  user.call("mkdirat", AT_FDCWD, "/new/put", 0o755);
  inside.call("chdir", "/elsewhere");
  inNew.call("chdir", "/new");
  assert.equal(user.call("pivot_root", "/new", "/new/put"), 0);
  user.put("/mark", "");
  assert.deepEqual(
    [atRoot, inNew].map((each) => [each.cwd(), each.list(".")?.toString()]),
    [
      ["/", ".,..,mark,put"],
      ["/", ".,..,mark,put"],
    ],
  );
  assert.equal(inside.cwd(), "/put/elsewhere");
});

it("pivot_root swaps the root and keeps the old one reachable", () => {
  const { user } = FileTask.create();
  mkdir(user, "/new");
  user.put("/old-file", "old");
  user.call("mount", "none", "/new", "tmpfs", 0, 0);
  mkdir(user, "/new/put");
  assert.equal(user.call("pivot_root", "/", "/new/put"), -EBUSY);
  assert.equal(user.call("pivot_root", "/new", "/new/put"), 0);
  assert.equal(user.get("/put/old-file"), "old");
  assert.equal(user.stat("/old-file"), -ENOENT);
  assert.equal(user.call("chdir", "/"), 0);
  assert.equal(user.call("umount2", "/put", MNT_DETACH), 0);
  assert.deepEqual(user.list("/put"), [".", ".."]);
});

it('pivot_root(".", ".") puts the old root over the new one, and umount2(".") takes it away again', () => {
  const { user } = FileTask.create();
  mkdir(user, "/new");
  user.put("/old-file", "old");
  user.call("mount", "none", "/new", "tmpfs", 0, 0);
  user.put("/new/new-file", "new");
  user.call("chdir", "/new");
  assert.equal(user.call("pivot_root", ".", "."), 0);
  assert.equal(user.call("umount2", ".", MNT_DETACH), 0);
  assert.deepEqual(user.list("/"), [".", "..", "new-file"]);
  for (const call of ["mount", "mount", "umount2", "umount2"] as const)
    assert.equal(call === "mount" ? user.call(call, "none", ".", "tmpfs", 0, 0) : user.call(call, ".", 0), 0);
  // What is left is the root, which becomes read-only instead.
  assert.equal(user.call("umount2", ".", 0), 0);
  assert.equal(user.open("/new-file", O_WRONLY), -EROFS);
});

it("a no-device mount refuses devices", () => {
  const { user } = FileTask.create();
  mkdir(user, "/mnt");
  user.call("mount", "none", "/mnt", "tmpfs", 4, 0);
  user.call("mknodat", AT_FDCWD, "/mnt/null", S_IFCHR | 0o666, 0x103);
  user.call("mknodat", AT_FDCWD, "/null", S_IFCHR | 0o666, 0x103);
  assert.equal(user.open("/mnt/null"), -EACCES);
  assert.ok(user.open("/null") >= 0);
});

it("negative entries vanish when the name appears, and pruning forgets only what is unused", () => {
  const { user, test } = FileTask.create();
  for (let index = 0; index < 100; index++) assert.equal(user.stat(`/no-${index}`), -ENOENT);
  user.put("/no-7", "now");
  assert.equal(user.get("/no-7"), "now");
  mkdir(user, "/held");
  user.put("/held/f", "f");
  user.call("chdir", "/held");
  const { vfs } = test.kernel;
  const real = vfs.dentryCount;
  vfs.dentryCount = 1 << 20;
  pruneDentries(test.kernel);
  vfs.dentryCount -= (1 << 20) - real;
  assert.ok(vfs.dentryCount < 10, String(vfs.dentryCount));
  assert.equal(user.cwd(), "/held");
  assert.equal(user.get("f"), "f");
});

it("before a machine is copied names of files that were not read go, down to some, while programs go on", () => {
  const { user, test } = FileTask.create();
  mkdir(user, "/held");
  mkdir(user, "/many");
  user.call("chdir", "/held");
  user.put("/held/read", "content");
  for (let index = 0; index < 3000; index++) assert.equal(user.stat(`/many/${index}`), -ENOENT);
  const { vfs } = test.kernel;
  assert.ok(hasNamesToForget(test.kernel));
  let pieces = 0;
  let most = 0;
  let before = vfs.dentryCount;
  for (const _ of forgetUnread(test.kernel)) {
    most = Math.max(most, before - vfs.dentryCount);
    // What appears, moves or is taken away meanwhile is as it should be.
    if (pieces === 3) user.put("/many/2999", "new");
    if (pieces === 4) assert.equal(user.call("renameat2", AT_FDCWD, "/many", AT_FDCWD, "/moved", 0), 0);
    pieces++;
    before = vfs.dentryCount;
  }
  assert.ok(pieces > 10 && most <= 256, `${pieces} pieces of at most ${most}`);
  assert.ok(!hasNamesToForget(test.kernel) && vfs.dentryCount > 900, String(vfs.dentryCount));
  assert.equal(user.cwd(), "/held");
  assert.deepEqual([user.get("read"), user.get("/moved/2999"), user.stat("/many/2999")], ["content", "new", -ENOENT]);
});
