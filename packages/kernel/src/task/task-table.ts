import type { ProcessGroup } from "./session.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** pid_max (proc_sys_kernel(5)). */
const PID_MAX = 4194304;

/** All tasks, processes and process groups by number. */
export class TaskTable {
  readonly tasks = new Map<number, Task>();
  readonly processes = new Map<number, ThreadGroup>();
  readonly groups = new Map<number, ProcessGroup>();
  #last = 0;

  /** The next number that names no task, process, group or session; they count up and wrap at PID_MAX. */
  allocate(): number {
    do {
      this.#last = this.#last + 1 >= PID_MAX ? 300 : this.#last + 1;
    } while (this.tasks.has(this.#last) || this.processes.has(this.#last) || this.groups.has(this.#last));
    return this.#last;
  }

  get lastAllocated(): number {
    return this.#last;
  }
}
