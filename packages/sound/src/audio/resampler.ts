/**
 * Sound of one rate at another: band-limited interpolation by a windowed sinc, as J. O. Smith, "Digital Audio
 * Resampling", has it. Two channels, one sample of each after another. What is above half of the lower rate is
 * filtered away, as it could not be heard as what it is.
 */

/** Zeros of the sinc on each side, and how many places between two samples have a row of coefficients of their own. */
const ZEROS = 16,
  PHASES = 256;
/** Of half of the lower rate: where the filter begins to fall. */
const PASSED = 0.94;
/** Of the Kaiser window: 80 dB of what is filtered away. */
const BETA = 8;

export class Resampler {
  readonly #from: number;
  readonly #to: number;
  /** Frames on each side of a place that count for it. */
  readonly #reach: number;
  /** A row for each phase and one after the last, of 2 × reach coefficients. */
  readonly #rows: Float32Array;
  /** Frames that count still, the first of them `reach − 1` before the place of the next that is made. */
  #kept: Float32Array;
  #keptFrames: number;
  /** Of that place behind its frame, in parts of `to`. */
  #part = 0;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
    const cutoff = PASSED * Math.min(1, to / from);
    this.#reach = Math.ceil(ZEROS / cutoff);
    this.#rows = rowsOf(this.#reach, cutoff);
    this.#keptFrames = this.#reach - 1;
    this.#kept = new Float32Array(8 * this.#reach);
  }

  /** How many frames more there must be, for as many to be made. */
  framesFor(made: number): number {
    if (made === 0) return 0;
    const last = Math.floor((this.#part + (made - 1) * this.#from) / this.#to);
    return Math.max(0, last + 2 * this.#reach - this.#keptFrames);
  }

  /** How many can be made until the last of as many more frames. */
  framesUntil(inputFrames: number): number {
    const place = (this.#keptFrames + inputFrames - this.#reach + 1) * this.#to - this.#part;
    return Math.max(0, Math.ceil(place / this.#from));
  }

  /** @param input  `framesFor(made)` frames at least. @param into  `made` frames */
  resample(input: Float32Array, inputFrames: number, into: Float32Array, made: number): void {
    this.#keep(input, inputFrames);
    const width = 2 * this.#reach;
    let at = 0;
    for (let frame = 0; frame < made; frame++) {
      const phase = (this.#part / this.#to) * PHASES;
      const row = Math.floor(phase);
      const between = phase - row;
      let left = 0,
        right = 0;
      for (let tap = 0, from = row * width; tap < width; tap++, from++) {
        const before = this.#rows[from]!;
        const gain = before + (this.#rows[from + width]! - before) * between;
        left += gain * this.#kept[2 * (at + tap)]!;
        right += gain * this.#kept[2 * (at + tap) + 1]!;
      }
      into[2 * frame] = left;
      into[2 * frame + 1] = right;
      this.#part += this.#from;
      const steps = Math.floor(this.#part / this.#to);
      this.#part -= steps * this.#to;
      at += steps;
    }
    this.#kept.copyWithin(0, 2 * at, 2 * this.#keptFrames);
    this.#keptFrames -= at;
  }

  #keep(input: Float32Array, frames: number): void {
    const needed = 2 * (this.#keptFrames + frames);
    if (needed > this.#kept.length) {
      const larger = new Float32Array(2 * needed);
      larger.set(this.#kept.subarray(0, 2 * this.#keptFrames));
      this.#kept = larger;
    }
    this.#kept.set(input.subarray(0, 2 * frames), 2 * this.#keptFrames);
    this.#keptFrames += frames;
  }
}

function rowsOf(reach: number, cutoff: number): Float32Array {
  const width = 2 * reach;
  const rows = new Float32Array((PHASES + 1) * width);
  for (let phase = 0; phase <= PHASES; phase++) {
    const at = phase * width;
    let all = 0;
    for (let tap = 0; tap < width; tap++) {
      const distance = tap - (reach - 1) - phase / PHASES;
      const gain = sinc(distance * cutoff) * kaiser(distance / reach);
      rows[at + tap] = gain;
      all += gain;
    }
    // A steady level stays what it is.
    for (let tap = 0; tap < width; tap++) rows[at + tap]! /= all;
  }
  return rows;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA);
}

/** The modified Bessel function of the first kind, of order zero. */
function bessel(x: number): number {
  let sum = 1;
  for (let term = 1, k = 1; term > sum * 1e-12; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
