/**
 * Meaning of Zfhmin: halves are loaded, stored, moved and converted (Unprivileged ISA, chapter "Zfh and Zfhmin").
 * Programs that compute with them convert first. Conversions are the soft float's, a microsecond each.
 */
import { Op, Type } from "@stratos/wasm";
import { HART_SCRATCH } from "../hart-state.ts";
import { SoftOperation } from "./float-fallback.ts";
import { checkRoundingMode } from "./float-state.ts";
import { RS1, RS2 } from "./lowering.ts";
import type { Lowering, LoweringFunction, LoweringTable } from "./lowering.ts";

/** Ones above a half. */
const BOX_HIGH = -1,
  BOX_LOW = 0xffff0000;
const CANONICAL_NAN = 0x7e00;

/** Stack: i64 whose low 16 bits are a half; boxed. */
function box(to: Lowering): void {
  to.code.i64ConstBits(BOX_HIGH, BOX_LOW);
  to.code.op(Op.i64Or);
}

/** Pushes rs1's half as i64; what isn't boxed is the canonical NaN. */
function pushHalf(to: Lowering): void {
  const { code } = to;
  to.readFBits(RS1);
  code.i64Const(0xffff);
  code.op(Op.i64And);
  code.i64Const(CANONICAL_NAN);
  to.readFBits(RS1);
  code.i64Const(16);
  code.op(Op.i64ShrS);
  code.i64Const(-1);
  code.op(Op.i64Eq);
  code.op(Op.select);
}

/** The soft float on what `pushOperand` pushes as i64; the result is in the scratch cell. */
function convert(to: Lowering, operation: number, pushOperand: () => void): void {
  const { code } = to;
  checkRoundingMode(to);
  code.i32Const(0);
  pushOperand();
  code.memory(Op.i64Store, HART_SCRATCH);
  code.i32Const(operation);
  to.pushRoundingMode();
  to.call("f64.soft");
}

function pushResult(to: Lowering, opcode: number): void {
  to.code.i32Const(0);
  to.code.memory(opcode, HART_SCRATCH);
}

const toHalf =
  (operation: number, pushOperand: (to: Lowering) => void): LoweringFunction =>
  (to) => {
    convert(to, operation, () => pushOperand(to));
    to.beginWriteF();
    pushResult(to, Op.i64Load);
    box(to);
    to.endWriteFBits();
  };

export const HALF_LOWERINGS: LoweringTable = {
  flh: (to) => {
    const value = to.scratch(Type.i64, 0);
    to.load(Op.i64Load16U, 2);
    to.code.localSet(value);
    to.beginWriteF();
    to.code.localGet(value);
    box(to);
    to.endWriteFBits();
  },
  fsh: (to) => to.store(Op.i32Store16, 2, () => to.readFLow(RS2)),
  "fmv.x.h": (to) => {
    to.beginWriteX();
    to.readFBits(RS1);
    to.code.op(Op.i64Extend16S);
    to.endWriteX();
  },
  "fmv.h.x": (to) => {
    to.beginWriteF();
    to.readX(RS1);
    box(to);
    to.endWriteFBits();
  },
  "fcvt.h.s": toHalf(SoftOperation.HALF_FROM_SINGLE, (to) => {
    to.readF32Bits(RS1);
    to.code.op(Op.i64ExtendI32U);
  }),
  "fcvt.h.d": toHalf(SoftOperation.HALF_FROM_DOUBLE, (to) => to.readFBits(RS1)),
  "fcvt.s.h": (to) => {
    convert(to, SoftOperation.SINGLE_FROM_HALF, () => pushHalf(to));
    to.beginWriteF();
    pushResult(to, Op.i32Load);
    to.endWriteF32Bits();
  },
  "fcvt.d.h": (to) => {
    convert(to, SoftOperation.DOUBLE_FROM_HALF, () => pushHalf(to));
    to.beginWriteF();
    pushResult(to, Op.i64Load);
    to.endWriteFBits();
  },
};
