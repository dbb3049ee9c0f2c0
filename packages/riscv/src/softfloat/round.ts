import { FloatFlag, RoundingMode, withSign, type FloatEnvironment, type FloatFormat } from "./format.ts";

/** Number of bits of a positive BigInt; 0 for 0. */
export function bitLength(value: bigint): number {
  if (value === 0n) return 0;
  const digits = value.toString(16);
  return digits.length * 4 - (Math.clz32(Number.parseInt(digits[0]!, 16)) - 28);
}

/**
 * value / 2^shift, rounded to an integer; exact (a left shift) when `shift` isn't positive.
 * `value` isn't negative: `sign` tells the directed modes which way is up.
 */
export function shiftRightRounded(
  value: bigint,
  shift: number,
  sign: boolean,
  rounding: RoundingMode,
): { quotient: bigint; inexact: boolean } {
  if (shift <= 0) return { quotient: value << BigInt(-shift), inexact: false };
  const by = BigInt(shift);
  const quotient = value >> by;
  const rest = value - (quotient << by);
  if (rest === 0n) return { quotient, inexact: false };
  const half = 1n << (by - 1n);
  return { quotient: quotient + (roundsAway(quotient, rest, half, sign, rounding) ? 1n : 0n), inexact: true };
}

function roundsAway(quotient: bigint, rest: bigint, half: bigint, sign: boolean, rounding: RoundingMode): boolean {
  switch (rounding) {
    case RoundingMode.RNE:
      return rest > half || (rest === half && (quotient & 1n) === 1n);
    case RoundingMode.RTZ:
      return false;
    case RoundingMode.RDN:
      return sign;
    case RoundingMode.RUP:
      return !sign;
    case RoundingMode.RMM:
      return rest >= half;
  }
}

/**
 * The format's number for (−1)^sign × significand × 2^exponent, raising NX, UF and OF.
 *
 * An operation whose result has endless digits passes a significand of at least precision + 2 bits with its last bit
 * set when something was cut off ("sticky"): the rounding can't tell the difference.
 */
export function roundAndPack(
  format: FloatFormat,
  sign: boolean,
  exponent: number,
  significand: bigint,
  environment: FloatEnvironment,
): bigint {
  if (significand === 0n) return withSign(format, sign, 0n);
  const { precision, exponentMin, exponentMax } = format;
  const rounding = environment.rounding;
  const leading = exponent + bitLength(significand) - 1;

  // The weight of the result's last bit: below the smallest normal it stays, which is what makes subnormals.
  let last = Math.max(leading, exponentMin) - (precision - 1);
  const { quotient, inexact } = shiftRightRounded(significand, last - exponent, sign, rounding);
  let rounded = quotient;
  if (rounded >> BigInt(precision) !== 0n) {
    rounded >>= 1n;
    last++;
  } // carried into a new bit, the others are zero

  if (inexact) {
    environment.flags |= FloatFlag.NX;
    if (isTinyAfterRounding(format, sign, exponent, significand, leading, rounding)) environment.flags |= FloatFlag.UF;
  }
  if (last + precision - 1 > exponentMax) {
    environment.flags |= FloatFlag.OF | FloatFlag.NX;
    const staysFinite =
      rounding === RoundingMode.RTZ ||
      (rounding === RoundingMode.RDN && !sign) ||
      (rounding === RoundingMode.RUP && sign);
    return withSign(format, sign, staysFinite ? format.largest : format.infinity);
  }
  if (rounded >> BigInt(precision - 1) === 0n) return withSign(format, sign, rounded); // subnormal, or zero
  const biased = BigInt(last + (precision - 1) + exponentMax);
  return withSign(format, sign, (biased << BigInt(precision - 1)) | (rounded & format.fractionMask));
}

/**
 * IEEE 754 §7.5 (a), which RISC-V chose: tiny if the result would be below the smallest normal with an unbounded
 * exponent.
 */
function isTinyAfterRounding(
  format: FloatFormat,
  sign: boolean,
  exponent: number,
  significand: bigint,
  leading: number,
  rounding: RoundingMode,
): boolean {
  if (leading >= format.exponentMin) return false;
  if (leading < format.exponentMin - 1) return true;
  const last = leading - (format.precision - 1);
  const { quotient } = shiftRightRounded(significand, last - exponent, sign, rounding);
  return quotient >> BigInt(format.precision) === 0n;
}
