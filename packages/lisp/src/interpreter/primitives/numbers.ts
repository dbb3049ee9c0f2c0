/** Numbers: R7RS §6.2, and the bits of SRFI 151. */
import { Flonum, MString, type Real } from "../../datum/datum.ts";
import { wrongType } from "../../datum/condition.ts";
import * as A from "../../number/arithmetic.ts";
import * as I from "../../number/integer.ts";
import { parseNumber } from "../../number/parse.ts";
import { numberToText } from "../../number/print.ts";
import * as T from "../../number/transcendental.ts";
import { makeValues } from "../machine.ts";
import { alias, define, stringOf, type Table } from "./operands.ts";

export function defineNumbers(table: Table): void {
  define(table, "number?", 1, 1, (x: unknown) => A.isNumber(x));
  alias(table, "complex?", "number?");
  define(table, "real?", 1, 1, (x: unknown) => A.isReal(x));
  define(table, "rational?", 1, 1, (x: unknown) => A.isRational(x));
  define(table, "integer?", 1, 1, (x: unknown) => A.isInteger(x));
  define(table, "exact?", 1, 1, (x: unknown) => A.isExact(number("exact?", x)));
  define(table, "inexact?", 1, 1, (x: unknown) => !A.isExact(number("inexact?", x)));
  define(table, "exact-integer?", 1, 1, (x: unknown) => A.isExactInteger(x));
  define(table, "exact-rational?", 1, 1, (x: unknown) => A.isReal(x) && A.isExact(x));
  define(table, "finite?", 1, 1, (x: unknown) => parts("finite?", x).every(Number.isFinite));
  define(table, "infinite?", 1, 1, (x: unknown) => parts("infinite?", x).some((part) => Math.abs(part) === Infinity));
  define(table, "nan?", 1, 1, (x: unknown) => parts("nan?", x).some(Number.isNaN));

  define(table, "+", 0, Infinity, (...all: unknown[]) => fold("+", all, 0, A.add));
  define(table, "*", 0, Infinity, (...all: unknown[]) => fold("*", all, 1, A.multiply));
  define(table, "-", 1, Infinity, (first: unknown, ...rest: unknown[]) =>
    rest.length === 0 ? A.negate(number("-", first)) : rest.reduce(A.subtract, first),
  );
  define(table, "/", 1, Infinity, (first: unknown, ...rest: unknown[]) =>
    rest.length === 0 ? A.divide(1, first) : rest.reduce(A.divide, first),
  );
  define(table, "=", 1, Infinity, (...all: unknown[]) => {
    for (const x of all) number("=", x);
    return all.every((x, index) => index === 0 || A.isEqualNumber(all[index - 1] as A.Num, x as A.Num));
  });
  const ordered = (name: string, test: (order: number) => boolean): void =>
    define(table, name, 1, Infinity, (...all: unknown[]) => {
      for (const x of all) real(name, x);
      return all.every((x, index) => index === 0 || test(A.compare(all[index - 1] as Real, x as Real)));
    });
  ordered("<", (order) => order < 0);
  ordered(">", (order) => order > 0);
  ordered("<=", (order) => order <= 0);
  ordered(">=", (order) => order >= 0);
  define(table, "zero?", 1, 1, (x: unknown) => A.isEqualNumber(number("zero?", x), 0));
  define(table, "positive?", 1, 1, (x: unknown) => A.signOf(real("positive?", x)) > 0);
  define(table, "negative?", 1, 1, (x: unknown) => A.signOf(real("negative?", x)) < 0);
  define(table, "odd?", 1, 1, (x: unknown) => I.isOdd(x, "odd?"));
  define(table, "even?", 1, 1, (x: unknown) => !I.isOdd(x, "even?"));
  define(table, "max", 1, Infinity, (...all: unknown[]) => extreme("max", all, (order) => order > 0));
  define(table, "min", 1, Infinity, (...all: unknown[]) => extreme("min", all, (order) => order < 0));
  define(table, "1+", 1, 1, (x: unknown) => A.add(x, 1));
  define(table, "-1+", 1, 1, (x: unknown) => A.subtract(x, 1));

  for (const [name, quotient, remainder] of [
    ["floor", I.floorQuotient, I.floorRemainder],
    ["truncate", I.truncateQuotient, I.truncateRemainder],
  ] as const) {
    define(table, `${name}-quotient`, 2, 2, (a: unknown, b: unknown) => quotient(a, b));
    define(table, `${name}-remainder`, 2, 2, (a: unknown, b: unknown) => remainder(a, b));
    define(table, `${name}/`, 2, 2, (a: unknown, b: unknown) =>
      makeValues([quotient(a, b, `${name}/`), remainder(a, b, `${name}/`)]),
    );
  }
  define(table, "quotient", 2, 2, (a: unknown, b: unknown) => I.truncateQuotient(a, b, "quotient"));
  define(table, "remainder", 2, 2, (a: unknown, b: unknown) => I.truncateRemainder(a, b, "remainder"));
  define(table, "modulo", 2, 2, (a: unknown, b: unknown) => I.floorRemainder(a, b, "modulo"));
  define(table, "gcd", 0, Infinity, (...all: unknown[]) => all.reduce((a, b) => I.gcd(a, b), 0));
  define(table, "lcm", 0, Infinity, (...all: unknown[]) => all.reduce((a, b) => I.lcm(a, b), 1));
  define(table, "abs", 1, 1, (x: unknown) => T.absolute(real("abs", x)));
  define(table, "magnitude", 1, 1, (x: unknown) => T.magnitude(x));
  define(table, "numerator", 1, 1, (x: unknown) => I.numerator(x));
  define(table, "denominator", 1, 1, (x: unknown) => I.denominator(x));
  for (const name of ["floor", "ceiling", "truncate", "round"] as const)
    define(table, name, 1, 1, (x: unknown) => I.roundReal(x, name));
  define(table, "rationalize", 2, 2, (x: unknown, y: unknown) => I.rationalize(x, y));
  define(table, "square", 1, 1, (x: unknown) => A.multiply(x, x));
  define(table, "sqrt", 1, 1, (x: unknown) => T.sqrt(x));
  define(table, "exact-integer-sqrt", 1, 1, (x: unknown) => makeValues(I.exactIntegerSqrt(x)));
  define(table, "expt", 2, 2, (x: unknown, y: unknown) => T.expt(x, y));
  define(table, "exp", 1, 1, (x: unknown) => T.exp(x));
  define(table, "log", 1, 2, (x: unknown, base: unknown) =>
    base === undefined ? T.log(x) : A.divide(T.log(x), T.log(base)),
  );
  define(table, "sin", 1, 1, (x: unknown) => T.sin(x));
  define(table, "cos", 1, 1, (x: unknown) => T.cos(x));
  define(table, "tan", 1, 1, (x: unknown) => T.tan(x));
  define(table, "asin", 1, 1, (x: unknown) => T.asin(x));
  define(table, "acos", 1, 1, (x: unknown) => T.acos(x));
  define(table, "atan", 1, 2, (y: unknown, x: unknown) => (x === undefined ? T.atan(y) : T.atan2(y, x)));
  define(table, "exact", 1, 1, (x: unknown) => A.toExact(number("exact", x)));
  define(table, "inexact", 1, 1, (x: unknown) => A.toInexact(number("inexact", x)));
  alias(table, "inexact->exact", "exact");
  alias(table, "exact->inexact", "inexact");
  define(table, "make-rectangular", 2, 2, (x: unknown, y: unknown) =>
    A.makeRectangular(real("make-rectangular", x), real("make-rectangular", y)),
  );
  define(table, "make-polar", 2, 2, (x: unknown, y: unknown) => T.makePolar(x, y));
  define(table, "real-part", 1, 1, (x: unknown) => A.realPart(number("real-part", x)));
  define(table, "imag-part", 1, 1, (x: unknown) => A.imaginaryPart(number("imag-part", x)));
  define(table, "angle", 1, 1, (x: unknown) => T.angle(x));
  define(table, "number->string", 1, 2, (x: unknown, radix: unknown) =>
    MString.of(numberToText(number("number->string", x), radixOf("number->string", radix))),
  );
  define(
    table,
    "string->number",
    1,
    2,
    (text: unknown, radix: unknown) =>
      parseNumber(stringOf("string->number", text).toString(), radixOf("string->number", radix)) ?? false,
  );
  define(table, "boolean=?", 2, Infinity, (...all: unknown[]) => {
    for (const x of all) if (typeof x !== "boolean") throw wrongType("boolean=?", "a boolean", x);
    return all.every((x) => x === all[0]);
  });
  defineBits(table);
}

function defineBits(table: Table): void {
  const folded = (
    name: string,
    start: number,
    small: (x: number, y: number) => number,
    big: (x: bigint, y: bigint) => bigint,
  ): void =>
    define(table, name, 0, Infinity, (...all: unknown[]) =>
      all.reduce((a, b) => I.bitwise(name, a, b, small, big), start),
    );
  folded(
    "bitwise-and",
    -1,
    (x, y) => x & y,
    (x, y) => x & y,
  );
  folded(
    "bitwise-ior",
    0,
    (x, y) => x | y,
    (x, y) => x | y,
  );
  folded(
    "bitwise-xor",
    0,
    (x, y) => x ^ y,
    (x, y) => x ^ y,
  );
  define(table, "bitwise-not", 1, 1, (x: unknown) => A.subtract(-1, exactInteger("bitwise-not", x)));
  define(table, "arithmetic-shift", 2, 2, (x: unknown, count: unknown) => {
    const value = BigInt(exactInteger("arithmetic-shift", x)),
      places = exactInteger("arithmetic-shift", count);
    if (places > 67_108_864) throw wrongType("arithmetic-shift", "a count of at most 67108864", count);
    return A.normalize(A.bounded(places >= 0 ? value << BigInt(places) : value >> BigInt(-places)));
  });
  define(table, "bit-count", 1, 1, (x: unknown) => {
    let value = BigInt(exactInteger("bit-count", x));
    if (value < 0n) value = ~value;
    return [...value.toString(2)].filter((digit) => digit === "1").length;
  });
  define(table, "integer-length", 1, 1, (x: unknown) => {
    const value = BigInt(exactInteger("integer-length", x));
    return A.bitLength(value < 0n ? ~value : value);
  });
}

function number(who: string, value: unknown): A.Num {
  if (!A.isNumber(value)) throw wrongType(who, "a number", value);
  return value;
}

function real(who: string, value: unknown): Real {
  if (!A.isReal(value)) throw wrongType(who, "a real number", value);
  return value;
}

function exactInteger(who: string, value: unknown): A.Integer {
  if (!A.isExactInteger(value)) throw wrongType(who, "an exact integer", value);
  return value;
}

/** Doubles of the inexact parts; an exact part is finite however large. */
function parts(who: string, value: unknown): number[] {
  const z = number(who, value);
  return [A.realPart(z), A.imaginaryPart(z)].map((part) => (part instanceof Flonum ? part.value : 0));
}

function fold(
  who: string,
  all: readonly unknown[],
  start: number,
  operate: (a: unknown, b: unknown) => A.Num,
): unknown {
  if (all.length === 0) return start;
  let result: unknown = number(who, all[0]);
  for (let index = 1; index < all.length; index++) result = operate(result, all[index]);
  return result;
}

/** Inexact when one of them is; NaN when one of them is NaN. */
function extreme(who: string, all: readonly unknown[], isBetter: (order: number) => boolean): unknown {
  let best = real(who, all[0]),
    isInexact = best instanceof Flonum;
  for (const other of all.slice(1)) {
    const x = real(who, other);
    isInexact ||= x instanceof Flonum;
    const order = A.compare(x, best);
    if (isBetter(order) || (Number.isNaN(order) && !(best instanceof Flonum && Number.isNaN(best.value)))) best = x;
  }
  return isInexact ? A.toInexact(best) : best;
}

function radixOf(who: string, radix: unknown): number {
  if (radix === undefined) return 10;
  if (typeof radix !== "number" || radix < 2 || radix > 36) throw wrongType(who, "a radix from 2 to 36", radix);
  return radix;
}
