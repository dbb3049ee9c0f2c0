/**
 * Goal: the run queue gives tasks in the order of sched(7). Method: seeded changes to it and to a plain list, whose
 * best is looked for one by one.
 */
import { SCHED_IDLE } from "@stratos/abi";
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { createTestKernel, createTestTask } from "../testing/fake-task.ts";
import { RunQueue } from "./run-queue.ts";
import type { Task } from "./task.ts";

/** The first one before which no other comes. */
function bestOf(tasks: readonly Task[]): Task {
  const key = (task: Task): number[] => [
    -task.effectivePriority,
    Number(task.effectivePriority === 0 && task.policy === SCHED_IDLE),
    task.virtualRuntime,
    task.queueArrival,
  ];
  return tasks.toSorted(
    (one, other) =>
      key(one)
        .map((part, index) => part - key(other)[index]!)
        .find((difference) => difference !== 0) ?? 0,
  )[0]!;
}

test("the best task is the same as in a list that is searched", () => {
  const { kernel } = createTestKernel();
  const tasks = Array.from({ length: 40 }, () => createTestTask(kernel).task);
  for (const task of tasks) kernel.scheduler.dequeue(task);
  const random = new SeededRandom(5);
  const queue = new RunQueue<Task>();
  const queued: Task[] = [];
  for (let step = 0; step < 5000; step++) {
    const task = tasks[random.below(tasks.length)]!;
    if (task.queueIndex < 0) {
      task.virtualRuntime = random.below(6);
      task.policy = random.below(4) === 0 ? SCHED_IDLE : 0;
      task.effectivePriority = random.below(4) === 0 ? 1 + random.below(3) : 0;
      queue.add(task);
      queued.push(task);
    } else if (random.below(3) === 0) {
      queue.remove(task);
      queued.splice(queued.indexOf(task), 1);
    } else {
      task.effectivePriority = random.below(3);
      queue.reorder(task);
    }
    assert.equal(queue.size, queued.length);
    assert.equal(queue.best()?.tid, queued.length === 0 ? undefined : bestOf(queued).tid, `step ${step}`);
    const normal = queued.filter((each) => each.effectivePriority === 0).map((each) => each.virtualRuntime);
    assert.equal(queue.leastVirtualRuntime(), Math.min(...normal));
  }
});
