/**
 * Goal: who gets the hart, and who takes it from whom (sched(7)). Method: tasks without a processor are made runnable
 * beside one that has the hart.
 */
import { SCHED_FIFO, SCHED_IDLE, SCHED_OTHER } from "@stratos/abi";
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kernel } from "./kernel-state.ts";
import { advance, createTestKernel, createTestTask, type TestKernel } from "../testing/fake-task.ts";
import type { Task } from "./task.ts";
import { WaitQueue } from "../ground/wait-queue.ts";

function createTask(kernel: Kernel, parts: Partial<Task> = {}): Task {
  return Object.assign(createTestTask(kernel).task, parts);
}

/** A task that sleeps in the queue. */
function sleeper(kernel: Kernel, queue: WaitQueue, parts: Partial<Task> = {}): Task {
  const task = createTask(kernel, { state: "S", ...parts });
  task.waitOn(queue);
  return task;
}

function withCurrent(parts: Partial<Task> = {}): TestKernel & { current: Task } {
  const test = createTestKernel();
  const current = createTask(test.kernel, parts);
  test.kernel.scheduler.current = current;
  return { ...test, current };
}

test("real-time tasks come by priority, then who had least of the hart, idle ones last, each once", () => {
  const { kernel } = createTestKernel();
  const { scheduler } = kernel;
  const names = {
    idle: createTask(kernel, { policy: SCHED_IDLE }),
    hungry: createTask(kernel, { virtualRuntime: 1e6 }),
    fed: createTask(kernel, { virtualRuntime: 9e6 }),
    urgent: createTask(kernel, { policy: SCHED_FIFO, effectivePriority: 50 }),
    pressing: createTask(kernel, { policy: SCHED_FIFO, effectivePriority: 10 }),
  };
  for (const task of Object.values(names)) scheduler.enqueue(task);
  scheduler.enqueue(names.fed);
  assert.equal(scheduler.runnableCount, 5);
  const nameOf = (task: Task | null): string | undefined =>
    Object.entries(names).find(([, each]) => each === task)?.[0];
  const order = Array.from({ length: 5 }, () => nameOf(scheduler.pick()));
  assert.deepEqual(order, ["urgent", "pressing", "hungry", "fed", "idle"]);
  assert.equal(scheduler.pick()?.tid, undefined);
  assert.equal(scheduler.hasRunnable, false);
});

test("a task that is woken takes the hart if its priority is higher, or if it had far less of it", () => {
  const cases: [current: Partial<Task>, woken: Partial<Task>, switches: boolean][] = [
    [{}, { effectivePriority: 1 }, true],
    [{ effectivePriority: 2 }, { effectivePriority: 1 }, false],
    [{ effectivePriority: 2 }, { effectivePriority: 2 }, false],
    [{ effectivePriority: 2, virtualRuntime: 50e6 }, {}, false],
    [{ virtualRuntime: 50e6 }, { virtualRuntime: 39e6 }, true],
    [{ virtualRuntime: 50e6 }, { virtualRuntime: 41e6 }, false],
    [{ virtualRuntime: 50e6 }, { policy: SCHED_IDLE }, false],
  ];
  for (const [index, [running, woken, switches]] of cases.entries()) {
    const { kernel } = withCurrent(running);
    const task = createTask(kernel, woken);
    kernel.scheduler.enqueue(task);
    assert.equal(kernel.scheduler.mustSwitch, switches, `case ${index}`);
    assert.equal(kernel.scheduler.hasRunnable, true);
  }
});

test("a gentle wake-up leaves the hart to who works piece by piece, but not from a real-time task", () => {
  const queue = new WaitQueue();
  const { kernel } = withCurrent({ virtualRuntime: 50e6 });
  const { scheduler } = kernel;
  sleeper(kernel, queue);
  scheduler.wakeGently(queue, 1);
  assert.deepEqual([scheduler.runnableCount, scheduler.mustSwitch], [1, false]);
  sleeper(kernel, queue);
  queue.wakeAll();
  assert.equal(scheduler.mustSwitch, true);

  const other = withCurrent();
  sleeper(other.kernel, queue, { effectivePriority: 1 });
  other.kernel.scheduler.wakeGently(queue, 1);
  assert.equal(other.kernel.scheduler.mustSwitch, true);
});

test("a real-time task that never sleeps leaves others a twentieth, one that sleeps has the hart when it wakes", () => {
  const { kernel } = createTestKernel();
  const { scheduler } = kernel;
  const greedy = createTask(kernel, { policy: SCHED_FIFO, effectivePriority: 50 });
  const other = createTask(kernel);
  const had = new Map([greedy, other].map((task) => [task, 0]));
  scheduler.enqueue(greedy);
  scheduler.enqueue(other);
  for (let slice = 0; slice < 5000; slice++) {
    const task = scheduler.pick()!;
    had.set(task, had.get(task)! + 1);
    scheduler.turnEnded(task, 2e6);
    scheduler.enqueue(task);
  }
  assert.equal(had.get(other), 250);

  // As soon as the others have had their part, and while none of them waits, it is as ever.
  while (scheduler.pick() === greedy) {
    scheduler.turnEnded(greedy, 2e6);
    scheduler.enqueue(greedy);
  }
  scheduler.current = other;
  scheduler.dequeue(greedy);
  scheduler.enqueue(greedy);
  assert.equal(scheduler.mustSwitch, false, "in the others' part nobody takes the hart from them");
  scheduler.turnEnded(other, 50e6);
  scheduler.dequeue(greedy);
  scheduler.enqueue(greedy);
  assert.equal(scheduler.mustSwitch, true);
  scheduler.current = null;
  for (let slice = 0; slice < 1000; slice++) {
    assert.equal(scheduler.pick(), greedy);
    scheduler.turnEnded(greedy, 2e6);
    scheduler.enqueue(greedy);
  }
  scheduler.enqueue(other);
  assert.equal(scheduler.pick(), greedy, "what it had while nobody waited does not count");
});

test("sched_rt_runtime_us says what others are left, and −1 leaves them nothing", () => {
  for (const [runtimeUs, others] of [
    [500_000, 250],
    [-1, 0],
  ]) {
    const { kernel } = createTestKernel();
    const { scheduler } = kernel;
    scheduler.realtimeRuntimeUs = runtimeUs!;
    const greedy = createTask(kernel, { policy: SCHED_FIFO, effectivePriority: 50 });
    const other = createTask(kernel);
    scheduler.enqueue(greedy);
    scheduler.enqueue(other);
    let had = 0;
    for (let slice = 0; slice < 500; slice++) {
      const task = scheduler.pick()!;
      if (task === other) had++;
      scheduler.turnEnded(task, 2e6);
      scheduler.enqueue(task);
    }
    assert.equal(had, others);
  }
});

test("what others had before a real-time task came is no part of their twentieth", () => {
  const { kernel } = createTestKernel();
  const { scheduler } = kernel;
  const greedy = createTask(kernel, { policy: SCHED_FIFO, effectivePriority: 50 });
  const other = createTask(kernel);
  scheduler.turnEnded(other, 49e6);
  scheduler.enqueue(greedy);
  scheduler.enqueue(other);
  let others = 0;
  for (let slice = 0; slice < 500; slice++) {
    const task = scheduler.pick()!;
    if (task === other) others++;
    scheduler.turnEnded(task, 2e6);
    scheduler.enqueue(task);
  }
  assert.equal(others, 25);
});

test("who drives the machine is told when a task becomes runnable and none has the hart", () => {
  const { kernel } = createTestKernel();
  let told = 0;
  kernel.onRunnable = () => void told++;
  kernel.scheduler.enqueue(createTask(kernel));
  assert.equal(told, 1);
  kernel.scheduler.current = createTask(kernel);
  kernel.scheduler.enqueue(createTask(kernel));
  assert.equal(told, 1);
});

/** Turns of 2 ms. @returns how many each task had */
function takeTurns(kernel: Kernel, turns: number, turnOver: (task: Task) => void): Map<Task, number> {
  const { scheduler } = kernel;
  const had = new Map<Task, number>();
  for (let turn = 0; turn < turns; turn++) {
    const task = scheduler.pick()!;
    scheduler.begin(task);
    had.set(task, (had.get(task) ?? 0) + 1);
    scheduler.turnEnded(task, 2e6);
    turnOver(task);
    scheduler.current = null;
  }
  return had;
}

test("who computed long and slept a moment has its part beside those that slept all the time before", () => {
  const { kernel } = createTestKernel();
  const { scheduler } = kernel;
  const busy = createTask(kernel);
  const sleepers = [createTask(kernel), createTask(kernel)];
  scheduler.enqueue(busy);
  takeTurns(kernel, 5000, (task) => scheduler.enqueue(task));
  // It sleeps, and they begin meanwhile.
  scheduler.dequeue(busy);
  for (const task of sleepers) scheduler.enqueue(task);
  takeTurns(kernel, 10, (task) => scheduler.enqueue(task));
  scheduler.enqueue(busy);
  const had = takeTurns(kernel, 300, (task) => scheduler.enqueue(task));
  assert.ok((had.get(busy) ?? 0) >= 85, `it had ${had.get(busy)} of 300 turns`);
});

test("what a task had by its priority is no debt when it shares the time again", () => {
  const { kernel } = createTestKernel();
  const { scheduler } = kernel;
  const task = createTask(kernel, { policy: SCHED_FIFO, effectivePriority: 50 });
  const other = createTask(kernel);
  scheduler.enqueue(task);
  takeTurns(kernel, 5000, () => scheduler.enqueue(task));
  task.policy = SCHED_OTHER;
  task.effectivePriority = 0;
  scheduler.reorder(task);
  scheduler.enqueue(other);
  const had = takeTurns(kernel, 100, (each) => scheduler.enqueue(each));
  assert.ok((had.get(task) ?? 0) >= 50, `it had ${had.get(task)} of 100 turns`);
});

test("those who fork and end leave others their part, however short each of them lives", () => {
  const made = createTestKernel();
  const { kernel } = made;
  const { scheduler } = kernel;
  const other = createTask(kernel);
  scheduler.enqueue(createTask(kernel));
  scheduler.enqueue(other);
  const had = takeTurns(kernel, 1000, (task) => {
    if (task === other) return scheduler.enqueue(other);
    kernel.turn.begin(kernel.now());
    made.clock.advance(2e6);
    scheduler.enqueue(createTask(kernel, { virtualRuntime: scheduler.placeOfChild(task) }));
  });
  assert.ok((had.get(other) ?? 0) >= 450, `it had ${had.get(other)} of 1000 turns`);
});

test("a child of who has slept begins where those are that wait", () => {
  const { kernel, current } = withCurrent({ virtualRuntime: 10e6 });
  const { scheduler } = kernel;
  scheduler.enqueue(createTask(kernel, { virtualRuntime: 30e6 }));
  assert.equal(scheduler.placeOfChild(current), 30e6);
  current.virtualRuntime = 40e6;
  assert.equal(scheduler.placeOfChild(current), 40e6);
});

test("a deadline wakes its task, a later one that replaces it too, one that was cancelled never", () => {
  const test = createTestKernel();
  const { kernel } = test;
  const sleepUntil = (ms: number): Task => {
    const task = sleeper(kernel, new WaitQueue());
    task.waitUntil(kernel.now() + ms * 1e6);
    kernel.scheduler.armDeadline(task);
    return task;
  };
  const [soon, late, cancelled] = [sleepUntil(5), sleepUntil(5), sleepUntil(5)];
  late.deadlineNs += 5e6;
  kernel.scheduler.armDeadline(late);
  kernel.scheduler.cancelDeadline(cancelled);
  advance(test, 6);
  assert.deepEqual(
    [soon, late, cancelled].map(({ state, wakeReason }) => `${state} ${wakeReason}`),
    ["R deadline", "S none", "S none"],
  );
  advance(test, 6);
  assert.equal(late.wakeReason, "deadline");
  assert.equal(cancelled.state, "S");
});
