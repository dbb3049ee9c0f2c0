import {
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  SA_NOCLDWAIT,
  SIGCHLD,
  SIGKILL,
  SIGRTMAX,
  SIG_IGN,
  SI_KERNEL,
  SI_USER,
} from "@stratos/abi";
import type { Kernel } from "./kernel-state.ts";
import { signalInfo, spentTime } from "../signal/pending-signals.ts";
import { leaveSignals, sendSignalToProcess } from "../signal/send-signal.ts";
import { addTransfers } from "./transfer-counts.ts";
import { chargeTurn } from "./resource-usage.ts";
import { accountProcess } from "./account-process.ts";
import { futexWake } from "./futex.ts";
import { releaseHeldFiles } from "./held-files.ts";
import { hangUpIfOrphaned, leaveGroup } from "./process-group.ts";
import type { Task } from "./task.ts";
import { endTracing, standsForEnd } from "./tracing.ts";
import type { ThreadGroup } from "./thread-group.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { endAsking } from "../vfs/fanotify-marks.ts";

/**
 * Ends the whole process (exit_group(2)): the threads now, but for those whose tracers want to hear of it first.
 *
 * @param status  wait status: exit code << 8, or the signal with 0x80 for a core dump
 */
export function exitGroup(task: Task, status: number): void {
  exitTask(task, endOthers(task, status));
}

/** As exitGroup; this thread's tracer may want to hear of its end, too. */
export function exitGroupTold(task: Task, status: number): void {
  endThread(task, endOthers(task, status));
}

function endOthers({ group, tid }: Task, status: number): number {
  if (group.exitStatus !== null) return group.exitStatus;
  group.exitStatus = status;
  for (const other of group.tasks.slice()) if (other.tid !== tid) endThread(other, status);
  return status;
}

/**
 * execve(2) leaves the calling thread alone.
 *
 * @returns whether it has to wait (`exitQueue`) for one that stands, since its tracer wants to hear of its end
 */
export function endOtherThreads(task: Task): boolean {
  const { group } = task;
  for (const other of group.tasks.slice()) if (other !== task && other.endsWith < 0) endThread(other, 0);
  return group.tasks.length > 1;
}

function endThread(task: Task, status: number): void {
  if (task.tracing === null || !standsForEnd(task, task.tracing, status)) exitTask(task, status);
}

/**
 * Ends one thread; the last one ends the process. @param status  wait status of the process if this is its last thread
 */
export function exitTask(task: Task, status: number): void {
  if (task.state === "Z" || task.state === "X") return;
  const { kernel, group } = task;
  if (task.syscallNumber >= 0 && task.blockedKind === UNFINISHED) kernel.calls[task.syscallNumber]?.abandoned?.(task);
  task.endWait("signal");
  kernel.scheduler.dequeue(task);
  // A process that waits to be reaped shows by its leader, even when that was not the last thread.
  task.state = task === group.leader ? "Z" : "X";
  for (const observer of kernel.taskObservers) observer.taskEnds?.(task);
  leaveMemory(task);
  releaseHeldFiles(task);
  task.openedProgram?.file.release();
  if (--task.files.users === 0) task.files.closeAll(task);
  if (task.permissions !== null) endAsking(task);
  task.fs.release();
  task.keyrings.release();
  task.namespaces.release();
  task.credentials.userNamespace.release();
  group.maximumResidentPages = Math.max(group.maximumResidentPages, task.space.peakResidentPages);
  task.space.release();
  task.pending.clear();
  task.cpuSleep?.end();
  kernel.tasks.tasks.delete(task.tid);
  kernel.tasks.freed(task.tid);
  group.tasks.splice(group.tasks.indexOf(task), 1);
  if (group.exitStatus === null) leaveSignals(task);
  chargeTurn(task);
  group.userNs += task.userNs;
  group.systemNs += task.systemNs;
  group.minorFaults += task.minorFaults;
  group.majorFaults += task.majorFaults;
  addTransfers(group.transfers, task.transfers);
  group.voluntarySwitches += task.voluntarySwitches;
  group.involuntarySwitches += task.involuntarySwitches;
  for (const observer of kernel.taskObservers) observer.taskEnded?.(task);
  const ended = task.tracees?.ended ?? null;
  if (task.tracing !== null || task.tracees !== null || group.leader.tracing !== null) endTracing(task, status);
  if (ended !== null)
    for (const { task: tracee } of ended) if (tracee === tracee.group.leader) acknowledgeEnd(kernel, tracee.group);
  kernel.scheduler.mustSwitch = true;
  if (group.exitStatus === null && group.tasks.length > 0) leaveChildrenToThread(task, group.tasks[0]!);
  // Pidfds of this one thread (PIDFD_THREAD).
  if (!group.exitQueue.isEmpty) group.exitQueue.wakeAll();
  task.controlGroup.ended(task);
  // The process counts as one, where its leader was, until somebody has waited for it.
  if (group.tasks.length > 0 || task !== group.leader) task.controlGroup.countTasks(-1);
  if (group.tasks.length === 0) {
    if (task !== group.leader) group.leader.controlGroup.countTasks(1);
    endAccounted(task, group, group.exitStatus ?? status);
    exitProcess(kernel, group, group.exitStatus ?? status);
  } else if (group.tasks.length === 1) group.tasks[0]!.hasWork = true;
}

/**
 * The task gives its memory up, because it ends or for a new program: others learn what it held there (mm_release in
 * Linux's kernel/fork.c).
 */
export function leaveMemory(task: Task): void {
  for (const observer of task.kernel.taskObservers) observer.leavesMemory?.(task);
  if (task.clearTid !== 0 && task.space.users > 1) {
    task.space.storeU32(task.clearTid, 0);
    futexWake(task.space, task.clearTid, 1, 0xffffffff, false);
  }
  task.clearTid = 0;
  releaseVforkParent(task);
}

/** A thread ends before its process: its children are another's now, and those that asked are told (prctl(2)). */
function leaveChildrenToThread(thread: Task, heir: Task): void {
  for (const child of thread.group.children) {
    if (child.parentThread !== thread) continue;
    child.parentThread = heir;
    tellOfParentsDeath(child, thread.group);
  }
}

function tellOfParentsDeath(child: ThreadGroup, parent: ThreadGroup): void {
  const { uid } = parent.leader.credentials;
  for (const { parentDeathSignal } of child.tasks)
    if (parentDeathSignal !== 0)
      sendSignalToProcess(child, signalInfo(parentDeathSignal, SI_USER, { pid: parent.pid, uid }));
}

/** execve or exit of a vfork child lets its parent go on. */
function releaseVforkParent(task: Task): void {
  const parent = task.vforkParent;
  if (parent === null) return;
  task.vforkParent = null;
  parent.vforkDone.wakeAll();
}

function exitProcess(kernel: Kernel, process: ThreadGroup, status: number): void {
  process.exitStatus = status;
  process.timers?.cancelAll();
  process.coreDump?.release(kernel);
  process.coreDump = null;
  process.pending.clear();
  process.actions.users--;
  if (process.pidNamespace.init === process) endNamespace(kernel, process);
  const { session } = process;
  const wasLeader = session.id === process.pid;
  if (wasLeader && session.terminal !== null) {
    session.terminal.disassociate();
    session.terminal = null;
  }
  hangUpIfOrphaned(process, process);
  for (const child of process.children) hangUpIfOrphaned(child, process);
  reparentChildren(kernel, process);
  process.isZombie = true;
  kernel.tasks.zombies++;
  process.exitQueue.wakeAll();
  notifyParent(kernel, process, status);
  if (kernel.keys.requests.size > 0) kernel.keys.helperEnded(process.pid, kernel.realtime().seconds);
  kernel.onProcessExit?.(process, status);
}

/**
 * SIGKILL that is not waited for: nothing of the process is left, but for a zombie where somebody waits for it. One
 * that is in the midst of a call ends after it.
 */
export function killNow(process: ThreadGroup): void {
  const [task] = process.tasks;
  if (task === undefined) return;
  if (task.kernel.scheduler.current?.group === process)
    return void sendSignalToProcess(process, signalInfo(SIGKILL, SI_KERNEL));
  // No tracer keeps one of its threads.
  const status = (process.exitStatus ??= SIGKILL);
  for (const other of process.tasks.slice(1)) exitTask(other, status);
  exitTask(task, status);
}

/** With process 1 of a pid namespace all that are in it end, and nobody is born there any more (pid_namespaces(7)). */
function endNamespace(kernel: Kernel, init: ThreadGroup): void {
  const { pidNamespace } = init;
  pidNamespace.isEnded = true;
  for (const id of [...pidNamespace.rootIds()]) {
    const process = kernel.tasks.processes.get(id);
    if (process !== undefined && process !== init) killNow(process);
  }
  for (const child of [...init.children]) if (child.isZombie) reap(kernel, child);
}

/**
 * Orphans go to the nearest subreaper of the same pid namespace, else to its init (prctl(2), PR_SET_CHILD_SUBREAPER).
 */
function reparentChildren(kernel: Kernel, process: ThreadGroup): void {
  if (process.children.size === 0) return;
  const { pidNamespace } = process;
  const init = pidNamespace.init as ThreadGroup | null;
  let reaper = process.parent;
  while (reaper?.pidNamespace === pidNamespace && !reaper.isSubreaper && reaper !== init) reaper = reaper.parent;
  if (reaper?.pidNamespace !== pidNamespace) reaper = init;
  for (const child of process.children) {
    child.parent = reaper === process ? null : reaper;
    child.parentThread = child.parent?.tasks[0] ?? null;
    // Who takes it in knows nothing of the signal that its maker asked for (reparent_leader in Linux's kernel/exit.c).
    child.exitSignal = SIGCHLD;
    tellOfParentsDeath(child, process);
    if (child.parent === null) {
      if (child.isZombie) reap(kernel, child);
      continue;
    }
    child.parent.children.add(child);
    if (child.isZombie) notifyParent(kernel, child, child.exitStatus!);
  }
  process.children.clear();
}

/** Its tracer has waited for it, or is gone: now its parent may (kernel/exit.c, wait_task_zombie). */
export function acknowledgeEnd(kernel: Kernel, process: ThreadGroup): void {
  if (!process.awaitsTracer) return;
  process.awaitsTracer = false;
  if (process.isZombie) notifyParent(kernel, process, process.exitStatus!);
}

function notifyParent(kernel: Kernel, process: ThreadGroup, status: number): void {
  if (process.awaitsTracer) return;
  const { parent } = process;
  // Nobody is left to wait for it: its namespace's init ended before it did.
  if (parent === null) return forget(kernel, process);
  const action = parent.actions.get(SIGCHLD);
  // A parent that ignores SIGCHLD gets no zombies (wait(2), NOTES).
  const ignores = action.handler === SIG_IGN;
  // A parent that has become another program since is told by SIGCHLD (kernel/signal.c, do_notify_parent).
  const exitSignal = process.parentPrograms === parent.programs ? process.exitSignal : SIGCHLD;
  const isReapedAtOnce = exitSignal === SIGCHLD && (ignores || (action.flags & SA_NOCLDWAIT) !== 0);
  if (exitSignal !== 0 && exitSignal <= SIGRTMAX && !(exitSignal === SIGCHLD && ignores)) {
    const signal = status & 0x7f;
    sendSignalToProcess(
      parent,
      signalInfo(exitSignal, signal === 0 ? CLD_EXITED : (status & 0x80) !== 0 ? CLD_DUMPED : CLD_KILLED, {
        pid: process.pid,
        uid: process.leader.credentials.uid,
        status: signal === 0 ? (status >> 8) & 0xff : signal,
        isChildEnd: true,
        ...spentTime(process),
      }),
    );
  }
  if (isReapedAtOnce) forget(kernel, process);
  parent.childrenQueue.wakeAll();
}

/** The parent has seen the status: the process's number is free again. */
export function reap(kernel: Kernel, process: ThreadGroup): void {
  const { parent } = process;
  if (parent !== null) {
    parent.childrenUserNs += process.userNs + process.childrenUserNs;
    parent.childrenSystemNs += process.systemNs + process.childrenSystemNs;
    parent.childrenMinorFaults += process.minorFaults + process.childrenMinorFaults;
    parent.childrenMajorFaults += process.majorFaults + process.childrenMajorFaults;
    addTransfers(parent.childrenTransfers, process.transfers);
    addTransfers(parent.childrenTransfers, process.childrenTransfers);
    parent.childrenVoluntarySwitches += process.voluntarySwitches + process.childrenVoluntarySwitches;
    parent.childrenInvoluntarySwitches += process.involuntarySwitches + process.childrenInvoluntarySwitches;
    parent.childrenMaximumResidentPages = Math.max(
      parent.childrenMaximumResidentPages,
      process.maximumResidentPages,
      process.childrenMaximumResidentPages,
    );
  }
  forget(kernel, process);
}

/**
 * Nothing is left of the process; what it used counts for nobody who didn't wait for it (getrusage(2),
 * RUSAGE_CHILDREN).
 */
function forget(kernel: Kernel, process: ThreadGroup): void {
  process.parent?.children.delete(process);
  leaveGroup(kernel, process);
  if (kernel.tasks.processes.delete(process.pid)) {
    kernel.tasks.zombies--;
    process.leader.controlGroup.countTasks(-1);
  }
  kernel.tasks.freed(process.pid);
}

/** acct(2) wants a record of who has ended, where there is room for one. @param task  the process's last */
export function endAccounted(task: Task, process: ThreadGroup, status: number): void {
  const file = task.kernel.accounting.recordFile;
  if (file !== null) accountProcess(task, process, status, file);
}
