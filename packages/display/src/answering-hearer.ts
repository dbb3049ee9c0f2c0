import { Hearer } from "./hearer.ts";
import type { Message } from "./page-input.ts";

/** Messages of 20 ms that were not answered, a second and a half; more than that it does not hear. */
const AHEAD_MAX = 75;

/** A page that answers each message of sound, where nothing else tells how much waits for it. */
export class AnsweringHearer {
  readonly #hearer: Hearer;
  #ahead = 0;

  constructor(send: (message: string | Uint8Array) => void) {
    this.#hearer = new Hearer({ send, hasRoom: () => this.#ahead < AHEAD_MAX });
  }

  /** @returns whether the message was of sound */
  take({ hear, heard }: Message): boolean {
    if (heard === true) this.#ahead = Math.max(0, this.#ahead - 1);
    if (typeof hear === "boolean") {
      this.#ahead = 0;
      this.#hearer.ask(hear);
    }
    return typeof hear === "boolean" || heard === true;
  }

  play(message: () => Uint8Array): void {
    if (this.#hearer.play(message)) this.#ahead++;
  }
}
