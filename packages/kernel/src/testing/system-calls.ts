/** System calls of all tables by name, for unit tests: `call(task, "msgget", …)`. */
import { CALL_TABLES } from "../syscall/all-calls.ts";
import type { SyscallRow } from "../task/syscall-row.ts";
import type { Task } from "../task/task.ts";
import { Call } from "./fake-task.ts";

const rows: Readonly<Record<string, SyscallRow>> = Object.assign({}, ...Object.values(CALL_TABLES));

/** Runs a call that does not block. */
export function call(task: Task, name: string, ...args: number[]): number {
  const begun = begin(task, name, ...args);
  if (begun.result === null) throw new Error(`${name} blocked`);
  return begun.result;
}

export function begin(task: Task, name: string, ...args: number[]): Call {
  return Call.of(task, rows[name]!, ...args);
}
