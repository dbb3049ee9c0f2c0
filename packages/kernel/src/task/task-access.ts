import { CAP_SYS_PTRACE, EACCES } from "@stratos/abi";
import type { Kernel } from "./kernel-state.ts";
import { hasOnlyIds, isCapabilitySubset, isCapable } from "../security/credentials.ts";
import { mayTrace } from "../security/landlock.ts";
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

/** Was its process waited for, so that only what was opened in time still shows it? */
export function isReaped(task: Task): boolean {
  return task.kernel.tasks.processes.get(task.group.pid) !== task.group;
}

/** Whose ids count when one looks into another (ptrace(2)): FSCREDS of a file in /proc, REALCREDS of a call. */
export type AskedIds = "fs" | "real";

/**
 * ptrace(2), "Ptrace access mode checking": same user and group throughout, dumpable, and no capability that the caller
 * lacks; or CAP_SYS_PTRACE in each place of these. 0 or −EACCES.
 *
 * @see kernel/ptrace.c, __ptrace_may_access; security/commoncap.c, cap_ptrace_access_check
 */
export function mayInspect(caller: Task, target: Task, ids: AskedIds): number {
  if (caller.group === target.group) return 0;
  const own = caller.credentials;
  const other = target.credentials;
  const isTracer = isCapable(own, CAP_SYS_PTRACE, other.userNamespace);
  if (!isTracer) {
    const [uid, gid] = ids === "fs" ? ([own.fsuid, own.fsgid] as const) : ([own.uid, own.gid] as const);
    const held = ids === "fs" ? own.effective : own.permitted;
    if (!hasOnlyIds(other, uid, gid) || own.userNamespace !== other.userNamespace) return -EACCES;
    if (!isCapabilitySubset(other.permitted, held)) return -EACCES;
  }
  if (!mayTrace(own.landlock, other.landlock)) return -EACCES;
  const { isInspectable, memoryNamespace } = target.group;
  const isGone = target.state === "Z" || target.state === "X";
  return isGone || isInspectable || isCapable(own, CAP_SYS_PTRACE, memoryNamespace) ? 0 : -EACCES;
}

/** Has the thread given its memory back (a zombie, or a task of the kernel)? */
export function hasMemory(task: Task): boolean {
  return task.state !== "Z" && task.state !== "X" && task.space.areas.size > 0;
}
