/**
 * When native arithmetic may be used as it is: the mode in force is nearest-even, and NX is already raised, as it is
 * after the first few operations of nearly any program; HART_NATIVE_FLOAT says so in one cell. Then what is left to
 * look at is the result: anything that could raise another flag, and any NaN, shows in it.
 */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { HART_FFLAGS, HART_FRM, HART_NATIVE_FLOAT } from "../hart-state.ts";
import { FloatFlag, RoundingMode } from "../softfloat/softfloat.ts";
import type { Lowering } from "./lowering.ts";

/** Whether native arithmetic can ever do for this instruction: not for a static mode other than RNE. */
export function mayBeNative(to: Lowering): boolean {
  return to.roundingMode <= RoundingMode.RNE || to.roundingMode === DYNAMIC;
}

const DYNAMIC = 7;
/** `Lowering.roundingMode` in the interpreter. */
export const AT_RUN_TIME = -1;

export function pushNativeState(code: CodeWriter): void {
  code.i32Const(0);
  code.memory(Op.i32Load, HART_NATIVE_FLOAT);
}

/** Pushes whether the rounding mode is one of the five. */
export function pushIsValidMode(to: Lowering): void {
  to.pushRoundingMode();
  to.code.i32Const(RoundingMode.RMM);
  to.code.op(Op.i32LeU);
}

/**
 * Takes an i32 0 or 1 from the stack ("the result is harmless") and pushes non-zero if native arithmetic also may be
 * used.
 */
export function andNativeState(to: Lowering): void {
  const code = to.code;
  code.i32Const(0);
  code.memory(Op.i32Load, HART_NATIVE_FLOAT);
  code.op(Op.i32And);
  if (to.roundingMode !== AT_RUN_TIME) return;
  to.pushRoundingMode();
  code.op(Op.i32Eqz);
  code.op(Op.i32And);
}

/** Branches to `slow` unless native arithmetic may be used. */
export function branchUnlessNativeState(to: Lowering, slow: number): void {
  const code = to.code;
  code.i32Const(0);
  code.memory(Op.i32Load, HART_NATIVE_FLOAT);
  code.op(Op.i32Eqz);
  code.brIf(slow);
  if (to.roundingMode !== AT_RUN_TIME) return;
  to.pushRoundingMode();
  code.brIf(slow);
}

/** After a write to fflags or frm: HART_NATIVE_FLOAT = NX raised and frm nearest-even. */
export function emitNativeStateUpdate(code: CodeWriter): void {
  code.i32Const(0);
  code.i32Const(0);
  code.memory(Op.i32Load, HART_FFLAGS);
  code.i32Const(FloatFlag.NX);
  code.op(Op.i32And);
  code.i32Const(0);
  code.memory(Op.i32Load, HART_FRM);
  code.op(Op.i32Eqz);
  code.op(Op.i32And);
  code.memory(Op.i32Store, HART_NATIVE_FLOAT);
}

/** The same from outside of generated code. */
export function updateNativeState(u32: Uint32Array): void {
  u32[HART_NATIVE_FLOAT >>> 2] =
    (u32[HART_FFLAGS >>> 2]! & FloatFlag.NX) !== 0 && u32[HART_FRM >>> 2] === RoundingMode.RNE ? 1 : 0;
}

/** Leaves with ILLEGAL when the dynamic mode is reserved (5 … 7). */
export function checkRoundingMode(to: Lowering): void {
  if (to.roundingMode !== DYNAMIC && to.roundingMode !== AT_RUN_TIME) return;
  to.pushRoundingMode();
  to.code.i32Const(RoundingMode.RMM);
  to.code.op(Op.i32GtU);
  to.exitIllegalIf();
}

/** Ors constant bits into fflags. */
export function raiseFlags(to: Lowering, flags: number): void {
  const code = to.code;
  code.i32Const(0);
  code.i32Const(0);
  code.memory(Op.i32Load, HART_FFLAGS);
  code.i32Const(flags);
  code.op(Op.i32Or);
  code.memory(Op.i32Store, HART_FFLAGS);
}
