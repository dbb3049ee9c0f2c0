/**
 * Goal: mutexes with priority inheritance go to the right thread, and their owner runs as urgently as who waits
 * (futex(2), "Priority-inheritance futexes"). Method: threads over one page; calls that wait are executed again, as the
 * run loop would.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EDEADLK, EFAULT, EINVAL, EPERM, ESRCH, ETIMEDOUT } from "@stratos/abi";
import { advance, Call } from "../testing/fake-task.ts";
import { createThreads, type Threads } from "../testing/thread-tasks.ts";
import { exitTask } from "./exit.ts";
import { piLock, piTryLock, piUnlock } from "./pi-futex.ts";
import type { Task } from "./task.ts";

const WAITERS = 0x80000000,
  OWNER_DIED = 0x40000000;

const lock = (task: Task, word: number, deadlineNs = Infinity): Call =>
  new Call(task, () => piLock(task, word, deadlineNs, false));

/** Threads with these real-time priorities. */
function threads(...priorities: number[]): Threads & { word: number } {
  const made = createThreads(priorities.length);
  priorities.forEach((priority, index) => {
    made.tasks[index]!.realtimePriority = made.tasks[index]!.effectivePriority = priority;
  });
  return { ...made, word: made.page };
}

test("who finds the word free owns it; the owner alone gives it back", () => {
  const { tasks, space, word } = threads(0, 0);
  const [one, other] = tasks as [Task, Task];
  assert.equal(lock(one, word).result, 0);
  assert.equal(space.loadU32(word), one.tid);
  assert.equal(piTryLock(other, word, false), -EAGAIN);
  assert.equal(piUnlock(other, word, false), -EPERM);
  assert.equal(piUnlock(one, word, false), 0);
  assert.equal(space.loadU32(word), 0);
  assert.equal(piTryLock(other, word, false), 0);
  assert.equal(space.loadU32(word), other.tid);
});

test("the word goes to the most urgent waiter, to the first of equals, and tells whether others wait", () => {
  const { tasks, space, word } = threads(0, 10, 30, 30);
  const [owner, low, first, second] = tasks as [Task, Task, Task, Task];
  lock(owner, word);
  const calls = [low, first, second].map((task) => lock(task, word));
  assert.ok(calls.every((each) => each.isBlocked));
  assert.equal(space.loadU32(word), owner.tid + WAITERS);
  assert.equal(piUnlock(owner, word, false), 0);
  assert.deepEqual(
    calls.map((each) => each.resume()),
    [null, 0, null],
  );
  assert.equal(space.loadU32(word), first.tid + WAITERS);
  piUnlock(first, word, false);
  assert.deepEqual(
    calls.map((each) => each.resume()),
    [null, 0, 0],
  );
  piUnlock(second, word, false);
  assert.equal(calls[0]!.resume(), 0);
  assert.equal(space.loadU32(word), low.tid);
});

test("an owner runs with the priority of its most urgent waiter, through a chain of owners, and only as long", () => {
  const { tasks, page } = threads(1, 5, 40);
  const [holder, middle, urgent] = tasks as [Task, Task, Task];
  const [inner, outer] = [page, page + 4];
  lock(holder, inner);
  lock(middle, outer);
  const waitsForInner = lock(middle, inner);
  assert.equal(holder.effectivePriority, 5);
  lock(urgent, outer);
  assert.deepEqual([holder.effectivePriority, middle.effectivePriority], [40, 40]);
  piUnlock(holder, inner, false);
  assert.equal(waitsForInner.resume(), 0);
  assert.deepEqual([holder.effectivePriority, middle.effectivePriority], [1, 40]);
  piUnlock(middle, outer, false);
  assert.equal(middle.effectivePriority, 5);
});

test("a wait that would never end is refused: for one's own word, in a circle, for an owner that is gone", () => {
  const { tasks, space, page } = threads(0, 0);
  const [one, other] = tasks as [Task, Task];
  lock(one, page);
  lock(other, page + 4);
  assert.equal(lock(one, page).result, -EDEADLK);
  assert.ok(lock(one, page + 4).isBlocked);
  assert.equal(lock(other, page).result, -EDEADLK);
  space.storeU32(page + 8, 99_999);
  assert.equal(lock(other, page + 8).result, -ESRCH);
  assert.equal(lock(other, 16).result, -EFAULT);
});

test("a time limit ends the wait, and the owner is as urgent as before", () => {
  const { test, kernel, tasks, word } = threads(3, 20);
  const [owner, waiter] = tasks as [Task, Task];
  lock(owner, word);
  const waiting = lock(waiter, word, kernel.now() + 1e6);
  assert.equal(owner.effectivePriority, 20);
  advance(test, 2);
  assert.equal(waiting.resume(), -ETIMEDOUT);
  assert.equal(owner.effectivePriority, 3);
  assert.equal(piUnlock(owner, word, false), 0);
});

test("what a thread that ends holds goes to who waits, marked; who waits and ends is forgotten", () => {
  const { tasks, space, word } = threads(0, 7, 9);
  const [owner, heir, leaver] = tasks as [Task, Task, Task];
  lock(owner, word);
  const waiting = lock(heir, word);
  lock(leaver, word);
  assert.equal(owner.effectivePriority, 9);
  exitTask(leaver, 0);
  assert.equal(owner.effectivePriority, 7);
  exitTask(owner, 0);
  assert.equal(waiting.resume(), 0);
  assert.equal(space.loadU32(word), heir.tid + OWNER_DIED);
});

test("a word that the program rewrote while somebody waits is refused, and its owner stays who it was", () => {
  const { tasks, space, word } = threads(1, 20, 30, 0);
  const [owner, waiter, liar, other] = tasks as [Task, Task, Task, Task];
  lock(owner, word);
  const waiting = lock(waiter, word);
  for (const written of [liar.tid, 0, OWNER_DIED, 99_999]) {
    space.storeU32(word, written);
    assert.equal(lock(other, word).result, -EINVAL, `${written} was written`);
    assert.equal(piTryLock(other, word, false), -EINVAL);
  }
  space.storeU32(word, liar.tid);
  assert.equal(piUnlock(owner, word, false), -EPERM);
  assert.equal(piUnlock(liar, word, false), -EINVAL);
  assert.equal(owner.effectivePriority, 20);
  space.storeU32(word, owner.tid + WAITERS);
  assert.equal(piUnlock(owner, word, false), 0);
  assert.equal(waiting.resume(), 0);
  assert.deepEqual([owner.effectivePriority, liar.effectivePriority], [1, 30]);
});

test("no circle of owners is closed by a rewritten word, and who meets the chain comes to its end", () => {
  const { tasks, space, page } = threads(0, 0, 0, 0, 0);
  const [one, two, three, four, waiter] = tasks as [Task, Task, Task, Task, Task];
  const [a, b, c] = [page, page + 4, page + 8];
  lock(one, a);
  assert.ok(lock(waiter, a).isBlocked);
  lock(two, b);
  assert.ok(lock(one, b).isBlocked);
  space.storeU32(a, three.tid);
  assert.equal(lock(two, a).result, -EINVAL);
  space.storeU32(c, one.tid);
  assert.ok(lock(four, c).isBlocked);
});

test("a chain of more owners than Linux follows is refused", () => {
  const longest = 1024;
  const { tasks, page } = createThreads(longest + 2, 8192);
  const waits = tasks.map((task, at) => {
    assert.equal(lock(task, page + at * 4).result, 0);
    return at === 0 ? null : lock(task, page + (at - 1) * 4);
  });
  assert.ok(waits[longest]!.isBlocked);
  assert.equal(waits[longest + 1]!.result, -EDEADLK);
});

test("a thread that ends gives away its own words alone", () => {
  const { tasks, space, page } = threads(0, 0, 0, 0);
  const [one, other, first, second] = tasks as [Task, Task, Task, Task];
  lock(one, page);
  lock(other, page + 4);
  const [ofOne, ofOther] = [lock(first, page), lock(second, page + 4)];
  exitTask(one, 0);
  assert.deepEqual([ofOne.resume(), ofOther.resume()], [0, null]);
  assert.equal(space.loadU32(page + 4), other.tid + WAITERS);
  assert.equal(piUnlock(other, page + 4, false), 0);
  assert.equal(ofOther.resume(), 0);
});
