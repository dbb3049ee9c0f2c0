/** Goal: what is looked at for a frame that is not to be had is charged. Method: areas of memory of a process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryTask, mapAreas } from "../testing/memory-task.ts";
import { OutOfMemory } from "./oom-killer.ts";

test("looking for what can be dropped costs by the areas of all processes", () => {
  const { kernel, task } = createMemoryTask();
  kernel.tasks.processes.set(task.pid, task.group);
  const shortage = new OutOfMemory(kernel);
  const cost = (): number => {
    kernel.work.begin();
    shortage.makeRoom();
    return kernel.work.spent;
  };
  task.group.oomScoreAdjust = -1000;
  kernel.scheduler.current = null;
  const before = cost();
  mapAreas(task, 320);
  assert.equal(cost() - before, 10);
});
