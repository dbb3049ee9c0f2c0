import { CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, SI_KERNEL, SI_TIMER, SIGALRM, SIGPROF, SIGVTALRM } from "@stratos/abi";
import type { Kernel } from "../kernel-state.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToTask } from "../signal/send-signal.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { processTimeBase, threadTimeBase, type TimeBase } from "./cpu-timers.ts";
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

  cancelAll(): void {
    for (const timer of this.intervals) timer?.cancel();
    this.deletePosix();
  }

  /** execve keeps interval timers and deletes POSIX timers. */
  deletePosix(): void {
    for (const timer of this.posix.values()) timer.cancel();
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
export function cancelProcessTimers(process: ThreadGroup): void {
  timersOf.get(process)?.cancelAll();
}

export const ITIMER_REAL = 0, ITIMER_VIRTUAL = 1, ITIMER_PROF = 2;
const SIGNALS = [SIGALRM, SIGVTALRM, SIGPROF];

/** A timer on some clock: armed for a time of that clock, and again each interval. */
abstract class ClockTimer implements TimerClient {
  readonly #timer: Timer;
  readonly base: TimeBase;
  intervalNs = 0;

  constructor(base: TimeBase) {
    this.base = base;
    this.#timer = new Timer(this);
  }

  /** @param deadlineNs  on the timer's own clock */
  set(deadlineNs: number): void {
    this.base.queue.set(this.#timer, deadlineNs);
  }

  cancel(): void {
    this.base.queue.cancel(this.#timer);
  }

  /** Nanoseconds that are left, at least 1 while it is armed; 0: it isn't. */
  get leftNs(): number {
    return this.#timer.isArmed ? Math.max(1, this.#timer.deadlineNs - this.base.now()) : 0;
  }

  timerExpired(nowNs: number): void {
    let missed = 0;
    if (this.intervalNs > 0) {
      missed = Math.max(0, Math.floor((nowNs - this.#timer.deadlineNs) / this.intervalNs));
      this.set(this.#timer.deadlineNs + (missed + 1) * this.intervalNs);
    }
    this.notify(missed);
  }

  /** @param missed  expirations that went by unseen before this one */
  protected abstract notify(missed: number): void;
}

/** Elapsed time: CLOCK_MONOTONIC, which the kernel's own timers run on. */
function elapsedTimeBase(kernel: Kernel): TimeBase {
  return { now: () => kernel.now(), queue: kernel.timers };
}

/** ITIMER_VIRTUAL counts the time in system calls as well: it isn't told from that in user mode. */
export class IntervalTimer extends ClockTimer {
  readonly #process: ThreadGroup;
  readonly #which: number;

  constructor(kernel: Kernel, process: ThreadGroup, which: number) {
    super(which === ITIMER_REAL ? elapsedTimeBase(kernel) : processTimeBase(process));
    this.#process = process;
    this.#which = which;
  }

  protected override notify(): void {
    sendSignalToProcess(this.#process, signalInfo(SIGNALS[this.#which]!, SI_KERNEL));
  }
}

/** `sigev_notify`. */
export const SIGEV_SIGNAL = 0, SIGEV_NONE = 1, SIGEV_THREAD_ID = 4;

export class PosixTimer extends ClockTimer {
  readonly clock: number;
  readonly #process: ThreadGroup;
  readonly #event: { notify: number; signal: number; valueLow: number; valueHigh: number; thread: Task | null };
  id = 0;
  overrun = 0;

  /** @param owner  whose CPU time it runs on; null: elapsed time */
  constructor(task: Task, clock: number, owner: Task | ThreadGroup | null, event: { notify: number; signal: number; valueLow: number; valueHigh: number; thread: Task | null }) {
    super(owner === null ? elapsedTimeBase(task.kernel) : "tid" in owner ? threadTimeBase(owner) : processTimeBase(owner));
    this.#process = task.group;
    this.clock = clock;
    this.#event = event;
  }

  get isCpuClock(): boolean {
    return this.clock < 0 || this.clock === CLOCK_PROCESS_CPUTIME_ID || this.clock === CLOCK_THREAD_CPUTIME_ID;
  }

  protected override notify(missed: number): void {
    const event = this.#event;
    this.overrun = missed;
    if (event.notify === SIGEV_NONE) return;
    const info = signalInfo(event.signal, SI_TIMER, { timerId: this.id, overrun: missed, valueLow: event.valueLow, valueHigh: event.valueHigh });
    if (event.notify === SIGEV_THREAD_ID && event.thread !== null) sendSignalToTask(event.thread, info);
    else sendSignalToProcess(this.#process, info);
  }
}
