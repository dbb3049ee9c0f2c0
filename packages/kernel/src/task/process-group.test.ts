/**
 * Goal: who may put a process into which group (setpgid(2)), and who gets the children of one that ends. Method:
 * processes without a processor call.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, EINVAL, EPERM, ESRCH } from "@stratos/abi";
import { createTestKernel, createTestTask } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";
import type { Task } from "./task.ts";

const PR_SET_CHILD_SUBREAPER = 36;

/** A process, its child, and that one's child. */
function line(): { shell: Task; child: Task; grandchild: Task } {
  const { kernel } = createTestKernel();
  // Its parent leads the session.
  const { task: shell } = createTestTask(kernel, createTestTask(kernel).task);
  const { task: child } = createTestTask(kernel, shell);
  const { task: grandchild } = createTestTask(kernel, child);
  return { shell, child, grandchild };
}

test("a process moves itself and its own children between groups of its session, and nobody else", () => {
  const { shell, child, grandchild } = line();
  assert.equal(call(shell, "setpgid", child.pid, 0), 0);
  assert.equal(call(shell, "getpgid", child.pid), child.pid);
  assert.equal(call(shell, "setpgid", 0, child.pid), 0);
  assert.equal(call(shell, "getpgid", 0), child.pid);
  assert.equal(call(shell, "setpgid", grandchild.pid, 0), -ESRCH, "a child's child");
  assert.equal(call(child, "setpgid", shell.pid, 0), -ESRCH, "a parent");
  assert.equal(call(shell, "setpgid", 54321, 0), -ESRCH);
  assert.equal(call(shell, "setpgid", child.pid, -1), -EINVAL);
  assert.equal(call(shell, "setpgid", child.pid, 54321), -EPERM, "no such group");
  child.group.hasExecuted = true;
  assert.equal(call(shell, "setpgid", child.pid, 0), -EACCES, "it runs a program of its own");
  assert.equal(call(child, "setpgid", 0, 0), 0);
});

test("who leads a session stays, and children in another session are out of reach", () => {
  const { shell, child } = line();
  assert.equal(call(child, "setsid"), child.pid);
  assert.equal(call(child, "setpgid", 0, 0), -EPERM);
  assert.equal(call(shell, "setpgid", child.pid, 0), -EPERM);
  assert.equal(call(child, "setsid"), -EPERM, "once more");
});

test("orphans go to the nearest subreaper, else to the first process", () => {
  const { shell, child, grandchild } = line();
  const { task: other } = createTestTask(shell.kernel, grandchild);
  const first = createTestTask(shell.kernel).task.group;
  shell.group.pidNamespace.init = first;
  assert.equal(call(shell, "prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
  call(child, "exit_group", 0);
  assert.equal(grandchild.group.parent?.pid, shell.pid);
  assert.equal(call(shell, "prctl", PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
  call(grandchild, "exit_group", 0);
  assert.equal(other.group.parent?.pid, first.pid);
});
