/**
 * Goal: FUTEX_WAKE_OP, requeues, waits for several words, and the robust list of a thread that ends (futex(2),
 * futex_waitv(2), set_robust_list(2)). Method: threads over one page; system calls by name.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOSYS,
  EPERM,
  ESRCH,
  ETIMEDOUT,
  FUTEX_CMP_REQUEUE,
  FUTEX_REQUEUE,
  FUTEX_WAIT,
  FUTEX_WAKE,
  FUTEX_WAKE_OP,
} from "@stratos/abi";
import { advance, type Call, createTestTask } from "../testing/fake-task.ts";
import { begin, call } from "../testing/system-calls.ts";
import { createThreads } from "../testing/thread-tasks.ts";
import { exitTask } from "./exit.ts";
import type { Task } from "./task.ts";

/** FUTEX_OP of futex(2). */
const encode = (operation: number, argument: number, comparison: number, against: number): number =>
  (operation << 28) | (comparison << 24) | ((argument & 0xfff) << 12) | (against & 0xfff);

test("FUTEX_WAKE_OP changes the second word in the way that is asked for", () => {
  const { space, page, leader } = createThreads(0);
  const cases: [operation: number, argument: number, before: number, after: number][] = [
    [0, 5, 77, 5],
    [1, 5, 77, 82],
    [1, -3, 1, 0xfffffffe],
    [2, 0b0110, 0b1100, 0b1110],
    [3, 0b0110, 0b1100, 0b1000],
    [4, 0b0110, 0b1100, 0b1010],
    // FUTEX_OP_ARG_SHIFT: one bit, by its number.
    [8 | 2, 4, 1, 17],
    [8 | 0, 31, 1, 0x80000000],
  ];
  for (const [operation, argument, before, after] of cases) {
    space.storeU32(page + 4, before);
    assert.equal(call(leader, "futex", page, FUTEX_WAKE_OP, 1, 1, page + 4, encode(operation, argument, 0, 0)), 0);
    assert.equal(space.loadU32(page + 4), after, `operation ${operation}`);
  }
  assert.equal(call(leader, "futex", page, FUTEX_WAKE_OP, 1, 1, page + 4, encode(5, 0, 0, 0)), -ENOSYS);
  assert.equal(call(leader, "futex", page, FUTEX_WAKE_OP, 1, 1, page + 4, encode(0, 0, 6, 0)), -ENOSYS);
  assert.equal(call(leader, "futex", page, FUTEX_WAKE_OP, 1, 1, 64, encode(0, 0, 0, 0)), -EFAULT);
});

test("FUTEX_WAKE_OP wakes on the second word only if its old value compares", () => {
  const comparisons: ((value: number, against: number) => boolean)[] = [
    (value, against) => value === against,
    (value, against) => value !== against,
    (value, against) => value < against,
    (value, against) => value <= against,
    (value, against) => value > against,
    (value, against) => value >= against,
  ];
  for (const [comparison, holds] of comparisons.entries())
    for (const value of [-2, -1, 0, 1]) {
      const { space, page, tasks, leader } = createThreads(3);
      space.storeU32(page + 4, value >>> 0);
      const first = [0, 1].map((index) => begin(tasks[index]!, "futex", page, FUTEX_WAIT, 0));
      const second = begin(tasks[2]!, "futex", page + 4, FUTEX_WAIT, value >>> 0);
      const woken = call(leader, "futex", page, FUTEX_WAKE_OP, 1, 1, page + 4, encode(0, 9, comparison, -1));
      const isSecond = holds(value, -1);
      assert.equal(woken, isSecond ? 2 : 1, `comparison ${comparison} of ${value}`);
      assert.deepEqual(
        [...first, second].map((each) => each.resume()),
        [0, null, isSecond ? 0 : null],
      );
    }
});

test("a requeue wakes some and moves as many others as it says to the second word, in their order", () => {
  const { page, tasks, leader } = createThreads(4);
  const calls = tasks.map((task) => begin(task, "futex", page, FUTEX_WAIT, 0));
  assert.equal(call(leader, "futex", page, FUTEX_CMP_REQUEUE, 1, 2, page + 4, 1), -EAGAIN);
  assert.equal(call(leader, "futex", page, FUTEX_CMP_REQUEUE, 1, 2, page + 4, 0), 3);
  assert.deepEqual(
    calls.map((each) => each.resume()),
    [0, null, null, null],
  );
  assert.equal(call(leader, "futex", page + 4, FUTEX_WAKE, 1), 1);
  assert.deepEqual(
    calls.map((each) => each.resume()),
    [0, 0, null, null],
  );
  // FUTEX_REQUEUE counts those that it woke only, and nothing moves to where it is.
  assert.equal(call(leader, "futex", page + 4, FUTEX_REQUEUE, 0, 1, page + 8), 0);
  assert.equal(call(leader, "futex", page, FUTEX_REQUEUE, 0, 1, page), 0);
  assert.equal(call(leader, "futex", page + 4, FUTEX_WAKE, 9), 0);
  assert.equal(call(leader, "futex", page + 8, FUTEX_WAKE, 9), 1);
  assert.equal(call(leader, "futex", page, FUTEX_WAKE, 9), 1);
  assert.deepEqual(
    calls.map((each) => each.resume()),
    [0, 0, 0, 0],
  );
  assert.equal(call(leader, "futex", page, FUTEX_REQUEUE, -1, 1, page + 4), -EINVAL);
});

test("a word outside memory, one that lies askew, and a bitset without bits are refused", () => {
  const { page, leader } = createThreads(0);
  assert.equal(call(leader, "futex", 64, FUTEX_WAIT, 0), -EFAULT);
  assert.equal(call(leader, "futex", 64, FUTEX_WAIT | 128, 0), -EFAULT);
  assert.equal(call(leader, "futex", page + 2, FUTEX_WAIT, 0), -EINVAL);
  assert.equal(call(leader, "futex", page, 9, 0, 0, 0, 0), -EINVAL);
  assert.equal(call(leader, "futex", page, 10, 1, 0, 0, 0), -EINVAL);
});

test("a wait for several words tells which one was woken, ends in time, and leaves nothing behind", () => {
  const { test, space, page, tasks, leader } = createThreads(1);
  const [task] = tasks as [Task];
  const vector = page + 512;
  [0, 4, 8].forEach((offset, index) => {
    space.storeU64(vector + index * 24, 0);
    space.storeU64(vector + index * 24 + 8, page + offset);
    space.storeU64(vector + index * 24 + 16, 2);
  });
  const wait = (timeout = 0): Call => begin(task, "futex_waitv", vector, 3, 0, timeout, 1);
  const woken = wait();
  assert.equal(call(leader, "futex", page + 4, FUTEX_WAKE, 9), 1);
  assert.equal(woken.resume(), 1);
  assert.equal(call(leader, "futex", page, FUTEX_WAKE, 9), 0);

  const deadline = test.kernel.now() + 1e6;
  space.storeU64(page + 1024, Math.floor(deadline / 1e9));
  space.storeU64(page + 1032, deadline % 1e9);
  const late = wait(page + 1024);
  assert.ok(late.isBlocked);
  advance(test, 2);
  assert.equal(late.resume(), -ETIMEDOUT);
  assert.equal(call(leader, "futex", page + 8, FUTEX_WAKE, 9), 0);
  space.storeU32(page + 8, 1);
  assert.equal(wait().result, -EAGAIN);
  assert.equal(call(task, "futex_waitv", vector, 0, 0, 0, 0), -EINVAL);
  assert.equal(call(task, "futex_waitv", vector, 129, 0, 0, 0), -EINVAL);
});

test("locks that a thread holds when it ends are marked, and one waiter of each goes on", () => {
  const { space, page, tasks, leader } = createThreads(3);
  const [dying, waiter, other] = tasks as [Task, Task, Task];
  // The words lie 16 bytes behind their entries: 64 and 128 in the list, 192 about to be locked, 256 another's.
  const head = page + 1024;
  const word = (entry: number): number => page + entry + 16;
  space.storeU64(head, page + 64);
  space.storeU64(head + 8, 16);
  space.storeU64(head + 16, page + 192);
  space.storeU64(page + 64, page + 128);
  space.storeU64(page + 128, page + 256);
  space.storeU64(page + 256, head);
  for (const entry of [64, 192]) space.storeU32(word(entry), dying.tid);
  space.storeU32(word(128), dying.tid + 0x80000000);
  space.storeU32(word(256), other.tid);
  assert.equal(call(dying, "set_robust_list", head, 24), 0);
  assert.equal(call(dying, "set_robust_list", head, 23), -EINVAL);
  const waits = [waiter, other].map((task) => begin(task, "futex", word(128), FUTEX_WAIT, dying.tid + 0x80000000));
  exitTask(dying, 0);
  assert.deepEqual(
    [64, 128, 192, 256].map((entry) => space.loadU32(word(entry))),
    [0x40000000, 0xc0000000, 0x40000000, other.tid],
  );
  assert.deepEqual(
    waits.map((each) => each.resume()),
    [0, null],
  );
  assert.equal(call(leader, "get_robust_list", dying.tid, page, page + 8), -ESRCH);
});

test("a robust list in a circle ends, and its address is told to who may look", () => {
  const { kernel, space, page, tasks, leader } = createThreads(1);
  const [dying] = tasks as [Task];
  space.storeU64(page + 1024, page + 64);
  space.storeU64(page + 64, page + 64);
  call(dying, "set_robust_list", page + 1024, 24);
  assert.equal(call(leader, "get_robust_list", dying.tid, page, page + 8), 0);
  assert.deepEqual([space.loadU64(page), space.loadU64(page + 8)], [page + 1024, 24]);
  assert.equal(call(leader, "get_robust_list", dying.tid, 64, page + 8), -EFAULT);
  const stranger = createTestTask(kernel).task;
  stranger.credentials = { ...leader.credentials, uid: 5, euid: 5, suid: 5, fsuid: 5, effective: 0 };
  assert.equal(call(stranger, "get_robust_list", dying.tid, 0x100, 0x108), -EPERM);
  exitTask(dying, 0);
  assert.equal(dying.state, "X");
});

test("a thread that ends clears its id and wakes who joins it", () => {
  const { space, page, tasks } = createThreads(2);
  const [ending, joining] = tasks as [Task, Task];
  assert.equal(call(ending, "set_tid_address", page), ending.tid);
  space.storeU32(page, ending.tid);
  const join = begin(joining, "futex", page, FUTEX_WAIT, ending.tid);
  exitTask(ending, 0);
  assert.equal(space.loadU32(page), 0);
  assert.equal(join.resume(), 0);
});
