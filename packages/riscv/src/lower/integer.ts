/**
 * Meaning of RV64I and M, but for control transfers, which belong to the back ends (their conditions are
 * BRANCH_CONDITIONS).
 */
import { Op, Type } from "@stratos/wasm";
import { RS1, RS2 } from "./lowering.ts";
import type { Lowering, LoweringFunction, LoweringTable } from "./lowering.ts";

/** The wasm comparison of rs1 with rs2 that takes the branch. */
export const BRANCH_CONDITIONS: Readonly<Record<string, number>> = {
  beq: Op.i64Eq,
  bne: Op.i64Ne,
  blt: Op.i64LtS,
  bge: Op.i64GeS,
  bltu: Op.i64LtU,
  bgeu: Op.i64GeU,
};

const registers =
  (opcode: number): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    to.readX(RS1);
    to.readX(RS2);
    to.code.op(opcode);
    to.endWriteX();
  };

const immediate =
  (opcode: number): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    to.readX(RS1);
    to.immediate64();
    to.code.op(opcode);
    to.endWriteX();
  };

const compare =
  (opcode: number, push: (to: Lowering) => void): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    to.readX(RS1);
    push(to);
    to.code.op(opcode);
    to.code.op(Op.i64ExtendI32U);
    to.endWriteX();
  };

/**
 * On the low halves, the result sign-extended. wasm's i32 shifts take the amount modulo 32, as RISC-V's word shifts do.
 */
const word =
  (opcode: number): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    to.readXLow(RS1);
    to.readXLow(RS2);
    to.code.op(opcode);
    to.code.op(Op.i64ExtendI32S);
    to.endWriteX();
  };

const wordImmediate =
  (opcode: number): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    to.readXLow(RS1);
    to.immediate32();
    to.code.op(opcode);
    to.code.op(Op.i64ExtendI32S);
    to.endWriteX();
  };

const load =
  (opcode: number, size: 1 | 2 | 4 | 8): LoweringFunction =>
  (to) => {
    to.load(opcode, size);
    const value = to.scratch(Type.i64, 0);
    to.code.localSet(value);
    to.beginWriteX();
    to.code.localGet(value);
    to.endWriteX();
  };

const store =
  (opcode: number, size: 1 | 2 | 4 | 8): LoweringFunction =>
  (to) => {
    to.store(opcode, size, () => to.readX(RS2));
  };

/**
 * Division never traps: by zero the quotient is all ones and the remainder the dividend; the overflow of the most
 * negative number by −1 gives that number and 0. Source: Unprivileged ISA, chapter 13.2. A divisor of 1 stands in where
 * wasm would trap.
 */
function divide(options: {
  opcode: number;
  isWord: boolean;
  isSigned: boolean;
  isRemainder: boolean;
}): LoweringFunction {
  const { opcode, isWord, isSigned, isRemainder } = options;
  return (to) => {
    const { code } = to;
    const type = isWord ? Type.i32 : Type.i64;
    const dividend = to.scratch(type, 0);
    const divisor = to.scratch(type, 1);
    const constant = (value: number): void => (isWord ? code.i32Const(value) : code.i64Const(value));
    const read = (source: 1 | 2): void => (isWord ? to.readXLow(source) : to.readX(source));
    read(RS1);
    code.localSet(dividend);
    read(RS2);
    code.localSet(divisor);

    to.beginWriteX();
    code.localGet(divisor);
    code.op(isWord ? Op.i32Eqz : Op.i64Eqz);
    code.if(type);
    if (isRemainder) code.localGet(dividend);
    else constant(-1);
    code.else();
    if (isSigned) {
      // x / −1 is −x (which wraps for the most negative number) and x % −1 is 0: no trap for wasm to raise.
      code.localGet(divisor);
      constant(-1);
      code.op(isWord ? Op.i32Eq : Op.i64Eq);
      code.if(type);
      constant(0);
      if (!isRemainder) {
        code.localGet(dividend);
        code.op(isWord ? Op.i32Sub : Op.i64Sub);
      }
      code.else();
    }
    code.localGet(dividend);
    code.localGet(divisor);
    code.op(opcode);
    if (isSigned) code.end();
    code.end();
    if (isWord) code.op(Op.i64ExtendI32S);
    to.endWriteX();
  };
}

/**
 * High half of the 128-bit product, from four 32 by 32 products (Warren, Hacker's Delight, §8-2):
 * high = ah·bh + (m1 >> 32) + (m2 >> 32), where m1 = ah·bl + (al·bl >> 32) and m2 = al·bh + low(m1).
 */
function multiplyHigh(aSigned: boolean, bSigned: boolean): LoweringFunction {
  return (to) => {
    const { code } = to;
    const a = to.scratch(Type.i64, 0);
    const b = to.scratch(Type.i64, 1);
    const m1 = to.scratch(Type.i64, 2);
    const shiftA = aSigned ? Op.i64ShrS : Op.i64ShrU;
    const shiftB = bSigned ? Op.i64ShrS : Op.i64ShrU;
    const low = (local: number): void => {
      code.localGet(local);
      code.i64ConstBits(0, -1);
      code.op(Op.i64And);
    };
    const high = (local: number, shift: number): void => {
      code.localGet(local);
      code.i64Const(32);
      code.op(shift);
    };
    // A mixed product of a signed high half and an unsigned low half fits i64; the carries in are below 2^32.
    const shiftM = (isSigned: boolean): number => (isSigned ? Op.i64ShrS : Op.i64ShrU);

    to.readX(RS1);
    code.localSet(a);
    to.readX(RS2);
    code.localSet(b);
    high(a, shiftA);
    low(b);
    code.op(Op.i64Mul);
    low(a);
    low(b);
    code.op(Op.i64Mul);
    code.i64Const(32);
    code.op(Op.i64ShrU);
    code.op(Op.i64Add);
    code.localSet(m1);

    to.beginWriteX();
    high(a, shiftA);
    high(b, shiftB);
    code.op(Op.i64Mul);
    high(m1, shiftM(aSigned));
    code.op(Op.i64Add);
    low(a);
    high(b, shiftB);
    code.op(Op.i64Mul);
    low(m1);
    code.op(Op.i64Add);
    code.i64Const(32);
    code.op(shiftM(bSigned));
    code.op(Op.i64Add);
    to.endWriteX();
  };
}

const nothing: LoweringFunction = () => {};

export const integerLowerings: LoweringTable = {
  lui: (to) => {
    to.beginWriteX();
    to.immediate64();
    to.endWriteX();
  },
  auipc: (to) => {
    to.beginWriteX();
    to.pushPc(0);
    to.immediate64();
    to.code.op(Op.i64Add);
    to.endWriteX();
  },

  lb: load(Op.i64Load8S, 1),
  lh: load(Op.i64Load16S, 2),
  lw: load(Op.i64Load32S, 4),
  ld: load(Op.i64Load, 8),
  lbu: load(Op.i64Load8U, 1),
  lhu: load(Op.i64Load16U, 2),
  lwu: load(Op.i64Load32U, 4),
  sb: store(Op.i64Store8, 1),
  sh: store(Op.i64Store16, 2),
  sw: store(Op.i64Store32, 4),
  sd: store(Op.i64Store, 8),

  addi: immediate(Op.i64Add),
  xori: immediate(Op.i64Xor),
  ori: immediate(Op.i64Or),
  andi: immediate(Op.i64And),
  slli: immediate(Op.i64Shl),
  srli: immediate(Op.i64ShrU),
  srai: immediate(Op.i64ShrS),
  slti: compare(Op.i64LtS, (to) => to.immediate64()),
  sltiu: compare(Op.i64LtU, (to) => to.immediate64()),
  add: registers(Op.i64Add),
  sub: registers(Op.i64Sub),
  xor: registers(Op.i64Xor),
  or: registers(Op.i64Or),
  and: registers(Op.i64And),
  sll: registers(Op.i64Shl),
  srl: registers(Op.i64ShrU),
  sra: registers(Op.i64ShrS),
  slt: compare(Op.i64LtS, (to) => to.readX(RS2)),
  sltu: compare(Op.i64LtU, (to) => to.readX(RS2)),

  addiw: wordImmediate(Op.i32Add),
  slliw: wordImmediate(Op.i32Shl),
  srliw: wordImmediate(Op.i32ShrU),
  sraiw: wordImmediate(Op.i32ShrS),
  addw: word(Op.i32Add),
  subw: word(Op.i32Sub),
  sllw: word(Op.i32Shl),
  srlw: word(Op.i32ShrU),
  sraw: word(Op.i32ShrS),

  // One hart: nothing to order. (`fence.i` leaves the run: ExitReason.FENCE.)
  fence: nothing,

  mul: registers(Op.i64Mul),
  mulw: word(Op.i32Mul),
  mulh: multiplyHigh(true, true),
  mulhsu: multiplyHigh(true, false),
  mulhu: multiplyHigh(false, false),
  div: divide({ opcode: Op.i64DivS, isWord: false, isSigned: true, isRemainder: false }),
  divu: divide({ opcode: Op.i64DivU, isWord: false, isSigned: false, isRemainder: false }),
  rem: divide({ opcode: Op.i64RemS, isWord: false, isSigned: true, isRemainder: true }),
  remu: divide({ opcode: Op.i64RemU, isWord: false, isSigned: false, isRemainder: true }),
  divw: divide({ opcode: Op.i32DivS, isWord: true, isSigned: true, isRemainder: false }),
  divuw: divide({ opcode: Op.i32DivU, isWord: true, isSigned: false, isRemainder: false }),
  remw: divide({ opcode: Op.i32RemS, isWord: true, isSigned: true, isRemainder: true }),
  remuw: divide({ opcode: Op.i32RemU, isWord: true, isSigned: false, isRemainder: true }),
};
