import type { ControlGroup } from "./control-group.ts";
import type { Kernel } from "./kernel-state.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** The threads of a control group itself. */
export function* tasksOf(kernel: Kernel, group: ControlGroup): Generator<Task, void> {
  for (const { tid } of [...group.members]) {
    const task = kernel.tasks.tasks.get(tid);
    if (task !== undefined) yield task;
  }
}

/** The processes that have threads there. */
export function processesOf(kernel: Kernel, group: ControlGroup): Set<ThreadGroup> {
  const processes = new Set<ThreadGroup>();
  for (const task of tasksOf(kernel, group)) processes.add(task.group);
  return processes;
}
