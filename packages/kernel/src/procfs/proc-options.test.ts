/**
 * Goal: hidepid, gid and subset of a mounted /proc hide processes as proc(5) says. Method: tasks of several users look
 * at each other, first from a mount of its own, then after a remount.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { AT_FDCWD, EINVAL, ENOENT, EPERM, MS_REMOUNT } from "@stratos/abi";
import { FileTask } from "../testing/file-system-task.ts";

interface World {
  readonly root: FileTask;
  readonly own: FileTask;
  readonly other: FileTask;
  /** Of the group 50. */
  readonly member: FileTask;
  readonly remount: (options: string) => number;
}

function begin(options: string): World {
  const { test, user: root } = FileTask.create();
  root.call("mkdirat", AT_FDCWD, "/proc", 0o755);
  assert.equal(root.call("mount", "proc", "/proc", "proc", 0, options), 0);
  const [own, other, member] = [1000, 1001, 1002].map((uid) => {
    const task = new FileTask(test.kernel, root);
    task.becomeUser(uid);
    task.task.credentials = { ...task.task.credentials, gid: uid, egid: uid, sgid: uid, fsgid: uid, groups: [] };
    return task;
  });
  member!.task.credentials = { ...member!.task.credentials, groups: [50] };
  const remount = (wanted: string): number => root.call("mount", "proc", "/proc", "proc", MS_REMOUNT, wanted);
  return { root, own: own!, other: other!, member: member!, remount };
}

/** What one gets who looks for another: the entry, the folder, a file in it. */
function looks(one: FileTask, at: FileTask): unknown[] {
  const folder = `/proc/${at.task.pid}`;
  const [entry, open, comm] = [one.stat(folder), one.open(folder), one.get(`${folder}/comm`)];
  const isListed = (one.list("/proc") as string[]).includes(String(at.task.pid));
  return [typeof entry === "number" ? entry : "there", open < 0 ? open : "opened", comm === "" || comm, isListed];
}

const ALL = ["there", "opened"];
const NOTHING = [-ENOENT, -ENOENT, -ENOENT, false];

it("hidepid hides what is in a process's folder, or the process, from other users", () => {
  const { root, own, other, member, remount } = begin("hidepid=1,gid=50");
  assert.deepEqual(looks(own, other), ["there", -EPERM, -EPERM, true]);
  assert.equal(remount("hidepid=invisible"), 0);
  assert.deepEqual(looks(own, other), NOTHING);
  for (const one of [root, member, other]) assert.deepEqual(looks(one, other).slice(0, 2), ALL);
  assert.match(root.get("/proc/self/mounts") as string, / \/proc proc \S*,gid=50,hidepid=invisible /);
  assert.equal(remount("hidepid=ptraceable"), 0);
  assert.deepEqual(looks(own, other), NOTHING);
  assert.deepEqual(looks(member, other), NOTHING, "the group doesn't count");
  for (const one of [root, other]) assert.deepEqual(looks(one, other).slice(0, 2), ALL);
  assert.equal(remount("hidepid=0"), 0);
  assert.deepEqual(looks(own, other).slice(0, 2), ALL);
});

it("subset=pid leaves the processes alone", () => {
  const { own, root } = begin("subset=pid");
  const names = (own.list("/proc") as string[]).filter((name) => !/^\d+$/.test(name));
  assert.deepEqual(names.sort(), [".", "..", "self", "thread-self"]);
  for (const name of ["uptime", "sys", "mounts"]) assert.equal(own.stat(`/proc/${name}`), -ENOENT);
  assert.match(root.get("/proc/self/mounts") as string, / \/proc proc \S*,subset=pid /);
});

it("what is no option is refused, and changes nothing", () => {
  const { remount, own, other } = begin("hidepid=2");
  for (const options of ["hidepid=3", "hidepid", "hidepid=all", "gid=x", "subset=sys", "bogus"])
    assert.equal(remount(`hidepid=0,${options}`), -EINVAL, options);
  assert.deepEqual(looks(own, other), NOTHING);
});
