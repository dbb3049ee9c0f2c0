/**
 * What the parts of a static delta are made of: operations that put objects together, from bytes of the part itself and
 * from objects that the receiver has. Source: libostree src/libostree/ostree-repo-static-delta-private.h,
 * ostree-repo-static-delta-processing.c, ostree-varint.c.
 *
 *     part = kind of packing (0, or 'x' for xz) · payload of type (a(uuu)aa(ayay)ayay): modes, attributes, data,
 *     operations
 *
 * Numbers of operations are written seven bits to a byte, the lower ones first.
 */
import { FormatError } from "../format-error.ts";

/** Opcodes, as their letters. */
export const DeltaOp = {
  spliceAndClose: 0x53,
  open: 0x6f,
  write: 0x77,
  setSource: 0x72,
  unsetSource: 0x52,
  close: 0x63,
  bspatch: 0x42,
} as const;

export const PART_PLAIN = 0,
  PART_XZ = 0x78;

/** Bytes that grow. */
export class ByteSink {
  #bytes = new Uint8Array(1 << 12);
  length = 0;

  append(bytes: Uint8Array): number {
    const start = this.length;
    this.#room(bytes.length);
    this.#bytes.set(bytes, start);
    this.length += bytes.length;
    return start;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.length++] = value;
  }

  number(value: number): void {
    for (; value >= 0x80; value = Math.floor(value / 0x80)) this.byte((value % 0x80) | 0x80);
    this.byte(value);
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #room(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + count));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}

/** Reads operations. */
export class OperationReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    if (this.isAtEnd) throw new FormatError("the delta's operations end in the middle of one");
    return this.#bytes[this.#at++]!;
  }

  /** @throws FormatError  also above 2^53 */
  number(): number {
    let value = 0,
      scale = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) break;
      if (byte < 0x80) return value;
      scale *= 0x80;
    }
    throw new FormatError("a number of the delta's operations is too large");
  }
}

/**
 * The file that a patch in the form of bsdiff makes of another one: triples of numbers (bytes to add to the old file's,
 * bytes to take from the patch, bytes to move on in the old file), each followed by what it speaks of. @throws
 * FormatError when it leads outside
 */
export function applyBsdiff(old: Uint8Array, patch: Uint8Array, size: number): Uint8Array {
  const made = new Uint8Array(size),
    view = new DataView(patch.buffer, patch.byteOffset, patch.byteLength);
  const damaged = (): FormatError => new FormatError("a binary patch of the delta is damaged");
  let at = 0,
    from = 0,
    to = 0;
  const number = (): number => {
    if (at + 8 > patch.length) throw damaged();
    const low = view.getUint32(at, true),
      high = view.getUint32(at + 4, true),
      value = (high & 0x7fffffff) * 2 ** 32 + low;
    at += 8;
    if (value > Number.MAX_SAFE_INTEGER) throw damaged();
    // The sign stands in the highest bit, as in no other format.
    return high > 0x7fffffff ? -value : value;
  };
  while (to < size) {
    const added = number(),
      taken = number(),
      moved = number();
    if (
      added < 0 ||
      taken < 0 ||
      to + added + taken > size ||
      at + added + taken > patch.length ||
      (added === 0 && taken === 0 && to < size && at >= patch.length)
    )
      throw damaged();
    for (let index = 0; index < added; index++) {
      const place = from + index;
      // What lies outside of the old file counts as zero.
      made[to + index] = patch[at + index]! + (place >= 0 && place < old.length ? old[place]! : 0);
    }
    at += added;
    to += added;
    made.set(patch.subarray(at, at + taken), to);
    at += taken;
    to += taken;
    from += added + moved;
  }
  return made;
}

/** A stretch of a new file: taken from the old one at `from`, or (null) the file's own. */
interface Stretch {
  readonly from: number | null;
  readonly at: number;
  readonly length: number;
}

const BLOCK = 64;
/** Shorter matches cost more to write than they save. */
const MATCH_MIN = 96;
/** How many places of the old file are compared for one place of the new. */
const CANDIDATES_MAX = 8;

/**
 * What of a new file is in an old one, wherever it has moved: the old one's blocks are looked up by a rolling sum of
 * the new one's bytes, and matches are grown both ways.
 * @returns stretches that follow one another and make up the new file
 */
export function matchStretches(old: Uint8Array, made: Uint8Array): Stretch[] {
  const found: Stretch[] = [];
  let own = 0;
  const emit = (from: number, at: number, length: number): void => {
    if (at > own) found.push({ from: null, at: own, length: at - own });
    found.push({ from, at, length });
    own = at + length;
  };
  if (old.length >= BLOCK && made.length >= BLOCK) {
    const blocks = Math.floor(old.length / BLOCK),
      bits = Math.max(8, Math.ceil(Math.log2(blocks)) + 1),
      heads = new Int32Array(2 ** bits).fill(-1),
      next = new Int32Array(blocks);
    const slot = (a: number, b: number): number => Math.imul((b << 16) ^ a ^ (b >>> 8), 0x9e3779b1) >>> (32 - bits);
    for (let block = blocks - 1; block >= 0; block--) {
      const { a, b } = sumOf(old, block * BLOCK),
        place = slot(a, b);
      next[block] = heads[place]!;
      heads[place] = block;
    }
    let { a, b } = sumOf(made, 0);
    for (let at = 0; at + BLOCK <= made.length;) {
      let bestFrom = -1,
        bestStart = 0,
        bestLength = 0;
      for (
        let block = heads[slot(a, b)]!, tries = 0;
        block >= 0 && tries < CANDIDATES_MAX;
        block = next[block]!, tries++
      ) {
        let start = at,
          from = block * BLOCK,
          length = 0;
        while (at + length < made.length && from + length < old.length && made[at + length] === old[from + length])
          length++;
        if (length < BLOCK) continue;
        while (start > own && from > 0 && made[start - 1] === old[from - 1]) {
          start--;
          from--;
          length++;
        }
        if (length > bestLength) [bestFrom, bestStart, bestLength] = [from, start, length];
      }
      if (bestLength >= MATCH_MIN) {
        emit(bestFrom, bestStart, bestLength);
        at = bestStart + bestLength;
        if (at + BLOCK <= made.length) ({ a, b } = sumOf(made, at));
        continue;
      }
      const leaving = made[at]!,
        coming = made[at + BLOCK] ?? 0;
      a = (a - leaving + coming) & 0xffff;
      b = (b - BLOCK * leaving + a) & 0xffff;
      at++;
    }
  }
  if (own < made.length) found.push({ from: null, at: own, length: made.length - own });
  return found;
}

/** Adler's two sums of a block, which move on by a byte in constant time. */
function sumOf(bytes: Uint8Array, at: number): { a: number; b: number } {
  let a = 0,
    b = 0;
  for (let index = 0; index < BLOCK; index++) {
    a = (a + bytes[at + index]!) & 0xffff;
    b = (b + a) & 0xffff;
  }
  return { a, b };
}
