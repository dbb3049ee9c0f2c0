/**
 * Tracing of one task by another (ptrace(2)): who traces whom, and where a tracee stands still. The requests stand in
 * syscall/ptrace-calls.ts.
 *
 * A tracee stands in state t (`standStill`), its registers saved, until its tracer lets it go on or SIGKILL comes. It
 * stands before a signal is delivered (deliver-signals.ts), before and after a call, and for what is `due`: events, and
 * stops of its process. A call is `entering` while the tracee stands before it, `inside` until it is done. A blocked
 * call that a stop interrupts is shown as done with one of Linux's ERESTART numbers, and is begun again afterwards:
 * `interrupted`.
 */
import {
  CLD_DUMPED,
  CLD_EXITED,
  CLD_KILLED,
  CLD_TRAPPED,
  CLONE_PTRACE,
  CLONE_UNTRACED,
  CLONE_VFORK,
  PTRACE_EVENT_CLONE,
  PTRACE_EVENTMSG_SYSCALL_ENTRY,
  PTRACE_EVENTMSG_SYSCALL_EXIT,
  PTRACE_EVENT_EXEC,
  PTRACE_EVENT_EXIT,
  PTRACE_EVENT_FORK,
  PTRACE_EVENT_SECCOMP,
  PTRACE_EVENT_STOP,
  PTRACE_EVENT_VFORK,
  PTRACE_EVENT_VFORK_DONE,
  PTRACE_O_EXITKILL,
  PTRACE_O_SUSPEND_SECCOMP,
  PTRACE_O_TRACESYSGOOD,
  SA_NOCLDSTOP,
  SIGCHLD,
  SIGKILL,
  SIGSTOP,
  SIGTRAP,
  SI_KERNEL,
  SI_USER,
  SYSCALL_NUMBERS,
  TIMER_ABSTIME,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED, BLOCKED_EINTR, BLOCKED_KILLABLE, BLOCKED_RESTART } from "../ground/wait-queue.ts";
import { signalInfo, type SignalInfo, spentTime } from "../signal/pending-signals.ts";
import { hasDeliverableSignal, sendSignalToProcess, sendSignalToTask } from "../signal/send-signal.ts";
import { A0, A1, A2, A7 } from "./hart-registers.ts";
import type { Task } from "./task.ts";

interface TraceStop {
  readonly kind: "signal" | "entry" | "exit" | "event" | "group";
  /** What wait(2) tells in place of a signal: with the event in its second byte. */
  readonly code: number;
  /** The signal that is to be delivered. */
  info: SignalInfo | null;
  /** For PTRACE_GETEVENTMSG: what an event tells, or which side of a call it is. */
  readonly message: number;
}

/** A tracee that ended, until its tracer has waited for it. */
interface TraceeEnd {
  readonly tid: number;
  readonly status: number;
  readonly task: Task;
}

/** What a tracer has: bound by the number of tasks. */
export interface Tracees {
  readonly live: Set<Task>;
  readonly ended: TraceeEnd[];
}

/** What a tracee has. */
export class Tracing {
  readonly tracer: Task;
  readonly isSeized: boolean;
  /** PTRACE_O_*. */
  options: number;
  /** Let go by PTRACE_SYSCALL. */
  tracesCalls = false;
  call: "outside" | "entering" | "inside" | "interrupted" = "outside";
  /** Where it stands, or stood last. */
  stop: TraceStop | null = null;
  /** The tracer has waited for this stop. */
  isReported = true;
  readonly due: TraceStop[] = [];
  /** The tracer chose a0 before a call: the result of one that it takes back (number −1). */
  choseResult = false;
  /** The tracer lets it through. */
  delivered: SignalInfo | null = null;
  /** The tracer has heard what the filter says of the call that is begun. */
  isFiltered = false;
  /** Leaves a core when the tracer, which was told, lets it go on; what ends it otherwise is `Task.endsWith`. */
  dying: SignalInfo | null = null;
  /** PTRACE_LISTEN: what ends the stop of the process is a stop. */
  listens = false;

  constructor(tracer: Task, isSeized: boolean, options: number) {
    this.tracer = tracer;
    this.isSeized = isSeized;
    this.options = options;
  }

  /** Filters don't hold while it goes on (PTRACE_O_SUSPEND_SECCOMP). */
  get suspendsSeccomp(): boolean {
    return (this.options & PTRACE_O_SUSPEND_SECCOMP) !== 0;
  }

  wants(event: number): boolean {
    return (this.options & (1 << event)) !== 0;
  }

  static {
    stateClass("Tracing", this);
  }
}

/** What a blocked call seems to return whom a stop interrupts (include/linux/errno.h). */
const RESTARTS: ReadonlyMap<number, number> = new Map([
  [BLOCKED, -512], // ERESTARTSYS
  [BLOCKED_RESTART, -513], // ERESTARTNOINTR
  [BLOCKED_EINTR, -514], // ERESTARTNOHAND
]);
const ERESTART_RESTARTBLOCK = 516,
  NANOSLEEP = SYSCALL_NUMBERS.get("nanosleep")!,
  CLOCK_NANOSLEEP = SYSCALL_NUMBERS.get("clock_nanosleep")!;

/** A sleep for a time, which would go on for what is left of it. @param flags  a1 */
function isRelativeSleep({ syscallNumber }: Task, flags: number): boolean {
  return syscallNumber === NANOSLEEP || (syscallNumber === CLOCK_NANOSLEEP && (flags & TIMER_ABSTIME) === 0);
}

// ---- Who traces whom

export function beginTracing(tracer: Task, task: Task, isSeized: boolean, options: number): Tracing {
  const tracing = new Tracing(tracer, isSeized, options);
  task.tracing = tracing;
  tracer.tracees ??= { live: new Set(), ended: [] };
  tracer.tracees.live.add(task);
  return tracing;
}

/** The tracee goes on as if there had never been a tracer. @param info  is delivered to it */
export function detach(task: Task, tracing: Tracing, info: SignalInfo | null): void {
  const { dying } = tracing;
  tracing.tracer.tracees!.live.delete(task);
  task.tracing = null;
  if (task.state === "t") letGo(task);
  // What it stood before the end for ends it all the same.
  if (dying !== null) sendSignalToTask(task, dying);
  if (info !== null) sendSignalToTask(task, info);
}

function letGo(task: Task): void {
  task.hasWork = true;
  const isStopped = task.tracing === null && task.group.stopSignal !== 0;
  task.state = isStopped ? "T" : "R";
  if (!isStopped) task.kernel.scheduler.enqueue(task);
}

/** A task ends: its tracees are let go, its tracer is told. @param status  of its process if it was the last thread */
export function endTracing(task: Task, status: number): void {
  const { group, tracees } = task;
  for (const tracee of tracees === null ? [] : [...tracees.live]) {
    const { tracing } = tracee;
    if ((tracing!.options & PTRACE_O_EXITKILL) !== 0) sendSignalToTask(tracee, signalInfo(SIGKILL, SI_KERNEL));
    detach(tracee, tracing!, null);
  }
  task.tracees = null;
  if (task !== group.leader) tellEnd(task, status);
  if (group.tasks.length === 0) tellEnd(group.leader, group.exitStatus ?? status);
}

function tellEnd(task: Task, status: number): void {
  const { tracing, group } = task;
  if (tracing === null) return;
  const { tracer } = tracing;
  task.tracing = null;
  tracer.tracees!.live.delete(task);
  // The end of a process is told to its parent in any case.
  if (task === group.leader && tracer.group === group.parent) {
    group.endedTraced = true;
    return;
  }
  tracer.tracees!.ended.push({ tid: task.tid, status, task });
  if (task === group.leader) group.awaitsTracer = true;
  const signal = status & 0x7f;
  const how = signal === 0 ? CLD_EXITED : (status & 0x80) !== 0 ? CLD_DUMPED : CLD_KILLED;
  const value = signal === 0 ? (status >> 8) & 0xff : signal;
  sendSignalToProcess(
    tracer.group,
    signalInfo(SIGCHLD, how, {
      pid: task.tid,
      uid: task.credentials.uid,
      status: value,
      isChildEnd: true,
      ...spentTime(task),
    }),
  );
  tracer.group.childrenQueue.wakeAll();
}

// ---- Stops

/** The task stands, and its tracer hears of it. */
function standStill(task: Task, tracing: Tracing, stop: TraceStop): void {
  tracing.stop = stop;
  tracing.isReported = false;
  task.state = "t";
  task.kernel.scheduler.dequeue(task);
  const { group } = tracing.tracer;
  if ((group.actions.get(SIGCHLD).flags & SA_NOCLDSTOP) === 0) {
    const { uid } = task.credentials;
    const status = stop.code & 0x7f;
    sendSignalToProcess(group, signalInfo(SIGCHLD, CLD_TRAPPED, { pid: task.tid, uid, status, ...spentTime(task) }));
  }
  group.childrenQueue.wakeAll();
}

/** @param signal  delivered to the tracee instead of the one that it stands before; 0: none */
export function goOn(task: Task, tracing: Tracing, signal: number): void {
  const { kind } = tracing.stop!;
  const sent = chosenSignal(tracing, signal);
  letGo(task);
  if (sent === null) return;
  if (kind === "signal") tracing.delivered = sent;
  else sendSignalToTask(task, sent);
}

/**
 * What a tracee is told of the signal with which its tracer lets it go on; null: none is sent. At a call it comes from
 * the kernel (ptrace_report_syscall); in an event and in a stop of its process it is lost (ptrace_event,
 * do_jobctl_trap).
 */
export function chosenSignal({ stop, tracer }: Tracing, signal: number): SignalInfo | null {
  const { kind, info } = stop!;
  if (signal === 0 || kind === "event" || kind === "group") return null;
  if (kind !== "signal") return signalInfo(signal, SI_KERNEL);
  return info?.signal === signal ? info : fromTask(tracer, signal);
}

function fromTask({ group, credentials }: Task, signal: number): SignalInfo {
  return signalInfo(signal, SI_USER, { pid: group.pid, uid: credentials.uid });
}

/**
 * The task on the hart is about to look at its signals. What is due comes before them, and before both the end of a
 * call that they interrupt.
 *
 * @returns whether it stands
 */
export function standsForDue(task: Task, tracing: Tracing): boolean {
  if (tracing.listens) {
    tracing.listens = false;
    owe(tracing, PTRACE_EVENT_STOP, 0);
  }
  if (tracing.delivered !== null || (tracing.due.length === 0 && !hasDeliverableSignal(task))) return false;
  const isBlocked = task.syscallNumber >= 0 && RESTARTS.has(task.blockedKind) && tracing.call !== "entering";
  if (isBlocked && tracing.call !== "interrupted") {
    const isShown = tracing.call === "inside" && tracing.tracesCalls;
    tracing.call = "interrupted";
    tellRemainder(task);
    if (isShown) {
      standStill(task, tracing, callStop(tracing, "exit"));
      return true;
    }
  }
  return standsForNext(task, tracing);
}

/**
 * Linux writes what is left of a sleep before the tracer sees that it is over (kernel/time/hrtimer.c,
 * nanosleep_copyout), and not again.
 */
function tellRemainder(task: Task): void {
  const { hart, calls } = task.kernel;
  if (!isRelativeSleep(task, hart.get(A1)) || stateOf(task, "deadline") === null) return;
  calls[task.syscallNumber]!.interrupted!(task, hart.get(A0), hart.get(A1), hart.get(A2), hart.get(A2 + 1), 0, 0);
}

/** The call that a signal ends has told what is left. */
export function hasToldRemainder(task: Task): boolean {
  if (task.tracing?.call !== "interrupted" || stateOf(task, "deadline") === null) return false;
  return isRelativeSleep(task, task.kernel.hart.get(A1));
}

function standsForNext(task: Task, tracing: Tracing): boolean {
  for (;;) {
    const stop = tracing.due.shift();
    if (stop === undefined) return false;
    if (stop.kind === "exit" && !tracing.tracesCalls) continue;
    standStill(task, tracing, stop);
    return true;
  }
}

export function standsBeforeSignal(task: Task, tracing: Tracing, info: SignalInfo): void {
  standStill(task, tracing, { kind: "signal", code: info.signal, info, message: 0 });
}

function owe({ due }: Tracing, event: number, message: number): void {
  due.push({ kind: "event", code: SIGTRAP | (event << 8), info: null, message });
}

/** PTRACE_INTERRUPT, and the first stop of a child of a seized task. One that stands stops again when it goes on. */
export function oweStop(task: Task, tracing: Tracing): void {
  // Asked for twice it still is one stop.
  if (!tracing.due.some(({ code }) => code >> 8 === PTRACE_EVENT_STOP)) owe(tracing, PTRACE_EVENT_STOP, 0);
  if (task.state === "t") return;
  wakeForDue(task);
  // One that is frozen stands where it is: it has no turn before it is thawed (cgroups(7), cgroup.freeze).
  if (task.isFrozen) standsForNext(task, tracing);
}

function wakeForDue(task: Task): void {
  task.hasWork = true;
  if (task.state === "S" && task.blockedKind !== BLOCKED_KILLABLE) task.endWait("signal");
  else if (task.state === "T") letGo(task);
}

/** The process of the tracee is stopped by a signal. */
export function joinStop(task: Task, tracing: Tracing, signal: number): void {
  const code = tracing.isSeized ? signal | (PTRACE_EVENT_STOP << 8) : signal;
  const stop = { kind: "group", code, info: null, message: 0 } as const;
  if (task === task.kernel.scheduler.current || task.state === "T") return standStill(task, tracing, stop);
  tracing.due.push(stop);
  wakeForDue(task);
}

// ---- Calls

function callStop({ options }: Tracing, kind: "entry" | "exit"): TraceStop {
  const code = (options & PTRACE_O_TRACESYSGOOD) === 0 ? SIGTRAP : SIGTRAP | 0x80;
  const message = kind === "entry" ? PTRACE_EVENTMSG_SYSCALL_ENTRY : PTRACE_EVENTMSG_SYSCALL_EXIT;
  return { kind, code, info: null, message };
}

/** The tracee on the hart begins the call. @returns whether it stands before it */
export function standsAtEntry(task: Task, tracing: Tracing, number: number): boolean {
  tracing.isFiltered = false;
  tracing.call = "inside";
  if (!tracing.tracesCalls) return false;
  keepEntering(task, tracing, number);
  standStill(task, tracing, callStop(tracing, "entry"));
  return true;
}

const NO_SUCH_CALL = 0x7fffffff;

/** The call is begun when the tracee goes on. */
function keepEntering(task: Task, tracing: Tracing, number: number): void {
  tracing.call = "entering";
  tracing.choseResult = false;
  // A negative one would say that no call is begun; which it is stands in a7.
  task.syscallNumber = number < 0 ? NO_SUCH_CALL : number;
  task.blockedKind = BLOCKED;
}

/** SECCOMP_RET_TRACE. @returns whether it stands; false: it did before, and the call goes ahead */
export function standsForFilter(task: Task, tracing: Tracing, number: number, data: number): boolean {
  if (tracing.isFiltered) return false;
  tracing.isFiltered = true;
  keepEntering(task, tracing, number);
  owe(tracing, PTRACE_EVENT_SECCOMP, data);
  return standsForNext(task, tracing);
}

/** exit(2), exit_group(2). @returns whether it stands before it */
export function standsAtExit(task: Task, tracing: Tracing, status: number): boolean {
  if (!isToTellEnd(tracing)) return false;
  keepEntering(task, tracing, task.kernel.hart.get(A7));
  owe(tracing, PTRACE_EVENT_EXIT, status);
  return standsForNext(task, tracing);
}

function isToTellEnd(tracing: Tracing): boolean {
  return tracing.wants(PTRACE_EVENT_EXIT) && tracing.stop?.code !== (SIGTRAP | (PTRACE_EVENT_EXIT << 8));
}

/**
 * Somebody, or a signal, ends the thread, where it is; it goes on to its end when the tracer lets it, or by SIGKILL.
 *
 * @param status  as `exitTask` takes it @returns whether it stands before that
 */
export function standsForEnd(task: Task, tracing: Tracing, status: number): boolean {
  if (!isToTellEnd(tracing)) return false;
  task.endsWith = status;
  task.endWait("signal");
  tracing.due.length = 0;
  owe(tracing, PTRACE_EVENT_EXIT, status);
  return standsForNext(task, tracing);
}

/** A signal that leaves a core ends the tracee. @returns whether it stands before that */
export function standsBeforeDeath(task: Task, tracing: Tracing, info: SignalInfo): boolean {
  if (!isToTellEnd(tracing)) return false;
  tracing.dying = info;
  owe(tracing, PTRACE_EVENT_EXIT, info.signal);
  return standsForNext(task, tracing);
}

/** The call is done, its result in place. */
export function standsBehindCall(task: Task, tracing: Tracing): void {
  const { tracer } = tracing;
  const vfork = stateOf(task, "vfork");
  if (vfork !== null && tracing.wants(PTRACE_EVENT_VFORK_DONE))
    owe(tracing, PTRACE_EVENT_VFORK_DONE, tracer.group.pidNamespace.idOf(vfork.child));
  if (tracing.call === "inside") tracing.due.push(callStop(tracing, "exit"));
  tracing.call = "outside";
  standsForNext(task, tracing);
}

/** The call sleeps until a child lets it go on (vfork(2)): what is due comes before. @returns whether it stands */
export function standsInCall(task: Task, tracing: Tracing, number: number): boolean {
  if (tracing.due.length === 0) return false;
  task.syscallNumber = number;
  task.blockedKind = BLOCKED_KILLABLE;
  task.endWait("queue");
  return standsForNext(task, tracing);
}

/** A tracee has a child, which is traced, too, if its tracer asked for it. */
export function traceChild(tracing: Tracing, child: Task, flags: number, exitSignal: number): void {
  const { tracer, isSeized, options } = tracing;
  const isVfork = (flags & CLONE_VFORK) !== 0;
  const event = isVfork ? PTRACE_EVENT_VFORK : exitSignal === SIGCHLD ? PTRACE_EVENT_FORK : PTRACE_EVENT_CLONE;
  const isTold = tracing.wants(event);
  if ((flags & CLONE_UNTRACED) !== 0 || (!isTold && (flags & CLONE_PTRACE) === 0)) return;
  if (isTold) owe(tracing, event, tracer.group.pidNamespace.idOf(child.tid));
  const own = beginTracing(tracer, child, isSeized, options);
  if (isSeized) oweStop(child, own);
  // From nobody: it is only made pending (Linux include/linux/ptrace.h, ptrace_init_task).
  else sendSignalToTask(child, signalInfo(SIGSTOP, SI_USER));
}

/** @param tid  that the task had before it took its leader's */
export function traceExec(task: Task, tracing: Tracing, tid: number): void {
  if (tracing.wants(PTRACE_EVENT_EXEC)) owe(tracing, PTRACE_EVENT_EXEC, tracing.tracer.group.pidNamespace.idOf(tid));
  else if (!tracing.isSeized) sendSignalToTask(task, fromTask(task, SIGTRAP));
}

/** What a call that a stop interrupted seems to have returned; null: no call was. @param flags  a1 */
export function shownRestart(task: Task, flags: number): number | null {
  if (task.tracing?.call !== "interrupted") return null;
  return isRelativeSleep(task, flags) ? -ERESTART_RESTARTBLOCK : RESTARTS.get(task.blockedKind)!;
}
