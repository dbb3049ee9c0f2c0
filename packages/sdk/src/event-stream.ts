/** Events on their way to the other side, in order; what comes faster than it is heard is counted and left out. */
import { EVENT_WINDOW } from "./protocol.ts";

export class EventStream<Event> {
  readonly #send: (event: Event) => void;
  readonly #lost: (count: number) => Event;
  #onWay = 0;
  #lostCount = 0;

  /** @param lost  the event that says how many were left out */
  constructor(send: (event: Event) => void, lost: (count: number) => Event) {
    this.#send = send;
    this.#lost = lost;
  }

  push(event: Event): void {
    if (this.#onWay >= EVENT_WINDOW) {
      this.#lostCount++;
      return;
    }
    this.#onWay++;
    this.#send(event);
  }

  /** So many were heard. */
  taken(count: number): void {
    this.#onWay -= count;
    if (this.#lostCount === 0) return;
    const lost = this.#lostCount;
    this.#lostCount = 0;
    this.push(this.#lost(lost));
  }
}
