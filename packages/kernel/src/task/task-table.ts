import { EAGAIN, EEXIST } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { nextFreeNumber, type PidNamespace } from "../signal/pid-namespace.ts";
import type { ProcessGroup } from "../signal/session.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** What pid_max may be (proc_sys_kernel(5)). */
export const PID_MAX_LEAST = 301,
  PID_MAX_MOST = 4194304;

/** All tasks, processes and process groups by their number in the initial pid namespace. */
export class TaskTable {
  /** The initial one. */
  readonly namespace: PidNamespace;
  readonly tasks = new Map<number, Task>();
  readonly processes = new Map<number, ThreadGroup>();
  /** Processes that have ended and wait to be reaped. */
  zombies = 0;
  readonly groups: Map<number, ProcessGroup<ThreadGroup>> = new Map();
  /** Where numbers that mean something below the initial namespace were given. Bound: tasks, groups and sessions. */
  #namespaces = new Map<number, PidNamespace>();
  /** pid_max: the first number that is none. */
  maximum = PID_MAX_MOST;
  #last = 0;

  constructor(namespace: PidNamespace) {
    this.namespace = namespace;
  }

  /** What counts against the machine's most tasks: a process that waits to be reaped holds its place. */
  get count(): number {
    return this.tasks.size + this.zombies;
  }

  /**
   * The next number that names no task, process, group or session; they count up and wrap at pid_max.
   *
   * @param wanted  the numbers to give instead, in `namespace`, in the one above …
   * @returns −EAGAIN: all are in use; −EEXIST: one that is wanted is
   */
  allocate(namespace: PidNamespace = this.namespace, wanted: readonly number[] = []): number {
    const isUsed = (number: number): boolean => this.isUsed(number);
    const own = wanted[namespace.level];
    if (own !== undefined && this.isUsed(own)) return -EEXIST;
    const id = own ?? nextFreeNumber(this.#last, this.maximum, isUsed);
    if (id === 0) return -EAGAIN;
    if (namespace !== this.namespace) {
      const failed = namespace.give(id, this.maximum, wanted);
      if (failed < 0) return failed;
      this.#namespaces.set(id, namespace.retain());
    }
    if (own === undefined) this.#last = id;
    return id;
  }

  /** Whether a task, a process or a group has that number of the initial namespace. */
  isUsed(id: number): boolean {
    return this.tasks.has(id) || this.processes.has(id) || this.groups.has(id);
  }

  /** A task, a process or a group of that number is out of its table: when it was the last, the number is free. */
  freed(id: number): void {
    const namespace = this.#namespaces.get(id);
    if (namespace === undefined || this.isUsed(id)) return;
    this.#namespaces.delete(id);
    namespace.take(id);
    namespace.release();
  }

  /** What a number of that namespace names. */
  taskIn(namespace: PidNamespace, id: number): Task | undefined {
    return this.tasks.get(namespace.rootIdOf(id));
  }

  processIn(namespace: PidNamespace, id: number): ThreadGroup | undefined {
    return this.processes.get(namespace.rootIdOf(id));
  }

  /** The process that has a thread of that number. */
  processOfThreadIn(namespace: PidNamespace, id: number): ThreadGroup | undefined {
    return this.processIn(namespace, id) ?? this.taskIn(namespace, id)?.group;
  }

  groupIn(namespace: PidNamespace, id: number): ProcessGroup<ThreadGroup> | undefined {
    return this.groups.get(namespace.rootIdOf(id));
  }

  get lastAllocated(): number {
    return this.#last;
  }

  /** /proc/sys/kernel/ns_last_pid of the initial namespace. */
  set lastAllocated(id: number) {
    this.#last = id;
  }

  /** The number that was given last in that namespace. */
  lastNumberIn(namespace: PidNamespace): number {
    return (namespace === this.namespace ? this : namespace).lastAllocated;
  }

  static {
    stateClass("TaskTable", this, {
      save: (it) => ({ namespaces: it.#namespaces, last: it.#last }),
      load: (it, from) => ({ namespaces: it.#namespaces, last: it.#last } = from),
    });
  }
}
