/**
 * LZ4 block format (github.com/lz4/lz4, doc/lz4_Block_format.md): sequences of a token, literals, and a match that
 * copies earlier output. The compressor is the greedy one with a table of hashed positions, from level 3 on one that
 * looks through chains of them (lz4-chains.ts); blocks are at most 64 KiB, so that every distance fits.
 *
 *   token      literal length (4 bits, high) | match length − 4; 15 goes on in bytes of 255
 *   literals
 *   distance   2 bytes, low one first, 1 … 65535
 *
 * The last sequence has literals only, the last five bytes are literals, and no match begins in the last twelve.
 */
import { whenForgotten } from "./last-calls.ts";
import { LAST_LITERALS, MATCH_FROM_END, MATCH_MIN, nextSequence, startChains } from "./lz4-chains.ts";

export { LZ4_LEVEL_MAX } from "./lz4-chains.ts";

/** From here on size counts for more than time, as for lz4(1). */
const LZ4_CHAINS_LEVEL = 3;
const HASH_BITS = 13;
const table = new Int32Array(1 << HASH_BITS);
/** Steps grow by one with each so many failed tries, so that incompressible data is passed over quickly. */
const SKIP_SHIFT = 5;

/** Views of the buffers used last: callers pass the same ones over and over. */
let viewBuffer: ArrayBufferLike | null = null;
let view: DataView = new DataView(new ArrayBuffer(0));

whenForgotten(() => {
  viewBuffer = null;
  view = new DataView(new ArrayBuffer(0));
});

function viewOf(bytes: Uint8Array): DataView {
  if (viewBuffer !== bytes.buffer) {
    viewBuffer = bytes.buffer;
    view = new DataView(bytes.buffer);
  }
  return view;
}

/**
 * Packs a part of `input`.
 * @param length  at most 64 KiB
 * @param level  up to `LZ4_LEVEL_MAX`
 * @returns bytes in `output`; 0 when they do not fit there
 */
export function compressLz4(input: Uint8Array, at: number, length: number, output: Uint8Array, level = 0): number {
  if (level >= LZ4_CHAINS_LEVEL) return compressByChains(input, at, length, output, level);
  const words = viewOf(input);
  // Positions count from the buffer's beginning, which is where words are read.
  const base = input.byteOffset;
  const begin = base + at;
  const end = begin + length;
  const matchLimit = end - LAST_LITERALS;
  const searchEnd = end - MATCH_FROM_END;
  let anchor = begin;
  let out = 0;
  if (length > MATCH_FROM_END) {
    table.fill(-1);
    let position = begin;
    let tries = 1 << SKIP_SHIFT;
    while (position <= searchEnd) {
      const word = words.getInt32(position, true);
      const hash = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS);
      let match = table[hash]!;
      table[hash] = position;
      if (match < 0 || position - match > 0xffff || words.getInt32(match, true) !== word) {
        position += tries++ >>> SKIP_SHIFT;
        continue;
      }
      tries = 1 << SKIP_SHIFT;
      while (position > anchor && match > begin && input[position - 1 - base] === input[match - 1 - base]) {
        position--;
        match--;
      }
      const distance = position - match;
      const literals = position - anchor;
      let last = position + MATCH_MIN;
      match += MATCH_MIN;
      while (last + 4 <= matchLimit && words.getInt32(last, true) === words.getInt32(match, true)) {
        last += 4;
        match += 4;
      }
      while (last < matchLimit && input[last - base] === input[match - base]) {
        last++;
        match++;
      }
      const more = last - position - MATCH_MIN;
      out = putSequence(output, out, input, anchor - base, literals, distance, more);
      if (out === 0) return 0;
      position = last;
      anchor = last;
    }
  }
  return putLiterals(output, out, input, anchor - base, end - anchor);
}

/** The same by chains of positions. */
function compressByChains(input: Uint8Array, at: number, length: number, output: Uint8Array, level: number): number {
  const end = at + length;
  let anchor = at;
  let out = 0;
  if (length > MATCH_FROM_END) {
    const found = startChains(input, at, end, level);
    while (nextSequence(found)) {
      out = putSequence(output, out, input, anchor, found.position - anchor, found.distance, found.length - MATCH_MIN);
      if (out === 0) return 0;
      anchor = found.position + found.length;
    }
  }
  return putLiterals(output, out, input, anchor, end - anchor);
}

/** Token, literals, their length's bytes, distance, the match length's bytes. @returns 0 where there is no room */
function putSequence(
  output: Uint8Array,
  out: number,
  input: Uint8Array,
  from: number,
  literals: number,
  distance: number,
  more: number,
): number {
  if (out + literals + 8 + (literals + more) / 255 > output.length) return 0;
  const token = out++;
  out = putLength(output, out, literals);
  if (literals > 24) output.set(input.subarray(from, from + literals), out);
  else for (let index = 0; index < literals; index++) output[out + index] = input[from + index]!;
  out += literals;
  output[out++] = distance;
  output[out++] = distance >>> 8;
  out = putLength(output, out, more);
  output[token] = (Math.min(literals, 15) << 4) | Math.min(more, 15);
  return out;
}

/** The last sequence. @returns the block's size; 0 where there is no room */
function putLiterals(output: Uint8Array, out: number, input: Uint8Array, from: number, literals: number): number {
  if (out + literals + 2 + literals / 255 > output.length) return 0;
  output[out++] = Math.min(literals, 15) << 4;
  out = putLength(output, out, literals);
  output.set(input.subarray(from, from + literals), out);
  return out + literals;
}

/** What of a length does not fit into its half of the token. */
function putLength(output: Uint8Array, out: number, length: number): number {
  if (length < 15) return out;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) output[out++] = 255;
  output[out++] = rest;
  return out;
}

/**
 * Unpacks `length` bytes of `input` into `size` bytes of `output`.
 * @returns whether they were one whole block that has just this size
 */
export function decompressLz4(
  input: Uint8Array,
  at: number,
  length: number,
  output: Uint8Array,
  to: number,
  size: number,
): boolean {
  const end = at + length;
  const outEnd = to + size;
  let out = to;
  while (at < end) {
    const token = input[at++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (at >= end) return false;
        more = input[at++]!;
        literals += more;
      }
    }
    if (literals > end - at || literals > outEnd - out) return false;
    if (literals > 32) output.set(input.subarray(at, at + literals), out);
    else for (let index = 0; index < literals; index++) output[out + index] = input[at + index]!;
    at += literals;
    out += literals;
    if (at === end) return out === outEnd;
    if (end - at < 2) return false;
    const distance = input[at]! | (input[at + 1]! << 8);
    at += 2;
    let more = token & 15;
    if (more === 15) {
      let next = 255;
      while (next === 255) {
        if (at >= end) return false;
        next = input[at++]!;
        more += next;
      }
    }
    const count = more + MATCH_MIN;
    if (distance === 0 || distance > out - to || count > outEnd - out) return false;
    // A distance shorter than the match repeats what it writes: what can be copied at once doubles with each step.
    if (count > 32)
      for (let done = 0; done < count;) {
        const step = Math.min(distance + done, count - done);
        output.copyWithin(out + done, out - distance, out - distance + step);
        done += step;
      }
    else for (let index = 0; index < count; index++) output[out + index] = output[out - distance + index]!;
    out += count;
  }
  return false; // a block ends with literals
}
