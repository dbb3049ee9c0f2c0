import { stateClass } from "@stratos/base";
import type { ProcessGroup } from "../signal/session.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** What pid_max may be (proc_sys_kernel(5)). */
export const PID_MAX_LEAST = 301,
  PID_MAX_MOST = 4194304;

/** All tasks, processes and process groups by number. */
export class TaskTable {
  readonly tasks = new Map<number, Task>();
  readonly processes = new Map<number, ThreadGroup>();
  readonly groups: Map<number, ProcessGroup<ThreadGroup>> = new Map();
  /** pid_max: the first number that is none. */
  maximum = PID_MAX_MOST;
  #last = 0;

  /**
   * The next number that names no task, process, group or session; they count up and wrap at pid_max, which is far
   * more than there may be tasks.
   */
  allocate(): number {
    do {
      this.#last = this.#last + 1 >= this.maximum ? 300 : this.#last + 1;
    } while (this.tasks.has(this.#last) || this.processes.has(this.#last) || this.groups.has(this.#last));
    return this.#last;
  }

  get lastAllocated(): number {
    return this.#last;
  }

  static {
    stateClass("TaskTable", this, {
      save: (it) => ({ last: it.#last }),
      load: (it, from) => ({ last: it.#last } = from),
    });
  }
}
