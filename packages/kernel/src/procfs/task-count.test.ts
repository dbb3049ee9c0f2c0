/** Goal: /proc/loadavg and procs_running count those that run or could run, the reader among them (proc(5)). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Kernel } from "../task/kernel-state.ts";
import { countTasks } from "./task-count.ts";

function count(...states: string[]): ReturnType<typeof countTasks> {
  const tasks = new Map(states.map((state, index) => [index + 1, { state }]));
  return countTasks({ tasks: { tasks } } as unknown as Kernel);
}

test("who sleeps or is dead doesn't run; somebody does, who asks", () => {
  assert.deepEqual(count("S", "R", "Z", "R", "T"), { running: 2, blocked: 0, total: 5 });
  assert.deepEqual(count("S", "S"), { running: 1, blocked: 0, total: 2 });
});
