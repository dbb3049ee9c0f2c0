/**
 * Values as the reader makes them, in JavaScript. Each kind has one representation:
 *
 *     exact integer     number when it is a safe integer, else bigint (never both: `normalizeInteger` in number/)
 *     inexact real      Flonum                     exact ratio     Ratnum, lowest terms, denominator > 1
 *     complex           Compnum, imaginary part not exact zero
 *     boolean           true, false                character       Char, one object per code
 *     string            MString: an array of Unicode scalar values, so that access is O(1)
 *     symbol            SchemeSymbol: interned, or known by identity
 *     pair, vector, bytevector                     Pair, JavaScript array, Uint8Array
 *     (), unspecified, end of file, default        NIL, UNSPECIFIED, EOF, DEFAULT
 */
export type Datum =
  | number
  | bigint
  | Flonum
  | Ratnum
  | Compnum
  | boolean
  | Char
  | MString
  | SchemeSymbol
  | Pair
  | Datum[]
  | Uint8Array
  | Unique;

/** An inexact real number, also NaN and the infinities. */
export class Flonum {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** An exact ratio in lowest terms; `denominator` > 1. */
export class Ratnum {
  readonly numerator: bigint;
  readonly denominator: bigint;
  constructor(numerator: bigint, denominator: bigint) {
    this.numerator = numerator;
    this.denominator = denominator;
  }
}

export type Real = number | bigint | Flonum | Ratnum;

/** A complex number that is not real; its parts may be exact or inexact, each for itself. */
export class Compnum {
  readonly real: Real;
  readonly imaginary: Real;
  constructor(real: Real, imaginary: Real) {
    this.real = real;
    this.imaginary = imaginary;
  }
}

/** A Unicode scalar value. Made by `char`, so that equal characters are identical objects. */
export class Char {
  readonly code: number;
  constructor(code: number) {
    this.code = code;
  }
}

const asciiChars: Char[] = Array.from({ length: 256 }, (_, code) => new Char(code));
const otherChars = new Map<number, Char>();

/** The character of a code (0 … 0x10FFFF, no surrogate); at most 1,112,064 are ever kept. */
export function char(code: number): Char {
  if (code < 256) return asciiChars[code]!;
  let found = otherChars.get(code);
  if (found === undefined) otherChars.set(code, (found = new Char(code)));
  return found;
}

/**
 * A string; literals are immutable. `codes` is replaced, never resized, by the few operations that change the length.
 */
export class MString {
  codes: number[];
  readonly isImmutable: boolean;
  constructor(codes: number[], isImmutable = false) {
    this.codes = codes;
    this.isImmutable = isImmutable;
  }
  static of(text: string, isImmutable = false): MString {
    return new MString(codesOf(text), isImmutable);
  }
  toString(): string {
    return textOf(this.codes);
  }
}

/** Scalar values of a JavaScript string; a lone surrogate becomes U+FFFD. */
export function codesOf(text: string): number[] {
  const codes: number[] = [];
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0xd800 || unit > 0xdfff) codes.push(unit);
    else {
      const code = text.codePointAt(index)!;
      if (code > 0xffff) index++;
      codes.push(code > 0xffff ? code : 0xfffd);
    }
  }
  return codes;
}

/** The JavaScript string of scalar values, from `start` to before `end`. */
export function textOf(codes: readonly number[] | Uint8Array, start = 0, end = codes.length): string {
  let text = "";
  if (codes instanceof Uint8Array) {
    for (let from = start; from < end; from += 8192)
      text += String.fromCharCode.apply(null, codes.subarray(from, Math.min(end, from + 8192)) as unknown as number[]);
    return text;
  }
  // `String.fromCodePoint` takes its codes as arguments, of which the stack holds a limited number.
  for (let from = start; from < end; from += 4096)
    text += String.fromCodePoint(...codes.slice(from, Math.min(end, from + 4096)));
  return text;
}

export class SchemeSymbol {
  readonly name: string;
  readonly isInterned: boolean;
  constructor(name: string, isInterned = false) {
    this.name = name;
    this.isInterned = isInterned;
  }
}

const symbols = new Map<string, SchemeSymbol>();

/** The symbol of a name: the same object each time. */
export function intern(name: string): SchemeSymbol {
  let found = symbols.get(name);
  if (found === undefined) symbols.set(name, (found = new SchemeSymbol(name, true)));
  return found;
}

export class Pair {
  car: unknown;
  cdr: unknown;
  constructor(car: unknown, cdr: unknown) {
    this.car = car;
    this.cdr = cdr;
  }
}

/** A value that is known by identity alone. */
export class Unique {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

export const NIL = new Unique("()");
/** What an expression gives whose value the report leaves open. */
export const UNSPECIFIED = new Unique("#<unspecified>");
export const EOF = new Unique("#<eof>");
/** An optional argument that was not given. */
export const DEFAULT = new Unique("#<default>");

/** The list of the items, ending in `tail`. */
export function list(items: readonly unknown[], tail: unknown = NIL): unknown {
  let result = tail;
  for (let index = items.length - 1; index >= 0; index--) result = new Pair(items[index], result);
  return result;
}

/** The items of a proper list; null when it is none (also when it is circular). */
export function itemsOf(value: unknown): unknown[] | null {
  const items: unknown[] = [];
  let slow = value;
  for (let isOdd = false; value instanceof Pair; isOdd = !isOdd) {
    items.push(value.car);
    value = value.cdr;
    if (isOdd) slow = (slow as Pair).cdr;
    if (value === slow && value instanceof Pair) return null;
  }
  return value === NIL ? items : null;
}
