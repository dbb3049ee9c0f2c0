/** Operands that find mistakes: the ends of every range, and what lies beside them. */
import type { SeededRandom } from "@stratos/base";

const MASK64 = (1n << 64n) - 1n;

/**
 * Bits of doubles: zeros, ones, ends of the normal and subnormal ranges, infinities, NaNs of both kinds, ties of
 * conversions.
 */
export const SPECIAL_DOUBLES: readonly bigint[] = bothSigns(64, [
  0x0000000000000000n,
  0x3ff0000000000000n,
  0x3ff0000000000001n,
  0x3fefffffffffffffn,
  0x4000000000000000n,
  0x4008000000000000n,
  0x3fe0000000000000n,
  0x3ff8000000000000n,
  0x4004000000000000n, // 2.5
  0x3fb999999999999an, // 0.1
  0x0000000000000001n,
  0x0000000000000002n,
  0x000fffffffffffffn,
  0x0010000000000000n,
  0x0010000000000001n,
  0x001fffffffffffffn,
  0x0020000000000000n,
  0x0008000000000000n,
  0x7fefffffffffffffn,
  0x7feffffffffffffen,
  0x7fe0000000000000n,
  0x7fd0000000000000n,
  0x5fe0000000000000n,
  0x1ff0000000000000n,
  0x1e60000000000001n,
  0x6180000000000001n,
  0x7ff0000000000000n,
  0x7ff8000000000000n,
  0x7ff8000000000001n,
  0x7fffffffffffffffn,
  0x7ff0000000000001n,
  0x7ff7ffffffffffffn,
  0x41dfffffffc00000n,
  0x41e0000000000000n,
  0x41dfffffffe00000n,
  0x41efffffffe00000n,
  0x41f0000000000000n,
  0x41effffffff00000n, // around 2^31 and 2^32
  0x43e0000000000000n,
  0x43dfffffffffffffn,
  0x43f0000000000000n,
  0x43efffffffffffffn,
  0x4330000000000000n,
  0x4340000000000001n,
  0x4320000000000001n, // 2^63, 2^64, 2^52 …
  0x36a0000000000000n,
  0x380fffffe0000000n,
  0x380fffffffffffffn,
  0x3810000000000000n,
  0x3690000000000000n,
  0x3690000000000001n, // the single format's small ends
  0x47efffffe0000000n,
  0x47efffffefffffffn,
  0x47effffff0000000n,
  0x47f0000000000000n,
  0x3ff0000010000000n,
  0x3ff0000030000000n, // its large ends, and its ties
  0x3ca0000000000000n,
  0x3c90000000000000n,
  0x3cb0000000000000n,
  0x3df0000000000001n,
  0x3e40000000000000n, // 2^-53 and others that make ties in sums
]);

export const SPECIAL_SINGLES: readonly bigint[] = bothSigns(32, [
  0x00000000n,
  0x3f800000n,
  0x3f800001n,
  0x3f7fffffn,
  0x40000000n,
  0x40400000n,
  0x3f000000n,
  0x3fc00000n,
  0x40200000n,
  0x3dcccccdn,
  0x00000001n,
  0x00000002n,
  0x007fffffn,
  0x00800000n,
  0x00800001n,
  0x00ffffffn,
  0x01000000n,
  0x00400000n,
  0x7f7fffffn,
  0x7f7ffffen,
  0x7f000000n,
  0x5f000000n,
  0x5f7fffffn,
  0x5f800000n,
  0x4effffffn,
  0x4f000000n,
  0x4f7fffffn,
  0x4f800000n,
  0x5effffffn,
  0x4b800001n,
  0x4b000001n,
  0x1f800000n,
  0x20000001n,
  0x33800000n,
  0x33000000n,
  0x34000000n,
  0x39800000n,
  0x39800001n,
  0x7f800000n,
  0x7fc00000n,
  0x7fc00001n,
  0x7fffffffn,
  0x7f800001n,
  0x7fbfffffn,
]);

function bothSigns(width: number, values: readonly bigint[]): bigint[] {
  return values.flatMap((value) => [value, value | (1n << BigInt(width - 1))]);
}

export const SPECIAL_INTEGERS: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  7n,
  31n,
  32n,
  63n,
  64n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0x80000001n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  0x8000000000000000n,
  0x8000000000000001n,
  0x20000000000001n,
  0x20000000000003n,
  0x1000001n,
  0x1000003n,
  0x5555555555555555n,
  0xaaaaaaaaaaaaaaaan,
  0x7fffffffffffffc0n,
  0x7ffffffffffffe00n,
  0x7ffffffffffffdffn,
  0xfffffffffffffbffn,
  0xfffffffffffff800n,
  0xffffff7fffffffffn,
  0x7fffff8000000000n,
  0x7fffffbfffffffffn,
  0x0123456789abcdefn,
].flatMap((value) => [value, -value & MASK64]);

export function randomBits64(random: SeededRandom): bigint {
  return (BigInt(random.u32()) << 32n) | BigInt(random.u32());
}

function pick<T>(random: SeededRandom, values: readonly T[]): T {
  return values[random.below(values.length)]!;
}

/** Raw bits of an integer register. */
export function randomInteger(random: SeededRandom): bigint {
  switch (random.below(5)) {
    case 0:
      return randomBits64(random);
    case 1:
      return BigInt.asUintN(64, BigInt(random.u32() | 0));
    case 2:
      return BigInt.asUintN(64, BigInt(random.below(64)) - 16n);
    case 3:
      return BigInt.asUintN(64, (1n << BigInt(random.below(64))) + BigInt(random.below(3) - 1));
    default:
      return pick(random, SPECIAL_INTEGERS);
  }
}

/** Raw bits of a double; random ones are of moderate magnitude half of the time, so that operations meet. */
export function randomDouble(random: SeededRandom): bigint {
  switch (random.below(6)) {
    case 0:
      return randomBits64(random);
    case 1:
    case 2:
      return pick(random, SPECIAL_DOUBLES);
    case 3: {
      // few significant bits: exact results and ties
      const exponent = BigInt(1023 - 4 + random.below(8));
      return (
        (BigInt(random.below(2)) << 63n) |
        (exponent << 52n) |
        (BigInt(random.below(16)) << 48n) |
        BigInt(random.below(2))
      );
    }
    default: {
      const exponent = BigInt(1023 - 30 + random.below(60));
      return (BigInt(random.below(2)) << 63n) | (exponent << 52n) | (randomBits64(random) & 0xfffffffffffffn);
    }
  }
}

export function randomSingle(random: SeededRandom): bigint {
  switch (random.below(6)) {
    case 0:
      return BigInt(random.u32());
    case 1:
    case 2:
      return pick(random, SPECIAL_SINGLES);
    case 3:
      return (
        (BigInt(random.below(2)) << 31n) |
        (BigInt(127 - 4 + random.below(8)) << 23n) |
        (BigInt(random.below(16)) << 19n) |
        BigInt(random.below(2))
      );
    default:
      return (
        (BigInt(random.below(2)) << 31n) | (BigInt(127 - 20 + random.below(40)) << 23n) | BigInt(random.below(1 << 23))
      );
  }
}

/** Raw bits of a floating-point register: a double, a boxed single, or seldom a single without its box. */
export function randomFloatRegister(random: SeededRandom): bigint {
  const kind = random.below(16);
  if (kind < 8) return randomDouble(random);
  if (kind < 15) return 0xffffffff00000000n | randomSingle(random);
  return (BigInt(random.u32() & 0x7fffffff) << 32n) | randomSingle(random);
}
