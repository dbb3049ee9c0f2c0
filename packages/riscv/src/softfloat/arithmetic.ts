/** Addition, subtraction, multiplication, division, square root and fused multiply-add (IEEE 754 §5.4.1). */
import {
  FloatFlag,
  invalid,
  propagateNaN,
  RoundingMode,
  unpack,
  withSign,
  type FloatEnvironment,
  type FloatFormat,
} from "./format.ts";
import { bitLength, roundAndPack } from "./round.ts";

export function add(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  const x = unpack(format, a),
    y = unpack(format, b);
  if (x.kind === "nan" || y.kind === "nan") return propagateNaN(format, environment, a, b);
  if (x.kind === "infinite") return y.kind === "infinite" && x.sign !== y.sign ? invalid(format, environment) : a;
  if (y.kind === "infinite") return b;
  const exponent = Math.min(x.exponent, y.exponent);
  return packSum(
    format,
    exponent,
    x.sign,
    x.significand << BigInt(x.exponent - exponent),
    y.sign,
    y.significand << BigInt(y.exponent - exponent),
    environment,
  );
}

export function subtract(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  // A NaN keeps its meaning with the other sign: results are canonical and the quiet bit isn't touched.
  return add(format, a, b ^ format.signBit, environment);
}

export function multiply(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  const x = unpack(format, a),
    y = unpack(format, b);
  if (x.kind === "nan" || y.kind === "nan") return propagateNaN(format, environment, a, b);
  const sign = x.sign !== y.sign;
  if (x.kind === "infinite" || y.kind === "infinite") {
    const other = x.kind === "infinite" ? y : x;
    const zero = other.kind === "finite" && other.significand === 0n;
    return zero ? invalid(format, environment) : withSign(format, sign, format.infinity);
  }
  return roundAndPack(format, sign, x.exponent + y.exponent, x.significand * y.significand, environment);
}

export function divide(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  const x = unpack(format, a),
    y = unpack(format, b);
  if (x.kind === "nan" || y.kind === "nan") return propagateNaN(format, environment, a, b);
  const sign = x.sign !== y.sign;
  if (x.kind === "infinite")
    return y.kind === "infinite" ? invalid(format, environment) : withSign(format, sign, format.infinity);
  if (y.kind === "infinite") return withSign(format, sign, 0n);
  if (y.significand === 0n) {
    if (x.significand === 0n) return invalid(format, environment);
    environment.flags |= FloatFlag.DZ;
    return withSign(format, sign, format.infinity);
  }
  if (x.significand === 0n) return withSign(format, sign, 0n);
  // Two bits beyond the precision, then the sticky bit.
  const shift = Math.max(0, format.precision + 3 + bitLength(y.significand) - bitLength(x.significand));
  const numerator = x.significand << BigInt(shift);
  const quotient = numerator / y.significand;
  const sticky = quotient * y.significand === numerator ? 0n : 1n;
  return roundAndPack(format, sign, x.exponent - y.exponent - shift - 1, (quotient << 1n) | sticky, environment);
}

export function squareRoot(format: FloatFormat, a: bigint, environment: FloatEnvironment): bigint {
  const x = unpack(format, a);
  if (x.kind === "nan") return propagateNaN(format, environment, a);
  if (x.kind === "finite" && x.significand === 0n) return a; // the root of −0 is −0
  if (x.sign) return invalid(format, environment);
  if (x.kind === "infinite") return a;
  let shift = 2 * (format.precision + 3) - bitLength(x.significand);
  if (((x.exponent - shift) & 1) !== 0) shift++; // an even exponent halves exactly
  const radicand = x.significand << BigInt(shift);
  const root = integerSquareRoot(radicand);
  const sticky = root * root === radicand ? 0n : 1n;
  return roundAndPack(format, false, (x.exponent - shift) / 2 - 1, (root << 1n) | sticky, environment);
}

/** a × b + c with one rounding. */
export function fusedMultiplyAdd(
  format: FloatFormat,
  a: bigint,
  b: bigint,
  c: bigint,
  environment: FloatEnvironment,
): bigint {
  const x = unpack(format, a),
    y = unpack(format, b),
    z = unpack(format, c);
  const infiniteTimesZero =
    (x.kind === "infinite" && y.kind === "finite" && y.significand === 0n) ||
    (y.kind === "infinite" && x.kind === "finite" && x.significand === 0n);
  // ISA "F" § 11.6: ∞ × 0 is invalid even when the addend is a quiet NaN.
  if (infiniteTimesZero) return invalid(format, environment);
  if (x.kind === "nan" || y.kind === "nan" || z.kind === "nan") return propagateNaN(format, environment, a, b, c);
  const sign = x.sign !== y.sign;
  if (x.kind === "infinite" || y.kind === "infinite") {
    return z.kind === "infinite" && z.sign !== sign
      ? invalid(format, environment)
      : withSign(format, sign, format.infinity);
  }
  if (z.kind === "infinite") return c;
  const productExponent = x.exponent + y.exponent;
  const exponent = Math.min(productExponent, z.exponent);
  return packSum(
    format,
    exponent,
    sign,
    (x.significand * y.significand) << BigInt(productExponent - exponent),
    z.sign,
    z.significand << BigInt(z.exponent - exponent),
    environment,
  );
}

/** Packs the exact sum of two magnitudes × 2^exponent. */
function packSum(
  format: FloatFormat,
  exponent: number,
  xSign: boolean,
  xMagnitude: bigint,
  ySign: boolean,
  yMagnitude: bigint,
  environment: FloatEnvironment,
): bigint {
  const sum = (xSign ? -xMagnitude : xMagnitude) + (ySign ? -yMagnitude : yMagnitude);
  if (sum === 0n) {
    // IEEE 754 §6.3: zeros of one sign keep it; an exact cancellation is +0, but −0 when rounding down.
    const negative = xSign === ySign ? xSign : environment.rounding === RoundingMode.RDN;
    return withSign(format, negative, 0n);
  }
  return roundAndPack(format, sum < 0n, exponent, sum < 0n ? -sum : sum, environment);
}

/** The largest integer whose square isn't above `value` (Newton's method from above). */
function integerSquareRoot(value: bigint): bigint {
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const next = (root + value / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}
