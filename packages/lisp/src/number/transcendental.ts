/** Powers, roots, logarithms and angles, of real and complex numbers; exact where the result is. R7RS §6.2.6. */
import { Compnum, Flonum, Ratnum, type Real } from "../datum/datum.ts";
import { failure, limitReached, wrongType } from "../datum/condition.ts";
import {
  add,
  bitLength,
  compare,
  divide,
  type Exact,
  imaginaryPart,
  isExact,
  isNumber,
  isReal,
  isEqvNumber,
  makeRatio,
  makeRectangular,
  multiply,
  negate,
  normalize,
  type Num,
  realPart,
  signOf,
  subtract,
  toDouble,
} from "./arithmetic.ts";
import * as elementary from "./elementary.ts";
import { integerSqrt } from "./integer.ts";

function numberOf(who: string, value: unknown): Num {
  if (!isNumber(value)) throw wrongType(who, "a number", value);
  return value;
}

/** A complex number of doubles. */
function complex(real: number, imaginary: number): Num {
  return new Compnum(new Flonum(real), new Flonum(imaginary));
}

const re = (value: Num): number => toDouble(realPart(value));
const im = (value: Num): number => toDouble(imaginaryPart(value));

export function exp(value: unknown): Num {
  const z = numberOf("exp", value);
  if (z === 0) return 1;
  if (z instanceof Compnum) {
    const scale = elementary.exp(re(z));
    return complex(scale * elementary.cos(im(z)), scale * elementary.sin(im(z)));
  }
  return new Flonum(elementary.exp(toDouble(z)));
}

export function log(value: unknown): Num {
  const z = numberOf("log", value);
  if (z === 1) return 0;
  if (z === 0) throw failure("log: not defined for", 0);
  if (z instanceof Compnum)
    return complex(elementary.log(elementary.hypot(re(z), im(z))), elementary.atan2(im(z), re(z)));
  const size = logOfMagnitude(z);
  // The angle of -0.0 is π, too.
  if (signOf(z) < 0 || Object.is(toDouble(z), -0)) return new Compnum(new Flonum(size), new Flonum(Math.PI));
  return new Flonum(size);
}

/** Also of integers that no double holds. */
function logOfMagnitude(value: Real): number {
  if (typeof value === "bigint") {
    const magnitude = value < 0n ? -value : value,
      shift = Math.max(0, bitLength(magnitude) - 1000);
    return elementary.log(Number(magnitude >> BigInt(shift))) + shift * Math.LN2;
  }
  if (value instanceof Ratnum)
    return logOfMagnitude(normalize(value.numerator)) - logOfMagnitude(normalize(value.denominator));
  return elementary.log(Math.abs(toDouble(value)));
}

export function sin(value: unknown): Num {
  const z = numberOf("sin", value);
  if (z === 0) return 0;
  if (z instanceof Compnum)
    return complex(elementary.sin(re(z)) * elementary.cosh(im(z)), elementary.cos(re(z)) * elementary.sinh(im(z)));
  return new Flonum(elementary.sin(toDouble(z)));
}

export function cos(value: unknown): Num {
  const z = numberOf("cos", value);
  if (z === 0) return 1;
  if (z instanceof Compnum)
    return complex(elementary.cos(re(z)) * elementary.cosh(im(z)), -elementary.sin(re(z)) * elementary.sinh(im(z)));
  return new Flonum(elementary.cos(toDouble(z)));
}

export function tan(value: unknown): Num {
  const z = numberOf("tan", value);
  if (z === 0) return 0;
  if (z instanceof Compnum) return divide(sin(z), cos(z));
  return new Flonum(elementary.tan(toDouble(z)));
}

const I = new Compnum(0, 1);

/** -i · log(iz + √(1 - z²)). */
export function asin(value: unknown): Num {
  const z = numberOf("asin", value);
  if (z === 0) return 0;
  if (isReal(z) && Math.abs(toDouble(z)) <= 1) return new Flonum(elementary.asin(toDouble(z)));
  if (isReal(z) && Number.isNaN(toDouble(z))) return new Flonum(Number.NaN);
  // Far from the branch cut the sum cancels for one sign: asin(-z) = -asin(z).
  if (im(z) > 0 || (im(z) === 0 && re(z) < 0)) return negate(asin(negate(z)));
  return multiply(negate(I), log(add(multiply(I, z), sqrt(subtract(1, multiply(z, z))))));
}

/** π/2 - asin(z). */
export function acos(value: unknown): Num {
  const z = numberOf("acos", value);
  if (z === 1) return 0;
  if (isReal(z) && Math.abs(toDouble(z)) <= 1) return new Flonum(elementary.acos(toDouble(z)));
  return subtract(new Flonum(Math.PI / 2), asin(z));
}

/** (log(1 + iz) - log(1 - iz)) / 2i. */
export function atan(value: unknown): Num {
  const z = numberOf("atan", value);
  if (z === 0) return 0;
  if (isReal(z)) return new Flonum(elementary.atan(toDouble(z)));
  const product = multiply(I, z);
  if (isEqvNumber(product, 1) || isEqvNumber(product, -1)) throw failure("atan: not defined for", z);
  return divide(subtract(log(add(1, product)), log(subtract(1, product))), new Compnum(0, 2));
}

export function atan2(y: unknown, x: unknown): Num {
  if (!isReal(y)) throw wrongType("atan", "a real number", y);
  if (!isReal(x)) throw wrongType("atan", "a real number", x);
  if (y === 0 && isExact(x)) {
    if (x === 0) throw failure("atan: not defined for", 0, 0);
    if (signOf(x) > 0) return 0;
  }
  return new Flonum(elementary.atan2(toDouble(y), toDouble(x)));
}

/** Exact where the root is, complex of a negative number. */
export function sqrt(value: unknown): Num {
  const z = numberOf("sqrt", value);
  if (z instanceof Flonum)
    return z.value < 0 ? new Compnum(0, new Flonum(Math.sqrt(-z.value))) : new Flonum(Math.sqrt(z.value));
  if (z instanceof Compnum) return sqrtComplex(z);
  if (signOf(z) < 0) return makeRectangular(0, sqrt(negate(z)) as Real);
  const root = exactRoot(z as Exact);
  return root ?? new Flonum(sqrtDouble(z as Exact));
}

/** Of an exact number >= 0; null when its root is not rational. */
function exactRoot(value: Exact): Exact | null {
  if (value instanceof Ratnum) {
    const top = integerSqrt(value.numerator),
      bottom = integerSqrt(value.denominator);
    return top * top === value.numerator && bottom * bottom === value.denominator ? makeRatio(top, bottom) : null;
  }
  const big = BigInt(value),
    root = integerSqrt(big);
  return root * root === big ? normalize(root) : null;
}

/** Also of numbers that no double holds. */
function sqrtDouble(value: Exact): number {
  const direct = toDouble(value);
  if (Number.isFinite(direct) && direct > 1e-300) return Math.sqrt(direct);
  if (value instanceof Ratnum)
    return toDouble(makeRatio(integerSqrt((value.numerator * (1n << 2200n)) / value.denominator), 1n << 1100n));
  return Number(integerSqrt(BigInt(value)));
}

function sqrtComplex(z: Compnum): Num {
  if (isExact(z)) {
    // (p + qi)² = a + bi with p² = (|z| + a) / 2: exact when both roots are.
    const norm = exactRoot(add(multiply(z.real, z.real), multiply(z.imaginary, z.imaginary)) as Exact);
    if (norm !== null) {
      const p = exactRoot(divide(add(norm, z.real), 2) as Exact),
        q = exactRoot(divide(subtract(norm, z.real), 2) as Exact);
      if (p !== null && q !== null) return makeRectangular(p, signOf(z.imaginary) < 0 ? (negate(q) as Real) : q);
    }
  }
  const a = re(z),
    b = im(z),
    size = elementary.hypot(a, b);
  if (!Number.isFinite(size)) {
    if (Math.abs(b) === Infinity) return complex(Infinity, b);
    return a > 0
      ? complex(Infinity, Number.isNaN(b) ? b : Math.sign(b) * 0)
      : complex(Number.isNaN(b) ? b : 0, Math.sign(b) * Infinity);
  }
  const p = Math.sqrt((size + Math.abs(a)) / 2),
    q = p === 0 ? 0 : Math.abs(b) / (2 * p);
  const [x, y] = a >= 0 ? [p, q] : [q, p];
  return complex(x, b < 0 ? -y : y);
}

export function expt(base: unknown, exponent: unknown): Num {
  const z = numberOf("expt", base),
    w = numberOf("expt", exponent);
  if (typeof w === "number" || typeof w === "bigint") return exptInteger(z, BigInt(w));
  // R7RS §6.2.6: 0 to the power of z is 1 for z = 0, and 0 where z has a positive real part.
  if (z === 0 || (z instanceof Flonum && z.value === 0 && !isReal(w))) {
    const sign = signOf(realPart(w));
    if (sign > 0) return z === 0 && isExact(w) ? 0 : new Flonum(0);
    if (w instanceof Flonum && w.value === 0) return new Flonum(1);
    throw failure("expt: not defined for", z, w);
  }
  if (z === 1 && isExact(w)) return 1;
  if (w instanceof Flonum && isReal(z)) {
    const x = toDouble(z);
    if (x >= 0 || Number.isInteger(w.value) || Number.isNaN(x) || !Number.isFinite(w.value))
      return new Flonum(elementary.power(x, w.value));
  }
  if (w instanceof Ratnum && isReal(z)) {
    if (w.denominator === 2n && isExact(z)) {
      const root = sqrt(z);
      if (isExact(root)) return exptInteger(root, w.numerator);
    }
    if (signOf(z) >= 0) return new Flonum(elementary.power(toDouble(z), toDouble(w)));
  }
  return exp(multiply(w, log(z)));
}

function exptInteger(base: Num, exponent: bigint): Num {
  if (exponent === 0n) return 1;
  if (base === 1 || base === 0) {
    if (base === 0 && exponent < 0n) throw failure("expt: division by zero", base, normalize(exponent));
    return base;
  }
  if (base === -1) return (exponent & 1n) === 0n ? 1 : -1;
  if (base instanceof Flonum)
    return new Flonum(exactPower(base.value, exponent) ?? elementary.power(base.value, Number(exponent)));
  if (exponent < 0n) return divide(1, exptInteger(base, -exponent));
  if (typeof base === "number" || typeof base === "bigint") return normalize(powerBig(BigInt(base), exponent));
  if (base instanceof Ratnum)
    return makeRatio(powerBig(base.numerator, exponent), powerBig(base.denominator, exponent));
  let result: Num = 1,
    square: Num = base;
  if (isExact(base) && exponent > 100_000n) throw limitReached("expt: the exponent is too large:", normalize(exponent));
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = multiply(result, square);
    if (rest > 1n) square = multiply(square, square);
  }
  return result;
}

/**
 * A power of an integer that a double holds exactly, or its inverse, which is rounded once: (expt 10.0 -5) is 0.00001.
 * @returns null for other ones
 */
function exactPower(base: number, exponent: bigint): number | null {
  if (base !== Math.floor(base) || Math.abs(base) < 2 || exponent > 53n || exponent < -53n) return null;
  let power = 1;
  for (let left = exponent < 0n ? -exponent : exponent; left > 0n; left--) {
    power *= base;
    if (Math.abs(power) > Number.MAX_SAFE_INTEGER) return null;
  }
  return exponent < 0n ? 1 / power : power;
}

function powerBig(base: bigint, exponent: bigint): bigint {
  if (BigInt(bitLength(base) - 1) * exponent > 67_108_864n)
    throw limitReached("expt: the result has more than 67108864 bits");
  return base ** exponent;
}

export function magnitude(value: unknown): Real {
  const z = numberOf("magnitude", value);
  if (!(z instanceof Compnum)) return absolute(z);
  if (isExact(z)) return sqrt(add(multiply(z.real, z.real), multiply(z.imaginary, z.imaginary))) as Real;
  return new Flonum(elementary.hypot(re(z), im(z)));
}

export function absolute(value: Real): Real {
  if (value instanceof Flonum) return new Flonum(Math.abs(value.value));
  return compare(value, 0) < 0 ? (negate(value) as Real) : value;
}

export function angle(value: unknown): Real {
  const z = numberOf("angle", value);
  if (z instanceof Compnum) return new Flonum(elementary.atan2(im(z), re(z)));
  if (signOf(z) < 0 || (z instanceof Flonum && Object.is(z.value, -0))) return new Flonum(Math.PI);
  return z instanceof Flonum ? new Flonum(Number.isNaN(z.value) ? z.value : 0) : 0;
}

export function makePolar(size: unknown, turn: unknown): Num {
  if (!isReal(size)) throw wrongType("make-polar", "a real number", size);
  if (!isReal(turn)) throw wrongType("make-polar", "a real number", turn);
  if (turn === 0 || size === 0) return size;
  return complex(toDouble(size) * elementary.cos(toDouble(turn)), toDouble(size) * elementary.sin(toDouble(turn)));
}
