/** Goal: numbers of tasks in nested pid namespaces (pid_namespaces(7)). Method: namespaces alone, no tasks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN } from "@stratos/abi";
import { NamespaceCounts } from "../security/namespace-counts.ts";
import type { NamespaceOrigin } from "../security/namespace.ts";
import { INITIAL_USER_NAMESPACE, initialOrigin } from "../security/user-namespace.ts";
import { PidNamespace } from "./pid-namespace.ts";

const MAXIMUM = 4194304;

function originIn(counts: NamespaceCounts): NamespaceOrigin {
  assert.ok(counts.charge(INITIAL_USER_NAMESPACE, 0, "pid"));
  return { ino: 1, owner: INITIAL_USER_NAMESPACE, creatorUid: 0, counts };
}

test("in the initial namespace every number is itself", () => {
  const root = new PidNamespace(null, initialOrigin("pid"));
  assert.equal(root.idOf(77), 77);
  assert.equal(root.rootIdOf(77), 77);
});

test("a task has a number in its namespace and in each above, and none beside or below", () => {
  const counts = new NamespaceCounts();
  const root = new PidNamespace(null, initialOrigin("pid"));
  const outer = new PidNamespace(root, originIn(counts));
  const inner = new PidNamespace(outer, originIn(counts));
  const beside = new PidNamespace(root, originIn(counts));
  outer.give(100, MAXIMUM);
  inner.give(101, MAXIMUM);
  inner.give(102, MAXIMUM);
  assert.deepEqual(
    [100, 101, 102].map((id) => outer.idOf(id)),
    [1, 2, 3],
  );
  assert.deepEqual(
    [100, 101, 102].map((id) => inner.idOf(id)),
    [0, 1, 2],
  );
  assert.equal(inner.rootIdOf(2), 102);
  assert.equal(outer.rootIdOf(2), 101);
  assert.equal(beside.idOf(101), 0);
  assert.equal(inner.rootIdOf(3), 0);
  assert.deepEqual([inner.level, outer.level, root.level], [2, 1, 0]);
  assert.ok(inner.isWithin(outer) && !outer.isWithin(inner) && !beside.isWithin(outer));
});

test("a number that was given back is not given again before the others, and wraps leave out the first 300", () => {
  const root = new PidNamespace(null, initialOrigin("pid"));
  const own = new PidNamespace(root, originIn(new NamespaceCounts()));
  own.give(1000, 302);
  own.give(1001, 302);
  own.take(1001);
  assert.equal(own.idOf(1001), 0);
  assert.equal(own.rootIdOf(2), 0);
  own.give(1002, 302);
  assert.equal(own.idOf(1002), 3);
  own.lastAllocated = 301;
  own.give(1003, 302);
  assert.equal(own.idOf(1003), 300);
});

test("a namespace counts until its last user is gone, and holds the one above", () => {
  const counts = new NamespaceCounts();
  counts.setLimit(INITIAL_USER_NAMESPACE, "pid", 2);
  const root = new PidNamespace(null, initialOrigin("pid"));
  const outer = new PidNamespace(root, originIn(counts)).retain();
  const inner = new PidNamespace(outer, originIn(counts)).retain();
  outer.release();
  assert.equal(counts.charge(INITIAL_USER_NAMESPACE, 0, "pid"), false);
  assert.equal(counts.charge(INITIAL_USER_NAMESPACE, 1, "pid"), true);
  inner.release();
  assert.equal(counts.charge(INITIAL_USER_NAMESPACE, 0, "pid"), true);
  assert.equal(counts.charge(INITIAL_USER_NAMESPACE, 0, "pid"), true);
});

test("when all numbers are in use there is none, here or above, and nothing stays behind", () => {
  const counts = new NamespaceCounts();
  const root = new PidNamespace(null, initialOrigin("pid"));
  const outer = new PidNamespace(root, originIn(counts));
  const inner = new PidNamespace(outer, originIn(counts));
  for (let id = 1; id < 301; id++) assert.equal(outer.give(1000 + id, 301), 0);
  assert.equal(outer.give(2000, 301), -EAGAIN);
  assert.equal(inner.give(2000, 301), -EAGAIN);
  assert.equal(inner.idOf(2000), 0);
  outer.take(1300);
  assert.equal(inner.give(2000, 301), 0);
  assert.deepEqual([inner.idOf(2000), outer.idOf(2000)], [1, 300]);
});
