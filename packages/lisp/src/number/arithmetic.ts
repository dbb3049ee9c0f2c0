/**
 * The numeric tower: + - × ÷, comparison and exactness over the representations of datum/datum.ts. Results are in
 * lowest terms and in the smallest representation: an integer that is safe is a `number`, a complex with an exact zero
 * as imaginary part is its real part. R7RS §6.2.
 */
import { Compnum, Flonum, Ratnum, type Real } from "../datum/datum.ts";
import { failure, limitReached, wrongType } from "../datum/condition.ts";

export type Exact = number | bigint | Ratnum;
export type Num = Real | Compnum;
export type Integer = number | bigint;

export function isNumber(value: unknown): value is Num {
  return (
    typeof value === "number" ||
    value instanceof Flonum ||
    typeof value === "bigint" ||
    value instanceof Ratnum ||
    value instanceof Compnum
  );
}

export function isReal(value: unknown): value is Real {
  return typeof value === "number" || value instanceof Flonum || typeof value === "bigint" || value instanceof Ratnum;
}

export function isRational(value: unknown): value is Real {
  return isReal(value) && (!(value instanceof Flonum) || Number.isFinite(value.value));
}

export function isInteger(value: unknown): boolean {
  return (
    typeof value === "number" || typeof value === "bigint" || (value instanceof Flonum && Number.isInteger(value.value))
  );
}

export function isExactInteger(value: unknown): value is Integer {
  return typeof value === "number" || typeof value === "bigint";
}

export function isExact(value: Num): boolean {
  return value instanceof Compnum ? isExact(value.real) && isExact(value.imaginary) : !(value instanceof Flonum);
}

/** The representation of an exact integer: `number` when it is safe. */
export function normalize(value: bigint): Integer {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** @param denominator  not zero */
export function makeRatio(numerator: bigint, denominator: bigint): Exact {
  const divisor = gcdBig(numerator, denominator);
  let top = numerator / divisor,
    bottom = denominator / divisor;
  if (bottom < 0n) {
    top = -top;
    bottom = -bottom;
  }
  return bottom === 1n ? normalize(top) : new Ratnum(top, bottom);
}

/** Always positive, and 1 for two zeros. */
export function gcdBig(left: bigint, right: bigint): bigint {
  let a = left < 0n ? -left : left,
    b = right < 0n ? -right : right;
  while (b !== 0n) {
    if (a <= 9007199254740991n && b <= 9007199254740991n) return BigInt(gcdSmall(Number(a), Number(b)));
    [a, b] = [b, a % b];
  }
  return a === 0n ? 1n : a;
}

function gcdSmall(left: number, right: number): number {
  let a = left,
    b = right;
  while (b !== 0) [a, b] = [b, a % b];
  return a === 0 ? 1 : a;
}

export function makeRectangular(real: Real, imaginary: Real): Num {
  return imaginary === 0 ? real : new Compnum(real, imaginary);
}

export function realPart(value: Num): Real {
  return value instanceof Compnum ? value.real : value;
}

export function imaginaryPart(value: Num): Real {
  return value instanceof Compnum ? value.imaginary : 0;
}

/** The nearest double of a real number, ties to even. */
export function toDouble(value: Real): number {
  if (typeof value === "number") return value;
  if (value instanceof Flonum) return value.value;
  if (typeof value === "bigint") return Number(value);
  return ratioToDouble(value.numerator, value.denominator);
}

/** Correctly rounded, also where the result is subnormal. @param denominator > 0 */
export function ratioToDouble(numerator: bigint, denominator: bigint): number {
  if (numerator === 0n) return 0;
  const sign = numerator < 0n ? -1 : 1;
  const top = numerator < 0n ? -numerator : numerator;
  // Scaled so that the quotient has at least 55 bits: 53, one to round by, and one that says whether anything was cut
  // off.
  let shift = bitLength(denominator) - bitLength(top) + 55;
  // Below the normal numbers the last place is 2^-1074.
  shift = Math.min(shift, 1074 + 2);
  const scaledTop = shift >= 0 ? top << BigInt(shift) : top,
    scaledBottom = shift >= 0 ? denominator : denominator << BigInt(-shift);
  let quotient = scaledTop / scaledBottom;
  if (quotient * scaledBottom !== scaledTop) quotient |= 1n;
  if (shift >= 1076 && quotient < 1n << 55n) {
    // Rounded to a multiple of 2^-1074 by hand: `Number` would round to 53 bits, and the division would round again.
    const low = quotient & 3n;
    let units = quotient >> 2n;
    if (low === 3n || (low === 2n && (units & 1n) === 1n)) units++;
    return sign * Number(units) * 2 ** -1074;
  }
  const mantissa = Number(quotient);
  return sign * (shift > 1000 ? mantissa * 2 ** -1000 * 2 ** (1000 - shift) : mantissa * 2 ** -shift);
}

/** Bits of the magnitude; 0 for 0. */
export function bitLength(value: bigint): number {
  const text = (value < 0n ? -value : value).toString(16);
  return text === "0" ? 0 : (text.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(text[0]!, 16)));
}

export function toInexact(value: Num): Num {
  if (value instanceof Compnum) return new Compnum(flonum(value.real), flonum(value.imaginary));
  return flonum(value);
}

function flonum(value: Real): Flonum {
  return value instanceof Flonum ? value : new Flonum(toDouble(value));
}

export function toExact(value: Num, who = "exact"): Num {
  if (value instanceof Compnum) return makeRectangular(exactReal(value.real, who), exactReal(value.imaginary, who));
  return exactReal(value, who);
}

function exactReal(value: Real, who: string): Exact {
  return value instanceof Flonum ? exactDouble(value.value, who) : value;
}

/** @throws SchemeError for NaN and the infinities */
export function exactDouble(value: number, who = "exact"): Exact {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value;
  if (!Number.isFinite(value)) throw wrongType(who, "a finite number", new Flonum(value));
  if (Number.isInteger(value)) return BigInt(value);
  let mantissa = value,
    shift = 0;
  while (!Number.isInteger(mantissa)) {
    const step = Math.abs(mantissa) < 1e-250 ? 512 : 1;
    mantissa *= 2 ** step;
    shift += step;
  }
  return makeRatio(BigInt(mantissa), 1n << BigInt(shift));
}

export function add(a: unknown, b: unknown): Num {
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b;
    return Number.isSafeInteger(sum) ? sum : normalize(BigInt(a) + BigInt(b));
  }
  if (a instanceof Flonum && b instanceof Flonum) return new Flonum(a.value + b.value);
  return binary(
    "+",
    a,
    b,
    (x, y) => new Flonum(x + y),
    (x, y) => normalize(x + y),
    (an, ad, bn, bd) => makeRatio(an * bd + bn * ad, ad * bd),
    (x, y) => makeRectangular(add(x.real, y.real) as Real, add(x.imaginary, y.imaginary) as Real),
  );
}

export function subtract(a: unknown, b: unknown): Num {
  if (typeof a === "number" && typeof b === "number") {
    const difference = a - b;
    return Number.isSafeInteger(difference) ? difference : normalize(BigInt(a) - BigInt(b));
  }
  if (a instanceof Flonum && b instanceof Flonum) return new Flonum(a.value - b.value);
  return binary(
    "-",
    a,
    b,
    (x, y) => new Flonum(x - y),
    (x, y) => normalize(x - y),
    (an, ad, bn, bd) => makeRatio(an * bd - bn * ad, ad * bd),
    (x, y) => makeRectangular(subtract(x.real, y.real) as Real, subtract(x.imaginary, y.imaginary) as Real),
  );
}

export function multiply(a: unknown, b: unknown): Num {
  if (typeof a === "number" && typeof b === "number") {
    const product = a * b;
    return Number.isSafeInteger(product) ? (product === 0 ? 0 : product) : normalize(bounded(BigInt(a) * BigInt(b)));
  }
  if (a instanceof Flonum && b instanceof Flonum) return new Flonum(a.value * b.value);
  // An exact zero times anything is an exact zero only where the other is exact, too.
  return binary(
    "*",
    a,
    b,
    (x, y) => new Flonum(x * y),
    (x, y) => normalize(bounded(x * y)),
    (an, ad, bn, bd) => makeRatio(an * bn, ad * bd),
    multiplyComplex,
  );
}

/** The engine's own bound is 2^30 bits, where it throws; ours is one that memory can hold many of. */
const BITS_MAX = 1 << 26;
export function bounded(value: bigint): bigint {
  // The length in hexadecimal digits is only asked where the value is surely large.
  if (BigInt.asIntN(1 << 20, value) !== value && bitLength(value) > BITS_MAX)
    throw limitReached(`an integer of more than ${BITS_MAX} bits`);
  return value;
}

interface Parts {
  readonly real: Real;
  readonly imaginary: Real;
}

function multiplyComplex(x: Parts, y: Parts): Num {
  return makeRectangular(
    subtract(multiply(x.real, y.real), multiply(x.imaginary, y.imaginary)) as Real,
    add(multiply(x.real, y.imaginary), multiply(x.imaginary, y.real)) as Real,
  );
}

/** @throws SchemeError where the divisor is an exact zero */
export function divide(a: unknown, b: unknown): Num {
  if (b === 0) {
    if (!isNumber(a)) throw wrongType("/", "a number", a);
    throw failure("/: division by zero", a);
  }
  if (typeof a === "number" && typeof b === "number") {
    const quotient = a / b;
    if (Number.isInteger(quotient)) return quotient === 0 ? 0 : quotient;
    return makeRatio(BigInt(a), BigInt(b));
  }
  if (a instanceof Flonum && b instanceof Flonum) return new Flonum(a.value / b.value);
  return binary(
    "/",
    a,
    b,
    (x, y) => new Flonum(x / y),
    (x, y) => makeRatio(x, y),
    (an, ad, bn, bd) => makeRatio(an * bd, ad * bn),
    divideComplex,
  );
}

function divideComplex(x: Parts, y: Parts): Num {
  if (y.imaginary === 0) return makeRectangular(divide(x.real, y.real) as Real, divide(x.imaginary, y.real) as Real);
  const bothInexact = [x.real, x.imaginary, y.real, y.imaginary].some((part) => part instanceof Flonum);
  if (bothInexact) {
    // Smith's method: no overflow on the way where the result has none.
    const a = toDouble(x.real),
      b = toDouble(x.imaginary),
      c = toDouble(y.real),
      d = toDouble(y.imaginary);
    if (Math.abs(c) >= Math.abs(d)) {
      const ratio = d / c,
        scale = c + d * ratio;
      return new Compnum(new Flonum((a + b * ratio) / scale), new Flonum((b - a * ratio) / scale));
    }
    const ratio = c / d,
      scale = c * ratio + d;
    return new Compnum(new Flonum((a * ratio + b) / scale), new Flonum((b * ratio - a) / scale));
  }
  const norm = add(multiply(y.real, y.real), multiply(y.imaginary, y.imaginary));
  const product = multiplyComplex(x, { real: y.real, imaginary: negate(y.imaginary) as Real });
  return makeRectangular(divide(realPart(product), norm) as Real, divide(imaginaryPart(product), norm) as Real);
}

export function negate(value: Num): Num {
  if (value instanceof Flonum) return new Flonum(-value.value);
  return subtract(0, value);
}

/** Brings both to one representation and calls what is for it. */
function binary<T>(
  who: string,
  a: unknown,
  b: unknown,
  inexact: (x: number, y: number) => T,
  integer: (x: bigint, y: bigint) => T,
  ratio: (an: bigint, ad: bigint, bn: bigint, bd: bigint) => T,
  complex: (x: Parts, y: Parts) => T,
): T {
  if (!isNumber(a)) throw wrongType(who, "a number", a);
  if (!isNumber(b)) throw wrongType(who, "a number", b);
  if (a instanceof Compnum || b instanceof Compnum) {
    return complex(
      { real: realPart(a), imaginary: imaginaryPart(a) },
      { real: realPart(b), imaginary: imaginaryPart(b) },
    );
  }
  if (a instanceof Flonum || b instanceof Flonum) return inexact(toDouble(a), toDouble(b));
  if (a instanceof Ratnum || b instanceof Ratnum)
    return ratio(numeratorOf(a), denominatorOf(a), numeratorOf(b), denominatorOf(b));
  return integer(BigInt(a), BigInt(b));
}

export function numeratorOf(value: Exact): bigint {
  return value instanceof Ratnum ? value.numerator : BigInt(value);
}

export function denominatorOf(value: Exact): bigint {
  return value instanceof Ratnum ? value.denominator : 1n;
}

/**
 * Orders two real numbers by their exact values, so that `=` and `<` are transitive across exactness (R7RS §6.2.6).
 *
 * @returns negative, 0 or positive; NaN where one of them is NaN
 */
export function compare(a: Real, b: Real): number {
  if (typeof a === "number" && typeof b === "number") return a < b ? -1 : a > b ? 1 : 0;
  if (a instanceof Flonum || b instanceof Flonum) {
    const x = a instanceof Flonum ? a.value : null,
      y = b instanceof Flonum ? b.value : null;
    if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN;
    if (x !== null && y !== null) return x < y ? -1 : x > y ? 1 : 0;
    if (x === null && typeof a === "number") return a < y! ? -1 : a > y! ? 1 : 0;
    if (y === null && typeof b === "number") return x! < b ? -1 : x! > b ? 1 : 0;
    if (x !== null && !Number.isFinite(x)) return x < 0 ? -1 : 1;
    if (y !== null && !Number.isFinite(y)) return y < 0 ? 1 : -1;
    return compare(x === null ? a : exactDouble(x), y === null ? b : exactDouble(y));
  }
  if (a instanceof Ratnum || b instanceof Ratnum) {
    const left = numeratorOf(a) * denominatorOf(b),
      right = numeratorOf(b) * denominatorOf(a);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

export function isEqualNumber(a: Num, b: Num): boolean {
  if (a instanceof Compnum || b instanceof Compnum)
    return compare(realPart(a), realPart(b)) === 0 && compare(imaginaryPart(a), imaginaryPart(b)) === 0;
  return compare(a, b) === 0;
}

/** `eqv?` of numbers: same exactness and value; 0.0 and -0.0 differ, NaN is itself. */
export function isEqvNumber(a: Num, b: Num): boolean {
  if (typeof a === "number" || typeof b === "number") return a === b;
  if (a instanceof Flonum) return b instanceof Flonum && Object.is(a.value, b.value);
  if (typeof a === "bigint") return a === b;
  if (a instanceof Ratnum) return b instanceof Ratnum && a.numerator === b.numerator && a.denominator === b.denominator;
  return b instanceof Compnum && isEqvNumber(a.real, b.real) && isEqvNumber(a.imaginary, b.imaginary);
}

/** -1, 0 or 1; NaN of NaN. */
export function signOf(value: Real): number {
  if (typeof value === "number") return Math.sign(value);
  if (value instanceof Flonum) return Math.sign(value.value);
  if (typeof value === "bigint") return value < 0n ? -1 : 1;
  return value.numerator < 0n ? -1 : 1;
}
