/** Meaning of Zba, Zbb, Zbs (Unprivileged ISA, chapter "B") and Zicond (chapter "Zicond"). */
import { Op, Type } from "@stratos/wasm";
import { RS1, RS2 } from "./lowering.ts";
import type { Lowering, LoweringFunction, LoweringTable } from "./lowering.ts";

/** rd = what `push` pushes, as i64. */
const value =
  (push: (to: Lowering) => void): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    push(to);
    to.endWriteX();
  };

/** rd = the i32 that `push` pushes, sign-extended. */
const word = (push: (to: Lowering) => void): LoweringFunction =>
  value((to) => {
    push(to);
    to.code.op(Op.i64ExtendI32S);
  });

/** rs2 + (rs1, or its low half, << shift) */
const shiftAdd = (shift: number, isWord: boolean): LoweringFunction =>
  value((to) => {
    pushSource(to, isWord);
    if (shift > 0) {
      to.code.i64Const(shift);
      to.code.op(Op.i64Shl);
    }
    to.readX(RS2);
    to.code.op(Op.i64Add);
  });

/** rs1, or its low half zero-extended. */
function pushSource(to: Lowering, isWord: boolean): void {
  if (!isWord) return to.readX(RS1);
  to.readXLow(RS1);
  to.code.op(Op.i64ExtendI32U);
}

const inverted = (opcode: number): LoweringFunction =>
  value((to) => {
    to.readX(RS1);
    to.readX(RS2);
    to.code.i64Const(-1);
    to.code.op(Op.i64Xor);
    to.code.op(opcode);
  });

const unary = (opcode: number): LoweringFunction =>
  value((to) => {
    to.readX(RS1);
    to.code.op(opcode);
  });

const unaryWord = (opcode: number): LoweringFunction =>
  word((to) => {
    to.readXLow(RS1);
    to.code.op(opcode);
  });

/** rs1 where it compares so with rs2, else rs2. */
const extreme = (comparison: number): LoweringFunction =>
  value((to) => {
    to.readX(RS1);
    to.readX(RS2);
    to.readX(RS1);
    to.readX(RS2);
    to.code.op(comparison);
    to.code.op(Op.select);
  });

/** wasm takes the amount modulo the width, as RISC-V does. */
const rotate = (opcode: number, pushAmount: (to: Lowering) => void): LoweringFunction =>
  value((to) => {
    to.readX(RS1);
    pushAmount(to);
    to.code.op(opcode);
  });

const rotateWord = (opcode: number, pushAmount: (to: Lowering) => void): LoweringFunction =>
  word((to) => {
    to.readXLow(RS1);
    pushAmount(to);
    to.code.op(opcode);
  });

const pushRs2 = (to: Lowering): void => to.readX(RS2);
const pushImmediate = (to: Lowering): void => to.immediate64();

function pushBit(to: Lowering, pushIndex: (to: Lowering) => void): void {
  to.code.i64Const(1);
  pushIndex(to);
  to.code.op(Op.i64Shl);
}

const setBit = (opcode: number, pushIndex: (to: Lowering) => void): LoweringFunction =>
  value((to) => {
    to.readX(RS1);
    pushBit(to, pushIndex);
    to.code.op(opcode);
  });

const clearBit = (pushIndex: (to: Lowering) => void): LoweringFunction =>
  value((to) => {
    to.readX(RS1);
    pushBit(to, pushIndex);
    to.code.i64Const(-1);
    to.code.op(Op.i64Xor);
    to.code.op(Op.i64And);
  });

const extractBit = (pushIndex: (to: Lowering) => void): LoweringFunction =>
  value((to) => {
    to.readX(RS1);
    pushIndex(to);
    to.code.op(Op.i64ShrU);
    to.code.i64Const(1);
    to.code.op(Op.i64And);
  });

/** rs1, or 0 where rs2 compares so with 0. */
const zeroWhere = (comparison: number): LoweringFunction =>
  value((to) => {
    to.code.i64Const(0);
    to.readX(RS1);
    to.readX(RS2);
    to.code.i64Const(0);
    to.code.op(comparison);
    to.code.op(Op.select);
  });

/** Each byte but 0 becomes 0xff: its top bit is set by a carry out of the lower seven, or stands there. */
const orCombine: LoweringFunction = value((to) => {
  const { code } = to;
  const low = (): void => code.i64ConstBits(0x7f7f7f7f, 0x7f7f7f7f);
  to.readX(RS1);
  low();
  code.op(Op.i64And);
  low();
  code.op(Op.i64Add);
  to.readX(RS1);
  code.op(Op.i64Or);
  code.i64Const(7);
  code.op(Op.i64ShrU);
  code.i64ConstBits(0x01010101, 0x01010101);
  code.op(Op.i64And);
  code.i64Const(255);
  code.op(Op.i64Mul);
});

/** Bytes in reverse: neighbours change places, then pairs of them, then the halves. */
const reverseBytes: LoweringFunction = (to) => {
  const { code } = to;
  const local = to.scratch(Type.i64, 0);
  const exchange = (width: number, mask: number): void => {
    code.localTee(local);
    code.i64Const(width);
    code.op(Op.i64ShrU);
    code.i64ConstBits(mask, mask);
    code.op(Op.i64And);
    code.localGet(local);
    code.i64ConstBits(mask, mask);
    code.op(Op.i64And);
    code.i64Const(width);
    code.op(Op.i64Shl);
    code.op(Op.i64Or);
  };
  to.beginWriteX();
  to.readX(RS1);
  exchange(8, 0x00ff00ff);
  exchange(16, 0x0000ffff);
  code.i64Const(32);
  code.op(Op.i64Rotl);
  to.endWriteX();
};

export const bitLowerings: LoweringTable = {
  "add.uw": shiftAdd(0, true),
  sh1add: shiftAdd(1, false),
  sh2add: shiftAdd(2, false),
  sh3add: shiftAdd(3, false),
  "sh1add.uw": shiftAdd(1, true),
  "sh2add.uw": shiftAdd(2, true),
  "sh3add.uw": shiftAdd(3, true),
  "slli.uw": value((to) => {
    pushSource(to, true);
    to.immediate64();
    to.code.op(Op.i64Shl);
  }),

  andn: inverted(Op.i64And),
  orn: inverted(Op.i64Or),
  xnor: inverted(Op.i64Xor),
  clz: unary(Op.i64Clz),
  ctz: unary(Op.i64Ctz),
  cpop: unary(Op.i64Popcnt),
  clzw: unaryWord(Op.i32Clz),
  ctzw: unaryWord(Op.i32Ctz),
  cpopw: unaryWord(Op.i32Popcnt),
  max: extreme(Op.i64GtS),
  maxu: extreme(Op.i64GtU),
  min: extreme(Op.i64LtS),
  minu: extreme(Op.i64LtU),
  "sext.b": unary(Op.i64Extend8S),
  "sext.h": unary(Op.i64Extend16S),
  "zext.h": value((to) => {
    to.readX(RS1);
    to.code.i64Const(0xffff);
    to.code.op(Op.i64And);
  }),
  rol: rotate(Op.i64Rotl, pushRs2),
  ror: rotate(Op.i64Rotr, pushRs2),
  rori: rotate(Op.i64Rotr, pushImmediate),
  rolw: rotateWord(Op.i32Rotl, (to) => to.readXLow(RS2)),
  rorw: rotateWord(Op.i32Rotr, (to) => to.readXLow(RS2)),
  roriw: rotateWord(Op.i32Rotr, (to) => to.immediate32()),
  "orc.b": orCombine,
  rev8: reverseBytes,

  bclr: clearBit(pushRs2),
  bclri: clearBit(pushImmediate),
  bext: extractBit(pushRs2),
  bexti: extractBit(pushImmediate),
  binv: setBit(Op.i64Xor, pushRs2),
  binvi: setBit(Op.i64Xor, pushImmediate),
  bset: setBit(Op.i64Or, pushRs2),
  bseti: setBit(Op.i64Or, pushImmediate),

  "czero.eqz": zeroWhere(Op.i64Eq),
  "czero.nez": zeroWhere(Op.i64Ne),
};
