import { stateClass } from "@stratos/base";
import type { Request } from "./request.ts";

const NONE: ReadonlySet<Request> = new Set();

/** Timeouts of a ring that so many results end (`sqe.off` of IORING_OP_TIMEOUT), by that number. */
export class CountedTimeouts {
  /** Bound: requests. */
  readonly byCount = new Map<number, Set<Request>>();
  /** Those of so many results have been given out. */
  #until = 0;
  isEnding = false;

  /** @param results  that the ring has had */
  add(timeout: Request, results: number): void {
    const { targetCount } = timeout;
    const same = this.byCount.get(targetCount);
    if (same !== undefined) return void same.add(timeout);
    if (this.byCount.size === 0) this.#until = results;
    this.byCount.set(targetCount, new Set([timeout]));
  }

  delete(timeout: Request): void {
    const same = this.byCount.get(timeout.targetCount);
    if (same?.delete(timeout) && same.size === 0) this.byCount.delete(timeout.targetCount);
  }

  /** Those of the next number of results that has been reached; null: all have been given out. */
  next(results: number): ReadonlySet<Request> | null {
    if (this.byCount.size === 0 || this.#until >= results) return null;
    return this.byCount.get(++this.#until) ?? NONE;
  }

  static {
    stateClass("UringCountedTimeouts", this, {
      save: (it) => ({ until: it.#until }),
      load: (it, from) => ({ until: it.#until } = from),
    });
  }
}
