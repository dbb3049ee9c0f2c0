import { Op, Simd, Type } from "@stratos/wasm";
import type { CodeWriter, ValueType } from "@stratos/wasm";
import { HART_FFLAGS } from "../hart-state.ts";
import { FloatFlag } from "../softfloat/softfloat.ts";
import { emitNativeStateUpdate } from "./float-state.ts";

/**
 * WebAssembly as nested expressions, for the floating-point helpers: `set(r, add64(get(a), get(b)))` reads as the
 * algorithm it is. Helpers are emitted once, so closures cost nothing here; lowerings write to the CodeWriter directly.
 */
interface Emitter {
  readonly code: CodeWriter;
  readonly call: (helper: string) => void;
}
export type Expression = (to: Emitter) => void;

export const get =
  (local: number): Expression =>
  ({ code }) =>
    code.localGet(local);
export const set =
  (local: number, value: Expression): Expression =>
  (to) => {
    value(to);
    to.code.localSet(local);
  };

/** The instruction `opcode` applied to its operands. */
export const apply =
  (opcode: number, ...operands: readonly Expression[]): Expression =>
  (to) => {
    for (const operand of operands) operand(to);
    to.code.op(opcode);
  };

export const i32 =
  (value: number): Expression =>
  ({ code }) =>
    code.i32Const(value);
export const i64 =
  (value: number): Expression =>
  ({ code }) =>
    code.i64Const(value);
export const i64Bits =
  (high: number, low: number): Expression =>
  ({ code }) =>
    code.i64ConstBits(high, low);
export const f32 =
  (value: number): Expression =>
  ({ code }) =>
    code.f32Const(value);
export const f64 =
  (value: number): Expression =>
  ({ code }) =>
    code.f64Const(value);

export const call =
  (helper: string, ...operands: readonly Expression[]): Expression =>
  (to) => {
    for (const operand of operands) operand(to);
    to.call(helper);
  };
export const giveBack =
  (value: Expression): Expression =>
  (to) => {
    value(to);
    to.code.return();
  };

/** Statements one after the other. */
export const sequence =
  (...parts: readonly Expression[]): Expression =>
  (to) => {
    for (const part of parts) part(to);
  };

export const when =
  (condition: Expression, ...then: readonly Expression[]): Expression =>
  (to) => {
    condition(to);
    to.code.if();
    for (const part of then) part(to);
    to.code.end();
  };

export const choose =
  (type: ValueType, condition: Expression, then: Expression, otherwise: Expression): Expression =>
  (to) => {
    condition(to);
    to.code.if(type);
    then(to);
    to.code.else();
    otherwise(to);
    to.code.end();
  };

const binary =
  (opcode: number) =>
  (left: Expression, right: Expression): Expression =>
    apply(opcode, left, right);
const unary =
  (opcode: number) =>
  (operand: Expression): Expression =>
    apply(opcode, operand);

export const and = binary(Op.i32And);
export const or = binary(Op.i32Or);
export const not = unary(Op.i32Eqz);
export const equal32 = binary(Op.i32Eq);

export const addF64 = binary(Op.f64Add);
export const subF64 = binary(Op.f64Sub);
export const mulF64 = binary(Op.f64Mul);
export const divF64 = binary(Op.f64Div);
export const negF64 = unary(Op.f64Neg);
export const absF64 = unary(Op.f64Abs);
export const eqF64 = binary(Op.f64Eq);
export const neF64 = binary(Op.f64Ne);
export const ltF64 = binary(Op.f64Lt);
export const gtF64 = binary(Op.f64Gt);
export const leF64 = binary(Op.f64Le);
export const geF64 = binary(Op.f64Ge);
export const bitsF64 = unary(Op.i64ReinterpretF64);
export const fromBitsF64 = unary(Op.f64ReinterpretI64);
export const promote = unary(Op.f64PromoteF32);
export const demote = unary(Op.f32DemoteF64);

export const CANONICAL_F64: Expression = fromBitsF64(i64Bits(0x7ff80000, 0));
export const CANONICAL_F32: Expression = apply(Op.f32ReinterpretI32, i32(0x7fc00000));

export const isNaNF64 = (local: number): Expression => neF64(get(local), get(local));
export const isZeroF64 = (local: number): Expression => eqF64(get(local), f64(0));
export const isInfiniteF64 = (local: number): Expression => eqF64(absF64(get(local)), f64(Infinity));
/** min < |x| < max; false for a NaN. */
export const magnitudeWithin = (local: number, min: number, max: number): Expression =>
  and(gtF64(absF64(get(local)), f64(min)), ltF64(absF64(get(local)), f64(max)));

/** a × b + c in one instruction, where the host's relaxed SIMD is known to fuse (float-probe.ts). */
export const pushFused =
  (type: typeof Type.f32 | typeof Type.f64, ...operands: readonly [Expression, Expression, Expression]): Expression =>
  (to) => {
    const double = type === Type.f64;
    for (const operand of operands) {
      operand(to);
      to.code.simd(double ? Simd.f64x2Splat : Simd.f32x4Splat);
    }
    to.code.simd(double ? Simd.f64x2RelaxedMadd : Simd.f32x4RelaxedMadd);
    to.code.simd(double ? Simd.f64x2ExtractLane : Simd.f32x4ExtractLane, 0);
  };

/** Sets bits of fflags. */
export const raise =
  (flags: number): Expression =>
  ({ code }) => {
    code.i32Const(0);
    code.i32Const(0);
    code.memory(Op.i32Load, HART_FFLAGS);
    code.i32Const(flags);
    code.op(Op.i32Or);
    code.memory(Op.i32Store, HART_FFLAGS);
    if ((flags & FloatFlag.NX) !== 0) emitNativeStateUpdate(code);
  };

export const F32 = Type.f32;
export const F64 = Type.f64;
export const I32 = Type.i32;
export const I64 = Type.i64;
