import {
  CLD_CONTINUED,
  EAGAIN,
  RLIMIT_SIGPENDING,
  SIGCHLD,
  SIGCONT,
  SIGKILL,
  SIGRTMAX,
  SIGRTMIN,
  SIGSTOP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SI_KERNEL,
  SI_MESGQ,
  SI_TKILL,
  SIG_DFL,
  SIG_IGN,
  SI_USER,
} from "@stratos/abi";
import type { ProcessGroup } from "./session.ts";
import { BLOCKED_KILLABLE } from "../ground/wait-queue.ts";
import { defaultAction, isIgnoredByDefault } from "./default-action.ts";
import { isFault, type PendingSignals, signalInfo, spentTime, type SignalInfo } from "./pending-signals.ts";
import type { SignalSet } from "./signal-set.ts";
import type { SignalTask, SignalProcess } from "./signal-target.ts";

/**
 * What a call gives its own caller (SIGPIPE, SIGXFSZ): it counts as sent by the process (Linux: SEND_SIG_NOINFO).
 * @returns as sendSignalToTask
 */
export function sendSignalToSelf(task: SignalTask, signal: number): number {
  const { group, credentials } = task;
  return sendSignalToTask(task, signalInfo(signal, SI_USER, { pid: group.pid, uid: credentials.uid }));
}

/** Queues a signal for one thread (tgkill(2), faults): 0; −EAGAIN when RLIMIT_SIGPENDING forbids it. */
export function sendSignalToTask(task: SignalTask, info: SignalInfo): number {
  if (task.state === "Z" || task.state === "X" || task.group.pid === 1 || isEnding(task.group)) return 0;
  prepare(task.group, info.signal);
  if (isIgnored(task.group, task, info)) return drop(info);
  const failed = enqueue(task.group, task.pending, info);
  if (failed < 0) return failed;
  task.group.signalQueue.wakeAll();
  notify(task, info.signal);
  return 0;
}

/**
 * Queues a signal for a process; a thread that does not block it, or waits for it, is told. 0; −EAGAIN when
 * RLIMIT_SIGPENDING forbids it.
 */
export function sendSignalToProcess(
  group: SignalProcess,
  info: SignalInfo,
  preferred: SignalTask | undefined = undefined,
): number {
  // No signal reaches init (task/first-process.ts).
  if (group.isZombie || group.pid === 1 || isEnding(group)) return 0;
  prepare(group, info.signal);
  if (isIgnored(group, null, info)) return drop(info);
  const failed = enqueue(group, group.pending, info);
  if (failed < 0) return failed;
  group.signalQueue.wakeAll();
  const taker = takerOf(group, info.signal, preferred);
  if (taker !== undefined) notify(taker, info.signal);
  // SIGKILL ends every thread, stopped ones too.
  if (info.signal === SIGKILL) for (const task of group.tasks) notify(task, SIGKILL);
  return 0;
}

/**
 * The one thread that is told of a signal of the process: of those that take it, one that has nothing to look at yet,
 * so that of several signals each comes to somebody at once (kernel/signal.c, complete_signal and wants_signal).
 */
function takerOf(
  { tasks, leader }: SignalProcess,
  signal: number,
  preferred: SignalTask | undefined,
): SignalTask | undefined {
  if (preferred !== undefined && takes(preferred, signal)) return preferred;
  const { current } = leader.kernel.scheduler;
  const isFree = (task: SignalTask): boolean => task === current || (!task.hasWork && task.state !== "T");
  return (
    tasks.find((task) => isFree(task) && takes(task, signal)) ?? tasks.find((task) => takes(task, signal)) ?? tasks[0]
  );
}

/**
 * A timer of the process has expired: the thread that runs is told before others, so that a profile is of who runs and
 * no sleep of another ends (kernel/signal.c, send_sigqueue; kernel/time/posix-cpu-timers.c, check_process_timers).
 */
export function sendTimerSignal(group: SignalProcess, info: SignalInfo): number {
  const { lastTask } = group.leader.kernel;
  const runs = lastTask?.group === group && lastTask.state === "R";
  return sendSignalToProcess(group, info, runs ? lastTask : undefined);
}

/** Its threads stand before their ends, since tracers want to hear of them (kernel/signal.c, prepare_signal). */
function isEnding({ exitStatus }: SignalProcess): boolean {
  return exitStatus !== null;
}

function drop(info: SignalInfo): 0 {
  info.owner?.signalTaken(info);
  return 0;
}

/**
 * RLIMIT_SIGPENDING (getrlimit(2)) bounds what is queued for all processes of a user. Beyond it, a real-time signal by
 * sigqueue(3) or tgkill(2) is refused; any other becomes pending without its info, so that it doesn't count.
 *
 * @see kernel/signal.c, __send_signal_locked
 */
function enqueue(group: SignalProcess, pending: PendingSignals, info: SignalInfo): number {
  const { signal, code } = info;
  const isExempt = info.owner !== null || (signal < SIGRTMIN && code >= 0);
  if (isExempt || hasRoom(group)) pending.add(seenBy(group, info));
  else if (signal >= SIGRTMIN && code !== SI_USER) return -EAGAIN;
  else if (!pending.set.has(signal)) pending.add(signalInfo(signal, SI_USER));
  return 0;
}

/** May one more signal be queued for the process, or be kept for a timer of it? */
export function hasRoom(group: SignalProcess): boolean {
  const limit = group.limits[RLIMIT_SIGPENDING]!.soft;
  return group.leader.kernel.signalLoad.queued < limit || queuedForUser(group) < limit;
}

/** The sender as the receiver knows him: in the numbers of his pid namespace and of his user namespace. */
function seenBy(group: SignalProcess, info: SignalInfo): SignalInfo {
  const { pidNamespace, leader } = group;
  const { userNamespace } = leader.credentials;
  if (info.owner !== null || (pidNamespace.parent === null && userNamespace.parent === null)) return info;
  const isChosen = info.given !== null || (info.code < 0 && !KERNEL_CODES.has(info.code));
  const pid = !isChosen ? pidNamespace.idOf(info.pid) : isFromOutside(group) ? 0 : info.pid;
  return { ...info, pid, uid: userNamespace.uids.shown(info.uid) };
}

/** Negative codes whose sender the kernel fills in; with the others the sender does (sigqueue(3)). */
const KERNEL_CODES: ReadonlySet<number> = new Set([SI_TKILL, SI_MESGQ]);

/** Does the receiver's pid namespace have no number for who sends? */
function isFromOutside(group: SignalProcess): boolean {
  const { current } = group.leader.kernel.scheduler;
  return current === null || group.pidNamespace.idOf(current.group.pid) === 0;
}

/**
 * Process 1 of a pid namespace gets what it has a handler for, and SIGKILL and SIGSTOP from outside alone
 * (pid_namespaces(7), "The namespace init process").
 */
function passesByInit(group: SignalProcess, info: SignalInfo): boolean {
  const { signal, code } = info;
  return signal === SIGKILL || signal === SIGSTOP
    ? group.pidNamespace.init === group && code !== SI_KERNEL && !isFromOutside(group)
    : endsNotInit(group, info);
}

/**
 * May the signal's default action not befall the process, as it is process 1 of a namespace? Asked again when it is
 * delivered: it may have been blocked meanwhile.
 */
export function endsNotInit(group: SignalProcess, { signal, code }: SignalInfo): boolean {
  if (group.pidNamespace.init !== group || group.actions.get(signal).handler !== SIG_DFL) return false;
  if (signal === SIGKILL || signal === SIGSTOP) return false;
  return !(code > 0 && code !== SI_KERNEL && isFault(signal));
}

/**
 * How many the process's user has queued, and timers, each of which keeps a place for its signal from the first on
 * (kernel/time/posix-timers.c, alloc_posix_timer). Work: one step a task and signal, when the machine has more of them
 * than the limit allows.
 */
export function queuedForUser(target: SignalProcess): number {
  const { credentials, kernel } = target.leader;
  if (kernel.signalLoad.queued === 0) return 0;
  const { uid } = credentials;
  let count = 0;
  for (const process of kernel.tasks.processes.values()) {
    if (process.leader.credentials.uid !== uid) continue;
    count += process.pending.counted + (process.timers?.posix.size ?? 0);
    for (const task of process.tasks) count += task.pending.counted;
  }
  return count;
}

/** @returns how many processes got it */
export function sendSignalToProcessGroup(group: ProcessGroup, info: SignalInfo): number {
  let count = 0;
  for (const member of [...group.members]) {
    if (member.isZombie) continue;
    sendSignalToProcess(member, { ...info });
    count++;
  }
  return count;
}

/** Linux unblocks what rt_sigtimedwait waits for while it waits (kernel/signal.c, do_sigtimedwait). */
function takes(task: SignalTask, signal: number): boolean {
  return wants(task, signal) || task.waitedSignals?.has(signal) === true;
}

function wants(task: SignalTask, signal: number): boolean {
  return task.state !== "Z" && task.state !== "X" && (signal === SIGKILL || !task.blocked.has(signal));
}

/** Stop and continue signals cancel each other, whether they are then delivered or not (signal(7)). */
function prepare(group: SignalProcess, signal: number): void {
  if (signal === SIGCONT) {
    for (const stop of STOPS) discard(group, stop);
    continueProcess(group);
  } else if (STOPS.includes(signal)) discard(group, SIGCONT);
  else if (signal === SIGKILL && group.stopSignal !== 0) resume(group);
}

const STOPS = [SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU];

function discard(group: SignalProcess, signal: number): void {
  group.pending.discard(signal);
  for (const task of group.tasks) task.pending.discard(signal);
}

function continueProcess(group: SignalProcess): void {
  if (group.stopSignal === 0) return;
  resume(group);
  group.unreportedStop = 0;
  group.unreportedContinue = true;
  const { parent } = group;
  if (parent === null) return;
  if ((parent.actions.get(SIGCHLD).flags & 1) === 0) {
    sendSignalToProcess(
      parent,
      signalInfo(SIGCHLD, CLD_CONTINUED, {
        pid: group.pid,
        uid: group.leader.credentials.uid,
        status: SIGCONT,
        ...spentTime(group.leader),
      }),
    );
  }
  parent.childrenQueue.wakeAll();
}

function resume(group: SignalProcess): void {
  group.stopSignal = 0;
  for (const task of group.tasks) {
    if (task.state !== "T") continue;
    task.state = "R";
    task.hasWork = true;
    task.kernel.scheduler.enqueue(task);
  }
}

/**
 * A signal that would do nothing is not even queued, unless it is blocked (then a handler may come) or waited for by
 * signalfd.
 */
function isIgnored(group: SignalProcess, task: SignalTask | null, info: SignalInfo): boolean {
  const { signal } = info;
  // Neither can be blocked. A tracer sees all but SIGKILL.
  const tasks = task === null ? group.tasks : [task];
  if (tasks.some((each) => each.blocked.has(signal) || (each.isTraced && signal !== SIGKILL))) return false;
  if (passesByInit(group, info)) return true;
  if (signal === SIGKILL || signal === SIGSTOP) return false;
  const { handler } = group.actions.get(signal);
  return handler === SIG_IGN || (handler === SIG_DFL && isIgnoredByDefault(signal));
}

/** Makes the task look at its signals soon: it leaves a wait that signals interrupt. */
function notify(task: SignalTask, signal: number): void {
  if (!takes(task, signal)) return;
  task.hasWork = true;
  if (task.isFrozen && isFatal(task, signal)) thawToEnd(task.group);
  if (task.state === "S" && task.blockedKind === BLOCKED_KILLABLE && !isFatal(task, signal)) return;
  if (task.state === "S") task.endWait("signal");
  else if ((task.state === "T" || task.state === "t") && signal === SIGKILL) {
    task.state = "R";
    task.kernel.scheduler.enqueue(task);
  }
}

/** What is frozen goes on to its end all the same (cgroup-v2.rst, "cgroup.freeze"). */
function thawToEnd(group: SignalProcess): void {
  const { scheduler } = group.leader.kernel;
  for (const task of group.tasks) {
    if (!task.isFrozen) continue;
    task.isFrozen = false;
    if (task.state === "R" && task !== scheduler.current) scheduler.enqueue(task);
  }
}

/** Does the signal end the process, come what may? One that leaves a core waits (kernel/signal.c, complete_signal). */
function isFatal(task: SignalTask, signal: number): boolean {
  if (signal === SIGKILL) return true;
  if (task.blocked.has(signal) || task.isTraced || defaultAction(signal) !== "terminate") return false;
  return task.group.actions.get(signal).handler === SIG_DFL && task.group.pidNamespace.init !== task.group;
}

/** A signal that ends a wait which others don't end (BLOCKED_KILLABLE); 0: there is none. */
export function fatalSignal(task: SignalTask): number {
  if (!hasDeliverableSignal(task)) return 0;
  for (let signal = 1; signal <= SIGRTMAX; signal++)
    if ((task.pending.set.has(signal) || task.group.pending.set.has(signal)) && isFatal(task, signal)) return signal;
  return 0;
}

/** Is there a signal that the task must act on before it goes on in user mode? */
export function hasDeliverableSignal(task: SignalTask): boolean {
  const low = (task.pending.set.low | task.group.pending.set.low) & ~task.blocked.low;
  const high = (task.pending.set.high | task.group.pending.set.high) & ~task.blocked.high;
  return low !== 0 || high !== 0;
}

/**
 * Is there one, and was the task told of it? A signal of the process is for the thread that was: another one begins to
 * wait all the same (Linux: signal_pending).
 */
export function isToldOfSignal(task: SignalTask): boolean {
  return task.hasWork && hasDeliverableSignal(task);
}

/**
 * Gives the task another mask. What it was told of and blocks now is for another thread that doesn't (kernel/signal.c,
 * __set_task_blocked and retarget_shared_pending); what it no longer blocks is looked at.
 */
export function setBlocked(task: SignalTask, mask: SignalSet): void {
  const { blocked } = task;
  task.blocked = mask;
  if (hasDeliverableSignal(task)) task.hasWork = true;
  retarget(task, mask.low & ~blocked.low, mask.high & ~blocked.high);
}

/** A thread that ends leaves to others what it was told of (kernel/signal.c, exit_signals). */
export function leaveSignals(task: SignalTask): void {
  retarget(task, ~task.blocked.low, ~task.blocked.high);
}

/** Of what waits for the process, signals that the thread takes no longer are told to others. */
function retarget(task: SignalTask, ofLow: number, ofHigh: number): void {
  const { set } = task.group.pending;
  let low = set.low & ofLow,
    high = set.high & ofHigh;
  for (const other of (low | high) === 0 ? [] : task.group.tasks) {
    if (other === task || other.state === "Z" || other.state === "X") continue;
    const { waitedSignals: waited } = other;
    const lowHeld = other.blocked.low & ~(waited?.low ?? 0),
      highHeld = other.blocked.high & ~(waited?.high ?? 0);
    const signal = lowestOf(low & ~lowHeld, high & ~highHeld);
    if (signal !== 0 && !other.hasWork) notify(other, signal);
    low &= lowHeld;
    high &= highHeld;
  }
}

/** Of a set; 0: it is empty. */
function lowestOf(low: number, high: number): number {
  if (low !== 0) return 32 - Math.clz32(low & -low);
  return high === 0 ? 0 : 64 - Math.clz32(high & -high);
}

/** Takes the next signal to deliver off the queues; null when there is none. */
export function takeSignal(task: SignalTask, allowed: (signal: number) => boolean): SignalInfo | null {
  return task.pending.take(allowed) ?? task.group.pending.take(allowed);
}
