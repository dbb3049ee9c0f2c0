import type { Task } from "./task.ts";

/** Who is told what becomes of tasks: `kernel.taskObservers`, in the order in which they came. */
export interface TaskObserver {
  /** A process has begun: its first task, which has not run yet. */
  processForked?(child: Task, parent: Task): void;
  /** A handler interrupts the system call that the task waits in, be it to restart later. */
  callInterrupted?(task: Task): void;
  /** The task ends; its memory and its files still are there. */
  taskEnds?(task: Task): void;
  /** It gives its memory up, at its end (after `taskEnds`) or for a new program: that still is there. */
  leavesMemory?(task: Task): void;
  /** It has ended; its process still is in the table. */
  taskEnded?(task: Task): void;
}
