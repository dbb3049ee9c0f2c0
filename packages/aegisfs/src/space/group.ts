/**
 * One allocation group in memory, and the arithmetic of its bitmaps (space/space-map.ts says what they mean): a bit for
 * each block, a nibble for each quad.
 */
import { GROUP_BLOCKS, GROUP_WORDS } from "../format/geometry.ts";

export class Group {
  /** Number of the group. */
  readonly index: number;
  readonly bits = new Uint32Array(GROUP_WORDS);
  readonly pinned = new Uint32Array(GROUP_WORDS);
  readonly fresh = new Uint32Array(GROUP_WORDS);
  /** Blocks and quads that can be allocated now. */
  available = 0;
  quads = 0;
  /** Differs from its item. */
  dirty = false;
  /** Has pinned or fresh blocks. */
  touched = false;
  /** Where the search for data goes on. */
  hint = 0;
  /** Bits from here on are to leave the volume: free ones are not taken. */
  closedFrom = GROUP_BLOCKS;

  constructor(index: number) {
    this.index = index;
  }

  /** Counts what can be allocated anew. */
  recount(): void {
    let used = 0;
    let quads = 0;
    for (let word = 0; word < GROUP_WORDS; word++) {
      const taken = this.bits[word]! | this.pinned[word]!;
      used += countOnes(taken);
      quads += countOnes(freeQuadsOf(taken));
    }
    this.available = GROUP_BLOCKS - used;
    this.quads = quads;
  }

  /** Free blocks of a closed range count as pinned. */
  pinClosed(): void {
    for (let bit = this.closedFrom; bit < GROUP_BLOCKS; bit++) if (!isSet(this.bits, bit)) setBit(this.pinned, bit);
  }
}

export function isSet(bits: Uint32Array, bit: number): boolean {
  return (bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;
}

export function setBit(bits: Uint32Array, bit: number): void {
  bits[bit >>> 5]! |= 1 << (bit & 31);
}

export function clearBit(bits: Uint32Array, bit: number): void {
  bits[bit >>> 5]! &= ~(1 << (bit & 31));
}

/** Bits of a word that lie in the closed part of the group. */
export function closedMask(group: Group, word: number): number {
  const from = group.closedFrom - word * 32;
  return from >= 32 ? 0 : from <= 0 ? -1 : -1 << from;
}

export function onesIn(bits: Uint32Array): number {
  let ones = 0;
  for (const word of bits) ones += countOnes(word);
  return ones;
}

export function quadsIn(bits: Uint32Array): number {
  let quads = 0;
  for (const word of bits) quads += countOnes(freeQuadsOf(word));
  return quads;
}

/** Bits `low` … of a word, at most `count` of them. */
export function maskOf(low: number, count: number): number {
  const width = Math.min(count, 32 - low);
  return width === 32 ? -1 : ((1 << width) - 1) << low;
}

/** The run that `findRun` found: its first bit. */
export const foundRun = { bit: 0 };

/**
 * Finds a run of free blocks: the first of `want` blocks from `from` on, else the longest.
 *
 * @param keepQuads  leave out whole quads
 * @returns its length, at most `want`; 0 when nothing is free
 */
export function findRun(group: Group, from: number, want: number, keepQuads: boolean): number {
  let best = 0;
  let run = 0;
  let runStart = 0;
  for (let word = from >>> 5; word < GROUP_WORDS; word++) {
    const taken = group.bits[word]! | group.pinned[word]!;
    let free = ~taken;
    if (keepQuads) free &= ~Math.imul(freeQuadsOf(taken), 15);
    if (word === from >>> 5) free &= -1 << (from & 31);
    if (free === 0) {
      run = 0;
      continue;
    }
    for (let low = 0; low < 32;) {
      const rest = free >>> low;
      if (rest === 0) {
        run = 0;
        break;
      }
      const gap = countTrailingZeros(rest);
      if (gap > 0) run = 0;
      low += gap;
      const shifted = ~(free >>> low);
      const ones = shifted === 0 ? 32 : countTrailingZeros(shifted);
      if (run === 0) runStart = word * 32 + low;
      run += ones;
      low += ones;
      if (run > best) {
        best = run;
        foundRun.bit = runStart;
        if (run >= want) return want;
      }
    }
  }
  return best;
}

/** One bit for each nibble of `taken` that is all zero, at its lowest bit. */
export function freeQuadsOf(taken: number): number {
  let any = taken | (taken >>> 1);
  any |= any >>> 2;
  return ~any & 0x11111111;
}

export function countTrailingZeros(value: number): number {
  return 31 - Math.clz32(value & -value);
}

export function countOnes(value: number): number {
  value -= (value >>> 1) & 0x55555555;
  value = (value & 0x33333333) + ((value >>> 2) & 0x33333333);
  return Math.imul((value + (value >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
