/**
 * Matches for LZ4 blocks that are to be small: positions with the same four bytes are chained, the latest first, and of
 * the first so many the longest match is taken, unless the next position has a longer one (lazy matching, as in
 * RFC 1951 §4).
 */
import { whenForgotten } from "./last-calls.ts";

export const MATCH_MIN = 4;
/** The last bytes are literals, and no match begins in so many. */
export const LAST_LITERALS = 5;
export const MATCH_FROM_END = 12;
export const LZ4_LEVEL_MAX = 12;
const BLOCK_MAX = 65536;
const HASH_BITS = 15;
/** Where the chains begin, and what follows in them: places in the block, one more than that, 0 for none. */
const heads = new Uint32Array(1 << HASH_BITS);
const followers = new Uint32Array(BLOCK_MAX);
/** A match of so many bytes is taken without a look at the next position. */
const GOOD_LENGTH = 128;

/** A place in the input, and the match that was found there. */
interface Sequences {
  input: Uint8Array;
  /** Where the block begins, how far matches may reach, where the last may begin; positions on the chains end here. */
  begin: number;
  matchLimit: number;
  searchEnd: number;
  chained: number;
  tries: number;
  next: number;
  position: number;
  length: number;
  distance: number;
}

const NOTHING = new Uint8Array(0);
const state: Sequences = {
  input: NOTHING,
  begin: 0,
  matchLimit: 0,
  searchEnd: 0,
  chained: 0,
  tries: 0,
  next: 0,
  position: 0,
  length: 0,
  distance: 0,
};

whenForgotten(() => {
  state.input = NOTHING;
});

/** Begins a block of at most 64 KiB, which ends the one before. */
export function startChains(input: Uint8Array, at: number, end: number, level: number): Sequences {
  heads.fill(0);
  state.input = input;
  state.begin = state.chained = state.next = at;
  state.matchLimit = end - LAST_LITERALS;
  state.searchEnd = end - MATCH_FROM_END;
  state.tries = 1 << (Math.min(level, LZ4_LEVEL_MAX) - 1);
  return state;
}

/** Finds the next match. @returns false: there is none */
export function nextSequence(sequences: Sequences): boolean {
  for (let position = sequences.next; position <= sequences.searchEnd; position++) {
    if (!findMatch(sequences, position, MATCH_MIN - 1)) continue;
    // Each byte that is passed over is a literal more.
    while (
      sequences.length < GOOD_LENGTH &&
      position < sequences.searchEnd &&
      findMatch(sequences, position + 1, sequences.length)
    )
      position++;
    sequences.position = position;
    sequences.next = position + sequences.length;
    return true;
  }
  return false;
}

/** Finds a match at a position that is longer than so many bytes. */
function findMatch(sequences: Sequences, position: number, longerThan: number): boolean {
  const { input, begin, matchLimit } = sequences;
  chainUpTo(sequences, position);
  let best = longerThan;
  let from = -1;
  let candidate = heads[hashAt(input, position)]!;
  const limit = matchLimit - position;
  for (let left = sequences.tries; candidate !== 0 && left > 0 && best < limit; left--) {
    const at = begin + candidate - 1;
    // The byte that would make it longer tells most candidates at once.
    if (input[at + best] === input[position + best]) {
      let length = 0;
      while (length < limit && input[at + length] === input[position + length]) length++;
      if (length > best) {
        best = length;
        from = at;
      }
    }
    candidate = followers[candidate - 1]!;
  }
  if (from < 0) return false;
  sequences.length = best;
  sequences.distance = position - from;
  return true;
}

/** Puts all positions before this one on their chains. */
function chainUpTo(sequences: Sequences, position: number): void {
  const { input, begin } = sequences;
  for (let at = sequences.chained; at < position; at++) {
    const hash = hashAt(input, at);
    followers[at - begin] = heads[hash]!;
    heads[hash] = at - begin + 1;
  }
  if (position > sequences.chained) sequences.chained = position;
}

function hashAt(input: Uint8Array, at: number): number {
  const word = input[at]! | (input[at + 1]! << 8) | (input[at + 2]! << 16) | (input[at + 3]! << 24);
  return Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
}
