import type { Kernel } from "../task/kernel-state.ts";

/** Threads by what they do now; the caller is one of the running. */
export function countTasks(kernel: Kernel): { running: number; blocked: number; total: number } {
  let running = 0;
  for (const task of kernel.tasks.tasks.values()) if (task.state === "R") running++;
  return { running: Math.max(1, running), blocked: 0, total: kernel.tasks.tasks.size };
}
