import type { EventLoop } from "../event-loop.ts";

interface Waiting {
  readonly atMs: number;
  readonly callback: () => void;
}

/** An event loop in virtual time, which passes only as far as the next call that waits. */
export class SimulatedEventLoop implements EventLoop {
  readonly #soon: (() => void)[] = [];
  readonly #later: Waiting[] = [];
  #nowMs = 0;
  /** How many want the process alive. */
  holds = 0;

  callSoon(callback: () => void): void {
    this.#soon.push(callback);
  }

  callLater(delayMs: number, callback: () => void): () => void {
    const waiting = { atMs: this.#nowMs + delayMs, callback };
    this.#later.push(waiting);
    this.#later.sort((a, b) => a.atMs - b.atMs);
    return () => {
      const index = this.#later.indexOf(waiting);
      if (index >= 0) this.#later.splice(index, 1);
    };
  }

  hold(): () => void {
    this.holds++;
    return () => void this.holds--;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  /** Makes the next call. @returns false when nothing waits */
  step(): boolean {
    const callback = this.#soon.shift();
    if (callback !== undefined) {
      callback();
      return true;
    }
    const waiting = this.#later.shift();
    if (waiting === undefined) return false;
    this.#nowMs = waiting.atMs;
    waiting.callback();
    return true;
  }
}
