/**
 * Double-precision arithmetic in every rounding mode with exact flags, in WebAssembly.
 *
 * The model: the host computes r, the exact result x rounded to nearest-even. An error-free transformation gives the
 * sign (and, where a tie matters, the size) of e = x − r. From r, e and the mode `round64` makes the result and raises
 * NX. The transformations hold while nothing underflows or overflows on the way, so each helper first looks at
 * magnitudes; outside of them the soft float decides (float-fallback.ts), a matter of a microsecond in a rare case.
 *
 * TwoSum: Knuth, TAOCP 2 §4.2.2. TwoProduct: Dekker 1971, or x − fma(a, b, −p). Fused multiply-add through
 * round-to-odd: Boldo and Melquiond, "Emulation of FMA and correctly rounded sums: proved algorithms using rounding to
 * odd", 2008.
 */
import { Op } from "@stratos/wasm";
import { FloatFlag, RoundingMode } from "../softfloat/softfloat.ts";
import { HART_SCRATCH } from "../hart-state.ts";
import {
  absF64,
  addF64,
  and,
  apply,
  bitsF64,
  call,
  CANONICAL_F64,
  choose,
  divF64,
  eqF64,
  equal32,
  f64,
  F64,
  fromBitsF64,
  get,
  giveBack,
  gtF64,
  i32,
  I32,
  i64,
  I64,
  i64Bits,
  isInfiniteF64,
  isNaNF64,
  isZeroF64,
  leF64,
  ltF64,
  magnitudeWithin,
  mulF64,
  neF64,
  negF64,
  not,
  or,
  pushFused,
  raise,
  sequence,
  set,
  subF64,
  when,
  type Expression,
} from "./float-expression.ts";
import { softHelper, SoftOperation } from "./float-fallback.ts";
import type { Helper } from "./lowering.ts";

/**
 * Within these magnitudes products and their errors are normal and finite (53 + 53 bits below 2^-900 stay above
 * 2^-1022).
 */
const SMALL = 2 ** -900;
const LARGE = 2 ** 990;

/** Error of r = RN(a + b), exact unless it overflows (then it's a NaN). Locals: a, b, r given; `t` scratch. */
export const twoSumError = (a: number, b: number, r: number, t: number): Expression =>
  sequence(set(t, subF64(get(r), get(a))), addF64(subF64(get(a), subF64(get(r), get(t))), subF64(get(b), get(t))));

/** x with its last bit made odd when inexact: the neighbour on the side of the error e ≠ 0 (round to odd). */
export const oddF64 = (x: number, e: number): Expression =>
  sequence(
    when(
      and(neF64(get(e), f64(0)), apply(Op.i64Eqz, apply(Op.i64And, bitsF64(get(x)), i64(1)))),
      set(
        x,
        fromBitsF64(
          apply(
            Op.i64Add,
            bitsF64(get(x)),
            choose(I64, equal32(gtF64(get(e), f64(0)), gtF64(get(x), f64(0))), i64(1), i64(-1)),
          ),
        ),
      ),
    ),
  );

/** Is the f64 local a signalling NaN? */
export const isSignallingF64 = (local: number): Expression =>
  and(isNaNF64(local), apply(Op.i64Eqz, apply(Op.i64And, bitsF64(get(local)), i64Bits(0x00080000, 0))));

/** A helper whose body is an expression; parameters are locals 0 …, then `locals`. */
export function floatHelper(
  name: string,
  parameters: Helper["parameters"],
  results: Helper["results"],
  locals: Helper["parameters"],
  body: Expression,
): Helper {
  return { name, parameters, results, locals, emit: (code, callHelper) => body({ code, call: callHelper }) };
}

/** The soft float's answer; operands go through memory, so that no NaN is touched and no BigInt crosses the border. */
function soft(operation: number, mode: number, ...operands: readonly Expression[]): Expression {
  return (to) => {
    operands.forEach((operand, index) => {
      to.code.i32Const(0);
      operand(to);
      to.code.memory(Op.f64Store, HART_SCRATCH + index * 8);
    });
    to.code.i32Const(operation);
    to.code.localGet(mode);
    to.call("f64.soft");
    to.code.i32Const(0);
    to.code.memory(Op.f64Load, HART_SCRATCH);
  };
}

/** (a, b): what a NaN result is. NV when an operand signals, or when neither is a NaN (∞ − ∞, 0 × ∞, 0 / 0, √−1). */
const nanResult64 = floatHelper(
  "f64.nan",
  [F64, F64],
  [F64],
  [],
  sequence(
    when(
      or(or(isSignallingF64(0), isSignallingF64(1)), and(eqF64(get(0), get(0)), eqF64(get(1), get(1)))),
      raise(FloatFlag.NV),
    ),
    CANONICAL_F64,
  ),
);

/** (r, e, rm): the result from r = RN(x) ≠ 0 and e = x − r; also raises NX and OF. */
const round64 = ((): Helper => {
  const R = 0,
    E = 1,
    MODE = 2,
    STEP = 3;
  const outward = equal32(gtF64(get(E), f64(0)), gtF64(get(R), f64(0))); // |x| > |r|
  const next = fromBitsF64(apply(Op.i64Add, bitsF64(get(R)), i64(1)));
  return floatHelper(
    "f64.round",
    [F64, F64, I32],
    [F64],
    [I32],
    sequence(
      when(eqF64(get(E), f64(0)), giveBack(get(R))),
      raise(FloatFlag.NX),
      when(not(get(MODE)), giveBack(get(R))),
      when(equal32(get(MODE), i32(RoundingMode.RTZ)), set(STEP, choose(I32, outward, i32(0), i32(-1)))),
      when(
        equal32(get(MODE), i32(RoundingMode.RDN)),
        set(STEP, choose(I32, ltF64(get(E), f64(0)), choose(I32, outward, i32(1), i32(-1)), i32(0))),
      ),
      when(
        equal32(get(MODE), i32(RoundingMode.RUP)),
        set(STEP, choose(I32, gtF64(get(E), f64(0)), choose(I32, outward, i32(1), i32(-1)), i32(0))),
      ),
      // Nearest-even took the nearer neighbour towards zero only if x lay in the middle: then away from zero is the
      // other one.
      when(
        equal32(get(MODE), i32(RoundingMode.RMM)),
        set(STEP, and(outward, eqF64(addF64(get(E), get(E)), subF64(next, get(R))))),
      ),
      set(R, fromBitsF64(apply(Op.i64Add, bitsF64(get(R)), apply(Op.i64ExtendI32S, get(STEP))))),
      when(isInfiniteF64(R), raise(FloatFlag.OF)),
      get(R),
    ),
  );
})();

/** The error a × b − p of p = RN(a × b), magnitudes being between SMALL and LARGE. */
type ProductError = (a: Expression, b: Expression, p: Expression) => Expression;
const fusedProductError: ProductError = (a, b, p) => pushFused(F64, a, b, negF64(p));
const calledProductError: ProductError = (a, b, p) => call("f64.product-error", a, b, p);

/** (a, b, p): the error a × b − p of p = RN(a × b), magnitudes being between SMALL and LARGE. */
function productError(fused: boolean): Helper {
  if (fused)
    return floatHelper("f64.product-error", [F64, F64, F64], [F64], [], fusedProductError(get(0), get(1), get(2)));
  const A = 0,
    B = 1,
    P = 2,
    AH = 3,
    AL = 4,
    BH = 5,
    BL = 6,
    T = 7;
  const SPLIT = f64(2 ** 27 + 1);
  return floatHelper(
    "f64.product-error",
    [F64, F64, F64],
    [F64],
    [F64, F64, F64, F64, F64],
    sequence(
      set(T, mulF64(get(A), SPLIT)),
      set(AH, subF64(get(T), subF64(get(T), get(A)))),
      set(AL, subF64(get(A), get(AH))),
      set(T, mulF64(get(B), SPLIT)),
      set(BH, subF64(get(T), subF64(get(T), get(B)))),
      set(BL, subF64(get(B), get(BH))),
      addF64(
        addF64(addF64(subF64(mulF64(get(AH), get(BH)), get(P)), mulF64(get(AH), get(BL))), mulF64(get(AL), get(BH))),
        mulF64(get(AL), get(BL)),
      ),
    ),
  );
}

/**
 * When x is exactly zero and the mode is RDN: −0, unless both addends are +0 (IEEE 754 §6.3). Gives back from the
 * helper.
 */
const zeroDownwards = (result: Expression, mode: number, p: number, q: number): Expression =>
  when(
    and(eqF64(result, f64(0)), equal32(get(mode), i32(RoundingMode.RDN))),
    giveBack(choose(F64, apply(Op.i64Eqz, apply(Op.i64Or, bitsF64(get(p)), bitsF64(get(q)))), f64(0), f64(-0))),
  );

/**
 * The result from local `r` and error local `e`; exact ones, which are many as long as NX isn't raised, need no call.
 */
const rounded = (r: number, e: number, mode: Expression): Expression =>
  choose(F64, eqF64(get(e), f64(0)), get(r), call("f64.round", get(r), get(e), mode));

/** (a, b, rm): a + b. */
const add64 = ((): Helper => {
  const A = 0,
    B = 1,
    MODE = 2,
    R = 3,
    E = 4,
    T = 5;
  return floatHelper(
    "f64.add",
    [F64, F64, I32],
    [F64],
    [F64, F64, F64],
    sequence(
      set(R, addF64(get(A), get(B))),
      when(isNaNF64(R), giveBack(call("f64.nan", get(A), get(B)))),
      when(
        isInfiniteF64(R),
        when(or(isInfiniteF64(A), isInfiniteF64(B)), giveBack(get(R))),
        giveBack(soft(SoftOperation.ADD, MODE, get(A), get(B))),
      ),
      zeroDownwards(get(R), MODE, A, B),
      set(E, twoSumError(A, B, R, T)),
      when(isNaNF64(E), giveBack(soft(SoftOperation.ADD, MODE, get(A), get(B)))),
      rounded(R, E, get(MODE)),
    ),
  );
})();

/** (a, b, rm): a × b. */
function mul64(product: ProductError): Helper {
  const A = 0,
    B = 1,
    MODE = 2,
    R = 3,
    E = 4;
  return floatHelper(
    "f64.mul",
    [F64, F64, I32],
    [F64],
    [F64, F64],
    sequence(
      set(R, mulF64(get(A), get(B))),
      when(
        and(
          and(magnitudeWithin(R, SMALL, LARGE), ltF64(absF64(get(A)), f64(LARGE))),
          ltF64(absF64(get(B)), f64(LARGE)),
        ),
        set(E, product(get(A), get(B), get(R))),
        giveBack(rounded(R, E, get(MODE))),
      ),
      when(isNaNF64(R), giveBack(call("f64.nan", get(A), get(B)))),
      when(or(or(isZeroF64(A), isZeroF64(B)), or(isInfiniteF64(A), isInfiniteF64(B))), giveBack(get(R))),
      soft(SoftOperation.MULTIPLY, MODE, get(A), get(B)),
    ),
  );
}

/** Ties can't happen where only the error's sign is known (quotients and roots), so RMM is RNE there. */
const tieless = (mode: number): Expression =>
  choose(I32, equal32(get(mode), i32(RoundingMode.RMM)), i32(RoundingMode.RNE), get(mode));

/** (a, b, rm): a / b. The remainder a − r × b is exact and has the error's sign, times that of b. */
function div64(product: ProductError): Helper {
  const A = 0,
    B = 1,
    MODE = 2,
    R = 3,
    E = 4,
    P = 5;
  return floatHelper(
    "f64.div",
    [F64, F64, I32],
    [F64],
    [F64, F64, F64],
    sequence(
      set(R, divF64(get(A), get(B))),
      when(
        and(and(magnitudeWithin(R, SMALL, LARGE), magnitudeWithin(A, SMALL, LARGE)), magnitudeWithin(B, SMALL, LARGE)),
        set(P, mulF64(get(R), get(B))),
        set(E, subF64(subF64(get(A), get(P)), product(get(R), get(B), get(P)))),
        giveBack(call("f64.round", get(R), choose(F64, ltF64(get(B), f64(0)), negF64(get(E)), get(E)), tieless(MODE))),
      ),
      when(isNaNF64(R), giveBack(call("f64.nan", get(A), get(B)))),
      when(or(isInfiniteF64(A), isInfiniteF64(B)), giveBack(get(R))),
      when(isZeroF64(B), raise(FloatFlag.DZ), giveBack(get(R))),
      when(isZeroF64(A), giveBack(get(R))),
      soft(SoftOperation.DIVIDE, MODE, get(A), get(B)),
    ),
  );
}

/** (a, rm): √a. */
function sqrt64(product: ProductError): Helper {
  const A = 0,
    MODE = 1,
    R = 2,
    P = 3;
  return floatHelper(
    "f64.sqrt",
    [F64, I32],
    [F64],
    [F64, F64],
    sequence(
      set(R, apply(Op.f64Sqrt, get(A))),
      when(
        magnitudeWithin(A, SMALL, LARGE),
        when(isNaNF64(R), raise(FloatFlag.NV), giveBack(CANONICAL_F64)),
        set(P, mulF64(get(R), get(R))),
        giveBack(
          call("f64.round", get(R), subF64(subF64(get(A), get(P)), product(get(R), get(R), get(P))), tieless(MODE)),
        ),
      ),
      when(isNaNF64(R), giveBack(call("f64.nan", get(A), get(A)))),
      when(or(isZeroF64(A), isInfiniteF64(A)), giveBack(get(R))),
      soft(SoftOperation.SQUARE_ROOT, MODE, get(A)),
    ),
  );
}

/** (a, b, c): a × b + c when at least one isn't finite. */
const fmaSpecial64 = ((): Helper => {
  const A = 0,
    B = 1,
    C = 2,
    R = 3;
  const anyNaN = or(or(isNaNF64(A), isNaNF64(B)), isNaNF64(C));
  return floatHelper(
    "f64.fma-special",
    [F64, F64, F64],
    [F64],
    [F64],
    sequence(
      // ISA "F" § 11.6: ∞ × 0 is invalid even when the addend is a quiet NaN.
      when(
        or(and(isInfiniteF64(A), isZeroF64(B)), and(isInfiniteF64(B), isZeroF64(A))),
        raise(FloatFlag.NV),
        giveBack(CANONICAL_F64),
      ),
      when(
        anyNaN,
        when(or(or(isSignallingF64(A), isSignallingF64(B)), isSignallingF64(C)), raise(FloatFlag.NV)),
        giveBack(CANONICAL_F64),
      ),
      // The host's product of finite factors might overflow against an infinite addend.
      when(not(or(isInfiniteF64(A), isInfiniteF64(B))), giveBack(get(C))),
      set(R, addF64(mulF64(get(A), get(B)), get(C))),
      when(isNaNF64(R), raise(FloatFlag.NV), giveBack(CANONICAL_F64)),
      get(R),
    ),
  );
})();

/**
 * (a, b, c, rm): a × b + c, rounded once.
 *
 * p + pe = a × b and s + t = p + c exactly; v + w = t + pe exactly. With z = v rounded to odd (w tells where), RN(s +
 * z) is the result and s + z − RN(s + z) has the sign of its error, and is a tie only if the exact sum is.
 */
function fma64(product: ProductError): Helper {
  const A = 0,
    B = 1,
    C = 2,
    MODE = 3,
    P = 4,
    PE = 5,
    S = 6,
    T = 7,
    V = 8,
    W = 9,
    X = 10;
  return floatHelper(
    "f64.fma",
    [F64, F64, F64, I32],
    [F64],
    [F64, F64, F64, F64, F64, F64, F64],
    sequence(
      set(P, mulF64(get(A), get(B))),
      when(
        and(
          and(magnitudeWithin(P, SMALL, LARGE), ltF64(absF64(get(C)), f64(LARGE))),
          and(ltF64(absF64(get(A)), f64(LARGE)), ltF64(absF64(get(B)), f64(LARGE))),
        ),
        set(PE, product(get(A), get(B), get(P))),
        set(S, addF64(get(P), get(C))),
        set(T, twoSumError(P, C, S, X)),
        set(V, addF64(get(T), get(PE))),
        set(W, twoSumError(T, PE, V, X)),
        oddF64(V, W),
        when(
          and(isZeroF64(S), isZeroF64(V)),
          giveBack(choose(F64, equal32(get(MODE), i32(RoundingMode.RDN)), f64(-0), f64(0))),
        ),
        giveBack(call("f64.add", get(S), get(V), get(MODE))),
      ),
      // 0 × finite: the product is exact.
      when(and(or(isZeroF64(A), isZeroF64(B)), isZeroF64(P)), giveBack(call("f64.add", get(P), get(C), get(MODE)))),
      when(
        not(
          and(
            and(ltF64(absF64(get(A)), f64(Infinity)), ltF64(absF64(get(B)), f64(Infinity))),
            ltF64(absF64(get(C)), f64(Infinity)),
          ),
        ),
        giveBack(call("f64.fma-special", get(A), get(B), get(C))),
      ),
      // A product far below the addend's last bit only tells on which side of it x lies.
      when(
        and(leF64(absF64(get(P)), f64(SMALL)), magnitudeWithin(C, 2 ** -800, LARGE)),
        giveBack(call("f64.add", apply(Op.f64Copysign, f64(SMALL), get(P)), get(C), get(MODE))),
      ),
      soft(SoftOperation.FUSED_MULTIPLY_ADD, MODE, get(A), get(B), get(C)),
    ),
  );
}

/** The helpers in an order that defines none twice. `fused`: the host has a true fused multiply-add. */
export function doubleHelpers(fused: boolean): readonly Helper[] {
  const product = fused ? fusedProductError : calledProductError;
  return [
    softHelper,
    nanResult64,
    round64,
    productError(fused),
    add64,
    mul64(product),
    div64(product),
    sqrt64(product),
    fmaSpecial64,
    fma64(product),
  ];
}
