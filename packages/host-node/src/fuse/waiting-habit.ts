/**
 * How the server waits for the next message: asleep, or looking for it again and again and giving the processor away
 * between two looks. Where it sleeps, each message wakes a thread; when that is on another processor than the one that
 * asks, it costs both of them tens of microseconds in a virtual machine. Looking spares one of the two wake-ups, but on
 * a busy machine it gives the turn to others and gets it back late.
 *
 * Neither is known beforehand, so both are tried, with the same load: a batch of messages asleep, the next one looking.
 *
 *     asleep ──when messages come close together──► trial ──took less time──► looking ──every so often──► asleep
 *        ▲                                            │                          │
 *        └──────── waits twice as long ───────────────┴── took more, or looked in vain
 *
 * Bound: looking that fails ends when it took as long as a batch asleep, so trials cost one batch in `FIRST_PAUSE` at
 * first and one in `LONGEST_PAUSE` soon.
 */
const BATCH = 128;
/** A batch that took longer than that has a caller who does something else in between. */
const BATCH_MS_MAX = 50;
/** Looking is worth it when it takes no more than this part of the time. */
const WORTH = 0.8;
/** Messages after which looking is judged for the first time. */
const PART = 16;
/** Looks in a batch that end with sleeping all the same. */
const VAIN_MAX = 32;
/** Batches asleep before the next trial. */
const FIRST_PAUSE = 8;
const LONGEST_PAUSE = 64;
/** Batches of looking before it is compared with sleeping anew. */
const TERM = 512;
/** Some 100 µs of looking: longer than a caller takes to wake on another processor. */
const LOOKS = 160;

export class WaitingHabit {
  readonly #now: () => number;
  #isLooking = false;
  #count = 0;
  #vain = 0;
  #startMs = 0;
  /** What the last batch asleep took. */
  #asleepMs = 0;
  /** Batches until the habit is tried anew, and how many there are after a trial that fails. */
  #left = FIRST_PAUSE;
  #pause = FIRST_PAUSE;

  /** @param now  milliseconds of a clock that does not go back */
  constructor(now: () => number) {
    this.#now = now;
    this.#startMs = now();
  }

  /** How often the next message is to be looked for before the thread sleeps; 0: not at all. */
  get looks(): number {
    return this.#isLooking ? LOOKS : 0;
  }

  /** A message has come. @param slept  after all looks were in vain */
  came(slept: boolean): void {
    this.#count++;
    if (this.#isLooking && ((slept && ++this.#vain > VAIN_MAX) || this.#isTooLong)) {
      this.#sleepAgain();
      this.#begin();
    } else if (this.#count === BATCH) {
      const tookMs = this.#begin();
      if (this.#isLooking) this.#judge(tookMs);
      else if (tookMs <= BATCH_MS_MAX) {
        this.#asleepMs = tookMs;
        if (--this.#left <= 0) {
          this.#isLooking = true;
          this.#left = TERM;
        }
      }
    }
  }

  /** Has a part of the batch taken as long as all of it may? */
  get #isTooLong(): boolean {
    return this.#count % PART === 0 && this.#now() - this.#startMs > this.#asleepMs * WORTH;
  }

  /** Begins a batch. @returns what the one before took */
  #begin(): number {
    const nowMs = this.#now();
    const tookMs = nowMs - this.#startMs;
    this.#startMs = nowMs;
    this.#count = 0;
    this.#vain = 0;
    return tookMs;
  }

  #judge(tookMs: number): void {
    if (tookMs > this.#asleepMs * WORTH) this.#sleepAgain();
    else {
      this.#pause = FIRST_PAUSE;
      if (--this.#left > 0) return;
      this.#isLooking = false;
      this.#left = 1;
    }
  }

  #sleepAgain(): void {
    this.#isLooking = false;
    this.#left = this.#pause;
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
  }
}
