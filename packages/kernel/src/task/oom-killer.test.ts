/** Goal: what is looked at for a frame that is not to be had is charged. Method: areas of memory of a process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_NONE, PROT_READ } from "@stratos/abi";
import { mmap } from "../mm/mmap.ts";
import { createMemoryTask } from "../testing/memory-task.ts";
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
  for (let index = 0; index < 320; index++)
    mmap(task, {
      address: 0,
      length: 4096,
      protection: index % 2 === 0 ? PROT_READ : PROT_NONE,
      flags: MAP_PRIVATE | MAP_ANONYMOUS,
      file: null,
      offset: 0,
    });
  assert.equal(cost() - before, 10);
});
