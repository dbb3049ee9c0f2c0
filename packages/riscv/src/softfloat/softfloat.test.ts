/**
 * Goal: the soft float is exact. Method: against the host's own arithmetic, which is IEEE 754 in round-to-nearest-even,
 * over special and random values; and against values worked out by hand for the modes and flags that the host doesn't
 * show. The judge of the rest is qemu (../testing/differential.test.ts).
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import {
  add,
  BINARY32,
  BINARY64,
  divide,
  equal,
  FloatFlag,
  fromInteger,
  fusedMultiplyAdd,
  INT32,
  INT64,
  maximum,
  minimum,
  multiply,
  RoundingMode,
  squareRoot,
  subtract,
  toBinary32,
  toInteger,
  UINT32,
  UINT64,
  classify,
  lessThan,
  unbox,
  box,
} from "./softfloat.ts";
import type { FloatEnvironment } from "./softfloat.ts";

const view = new DataView(new ArrayBuffer(8));
const bits64 = (value: number): bigint => {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
};
const bits32 = (value: number): bigint => {
  view.setFloat32(0, value);
  return BigInt(view.getUint32(0));
};
const number64 = (bits: bigint): number => {
  view.setBigUint64(0, bits);
  return view.getFloat64(0);
};
const environment = (rounding: RoundingMode = RoundingMode.RNE): FloatEnvironment => ({ rounding, flags: 0 });

const SPECIAL = [
  0,
  -0,
  1,
  -1,
  1.5,
  3,
  -1 / 3,
  2 ** -1022,
  2 ** -1074,
  -(2 ** -1074),
  2 ** -1022 - 2 ** -1074,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  Infinity,
  -Infinity,
  NaN,
  2 ** 52,
  2 ** 53 - 1,
  0.1,
  2 ** -149,
  2 ** -126,
  2 ** 127,
  3.4e38,
  1e-310,
  1e308,
];

function operands(count: number): number[] {
  const random = new SeededRandom(20);
  const values = [...SPECIAL];
  for (let index = 0; index < count; index++) {
    values.push((random.u32() / 2 ** 32 - 0.5) * 2 ** (random.below(2200) - 1100), (random.u32() - 2 ** 31) * 2 ** -20);
  }
  return values;
}

/** The host's NaN may have any sign and payload; ours is canonical. */
const canonical64 = (value: number): bigint => (Number.isNaN(value) ? BINARY64.canonicalNaN : bits64(value));
const canonical32 = (value: number): bigint => (Number.isNaN(value) ? BINARY32.canonicalNaN : bits32(value));

test("binary64 arithmetic in nearest-even is the host's", () => {
  const values = operands(40);
  for (const x of values) {
    for (const y of values) {
      const a = bits64(x),
        b = bits64(y);
      assert.equal(add(BINARY64, a, b, environment()), canonical64(x + y), `${x} + ${y}`);
      assert.equal(subtract(BINARY64, a, b, environment()), canonical64(x - y), `${x} - ${y}`);
      assert.equal(multiply(BINARY64, a, b, environment()), canonical64(x * y), `${x} * ${y}`);
      assert.equal(divide(BINARY64, a, b, environment()), canonical64(x / y), `${x} / ${y}`);
    }
    assert.equal(squareRoot(BINARY64, bits64(x), environment()), canonical64(Math.sqrt(x)), `sqrt ${x}`);
    assert.equal(toBinary32(bits64(x), environment()), canonical32(Math.fround(x)), `fround ${x}`);
  }
});

test("binary32 arithmetic in nearest-even is the host's double arithmetic rounded", () => {
  // A double holds the product of two singles exactly; sum, quotient and root round innocuously (Figueroa 1995).
  const values = operands(20).map(Math.fround);
  for (const x of values) {
    for (const y of values) {
      const a = bits32(x),
        b = bits32(y);
      assert.equal(add(BINARY32, a, b, environment()), canonical32(Math.fround(x + y)), `${x} + ${y}`);
      assert.equal(multiply(BINARY32, a, b, environment()), canonical32(Math.fround(x * y)), `${x} * ${y}`);
      assert.equal(divide(BINARY32, a, b, environment()), canonical32(Math.fround(x / y)), `${x} / ${y}`);
    }
    assert.equal(squareRoot(BINARY32, bits32(x), environment()), canonical32(Math.fround(Math.sqrt(x))), `sqrt ${x}`);
  }
});

test("the directed modes bracket the exact result and raise NX", () => {
  for (const [x, y] of [
    [1, 2 ** -60],
    [-1, -(2 ** -60)],
    [1, -(2 ** -60)],
  ] as const) {
    const at = (rounding: RoundingMode): number => {
      const env = environment(rounding);
      const result = number64(add(BINARY64, bits64(x), bits64(y), env));
      assert.equal(env.flags, FloatFlag.NX);
      return result;
    };
    assert.ok(at(RoundingMode.RDN) < at(RoundingMode.RUP));
    assert.equal(at(RoundingMode.RTZ), x > 0 ? at(RoundingMode.RDN) : at(RoundingMode.RUP));
    assert.equal(at(RoundingMode.RNE), x);
    assert.equal(at(RoundingMode.RMM), x);
  }
});

test("ties go to even, or away from zero", () => {
  const half = bits64(2 ** -53),
    one = bits64(1);
  assert.equal(add(BINARY64, one, half, environment(RoundingMode.RNE)), one);
  assert.equal(add(BINARY64, one, half, environment(RoundingMode.RMM)), one + 1n);
  assert.equal(toInteger(BINARY64, bits64(2.5), INT32, environment(RoundingMode.RNE)), 2n);
  assert.equal(toInteger(BINARY64, bits64(2.5), INT32, environment(RoundingMode.RMM)), 3n);
  assert.equal(toInteger(BINARY64, bits64(-2.5), INT32, environment(RoundingMode.RMM)), -3n);
});

test("an exact cancellation is +0, but -0 when rounding down", () => {
  const one = bits64(1),
    minusOne = bits64(-1);
  assert.equal(add(BINARY64, one, minusOne, environment()), 0n);
  assert.equal(add(BINARY64, one, minusOne, environment(RoundingMode.RDN)), BINARY64.signBit);
  assert.equal(add(BINARY64, 0n, 0n, environment(RoundingMode.RDN)), 0n);
  assert.equal(fusedMultiplyAdd(BINARY64, one, one, minusOne, environment(RoundingMode.RDN)), BINARY64.signBit);
});

test("fused multiply-add rounds once", () => {
  const x = 1 + 2 ** -30;
  // x² = 1 + 2^-29 + 2^-60: the host's product loses the last term, the fused one keeps it.
  const env = environment();
  const result = fusedMultiplyAdd(BINARY64, bits64(x), bits64(x), bits64(-(1 + 2 ** -29)), env);
  assert.equal(number64(result), 2 ** -60);
  assert.equal(env.flags, 0);
  const invalidEnv = environment();
  assert.equal(
    fusedMultiplyAdd(BINARY64, BINARY64.infinity, 0n, BINARY64.canonicalNaN, invalidEnv),
    BINARY64.canonicalNaN,
  );
  assert.equal(invalidEnv.flags, FloatFlag.NV);
});

test("overflow and underflow raise their flags; tininess is found after rounding", () => {
  const overflow = environment(RoundingMode.RTZ);
  assert.equal(multiply(BINARY64, BINARY64.largest, bits64(2), overflow), BINARY64.largest);
  assert.equal(overflow.flags, FloatFlag.OF | FloatFlag.NX);
  // (1 − 2^-53) × 2^-1022: subnormal and inexact, so tiny.
  const tiny = environment();
  multiply(BINARY64, bits64(2 ** -1022), bits64(1 - 2 ** -53), tiny);
  // With an unbounded exponent this is representable below 2^-1022, so it is tiny although the result is the smallest
  // normal.
  assert.equal(tiny.flags, FloatFlag.UF | FloatFlag.NX);
  // (1 + 2^-27)(1 − 2^-27) = 1 − 2^-54 rounds to 1 at full precision too, so the smallest normal isn't tiny.
  const notTiny = environment();
  assert.equal(
    multiply(BINARY64, bits64(1 + 2 ** -27), bits64((1 - 2 ** -27) * 2 ** -1022), notTiny),
    bits64(2 ** -1022),
  );
  assert.equal(notTiny.flags, FloatFlag.NX);
  const exactSubnormal = environment();
  multiply(BINARY64, bits64(2 ** -1022), bits64(0.5), exactSubnormal);
  assert.equal(exactSubnormal.flags, 0);
});

test("division by zero and zero by zero", () => {
  const dz = environment();
  assert.equal(divide(BINARY32, bits32(-1), 0n, dz), BINARY32.infinity | BINARY32.signBit);
  assert.equal(dz.flags, FloatFlag.DZ);
  const nv = environment();
  assert.equal(divide(BINARY32, 0n, 0n, nv), BINARY32.canonicalNaN);
  assert.equal(nv.flags, FloatFlag.NV);
});

test("conversions to integers saturate", () => {
  const cases: readonly [number, typeof INT32, bigint, number][] = [
    [NaN, INT32, INT32.max, FloatFlag.NV],
    [-Infinity, INT64, INT64.min, FloatFlag.NV],
    [Infinity, UINT64, UINT64.max, FloatFlag.NV],
    [-0.5, UINT32, 0n, FloatFlag.NX],
    [-1, UINT32, 0n, FloatFlag.NV],
    [2 ** 31, INT32, INT32.max, FloatFlag.NV],
    [2 ** 31 - 0.5, INT32, INT32.max, FloatFlag.NX],
    [-(2 ** 31), INT32, INT32.min, 0],
    [2 ** 63, INT64, INT64.max, FloatFlag.NV],
  ];
  for (const [value, range, expected, flags] of cases) {
    const env = environment(RoundingMode.RTZ);
    assert.equal(toInteger(BINARY64, bits64(value), range, env), expected, String(value));
    assert.equal(env.flags, flags, String(value));
  }
});

test("integers are rounded once", () => {
  const env = environment();
  assert.equal(fromInteger(BINARY64, (1n << 53n) + 1n, env), bits64(2 ** 53));
  assert.equal(env.flags, FloatFlag.NX);
  assert.equal(fromInteger(BINARY32, UINT64.max, environment(RoundingMode.RTZ)), bits32(2 ** 64 - 2 ** 40));
  assert.equal(fromInteger(BINARY64, -5n, environment()), bits64(-5));
});

test("minimum and maximum know -0 and prefer numbers", () => {
  const env = environment();
  assert.equal(minimum(BINARY64, 0n, BINARY64.signBit, env), BINARY64.signBit);
  assert.equal(maximum(BINARY64, BINARY64.signBit, 0n, env), 0n);
  assert.equal(minimum(BINARY64, BINARY64.canonicalNaN, bits64(2), env), bits64(2));
  assert.equal(env.flags, 0);
  const signalling = BINARY64.infinity | 1n;
  assert.equal(maximum(BINARY64, signalling, bits64(2), env), bits64(2));
  assert.equal(env.flags, FloatFlag.NV);
});

test("comparisons: quiet and signalling", () => {
  const env = environment();
  assert.equal(equal(BINARY64, BINARY64.canonicalNaN, 0n, env), false);
  assert.equal(equal(BINARY64, BINARY64.signBit, 0n, env), true);
  assert.equal(env.flags, 0);
  assert.equal(lessThan(BINARY64, BINARY64.signBit, 0n, env), false);
  assert.equal(lessThan(BINARY64, BINARY64.canonicalNaN, 0n, env), false);
  assert.equal(env.flags, FloatFlag.NV);
});

test("classes and boxes", () => {
  const values = [
    BINARY32.infinity | BINARY32.signBit,
    bits32(-1),
    BINARY32.signBit | 1n,
    BINARY32.signBit,
    0n,
    1n,
    bits32(1),
    BINARY32.infinity,
    BINARY32.infinity | 1n,
    BINARY32.canonicalNaN,
  ];
  values.forEach((bits, index) => assert.equal(classify(BINARY32, bits), 1 << index));
  assert.equal(unbox(box(bits32(1.5))), bits32(1.5));
  assert.equal(unbox(bits32(1.5)), BINARY32.canonicalNaN);
});
