/**
 * What the cpu controller keeps of a control group: its share beside others, and how much it may have in each period
 * (Linux Documentation/admin-guide/cgroup-v2.rst, "CPU"; Documentation/scheduler/sched-bwc.rst). Real-time tasks are
 * outside of both. How shares are kept: group-shares.ts.
 *
 * Periods: a group that has used its quota is throttled: none of its tasks is a candidate until the period ends. What a
 * turn took beyond the quota is taken off the next one's.
 */
import { stateClass } from "@stratos/base";
import { Timer, type TimerClient } from "../time/timer-queue.ts";
import type { ControlGroup, ProcessorPart } from "./control-group.ts";
import { tasksOf } from "./group-members.ts";
import { countLoad, WEIGHT_DEFAULT } from "./group-shares.ts";
import type { Kernel } from "./kernel-state.ts";

/** Of a group whose `cpu.idle` is 1: 3 of the 1,024 of a task (kernel/sched/sched.h, WEIGHT_IDLEPRIO). */
const WEIGHT_IDLE = (3 * WEIGHT_DEFAULT) / 1024;
const PERIOD_DEFAULT_NS = 100e6;

export class GroupProcessor implements ProcessorPart, TimerClient {
  #kernel: Kernel;
  #group: ControlGroup;
  #weight = WEIGHT_DEFAULT;
  #isIdle = false;
  /** Weights of those tasks and groups in it that want the processor. */
  #load = 0;
  /** Infinity: there is no bound. */
  #quotaNs = Infinity;
  #periodNs = PERIOD_DEFAULT_NS;
  #burstNs = 0;
  /** Of the period that ends then; negative: of the next ones. */
  #leftNs = 0;
  #usedNs = 0;
  #periodEndNs = -Infinity;
  #periodEnd = new Timer(this);
  #isThrottled = false;
  #throttledSinceNs = 0;
  periods = 0;
  throttledPeriods = 0;
  #throttledNs = 0;
  bursts = 0;
  burstNs = 0;

  constructor(kernel: Kernel, group: ControlGroup) {
    this.#kernel = kernel;
    this.#group = group;
  }

  get weight(): number {
    return this.#weight;
  }

  get isIdle(): boolean {
    return this.#isIdle;
  }

  setShare(weight: number, isIdle: boolean): void {
    const before = this.#effectiveWeight;
    this.#weight = weight;
    this.#isIdle = isIdle;
    if (this.#load > 0) countLoad(this.#group.parent, this.#effectiveWeight - before);
  }

  get #effectiveWeight(): number {
    return this.#isIdle ? WEIGHT_IDLE : this.#weight;
  }

  get quotaNs(): number {
    return this.#quotaNs;
  }

  get periodNs(): number {
    return this.#periodNs;
  }

  get burstMostNs(): number {
    return this.#burstNs;
  }

  setBandwidth(quotaNs: number, periodNs: number, burstNs: number): void {
    this.#quotaNs = quotaNs;
    this.#periodNs = periodNs;
    this.#burstNs = burstNs;
    this.#leftNs = quotaNs;
    this.#usedNs = 0;
    this.#periodEndNs = -Infinity;
    this.#release();
  }

  get throttledNs(): number {
    return this.#throttledNs + (this.#isThrottled ? this.#kernel.now() - this.#throttledSinceNs : 0);
  }

  charge(elapsedNs: number, nowNs: number): void {
    if (this.#quotaNs === Infinity) return;
    if (nowNs >= this.#periodEndNs) this.#beginPeriod(nowNs);
    this.#leftNs -= elapsedNs;
    this.#usedNs += elapsedNs;
    if (this.#leftNs > 0 || this.#isThrottled) return;
    this.#isThrottled = true;
    this.#throttledSinceNs = nowNs;
    for (const below of this.#group.downward()) {
      below.throttlings++;
      for (const task of tasksOf(this.#kernel, below))
        if (task.effectivePriority === 0) this.#kernel.scheduler.dequeue(task);
    }
    this.#kernel.timers.set(this.#periodEnd, this.#periodEndNs);
  }

  #beginPeriod(nowNs: number): void {
    // None goes by while nobody of it wants the processor.
    const gone = this.#periodEndNs === -Infinity ? 0 : 1 + Math.floor((nowNs - this.#periodEndNs) / this.#periodNs);
    if (gone > 0) this.periods++;
    if (this.#usedNs > this.#quotaNs && this.#burstNs > 0) {
      this.bursts++;
      this.burstNs += Math.min(this.#usedNs - this.#quotaNs, this.#burstNs);
    }
    this.#usedNs = 0;
    this.#leftNs =
      gone === 0 ? this.#quotaNs : Math.min(this.#quotaNs + this.#burstNs, this.#leftNs + gone * this.#quotaNs);
    this.#periodEndNs = gone === 0 ? nowNs + this.#periodNs : this.#periodEndNs + gone * this.#periodNs;
  }

  /** The period has ended in which it was throttled. */
  timerExpired(nowNs: number): void {
    this.throttledPeriods++;
    this.#beginPeriod(nowNs);
    if (this.#leftNs > 0) this.#release();
    else this.#kernel.timers.set(this.#periodEnd, this.#periodEndNs);
  }

  #release(): void {
    this.#kernel.timers.cancel(this.#periodEnd);
    if (!this.#isThrottled) return;
    this.#throttledNs += this.#kernel.now() - this.#throttledSinceNs;
    this.#isThrottled = false;
    for (const below of this.#group.downward()) {
      below.throttlings--;
      if (below.throttlings === 0) candidatesAgain(this.#kernel, below);
    }
  }

  close(): void {
    this.#quotaNs = Infinity;
    this.#release();
  }

  countLoad(change: number): number {
    const before = this.#load;
    // What is left after the last one has gone is rounding.
    this.#load = before + change < WEIGHT_LEAST ? 0 : before + change;
    if (before > 0 === this.#load > 0) return 0;
    return this.#load > 0 ? this.#effectiveWeight : -this.#effectiveWeight;
  }

  factor(weight: number): number {
    return (this.#load + weight) / this.#effectiveWeight;
  }

  get newcomersWeight(): number {
    return this.#load > 0 ? 0 : this.#effectiveWeight;
  }

  static {
    stateClass("GroupProcessor", this, {
      save: (it) => ({
        kernel: it.#kernel,
        group: it.#group,
        weight: it.#weight,
        isIdle: it.#isIdle,
        load: it.#load,
        quotaNs: it.#quotaNs,
        periodNs: it.#periodNs,
        burstNs: it.#burstNs,
        leftNs: it.#leftNs,
        usedNs: it.#usedNs,
        periodEndNs: it.#periodEndNs,
        periodEnd: it.#periodEnd,
        isThrottled: it.#isThrottled,
        throttledSinceNs: it.#throttledSinceNs,
        throttledNs: it.#throttledNs,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          group: it.#group,
          weight: it.#weight,
          isIdle: it.#isIdle,
          load: it.#load,
          quotaNs: it.#quotaNs,
          periodNs: it.#periodNs,
          burstNs: it.#burstNs,
          leftNs: it.#leftNs,
          usedNs: it.#usedNs,
          periodEndNs: it.#periodEndNs,
          periodEnd: it.#periodEnd,
          isThrottled: it.#isThrottled,
          throttledSinceNs: it.#throttledSinceNs,
          throttledNs: it.#throttledNs,
        } = from),
    });
  }
}

/** Less than any weight. */
const WEIGHT_LEAST = WEIGHT_IDLE / 2;

/** Those that are ready become candidates, unless something else keeps them. */
function candidatesAgain(kernel: Kernel, group: ControlGroup): void {
  const { scheduler } = kernel;
  for (const task of tasksOf(kernel, group))
    if (task.state === "R" && task !== scheduler.current) scheduler.enqueue(task);
}
