import { CAP_SYS_PTRACE, EACCES } from "@stratos/abi";
import type { Kernel } from "./kernel-state.ts";
import { isCapable } from "../security/credentials.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";

/** What a namespace calls the parent of a process; 0: it is not in it, or there is none. */
export function parentIdOf(process: ThreadGroup, namespace: PidNamespace): number {
  const { parent } = process;
  return parent === null ? 0 : namespace.idOf(parent.pid);
}

/** The thread of that number: also the leader of a process that is a zombie. */
export function taskOf(kernel: Kernel, tid: number): Task | null {
  return kernel.tasks.tasks.get(tid) ?? kernel.tasks.processes.get(tid)?.leader ?? null;
}

/**
 * ptrace(2), "Ptrace access mode checking": same user and group throughout, and dumpable, or CAP_SYS_PTRACE. 0 or
 * −EACCES.
 */
export function mayInspect(caller: Task, target: Task): number {
  if (caller.group === target.group || isCapable(caller.credentials, CAP_SYS_PTRACE, target.credentials.userNamespace))
    return 0;
  const own = caller.credentials,
    other = target.credentials;
  const isSame =
    own.fsuid === other.uid &&
    own.fsuid === other.euid &&
    own.fsuid === other.suid &&
    own.fsgid === other.gid &&
    own.fsgid === other.egid &&
    own.fsgid === other.sgid;
  return isSame && target.group.isDumpable ? 0 : -EACCES;
}

/** Has the thread given its memory back (a zombie, or a task of the kernel)? */
export function hasMemory(task: Task): boolean {
  return task.state !== "Z" && task.state !== "X" && task.space.areas.size > 0;
}
