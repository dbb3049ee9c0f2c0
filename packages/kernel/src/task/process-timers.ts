import {
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_THREAD_CPUTIME_ID,
  ITIMER_REAL,
  ITIMER_VIRTUAL,
  SIGALRM,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
  SIGEV_THREAD_ID,
  SIGPROF,
  SIGVTALRM,
  SI_KERNEL,
  SI_TIMER,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Kernel } from "./kernel-state.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import { signalInfo, type SignalInfo, type SignalLoad, type SignalOwner } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToTask, sendTimerSignal } from "../signal/send-signal.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import { countsUserTime } from "./clocks.ts";
import { cpuTimeBase, ProcessTimeBase, type TimeBase } from "./cpu-timers.ts";
import type { ClockSetObserver } from "../time/time-kernel.ts";
import { Timer, type TimerClient, type TimerQueue } from "../time/timer-queue.ts";

/**
 * Interval timers (setitimer(2)) and POSIX timers (timer_create(2)) of a process. The process's end cancels them.
 * Bound: RLIMIT_SIGPENDING (signal/send-signal.ts, hasRoom).
 */
class ProcessTimers {
  readonly intervals: (IntervalTimer | null)[] = [null, null, null];
  readonly posix = new Map<number, PosixTimer>();
  #nextId = 0;

  /** A timer's number, which is used up whatever becomes of the timer. */
  takeId(): number {
    return this.#nextId++;
  }

  add(timer: PosixTimer): void {
    this.posix.set(timer.id, timer);
    timer.signalLoad.queued++;
  }

  remove(timer: PosixTimer): void {
    timer.cancel();
    if (this.posix.delete(timer.id)) timer.signalLoad.queued--;
  }

  cancelAll(): void {
    for (const timer of this.intervals) timer?.cancel();
    this.deletePosix();
  }

  /** execve keeps interval timers and deletes POSIX timers. */
  deletePosix(): void {
    for (const timer of this.posix.values()) this.remove(timer);
  }

  static {
    stateClass("ProcessTimers", this, {
      save: (it) => ({ nextId: it.#nextId }),
      load: (it, from) => ({ nextId: it.#nextId } = from),
    });
  }
}

/** proc_pid_timers(5): the newest first; the clocks of the caller's own time have the names that they stand for. */
export function describeTimers(process: ThreadGroup, ids: PidNamespace): string {
  let text = "";
  for (const { id, clock, event } of [...timersOf(process).posix.values()].reverse()) {
    const kind = NOTIFY_NAMES[event.notify & ~SIGEV_THREAD_ID] ?? "none";
    const isOfThread = (event.notify & SIGEV_THREAD_ID) !== 0;
    const to = ids.idOf(isOfThread && event.thread !== null ? event.thread.tid : process.leader.tid);
    const value = hex32(event.valueHigh) + hex32(event.valueLow);
    text +=
      `ID: ${id}\nsignal: ${event.signal}/${value}\nnotify: ${kind}/${isOfThread ? "tid" : "pid"}.${to}\n` +
      `ClockID: ${OWN_CPU_CLOCKS[clock] ?? clock}\n`;
  }
  return text;
}

/** kernel/time/posix-cpu-timers.c, PROCESS_CLOCK and THREAD_CLOCK. */
const OWN_CPU_CLOCKS: Readonly<Record<number, number>> = {
  [CLOCK_PROCESS_CPUTIME_ID]: -6,
  [CLOCK_THREAD_CPUTIME_ID]: -2,
};
const NOTIFY_NAMES: Readonly<Record<number, string>> = {
  [SIGEV_SIGNAL]: "signal",
  [SIGEV_NONE]: "none",
  [SIGEV_THREAD]: "thread",
};

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}

export function timersOf(process: ThreadGroup): ProcessTimers {
  return (process.timers ??= new ProcessTimers()) as ProcessTimers;
}

const SIGNALS = [SIGALRM, SIGVTALRM, SIGPROF];

/** A timer on some clock: armed for a time of that clock, and again each interval. */
abstract class ClockTimer implements TimerClient {
  #timer: Timer;
  /** On the timer's own clock: when it fires next, or fired last. */
  get deadlineNs(): number {
    return this.#timer.deadlineNs;
  }

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

  protected get isArmed(): boolean {
    return this.#timer.isArmed;
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

  static {
    stateClass("ClockTimer", this, {
      save: (it) => ({ timer: it.#timer }),
      load: (it, from) => ({ timer: it.#timer } = from),
    });
  }
}

/** Elapsed time: CLOCK_MONOTONIC, which the kernel's own timers run on. */
class ElapsedTimeBase implements TimeBase {
  readonly kernel: Kernel;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  now(): number {
    return this.kernel.now();
  }

  get queue(): TimerQueue {
    return this.kernel.timers;
  }

  static {
    stateClass("ElapsedTimeBase", this);
  }
}

function intervalTimeBase(kernel: Kernel, process: ThreadGroup, which: number): TimeBase {
  if (which === ITIMER_REAL) return new ElapsedTimeBase(kernel);
  return new ProcessTimeBase(process, which === ITIMER_VIRTUAL);
}

export class IntervalTimer extends ClockTimer {
  #process: ThreadGroup;
  #which: number;

  constructor(kernel: Kernel, process: ThreadGroup, which: number) {
    super(intervalTimeBase(kernel, process, which));
    this.#process = process;
    this.#which = which;
  }

  protected override notify(): void {
    // The one of elapsed time is the leader's first (kernel/time/itimer.c, it_real_fn).
    const send = this.#which === ITIMER_REAL ? sendSignalToProcess : sendTimerSignal;
    send(this.#process, signalInfo(SIGNALS[this.#which]!, SI_KERNEL));
  }

  static {
    stateClass("IntervalTimer", this, {
      save: (it) => ({ process: it.#process, which: it.#which }),
      load: (it, from) => ({ process: it.#process, which: it.#which } = from),
    });
  }
}

/** `struct sigevent`. */
export interface TimerEvent {
  readonly notify: number;
  readonly signal: number;
  readonly valueLow: number;
  readonly valueHigh: number;
  /** SIGEV_THREAD_ID. */
  readonly thread: Task | null;
}

/** What timer_getoverrun(2) shows at most (DELAYTIMER_MAX). */
const OVERRUN_MAX = 0x7fffffff;

/**
 * timer_create(2). After an expiration the timer rests until its signal is taken; the intervals that went by
 * meanwhile are its overrun (timer_getoverrun(2)),
 * and it goes on from the next: however short its interval, there is one expiration for each signal that is acted on.
 */
export class PosixTimer extends ClockTimer implements SignalOwner, ClockSetObserver {
  readonly clock: number;
  #process: ThreadGroup;
  #event: TimerEvent;
  readonly id: number;
  overrun = 0;
  /** Its signal is in a queue. */
  #isQueued = false;
  /** It goes on when that is taken. */
  #rests = false;
  /** realtimeOffsetMs that the deadline was computed with, of one that follows CLOCK_REALTIME. */
  #wallOffsetMs = 0;

  /** @param owner  whose CPU time it runs on; null: elapsed time */
  constructor(task: Task, clock: number, owner: Task | ThreadGroup | null, event: TimerEvent, id: number) {
    super(owner === null ? new ElapsedTimeBase(task.kernel) : cpuTimeBase(owner, countsUserTime(clock)));
    this.id = id;
    this.#process = task.group;
    this.clock = clock;
    this.#event = event;
  }

  /** How it tells of an expiration, as it was asked for. */
  get event(): Readonly<TimerEvent> {
    return this.#event;
  }

  get signalLoad(): SignalLoad {
    return this.#process.leader.kernel.signalLoad;
  }

  get isCpuClock(): boolean {
    return this.clock < 0 || this.clock === CLOCK_PROCESS_CPUTIME_ID || this.clock === CLOCK_THREAD_CPUTIME_ID;
  }

  override timerExpired(nowNs: number): void {
    const event = this.#event;
    if (event.notify === SIGEV_NONE) return super.timerExpired(nowNs);
    this.#rests = true;
    this.#isQueued = true;
    const info = signalInfo(event.signal, SI_TIMER, {
      timerId: this.id,
      valueLow: event.valueLow,
      valueHigh: event.valueHigh,
      owner: this,
    });
    if (event.notify === SIGEV_THREAD_ID && event.thread !== null) sendSignalToTask(event.thread, info);
    else sendTimerSignal(this.#process, info);
  }

  /** The signal is delivered, read, or was ignored. */
  signalTaken(info: SignalInfo): void {
    this.#isQueued = false;
    if (!this.#rests) return;
    this.#rests = false;
    this.overrun = 0;
    if (this.intervalNs > 0) {
      const missed = Math.max(0, Math.floor((this.base.now() - this.deadlineNs) / this.intervalNs));
      this.overrun = Math.min(missed, OVERRUN_MAX);
      super.set(this.deadlineNs + (missed + 1) * this.intervalNs);
    }
    info.overrun = this.overrun;
  }

  /** A new setting takes back the signal of an expiration that nobody has seen. */
  override set(deadlineNs: number): void {
    this.#leaveWall();
    this.#withdraw();
    super.set(deadlineNs);
  }

  /** As `set`, for an absolute time of CLOCK_REALTIME: setting that clock moves the deadline. */
  setByWall(deadlineNs: number): void {
    this.set(deadlineNs);
    const { kernel } = this.#process.leader;
    this.#wallOffsetMs = kernel.realtimeOffsetMs;
    kernel.clockSetObservers.add(this);
  }

  clockWasSet(): void {
    const { realtimeOffsetMs } = this.#process.leader.kernel;
    const movedNs = (realtimeOffsetMs - this.#wallOffsetMs) * 1e6;
    this.#wallOffsetMs = realtimeOffsetMs;
    if (this.isArmed) super.set(this.deadlineNs - movedNs);
  }

  override cancel(): void {
    this.#leaveWall();
    this.#withdraw();
    super.cancel();
  }

  #leaveWall(): void {
    this.#process.leader.kernel.clockSetObservers.delete(this);
  }

  #withdraw(): void {
    this.#rests = false;
    if (!this.#isQueued) return;
    this.#isQueued = false;
    const { notify, thread } = this.#event;
    (notify === SIGEV_THREAD_ID && thread !== null ? thread : this.#process).pending.withdraw(this);
  }

  override get leftNs(): number {
    if (!this.#rests || this.intervalNs === 0) return super.leftNs;
    const since = this.base.now() - this.deadlineNs;
    return Math.max(1, this.intervalNs - (since % this.intervalNs));
  }

  protected override notify(): void {}

  static {
    stateClass("PosixTimer", this, {
      save: (it) => ({
        process: it.#process,
        event: it.#event,
        isQueued: it.#isQueued,
        rests: it.#rests,
        wallOffsetMs: it.#wallOffsetMs,
      }),
      load: (it, from) =>
        ({
          process: it.#process,
          event: it.#event,
          isQueued: it.#isQueued,
          rests: it.#rests,
          wallOffsetMs: it.#wallOffsetMs,
        } = from),
    });
  }
}
