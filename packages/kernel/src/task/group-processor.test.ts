/**
 * Goal: groups get of the hart what their weights and quotas say, whatever stands in them (Linux
 * Documentation/admin-guide/cgroup-v2.rst, "CPU"; Documentation/scheduler/sched-bwc.rst). Method: tasks without a
 * processor that always want it take turns of 2 ms.
 */
import { SCHED_FIFO } from "@stratos/abi";
import assert from "node:assert/strict";
import { test } from "node:test";
import { advance, createTestKernel, createTestTask, type TestKernel } from "../testing/fake-task.ts";
import type { ControlGroup } from "./control-group.ts";
import { changeDelegation, makeGroup, moveProcess, removeGroup } from "./control-group-changes.ts";
import type { Task } from "./task.ts";

const OWNER = { uid: 0, gid: 0 };
const TURN_NS = 2e6;
const MS = 1e6;

class World {
  readonly test: TestKernel = createTestKernel();
  readonly hadNs = new Map<Task, number>();

  get kernel(): TestKernel["kernel"] {
    return this.test.kernel;
  }

  get root(): ControlGroup {
    return this.kernel.controlGroups.root;
  }

  group(parent: ControlGroup, name: string): ControlGroup {
    assert.equal(changeDelegation(this.kernel, parent, ["cpu"], []), 0);
    const group = makeGroup(this.kernel, parent, name, OWNER);
    assert.ok(typeof group !== "number");
    return group;
  }

  /** One that always wants the hart. */
  spinner(group: ControlGroup, parts: Partial<Task> = {}): Task {
    const task = Object.assign(createTestTask(this.kernel).task, parts);
    if (group !== this.root) assert.equal(moveProcess(task.group, group), 0);
    this.kernel.scheduler.enqueue(task);
    this.hadNs.set(task, 0);
    return task;
  }

  run(ns: number): void {
    const { kernel, test } = this;
    const { scheduler, timers } = kernel;
    for (const end = kernel.now() + ns; kernel.now() < end;) {
      timers.expire(kernel.now());
      const task = scheduler.pick();
      if (task !== null) scheduler.begin(task);
      advance(test, TURN_NS / MS);
      if (task === null) continue;
      scheduler.turnEnded(task, TURN_NS);
      this.hadNs.set(task, (this.hadNs.get(task) ?? 0) + TURN_NS);
      scheduler.enqueue(task);
      scheduler.current = null;
    }
  }

  /** Of the time that went by, hundredths. */
  parts(tasks: readonly Task[], ns: number): number[] {
    for (const task of tasks) this.hadNs.set(task, 0);
    this.run(ns);
    return tasks.map((task) => Math.round((100 * this.hadNs.get(task)!) / ns));
  }
}

function near(found: readonly number[], wanted: readonly number[], what: string): void {
  assert.ok(
    found.length === wanted.length && found.every((part, index) => Math.abs(part - wanted[index]!) <= 2),
    `${what}: ${found.join(", ")} instead of ${wanted.join(", ")}`,
  );
}

test("groups share by weight, however many tasks they have; one beside them counts as weight 100", () => {
  const world = new World();
  const [a, b] = [world.group(world.root, "a"), world.group(world.root, "b")];
  a.processor!.setShare(200, false);
  const tasks = [world.spinner(a), world.spinner(b), world.spinner(b)];
  near(world.parts(tasks, 3000 * MS), [67, 17, 17], "two groups");
  const beside = world.spinner(world.root);
  near(world.parts([...tasks, beside], 4000 * MS), [50, 13, 13, 25], "and a task");
  a.processor!.setShare(100, true);
  near(world.parts([...tasks, beside], 4000 * MS), [0, 25, 25, 50], "an idle group");
});

test("a group below another has its part of that one's", () => {
  const world = new World();
  const [a, b] = [world.group(world.root, "a"), world.group(world.root, "b")];
  const [inner, other] = [world.group(a, "inner"), world.group(a, "other")];
  inner.processor!.setShare(300, false);
  const tasks = [world.spinner(inner), world.spinner(other), world.spinner(b)];
  near(world.parts(tasks, 4000 * MS), [38, 13, 50], "nested");
  assert.equal(changeDelegation(world.kernel, a, [], ["cpu"]), 0);
  near(world.parts(tasks, 4000 * MS), [25, 25, 50], "without the controller they compete as tasks of the group above");
});

test("a group has its quota in each period, on average, and is told how often it was stopped", () => {
  const world = new World();
  const a = world.group(world.root, "a");
  const inner = world.group(a, "inner");
  a.processor!.setBandwidth(25 * MS, 100 * MS, 0);
  const tasks = [world.spinner(inner), world.spinner(inner)];
  near(world.parts(tasks, 4000 * MS), [13, 13], "alone");
  const { periods, throttledPeriods, throttledNs } = a.processor!;
  assert.ok(periods >= 38 && periods <= 41, `${periods} periods`);
  assert.ok(throttledPeriods >= 38 && throttledPeriods <= 41, `${throttledPeriods} of them`);
  assert.ok(throttledNs > 2800 * MS && throttledNs < 3100 * MS, `${throttledNs} ns`);
  assert.equal(world.kernel.scheduler.runnableCount <= 2, true);
  const urgent = world.spinner(inner, { policy: SCHED_FIFO, effectivePriority: 1 });
  assert.ok(world.parts([urgent], 1000 * MS)[0]! > 70, "real-time tasks are outside of it");
  world.kernel.scheduler.dequeue(urgent);
  urgent.state = "S";
  a.processor!.setBandwidth(Infinity, 100 * MS, 0);
  near(world.parts(tasks, 2000 * MS), [50, 50], "without a quota");
});

test("who comes into a throttled group, or is born there, waits; who leaves it, or whose group goes, does not", () => {
  const world = new World();
  const { kernel, root } = world;
  const a = world.group(root, "a");
  a.processor!.setBandwidth(2 * MS, 100 * MS, 0);
  const task = world.spinner(a);
  world.run(4 * MS);
  assert.equal(a.throttlings, 1);
  const newcomer = world.spinner(a);
  const child = world.group(a, "below");
  assert.equal(child.throttlings, 1);
  assert.equal(kernel.scheduler.hasRunnable, false);
  assert.equal(moveProcess(newcomer.group, root), 0);
  assert.equal(kernel.scheduler.runnableCount, 1);
  assert.equal(moveProcess(task.group, root), 0);
  assert.equal(kernel.scheduler.runnableCount, 2);
  assert.deepEqual([removeGroup(kernel, child), removeGroup(kernel, a)], [0, 0]);
  near(world.parts([task, newcomer], 1000 * MS), [50, 50], "outside");
  assert.equal(kernel.timers.nextNs, Infinity, "no period of a group that is gone");
});

test("what was left of earlier periods may be used at once, up to the burst", () => {
  const world = new World();
  const a = world.group(world.root, "a");
  a.processor!.setBandwidth(20 * MS, 100 * MS, 20 * MS);
  const task = world.spinner(a);
  task.state = "S";
  world.kernel.scheduler.dequeue(task);
  a.processor!.charge(1, world.kernel.now());
  world.run(500 * MS);
  task.state = "R";
  world.kernel.scheduler.enqueue(task);
  near(world.parts([task], 100 * MS), [40], "quota and burst");
  near(world.parts([task], 400 * MS), [20], "afterwards");
});
