/**
 * The binary interchange formats of IEEE 754-2019 §3.4 and the environment of RISC-V's F and D extensions
 * (Unprivileged ISA, "F" §§ 11.2-11.3): rounding modes and accrued exception flags.
 *
 * A value is a BigInt of raw bits, so that NaN payloads never pass through a host float. Clarity comes first here: this
 * is the oracle, and the last resort of the translator for the rare cases.
 */

/** Sizes and special bit patterns of one format. */
export interface FloatFormat {
  readonly name: string;
  readonly width: number;
  /** Bits of the significand, the hidden one included. */
  readonly precision: number;
  /** Exponent of the smallest normal number, 1 − bias. */
  readonly exponentMin: number;
  /** Exponent of the largest finite number, the bias. */
  readonly exponentMax: number;
  readonly signBit: bigint;
  readonly infinity: bigint;
  /** Largest finite number. */
  readonly largest: bigint;
  /** What every operation that gives a NaN gives (ISA "F" § 11.3): positive, quiet, no payload. */
  readonly canonicalNaN: bigint;
  readonly quietBit: bigint;
  readonly fractionMask: bigint;
}

function format(name: string, width: number, precision: number): FloatFormat {
  const bias = 2 ** (width - precision - 1) - 1;
  const fractionBits = BigInt(precision - 1);
  const infinity = (BigInt(bias) * 2n + 1n) << fractionBits;
  const quietBit = 1n << (fractionBits - 1n);
  return {
    name,
    width,
    precision,
    exponentMin: 1 - bias,
    exponentMax: bias,
    signBit: 1n << BigInt(width - 1),
    infinity,
    largest: infinity - 1n,
    canonicalNaN: infinity | quietBit,
    quietBit,
    fractionMask: (1n << fractionBits) - 1n,
  };
}

export const BINARY16: FloatFormat = format("binary16", 16, 11);
export const BINARY32: FloatFormat = format("binary32", 32, 24);
export const BINARY64: FloatFormat = format("binary64", 64, 53);

/** The `rm` field and `frm` (ISA "F", table 11.1). */
export const RoundingMode = { RNE: 0, RTZ: 1, RDN: 2, RUP: 3, RMM: 4 } as const;
export type RoundingMode = (typeof RoundingMode)[keyof typeof RoundingMode];

/** Bits of `fflags` (ISA "F", table 11.2). */
export const FloatFlag = { NX: 1, UF: 2, OF: 4, DZ: 8, NV: 16 } as const;

/** How to round, and what has been raised so far. */
export interface FloatEnvironment {
  rounding: RoundingMode;
  flags: number;
}

/** A finite number is (−1)^sign × significand × 2^exponent, exactly; the significand isn't normalised. */
interface Unpacked {
  readonly kind: "finite" | "infinite" | "nan";
  readonly sign: boolean;
  readonly exponent: number;
  readonly significand: bigint;
}

export function unpack(format: FloatFormat, bits: bigint): Unpacked {
  const sign = (bits & format.signBit) !== 0n;
  const fraction = bits & format.fractionMask;
  const biased = Number((bits & (format.signBit - 1n)) >> BigInt(format.precision - 1));
  if (biased === format.exponentMax * 2 + 1) {
    return { kind: fraction === 0n ? "infinite" : "nan", sign, exponent: 0, significand: fraction };
  }
  // Subnormals have the exponent of the smallest normal and no hidden bit.
  const hidden = biased === 0 ? 0n : format.fractionMask + 1n;
  const exponent = Math.max(biased, 1) - format.exponentMax - (format.precision - 1);
  return { kind: "finite", sign, exponent, significand: fraction | hidden };
}

export function isNaN(format: FloatFormat, bits: bigint): boolean {
  return (bits & (format.signBit - 1n)) > format.infinity;
}

export function isSignallingNaN(format: FloatFormat, bits: bigint): boolean {
  return isNaN(format, bits) && (bits & format.quietBit) === 0n;
}

export function withSign(format: FloatFormat, sign: boolean, magnitude: bigint): bigint {
  return sign ? magnitude | format.signBit : magnitude;
}

/** Raises NV and gives the canonical NaN: an operation without a meaningful result. */
export function invalid(format: FloatFormat, environment: FloatEnvironment): bigint {
  environment.flags |= FloatFlag.NV;
  return format.canonicalNaN;
}

/** The NaN that comes of NaN operands: always canonical (payloads aren't propagated); NV when one signals. */
export function propagateNaN(
  format: FloatFormat,
  environment: FloatEnvironment,
  ...operands: readonly bigint[]
): bigint {
  if (operands.some((operand) => isSignallingNaN(format, operand))) environment.flags |= FloatFlag.NV;
  return format.canonicalNaN;
}
