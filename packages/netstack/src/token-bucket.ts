import { stateClass } from "@stratos/base";

/** So many a second, and so many at once; both may be others each time. */
export class TokenBucket {
  #tokens = Infinity;
  #filledNs = 0;

  /** @param cost  tokens that are gone then @returns false: there is none */
  take(nowNs: number, limit: TokenLimit, cost: number): boolean {
    const gained = ((nowNs - this.#filledNs) / 1e9) * limit.perSecond;
    this.#tokens = Math.min(limit.burst, this.#tokens + gained);
    this.#filledNs = nowNs;
    if (this.#tokens < 1) return false;
    this.#tokens = Math.max(0, this.#tokens - cost);
    return true;
  }

  static {
    stateClass("TokenBucket", this, {
      save: (it) => ({ tokens: it.#tokens, filledNs: it.#filledNs }),
      load: (it, from) => ({ tokens: it.#tokens, filledNs: it.#filledNs } = from),
    });
  }
}

export interface TokenLimit {
  readonly perSecond: number;
  readonly burst: number;
}
