import { stateClass } from "@stratos/base";

/** So many a second, and so many at once. */
export class TokenBucket {
  readonly perSecond: number;
  readonly burst: number;
  #tokens: number;
  #filledNs = 0;

  constructor(perSecond: number, burst: number) {
    this.perSecond = perSecond;
    this.burst = burst;
    this.#tokens = burst;
  }

  take(nowNs: number): boolean {
    const gained = ((nowNs - this.#filledNs) / 1e9) * this.perSecond;
    this.#tokens = Math.min(this.burst, this.#tokens + gained);
    this.#filledNs = nowNs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  static {
    stateClass("TokenBucket", this, {
      save: (it) => ({ tokens: it.#tokens, filledNs: it.#filledNs }),
      load: (it, from) => ({ tokens: it.#tokens, filledNs: it.#filledNs } = from),
    });
  }
}
