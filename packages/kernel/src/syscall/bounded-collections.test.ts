/**
 * Goal: what programs can fill in the host's memory has a bound, and says so with its errno. Method: file calls on a
 * tmpfs, more than any program needs.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  AF_UNIX,
  AT_FDCWD,
  EBADF,
  EEXIST,
  EMFILE,
  ENOLCK,
  ENOSPC,
  EPERM,
  F_GETFD,
  F_SETLK,
  F_WRLCK,
  IN_ALL_EVENTS,
  IN_CREATE,
  CLONE_NEWNS,
  CLONE_NEWUSER,
  O_CREAT,
  O_RDWR,
  RLIMIT_NOFILE,
  SEEK_SET,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "@stratos/abi";
import { byteString } from "@stratos/base";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import { CALL_WORK } from "../ground/call-work.ts";
import { Procfs } from "../procfs/procfs.ts";
import { Call } from "../testing/fake-task.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { IdMap } from "../security/id-map.ts";
import { INITIAL_USER_NAMESPACE, UserNamespace } from "../security/user-namespace.ts";
import { socketCalls } from "./socket-calls.ts";
import { systemCalls } from "./system-calls.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { canCopyMounts } from "../vfs/mounting.ts";
import { FileTable } from "../vfs/file-table.ts";

/** Locks every other byte of a file until that fails, or there are `most`. @returns how many, and the result */
function lockBytes(user: FileTask, fd: number, most = Infinity): [locks: number, result: number] {
  for (let count = 0; ; count++) {
    if (count === most) return [count, 0];
    const { view } = user.memory;
    view.setInt16(BUFFER, F_WRLCK, true);
    view.setInt16(BUFFER + 2, 0, true);
    view.setBigInt64(BUFFER + 8, BigInt(count * 2), true);
    view.setBigInt64(BUFFER + 16, 1n, true);
    const result = user.call("fcntl", fd, F_SETLK, BUFFER);
    if (result !== 0) return [count, result];
  }
}

test("ranges locked in one file, and in all files, are bounded (ENOLCK), and come back when files are closed", () => {
  const {
    test: { kernel },
    user,
  } = FileTask.create();
  const [first, errno] = lockBytes(user, user.open("/file", 0o102));
  assert.equal(errno, -ENOLCK);
  assert.ok(first >= 4000 && first <= 4096, `${first} locks`);
  let all = first;
  for (let file = 0, result = 0; result === 0; file++) {
    const [count, last] = lockBytes(user, user.open(`/${file}`, 0o102), 400);
    all += count;
    result = last;
  }
  assert.ok(all >= 60_000 && all <= 1 << 16, `${all} locks of all files`);
  assert.equal(kernel.vfs.rangeLocks, all);
  user.task.files.closeAll(user.task);
  assert.equal(kernel.vfs.rangeLocks, 0);
  const [again] = lockBytes(user, user.open("/again", 0o102));
  assert.ok(again >= 4000);
});

test("thousands of descriptors are closed, of mounts and of sockets told, in pieces of bounded work", () => {
  const {
    test: { kernel },
    user,
  } = FileTask.create((fresh) => new Tmpfs(fresh, { inodes: 10_000 }), { memoryBytes: 64 << 20 });
  mountAt(kernel, "/proc", new Procfs(kernel));
  const { work } = kernel;
  let most = 0;
  const begin = work.begin.bind(work);
  work.begin = () => {
    most = Math.max(most, work.spent);
    begin();
  };
  const file = user.task.files.get(user.open("/file", O_RDWR | O_CREAT))!;
  for (let fd = 10; fd < 9000; fd++) user.task.files.installAt(user.task, fd, file.retain(), false);
  const before = user.task.files.openCount;
  assert.equal(user.call("close_range", 100, 0xffffffff, 0), 0);
  assert.equal(user.task.files.openCount, before - 8900);
  assert.equal(user.call("fcntl", 99, F_GETFD), 0);
  assert.equal(user.call("fcntl", 8999, F_GETFD), -EBADF);
  assert.deepEqual((user.list("/proc/self/fd") as string[]).slice(2, 5), ["0", "1", "10"]);
  const folder = user.open("/proc/self/fd");
  for (const place of [2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1, 2 ** 40]) {
    assert.equal(user.call("lseek", folder, place, SEEK_SET), place);
    assert.equal(user.call("getdents64", folder, BUFFER, 4096), 0, `at ${place} no descriptor is left`);
  }

  const mounts = user.task.fs.namespace.mounts.length;
  for (let count = 0; count < 3000; count++) {
    assert.equal(user.call("mkdirat", AT_FDCWD, `/${count}`, 0o755), 0);
    mountAt(kernel, `/${count}`, new Tmpfs(kernel));
  }
  const linesOf = (path: string): string[] => {
    let text = "";
    const fd = user.open(path);
    for (let count: number; (count = user.call("read", fd, BUFFER, 4096)) > 0;)
      text += byteString(user.memory.u8, BUFFER, BUFFER + count);
    return text.split("\n").slice(0, -1);
  };
  assert.equal(linesOf("/proc/self/mountinfo").length, mounts + 3000);

  // More than one piece of each kind; each row has its number.
  user.task.group.limits[RLIMIT_NOFILE] = { soft: 20_000, hard: 20_000 };
  const call = (name: string, ...args: number[]): number => Call.of(user.task, socketCalls[name]!, ...args).result!;
  for (let count = 0; count < 3000; count++) {
    const socket = call("socket", AF_INET, SOCK_DGRAM, 0);
    user.memory.u8.fill(0, BUFFER, BUFFER + 16);
    user.memory.view.setUint16(BUFFER, AF_INET, true);
    assert.equal(call("bind", socket, BUFFER, 16), 0);
    assert.equal(call("socketpair", AF_UNIX, SOCK_STREAM, 0, BUFFER), 0);
  }
  const udp = linesOf("/proc/net/udp");
  assert.deepEqual([udp.length, Number.parseInt(udp.at(-1)!)], [3001, 2999]);
  assert.equal(linesOf("/proc/net/unix").length, 6001);
  assert.ok(most >= 1000 && most < 1.5 * CALL_WORK, `${most} units`);
});

test("extended attributes and targets of links in all file systems in memory are bounded (ENOSPC)", () => {
  const {
    test: { kernel },
    user,
  } = FileTask.create((fresh) => new Tmpfs(fresh, { inodes: 10_000 }));
  let failed = 0,
    files = 0;
  for (; failed === 0 && files < 200; files++) {
    user.put(`/${files}`, "");
    for (let index = 0; index < 20 && failed === 0; index++)
      failed = user.call("setxattr", `/${files}`, `user.${index}`, 0x9000, 0x7000 - 1, 0);
  }
  assert.equal(failed, -ENOSPC);
  assert.ok(kernel.vfs.memoryBytes <= 64 << 20);
  let links = 0;
  while (links < 10 && user.call("symlinkat", "t".repeat(4000), AT_FDCWD, `/link${links}`) === 0) links++;
  assert.ok(links < 8, "links find no room either");
  for (let index = 0; index < links; index++) user.call("unlinkat", AT_FDCWD, `/link${index}`, 0);
  for (let index = 0; index < files; index++) assert.equal(user.call("unlinkat", AT_FDCWD, `/${index}`, 0), 0);
  assert.equal(kernel.vfs.memoryBytes, 0, "all of it came back");
  assert.equal(user.call("symlinkat", "t".repeat(4000), AT_FDCWD, "/link"), 0);
});

test("a further name of a file in memory counts like an inode", () => {
  const {
    test: { kernel },
    user,
  } = FileTask.create((fresh) => new Tmpfs(fresh, { inodes: 100 }));
  user.put("/file", "");
  let names = 0;
  while (user.call("linkat", AT_FDCWD, "/file", AT_FDCWD, `/name${names}`, 0) === 0) names++;
  assert.equal(names, 98, "the root and the file are two");
  assert.equal(user.call("linkat", AT_FDCWD, "/file", AT_FDCWD, "/name0", 0), -EEXIST);
  assert.equal(user.call("unlinkat", AT_FDCWD, "/name0", 0), 0);
  assert.equal(user.call("renameat2", AT_FDCWD, "/name1", AT_FDCWD, "/file", 0), 0);
  for (let index = 2; index < names; index++) user.call("unlinkat", AT_FDCWD, `/name${index}`, 0);
  user.call("unlinkat", AT_FDCWD, "/file", 0);
  user.call("unlinkat", AT_FDCWD, "/name1", 0);
  assert.equal(kernel.vfs.memoryInodes, 1, "the root is left");
});

test("a file system in memory gives back all its names when it goes", () => {
  const {
    test: { kernel },
    user,
  } = FileTask.create((fresh) => new Tmpfs(fresh, { inodes: 100_000 }));
  user.call("mkdirat", AT_FDCWD, "/mount", 0o777);
  assert.equal(user.call("mount", "none", "/mount", "tmpfs", 0, "nr_inodes=30000"), 0);
  const before = kernel.vfs.memoryInodes;
  user.call("chdir", "/mount");
  let depth = 0;
  for (; depth < 200; depth++) {
    user.call("mkdirat", AT_FDCWD, "d", 0o777);
    user.call("chdir", "d");
  }
  user.call("chdir", "/");
  assert.equal(kernel.vfs.memoryInodes, before + depth);
  assert.equal(user.call("umount2", "/mount", 2), 0);
  while (kernel.reaper.run());
  assert.equal(kernel.vfs.memoryInodes, before - 1);
});

test("a listing goes on where it was while names come and go", () => {
  const { user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/d", 0o777);
  for (let index = 0; index < 100; index++) user.put(`/d/${index}`, "");
  const fd = user.open("/d", 0o200000);
  assert.ok(user.call("getdents64", fd, BUFFER, 512) > 0);
  for (let index = 0; index < 90; index++) user.call("unlinkat", AT_FDCWD, `/d/${index}`, 0);
  user.put("/d/new", "");
  const names: string[] = [];
  for (
    let count = user.call("getdents64", fd, BUFFER, 512);
    count > 0;
    count = user.call("getdents64", fd, BUFFER, 512)
  ) {
    for (let at = BUFFER; at < BUFFER + count; at += user.memory.view.getUint16(at + 16, true))
      names.push(String.fromCharCode(...user.memory.u8.subarray(at + 19, user.memory.u8.indexOf(0, at + 19))));
  }
  assert.deepEqual(names, ["90", "91", "92", "93", "94", "95", "96", "97", "98", "99", "new"]);
});

test("a high descriptor takes no more room than a low one, and forks of its table neither", () => {
  const { user } = FileTask.create();
  user.task.group.limits[7] = { soft: 1 << 16, hard: 1 << 16 };
  const fd = user.open("/", 0o200000);
  assert.equal(user.call("dup3", fd, (1 << 16) - 1, 0), (1 << 16) - 1);
  const start = process.cpuUsage();
  const copies = Array.from({ length: 200 }, () => user.task.files.copy());
  assert.ok(process.cpuUsage(start).user < 1e6);
  assert.ok(copies.every((copy) => copy instanceof FileTable && copy.get((1 << 16) - 1) === user.task.files.get(fd)));
  const seen: number[] = [];
  user.task.files.forEach((each) => seen.push(each));
  assert.deepEqual(seen, [fd, (1 << 16) - 1]);
});

/** Writes a setting, as sysctl(8) does. */
function set(user: FileTask, name: string, value: string): void {
  user.put(`/proc/sys/${name}`, value);
  assert.equal((user.get(`/proc/sys/${name}`) as string).trim(), value);
}

function withProc(): { user: FileTask; kernel: Kernel } {
  const { user, test: machine } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/proc", 0o755);
  assert.equal(user.call("mount", "proc", "/proc", "proc", 0, 0), 0);
  return { user, kernel: machine.kernel };
}

test("instances and watches of inotify are bounded for each user, by what /proc/sys says (EMFILE, ENOSPC)", () => {
  const { user, kernel } = withProc();
  set(user, "fs/inotify/max_user_instances", "3");
  set(user, "fs/inotify/max_user_watches", "2");
  const [one, other, third] = [0, 0, 0].map(() => user.call("inotify_init1", 0));
  assert.ok(third! > 0);
  assert.equal(user.call("inotify_init1", 0), -EMFILE);
  for (const name of ["a", "b", "c"]) user.put(`/${name}`, "");
  assert.equal(user.call("inotify_add_watch", one!, "/a", IN_ALL_EVENTS), 1);
  assert.equal(user.call("inotify_add_watch", other!, "/b", IN_ALL_EVENTS), 1);
  assert.equal(user.call("inotify_add_watch", other!, "/c", IN_ALL_EVENTS), -ENOSPC);
  assert.equal(user.call("inotify_add_watch", one!, "/a", IN_CREATE), 1, "a watch that is there changes");
  // Another user has limits of their own.
  user.becomeUser(1000);
  const theirs = user.call("inotify_init1", 0);
  assert.ok(theirs > 0);
  assert.equal(user.call("inotify_add_watch", theirs, "/c", IN_ALL_EVENTS), 1);
  user.become({});
  user.call("close", one!);
  assert.equal(user.call("inotify_add_watch", other!, "/c", IN_ALL_EVENTS), 2);
  assert.equal(user.call("inotify_init1", 0), one);
  for (let fd = 0; fd < 20; fd++) user.call("close", fd);
  assert.equal(kernel.inotifyLimits.events, 0);
});

test("events of inotify that nobody reads are bounded for an instance, and for the machine (IN_Q_OVERFLOW)", () => {
  const { user, kernel } = withProc();
  set(user, "fs/inotify/max_queued_events", "10");
  const fd = user.call("inotify_init1", 0);
  set(user, "fs/inotify/max_queued_events", "16384");
  user.put("/a", "");
  user.call("inotify_add_watch", fd, "/", IN_CREATE);
  for (let name = 0; name < 30; name++) user.put(`/file${name}`, "");
  assert.equal(kernel.inotifyLimits.events, 11, "ten, and that some were lost");
  const plenty = user.call("inotify_init1", 0);
  user.call("inotify_add_watch", plenty, "/", IN_CREATE);
  kernel.inotifyLimits.events += 2 ** 30;
  for (let name = 30; name < 40; name++) user.put(`/file${name}`, "");
  kernel.inotifyLimits.events -= 2 ** 30;
  assert.equal(kernel.inotifyLimits.events, 12);
  user.call("close", fd);
  user.call("close", plenty);
  assert.equal(kernel.inotifyLimits.events, 0);
});

test("mounts of a namespace are bounded by fs.mount-max, also copies of trees, and those of all namespaces", () => {
  const { user, kernel } = withProc();
  set(user, "fs/mount-max", "100");
  user.call("mkdirat", AT_FDCWD, "/d", 0o755);
  user.call("mkdirat", AT_FDCWD, "/e", 0o755);
  assert.equal(user.call("mount", "none", "/d", "tmpfs", 0, 0), 0);
  const MS_BIND = 0x1000,
    MS_REC = 0x4000,
    MNT_DETACH = 2;
  // Each copy of all doubles them.
  let copies = 0;
  while (user.call("mount", "/", "/e", 0, MS_BIND | MS_REC, 0) === 0) copies++;
  assert.equal(user.call("mount", "/", "/e", 0, MS_BIND | MS_REC, 0), -ENOSPC);
  assert.ok(copies >= 4 && copies < 8, `${copies} copies`);
  const { vfs } = kernel;
  assert.ok(vfs.mounts.all <= 100 && vfs.mounts.all === kernel.mounts.mounts.length);
  const present = vfs.mounts.all;
  vfs.mounts.all = 50_000 - present + 1;
  assert.equal(canCopyMounts(user.task, INITIAL_USER_NAMESPACE), false);
  assert.equal(user.call("mount", "/", "/e", 0, MS_BIND | MS_REC, 0), -ENOSPC);
  vfs.mounts.all = 50_000 - present;
  assert.equal(canCopyMounts(user.task, INITIAL_USER_NAMESPACE), true);
  vfs.mounts.all = present;
  assert.equal(user.call("unshare", CLONE_NEWNS), 0);
  assert.equal(vfs.mounts.all, 2 * present);
  while (user.call("umount2", "/e", MNT_DETACH) === 0);
  assert.equal(vfs.mounts.all, present + 3, "the root, /proc and /d are left of the copy");
});

test("a tree of thousands of each other's peers is taken away by work that grows with it alone", () => {
  const { user, kernel } = withProc();
  const MS_BIND = 0x1000,
    MS_SHARED = 0x100000,
    MNT_DETACH = 2;
  user.call("mkdirat", AT_FDCWD, "/a", 0o755);
  const work: number[] = [];
  for (const doublings of [8, 11]) {
    const before = kernel.mounts.mounts.length;
    assert.equal(user.call("mount", "none", "/a", "tmpfs", 0, 0), 0);
    user.call("mkdirat", AT_FDCWD, "/a/d", 0o755);
    assert.equal(user.call("mount", "/a/d", "/a/d", 0, MS_BIND, 0), 0);
    assert.equal(user.call("mount", 0, "/a/d", 0, MS_SHARED, 0), 0);
    for (let count = 0; count < doublings; count++) assert.equal(user.call("mount", "/a/d", "/a/d", 0, MS_BIND, 0), 0);
    assert.equal(kernel.mounts.mounts.length, before + 1 + 2 ** doublings);
    assert.equal(user.call("umount2", "/a", MNT_DETACH), 0);
    work.push(kernel.work.spent);
    assert.equal(kernel.mounts.mounts.length, before);
  }
  // Eight times as many mounts.
  assert.ok(work[1]! < 12 * work[0]!, work.join());
});

test("mounts in user namespaces count for who made the outermost, whose room ends before the machine's", () => {
  const { user, kernel } = withProc();
  const { mounts } = kernel.vfs;
  const nobody = new FileTask(kernel, user);
  nobody.becomeUser(1000);
  const present = kernel.mounts.mounts.length;
  const unshare = (): number => {
    const result = nobody.call("unshare", CLONE_NEWUSER | CLONE_NEWNS);
    const { userNamespace } = nobody.task.credentials;
    userNamespace.uids = userNamespace.gids = new IdMap([{ first: 0, kernelFirst: 1000, count: 1 }]);
    return result;
  };
  assert.equal(unshare(), 0);
  assert.equal(mounts.of(1000), present);
  // Below it, as another user there, it is still his.
  assert.equal(unshare(), 0);
  assert.equal(mounts.of(1000), present, "the namespace that he left took its mounts along");
  const { owner } = nobody.task.fs.namespace;
  assert.equal(owner.level, 2);
  mounts.change(owner, 10_000 - present);
  assert.equal(unshare(), -ENOSPC);
  assert.equal(user.call("mount", "none", "/proc", "tmpfs", 0, 0), 0, "not the machine's");
  const other = new FileTask(kernel, user);
  other.becomeUser(1001);
  assert.equal(other.call("unshare", CLONE_NEWUSER | CLONE_NEWNS), 0, "nor another user's");
  // However many users there are, the machine's root has room.
  mounts.change(other.task.fs.namespace.owner, 30_000 - mounts.of(1001));
  assert.equal(mounts.hasRoom(new UserNamespace(INITIAL_USER_NAMESPACE, { ino: 1, counts: null }, THIRD), 1), false);
  assert.equal(mounts.hasRoom(INITIAL_USER_NAMESPACE, 9000), true);
});
const THIRD = { uid: 1002, gid: 1002, mayMapRoot: false };

test("fs.nr_open is what a table may grow to (EMFILE), and RLIMIT_NOFILE may be raised to (EPERM)", () => {
  const { user, kernel } = withProc();
  // As in the machine, where all tables share one.
  user.task.files = new FileTable(kernel.fileUsage);
  const limits = user.task.group.limits;
  limits[7] = { soft: 1 << 20, hard: 1 << 20 };
  const fd = user.open("/", 0o200000);
  set(user, "fs/nr_open", "65536");
  assert.equal(user.call("dup3", fd, 70_000, 0), -EMFILE);
  set(user, "fs/nr_open", "71000");
  assert.equal(user.call("dup3", fd, 70_000, 0), 70_000);
  set(user, "fs/nr_open", "65536");
  assert.equal(user.task.files.copyForTask(), -EMFILE);
  assert.equal(user.call("dup3", fd, 70_001, 0), 70_001, "a table keeps what it has");
  user.call("close", 70_000);
  user.call("close", 70_001);
  assert.ok(user.task.files.copyForTask() instanceof FileTable);
  const { view } = user.memory;
  const setLimit = (hard: bigint): number => {
    view.setBigUint64(BUFFER, 100n, true);
    view.setBigUint64(BUFFER + 8, hard, true);
    return Call.of(user.task, systemCalls["prlimit64"]!, 0, 7, BUFFER, 0).result!;
  };
  limits[7] = { soft: 1024, hard: 65536 };
  assert.equal(setLimit(65537n), -EPERM);
  set(user, "fs/nr_open", "65600");
  assert.equal(setLimit(65537n), 0);
});
