import { SI_KERNEL, SI_TIMER, SIGALRM, SIGPROF, SIGVTALRM } from "@stratos/abi";
import type { Kernel } from "../kernel-state.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToTask } from "../signal/send-signal.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { Timer, type TimerClient } from "./timer-queue.ts";

/** Interval timers (setitimer(2)) and POSIX timers (timer_create(2)) of a process. The process's end cancels them. */
export class ProcessTimers {
  readonly intervals: (IntervalTimer | null)[] = [null, null, null];
  readonly posix = new Map<number, PosixTimer>();
  #nextId = 0;

  add(timer: PosixTimer): number {
    const id = this.#nextId++;
    timer.id = id;
    this.posix.set(id, timer);
    return id;
  }

  cancelAll(kernel: Kernel): void {
    for (const timer of this.intervals) if (timer !== null) kernel.timers.cancel(timer.timer);
    for (const timer of this.posix.values()) kernel.timers.cancel(timer.timer);
    this.posix.clear();
  }

  /** execve keeps interval timers and deletes POSIX timers. */
  deletePosix(kernel: Kernel): void {
    for (const timer of this.posix.values()) kernel.timers.cancel(timer.timer);
    this.posix.clear();
  }
}

const timersOf = new WeakMap<ThreadGroup, ProcessTimers>();

export function processTimers(process: ThreadGroup): ProcessTimers {
  let timers = timersOf.get(process);
  if (timers === undefined) timersOf.set(process, (timers = new ProcessTimers()));
  return timers;
}

/** For a process that ends; it may never have had timers. */
export function cancelProcessTimers(kernel: Kernel, process: ThreadGroup): void {
  timersOf.get(process)?.cancelAll(kernel);
}

export const ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2;
const SIGNALS = [SIGALRM, SIGVTALRM, SIGPROF];

/** ITIMER_VIRTUAL and ITIMER_PROF run on elapsed time: CPU time is not watched closely enough to be their clock. */
export class IntervalTimer implements TimerClient {
  readonly timer: Timer;
  readonly #process: ThreadGroup;
  readonly #kernel: Kernel;
  readonly #which: number;
  intervalNs = 0;

  constructor(kernel: Kernel, process: ThreadGroup, which: number) {
    this.#kernel = kernel;
    this.#process = process;
    this.#which = which;
    this.timer = new Timer(this);
  }

  timerExpired(nowNs: number): void {
    sendSignalToProcess(this.#process, signalInfo(SIGNALS[this.#which]!, SI_KERNEL));
    if (this.intervalNs > 0) this.#kernel.timers.set(this.timer, nextExpiry(this.timer.deadlineNs, this.intervalNs, nowNs).deadlineNs);
  }
}

/** `sigev_notify`. */
export const SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD_ID = 4;

export class PosixTimer implements TimerClient {
  readonly timer: Timer;
  readonly clock: number;
  readonly #process: ThreadGroup;
  readonly #kernel: Kernel;
  readonly #event: { notify: number; signal: number; valueLow: number; valueHigh: number; thread: Task | null };
  id = 0;
  intervalNs = 0;
  overrun = 0;

  constructor(kernel: Kernel, process: ThreadGroup, clock: number, event: { notify: number; signal: number; valueLow: number; valueHigh: number; thread: Task | null }) {
    this.#kernel = kernel;
    this.#process = process;
    this.clock = clock;
    this.#event = event;
    this.timer = new Timer(this);
  }

  timerExpired(nowNs: number): void {
    const event = this.#event;
    this.overrun = 0;
    if (this.intervalNs > 0) {
      const next = nextExpiry(this.timer.deadlineNs, this.intervalNs, nowNs);
      this.overrun = next.missed;
      this.#kernel.timers.set(this.timer, next.deadlineNs);
    }
    if (event.notify === SIGEV_NONE) return;
    const info = signalInfo(event.signal, SI_TIMER, { timerId: this.id, overrun: this.overrun, valueLow: event.valueLow, valueHigh: event.valueHigh });
    if (event.notify === SIGEV_THREAD_ID && event.thread !== null) sendSignalToTask(event.thread, info);
    else sendSignalToProcess(this.#process, info);
  }
}

function nextExpiry(deadlineNs: number, intervalNs: number, nowNs: number): { deadlineNs: number; missed: number } {
  const missed = Math.max(0, Math.floor((nowNs - deadlineNs) / intervalNs));
  return { deadlineNs: deadlineNs + (missed + 1) * intervalNs, missed };
}
