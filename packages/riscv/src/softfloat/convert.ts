import {
  BINARY32,
  BINARY64,
  FloatFlag,
  propagateNaN,
  unpack,
  withSign,
  type FloatEnvironment,
  type FloatFormat,
} from "./format.ts";
import { roundAndPack, shiftRightRounded } from "./round.ts";

/** An integer type that `fcvt` knows; results of 32 bits are sign-extended by the caller, also the unsigned ones. */
export interface IntegerRange {
  readonly min: bigint;
  readonly max: bigint;
}

export const INT32: IntegerRange = { min: -(1n << 31n), max: (1n << 31n) - 1n };
export const UINT32: IntegerRange = { min: 0n, max: (1n << 32n) - 1n };
export const INT64: IntegerRange = { min: -(1n << 63n), max: (1n << 63n) - 1n };
export const UINT64: IntegerRange = { min: 0n, max: (1n << 64n) - 1n };

/**
 * The value as an integer (ISA "F" § 11.7, table 11.4): out of range after rounding gives the nearest bound, NaN the
 * upper one; both raise NV and not NX.
 */
export function toInteger(
  format: FloatFormat,
  bits: bigint,
  range: IntegerRange,
  environment: FloatEnvironment,
): bigint {
  const x = unpack(format, bits);
  if (x.kind !== "finite") {
    environment.flags |= FloatFlag.NV;
    return x.kind === "infinite" && x.sign ? range.min : range.max;
  }
  const { quotient, inexact } = shiftRightRounded(x.significand, -x.exponent, x.sign, environment.rounding);
  const value = x.sign ? -quotient : quotient;
  if (value < range.min || value > range.max) {
    environment.flags |= FloatFlag.NV;
    return value < range.min ? range.min : range.max;
  }
  if (inexact) environment.flags |= FloatFlag.NX;
  return value;
}

/** The integer rounded to the format; NX when it has too many digits. */
export function fromInteger(format: FloatFormat, value: bigint, environment: FloatEnvironment): bigint {
  return roundAndPack(format, value < 0n, 0, value < 0n ? -value : value, environment);
}

export function toBinary64(bits: bigint, environment: FloatEnvironment): bigint {
  return convertFormat(BINARY32, BINARY64, bits, environment);
}

export function toBinary32(bits: bigint, environment: FloatEnvironment): bigint {
  return convertFormat(BINARY64, BINARY32, bits, environment);
}

/** The value in another format, rounded where that is narrower. */
export function convertFormat(
  source: FloatFormat,
  target: FloatFormat,
  bits: bigint,
  environment: FloatEnvironment,
): bigint {
  const x = unpack(source, bits);
  if (x.kind === "nan") {
    propagateNaN(source, environment, bits);
    return target.canonicalNaN;
  }
  if (x.kind === "infinite") return withSign(target, x.sign, target.infinity);
  return roundAndPack(target, x.sign, x.exponent, x.significand, environment);
}

const BOX = 0xffffffff_00000000n;

/** The register bits that hold a binary32: all upper bits set (ISA "D" § 12.2, NaN boxing). */
export function box(bits32: bigint): bigint {
  return BOX | bits32;
}

/** The binary32 in a register; one that isn't boxed counts as the canonical NaN. */
export function unbox(register: bigint): bigint {
  return (register & BOX) === BOX ? register & 0xffffffffn : BINARY32.canonicalNaN;
}
