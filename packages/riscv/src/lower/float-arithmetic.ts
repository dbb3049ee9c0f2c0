import { Op, Type } from "@stratos/wasm";
import { get, pushFused } from "./float-expression.ts";
import { branchUnlessNativeState, checkRoundingMode, mayBeNative } from "./float-state.ts";
import { RS1, RS2, RS3, type Lowering, type LoweringFunction, type LoweringTable, type Source } from "./lowering.ts";

/**
 * fadd, fsub, fmul, fdiv, fsqrt and the fused family: native arithmetic inline, guarded as float-state.ts says, and the exact helper
 * where the guard fails. The helper gives the same result in every case; the guard only says when flags can't change.
 */

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

const SINGLE: Width = { type: Type.f32, read: (to, source) => to.readF32(source), write: (to) => to.endWriteF32(), neg: Op.f32Neg, prefix: "f32" };
const DOUBLE: Width = { type: Type.f64, read: (to, source) => to.readF64(source), write: (to) => to.endWriteF64(), neg: Op.f64Neg, prefix: "f64" };

/**
 * Branches to `slow` unless the result in local `r` is harmless. Looking at the exponent field takes fewer instructions than comparing
 * floats: 2047 is an infinity or a NaN; 0 a zero or subnormal, and the least normal number may have been rounded up from below, so that
 * its whole binade (field 1) goes the slow way.
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
  if (double) { code.op(Op.i64ReinterpretF64); code.i64Const(52); code.op(Op.i64ShrU); code.op(Op.i32WrapI64); }
  else { code.op(Op.i32ReinterpretF32); code.i32Const(23); code.op(Op.i32ShrU); }
  code.i32Const(top);
  code.op(Op.i32And);
  if (harmless === "finite") { code.i32Const(top); code.op(Op.i32Eq); }
  else { code.i32Const(2); code.op(Op.i32Sub); code.i32Const(top - 2); code.op(Op.i32GeU); }
  code.brIf(slow);
}

/** Emits `r = native`, then the helper's call where the guard fails, then the write of r. */
function guarded(to: Lowering, width: Width, harmless: Harmless, r: number, native: (() => void) | null, helper: string, operands: readonly number[]): void {
  const code = to.code;
  const callHelper = (): void => {
    checkRoundingMode(to);
    for (const operand of operands) code.localGet(operand);
    to.pushRoundingMode();
    to.call(helper);
    code.localSet(r);
  };
  if (native !== null && mayBeNative(to)) {
    native();
    code.localSet(r);
    const done = code.block();
    const slow = code.block();
    branchUnlessHarmless(to, width, r, harmless, slow);
    branchUnlessNativeState(to, slow);
    code.br(done);
    code.end();
    callHelper();
    code.end();
  } else {
    callHelper();
  }
  to.beginWriteF();
  code.localGet(r);
  width.write(to);
}

function binary(width: Width, opcode: number, harmless: Harmless, helper: string, negateSecond = false): LoweringFunction {
  return (to) => {
    const code = to.code;
    const a = to.scratch(width.type, 0), b = to.scratch(width.type, 1), r = to.scratch(width.type, 2);
    width.read(to, RS1); code.localSet(a);
    width.read(to, RS2);
    // a − b = a + (−b), also for zeros; a NaN's sign means nothing.
    if (negateSecond) code.op(width.neg);
    code.localSet(b);
    guarded(to, width, harmless, r, () => { code.localGet(a); code.localGet(b); code.op(opcode); }, `${width.prefix}.${helper}`, [a, b]);
  };
}

function root(width: Width, opcode: number): LoweringFunction {
  return (to) => {
    const code = to.code;
    const a = to.scratch(width.type, 0), r = to.scratch(width.type, 2);
    width.read(to, RS1); code.localSet(a);
    guarded(to, width, "number", r, () => { code.localGet(a); code.op(opcode); }, `${width.prefix}.sqrt`, [a]);
  };
}

/** ±(rs1 × rs2) ± rs3; a negated product is a negated factor. */
function fused(width: Width, native: boolean, negateProduct: boolean, negateAddend: boolean): LoweringFunction {
  return (to) => {
    const code = to.code;
    const a = to.scratch(width.type, 0), b = to.scratch(width.type, 1), c = to.scratch(width.type, 2), r = to.scratch(width.type, 3);
    width.read(to, RS1);
    if (negateProduct) code.op(width.neg);
    code.localSet(a);
    width.read(to, RS2); code.localSet(b);
    width.read(to, RS3);
    if (negateAddend) code.op(width.neg);
    code.localSet(c);
    const emit = (): void => pushFused(width.type, get(a), get(b), get(c))({ code, call: (name) => to.call(name) });
    guarded(to, width, "normal", r, native ? emit : null, `${width.prefix}.fma`, [a, b, c]);
  };
}

/** `nativeFma`: the host's relaxed multiply-add is known to fuse (float-probe.ts). */
export function arithmeticLowerings(nativeFma: boolean): LoweringTable {
  const table: Record<string, LoweringFunction> = {};
  for (const [suffix, width] of [["s", SINGLE], ["d", DOUBLE]] as const) {
    const double = width === DOUBLE;
    table[`fadd.${suffix}`] = binary(width, double ? Op.f64Add : Op.f32Add, "finite", "add");
    table[`fsub.${suffix}`] = binary(width, double ? Op.f64Add : Op.f32Add, "finite", "add", true);
    table[`fmul.${suffix}`] = binary(width, double ? Op.f64Mul : Op.f32Mul, "normal", "mul");
    table[`fdiv.${suffix}`] = binary(width, double ? Op.f64Div : Op.f32Div, "normal", "div");
    table[`fsqrt.${suffix}`] = root(width, double ? Op.f64Sqrt : Op.f32Sqrt);
    table[`fmadd.${suffix}`] = fused(width, nativeFma, false, false);
    table[`fmsub.${suffix}`] = fused(width, nativeFma, false, true);
    table[`fnmsub.${suffix}`] = fused(width, nativeFma, true, false);
    table[`fnmadd.${suffix}`] = fused(width, nativeFma, true, true);
  }
  return table;
}
