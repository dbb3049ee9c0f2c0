import type { ControlGroup } from "./control-group.ts";
import type { Kernel } from "./kernel-state.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** The processes of a control group itself, those too that nobody has waited for. */
export function* processesOf(kernel: Kernel, group: ControlGroup): Generator<ThreadGroup, void> {
  for (const { pid } of [...group.members]) {
    const process = kernel.tasks.processes.get(pid);
    if (process !== undefined) yield process;
  }
}
