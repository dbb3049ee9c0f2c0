/** What a page has in store, so that it hears nothing of short delays. */
export const PAGE_STORE_MS = 100;

interface HearerEnd {
  send(message: string | Uint8Array): void;
  /** Less waits for it than it may hear late. */
  hasRoom(): boolean;
}

/** A page that may hear a machine's programs: it is told that there is something, and sent it once it asks for it. */
export class Hearer {
  readonly #end: HearerEnd;
  #hears = false;
  #isTold = false;

  constructor(end: HearerEnd) {
    this.#end = end;
  }

  ask(hears: boolean): void {
    this.#hears = hears;
    // It is told again when there is something.
    this.#isTold = false;
  }

  /** @param message  made when it is sent. @returns whether it was */
  play(message: () => Uint8Array): boolean {
    if (!this.#hears) {
      if (!this.#isTold) this.#end.send(JSON.stringify({ playing: true }));
      this.#isTold = true;
      return false;
    }
    if (!this.#end.hasRoom()) return false;
    this.#end.send(message());
    return true;
  }
}
