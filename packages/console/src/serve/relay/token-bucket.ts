import type { EventLoop } from "@stratos/host";

/** How often something may happen: so many times at once, and then so many a second. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #loop: Pick<EventLoop, "nowMs">;
  #left: number;
  #atMs: number;

  constructor({ perSecond, burst }: { perSecond: number; burst: number }, loop: Pick<EventLoop, "nowMs">) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#loop = loop;
    this.#left = burst;
    this.#atMs = loop.nowMs();
  }

  /** @returns whether it may happen once more, now */
  take(): boolean {
    const nowMs = this.#loop.nowMs();
    this.#left = Math.min(this.#burst, this.#left + ((nowMs - this.#atMs) * this.#perSecond) / 1000);
    this.#atMs = nowMs;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
