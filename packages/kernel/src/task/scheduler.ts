import { SCHED_OTHER } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Kernel } from "./kernel-state.ts";
import { Timer, type TimerClient } from "../time/timer-queue.ts";
import { chargeGroups, countLoad, shareFactor, WEIGHT_DEFAULT } from "./group-shares.ts";
import { LoadAverage } from "./load-average.ts";
import { RunQueue } from "./run-queue.ts";
import type { Task } from "./task.ts";
import type { WaitQueue } from "../ground/wait-queue.ts";

/** /proc/sys/kernel/sched_rr_timeslice_ms. */
export const RR_TIMESLICE_MS = 100;

/**
 * Who runs next: real-time tasks by priority, then the others by virtual runtime (weighted by nice), idle ones last
 * (sched(7)). A real-time task that never sleeps leaves others a twentieth, or what sched_rt_runtime_us says: the time
 * is that of the processor, so that a busy host takes nothing from them.
 */
export class Scheduler {
  #kernel: Kernel;
  #runnable = new RunQueue<Task>();
  #deadlines = new Map<Task, Timer>();
  /** The task on the hart. */
  current: Task | null = null;
  /** Set when the current task should give way at the next chance. */
  mustSwitch = false;
  load = new LoadAverage();
  /**
   * sched_rt_period_us and sched_rt_runtime_us of /proc/sys/kernel: of the time for which others wait, what real-time
   * tasks take at most before these get their part; a runtime of −1: they get none.
   */
  realtimePeriodUs = 1_000_000;
  realtimeRuntimeUs = 950_000;
  rrTimesliceMs = RR_TIMESLICE_MS;
  #isGentle = false;
  /** What real-time tasks had of the hart while others waited, since these last had their part; and of that part. */
  #realtimeNs = 0;
  #othersNs = 0;
  /** Never goes back: where the virtual runtimes of those that share the time have come to. */
  #floorNs = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Makes a task in state R a candidate; it must not be one already. */
  enqueue(task: Task): void {
    if (task.queueIndex >= 0 || task.isFrozen) return;
    if (task.controlGroup.throttlings > 0 && task.effectivePriority === 0) return;
    this.#runnable.add(task);
    this.#countLoad(task, WEIGHT_DEFAULT);
    const { current } = this;
    if (current === null) this.#kernel.onRunnable?.();
    else if (current !== task && this.#preempts(task, current)) this.mustSwitch = true;
  }

  #preempts(task: Task, current: Task): boolean {
    if (task.effectivePriority === 0) return !this.#isGentle && preempts(task, current);
    return preempts(task, current) && !(this.#isOthersTurn && current.effectivePriority === 0);
  }

  /** Of what its groups count as wanting the processor. */
  #countLoad(task: Task, change: number): void {
    const { controlGroup } = task;
    if (controlGroup.parent !== null && RunQueue.isTimeShared(task)) countLoad(controlGroup, change);
  }

  get #isOthersTurn(): boolean {
    return this.realtimeRuntimeUs >= 0 && this.#realtimeNs >= this.realtimeRuntimeUs * 1e3;
  }

  /** The task was on the hart for so long, and has not been made a candidate again. */
  turnEnded(task: Task, elapsedNs: number): void {
    if (task.effectivePriority === 0) {
      this.#othersNs += elapsedNs;
      // What it has by its priority is no debt, should it become one of the others.
      task.virtualRuntime += elapsedNs * pace(task);
      const { controlGroup } = task;
      if (controlGroup.parent !== null) chargeGroups(controlGroup, elapsedNs, this.#kernel.now());
    } else if (this.#runnable.bestTimeShared() !== null) this.#realtimeNs += elapsedNs;
    else this.#realtimeNs = 0;
    // What others had while no real-time task took of theirs is no part that they are given.
    if (this.#realtimeNs === 0 || this.#othersNs >= (this.realtimePeriodUs - this.realtimeRuntimeUs) * 1e3)
      this.#realtimeNs = this.#othersNs = 0;
  }

  /**
   * Wakes who waits for what the current task makes or takes piece by piece: they leave it the hart until it sleeps or
   * its slice ends, as Linux's synchronous wake-ups of pipes do (kernel/sched/core.c, WF_SYNC). Else a pipe's two ends
   * would change places for each write.
   */
  wakeGently(queue: WaitQueue, events: number): void {
    this.#isGentle = true;
    queue.wakeAll(events);
    this.#isGentle = false;
  }

  /** A task in state R becomes a candidate at `untilNs` (monotonic), if nothing makes it one before. */
  hold(task: Task, untilNs: number): void {
    this.#kernel.timers.set(new Timer(new TaskHold(task)), untilNs);
  }

  dequeue(task: Task): void {
    if (task.queueIndex < 0) return;
    this.#runnable.remove(task);
    this.#countLoad(task, -WEIGHT_DEFAULT);
  }

  /** The task's priority or policy has changed: it may take the hart, or have to give it up. */
  reorder(task: Task): void {
    if (task.queueIndex >= 0) {
      this.#countLoad(task, -WEIGHT_DEFAULT);
      this.#runnable.reorder(task);
      this.#countLoad(task, WEIGHT_DEFAULT);
    }
    const { current } = this;
    const best = this.#runnable.best();
    if (current !== null && best !== null && best !== current && this.#preempts(best, current)) this.mustSwitch = true;
  }

  get hasRunnable(): boolean {
    return this.#runnable.size > 0;
  }

  get runnableCount(): number {
    return this.#runnable.size;
  }

  /** Takes the best candidate off the queue; null when all sleep. */
  pick(): Task | null {
    const task = (this.#isOthersTurn ? this.#runnable.bestTimeShared() : null) ?? this.#runnable.best();
    if (task !== null) this.dequeue(task);
    return task;
  }

  /**
   * The task comes on the hart. One that slept must not claim the time that it slept: neither from those that wait, nor
   * from those that sleep now and had the hart meanwhile.
   */
  begin(task: Task): void {
    this.current = task;
    if (task.effectivePriority > 0) return;
    const least = this.#runnable.leastVirtualRuntime();
    const floorNs = (least === Infinity ? this.#floorNs : Math.max(this.#floorNs, least)) - SLEEPERS_LEAD_NS;
    if (task.virtualRuntime < floorNs) task.virtualRuntime = floorNs;
    this.#floorNs = Math.max(this.#floorNs, Math.min(least, task.virtualRuntime));
  }

  /**
   * The virtual runtime at which a child of the task begins: not before others that wait (Linux kernel/sched/fair.c,
   * place_entity), nor before its parent, with this turn of it: else those who fork, end and are forked again would
   * keep the hart for ever, since each begins where the turn began in which it was made.
   */
  placeOfChild(parent: Task): number {
    const turnNs = parent === this.current ? this.#kernel.turn.charge(parent) : 0;
    const least = this.#runnable.leastVirtualRuntime();
    return Math.max(parent.virtualRuntime + turnNs * pace(parent), least === Infinity ? 0 : least);
  }

  /** Wakes the task at `task.deadlineNs`. */
  armDeadline(task: Task): void {
    let timer = this.#deadlines.get(task);
    if (timer === undefined) {
      timer = new Timer(new TaskDeadline(task));
      this.#deadlines.set(task, timer);
    }
    this.#kernel.timers.set(timer, task.deadlineNs);
  }

  cancelDeadline(task: Task): void {
    const timer = this.#deadlines.get(task);
    if (timer !== undefined) {
      this.#kernel.timers.cancel(timer);
      this.#deadlines.delete(task);
    }
  }

  static {
    stateClass("Scheduler", this, {
      save: (it) => ({
        kernel: it.#kernel,
        runnable: it.#runnable,
        deadlines: it.#deadlines,
        isGentle: it.#isGentle,
        realtimeNs: it.#realtimeNs,
        othersNs: it.#othersNs,
        floorNs: it.#floorNs,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          runnable: it.#runnable,
          deadlines: it.#deadlines,
          isGentle: it.#isGentle,
          realtimeNs: it.#realtimeNs,
          othersNs: it.#othersNs,
          floorNs: it.#floorNs,
        } = from),
    });
  }
}

/**
 * How much faster virtual runtime of a task goes that has the hart: each step of nice is worth a quarter (sched(7)), a
 * control group's weight what others leave it.
 */
function pace({ nice, controlGroup }: Task): number {
  const ofNice = 1.25 ** nice;
  return controlGroup.parent === null ? ofNice : ofNice * shareFactor(controlGroup);
}

class TaskDeadline implements TimerClient {
  #task: Task;

  constructor(task: Task) {
    this.#task = task;
  }

  timerExpired(): void {
    this.#task.endWait("deadline");
  }

  static {
    stateClass("TaskDeadline", this, {
      save: (it) => ({ task: it.#task }),
      load: (it, from) => ({ task: it.#task } = from),
    });
  }
}

/** The end of a hold, which a SIGCONT may have come before. */
class TaskHold implements TimerClient {
  #task: Task;

  constructor(task: Task) {
    this.#task = task;
  }

  timerExpired(): void {
    const { scheduler } = this.#task.kernel;
    if (this.#task.state === "R" && scheduler.current !== this.#task) scheduler.enqueue(this.#task);
  }

  static {
    stateClass("TaskHold", this, {
      save: (it) => ({ task: it.#task }),
      load: (it, from) => ({ task: it.#task } = from),
    });
  }
}

/**
 * Does a task that becomes runnable take the hart at once? One that had far less of it does, as on Linux: else who
 * unlocks and locks a mutex in a loop always holds it when its slice ends, and those that it wakes find it taken for
 * ever.
 */
function preempts(woken: Task, current: Task): boolean {
  if (woken.effectivePriority !== current.effectivePriority) return woken.effectivePriority > current.effectivePriority;
  return (
    woken.effectivePriority === 0 &&
    woken.policy === SCHED_OTHER &&
    current.virtualRuntime - woken.virtualRuntime > WAKE_UP_MARGIN_NS
  );
}

/** So much earlier than others a task begins that has slept. */
const SLEEPERS_LEAD_NS = 20e6;

/** Less than this is not worth a switch: pipes go on moving several writes at a time. */
const WAKE_UP_MARGIN_NS = 10e6;
