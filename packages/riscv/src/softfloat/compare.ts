/** Comparisons, minimum, maximum and classification (ISA "F" §§ 11.6, 11.8, 11.9). */
import { FloatFlag, isNaN, isSignallingNaN, propagateNaN, type FloatEnvironment, type FloatFormat } from "./format.ts";

/** Quiet: NV only for a signalling NaN. */
export function equal(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): boolean {
  if (isNaN(format, a) || isNaN(format, b)) {
    propagateNaN(format, environment, a, b);
    return false;
  }
  return a === b || ((a | b) & (format.signBit - 1n)) === 0n;
}

/** Signalling: NV for any NaN. */
export function lessThan(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): boolean {
  if (isNaN(format, a) || isNaN(format, b)) {
    environment.flags |= FloatFlag.NV;
    return false;
  }
  return order(format, a) < order(format, b);
}

/** Signalling: NV for any NaN. */
export function lessOrEqual(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): boolean {
  if (isNaN(format, a) || isNaN(format, b)) {
    environment.flags |= FloatFlag.NV;
    return false;
  }
  return order(format, a) <= order(format, b);
}

/**
 * minimumNumber: −0 < +0, a NaN loses against a number, two NaNs give the canonical one; a signalling NaN raises NV.
 */
export function minimum(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  return select(format, a, b, environment, (x, y) => x <= y);
}

/** maximumNumber, likewise. */
export function maximum(format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  return select(format, a, b, environment, (x, y) => x >= y);
}

function select(
  format: FloatFormat,
  a: bigint,
  b: bigint,
  environment: FloatEnvironment,
  first: (x: bigint, y: bigint) => boolean,
): bigint {
  const aIsNaN = isNaN(format, a),
    bIsNaN = isNaN(format, b);
  if (aIsNaN || bIsNaN) {
    const nan = propagateNaN(format, environment, a, b);
    return aIsNaN && bIsNaN ? nan : aIsNaN ? b : a;
  }
  // Zeros of both signs: the total order of the bits tells −0 from +0.
  return first(totalOrder(format, a), totalOrder(format, b)) ? a : b;
}

/** An integer that orders the format's numbers as the numbers do; both zeros are 0. */
function order(format: FloatFormat, bits: bigint): bigint {
  const magnitude = bits & (format.signBit - 1n);
  return (bits & format.signBit) === 0n ? magnitude : -magnitude;
}

/** As `order`, with −0 just below +0. */
function totalOrder(format: FloatFormat, bits: bigint): bigint {
  const magnitude = bits & (format.signBit - 1n);
  return (bits & format.signBit) === 0n ? magnitude : -magnitude - 1n;
}

/** The ten bits of `fclass` (ISA "F", table 11.5); exactly one is set. */
export function classify(format: FloatFormat, bits: bigint): number {
  const negative = (bits & format.signBit) !== 0n;
  const magnitude = bits & (format.signBit - 1n);
  if (magnitude > format.infinity) return isSignallingNaN(format, bits) ? 1 << 8 : 1 << 9;
  if (magnitude === format.infinity) return negative ? 1 << 0 : 1 << 7;
  if (magnitude > format.fractionMask) return negative ? 1 << 1 : 1 << 6;
  if (magnitude !== 0n) return negative ? 1 << 2 : 1 << 5;
  return negative ? 1 << 3 : 1 << 4;
}
