import { Op, Type } from "@stratos/wasm";
import { get, pushFused } from "./float-expression.ts";
import { andNativeState, checkRoundingMode, mayBeNative } from "./float-state.ts";
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

/** Pushes 1 if the result in local `r` is harmless. */
function pushHarmless(to: Lowering, width: Width, r: number, harmless: Harmless): void {
  const code = to.code;
  const double = width === DOUBLE;
  if (harmless === "number") {
    code.localGet(r); code.localGet(r);
    code.op(double ? Op.f64Eq : Op.f32Eq);
    return;
  }
  code.localGet(r);
  code.op(double ? Op.f64Abs : Op.f32Abs);
  if (double) code.f64Const(Infinity); else code.f32Const(Infinity);
  code.op(double ? Op.f64Lt : Op.f32Lt);
  if (harmless === "finite") return;
  code.localGet(r);
  code.op(double ? Op.f64Abs : Op.f32Abs);
  if (double) code.f64Const(2 ** -1022); else code.f32Const(2 ** -126);
  code.op(double ? Op.f64Gt : Op.f32Gt);
  code.op(Op.i32And);
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
    pushHarmless(to, width, r, harmless);
    andNativeState(to);
    code.op(Op.i32Eqz);
    code.if();
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
