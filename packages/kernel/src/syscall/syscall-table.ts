import { ENOSYS } from "@stratos/abi";
import type { Task } from "../task/task.ts";
import type { SyscallRow } from "../task/syscall-row.ts";
import { reportUnknown } from "../task/unknown-calls.ts";

/**
 * Rows by system call name (abi, syscall-numbers.ts). Each subsystem exports one of these; `syscall/all-calls.ts` joins
 * them.
 */
export type SyscallTable = Readonly<Record<string, SyscallRow>>;

/**
 * Rows of calls that this kernel doesn't have, each with the same reason. The first one that is made stands in the
 * kernel's log.
 * @param why  what a user would want to know, for docs/compatibility.md
 */
export function absent(why: string, names: readonly string[]): SyscallTable {
  const row: SyscallRow = { run: noteAbsence, isAbsent: true, gaps: why };
  return Object.fromEntries(names.map((name) => [name, row]));
}

function noteAbsence(task: Task): number {
  reportUnknown(task.kernel, task.kernel.hart.get(17));
  return -ENOSYS;
}
