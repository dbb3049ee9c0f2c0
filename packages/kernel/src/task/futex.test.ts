/**
 * Goal: who is woken, by number and by bitset. Method: threads over one page of real memory; calls that wait are
 * executed again, as the run loop would.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, ETIMEDOUT } from "@stratos/abi";
import { Call } from "../testing/fake-task.ts";
import { createThreads } from "../testing/thread-tasks.ts";
import { futexRequeue, futexWait, futexWake, keyOf } from "./futex.ts";
import type { Task } from "./task.ts";

const ANY = 0xffffffff;

function threads(count: number): { word: number; space: Task["space"]; tasks: Task[] } {
  const { page, space, tasks } = createThreads(count);
  assert.equal(space.storeU32(page, 7), 0);
  return { word: page, space, tasks };
}

const waiting = (task: Task, word: number, bitset: number, deadlineNs = Infinity): Call =>
  new Call(task, () => futexWait(task, word, 7, bitset, deadlineNs, false));

test("a wake with a bitset wakes the waiters that share a bit with it, and no others", () => {
  const { word, space, tasks } = threads(3);
  const calls = [waiting(tasks[0]!, word, 1), waiting(tasks[1]!, word, 2), waiting(tasks[2]!, word, 3)];
  assert.equal(futexWake(space, word, 9, 4, false), 0);
  assert.deepEqual(
    calls.map((call) => call.resume()),
    [null, null, null],
  );
  assert.equal(futexWake(space, word, 9, 2, false), 2);
  assert.deepEqual(
    calls.map((call) => call.resume()),
    [null, 0, 0],
  );
  assert.equal(futexWake(space, word, 9, 2, false), 0);
  assert.equal(futexWake(space, word, 9, ANY, false), 1);
  assert.equal(calls[0]!.resume(), 0);
});

test("a wake takes as many as it says, in the order they came", () => {
  const { word, space, tasks } = threads(3);
  const calls = tasks.map((task) => waiting(task, word, ANY));
  assert.equal(futexWake(space, word, 2, ANY, false), 2);
  assert.deepEqual(
    calls.map((call) => call.resume()),
    [0, 0, null],
  );
});

test("real-time tasks are woken before others, the most urgent first, and so where they are moved to", () => {
  const { word, space, tasks } = threads(4);
  [0, 5, 0, 9].forEach((priority, index) => (tasks[index]!.realtimePriority = priority));
  const calls = tasks.map((task) => waiting(task, word, ANY));
  assert.equal(futexWake(space, word, 2, ANY, false), 2);
  assert.deepEqual(
    calls.map((call) => call.resume()),
    [null, 0, null, 0],
  );
  tasks[2]!.realtimePriority = 1;
  assert.deepEqual(
    futexRequeue(space, keyOf(space, word, false), keyOf(space, word + 4, false), { wake: 0, move: 2 }),
    { woken: 0, moved: 2 },
  );
  assert.equal(futexWake(space, word + 4, 1, ANY, false), 1);
  assert.deepEqual([calls[0]!.resume(), calls[2]!.resume()], [null, 0]);
});

test("a word that has changed isn't waited for, and a time limit ends a wait", () => {
  const { word, tasks } = threads(1);
  const [task] = tasks as [Task];
  assert.equal(new Call(task, () => futexWait(task, word, 8, ANY, Infinity, false)).result, -EAGAIN);
  assert.equal(waiting(task, word, ANY, 0).result, -ETIMEDOUT);
});
