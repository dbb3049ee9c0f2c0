/**
 * Memory that nobody uses any more and that is too much to give back at once: address spaces of processes that ended,
 * and pages of files that went. The run loop does one piece between slices, and so does the frame allocator when it
 * finds no free frame. Bound: what there was in use.
 */
import { stateClass } from "@stratos/base";
import { CallWork } from "../ground/call-work.ts";
import type { FrameCount } from "./memory-account.ts";

/** Gives back what its work allows. @returns whether nothing is left */
export interface Reapable {
  reap(work: CallWork): boolean;
  /** Absent: what it has yet to give back is counted elsewhere. */
  countFrames?(count: FrameCount): void;
}

export class Reaper {
  #waiting: Reapable[] = [];
  #work: CallWork;
  #isRunning = false;

  /** @param limit  units of one piece */
  constructor(limit: number) {
    this.#work = new CallWork(limit);
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Gives back what fits in one piece, and the rest later. What goes while something else is given back waits for its
   * turn in the same piece.
   */
  add(rest: Reapable): void {
    this.#waiting.push(rest);
    this.run();
  }

  countFrames(count: FrameCount): void {
    for (const each of this.#waiting) each.countFrames?.(count);
  }

  /** One piece. @returns whether there was anything to do */
  run(): boolean {
    if (this.#waiting.length === 0 || this.#isRunning) return false;
    this.#isRunning = true;
    this.#work.begin();
    this.#work.mayPause = true;
    do {
      const rest = this.#waiting.at(-1)!;
      // What it freed may have added more behind it.
      if (rest.reap(this.#work)) this.#waiting.splice(this.#waiting.lastIndexOf(rest), 1);
    } while (this.#waiting.length > 0 && !this.#work.mustPause());
    this.#isRunning = false;
    return true;
  }

  static {
    stateClass("Reaper", this, {
      save: (it) => ({ waiting: it.#waiting, work: it.#work, isRunning: it.#isRunning }),
      load: (it, from) => ({ waiting: it.#waiting, work: it.#work, isRunning: it.#isRunning } = from),
    });
  }
}
