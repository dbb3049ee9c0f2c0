/**
 * Memory that nobody uses any more and that is too much to give back at once: address spaces of processes that ended, and pages of files that went.
 * The run loop does one piece between slices, and so does the frame allocator when it finds no free frame. Bound: what there was in use.
 */
import { CallWork } from "../task/call-work.ts";

/** Gives back what its work allows. @returns whether nothing is left */
export interface Reapable {
  reap(work: CallWork): boolean;
}

export class Reaper {
  readonly #waiting: Reapable[] = [];
  readonly #work: CallWork;
  #isRunning = false;

  /** @param limit  units of one piece */
  constructor(limit: number) {
    this.#work = new CallWork(limit);
  }

  get hasWork(): boolean {
    return this.#waiting.length > 0;
  }

  /** Gives back what fits in one piece, and the rest later. */
  add(rest: Reapable): void {
    // What goes while something else is given back waits for its turn: it would have the work of a piece for itself each time.
    if (this.#isRunning || !this.#piece(rest)) this.#waiting.push(rest);
  }

  /** @returns whether there was anything to do */
  run(): boolean {
    const rest = this.#waiting.at(-1);
    if (rest === undefined || this.#isRunning) return false;
    // What it frees may be the last use of something that is to be given back, too: it is not the last entry any more, perhaps.
    if (this.#piece(rest)) this.#waiting.splice(this.#waiting.indexOf(rest), 1);
    return true;
  }

  #piece(rest: Reapable): boolean {
    this.#work.begin();
    this.#work.mayPause = true;
    this.#isRunning = true;
    const isDone = rest.reap(this.#work);
    this.#isRunning = false;
    return isDone;
  }
}
