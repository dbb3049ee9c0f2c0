/** What the rules of a sandbox have denied, of late, for those who come afterwards, and as it happens. */
import type { Denial } from "./api.ts";
import { EventStream } from "./event-stream.ts";
import { eventCall, type GoingCall } from "./going-call.ts";

/** Programs may try any number of addresses; all that is kept fits on its way (EVENT_WINDOW). */
export const DENIALS_MAX = 1000;

/** So many were left out: they came faster than they were heard. */
export interface LostDenials {
  readonly lost: number;
}

export class DenialLog {
  #last: Denial[] = [];
  readonly #followers = new Set<EventStream<Denial | LostDenials>>();

  add(denial: Denial): void {
    this.#last.push(denial);
    // A half at a time, so that one more is cheap.
    if (this.#last.length === 2 * DENIALS_MAX) this.#last = this.last;
    for (const follower of this.#followers) follower.push(denial);
  }

  /** The last DENIALS_MAX, the oldest first. */
  get last(): Denial[] {
    return this.#last.slice(-DENIALS_MAX);
  }

  /** Tells those that there were, and each from then on until `over` settles, or its caller wants no more. */
  follow(send: (denial: Denial | LostDenials) => void, over: Promise<unknown>): GoingCall {
    const stream = new EventStream<Denial | LostDenials>(send, (lost) => ({ lost }));
    for (const denial of this.last) stream.push(denial);
    this.#followers.add(stream);
    return eventCall(stream, over, () => this.#followers.delete(stream));
  }
}
