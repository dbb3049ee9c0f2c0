/**
 * Goal: who may become whom, and what becomes of capabilities (credentials(7), capabilities(7)). Method: one task, its
 * calls by name, beside the tables of the manual pages.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CAP_SYS_RESOURCE, EFAULT, EINVAL, EPERM, ESRCH } from "@stratos/abi";
import type { Credentials } from "../security/credentials.ts";
import { createTestKernel, createTestTask, type TestTask } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";

const KEEP = 0xffffffff;
const ALL = 2 ** 41 - 1;
const AT = 0x100;

/** A task with these user ids (real, effective, saved), group ids alike. */
function createUser(ids: readonly [number, number, number], parts: Partial<Credentials> = {}): TestTask {
  const made = createTestTask(createTestKernel().kernel);
  const [uid, euid, suid] = ids;
  const isRoot = ids.includes(0);
  made.task.credentials = {
    ...made.task.credentials,
    ...{ uid, euid, suid, fsuid: euid, gid: uid, egid: euid, sgid: suid, fsgid: euid },
    effective: euid === 0 ? ALL : 0,
    permitted: isRoot ? ALL : 0,
    ...parts,
  };
  return made;
}

type Change = readonly [name: string, args: readonly number[], expected: readonly number[] | number];

/** The ids 1, 2, 3 are real, effective and saved; without a capability. */
const CHANGES: readonly Change[] = [
  ["setresuid", [2, 3, 1], [2, 3, 1, 3]],
  ["setresuid", [KEEP, 1, KEEP], [1, 1, 3, 1]],
  ["setresuid", [KEEP, KEEP, KEEP], [1, 2, 3, 2]],
  ["setresuid", [4, KEEP, KEEP], -EPERM],
  ["setresuid", [KEEP, 4, KEEP], -EPERM],
  ["setresuid", [KEEP, KEEP, 4], -EPERM],
  // The saved id follows where the real one is given, or the effective one becomes another than the real.
  ["setreuid", [2, KEEP], [2, 2, 2, 2]],
  ["setreuid", [KEEP, 3], [1, 3, 3, 3]],
  ["setreuid", [KEEP, 1], [1, 1, 3, 1]],
  ["setreuid", [3, KEEP], -EPERM],
  ["setreuid", [KEEP, 4], -EPERM],
  ["setuid", [1], [1, 1, 3, 1]],
  ["setuid", [3], [1, 3, 3, 3]],
  ["setuid", [2], -EPERM],
];

test("without a capability a process takes ids that it has", () => {
  for (const [name, args, expected] of CHANGES) {
    const { task } = createUser([1, 2, 3]);
    const result = call(task, name, ...args);
    const { uid, euid, suid, fsuid } = task.credentials;
    assert.deepEqual(result < 0 ? result : [uid, euid, suid, fsuid], expected, `${name} ${args.join(" ")}`);
    const groups = createUser([1, 2, 3]).task;
    const groupResult = call(groups, name.replace("uid", "gid"), ...args);
    const { gid, egid, sgid, fsgid } = groups.credentials;
    assert.deepEqual(groupResult < 0 ? groupResult : [gid, egid, sgid, fsgid], expected, `groups: ${name}`);
  }
});

test("with CAP_SETUID or CAP_SETGID it takes any; setuid then sets all three", () => {
  const { task } = createUser([1, 2, 3], { effective: 2 ** 7, permitted: 2 ** 7 });
  assert.equal(call(task, "setgid", 9), -EPERM);
  assert.equal(call(task, "setreuid", 8, 9), 0);
  assert.equal(call(task, "setresuid", 4, 5, 6), 0);
  assert.equal(call(task, "setuid", 7), 0);
  const { uid, euid, suid } = task.credentials;
  assert.deepEqual([uid, euid, suid], [7, 7, 7]);
  const group = createUser([1, 2, 3], { effective: 2 ** 6 }).task;
  assert.equal(call(group, "setuid", 9), -EPERM);
  assert.equal(call(group, "setgid", 9), 0);
  assert.deepEqual([group.credentials.gid, group.credentials.egid, group.credentials.sgid], [9, 9, 9]);
});

test("capabilities go with the last id of root, rest with the effective one, and stay where securebits say so", () => {
  const sets = ({ task }: TestTask): number[] => [
    task.credentials.effective,
    task.credentials.permitted,
    task.credentials.ambient,
  ];
  const run = (
    ids: readonly [number, number, number],
    change: readonly [number, number, number],
    parts: Partial<Credentials> = {},
  ): number[] => {
    const user = createUser(ids, { ambient: 2, ...parts });
    assert.equal(call(user.task, "setresuid", ...change), 0);
    return sets(user);
  };
  assert.deepEqual(run([0, 0, 0], [5, 5, 5]), [0, 0, 0]);
  assert.deepEqual(run([0, 0, 0], [KEEP, 5, KEEP]), [0, ALL, 2]);
  assert.deepEqual(run([0, 5, 0], [KEEP, 0, KEEP]), [ALL, ALL, 2]);
  assert.deepEqual(run([5, 5, 0], [KEEP, KEEP, 5]), [0, 0, 0]);
  assert.deepEqual(run([0, 0, 0], [5, 5, 5], { secureBits: 0x10 }), [0, ALL, 0]);
  assert.deepEqual(run([0, 0, 0], [5, 5, 5], { secureBits: 4 }), [ALL, ALL, 2]);
});

test("setfsuid tells the old id, and takes and gives the capabilities over files", () => {
  const { task } = createUser([0, 0, 0]);
  const FILES = [0, 1, 2, 3, 4, 9, 27, 32].reduce((sum, bit) => sum + 2 ** bit, 0);
  assert.equal(call(task, "setfsuid", 7), 0);
  assert.equal(task.credentials.effective, ALL - FILES);
  assert.equal(call(task, "setfsuid", KEEP), 7);
  assert.equal(call(task, "setfsuid", 0), 7);
  assert.equal(task.credentials.effective, ALL);
  const user = createUser([1, 2, 3]).task;
  assert.equal(call(user, "setfsuid", 4), 2);
  assert.equal(user.credentials.fsuid, 2, "not an id of its own");
  assert.equal(call(user, "setfsuid", 3), 2);
  assert.equal(call(user, "setfsgid", 1), 2);
  assert.deepEqual([user.credentials.fsuid, user.credentials.fsgid], [3, 1]);
});

test("groups are set with CAP_SETGID and read as many as there are", () => {
  const { task, memory } = createUser([0, 0, 0]);
  [30, 10, 20].forEach((gid, index) => memory.storeU32(AT + index * 4, gid));
  assert.equal(call(task, "setgroups", 3, AT), 0);
  assert.equal(call(task, "getgroups", 0, 0), 3);
  assert.equal(call(task, "getgroups", 2, AT), -EINVAL);
  assert.equal(call(task, "getgroups", -1, AT), -EINVAL);
  assert.equal(call(task, "getgroups", 3, 0x7fffffff), -EFAULT);
  memory.u8.fill(0, AT, AT + 12);
  assert.equal(call(task, "getgroups", 9, AT), 3);
  assert.deepEqual([0, 4, 8].map((offset) => memory.loadU32(AT + offset)).sort(), [10, 20, 30]);
  assert.equal(call(task, "setgroups", 65537, AT), -EINVAL);
  assert.equal(call(task, "setgroups", 1, 0x7fffffff), -EFAULT);
  assert.equal(call(createUser([1, 1, 1]).task, "setgroups", 0, 0), -EPERM);
});

test("a change of identity hides the memory and forgets the parent's death; the same identity doesn't", () => {
  const { task } = createUser([0, 0, 0]);
  task.parentDeathSignal = 9;
  assert.equal(call(task, "setresuid", 0, 0, 0), 0);
  assert.deepEqual([task.group.dumpable, task.parentDeathSignal], [1, 9]);
  assert.equal(call(task, "setresuid", KEEP, 5, KEEP), 0);
  assert.deepEqual([task.group.dumpable, task.parentDeathSignal], [0, 0]);
});

const V3 = 0x20080522;

function capset({ task, memory }: TestTask, sets: readonly [number, number, number], version = V3): number {
  memory.storeU32(AT, version);
  memory.storeU32(AT + 4, 0);
  sets.forEach((set, index) => {
    memory.storeU32(AT + 8 + index * 4, set % 2 ** 32);
    memory.storeU32(AT + 20 + index * 4, Math.floor(set / 2 ** 32));
  });
  return call(task, "capset", AT, AT + 8);
}

test("capset takes away what is permitted, and gives nothing that isn't", () => {
  const user = createUser([5, 5, 5], { permitted: 2 ** 40 + 0b1100, effective: 0, inheritable: 1, ambient: 0 });
  assert.equal(capset(user, [2 ** 40 + 4, 2 ** 40 + 0b1100, 1]), 0);
  assert.equal(user.task.credentials.effective, 2 ** 40 + 4);
  assert.equal(capset(user, [1, 0b1100, 0]), -EPERM, "effective beyond permitted");
  assert.equal(capset(user, [0, 0b11100, 0]), -EPERM, "permitted beyond what was");
  assert.equal(capset(user, [0, 0b1100, 0b100000]), -EPERM, "inheritable beyond permitted");
  assert.equal(capset(user, [0, 0b0100, 0b0100]), 0);
  assert.equal(capset(user, [0, 0b1100, 0]), -EPERM);
  const setter = createUser([5, 5, 5], { permitted: 2 ** 8, effective: 2 ** 8, bounding: 2 ** 8 + 0b10 });
  assert.equal(capset(setter, [2 ** 8, 2 ** 8, 0b10]), 0, "CAP_SETPCAP gives what the bounding set has");
  assert.equal(capset(setter, [2 ** 8, 2 ** 8, 0b110]), -EPERM);
});

test("capset lets go of ambient capabilities that are no longer permitted and inheritable", () => {
  const user = createUser([5, 5, 5], { permitted: 0b111, inheritable: 0b111, ambient: 0b111 });
  assert.equal(capset(user, [0, 0b011, 0b110]), 0);
  assert.equal(user.task.credentials.ambient, 0b010);
});

test("capget shows the sets of any task in the version's words", () => {
  const user = createUser([5, 5, 5], { effective: 2 ** 33 + 1, permitted: 2 ** 34 + 2, inheritable: 2 ** 35 + 4 });
  const { task, memory } = user;
  const other = createTestTask(task.kernel, task).task;
  other.credentials = { ...task.credentials, effective: 8 };
  const words = (version: number, pid: number): number[] => {
    memory.storeU32(AT, version);
    memory.storeU32(AT + 4, pid);
    memory.u8.fill(0xee, AT + 8, AT + 32);
    assert.equal(call(task, "capget", AT, AT + 8), 0);
    return [8, 12, 16, 20, 24, 28].map((offset) => memory.loadU32(AT + offset));
  };
  assert.deepEqual(words(V3, 0), [1, 2, 4, 2, 4, 8]);
  assert.deepEqual(words(0x20071026, other.tid), [8, 2, 4, 0, 4, 8]);
  const unused = 0xeeeeeeee;
  assert.deepEqual(words(0x19980330, 0), [1, 2, 4, unused, unused, unused]);
  memory.storeU32(AT, 77);
  assert.equal(call(task, "capget", AT, AT + 8), -EINVAL);
  assert.equal(memory.loadU32(AT), V3, "the version that is known");
  memory.storeU32(AT, 77);
  assert.equal(call(task, "capget", AT, 0), 0);
  memory.storeU32(AT + 4, 999);
  assert.equal(call(task, "capget", AT, AT + 8), -ESRCH);
  memory.storeU32(AT + 4, 0xffffffff);
  assert.equal(call(task, "capget", AT, AT + 8), -EINVAL);
  memory.storeU32(AT + 4, other.tid);
  assert.equal(call(task, "capset", AT, AT + 8), -EPERM, "another's");
});

test("prlimit64 of another process wants its ids all to be one's real ones, or CAP_SYS_RESOURCE there", () => {
  const { task } = createUser([5, 6, 6]);
  const other = createTestTask(task.kernel, task).task;
  const same = createUser([5, 5, 5]).task.credentials;
  const limit = (change: Partial<Credentials>): number => {
    other.credentials = { ...same, ...change };
    return call(task, "prlimit64", other.pid, 7, 0, AT);
  };
  assert.equal(limit({}), 0);
  for (const key of ["uid", "euid", "suid", "gid", "egid", "sgid"]) assert.equal(limit({ [key]: 6 }), -EPERM, key);
  task.credentials = { ...task.credentials, effective: 2 ** CAP_SYS_RESOURCE };
  assert.equal(limit({ euid: 0 }), 0);
});
