import { EPERM, ESRCH, EINVAL, EACCES, SIGCONT, SIGHUP, SI_KERNEL } from "@stratos/abi";
import type { Kernel } from "./kernel-state.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcessGroup } from "../signal/send-signal.ts";
import { isOrphaned, ProcessGroup, Session } from "../signal/session.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";

/**
 * A group that becomes an orphan while a member is stopped is hung up and continued (POSIX exit(), consequences). It
 * becomes one only when the tie that is cut, between `member` and its parent, led out of the group (Linux
 * kernel/exit.c, kill_orphaned_pgrp).
 *
 * @param member  `exiting` itself, or one of its children
 */
export function hangUpIfOrphaned(member: ThreadGroup, exiting: ThreadGroup): void {
  const { group } = member;
  const parent = member === exiting ? exiting.parent : exiting;
  if (parent === null || parent.group === group || parent.session !== member.session || !isOrphaned(group, exiting))
    return;
  for (const other of group.members) {
    if (other === exiting || other.stopSignal === 0) continue;
    sendSignalToProcessGroup(group, signalInfo(SIGHUP, SI_KERNEL));
    sendSignalToProcessGroup(group, signalInfo(SIGCONT, SI_KERNEL));
    return;
  }
}

/** Moves a process into a group; a group without members is gone. */
function joinGroup(kernel: Kernel, process: ThreadGroup, group: ProcessGroup<ThreadGroup>): void {
  leaveGroup(kernel, process);
  process.group = group;
  group.members.add(process);
  kernel.tasks.groups.set(group.id, group);
}

export function leaveGroup(kernel: Kernel, process: ThreadGroup): void {
  const { group } = process;
  group.members.delete(process);
  if (group.members.size > 0 || kernel.tasks.groups.get(group.id) !== group) return;
  kernel.tasks.groups.delete(group.id);
  kernel.tasks.freed(group.id);
}

/** @returns 0, or EACCES, EINVAL, EPERM, ESRCH. @see setpgid(2) */
export function setProcessGroup(task: Task, pid: number, groupId: number): number {
  const { kernel } = task;
  if (groupId < 0 || (groupId === 0 && pid < 0)) return -EINVAL;
  const { pidNamespace } = task.group;
  const process = pid === 0 ? task.group : kernel.tasks.processIn(pidNamespace, pid);
  // One that has ended counts until it is waited for: a shell may come too late for the first of a pipe.
  if (process === undefined) return -ESRCH;
  if (process !== task.group) {
    if (process.parent !== task.group) return -ESRCH;
    if (process.session !== task.group.session) return -EPERM;
    if (process.hasExecuted) return -EACCES;
  }
  if (process.session.id === process.pid) return -EPERM;
  const id = groupId === 0 ? process.pid : pidNamespace.rootIdOf(groupId);
  let group = kernel.tasks.groups.get(id);
  if (id === process.pid) group ??= new ProcessGroup<ThreadGroup>(id, process.session);
  else if (group === undefined) return -EPERM;
  if (group.session !== process.session) return -EPERM;
  joinGroup(kernel, process, group);
  return 0;
}

/** @returns the session's id, or EPERM. @see setsid(2) */
export function createSession(task: Task): number {
  const { kernel, group: process } = task;
  if (kernel.tasks.groups.has(process.pid)) return -EPERM;
  joinGroup(kernel, process, new ProcessGroup<ThreadGroup>(process.pid, new Session(process.pid)));
  return process.ownPid;
}
