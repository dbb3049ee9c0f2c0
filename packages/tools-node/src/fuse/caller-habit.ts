/**
 * On which processor the server had better run: on that of who asks. A message wakes the server, and its answer the
 * caller; where they run on two processors each wake-up crosses from one to the other, which in a virtual machine takes
 * tens of microseconds of both (a new file: 40 µs together, 170 to 500 apart). Linux leaves a thread where it ran
 * before, so who began apart stays apart, and who was brought together stays together.
 *
 *     together ◄──────── took less time ───────────┐
 *        │ who asks runs elsewhere, twice          │
 *        └───► moving ──── has come there ───► judged ──── took as long ──► rests, each time twice as long
 *                 └────── has not come ───────────────────────────────────────┘
 *
 * It looks in bursts of one caller alone: where several ask at once, or somebody works long between two messages, two
 * processors do more than one. Bound: a look of some 30 µs for each `BATCH` of messages, a move of some 2 ms of
 * other processes' time, and of moves that do not pay one in `LONGEST_REST` batches.
 */
const BATCH = 64;
/** A batch that took longer than that is no burst: who asks, or what is asked, works in between. */
const BATCH_MS_MAX = 12;
/** Batches in which they were found apart, one after the other, before the server moves. */
const APART_MIN = 2;
/** Batches until those who are together are looked at again. */
const TOGETHER_REST = 8;
/** Batches in which the server has not come where it is to go. */
const MOVING_MAX = 64;
/** Batches there, of which the better one counts. */
const JUDGED = 2;
/** The move has paid when a batch takes no more than this part of the time. */
const WORTH = 0.8;
/** Batches after a move that has not paid. */
const FIRST_REST = 64;
const LONGEST_REST = 16384;

export interface Processors {
  /** Milliseconds of a clock that does not go back. */
  nowMs(): number;
  /** The processor that a thread runs on, or ran on last; −1: nobody says. */
  processorOf(thread: number): number;
  ownProcessor(): number;
  /** Has the server's thread go there, soon. */
  moveTo(processor: number): void;
}

export class CallerHabit {
  readonly #processors: Processors;
  #messages = 0;
  #startMs: number;
  #caller = 0;
  #apart = 0;
  /** Batches until the next look. */
  #rest = 0;
  /** Rest after the next move that does not pay. */
  #nextRest = FIRST_REST;
  /** Where the server is to go, or has come and is judged; −1: nowhere. */
  #target = -1;
  /** Batches since the move was asked for; −1: the server has come. */
  #moving = 0;
  #judged = 0;
  #apartMs = 0;
  #bestMs = 0;

  constructor(processors: Processors) {
    this.#processors = processors;
    this.#startMs = processors.nowMs();
  }

  /** A message of that thread has come; 0: the kernel's own. */
  came(thread: number): void {
    if (++this.#messages < BATCH) return;
    this.#messages = 0;
    const nowMs = this.#processors.nowMs();
    const tookMs = nowMs - this.#startMs;
    this.#startMs = nowMs;
    if (thread === 0 || thread !== this.#caller || tookMs > BATCH_MS_MAX) {
      this.#caller = thread;
      this.#apart = 0;
      this.#target = -1;
    } else if (this.#target >= 0) this.#follow(tookMs);
    else if (this.#rest > 0) this.#rest--;
    else this.#look(thread, tookMs);
  }

  #look(thread: number, tookMs: number): void {
    const processor = this.#processors.processorOf(thread);
    if (processor < 0) this.#rest = FIRST_REST;
    else if (processor === this.#processors.ownProcessor()) {
      this.#apart = 0;
      this.#rest = TOGETHER_REST;
    } else if (++this.#apart === APART_MIN) {
      this.#target = processor;
      this.#apart = this.#moving = this.#judged = 0;
      this.#apartMs = tookMs;
      this.#bestMs = Infinity;
      this.#processors.moveTo(processor);
    }
  }

  /** The move is on its way, or judged by a batch that was served where it led. */
  #follow(tookMs: number): void {
    if (this.#moving >= 0) {
      if (this.#processors.ownProcessor() === this.#target) this.#moving = -1;
      else if (++this.#moving === MOVING_MAX) this.#end(false);
      return;
    }
    this.#bestMs = Math.min(this.#bestMs, tookMs);
    if (++this.#judged === JUDGED) this.#end(this.#bestMs <= this.#apartMs * WORTH);
  }

  #end(hasPaid: boolean): void {
    this.#target = -1;
    if (hasPaid) this.#nextRest = FIRST_REST;
    else {
      this.#rest = this.#nextRest;
      this.#nextRest = Math.min(this.#nextRest * 2, LONGEST_REST);
    }
  }
}
