/** How long collections take, by a clock of the host's. */
export interface GcPauses {
  readonly count: number;
  readonly totalMs: number;
  readonly longestMs: number;
  /** Bytes of the old generation that were in use behind a collection, at most. */
  readonly oldBytesMax: number;
}

export class PauseClock {
  readonly #now: () => number;
  #begunMs: number;
  #counts: GcPauses;

  /** @param now  milliseconds */
  constructor(now: () => number) {
    this.#now = now;
    this.#begunMs = 0;
    this.#counts = { count: 0, totalMs: 0, longestMs: 0, oldBytesMax: 0 };
  }

  begin(): void {
    this.#begunMs = this.#now();
  }

  end(oldBytes: number): void {
    const ms = this.#now() - this.#begunMs;
    const { count, totalMs, longestMs, oldBytesMax } = this.#counts;
    this.#counts = {
      count: count + 1,
      totalMs: totalMs + ms,
      longestMs: Math.max(longestMs, ms),
      oldBytesMax: Math.max(oldBytesMax, oldBytes),
    };
  }

  get counts(): GcPauses {
    return this.#counts;
  }
}
