/** Wrong tokens from one address: after some of them it has to wait. */
const ATTEMPTS_MAX = 30;
const WINDOW_MS = 60_000;
/** More are forgotten, oldest first. */
const ADDRESSES_MAX = 10_000;

export class AttemptLimit {
  readonly #attempts = new Map<string, { count: number; readonly untilMs: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  isOver(address: string): boolean {
    const entry = this.#attempts.get(address);
    if (entry === undefined) return false;
    if (entry.untilMs < this.#nowMs()) this.#attempts.delete(address);
    else return entry.count >= ATTEMPTS_MAX;
    return false;
  }

  count(address: string): void {
    const entry = this.#attempts.get(address);
    if (entry !== undefined) entry.count++;
    else {
      if (this.#attempts.size >= ADDRESSES_MAX) this.#attempts.delete(this.#attempts.keys().next().value!);
      this.#attempts.set(address, { count: 1, untilMs: this.#nowMs() + WINDOW_MS });
    }
  }
}
