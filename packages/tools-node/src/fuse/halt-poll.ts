/**
 * Whether a processor is kept from halting while somebody asks in a burst. Each message wakes the server, and each
 * answer its caller; between the two their processors have nothing to do, and halt. In a virtual machine it takes tens
 * of microseconds to leave that again, many times what the message takes. So a thread of the lowest priority
 * (halt-poll-thread.ts) runs beside a burst, and for `LINGER_MS` behind it: what Linux's haltpoll does before a
 * processor halts, where its host has that on.
 *
 *     plain ◄───────────────────────── each `TRUSTED` batches ──────────────┐
 *       │ two batches                                                       │
 *       └──► starting ── it runs ──► polled ── two batches took less ──► trusted
 *               │                      └────── they took as long ──► rests, each time twice as long
 *               └── it does not run ──────────────────────────────────┘
 */

/** Messages. */
const BATCH = 32;
/** A batch that took longer is no burst: who asks, or what is asked, works in between. */
const BURST_MS_MAX = 6;
/** Until the thread takes a burst for ended: as long as a batch of one may take. */
export const LINGER_MS = BURST_MS_MAX;
/** Batches, of which the shorter one counts. */
const JUDGED = 2;
/** Batches in which the thread has not started to run. */
const STARTING_MAX = 256;
/** It pays when a batch takes no more than this part of the time. */
const WORTH = 0.8;
/** Batches until it is judged anew. */
const TRUSTED = 2048;
/** Batches after it has not paid. */
const FIRST_REST = 64;
const LONGEST_REST = 16384;

export interface HaltPoller {
  /** Milliseconds of a clock that does not go back. */
  nowMs(): number;
  /** Has the thread run until `LINGER_MS` have passed. */
  poll(): void;
  /** Has the thread sleep now. */
  sleep(): void;
  isPolling(): boolean;
}

type Phase = "plain" | "starting" | "polled" | "trusted";

export class HaltPoll {
  readonly #poller: HaltPoller;
  #messages = 0;
  #startMs: number;
  #phase: Phase = "plain";
  /** Of this phase. */
  #batches = 0;
  /** The shortest batch of this phase. */
  #bestMs = Infinity;
  #plainMs = Infinity;
  /** Batches until it is tried again. */
  #rest = 0;
  #nextRest = FIRST_REST;

  constructor(poller: HaltPoller) {
    this.#poller = poller;
    this.#startMs = poller.nowMs();
  }

  /** A message has come. */
  came(): void {
    if (++this.#messages < BATCH) return;
    this.#messages = 0;
    const nowMs = this.#poller.nowMs();
    const tookMs = nowMs - this.#startMs;
    this.#startMs = nowMs;
    if (tookMs > BURST_MS_MAX) {
      // What was measured was another burst.
      if (this.#phase !== "trusted") this.#begin("plain");
    } else if (this.#rest > 0) this.#rest--;
    else {
      this.#batches++;
      this.#bestMs = Math.min(this.#bestMs, tookMs);
      this.#follow();
    }
  }

  #follow(): void {
    if (this.#phase === "plain") {
      if (this.#batches < JUDGED) return;
      this.#plainMs = this.#bestMs;
      this.#begin("starting");
    } else if (this.#phase === "starting") {
      if (this.#poller.isPolling()) this.#begin("polled");
      else if (this.#batches === STARTING_MAX) return this.#leave();
    } else if (this.#phase === "polled") {
      if (this.#batches === JUDGED) {
        if (this.#bestMs > this.#plainMs * WORTH) return this.#leave();
        this.#nextRest = FIRST_REST;
        this.#begin("trusted");
      }
    } else if (this.#batches === TRUSTED) {
      this.#poller.sleep();
      return this.#begin("plain");
    }
    this.#poller.poll();
  }

  #begin(phase: Phase): void {
    this.#phase = phase;
    this.#batches = 0;
    this.#bestMs = Infinity;
  }

  #leave(): void {
    this.#poller.sleep();
    this.#rest = this.#nextRest;
    this.#nextRest = Math.min(this.#nextRest * 2, LONGEST_REST);
    this.#begin("plain");
  }
}
