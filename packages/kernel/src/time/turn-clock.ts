/**
 * Processor time of the turn that is on the hart. A turn on a busy host may be interrupted by the host's other
 * processes, and that time is not the guest's (times(2)). Asking the host for processor time costs about a microsecond,
 * so turns of less than `SHORT_NS` are taken as they stand on the wall.
 *
 * Looking at the clock around each call would double the price of the cheap ones. So a turn's time is split by counted
 * work: calls and page faults are thought to take what they take on average, and the rest is the program's. With
 * virtual time, where only instructions take any, that is the same in each run.
 */
import { stateClass } from "@stratos/base";
import type { CpuClock } from "@stratos/host";

/** A turn that was shorter on the wall was hardly interrupted: a host's own turns are milliseconds. */
const SHORT_NS = 250_000;

/** What a call, a unit of its work (ground/call-work.ts) and a page fault take, in nanoseconds. */
export const CALL_NS = 250,
  WORK_UNIT_NS = 1000,
  FAULT_NS = 700;

/** Who is charged: a task. */
interface Charged {
  userNs: number;
  systemNs: number;
}

export class TurnClock {
  #clock: CpuClock;
  /** Monotonic time, of the turn that ended last, too. */
  startNs = 0;
  endNs = 0;
  /** Processor time at the last look at it, and what short turns have taken since. */
  #lookedNs = 0;
  #shortNs = 0;
  /** Of this turn, as it was last known: processor time never goes back. */
  #saidNs = 0;
  /** How much of the turn was charged already, and what was done in the kernel since. */
  #chargedNs = 0;
  #kernelNs = 0;

  constructor(clock: CpuClock) {
    this.#clock = clock;
  }

  /** The host lets the machine run again: what the host's thread did meanwhile is nobody's. */
  resume(): void {
    this.#lookedNs = this.#clock.cpuNs();
    this.#shortNs = 0;
  }

  /** A task comes on the hart. @param nowNs  monotonic time */
  begin(nowNs: number): void {
    this.startNs = nowNs;
    this.#saidNs = 0;
    this.#chargedNs = 0;
    this.#kernelNs = 0;
  }

  /** A call or a fault is done that is thought to have taken `ns`. */
  spendInKernel(ns: number): void {
    this.#kernelNs += ns;
  }

  /** Charges the task on the hart for its turn so far. @returns nanoseconds of processor time since `begin` */
  charge(task: Charged): number {
    const wallNs = this.#clock.monotonicNs() - this.startNs;
    this.#chargeFor(task, wallNs < SHORT_NS ? wallNs : this.#long(wallNs, this.#clock.cpuNs()));
    return this.#saidNs;
  }

  /**
   * The task leaves the hart and is charged for what is left of its turn. The clocks are looked at once: most slices of
   * programs that compute are just longer than `SHORT_NS`.
   *
   * @returns nanoseconds of processor time since `begin`
   */
  end(task: Charged): number {
    this.endNs = this.#clock.monotonicNs();
    const wallNs = this.endNs - this.startNs;
    if (wallNs < SHORT_NS) {
      this.#chargeFor(task, wallNs);
      this.#shortNs += this.#saidNs;
    } else {
      const cpuNs = this.#clock.cpuNs();
      this.#chargeFor(task, this.#long(wallNs, cpuNs));
      this.#lookedNs = cpuNs;
      this.#shortNs = 0;
    }
    return this.#saidNs;
  }

  #long(wallNs: number, cpuNs: number): number {
    return Math.min(wallNs, cpuNs - this.#lookedNs - this.#shortNs);
  }

  /** @param elapsedNs  of processor time since `begin` */
  #chargeFor(task: Charged, elapsedNs: number): void {
    this.#saidNs = Math.max(this.#saidNs, elapsedNs);
    const ns = this.#saidNs - this.#chargedNs;
    const systemNs = Math.min(ns, this.#kernelNs);
    this.#kernelNs -= systemNs;
    this.#chargedNs = this.#saidNs;
    task.systemNs += systemNs;
    task.userNs += ns - systemNs;
  }

  static {
    stateClass("TurnClock", this, {
      save: (it) => ({
        clock: it.#clock,
        lookedNs: it.#lookedNs,
        shortNs: it.#shortNs,
        saidNs: it.#saidNs,
        chargedNs: it.#chargedNs,
        kernelNs: it.#kernelNs,
      }),
      load: (it, from) =>
        ({
          clock: it.#clock,
          lookedNs: it.#lookedNs,
          shortNs: it.#shortNs,
          saidNs: it.#saidNs,
          chargedNs: it.#chargedNs,
          kernelNs: it.#kernelNs,
        } = from),
    });
  }
}
