/**
 * Single-precision arithmetic and the conversions, in every rounding mode with exact flags, in WebAssembly; nothing
 * here needs the soft float. Singles are computed in double precision, rounded to odd where a double can't hold the
 * result: 53 ≥ 24 + 2 bits, so that rounding it to single once more is the one rounding of the exact result (Boldo and
 * Melquiond 2008). A double's exponent range is so much larger that nothing over- or underflows on the way.
 */
import { Op } from "@stratos/wasm";
import { FloatFlag, RoundingMode } from "../softfloat/softfloat.ts";
import {
  absF64,
  addF64,
  and,
  apply,
  bitsF64,
  call,
  CANONICAL_F32,
  CANONICAL_F64,
  choose,
  demote,
  divF64,
  eqF64,
  equal32,
  f32,
  F32,
  f64,
  F64,
  geF64,
  get,
  giveBack,
  gtF64,
  i32,
  I32,
  i64,
  i64Bits,
  I64,
  isInfiniteF64,
  isNaNF64,
  isZeroF64,
  leF64,
  ltF64,
  mulF64,
  neF64,
  not,
  or,
  promote,
  raise,
  sequence,
  set,
  subF64,
  when,
  type Expression,
} from "./float-expression.ts";
import { floatHelper, isSignallingF64, oddF64, twoSumError } from "./float-helpers.ts";
import type { Helper } from "./lowering.ts";

/** Is the f32 local a signalling NaN? */
const isSignallingF32 = (local: number): Expression =>
  and(
    apply(Op.f32Ne, get(local), get(local)),
    apply(Op.i32Eqz, and(apply(Op.i32ReinterpretF32, get(local)), i32(0x00400000))),
  );

/** (a, b): as f64.nan. */
const nanResult32 = floatHelper(
  "f32.nan",
  [F32, F32],
  [F32],
  [],
  sequence(
    when(
      or(
        or(isSignallingF32(0), isSignallingF32(1)),
        and(apply(Op.f32Eq, get(0), get(0)), apply(Op.f32Eq, get(1), get(1))),
      ),
      raise(FloatFlag.NV),
    ),
    CANONICAL_F32,
  ),
);

/** (x, rm): x, not a NaN, as a single; raises NX, OF and UF. */
const round32 = ((): Helper => {
  const X = 0,
    MODE = 1,
    R = 2,
    STEP = 3,
    TRUNCATE = 4,
    AWAY = 5,
    M = 6,
    D = 7;
  const downwards = equal32(get(MODE), i32(RoundingMode.RDN)),
    upwards = equal32(get(MODE), i32(RoundingMode.RUP));
  const negative = ltF64(get(X), f64(0));
  const step = (by: number): Expression =>
    apply(Op.f32ReinterpretI32, apply(Op.i32Add, apply(Op.i32ReinterpretF32, get(R)), i32(by)));
  return floatHelper(
    "f32.round",
    [F64, I32],
    [F32],
    [F32, I32, I32, I32, F64, F64],
    sequence(
      set(R, demote(get(X))),
      when(eqF64(promote(get(R)), get(X)), giveBack(get(R))),
      raise(FloatFlag.NX),
      set(TRUNCATE, or(equal32(get(MODE), i32(RoundingMode.RTZ)), choose(I32, negative, upwards, downwards))),
      set(AWAY, choose(I32, negative, downwards, upwards)),
      set(M, absF64(get(X))),
      // D > 0: r lies towards zero from x.
      set(D, subF64(get(M), absF64(promote(get(R))))),
      set(STEP, i32(0)),
      when(and(get(TRUNCATE), ltF64(get(D), f64(0))), set(STEP, i32(-1))),
      when(and(get(AWAY), gtF64(get(D), f64(0))), set(STEP, i32(1))),
      when(
        and(equal32(get(MODE), i32(RoundingMode.RMM)), gtF64(get(D), f64(0))),
        // r + 2 (x − r) is the other neighbour if x is in the middle; past the largest single that is 2^128, which
        // rounding to even took already.
        when(
          eqF64(addF64(get(D), get(D)), subF64(absF64(promote(step(1))), absF64(promote(get(R))))),
          set(STEP, i32(1)),
        ),
      ),
      // A zero's sign is in its bits, so a step outwards from −0 keeps it.
      set(R, apply(Op.f32ReinterpretI32, apply(Op.i32Add, apply(Op.i32ReinterpretF32, get(R)), get(STEP)))),
      when(or(eqF64(absF64(promote(get(R))), f64(Infinity)), geF64(get(M), f64(2 ** 128))), raise(FloatFlag.OF)),
      // Tiny after rounding: would the result with 24 bits and any exponent lie below 2^-126? Its last bit there is
      // 2^-150.
      when(
        or(
          or(
            and(get(TRUNCATE), ltF64(get(M), f64(2 ** -126))),
            and(get(AWAY), leF64(get(M), f64(2 ** -126 - 2 ** -150))),
          ),
          and(not(or(get(TRUNCATE), get(AWAY))), ltF64(get(M), f64(2 ** -126 - 2 ** -151))),
        ),
        raise(FloatFlag.UF),
      ),
      get(R),
    ),
  );
})();

/** Rounding of the f64 local `x` with error sign `e` (0: exact) to the helper's f32 result. */
const roundOdd = (x: number, e: number, mode: number): Expression =>
  sequence(oddF64(x, e), call("f32.round", get(x), get(mode)));

/** (a, b, rm): a + b. */
const add32 = ((): Helper => {
  const A = 0,
    B = 1,
    MODE = 2,
    X = 3,
    Y = 4,
    S = 5,
    E = 6,
    T = 7;
  return floatHelper(
    "f32.add",
    [F32, F32, I32],
    [F32],
    [F64, F64, F64, F64, F64],
    sequence(
      set(X, promote(get(A))),
      set(Y, promote(get(B))),
      set(S, addF64(get(X), get(Y))),
      when(isNaNF64(S), giveBack(call("f32.nan", get(A), get(B)))),
      when(isInfiniteF64(S), giveBack(demote(get(S)))),
      when(
        and(isZeroF64(S), equal32(get(MODE), i32(RoundingMode.RDN))),
        giveBack(choose(F32, apply(Op.i64Eqz, apply(Op.i64Or, bitsF64(get(X)), bitsF64(get(Y)))), f32(0), f32(-0))),
      ),
      set(E, twoSumError(X, Y, S, T)),
      roundOdd(S, E, MODE),
    ),
  );
})();

/** (a, b, rm): a × b, exact in double precision. */
const mul32 = floatHelper(
  "f32.mul",
  [F32, F32, I32],
  [F32],
  [F64],
  sequence(
    set(3, mulF64(promote(get(0)), promote(get(1)))),
    when(isNaNF64(3), giveBack(call("f32.nan", get(0), get(1)))),
    call("f32.round", get(3), get(2)),
  ),
);

/** (a, b, rm): a / b. */
const div32 = ((): Helper => {
  const A = 0,
    B = 1,
    MODE = 2,
    X = 3,
    Y = 4,
    Q = 5,
    E = 6,
    P = 7;
  return floatHelper(
    "f32.div",
    [F32, F32, I32],
    [F32],
    [F64, F64, F64, F64, F64],
    sequence(
      set(X, promote(get(A))),
      set(Y, promote(get(B))),
      set(Q, divF64(get(X), get(Y))),
      when(isNaNF64(Q), giveBack(call("f32.nan", get(A), get(B)))),
      when(or(or(isInfiniteF64(X), isInfiniteF64(Y)), isZeroF64(X)), giveBack(demote(get(Q)))),
      when(isZeroF64(Y), raise(FloatFlag.DZ), giveBack(demote(get(Q)))),
      set(P, mulF64(get(Q), get(Y))),
      set(E, subF64(subF64(get(X), get(P)), call("f64.product-error", get(Q), get(Y), get(P)))),
      when(ltF64(get(Y), f64(0)), set(E, apply(Op.f64Neg, get(E)))),
      roundOdd(Q, E, MODE),
    ),
  );
})();

/** (a, rm): √a. */
const sqrt32 = ((): Helper => {
  const A = 0,
    MODE = 1,
    X = 2,
    Q = 3,
    E = 4,
    P = 5;
  return floatHelper(
    "f32.sqrt",
    [F32, I32],
    [F32],
    [F64, F64, F64, F64],
    sequence(
      set(X, promote(get(A))),
      set(Q, apply(Op.f64Sqrt, get(X))),
      when(isNaNF64(Q), giveBack(call("f32.nan", get(A), get(A)))),
      when(or(isInfiniteF64(X), isZeroF64(X)), giveBack(demote(get(Q)))),
      set(P, mulF64(get(Q), get(Q))),
      set(E, subF64(subF64(get(X), get(P)), call("f64.product-error", get(Q), get(Q), get(P)))),
      roundOdd(Q, E, MODE),
    ),
  );
})();

/** (a, b, c, rm): a × b + c; the product is exact, so only the sum needs rounding to odd. */
const fma32 = ((): Helper => {
  const A = 0,
    B = 1,
    C = 2,
    MODE = 3,
    P = 4,
    Z = 5,
    S = 6,
    E = 7,
    T = 8;
  return floatHelper(
    "f32.fma",
    [F32, F32, F32, I32],
    [F32],
    [F64, F64, F64, F64, F64],
    sequence(
      set(P, mulF64(promote(get(A)), promote(get(B)))),
      set(Z, promote(get(C))),
      set(S, addF64(get(P), get(Z))),
      when(
        isNaNF64(S),
        when(
          or(
            or(or(isSignallingF32(A), isSignallingF32(B)), isSignallingF32(C)),
            and(isNaNF64(P), and(apply(Op.f32Eq, get(A), get(A)), apply(Op.f32Eq, get(B), get(B)))),
          ),
          raise(FloatFlag.NV),
        ),
        // ∞ − ∞
        when(and(eqF64(get(P), get(P)), eqF64(get(Z), get(Z))), raise(FloatFlag.NV)),
        giveBack(CANONICAL_F32),
      ),
      when(isInfiniteF64(S), giveBack(demote(get(S)))),
      when(
        and(isZeroF64(S), equal32(get(MODE), i32(RoundingMode.RDN))),
        giveBack(choose(F32, apply(Op.i64Eqz, apply(Op.i64Or, bitsF64(get(P)), bitsF64(get(Z)))), f32(0), f32(-0))),
      ),
      set(E, twoSumError(P, Z, S, T)),
      roundOdd(S, E, MODE),
    ),
  );
})();

/** (x, rm): fcvt.s.d. */
const narrow = floatHelper(
  "f32.from-f64",
  [F64, I32],
  [F32],
  [],
  sequence(
    when(isNaNF64(0), when(isSignallingF64(0), raise(FloatFlag.NV)), giveBack(CANONICAL_F32)),
    call("f32.round", get(0), get(1)),
  ),
);

/** (x): fcvt.d.s; exact. */
const widen = floatHelper(
  "f64.from-f32",
  [F32],
  [F64],
  [],
  sequence(
    when(apply(Op.f32Ne, get(0), get(0)), when(isSignallingF32(0), raise(FloatFlag.NV)), giveBack(CANONICAL_F64)),
    promote(get(0)),
  ),
);

/** (a, b): fmin and fmax when at least one is a NaN: the other one, or the canonical NaN. */
const numberOf64 = floatHelper(
  "f64.number-of",
  [F64, F64],
  [F64],
  [],
  sequence(
    when(or(isSignallingF64(0), isSignallingF64(1)), raise(FloatFlag.NV)),
    when(eqF64(get(0), get(0)), giveBack(get(0))),
    when(eqF64(get(1), get(1)), giveBack(get(1))),
    CANONICAL_F64,
  ),
);
const numberOf32 = floatHelper(
  "f32.number-of",
  [F32, F32],
  [F32],
  [],
  sequence(
    when(or(isSignallingF32(0), isSignallingF32(1)), raise(FloatFlag.NV)),
    when(apply(Op.f32Eq, get(0), get(0)), giveBack(get(0))),
    when(apply(Op.f32Eq, get(1), get(1)), giveBack(get(1))),
    CANONICAL_F32,
  ),
);

/** (a, b): feq on a NaN: NV if one signals. */
const quietCompare64 = floatHelper(
  "f64.quiet",
  [F64, F64],
  [],
  [],
  when(or(isSignallingF64(0), isSignallingF64(1)), raise(FloatFlag.NV)),
);
const quietCompare32 = floatHelper(
  "f32.quiet",
  [F32, F32],
  [],
  [],
  when(or(isSignallingF32(0), isSignallingF32(1)), raise(FloatFlag.NV)),
);

/** (x, rm): x rounded to an integer, in f64. */
const integral = ((): Helper => {
  const X = 0,
    MODE = 1,
    T = 2;
  const mode = (value: number, opcode: number): Expression =>
    when(equal32(get(MODE), i32(value)), giveBack(apply(opcode, get(X))));
  return floatHelper(
    "f64.integral",
    [F64, I32],
    [F64],
    [F64],
    sequence(
      mode(RoundingMode.RNE, Op.f64Nearest),
      mode(RoundingMode.RTZ, Op.f64Trunc),
      mode(RoundingMode.RDN, Op.f64Floor),
      mode(RoundingMode.RUP, Op.f64Ceil),
      set(T, apply(Op.f64Trunc, get(X))),
      when(
        geF64(absF64(subF64(get(X), get(T))), f64(0.5)),
        giveBack(addF64(get(T), apply(Op.f64Copysign, f64(1), get(X)))),
      ),
      get(T),
    ),
  );
})();

/**
 * (x, rm) → the integer of a type, saturating: ISA "F" table 11.4. `low` ≤ value < `high`; both bounds are exact
 * doubles.
 */
function toInteger(
  name: string,
  low: number,
  high: number,
  minimum: Expression,
  maximum: Expression,
  convert: Expression,
): Helper {
  const X = 0,
    MODE = 1,
    V = 2;
  return floatHelper(
    name,
    [F64, I32],
    [I64],
    [F64],
    sequence(
      set(V, call("f64.integral", get(X), get(MODE))),
      when(
        not(and(geF64(get(V), f64(low)), ltF64(get(V), f64(high)))),
        raise(FloatFlag.NV),
        giveBack(choose(I64, ltF64(get(V), f64(0)), minimum, maximum)),
      ),
      when(neF64(get(V), get(X)), raise(FloatFlag.NX)),
      convert,
    ),
  );
}

const truncate =
  (code: number): Expression =>
  (to) => {
    to.code.localGet(2);
    to.code.misc(code);
  };
const toI32 = toInteger(
  "i32.from-f64",
  -(2 ** 31),
  2 ** 31,
  i64(-0x80000000),
  i64(0x7fffffff),
  apply(Op.i64ExtendI32S, truncate(2)),
);
const toU32 = toInteger("u32.from-f64", 0, 2 ** 32, i64(0), i64(-1), apply(Op.i64ExtendI32S, truncate(3)));
const toI64 = toInteger(
  "i64.from-f64",
  -(2 ** 63),
  2 ** 63,
  i64Bits(0x80000000, 0),
  i64Bits(0x7fffffff, -1),
  truncate(6),
);
const toU64 = toInteger("u64.from-f64", 0, 2 ** 64, i64(0), i64(-1), truncate(7));

/** r = RN(x) in R, and x − r, an exact double, in E. */
function nearestDouble(unsigned: boolean, X: number, R: number, E: number): Expression {
  const back =
    (code: number): Expression =>
    (to) => {
      to.code.localGet(R);
      to.code.misc(code);
    };
  // r may be 2^63 or 2^64, which wrap to the right difference: as unsigned 2^63 fits, and 2^64 is 0.
  const backUnsigned = choose(I64, eqF64(get(R), f64(2 ** 64)), i64(0), back(7));
  return sequence(
    set(R, apply(unsigned ? Op.f64ConvertI64U : Op.f64ConvertI64S, get(X))),
    set(
      E,
      apply(
        Op.f64ConvertI64S,
        apply(Op.i64Sub, get(X), unsigned ? backUnsigned : choose(I64, ltF64(get(R), f64(0)), back(6), back(7))),
      ),
    ),
  );
}

const fromInteger = (unsigned: boolean): readonly Helper[] => [
  floatHelper(
    unsigned ? "f64.from-u64" : "f64.from-i64",
    [I64, I32],
    [F64],
    [F64, F64],
    sequence(nearestDouble(unsigned, 0, 2, 3), call("f64.round", get(2), get(3), get(1))),
  ),
  floatHelper(
    unsigned ? "f32.from-u64" : "f32.from-i64",
    [I64, I32],
    [F32],
    [F64, F64],
    sequence(nearestDouble(unsigned, 0, 2, 3), roundOdd(2, 3, 1)),
  ),
];

/** (bits as f64): the ten classes of ISA "F" table 11.5. */
const classify64 = ((): Helper => {
  const X = 0;
  const pair = (negative: number, positive: number): Expression =>
    choose(I32, apply(Op.i64LtS, bitsF64(get(X)), i64(0)), i32(1 << negative), i32(1 << positive));
  return floatHelper(
    "f64.class",
    [F64],
    [I32],
    [],
    sequence(
      when(isNaNF64(X), giveBack(choose(I32, isSignallingF64(X), i32(1 << 8), i32(1 << 9)))),
      when(isInfiniteF64(X), giveBack(pair(0, 7))),
      when(isZeroF64(X), giveBack(pair(3, 4))),
      when(ltF64(absF64(get(X)), f64(2 ** -1022)), giveBack(pair(2, 5))),
      pair(1, 6),
    ),
  );
})();
const classify32 = ((): Helper => {
  const X = 0,
    D = 1;
  const pair = (negative: number, positive: number): Expression =>
    choose(I32, apply(Op.i32LtS, apply(Op.i32ReinterpretF32, get(X)), i32(0)), i32(1 << negative), i32(1 << positive));
  return floatHelper(
    "f32.class",
    [F32],
    [I32],
    [F64],
    sequence(
      set(D, promote(get(X))),
      when(isNaNF64(D), giveBack(choose(I32, isSignallingF32(X), i32(1 << 8), i32(1 << 9)))),
      when(isInfiniteF64(D), giveBack(pair(0, 7))),
      when(isZeroF64(D), giveBack(pair(3, 4))),
      when(ltF64(absF64(get(D)), f64(2 ** -126)), giveBack(pair(2, 5))),
      pair(1, 6),
    ),
  );
})();

export const SINGLE_AND_CONVERSION_HELPERS: readonly Helper[] = [
  nanResult32,
  round32,
  add32,
  mul32,
  div32,
  sqrt32,
  fma32,
  narrow,
  widen,
  numberOf64,
  numberOf32,
  quietCompare64,
  quietCompare32,
  integral,
  toI32,
  toU32,
  toI64,
  toU64,
  ...fromInteger(false),
  ...fromInteger(true),
  classify64,
  classify32,
];
