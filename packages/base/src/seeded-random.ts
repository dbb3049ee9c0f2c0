import { stateClass } from "./state-classes.ts";

/**
 * Seeded random numbers (xoshiro128**, Blackman and Vigna 2018): every use of chance below the faces draws from
 * one of these, so that a run repeats from its seed. Not for secrets.
 */
export class SeededRandom {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** @param seed  any integer; its low 32 bits and next 21 bits are used */
  constructor(seed: number) {
    // SplitMix32 spreads close seeds apart.
    let state = (seed ^ Math.trunc(seed / 0x100000000)) | 0;
    const next = (): number => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return z ^ (z >>> 16);
    };
    this.#a = next();
    this.#b = next();
    this.#c = next();
    this.#d = next() | 1;
  }

  /** Uniform in 0 … 2^32 − 1. */
  u32(): number {
    const r = Math.imul(this.#b, 5);
    const result = Math.imul((r << 7) | (r >>> 25), 9) >>> 0;
    const t = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= t;
    this.#d = (this.#d << 11) | (this.#d >>> 21);
    return result;
  }

  /** Uniform integer in 0 … `bound` − 1; `bound` at most 2^32. */
  below(bound: number): number {
    return Math.floor((this.u32() / 0x100000000) * bound);
  }

  /** Each byte is the upper one of a `u32()`; the state is in locals, since programs may ask for megabytes. */
  fill(bytes: Uint8Array): void {
    let a = this.#a;
    let b = this.#b;
    let c = this.#c;
    let d = this.#d;
    for (let index = 0; index < bytes.length; index++) {
      const r = Math.imul(b, 5);
      bytes[index] = Math.imul((r << 7) | (r >>> 25), 9) >>> 24;
      const t = b << 9;
      c ^= a;
      d ^= b;
      b ^= c;
      a ^= d;
      c ^= t;
      d = (d << 11) | (d >>> 21);
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
  }

  static {
    stateClass("SeededRandom", this, {
      save: (it) => ({ a: it.#a, b: it.#b, c: it.#c, d: it.#d }),
      load: (it, from) => ({ a: it.#a, b: it.#b, c: it.#c, d: it.#d } = from),
    });
  }
}
