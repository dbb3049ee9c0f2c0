/** Who looks at a screen may hear its programs, too: what it says of that, and what it is sent. */
import type { Message } from "./page-input.ts";

/** Messages of 20 ms that were not answered, a second and a half; more than that it does not hear. */
const AHEAD_MAX = 75;

interface HearerEnd {
  send(message: string | Uint8Array): void;
}

export class Hearer {
  readonly #end: HearerEnd;
  #hears = false;
  #isTold = false;
  #ahead = 0;

  constructor(end: HearerEnd) {
    this.#end = end;
  }

  /** @returns whether the message was of sound */
  take({ hear, heard }: Message): boolean {
    if (heard === true) this.#ahead = Math.max(0, this.#ahead - 1);
    if (typeof hear === "boolean") {
      this.#hears = hear;
      this.#ahead = 0;
      // It is told again when there is something.
      this.#isTold = false;
    }
    return typeof hear === "boolean" || heard === true;
  }

  play(message: () => Uint8Array): void {
    if (!this.#hears) {
      if (!this.#isTold) this.#end.send(JSON.stringify({ playing: true }));
      this.#isTold = true;
    } else if (this.#ahead < AHEAD_MAX) {
      this.#ahead++;
      this.#end.send(message());
    }
  }
}
