/**
 * Goal: what mounts and new names are refused, and what mount flags do, as Linux has it. Method: system calls of a task
 * on tmpfs with /proc.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  EAGAIN,
  EBUSY,
  EINVAL,
  ENOENT,
  EPERM,
  ERANGE,
  EROFS,
  IN_IGNORED,
  IN_OPEN,
  IN_UNMOUNT,
  MNT_EXPIRE,
  MOVE_MOUNT_SET_GROUP,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODIRATIME,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_STRICTATIME,
  O_CREAT,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_PATH,
  O_WRONLY,
  ST_NOSYMFOLLOW,
  XATTR_NAME_MAX,
} from "@stratos/abi";
import { initialOrigin } from "../security/user-namespace.ts";
import { Procfs } from "../procfs/procfs.ts";
import { BUFFER, FileTask, type Stat } from "../testing/file-system-task.ts";
import { advance, type TestKernel } from "../testing/fake-task.ts";
import type { Mount } from "./mount.ts";
import { mountAt } from "./boot-mounts.ts";

function machine(): { user: FileTask; test: TestKernel } {
  const { test, user } = FileTask.create();
  mountAt(test.kernel, "/proc", new Procfs(test.kernel));
  user.call("mkdirat", AT_FDCWD, "/mnt", 0o755);
  return { user, test };
}

it("nothing is mounted over a descriptor's link in /proc", () => {
  const { user } = machine();
  user.put("/file", "");
  user.put("/over", "");
  const fd = user.open("/file");
  const link = user.open(`/proc/self/fd/${fd}`, O_PATH | O_NOFOLLOW);
  assert.equal(user.call("mount", "/over", `/proc/self/fd/${link}`, "", MS_BIND, 0), -ENOENT);
  assert.equal(user.call("mount", "/over", `/proc/self/fdinfo/${fd}`, "", MS_BIND, 0), -ENOENT);
  assert.equal(user.call("mount", "/over", "/file", "", MS_BIND, 0), 0);
});

it("access times are strict, relative, or not of folders, as the mount says", () => {
  const { user, test } = machine();
  const readAfterSecond = (flags: number, path: string): boolean => {
    assert.equal(user.call("mount", "none", "/mnt", "tmpfs", flags, 0), 0);
    user.call("mkdirat", AT_FDCWD, "/mnt/dir", 0o755);
    user.put("/mnt/file", "x");
    const read = (): void => void (path === "/mnt/file" ? user.get(path) : user.list(path));
    advance(test, 1500);
    read();
    advance(test, 1500);
    user.stat(path);
    const before = user.memory.view.getBigInt64(BUFFER + 72, true);
    read();
    user.stat(path);
    const after = user.memory.view.getBigInt64(BUFFER + 72, true);
    user.call("umount2", "/mnt", 0);
    return after > before;
  };
  assert.equal(readAfterSecond(0, "/mnt/file"), false, "it was read after its last change");
  assert.equal(readAfterSecond(MS_STRICTATIME, "/mnt/file"), true);
  assert.equal(readAfterSecond(MS_STRICTATIME, "/mnt/dir"), true);
  assert.equal(readAfterSecond(MS_STRICTATIME | MS_NODIRATIME, "/mnt/dir"), false);
  assert.equal(readAfterSecond(MS_STRICTATIME | MS_NODIRATIME, "/mnt/file"), true);
});

it("statfs(2) shows nosymfollow; a read-only mount refuses a link before it looks what is linked", () => {
  const { user } = machine();
  assert.equal(user.call("mount", "none", "/mnt", "tmpfs", MS_NOSYMFOLLOW, 0), 0);
  user.call("statfs", "/mnt", BUFFER);
  assert.equal(Number(user.memory.view.getBigUint64(BUFFER + 80, true)) & ST_NOSYMFOLLOW, ST_NOSYMFOLLOW);
  user.call("mkdirat", AT_FDCWD, "/mnt/dir", 0o755);
  assert.equal(user.call("linkat", AT_FDCWD, "/mnt/dir", AT_FDCWD, "/mnt/new", 0), -EPERM);
  assert.equal(user.call("mount", "none", "/mnt", "", MS_REMOUNT | MS_RDONLY, 0), 0);
  assert.equal(user.call("linkat", AT_FDCWD, "/mnt/dir", AT_FDCWD, "/mnt/new", 0), -EROFS);
});

it("MNT_EXPIRE takes a mount away that no path led to since it was asked for first", () => {
  const { user } = machine();
  user.call("mount", "none", "/mnt", "tmpfs", 0, 0);
  assert.equal(user.call("umount2", "/mnt", MNT_EXPIRE), -EAGAIN);
  user.stat("/mnt");
  assert.equal(user.call("umount2", "/mnt", MNT_EXPIRE), -EAGAIN, "it was looked at");
  assert.equal(user.call("umount2", "/mnt", MNT_EXPIRE), 0);
});

it("a new program doesn't get the group of its folder from one who isn't in it", () => {
  const { user } = machine();
  user.call("mkdirat", AT_FDCWD, "/shared", 0o777);
  user.call("fchownat", AT_FDCWD, "/shared", 0, 50, 0);
  user.call("fchmodat", AT_FDCWD, "/shared", 0o2777, 0);
  user.becomeUser(1000);
  user.call("umask", 0);
  const mode = (path: string): number => (user.stat(path) as Stat).mode & 0o7777;
  user.open("/shared/program", O_CREAT | O_WRONLY, 0o2777);
  assert.equal(mode("/shared/program"), 0o777);
  user.open("/shared/data", O_CREAT | O_WRONLY, 0o2767);
  assert.equal(mode("/shared/data"), 0o2767, "mandatory locking's old sign is no program");
  user.become({ uid: 1000, euid: 1000, fsuid: 1000, gid: 50, egid: 50, fsgid: 50, effective: 0 });
  user.open("/shared/own", O_CREAT | O_WRONLY, 0o2777);
  assert.equal(mode("/shared/own"), 0o2777);
});

it("watches end with their file system; a name of an attribute has at most 255 bytes", () => {
  const { user } = machine();
  user.call("mount", "none", "/mnt", "tmpfs", 0, 0);
  user.put("/mnt/file", "");
  const fd = user.call("inotify_init1", O_NONBLOCK);
  user.call("inotify_add_watch", fd, "/mnt/file", IN_OPEN);
  assert.equal(user.call("umount2", "/mnt", 0), 0, "a watch is no use of the mount");
  assert.equal(user.call("read", fd, BUFFER, 4096), 32);
  assert.deepEqual(
    [4, 20].map((at) => user.memory.view.getUint32(BUFFER + at, true)),
    [IN_UNMOUNT, IN_IGNORED],
  );
  user.put("/file", "");
  const name = (length: number): string => `user.${"k".repeat(length - 5)}`;
  assert.equal(user.call("setxattr", "/file", name(XATTR_NAME_MAX), "v", 1, 0), 0);
  assert.equal(user.call("setxattr", "/file", name(XATTR_NAME_MAX + 1), "v", 1, 0), -ERANGE);
});

it("mounts of another namespace, reached through a descriptor, are no part of a mount(2) or pivot_root(2)", () => {
  const { user, test } = machine();
  for (const folder of ["/mnt/a", "/here"]) user.call("mkdirat", AT_FDCWD, folder, 0o755);
  user.call("mount", "none", "/mnt/a", "tmpfs", 0, 0);
  const [root, inside] = [user.open("/"), user.open("/mnt/a")];
  const nobody = new FileTask(test.kernel, user);
  nobody.becomeUser(1000);
  nobody.task.files = user.task.files;
  const outer = user.task.fs.namespace;
  const before = outer.mounts.map(({ flags, parent }) => ({ flags, parent }));
  assert.equal(nobody.call("unshare", CLONE_NEWUSER | CLONE_NEWNS), 0);
  const inner = [...nobody.task.fs.namespace.mounts];

  assert.equal(nobody.call("fchdir", root), 0);
  assert.equal(nobody.call("mount", "", ".", "", MS_REMOUNT | MS_BIND | MS_RDONLY, 0), -EINVAL);
  assert.equal(nobody.call("mount", "none", ".", "tmpfs", 0, 0), -EINVAL);
  assert.equal(nobody.call("mount", "/here", "here", "", MS_BIND, 0), -EINVAL, "target");
  assert.equal(nobody.call("mount", "here", "/here", "", MS_BIND, 0), -EINVAL, "source");
  assert.equal(nobody.call("fchdir", inside), 0);
  assert.equal(nobody.call("mount", ".", "/here", "", MS_MOVE, 0), -EINVAL);
  assert.equal(nobody.call("pivot_root", ".", "."), -EINVAL, "new root");
  const ids = (mounts: readonly Mount[]): number[] => mounts.map(({ id }) => id);
  assert.deepEqual(ids(nobody.task.fs.namespace.mounts), ids(inner));

  assert.equal(nobody.call("mount", "none", "/here", "tmpfs", 0, 0), 0);
  assert.equal(nobody.call("chdir", "/here"), 0);
  const own = nobody.open(".");
  assert.equal(nobody.call("fchdir", root), 0);
  assert.equal(nobody.call("chroot", "."), 0);
  assert.equal(nobody.call("fchdir", own), 0);
  assert.equal(nobody.call("pivot_root", ".", "."), -EINVAL, "old root");
  assert.deepEqual(
    outer.mounts.map(({ flags, parent }) => ({ flags, parent })),
    before,
  );
});

it("a remount without a word about access times leaves them; a less privileged namespace can't change them", () => {
  const { user, test } = machine();
  const flags = (): string => /^\S+ \/mnt \S+ (\S+) 0 0$/m.exec(user.get("/proc/self/mounts") as string)![1]!;
  assert.equal(user.call("mount", "none", "/mnt", "tmpfs", MS_NOATIME, 0), 0);
  assert.equal(user.call("mount", "none", "/mnt", "", MS_REMOUNT | MS_BIND | MS_NOSUID, 0), 0);
  assert.equal(flags(), "rw,nosuid,noatime");
  assert.equal(user.call("mount", "none", "/mnt", "", MS_REMOUNT | MS_BIND | MS_STRICTATIME, 0), 0);
  assert.equal(flags(), "rw");
  const nobody = new FileTask(test.kernel, user);
  nobody.becomeUser(1000);
  assert.equal(nobody.call("unshare", CLONE_NEWUSER | CLONE_NEWNS), 0);
  const remount = (wanted: number): number =>
    nobody.call("mount", "none", "/mnt", "", MS_REMOUNT | MS_BIND | wanted, 0);
  assert.deepEqual([MS_NOATIME, MS_NODIRATIME, MS_RELATIME].map(remount), [-EPERM, -EPERM, -EPERM]);
  assert.deepEqual([MS_STRICTATIME, 0].map(remount), [0, 0]);
  user.call("mkdirat", AT_FDCWD, "/bound", 0o755);
  assert.equal(nobody.call("mount", "/mnt", "/bound", "", MS_BIND, 0), 0);
  assert.equal(nobody.call("mount", "none", "/bound", "", MS_REMOUNT | MS_BIND | MS_NOATIME, 0), -EPERM);
});

it("a namespace can be mounted from its file in /proc; what is not of the namespace isn't taken out of it", () => {
  const { user, test } = machine();
  user.put("/kept", "");
  assert.equal(user.call("mount", "/proc/self/ns/uts", "/kept", "", MS_BIND, 0), 0);
  const strange = user.task.fs.namespace.copy(() => 99, initialOrigin("mnt")).namespace.root;
  assert.throws(() => test.kernel.mounts.remove(strange));
});

it("a namespace of mounts goes with its last task", () => {
  const { user, test } = machine();
  const other = new FileTask(test.kernel, user);
  assert.equal(other.call("unshare", CLONE_NEWNS), 0);
  assert.equal(other.call("mount", "none", "/mnt", "tmpfs", 0, 0), 0);
  const { namespace } = other.task.fs;
  assert.equal(namespace.mounts.length, 3);
  other.task.fs.release();
  assert.equal(namespace.mounts.length, 0);
  assert.equal(user.task.fs.namespace.mounts.length, 2);
});

it("a mount joins the group of another (MOVE_MOUNT_SET_GROUP) of its file system for who administers both", () => {
  const { user, test } = machine();
  for (const folder of ["/a", "/b", "/c"]) user.call("mkdirat", AT_FDCWD, folder, 0o755);
  assert.equal(user.call("mount", "none", "/a", "tmpfs", 0, 0), 0);
  assert.equal(user.call("mount", "none", "/a", "", MS_SHARED, 0), 0);
  assert.equal(user.call("mount", "/a", "/b", "", MS_BIND, 0), 0);
  assert.equal(user.call("mount", "none", "/b", "", MS_PRIVATE, 0), 0);
  assert.equal(user.call("mount", "none", "/c", "tmpfs", 0, 0), 0);
  const join = (by: FileTask, target: string): number =>
    by.call("move_mount", AT_FDCWD, "/a", AT_FDCWD, target, MOVE_MOUNT_SET_GROUP);
  const nobody = new FileTask(test.kernel, user);
  nobody.becomeUser(1000);
  assert.equal(join(nobody, "/b"), -EPERM);
  assert.equal(join(user, "/c"), -EINVAL);
  assert.equal(join(user, "/b"), 0);
  user.call("mkdirat", AT_FDCWD, "/a/inside", 0o755);
  assert.equal(user.call("mount", "none", "/a/inside", "tmpfs", 0, 0), 0);
  user.put("/a/inside/f", "seen in both");
  assert.equal(user.get("/b/inside/f"), "seen in both");
});

it("a mount that somebody may write to isn't made read-only (EBUSY), until he is gone", () => {
  const { user } = machine();
  assert.equal(user.call("mount", "none", "/mnt", "tmpfs", 0, 0), 0);
  const remount = (): number => user.call("mount", "none", "/mnt", "", MS_REMOUNT | MS_RDONLY, 0);
  const fd = user.open("/mnt/f", O_CREAT | O_WRONLY);
  assert.equal(remount(), -EBUSY);
  user.call("close", fd);
  assert.equal(remount(), 0);
  assert.equal(user.open("/mnt/f", O_WRONLY), -EROFS);
});
