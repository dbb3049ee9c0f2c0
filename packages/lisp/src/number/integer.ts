/** Division of integers in its flavours, roots, roundings and bits. R7RS §6.2.6; SRFI 141, 151. */
import { Flonum, Ratnum, type Real } from "../datum/datum.ts";
import { failure, wrongType } from "../datum/condition.ts";
import {
  bitLength,
  type Exact,
  type Integer,
  compare,
  denominatorOf,
  exactDouble,
  gcdBig,
  isInteger,
  isReal,
  normalize,
  numeratorOf,
  subtract,
  toDouble,
  add,
  makeRatio,
  multiply,
} from "./arithmetic.ts";

/** Exact or inexact integers: the operation is done on exact ones, and is inexact where one of them was. */
function integers(who: string, a: unknown, b: unknown, operate: (x: bigint, y: bigint) => bigint): Real {
  const isInexact = areInexact(who, a, b);
  const result = operate(bigOf(a), bigOf(b));
  return isInexact ? new Flonum(Number(result)) : normalize(result);
}

/** @returns whether one of them is inexact. @throws one of them is no integer */
function areInexact(who: string, a: unknown, b: unknown): boolean {
  if (!isInteger(a)) throw wrongType(who, "an integer", a);
  if (!isInteger(b)) throw wrongType(who, "an integer", b);
  return a instanceof Flonum || b instanceof Flonum;
}

interface Division {
  onBig(x: bigint, y: bigint): bigint;
  /** @param x,y  safe integers */
  onDoubles(x: number, y: number): number;
  readonly isQuotient: boolean;
}

/**
 * As Chez and Guile do it: beside an inexact operand the exact one is made inexact before; a quotient of 0 has the
 * operands' sign, a remainder of 0 has none.
 */
function divided(who: string, a: unknown, b: unknown, { onBig, onDoubles, isQuotient }: Division): Real {
  const isInexact = areInexact(who, a, b);
  if (isZero(b)) throw failure(`${who}: division by zero`, a);
  if (!isInexact) return normalize(onBig(bigOf(a), bigOf(b)));
  const x = toDouble(a as Real),
    y = toDouble(b as Real);
  const areSafe = Number.isSafeInteger(x) && Number.isSafeInteger(y);
  const result = areSafe ? onDoubles(x, y) : Number(onBig(rounded(a, x), rounded(b, y)));
  return new Flonum(result !== 0 ? result : isQuotient ? 0 * (x / y) : 0);
}

function isZero(value: unknown): boolean {
  return value === 0 || (value instanceof Flonum && value.value === 0);
}

/** @param double  the nearest one; of a number beyond all of them the number itself is taken */
function rounded(value: unknown, double: number): bigint {
  return Number.isFinite(double) ? BigInt(double) : bigOf(value);
}

function bigOf(value: unknown): bigint {
  return value instanceof Flonum ? BigInt(value.value) : BigInt(value as number | bigint);
}

const TRUNCATE_QUOTIENT: Division = {
  onBig: (x, y) => x / y,
  onDoubles: (x, y) => Math.trunc(x / y),
  isQuotient: true,
};

export function truncateQuotient(a: unknown, b: unknown, who = "truncate-quotient"): Real {
  if (typeof a === "number" && typeof b === "number" && b !== 0) return Math.trunc(a / b) || 0;
  return divided(who, a, b, TRUNCATE_QUOTIENT);
}

const TRUNCATE_REMAINDER: Division = { onBig: (x, y) => x % y, onDoubles: (x, y) => x % y, isQuotient: false };

export function truncateRemainder(a: unknown, b: unknown, who = "truncate-remainder"): Real {
  if (typeof a === "number" && typeof b === "number" && b !== 0) return a % b || 0;
  return divided(who, a, b, TRUNCATE_REMAINDER);
}

/** The quotient of two safe integers may round up to an integer: the remainder decides. */
function floorOfSafe(x: number, y: number): number {
  const remainder = x % y,
    quotient = (x - remainder) / y;
  return remainder !== 0 && remainder < 0 !== y < 0 ? quotient - 1 : quotient;
}

function floorBig(x: bigint, y: bigint): bigint {
  const quotient = x / y;
  return quotient * y !== x && x < 0n !== y < 0n ? quotient - 1n : quotient;
}

const FLOOR_QUOTIENT: Division = { onBig: floorBig, onDoubles: floorOfSafe, isQuotient: true };

export function floorQuotient(a: unknown, b: unknown, who = "floor-quotient"): Real {
  if (typeof a === "number" && typeof b === "number" && b !== 0) return floorOfSafe(a, b) || 0;
  return divided(who, a, b, FLOOR_QUOTIENT);
}

function moduloOfSafe(x: number, y: number): number {
  const remainder = x % y;
  return remainder !== 0 && remainder < 0 !== y < 0 ? remainder + y : remainder;
}

const FLOOR_REMAINDER: Division = {
  onBig: (x, y) => x - floorBig(x, y) * y,
  onDoubles: moduloOfSafe,
  isQuotient: false,
};

export function floorRemainder(a: unknown, b: unknown, who = "floor-remainder"): Real {
  if (typeof a === "number" && typeof b === "number" && b !== 0) return moduloOfSafe(a, b) || 0;
  return divided(who, a, b, FLOOR_REMAINDER);
}

export function gcd(a: unknown, b: unknown): Real {
  return integers("gcd", a, b, (x, y) => (x === 0n && y === 0n ? 0n : gcdBig(x, y)));
}

export function lcm(a: unknown, b: unknown): Real {
  return integers("lcm", a, b, (x, y) => {
    if (x === 0n || y === 0n) return 0n;
    const product = (x / gcdBig(x, y)) * y;
    return product < 0n ? -product : product;
  });
}

export function isOdd(value: unknown, who: string): boolean {
  if (typeof value === "number") return value % 2 !== 0;
  if (!isInteger(value)) throw wrongType(who, "an integer", value);
  return (bigOf(value) & 1n) === 1n;
}

/**
 * The largest integer whose square is not greater: Newton's step from the root of the upper half, so that what a level
 * divides is half as long as that of the level above. A root that errs by less than 1 becomes one that is right or 1
 * too large (the proof is that of CPython's `math.isqrt`).
 *
 * @param value >= 0
 */
export function integerSqrt(value: bigint): bigint {
  return rootOf(value, bitLength(value));
}

function rootOf(value: bigint, bits: number): bigint {
  if (bits <= 52) return BigInt(Math.floor(Math.sqrt(Number(value))));
  const rootBits = (bits - 1) >> 1,
    lower = rootBits - (rootBits >> 1);
  const upperRoot = rootOf(value >> BigInt(2 * lower), bits - 2 * lower);
  const root = (upperRoot << BigInt(lower - 1)) + (value >> BigInt(lower + 1)) / upperRoot;
  return root * root > value ? root - 1n : root;
}

/** [root, rest]. */
export function exactIntegerSqrt(value: unknown): [Integer, Integer] {
  if ((typeof value !== "number" && typeof value !== "bigint") || value < 0)
    throw wrongType("exact-integer-sqrt", "an exact integer that is not negative", value);
  const big = BigInt(value),
    root = integerSqrt(big);
  return [normalize(root), normalize(big - root * root)];
}

/** Round to the even one of two equally near integers, and its relatives. */
export function roundReal(value: unknown, who: "round" | "floor" | "ceiling" | "truncate"): Real {
  if (!isReal(value)) throw wrongType(who, "a real number", value);
  if (value instanceof Flonum) {
    const x = value.value;
    if (who === "floor") return new Flonum(Math.floor(x));
    if (who === "ceiling") return new Flonum(Math.ceil(x));
    if (who === "truncate") return new Flonum(Math.trunc(x));
    return new Flonum(roundEven(x));
  }
  if (!(value instanceof Ratnum)) return value;
  const floor = floorBig(value.numerator, value.denominator);
  if (who === "floor") return normalize(floor);
  if (who === "ceiling") return normalize(floor + 1n);
  if (who === "truncate") return normalize(value.numerator / value.denominator);
  const twice = 2n * (value.numerator - floor * value.denominator) - value.denominator;
  return normalize(twice < 0n || (twice === 0n && (floor & 1n) === 0n) ? floor : floor + 1n);
}

function roundEven(x: number): number {
  const floor = Math.floor(x),
    rest = x - floor;
  if (rest < 0.5) return Object.is(x, -0) ? x : floor;
  if (rest > 0.5) return floor + 1 === 0 ? -0 : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1 === 0 ? -0 : floor + 1;
}

export function numerator(value: unknown): Real {
  if (value instanceof Flonum && Number.isFinite(value.value))
    return new Flonum(toDouble(numerator(exactDouble(value.value))));
  if (!isReal(value) || value instanceof Flonum) throw wrongType("numerator", "a rational number", value);
  return normalize(numeratorOf(value));
}

export function denominator(value: unknown): Real {
  if (value instanceof Flonum && Number.isFinite(value.value))
    return new Flonum(toDouble(denominator(exactDouble(value.value))));
  if (!isReal(value) || value instanceof Flonum) throw wrongType("denominator", "a rational number", value);
  return normalize(denominatorOf(value));
}

/** The simplest rational number that differs from `value` by no more than `tolerance` (Stern-Brocot). */
export function rationalize(value: unknown, tolerance: unknown): Real {
  if (!isReal(value)) throw wrongType("rationalize", "a real number", value);
  if (!isReal(tolerance)) throw wrongType("rationalize", "a real number", tolerance);
  if (value instanceof Flonum || tolerance instanceof Flonum) {
    const x = toDouble(value),
      y = toDouble(tolerance);
    if (Number.isNaN(x) || Number.isNaN(y)) return new Flonum(Number.NaN);
    if (!Number.isFinite(y)) return new Flonum(Number.isFinite(x) ? 0 : Number.NaN);
    if (!Number.isFinite(x)) return new Flonum(x);
    return new Flonum(toDouble(simplest(exactDouble(x), exactDouble(y))));
  }
  return simplest(value, tolerance);
}

function simplest(value: Exact, tolerance: Exact): Exact {
  const width = (compare(tolerance, 0) < 0 ? subtract(0, tolerance) : tolerance) as Exact;
  const low = subtract(value, width) as Exact,
    high = add(value, width) as Exact;
  if (compare(low, 0) <= 0 && compare(high, 0) >= 0) return 0;
  if (compare(high, 0) < 0)
    return multiply(-1, between(multiply(-1, high) as Exact, multiply(-1, low) as Exact)) as Exact;
  return between(low, high);
}

/** 0 < low <= high. */
function between(low: Exact, high: Exact): Exact {
  const wholes: bigint[] = [];
  let a = numeratorOf(low),
    b = denominatorOf(low),
    c = numeratorOf(high),
    d = denominatorOf(high);
  for (;;) {
    const whole = a / b;
    if (whole * b === a || whole < c / d) {
      wholes.push(whole * b === a ? whole : whole + 1n);
      break;
    }
    wholes.push(whole);
    // The reciprocals of what is left, which swaps the ends.
    [a, b, c, d] = [d, c - whole * d, b, a - whole * b];
  }
  let top = wholes.pop()!,
    bottom = 1n;
  while (wholes.length > 0) [top, bottom] = [wholes.pop()! * top + bottom, top];
  return makeRatio(top, bottom);
}

/** Exact integers in two's complement, as wide as needed. */
export function bitwise(
  who: string,
  a: unknown,
  b: unknown,
  small: (x: number, y: number) => number,
  big: (x: bigint, y: bigint) => bigint,
): Integer {
  if (typeof a === "number" && typeof b === "number" && (a | 0) === a && (b | 0) === b) return small(a, b);
  for (const value of [a, b])
    if (typeof value !== "number" && typeof value !== "bigint") throw wrongType(who, "an exact integer", value);
  return normalize(big(BigInt(a as Integer), BigInt(b as Integer)));
}
