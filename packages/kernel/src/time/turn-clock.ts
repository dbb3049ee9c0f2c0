/**
 * Processor time of the turn that is on the hart. A turn on a busy host may be interrupted by the host's other
 * processes, and that time is not the guest's (times(2)). Asking the host for processor time costs about a microsecond,
 * so turns of less than `SHORT_NS` are taken as they stand on the wall.
 */
import type { CpuClock } from "@stratos/host";

/** A turn that was shorter on the wall was hardly interrupted: a host's own turns are milliseconds. */
const SHORT_NS = 250_000;

export class TurnClock {
  readonly #clock: CpuClock;
  #startNs = 0;
  /** Processor time at the last look at it, and what short turns have taken since. */
  #lookedNs = 0;
  #shortNs = 0;
  /** What `elapsed` said last in this turn: processor time never goes back. */
  #saidNs = 0;

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
    this.#startNs = nowNs;
    this.#saidNs = 0;
  }

  /** Nanoseconds of processor time since `begin`. */
  elapsed(): number {
    const wallNs = this.#clock.monotonicNs() - this.#startNs;
    const ns = wallNs < SHORT_NS ? wallNs : Math.min(wallNs, this.#clock.cpuNs() - this.#lookedNs - this.#shortNs);
    return (this.#saidNs = Math.max(this.#saidNs, ns));
  }

  /** The task leaves the hart. @returns as `elapsed` */
  end(): number {
    const ns = this.elapsed();
    if (this.#clock.monotonicNs() - this.#startNs < SHORT_NS) this.#shortNs += ns;
    else this.resume();
    return ns;
  }
}
