import {
  CLD_STOPPED,
  EINTR,
  SA_NODEFER,
  SA_RESETHAND,
  SA_RESTART,
  SIGCHLD,
  SIGKILL,
  SIGSEGV,
  SIGSTOP,
  SIG_DFL,
  SIG_IGN,
  SI_KERNEL,
} from "@stratos/abi";
import { continueCoreDump, endWithCore } from "./core-dump/core-dump.ts";
import { exitGroupTold, exitTask } from "./exit.ts";
import { endAsking } from "../vfs/fanotify-marks.ts";
import { A0 } from "./hart-registers.ts";
import { releaseHeldFiles } from "./held-files.ts";
import { givenByFutex } from "./futex.ts";
import { settleRseq } from "./rseq.ts";
import { RSEQ_DISTURBED, type Task } from "./task.ts";
import type { Kernel } from "./kernel-state.ts";
import type { ThreadGroup } from "./thread-group.ts";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED, BLOCKED_RESTART, UNFINISHED } from "../ground/wait-queue.ts";
import { defaultAction } from "../signal/default-action.ts";
import { signalInfo, type SignalInfo, spentTime } from "../signal/pending-signals.ts";
import {
  endsNotInit,
  hasDeliverableSignal,
  sendSignalToProcess,
  sendSignalToTask,
  setBlocked,
  takeSignal,
} from "../signal/send-signal.ts";
import { type SignalAction } from "../signal/signal-actions.ts";
import { enterHandler } from "./signal-frame.ts";
import { SignalSet } from "../signal/signal-set.ts";
import { hasToldRemainder, joinStop, standsBeforeDeath, standsBeforeSignal, standsForDue } from "./tracing.ts";
import { isOrphaned } from "../signal/session.ts";

/**
 * Acts on the pending signals of the task on the hart, before it goes on in user mode: terminates, stops, or enters a
 * handler. A blocked system call that a handler interrupts is set to restart or to fail with EINTR first.
 */
export function deliverSignals(task: Task): void {
  // It stands behind a call: what is there stays until it goes on.
  if (task.state === "t") return;
  task.hasWork = false;
  if (task.endsWith >= 0) return exitTask(task, task.endsWith);
  if (task.group.exitStatus !== null) return;
  if (task.group.coreDump !== null) return continueCoreDump(task);
  const { tracing } = task;
  if (tracing !== null && !isToDie(task)) {
    if (tracing.dying !== null) return void actByDefault(task, tracing.dying);
    if (standsForDue(task, tracing)) return;
  }
  for (;;) {
    const delivered = tracing?.delivered ?? null;
    if (delivered !== null) tracing!.delivered = null;
    const info =
      delivered ??
      takeSignal(
        task,
        (signal) =>
          signal === SIGKILL || signal === SIGSTOP || (!task.blocked.has(signal) && !comesAfterCall(task, signal)),
      );
    if (info === null) return;
    if (tracing !== null && delivered === null && info.signal !== SIGKILL)
      return standsBeforeSignal(task, tracing, info);
    if (info.signal !== SIGKILL && task.kernel.stops?.onSignal?.(task, info) === true) {
      task.hasWork = hasDeliverableSignal(task);
      return task.kernel.stops.endTurn();
    }
    const action = task.group.actions.get(info.signal);
    task.kernel.onSignal?.(task, info);
    if (action.handler === SIG_IGN) continue;
    if (action.handler !== SIG_DFL) {
      interruptSyscall(task, action);
      runHandler(task, info, action);
      // More than one handler may be entered: the last one runs first.
      if (!hasDeliverableSignal(task)) return;
      continue;
    }
    if (!endsNotInit(task.group, info) && actByDefault(task, info)) return;
  }
}

/**
 * A call that goes on in pieces and can't end early (fork, munmap, a write to a regular file) is finished before a
 * handler runs, as Linux finishes it; what ends or stops the process doesn't wait for that.
 */
function comesAfterCall(task: Task, signal: number): boolean {
  if (task.syscallNumber < 0 || task.blockedKind !== UNFINISHED) return false;
  const mayEnd = task.kernel.calls[task.syscallNumber]?.interrupted !== undefined;
  if (mayEnd && stateOf(task, "whole") === null) return false;
  const { handler } = task.group.actions.get(signal);
  return handler !== SIG_DFL && handler !== SIG_IGN;
}

export function isToDie({ pending, group, endsWith }: Task): boolean {
  return group.exitStatus !== null || endsWith >= 0 || pending.set.has(SIGKILL) || group.pending.set.has(SIGKILL);
}

/** @returns whether the task doesn't go on */
function actByDefault(task: Task, info: SignalInfo): boolean {
  const { signal } = info;
  const { group } = task;
  const action = defaultAction(signal);
  if (action === "ignore" || action === "continue") return false;
  if (action === "stop") {
    if (signal !== SIGSTOP && isOrphaned(group.group)) return false;
    stopProcess(group, signal);
    return true;
  }
  if (action === "core") {
    if (task.tracing !== null && standsBeforeDeath(task, task.tracing, info)) return true;
    task.kernel.log(
      `${task.name}[${task.tid}]: signal ${signal} at pc 0x${task.kernel.hart.pc.toString(16)}, address ` +
        `0x${((BigInt(info.valueHigh) << 32n) | BigInt(info.valueLow)).toString(16)}`,
    );
    endWithCore(task, info);
  } else exitGroupTold(task, signal);
  return true;
}

/** Ends the interrupted call: it is executed again after the handler (SA_RESTART), or fails. */
function interruptSyscall(task: Task, action: SignalAction): void {
  if (task.syscallNumber < 0) return;
  const given = givenByFutex(task);
  const restarts =
    given < 0 &&
    (task.blockedKind === BLOCKED_RESTART || (task.blockedKind === BLOCKED && (action.flags & SA_RESTART) !== 0));
  const { hart } = task.kernel;
  if (!restarts) {
    const row = task.kernel.calls[task.syscallNumber];
    const result =
      given >= 0
        ? given
        : row?.interrupted && task.notification === null && !hasToldRemainder(task)
          ? row.interrupted(task, hart.get(10), hart.get(11), hart.get(12), hart.get(13), hart.get(14), hart.get(15))
          : -EINTR;
    hart.set(A0, result);
    hart.pc = hart.pc + 4;
  }
  leaveCall(task);
}

/** The call that the task waits in is none any more; registers are left as they are. */
export function leaveCall(task: Task): void {
  for (const observer of task.kernel.taskObservers) observer.callInterrupted?.(task);
  task.syscallNumber = -1;
  task.syscallState = null;
  releaseHeldFiles(task);
  if (task.permissions !== null) endAsking(task);
  task.waitedSignals = null;
  if (task.tracing !== null) task.tracing.call = "outside";
}

function runHandler(task: Task, info: SignalInfo, action: SignalAction): void {
  if (task.rseqAddress !== 0) task.rseqWork |= RSEQ_DISTURBED;
  if ((task.rseqWork !== 0 && !settleRseq(task)) || !enterHandler(task, info, action)) {
    if (info.signal === SIGSEGV)
      task.group.actions.set(SIGSEGV, { handler: SIG_DFL, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
    forceSignal(task, signalInfo(SIGSEGV, SI_KERNEL));
    return;
  }
  task.savedMask = null;
  const mask = task.blocked.union(new SignalSet(action.maskLow, action.maskHigh));
  if ((action.flags & SA_NODEFER) === 0) mask.add(info.signal);
  mask.deleteUnblockable();
  setBlocked(task, mask);
  if ((action.flags & SA_RESETHAND) !== 0) task.group.actions.set(info.signal, { ...action, handler: SIG_DFL });
}

/** Job-control stop of the whole process. */
export function stopProcess(group: ThreadGroup, signal: number): void {
  group.stopSignal = signal;
  group.unreportedStop = signal;
  group.unreportedContinue = false;
  for (const task of group.tasks) {
    if (task.tracing !== null) joinStop(task, task.tracing, signal);
    else if (task.state === "R") {
      task.state = "T";
      task.kernel.scheduler.dequeue(task);
    }
    // A sleeping thread stops when it wakes.
  }
  const { parent } = group;
  if (parent === null) return;
  // A parent that traces it hears of the stop of its tracee, and of this one once it traces it no more.
  if (group.leader.tracing?.tracer.group === parent) return;
  if ((parent.actions.get(SIGCHLD).flags & 1) === 0) {
    sendSignalToProcess(
      parent,
      signalInfo(SIGCHLD, CLD_STOPPED, {
        pid: group.pid,
        uid: group.leader.credentials.uid,
        status: signal,
        ...spentTime(group.leader),
      }),
    );
  }
  parent.childrenQueue.wakeAll();
}

/**
 * A stop that waits for one of its threads to have a turn comes at once, as it does where others have the processor
 * meanwhile: the process is to be kept from its turns.
 */
export function stopByWaitingSignal(group: ThreadGroup): void {
  if (group.stopSignal !== 0 || group.exitStatus !== null) return;
  for (const task of group.tasks) {
    if (task === task.kernel.scheduler.current || task.isTraced || isToDie(task)) continue;
    const info = takeSignal(task, (signal) => stopsByDefault(task, signal));
    if (info === null) continue;
    task.kernel.onSignal?.(task, info);
    return stopProcess(group, info.signal);
  }
}

function stopsByDefault({ blocked, group }: Task, signal: number): boolean {
  if (defaultAction(signal) !== "stop") return false;
  if (signal === SIGSTOP) return true;
  return !blocked.has(signal) && group.actions.get(signal).handler === SIG_DFL && !isOrphaned(group.group);
}

/** A signal that a fault raises: it can't be blocked or ignored (sigaction(2), NOTES). */
export function forceSignal(task: Task, info: SignalInfo): void {
  const action = task.group.actions.get(info.signal);
  if (task.blocked.has(info.signal) || action.handler === SIG_IGN) {
    task.group.actions.set(info.signal, { handler: SIG_DFL, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
    task.blocked.delete(info.signal);
  }
  sendSignalToTask(task, info);
}

/** Every program stops where it is, as by SIGSTOP, though no parent hears of it. SIGCONT lets one go on. */
export function stopAllProcesses(kernel: Kernel): void {
  for (const group of kernel.tasks.processes.values()) {
    if (group.tasks.length === 0 || group.parent === null) continue;
    group.stopSignal = SIGSTOP;
    for (const task of group.tasks) {
      if (task.state !== "R") continue;
      task.state = "T";
      kernel.scheduler.dequeue(task);
    }
  }
}
