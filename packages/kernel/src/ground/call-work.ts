/**
 * How much work the system call under way has done, in units that cost much the same: a page touched or moved (4096
 * bytes), an entry of a table, a descriptor looked at, an area split or joined. No call may hold the hart for longer
 * than CALL_WORK of them: beyond that it returns short, where its manual page lets it, or keeps where it is in
 * `task.syscallState` (plain data), and returns UNFINISHED. The task then stays runnable and is executed again from
 * there at its next turn, so that signals, other tasks, and whoever drives the machine (time-outs, input) come in
 * between.
 *
 * Work is charged where it is done (`charge`), in the loops whose length a caller chooses; those loops ask
 * `mustPause`. A loop below a call that can't go on in pieces (the ELF loader reads a file's head) must not be cut
 * short: only a call that said `mayPause` is.
 */
import { stateClass } from "@stratos/base";
import { type CallState, stateOf } from "./call-state.ts";
import { UNFINISHED } from "./wait-queue.ts";

/** Units between two chances to stop a call: some 3 ms at 1 to 2 µs each, three times that on a busy host. */
export const CALL_WORK = 2048;
/** Units of all calls of one slice, after which other tasks get their turn. */
const SLICE_WORK = 2 * CALL_WORK;
/**
 * Units of one turn of the machine, after which the host gets its own: with virtual time a turn ends by instructions,
 * which calls don't retire.
 */
const TURN_WORK = SLICE_WORK;

/** Units of things that cost more than a page touched. */
export const WORK = {
  /** A page read from a file system: its checksum, perhaps its decompression. */
  PAGE_READ: 16,
  /** A frame is found for a page; one that was never used is zeroed by the host besides. */
  PAGE_FAULT: 3,
  /** 1024 entries of a page table looked at, copied or given back. */
  PAGE_TABLE: 8,
  /** 4096 random bytes; a seeded source draws each byte by itself. */
  RANDOM_PAGE: 48,
} as const;

export class CallWork {
  /** CALL_WORK; Infinity: calls are never cut, as before there was a bound (replaying recordings of that time). */
  readonly limit: number;
  /** Units of the execution under way. */
  spent = 0;
  /** Units of this slice's finished executions. */
  sliceSpent = 0;
  /** Turns end by work, too: time is counted in instructions, and would not end them. */
  boundsTurns = false;
  #turnSpent = 0;
  /** The call under way can go on in pieces. */
  mayPause = false;
  /** It was cut: it returned short, or is unfinished. */
  isCut = false;
  /** The largest `spent` of one execution so far, and the number of its call (−1: none yet). */
  longest = 0;
  longestCall = -1;

  constructor(limit: number) {
    this.limit = limit;
  }

  charge(units: number): void {
    this.spent += units;
  }

  /** Must the loop stop here? */
  mustPause(): boolean {
    if (this.spent < this.limit || !this.mayPause) return false;
    this.isCut = true;
    return true;
  }

  /** What is left of a call that may pause is for its next execution, however little this one has done. */
  cut(): void {
    this.isCut = true;
  }

  /** Must a loop end whose result may always be short? The call then returns what there is, and doesn't go on. */
  get isUsed(): boolean {
    return this.spent >= this.limit;
  }

  /** For what the kernel does by itself, within a call or between two: it may pause where a call must. */
  piece(): CallWork {
    const piece = new CallWork(this.limit);
    piece.mayPause = true;
    return piece;
  }

  /** A call is executed, for the first time or again. */
  begin(): void {
    this.spent = 0;
    this.mayPause = false;
    this.isCut = false;
  }

  /** The machine begins a turn. */
  beginTurn(): void {
    this.#turnSpent = 0;
  }

  get isSliceUsed(): boolean {
    return this.sliceSpent >= SLICE_WORK && this.limit !== Infinity;
  }

  get isTurnUsed(): boolean {
    return this.#turnSpent >= TURN_WORK && this.boundsTurns && this.limit !== Infinity;
  }

  end(number: number): void {
    // Whatever a call does, it costs something.
    this.sliceSpent += this.spent + 1;
    this.#turnSpent += this.spent + 1;
    if (this.spent <= this.longest) return;
    this.longest = this.spent;
    this.longestCall = number;
  }

  static {
    stateClass("CallWork", this, {
      save: (it) => ({ turnSpent: it.#turnSpent }),
      load: (it, from) => ({ turnSpent: it.#turnSpent } = from),
    });
  }
}

/** A system call that goes on in pieces: that of a task. */
interface LongCall {
  syscallState: CallState | null;
  readonly kernel: { readonly work: CallWork };
}

/** The count that the executions before this one have left; `initial` at the first. */
export function countBefore(task: { readonly syscallState: CallState | null }, initial: number): number {
  return (stateOf(task, "count") ?? stateOf(task, "whole"))?.count ?? initial;
}

/** Bytes that the executions before this one have moved. */
export function movedBefore(task: { readonly syscallState: CallState | null }): number {
  return countBefore(task, 0);
}

/**
 * Ends this execution of a transfer; the next one goes on behind `moved` bytes. A signal's handler ends the call with
 * them (read(2), ERRORS), unless it `isWhole`.
 */
export function pauseTransfer(task: LongCall, moved: number, isWhole = false): number {
  task.syscallState = { kind: isWhole ? "whole" : "count", count: moved };
  return UNFINISHED;
}

/**
 * Walks a range for a call in pieces of bounded work.
 *
 * @param step  does what it may from `at` on and returns where it got to (further than `at`), or a negated errno
 * @returns 0 at the end, a negated errno, or UNFINISHED
 */
export function walkInPieces(task: LongCall, start: number, end: number, step: (at: number) => number): number {
  const { work } = task.kernel;
  work.mayPause = true;
  let at = stateOf(task, "range")?.at ?? start;
  while (at < end) {
    const reached = step(at);
    if (reached < 0) return reached;
    at = reached;
    if (at < end && work.mustPause()) {
      task.syscallState = { kind: "range", at };
      return UNFINISHED;
    }
  }
  return 0;
}
