/**
 * fadd, fsub, fmul, fdiv, fsqrt and the fused family: native arithmetic inline, guarded as float-state.ts says, and the
 * exact helper where the guard fails. The helper gives the same result in every case; the guard only says when flags
 * can't change.
 */
import { Op, Simd, Type } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import {
  AT_RUN_TIME,
  branchUnlessNativeState,
  checkRoundingMode,
  mayBeNative,
  pushIsValidMode,
  pushNativeState,
} from "./float-state.ts";
import { RS1, RS2, RS3, type Lowering, type LoweringFunction, type LoweringTable, type Source } from "./lowering.ts";

/** Which native results can't raise anything new. */
type Harmless =
  | "finite" // sums: never tiny and inexact at once; zeros are right in nearest-even
  | "normal" // products and quotients: zeros and the smallest normal may come of underflow
  | "number"; // roots: only a NaN

interface Width {
  readonly type: typeof Type.f32 | typeof Type.f64;
  readonly read: (to: Lowering, source: Source) => void;
  readonly write: (to: Lowering) => void;
  readonly neg: number;
  readonly prefix: "f32" | "f64";
}

const SINGLE: Width = {
  type: Type.f32,
  read: (to, source) => to.readF32(source),
  write: (to) => to.endWriteF32(),
  neg: Op.f32Neg,
  prefix: "f32",
};
const DOUBLE: Width = {
  type: Type.f64,
  read: (to, source) => to.readF64(source),
  write: (to) => to.endWriteF64(),
  neg: Op.f64Neg,
  prefix: "f64",
};

/**
 * Branches to `slow` unless the result in local `r` is harmless. Looking at the exponent field takes fewer instructions
 * than comparing floats: 2047 is an infinity or a NaN; 0 a zero or subnormal, and the least normal number may have been
 * rounded up from below, so that its whole binade (field 1) goes the slow way.
 */
function branchUnlessHarmless(to: Lowering, width: Width, r: number, harmless: Harmless, slow: number): void {
  const code = to.code;
  const double = width === DOUBLE;
  const top = double ? 0x7ff : 0xff;
  code.localGet(r);
  if (harmless === "number") {
    code.localGet(r);
    code.op(double ? Op.f64Ne : Op.f32Ne);
    code.brIf(slow);
    return;
  }
  if (double) {
    code.op(Op.i64ReinterpretF64);
    code.i64Const(52);
    code.op(Op.i64ShrU);
    code.op(Op.i32WrapI64);
  } else {
    code.op(Op.i32ReinterpretF32);
    code.i32Const(23);
    code.op(Op.i32ShrU);
  }
  code.i32Const(top);
  code.op(Op.i32And);
  if (harmless === "finite") {
    code.i32Const(top);
    code.op(Op.i32Eq);
  } else {
    code.i32Const(2);
    code.op(Op.i32Sub);
    code.i32Const(top - 2);
    code.op(Op.i32GeU);
  }
  code.brIf(slow);
}

const SOURCES: readonly Source[] = [RS1, RS2, RS3];
/** The scratch local of each operand is its position; this one is the result's. */
const RESULT = 3;

/**
 * Singles cost a look at their box, so they are read once, into scratch locals; doubles are read where they are used.
 */
function prepareOperands(to: Lowering, width: Width, count: number): void {
  if (width === DOUBLE) return;
  for (let position = 0; position < count; position++) {
    width.read(to, SOURCES[position]!);
    to.code.localSet(to.scratch(width.type, position));
  }
}

function pushOperand(to: Lowering, width: Width, position: number, negated: boolean): void {
  if (width === DOUBLE) width.read(to, SOURCES[position]!);
  else to.code.localGet(to.scratch(width.type, position));
  if (negated) to.code.op(width.neg);
}

/** What an operation is natively, and by its helper. */
interface Operation {
  readonly operands: number;
  readonly harmless: Harmless;
  /** Emits the native instruction; null when the host has none. Leaves the result on the stack. */
  readonly native: ((to: Lowering) => void) | null;
  readonly helper: string;
  /** Bit i: the helper gets the negation of operand i. */
  readonly negated: number;
  /**
   * Pushes whether the normal number in local `r` is certainly the exact result, so that no flag changes in any mode;
   * for doubles.
   */
  readonly isExact?: (to: Lowering, r: number) => void;
}

/** Between these magnitudes a product's error is a number too (float-helpers.ts). */
const SMALL = 2 ** -900;
const LARGE = 2 ** 990;

/**
 * Programs that compute with integers in doubles never raise NX, so that exactness is looked at each time: a call would
 * cost more than all else.
 *
 * s = a + b is exact when s − a = b and s − b = a: the subtraction of the larger one is exact (Dekker's Fast2Sum).
 */
function pushExactSum(code: CodeWriter, s: number, a: () => void, b: () => void): void {
  code.localGet(s);
  a();
  code.op(Op.f64Sub);
  b();
  code.op(Op.f64Eq);
  code.localGet(s);
  b();
  code.op(Op.f64Sub);
  a();
  code.op(Op.f64Eq);
  code.op(Op.i32And);
}

/**
 * p = a × b is exact when the fused a × b − p is zero, and either p isn't near the ends of the range or a factor is
 * zero.
 */
function pushExactProduct(to: Lowering, p: number): void {
  const { code } = to;
  const operand = (position: number): void => pushOperand(to, DOUBLE, position, false);
  for (const push of [
    () => operand(0),
    () => operand(1),
    () => {
      code.localGet(p);
      code.op(Op.f64Neg);
    },
  ]) {
    push();
    code.simd(Simd.f64x2Splat);
  }
  code.simd(Simd.f64x2RelaxedMadd);
  code.simd(Simd.f64x2ExtractLane, 0);
  code.f64Const(0);
  code.op(Op.f64Eq);
  code.localGet(p);
  code.op(Op.f64Abs);
  code.f64Const(SMALL);
  code.op(Op.f64Gt);
  code.localGet(p);
  code.op(Op.f64Abs);
  code.f64Const(LARGE);
  code.op(Op.f64Lt);
  code.op(Op.i32And);
  for (const position of [0, 1]) {
    operand(position);
    code.f64Const(0);
    code.op(Op.f64Eq);
    code.op(Op.i32Or);
  }
  code.op(Op.i32And);
}

function guarded(width: Width, { operands, harmless, native, helper, negated, isExact }: Operation): LoweringFunction {
  const helperName = `${width.prefix}.${helper}`;
  return (to) => {
    const code = to.code;
    const r = to.scratch(width.type, RESULT);
    prepareOperands(to, width, operands);
    const isNative = native !== null && mayBeNative(to);
    let done = 0;
    if (isNative) {
      native(to);
      code.localSet(r);
      done = code.block();
      const slow = code.block();
      branchUnlessHarmless(to, width, r, harmless, slow);
      if (isExact === undefined || to.roundingMode === AT_RUN_TIME) branchUnlessNativeState(to, slow);
      else {
        pushNativeState(code);
        code.brIf(done);
        isExact(to, r);
        pushIsValidMode(to);
        code.op(Op.i32And);
        code.op(Op.i32Eqz);
        code.brIf(slow);
      }
      code.br(done);
      code.end();
    }
    checkRoundingMode(to);
    for (let position = 0; position < operands; position++)
      pushOperand(to, width, position, ((negated >>> position) & 1) !== 0);
    to.pushRoundingMode();
    to.call(helperName);
    code.localSet(r);
    if (isNative) code.end();
    to.beginWriteF();
    code.localGet(r);
    width.write(to);
  };
}

/** a − b is a + (−b) to the helper, also for zeros; a NaN's sign means nothing. */
function binary(
  width: Width,
  opcode: number,
  harmless: Harmless,
  helper: string,
  negated = 0,
  isExact?: (to: Lowering, r: number) => void,
): LoweringFunction {
  return guarded(width, {
    operands: 2,
    harmless,
    helper,
    negated,
    ...(isExact === undefined ? {} : { isExact }),
    native: (to) => {
      pushOperand(to, width, 0, false);
      pushOperand(to, width, 1, false);
      to.code.op(opcode);
    },
  });
}

function root(width: Width, opcode: number): LoweringFunction {
  return guarded(width, {
    operands: 1,
    harmless: "number",
    helper: "sqrt",
    negated: 0,
    native: (to) => {
      pushOperand(to, width, 0, false);
      to.code.op(opcode);
    },
  });
}

/** A zero is left to the helper: its sign depends on the mode. */
function exactSum(negated: boolean): (to: Lowering, r: number) => void {
  return (to, r) => {
    pushExactSum(
      to.code,
      r,
      () => pushOperand(to, DOUBLE, 0, false),
      () => pushOperand(to, DOUBLE, 1, negated),
    );
    to.code.localGet(r);
    to.code.f64Const(0);
    to.code.op(Op.f64Ne);
    to.code.op(Op.i32And);
  };
}

/** ±(rs1 × rs2) ± rs3; a negated product is a negated factor. */
function fused(width: Width, hasNative: boolean, negateProduct: boolean, negateAddend: boolean): LoweringFunction {
  const double = width === DOUBLE;
  const splat = double ? Simd.f64x2Splat : Simd.f32x4Splat;
  const multiplyAdd = double
    ? negateProduct
      ? Simd.f64x2RelaxedNmadd
      : Simd.f64x2RelaxedMadd
    : negateProduct
      ? Simd.f32x4RelaxedNmadd
      : Simd.f32x4RelaxedMadd;
  const native = (to: Lowering): void => {
    for (let position = 0; position < 3; position++) {
      pushOperand(to, width, position, position === 2 && negateAddend);
      to.code.simd(splat);
    }
    to.code.simd(multiplyAdd);
    to.code.simd(double ? Simd.f64x2ExtractLane : Simd.f32x4ExtractLane, 0);
  };
  const isExact = (to: Lowering): void => {
    const { code } = to;
    const [p, s] = [to.scratch(Type.f64, 0), to.scratch(Type.f64, 1)];
    pushOperand(to, width, 0, false);
    pushOperand(to, width, 1, false);
    code.op(Op.f64Mul);
    code.localSet(p);
    pushExactProduct(to, p);
    const product = (): void => {
      code.localGet(p);
      if (negateProduct) code.op(Op.f64Neg);
    };
    const addend = (): void => pushOperand(to, width, 2, negateAddend);
    product();
    addend();
    code.op(Op.f64Add);
    code.localSet(s);
    pushExactSum(code, s, product, addend);
    code.op(Op.i32And);
  };
  return guarded(width, {
    operands: 3,
    harmless: "normal",
    helper: "fma",
    negated: (negateProduct ? 1 : 0) | (negateAddend ? 4 : 0),
    native: hasNative ? native : null,
    ...(double ? { isExact } : {}),
  });
}

/** `nativeFma`: the host's relaxed multiply-add is known to fuse (float-probe.ts). */
export function arithmeticLowerings(nativeFma: boolean): LoweringTable {
  const table: Record<string, LoweringFunction> = {};
  for (const [suffix, width] of [
    ["s", SINGLE],
    ["d", DOUBLE],
  ] as const) {
    const double = width === DOUBLE;
    const exactProduct = double && nativeFma ? pushExactProduct : undefined;
    table[`fadd.${suffix}`] = binary(
      width,
      double ? Op.f64Add : Op.f32Add,
      "finite",
      "add",
      0,
      double ? exactSum(false) : undefined,
    );
    table[`fsub.${suffix}`] = binary(
      width,
      double ? Op.f64Sub : Op.f32Sub,
      "finite",
      "add",
      2,
      double ? exactSum(true) : undefined,
    );
    table[`fmul.${suffix}`] = binary(width, double ? Op.f64Mul : Op.f32Mul, "normal", "mul", 0, exactProduct);
    table[`fdiv.${suffix}`] = binary(width, double ? Op.f64Div : Op.f32Div, "normal", "div");
    table[`fsqrt.${suffix}`] = root(width, double ? Op.f64Sqrt : Op.f32Sqrt);
    table[`fmadd.${suffix}`] = fused(width, nativeFma, false, false);
    table[`fmsub.${suffix}`] = fused(width, nativeFma, false, true);
    table[`fnmsub.${suffix}`] = fused(width, nativeFma, true, false);
    table[`fnmadd.${suffix}`] = fused(width, nativeFma, true, true);
  }
  return table;
}
