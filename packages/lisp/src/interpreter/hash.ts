/**
 * Hashes that are the same in every run and on every engine: FNV-1a over what `equal?` compares. By identity only what
 * has no value to go by gets a number, in the order in which it is first asked for.
 */
import { Char, Compnum, Flonum, MString, Pair, Ratnum, SchemeSymbol, Unique } from "../datum/datum.ts";

const START = 0x811c9dc5;
const PRIME = 0x01000193;
/** Parts of a structure that count: more would make hashing a long list dear, and a circular one endless. */
const PARTS_MAX = 64;

/** Gives an object that is known by identity alone a number, the same each time. */
type NumberObject = (value: object) => number;

/** Of a value, for `equal?`: 0 … 2^32 - 1. */
export function hashOf(value: unknown, number: NumberObject = objectNumber): number {
  let left = PARTS_MAX;
  const stack: unknown[] = [value];
  let hash = START;
  while (stack.length > 0 && left-- > 0) {
    const part = stack.pop();
    if (part instanceof Pair) {
      hash = mixed(hash, 1);
      stack.push(part.cdr, part.car);
    } else if (Array.isArray(part)) {
      hash = mixed(hash, part.length + 2);
      for (let index = Math.min(part.length, PARTS_MAX) - 1; index >= 0; index--) stack.push(part[index]);
    } else hash = mixed(hash, atomHash(part, number));
  }
  return hash >>> 0;
}

/** For `eq?` and `eqv?`. */
export function identityHash(value: unknown): number {
  return value instanceof Pair || Array.isArray(value) || value instanceof MString || value instanceof Uint8Array
    ? objectNumber(value)
    : atomHash(value, objectNumber);
}

function mixed(hash: number, value: number): number {
  return Math.imul(hash ^ value, PRIME);
}

function textHash(text: string): number {
  let hash = START;
  for (let index = 0; index < text.length; index++) hash = mixed(hash, text.charCodeAt(index));
  return hash >>> 0;
}

/** Of what is no pair and no vector. */
export function atomHash(value: unknown, number: NumberObject): number {
  if (typeof value === "number") return Math.abs(value) < 2 ** 31 ? mixed(START, value) >>> 0 : textHash(String(value));
  if (value instanceof SchemeSymbol) return textHash(value.name);
  if (value instanceof MString || value instanceof Uint8Array) {
    let hash = START;
    for (const code of value instanceof MString ? value.codes : value) hash = mixed(hash, code);
    return hash >>> 0;
  }
  if (value instanceof Char) return mixed(START, value.code + 1) >>> 0;
  if (typeof value === "boolean") return value ? 3 : 5;
  if (typeof value === "bigint") return textHash(value.toString(16));
  if (value instanceof Flonum) return textHash(Object.is(value.value, -0) ? "-0.0" : `${value.value}.`);
  if (value instanceof Ratnum) return textHash(`${value.numerator}/${value.denominator}`);
  if (value instanceof Compnum) return mixed(atomHash(value.real, number), atomHash(value.imaginary, number)) >>> 0;
  if (value instanceof Unique) return textHash(value.name);
  return typeof value === "object" && value !== null ? number(value) : 0;
}

const numbers = new WeakMap<object, number>();
let count = 0;

function objectNumber(value: object): number {
  let found = numbers.get(value);
  if (found === undefined) numbers.set(value, (found = ++count));
  return found;
}
