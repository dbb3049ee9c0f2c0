/**
 * Goal: what the controllers of control groups count and bound (Linux Documentation/admin-guide/cgroup-v2.rst); what
 * tests/abi/control-groups.c, which Linux itself was asked, can't ask there. Method: file calls on a mounted tree.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  CLONE_NEWCGROUP,
  EAGAIN,
  EBUSY,
  EINVAL,
  ENODEV,
  ENOENT,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  ERANGE,
  ESTALE,
  O_RDONLY,
  O_WRONLY,
  SI_USER,
  SIGCONT,
  SIGSTOP,
  SIGTSTP,
} from "@stratos/abi";
import { describeMountInfo } from "../procfs/process-mounts.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess } from "../signal/send-signal.ts";
import { allowedHarts } from "../task/affinity.ts";
import { advance, asCurrent } from "../testing/fake-task.ts";
import { BUFFER, FileTask } from "../testing/file-system-task.ts";
import type { Inode } from "../vfs/inode.ts";

function mounted(harts = 1): { user: FileTask; put: (path: string, text: string) => number } {
  const { user } = FileTask.create(undefined, { harts });
  user.call("mkdirat", AT_FDCWD, "/g", 0o755);
  assert.equal(user.call("mount", "none", "/g", "cgroup2", 0, ""), 0);
  return { user, put: (path, text) => putFor(user, path, text) };
}

function putFor(user: FileTask, path: string, text: string): number {
  const fd = user.call("openat", AT_FDCWD, path, O_WRONLY, 0);
  if (fd < 0) return fd;
  const result = user.call("write", fd, text, text.length);
  user.call("close", fd);
  return result < 0 ? result : 0;
}

const make = (user: FileTask, path: string): number => user.call("mkdirat", AT_FDCWD, path, 0o755);
const remove = (user: FileTask, path: string): number => user.call("unlinkat", AT_FDCWD, path, AT_REMOVEDIR);

test("children have the controllers that their parent gives on, as files and as limits", () => {
  const { user, put } = mounted();
  assert.deepEqual([make(user, "/g/a"), make(user, "/g/a/b")], [0, 0]);
  assert.equal(user.get("/g/cgroup.controllers"), "cpuset cpu memory pids\n");
  assert.equal(user.get("/g/a/cgroup.controllers"), "");
  assert.equal(user.get("/g/a/pids.max"), -ENOENT);
  assert.equal(put("/g/a/cgroup.subtree_control", "+pids"), -ENOENT);
  assert.equal(put("/g/cgroup.subtree_control", "+pids +memory -pids"), 0);
  assert.equal(user.get("/g/cgroup.subtree_control"), "memory\n");
  assert.equal(put("/g/cgroup.subtree_control", "+pids"), 0);
  assert.deepEqual([user.get("/g/a/pids.max"), user.get("/g/a/memory.max")], ["max\n", "max\n"]);
  assert.equal(user.get("/g/a/b/pids.max"), -ENOENT);
  assert.equal(put("/g/a/cgroup.subtree_control", "+pids"), 0);
  assert.equal(put("/g/cgroup.subtree_control", "-pids"), -EBUSY);
  assert.deepEqual([put("/g/a/pids.max", "-1"), put("/g/a/pids.max", "many")], [-EINVAL, -EINVAL]);
  assert.deepEqual([put("/g/a/memory.max", "1M"), put("/g/a/memory.high", "2g\n")], [0, 0]);
  assert.deepEqual([user.get("/g/a/memory.max"), user.get("/g/a/memory.high")], ["1048576\n", "2147483648\n"]);
  assert.equal(put("/g/a/cgroup.subtree_control", "-pids"), 0);
  const most = user.call("openat", AT_FDCWD, "/g/a/pids.max", O_WRONLY, 0);
  assert.equal(user.write(most, "7"), 1);
  assert.equal(put("/g/cgroup.subtree_control", "-pids -memory"), 0);
  assert.equal(user.write(most, "8"), -ENODEV, "the controller is gone, and its file with it");
  assert.equal(put("/g/a/cgroup.controllers", "+pids"), -EINVAL, "it says something only");
  assert.equal(user.get("/g/a/memory.max"), -ENOENT);
});

test("a group's files are made when somebody looks for one, as if they had been since its beginning", () => {
  const { test: kernel, user } = FileTask.create();
  user.call("mkdirat", AT_FDCWD, "/g", 0o755);
  assert.equal(user.call("mount", "none", "/g", "cgroup2", 0, ""), 0);
  const { root, watcher } = kernel.kernel.controlGroups;
  make(user, "/g/a");
  const group = root.children.get("a")!;
  const made = kernel.kernel.vfs.now();
  const directory = watcher!.inoOf(group);
  advance(kernel, 5e9);
  make(user, "/g/b");
  const files = ["cgroup.controllers", "cgroup.max.depth"].map((name) => watcher!.fileOf(group, name) as Inode);
  assert.deepEqual(
    files.map(({ ino, btime, mtime }) => ({ ino, btime, mtime })),
    [1, 2].map((at) => ({ ino: directory + at, btime: made, mtime: made })),
  );
  assert.ok(watcher!.inoOf(root.children.get("b")!) > files[1]!.ino);
});

test("a group's handle is its number alone, and a number is enough to open it", () => {
  const { user } = mounted();
  make(user, "/g/a");
  make(user, "/g/a/b");
  const handle = BUFFER,
    { view } = user.memory;
  const encode = (path: string, room: number): number => {
    view.setUint32(handle, room, true);
    return user.call("name_to_handle_at", AT_FDCWD, path, handle, BUFFER + 256, 0);
  };
  const open = (ino: number): number => {
    view.setUint32(handle, 8, true);
    view.setInt32(handle + 4, 0xfe, true);
    view.setBigUint64(handle + 8, BigInt(ino), true);
    return user.call("open_by_handle_at", user.open("/g"), handle, O_RDONLY);
  };
  const inoOf = (path: string): number => {
    const stat = user.stat(path);
    assert.ok(typeof stat === "object");
    return stat.ino;
  };
  assert.equal(encode("/g/a/b", 7), -EOVERFLOW);
  assert.equal(view.getUint32(handle, true), 8);
  for (const path of ["/g", "/g/a/b", "/g/a/cgroup.procs"]) {
    assert.equal(encode(path, 8), 0, path);
    assert.equal(view.getInt32(handle + 4, true), 0xfe, "FILEID_KERNFS");
    assert.equal(Number(view.getBigUint64(handle + 8, true)), inoOf(path));
    const fd = open(inoOf(path));
    assert.ok(fd >= 0, path);
    const found = user.fstat(fd);
    assert.ok(typeof found === "object");
    assert.equal(found.ino, inoOf(path));
  }
  const group = open(inoOf("/g/a/b"));
  assert.ok(user.call("openat", group, "cgroup.procs", O_RDONLY, 0) >= 0, "what stands in it is found there");
  assert.equal(user.call("fchdir", group), 0);
  assert.equal(user.cwd(), "/g/a/b", "whoever has looked for it before");
  user.call("chdir", "/");
  const gone = inoOf("/g/a/b");
  assert.equal(remove(user, "/g/a/b"), 0);
  assert.deepEqual([open(gone), open(gone + 1), open(inoOf("/g") - 1)], [-ESTALE, -ESTALE, -ESTALE]);
  view.setInt32(handle + 4, 0x82, true);
  assert.equal(user.call("open_by_handle_at", user.open("/g"), handle, O_RDONLY), -ESTALE, "of another kind");
});

test("pids.max refuses who is born, not who comes; what it refused is told to all above", () => {
  const { user, put } = mounted();
  make(user, "/g/a");
  make(user, "/g/a/b");
  put("/g/cgroup.subtree_control", "+pids");
  put("/g/a/cgroup.subtree_control", "+pids");
  put("/g/a/pids.max", "0");
  assert.equal(put("/g/a/b/cgroup.procs", "0"), 0);
  const group = user.task.controlGroup;
  assert.equal(group.path, "/a/b");
  assert.equal(group.charge(1), -EAGAIN);
  assert.deepEqual([user.get("/g/a/b/pids.events"), user.get("/g/a/pids.events")], ["max 0\n", "max 1\n"]);
  put("/g/a/pids.max", "2");
  put("/g/a/b/pids.max", "1");
  assert.equal(group.charge(1), -EAGAIN);
  assert.deepEqual([user.get("/g/a/b/pids.events"), user.get("/g/a/pids.events")], ["max 1\n", "max 2\n"]);
  const own = ["/g/a/b/pids.events.local", "/g/a/pids.events.local"];
  assert.deepEqual(
    own.map((path) => user.get(path)),
    ["max 1\n", "max 1\n"],
    "each of its own limit",
  );
  assert.equal(user.get("/g/a/b/pids.peak"), "2\n", "it was there until the group above refused it");
  assert.equal(user.get("/g/a/pids.current"), "1\n");
  assert.equal(put("/g/cgroup.procs", "0"), 0);
  assert.deepEqual([user.get("/g/a/pids.current"), user.get("/g/a/pids.peak")], ["0\n", "1\n"]);
});

test("no processes stand beside groups with memory of their own, nor beside populated ones with pids", () => {
  const { user, put } = mounted();
  for (const path of ["/g/a", "/g/a/b"]) make(user, path);
  put("/g/cgroup.subtree_control", "+memory +pids");
  put("/g/a/cgroup.procs", "0");
  assert.equal(put("/g/a/cgroup.subtree_control", "+memory"), -EBUSY);
  assert.equal(put("/g/a/cgroup.subtree_control", "+pids"), 0);
  const types = (): unknown[] => ["a", "a/b"].map((path) => user.get(`/g/${path}/cgroup.type`));
  assert.deepEqual(types(), ["domain threaded\n", "domain invalid\n"]);
  const other = new FileTask(user.task.kernel, user);
  assert.equal(putFor(other, "/g/a/b/cgroup.procs", "0"), -EOPNOTSUPP);
  assert.equal(put("/g/cgroup.procs", "0"), 0);
  assert.deepEqual(types(), ["domain\n", "domain\n"]);
  assert.equal(putFor(other, "/g/a/b/cgroup.procs", "0"), 0);
  assert.equal(put("/g/a/cgroup.procs", "0"), -EBUSY);
  assert.deepEqual([remove(user, "/g/a/b"), remove(user, "/g/a")], [-EBUSY, -EBUSY]);
  assert.equal(putFor(other, "/g/cgroup.procs", "0"), 0);
  assert.deepEqual([remove(user, "/g/a/b"), remove(user, "/g/a")], [0, 0]);
});

test("threaded groups have what concerns threads; memory stays with their domain", () => {
  const { user, put } = mounted(2);
  for (const path of ["/g/a", "/g/a/b", "/g/a/c"]) make(user, path);
  put("/g/cgroup.subtree_control", "+memory +pids +cpu");
  assert.equal(put("/g/a/cgroup.subtree_control", "+memory"), 0);
  assert.equal(put("/g/a/b/cgroup.type", "threaded"), -EOPNOTSUPP, "children have memory of their own");
  assert.equal(put("/g/a/cgroup.subtree_control", "-memory"), 0);
  assert.equal(put("/g/a/b/cgroup.type", "threaded"), 0);
  assert.equal(put("/g/a/cgroup.subtree_control", "+memory"), -EOPNOTSUPP);
  assert.equal(put("/g/a/cgroup.subtree_control", "+pids +cpu"), 0);
  assert.equal(put("/g/a/c/cgroup.procs", "0"), -EOPNOTSUPP, "it is not threaded");
  assert.equal(put("/g/a/c/cgroup.type", "threaded"), 0);
  assert.equal(put("/g/a/b/cgroup.procs", "0"), 0);
  const { task } = user;
  assert.equal(task.space.account, task.controlGroup.parent!.memory!.account);
  assert.equal(put("/g/a/c/cgroup.threads", "0"), 0);
  assert.equal(task.controlGroup.path, "/a/c");
  assert.deepEqual([user.get("/g/a/b/pids.current"), user.get("/g/a/c/pids.current")], ["0\n", "1\n"]);
  assert.equal(user.get("/g/a/c/memory.current"), -ENOENT);
  assert.equal(user.get("/g/a/cgroup.procs"), `${task.pid}\n`);
  assert.equal(user.get("/g/a/cgroup.threads"), "");
  assert.equal(user.get("/g/a/c/cgroup.procs"), -EOPNOTSUPP);
  assert.equal(put("/g/a/cgroup.procs", "0"), 0, "threads may be beside groups there");
  assert.equal(put("/g/cgroup.threads", "0"), -EOPNOTSUPP, "that is another domain");
  assert.equal(put("/g/cgroup.procs", "0"), 0);
  // A group that had memory of its own gives it up.
  make(user, "/g/d");
  assert.equal(user.get("/g/d/memory.current"), "0\n");
  assert.equal(put("/g/d/cgroup.type", "threaded"), 0);
  assert.equal(user.get("/g/d/memory.current"), -ENOENT);
  assert.equal(put("/g/d/cgroup.threads", "0"), 0);
  assert.equal(task.space.account, task.kernel.memory);
});

test("what was stopped before its group froze is stopped when that thaws", () => {
  const { user, put } = mounted();
  make(user, "/g/a");
  const other = new FileTask(user.task.kernel, user);
  putFor(other, "/g/a/cgroup.procs", "0");
  const { task } = other;
  task.state = "R";
  sendSignalToProcess(task.group, signalInfo(SIGSTOP, SI_USER));
  assert.equal(task.state, "R", "it has had no turn");
  assert.equal(put("/g/a/cgroup.freeze", "1"), 0);
  assert.equal(put("/g/a/cgroup.freeze", "0"), 0);
  assert.equal(task.state, "T");
  assert.equal(task.group.unreportedStop, SIGSTOP);
  sendSignalToProcess(task.group, signalInfo(SIGCONT, SI_USER));
  assert.equal(task.state, "R");
  // One that has a handler, or ignores it, goes on.
  task.group.actions.set(SIGTSTP, { handler: 1, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  sendSignalToProcess(task.group, signalInfo(SIGTSTP, SI_USER));
  put("/g/a/cgroup.freeze", "1");
  assert.equal(task.state, "R");
});

test("what a group has taken of memory is its own until it goes; then the group above has it", () => {
  const { user, put } = mounted();
  const { kernel } = user.task;
  for (const path of ["/g/a", "/g/a/b"]) make(user, path);
  put("/g/cgroup.subtree_control", "+memory");
  put("/g/a/cgroup.subtree_control", "+memory");
  put("/g/a/b/cgroup.procs", "0");
  user.task.group.oomScoreAdjust = -1000;
  const { account } = user.task.space;
  const allocate = (): number => asCurrent(user.task, () => kernel.frames.allocate(account));
  const frames = [1, 2, 3].map(allocate);
  assert.ok(frames.every((frame) => frame > 0));
  assert.deepEqual(
    ["/g/a/b/memory.current", "/g/a/memory.current"].map((path) => user.get(path)),
    ["12288\n", "12288\n"],
  );
  put("/g/a/memory.max", "16384");
  assert.ok(allocate() > 0);
  assert.ok(allocate() < 0, "the group above is at its limit");
  assert.match(user.get("/g/a/memory.events") as string, /\nmax 1\noom 1\n/);
  put("/g/cgroup.procs", "0");
  assert.equal(user.task.space.account, kernel.memory);
  const charged = kernel.memory.charged;
  assert.equal(remove(user, "/g/a/b"), 0);
  assert.equal(user.get("/g/a/memory.current"), "16384\n");
  assert.equal(remove(user, "/g/a"), 0);
  assert.equal(kernel.memory.charged, charged);
});

test("shares and quotas of the processor are said in Linux's words, and refused beyond its bounds", () => {
  const { user, put } = mounted();
  make(user, "/g/a");
  assert.equal(user.get("/g/a/cpu.max"), -ENOENT);
  assert.doesNotMatch(user.get("/g/a/cpu.stat") as string, /nr_periods/);
  put("/g/cgroup.subtree_control", "+cpu");
  const files = ["cpu.idle", "cpu.max", "cpu.max.burst", "cpu.weight", "cpu.weight.nice"];
  const shown = (): unknown[] => files.map((name) => user.get(`/g/a/${name}`));
  assert.deepEqual(shown(), ["0\n", "max 100000\n", "0\n", "100\n", "0\n"]);
  assert.match(
    user.get("/g/a/cpu.stat") as string,
    /system_usec \d+\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n$/,
  );
  for (const text of ["50000 200000", "60000\n", "max 1000", "30000 1000000"])
    assert.equal(put("/g/a/cpu.max", text), 0);
  for (const text of ["", "many", "999", "1000 999", "1000 1000001", "-1", "1000 x", "1000 1000 1000"])
    assert.equal(put("/g/a/cpu.max", text), -EINVAL, text);
  assert.deepEqual([put("/g/a/cpu.max.burst", "30001"), put("/g/a/cpu.max.burst", "30000")], [-EINVAL, 0]);
  assert.deepEqual([put("/g/a/cpu.weight", "0"), put("/g/a/cpu.weight", "10001")], [-ERANGE, -ERANGE]);
  assert.equal(put("/g/a/cpu.weight.nice", "-5"), 0);
  assert.deepEqual(shown(), ["0\n", "30000 1000000\n", "30000\n", "305\n", "-5\n"]);
  assert.deepEqual([put("/g/a/cpu.weight.nice", "20"), put("/g/a/cpu.weight.nice", "x")], [-ERANGE, -EINVAL]);
  assert.equal(put("/g/a/cpu.idle", "1"), 0);
  assert.deepEqual([user.get("/g/a/cpu.weight"), put("/g/a/cpu.weight", "100")], ["0\n", -EINVAL]);
});

test("processes run on the harts of their group; it names them as a list, and its children have those of it", () => {
  const { user, put } = mounted(4);
  for (const path of ["/g/a", "/g/a/b"]) make(user, path);
  put("/g/cgroup.subtree_control", "+cpuset");
  put("/g/a/cgroup.subtree_control", "+cpuset");
  assert.deepEqual([user.get("/g/a/cpuset.cpus"), user.get("/g/a/cpuset.cpus.effective")], ["\n", "0-3\n"]);
  for (const text of ["4", "0-4", "2-1", "a", "0;1"]) assert.equal(put("/g/a/cpuset.cpus", text), -EINVAL, text);
  assert.equal(put("/g/a/cpuset.cpus", "1-2\n"), 0);
  assert.equal(put("/g/a/b/cpuset.cpus", "0,2"), 0);
  assert.deepEqual([user.get("/g/a/b/cpuset.cpus"), user.get("/g/a/b/cpuset.cpus.effective")], ["0,2\n", "2\n"]);
  assert.equal(put("/g/a/b/cgroup.procs", "0"), 0);
  assert.deepEqual([user.task.hart, allowedHarts(user.task)], [2, 0b100]);
  assert.equal(put("/g/a/b/cpuset.cpus", ""), 0);
  assert.equal(allowedHarts(user.task), 0b110);
  user.task.affinity = 0b1000;
  assert.equal(allowedHarts(user.task), 0b110, "what it asked for is not there");
  assert.equal(put("/g/cgroup.procs", "0"), 0);
  assert.equal(allowedHarts(user.task), 0b1000);
  assert.deepEqual([user.get("/g/a/cpuset.mems"), user.get("/g/a/cpuset.mems.effective")], ["\n", "0\n"]);
  assert.deepEqual([put("/g/a/cpuset.mems", "0"), put("/g/a/cpuset.mems", "1")], [0, -EINVAL]);
});

test("with nsdelegate the group at the root of a cgroup namespace has limits that are not for those in it", () => {
  const { user, put } = mounted();
  make(user, "/g/a");
  put("/g/cgroup.subtree_control", "+pids");
  assert.equal(user.call("mount", "none", "/g", "cgroup2", 32, "nsdelegate"), 0);
  put("/g/a/cgroup.procs", "0");
  const outside = user.call("openat", AT_FDCWD, "/g/cgroup.procs", O_WRONLY, 0);
  const most = user.call("openat", AT_FDCWD, "/g/a/pids.max", O_WRONLY, 0);
  assert.equal(user.call("unshare", CLONE_NEWCGROUP), 0);
  assert.equal(put("/g/a/pids.max", "7"), -EPERM);
  assert.equal(user.write(most, "7"), 1, "who opened it outside may");
  assert.equal(put("/g/cgroup.procs", "0"), -ENOENT);
  assert.deepEqual([make(user, "/g/a/b"), put("/g/a/b/cgroup.procs", "0")], [0, 0]);
  assert.match(
    describeMountInfo(user.task, 0).text,
    / \/\.\. \/g .* - cgroup2 /,
    "the tree's root lies above the namespace's",
  );
  assert.equal(user.write(outside, "0"), 1, "who opened it decides, not who writes (CVE-2021-4197)");
});

test("a machine has no more groups, and none deeper, than its host can bear", () => {
  const { user } = mounted();
  user.call("chdir", "/g");
  let depth = 0;
  while (depth < 1000 && make(user, "d") === 0) {
    assert.equal(user.call("chdir", "d"), 0);
    depth++;
  }
  assert.equal(depth, 128);
  assert.equal(make(user, "d"), -EAGAIN);
  user.call("chdir", "/g");
  let count = depth;
  while (count < 10_000 && make(user, `wide${count}`) === 0) count++;
  assert.equal(count, 2048);
});
