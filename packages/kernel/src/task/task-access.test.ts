/**
 * Goal: who may look into another process, as ptrace(2), "Ptrace access mode checking", has it. Method: two processes
 * whose credentials are changed one by one.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CAP_SYS_PTRACE, EACCES } from "@stratos/abi";
import { type Credentials, ROOT } from "../security/credentials.ts";
import { INITIAL_USER_NAMESPACE, UserNamespace } from "../security/user-namespace.ts";
import { createTestKernel, createTestTask } from "../testing/fake-task.ts";
import { type AskedIds, mayInspect } from "./task-access.ts";

const TRACER = 2 ** CAP_SYS_PTRACE;
const { kernel } = createTestKernel();

function ids(id: number, parts: Partial<Credentials> = {}): Credentials {
  const users = { uid: id, euid: id, suid: id, fsuid: id };
  return { ...ROOT, ...users, gid: id, egid: id, sgid: id, fsgid: id, effective: 0, permitted: 0, ...parts };
}

function namespaceOf(creator: number): UserNamespace {
  const origin = { ino: 1, counts: null };
  return new UserNamespace(INITIAL_USER_NAMESPACE, origin, { uid: creator, gid: creator, mayMapRoot: false });
}

interface Hidden {
  readonly dumpable?: number;
  readonly memoryNamespace?: UserNamespace;
  readonly state?: "Z";
}

function inspect(own: Credentials, other: Credentials, mode: AskedIds = "real", hidden: Hidden = {}): number {
  const caller = createTestTask(kernel).task;
  const target = createTestTask(kernel).task;
  caller.credentials = own;
  target.credentials = other;
  const { state, ...rest } = hidden;
  Object.assign(target.group, rest);
  if (state !== undefined) target.state = state;
  return mayInspect(caller, target, mode);
}

test("each id of the target must be the caller's: that of files for /proc, the real one for a call", () => {
  assert.equal(inspect(ids(5), ids(5)), 0);
  for (const key of ["uid", "euid", "suid", "gid", "egid", "sgid"])
    assert.equal(inspect(ids(5), ids(5, { [key]: 6 })), -EACCES, key);
  assert.equal(inspect(ids(5, { fsuid: 6 }), ids(5), "real"), 0);
  assert.equal(inspect(ids(5, { fsuid: 6 }), ids(5), "fs"), -EACCES);
  assert.equal(inspect(ids(5, { uid: 6 }), ids(5), "real"), -EACCES);
  assert.equal(inspect(ids(5, { gid: 6 }), ids(5), "fs"), 0);
  assert.equal(inspect(ids(6, { effective: TRACER }), ids(5)), 0);
});

test("who has more capabilities isn't looked into by who has less, though the ids are the same", () => {
  const able = ids(5, { permitted: 2 });
  assert.equal(inspect(ids(5), able), -EACCES);
  assert.equal(inspect(able, able, "real"), 0);
  assert.equal(inspect(able, able, "fs"), -EACCES, "files ask for the effective ones");
  assert.equal(inspect(ids(5, { effective: TRACER }), able), 0);
});

test("another user namespace is looked into by its maker, and by nobody from inside it", () => {
  const inside = (creator: number): Credentials => ids(5, { ...ROOT, ...ids(5), userNamespace: namespaceOf(creator) });
  assert.equal(inspect(ids(5), inside(5)), 0);
  assert.equal(inspect(ids(5), inside(6)), -EACCES, "the same ids in a namespace that another made");
  const able = { ...inside(5), effective: TRACER, permitted: TRACER };
  assert.equal(inspect(able, ids(5)), -EACCES);
});

test("what isn't dumpable is shown to tracers over the namespace of its memory, and a zombie has none", () => {
  const dumpable = 0;
  assert.equal(inspect(ids(5), ids(5), "fs", { dumpable }), -EACCES);
  assert.equal(inspect(ids(5), ids(5), "fs", { dumpable: 2 }), -EACCES, "its core is root's alone");
  assert.equal(inspect(ids(5, { effective: TRACER }), ids(5), "fs", { dumpable }), 0);
  assert.equal(inspect(ids(5), ids(5), "fs", { dumpable, state: "Z" }), 0);
  const userNamespace = namespaceOf(9);
  const able = ids(5, { userNamespace, effective: TRACER });
  const target = ids(5, { userNamespace });
  assert.equal(inspect(able, target, "fs", { dumpable }), -EACCES, "its memory came from above");
  assert.equal(inspect(able, target, "fs", { dumpable, memoryNamespace: userNamespace }), 0);
});

test("threads of one process look into each other whatever their ids", () => {
  const { task } = createTestTask(kernel);
  const other = createTestTask(kernel).task;
  task.group.dumpable = 0;
  other.group = task.group;
  other.credentials = ids(7);
  assert.equal(mayInspect(other, task, "real"), 0);
});
