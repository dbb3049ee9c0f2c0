/**
 * x86-64 (with SSE4.1) as a target. An i32 lies zero-extended in its register. rax and rcx are for values without a
 * register, rdx for steps within one operation; results come in rax.
 */
import { assert } from "@stratos/base";
import { Op } from "@stratos/wasm";
import { NONE } from "../instructions.ts";
import type { Comparison } from "../instructions.ts";
import type { Address, Assembler, Operands, Target } from "../target.ts";
import { TABLE_START } from "../layout.ts";
import * as E from "./encode.ts";
import { Arithmetic, Condition, Register } from "./encode.ts";

const { rax, rcx, rdx, rsp } = Register;
const ARGUMENTS = [6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
/** A double within one operation. */
const XMM = 15;

const REGISTERS: Target["registers"] = {
  integers: [3, 5, ...[...ARGUMENTS].reverse()],
  floats: [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
  integerArguments: ARGUMENTS,
  floatArguments: [2, 3, 4, 5],
  integerResult: rax,
  floatResult: 2,
};

const ARITHMETIC = new Map<number, readonly [op: number, is64: boolean]>([
  [Op.i32Add, [Arithmetic.add, false]],
  [Op.i32Sub, [Arithmetic.sub, false]],
  [Op.i32And, [Arithmetic.and, false]],
  [Op.i32Or, [Arithmetic.or, false]],
  [Op.i32Xor, [Arithmetic.xor, false]],
  [Op.i64Add, [Arithmetic.add, true]],
  [Op.i64Sub, [Arithmetic.sub, true]],
  [Op.i64And, [Arithmetic.and, true]],
  [Op.i64Or, [Arithmetic.or, true]],
  [Op.i64Xor, [Arithmetic.xor, true]],
]);
/** Number in the opcode's second field. */
const SHIFTS = new Map<number, readonly [op: number, is64: boolean]>([
  [Op.i32Shl, [4, false]],
  [Op.i32ShrU, [5, false]],
  [Op.i32ShrS, [7, false]],
  [Op.i64Shl, [4, true]],
  [Op.i64ShrU, [5, true]],
  [Op.i64ShrS, [7, true]],
]);
const DIVISIONS = new Map<number, { is64: boolean; isSigned: boolean; result: number }>([
  [Op.i32DivS, { is64: false, isSigned: true, result: rax }],
  [Op.i32DivU, { is64: false, isSigned: false, result: rax }],
  [Op.i32RemS, { is64: false, isSigned: true, result: rdx }],
  [Op.i32RemU, { is64: false, isSigned: false, result: rdx }],
  [Op.i64DivS, { is64: true, isSigned: true, result: rax }],
  [Op.i64DivU, { is64: true, isSigned: false, result: rax }],
  [Op.i64RemS, { is64: true, isSigned: true, result: rdx }],
  [Op.i64RemU, { is64: true, isSigned: false, result: rdx }],
]);
const FLOAT_BINARY = new Map<number, readonly [opcode: number, isCommutative: boolean]>([
  [Op.f64Add, [0x58, true]],
  [Op.f64Mul, [0x59, true]],
  [Op.f64Sub, [0x5c, false]],
  [Op.f64Div, [0x5e, false]],
]);
const ROUNDING = new Map<number, number>([
  [Op.f64Nearest, 8],
  [Op.f64Floor, 9],
  [Op.f64Ceil, 10],
  [Op.f64Trunc, 11],
]);
const CONDITIONS = [
  Condition.equal,
  Condition.notEqual,
  Condition.less,
  Condition.below,
  Condition.greater,
  Condition.above,
  Condition.notGreater,
  Condition.notAbove,
  Condition.notLess,
  Condition.notBelow,
] as const;
const FLOAT_MOVE = { prefix: 0x66, opcode: [0x0f, 0x28] };
const FLOAT_LOAD = { prefix: 0xf2, opcode: [0x0f, 0x10] };
const FLOAT_STORE = { prefix: 0xf2, opcode: [0x0f, 0x11] };
/** movq between an integer's register and a double's. */
const TO_FLOAT = { prefix: 0x66, is64: true, opcode: [0x0f, 0x6e] };
const FROM_FLOAT = { prefix: 0x66, is64: true, opcode: [0x0f, 0x7e] };
const WORD_LOAD = { is64: true, opcode: [0x8b] };
const WORD_STORE = { is64: true, opcode: [0x89] };

/** Without the return address, which a call pushes. */
function localBytes(slots: number): number {
  return ((slots * 8 + 8 + 15) & ~15) - 8;
}

export function x86Target(): Target {
  return {
    registers: REGISTERS,
    // Of some of today's, which find their order themselves.
    latencies: { load: 4, multiply: 3, divide: 17, float: 4, floatDivide: 13 },
    scratch: [rax, rcx],
    floatScratch: [0, 1],
    isZeroExtended: true,

    enter(code, slots) {
      E.withConstant(code, Arithmetic.sub, true, rsp, localBytes(slots));
      return localBytes(slots) + 8;
    },
    leave: (code, slots) => E.withConstant(code, Arithmetic.add, true, rsp, localBytes(slots)),
    return: (code) => code.u8(0xc3),
    move: (code, d, a, isFloat) => (isFloat ? E.onRegisters(code, FLOAT_MOVE, d, a) : E.move(code, true, d, a)),
    loadSlot: (code, d, slot, isFloat) =>
      E.onMemory(code, isFloat ? FLOAT_LOAD : WORD_LOAD, d, { base: rsp, offset: slot * 8 }),
    storeSlot: (code, a, slot, isFloat) =>
      E.onMemory(code, isFloat ? FLOAT_STORE : WORD_STORE, a, { base: rsp, offset: slot * 8 }),
    integer,
    float(code, d, value) {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, value);
      const bits = view.getBigInt64(0);
      if (bits === 0n) return E.onRegisters(code, { prefix: 0x66, opcode: [0x0f, 0x57] }, d, d);
      integer(code, rdx, bits);
      E.onRegisters(code, TO_FLOAT, d, rdx);
    },
    unary,
    binary,
    compare(code, d, test) {
      setByte(code, test);
      E.onRegisters(code, { opcode: [0x0f, 0xb6] }, d, rdx);
    },
    branch(code, test, label) {
      let jump = [0xe9];
      if (test !== null) {
        let condition: number;
        if (isOfFloats(test)) {
          setByte(code, test);
          E.onRegisters(code, { opcode: [0x84] }, rdx, rdx);
          condition = Condition.notEqual;
        } else condition = compareIntegers(code, test);
        jump = [0x0f, 0x80 | condition];
      }
      for (const byte of jump) code.u8(byte);
      code.branchHere(label);
      code.u32(0);
    },
    load: (code, op, d, address) => {
      const form = LOADS.get(op);
      assert(form !== undefined, `no load 0x${op.toString(16)}`);
      E.onMemory(code, form, d, placeOf(address));
    },
    store: (code, op, value, address) => {
      const form = STORES.get(op);
      assert(form !== undefined, `no store 0x${op.toString(16)}`);
      E.onMemory(code, form, value, placeOf(address));
    },
    tableEntry: (code, d, index) => E.loadScaled(code, d, index, TABLE_START),
    call(code, target, isTail) {
      if (typeof target === "number") return E.onRegisters(code, { opcode: [0xff] }, isTail ? 4 : 2, target);
      code.u8(isTail ? 0xe9 : 0xe8);
      code.callHere(target);
      code.u32(0);
    },
    trap(code) {
      code.u8(0x0f);
      code.u8(0x0b);
    },
    patchBranch(bytes, at, target) {
      bytes.setInt32(at, target - at - 4, true);
      return true;
    },
    patchCall(bytes, at, target) {
      bytes.setInt32(at, target - at - 4, true);
    },
  };
}

const LOADS = new Map<number, Parameters<typeof E.onMemory>[1]>([
  [Op.i32Load, { opcode: [0x8b] }],
  [Op.i64Load, WORD_LOAD],
  [Op.f64Load, FLOAT_LOAD],
  [Op.i32Load8U, { opcode: [0x0f, 0xb6] }],
  [Op.i32Load16U, { opcode: [0x0f, 0xb7] }],
]);
const STORES = new Map<number, Parameters<typeof E.onMemory>[1]>([
  [Op.i32Store, { opcode: [0x89] }],
  [Op.i64Store, WORD_STORE],
  [Op.f64Store, FLOAT_STORE],
  [Op.i32Store8, { isByte: true, opcode: [0x88] }],
]);

function placeOf({ a, offset }: Address): E.Place {
  return { base: a, offset };
}

export function integer(code: Assembler, d: number, value: bigint): void {
  if (value === 0n) return E.arithmetic(code, Arithmetic.xor, false, d, d);
  if (value > 0n && value < 1n << 32n) {
    if (d >= 8) code.u8(0x41);
    code.u8(0xb8 | (d & 7));
    return code.u32(Number(value));
  }
  if (value >= -(1n << 31n) && value < 0n) {
    E.onRegisters(code, { is64: true, opcode: [0xc7] }, 0, d);
    return code.u32(Number(value));
  }
  code.u8(0x48 | (d >> 3));
  code.u8(0xb8 | (d & 7));
  code.u64(value);
}

function unary(code: Assembler, op: number, d: number, a: number): void {
  const rounding = ROUNDING.get(op);
  if (rounding !== undefined) {
    E.onRegisters(code, { prefix: 0x66, opcode: [0x0f, 0x3a, 0x0b] }, d, a);
    return code.u8(rounding);
  }
  switch (op) {
    case Op.i32WrapI64:
    case Op.i64ExtendI32U:
      return E.move(code, false, d, a);
    case Op.i64Extend32S:
    case Op.i64ExtendI32S:
      return E.onRegisters(code, { is64: true, opcode: [0x63] }, d, a);
    case Op.f64Abs:
    case Op.f64Neg:
      // btr and btc of the sign's bit
      E.onRegisters(code, FROM_FLOAT, a, rdx);
      E.onRegisters(code, { is64: true, opcode: [0x0f, 0xba] }, op === Op.f64Abs ? 6 : 7, rdx);
      code.u8(63);
      return E.onRegisters(code, TO_FLOAT, d, rdx);
    case Op.f64Sqrt:
      return E.onRegisters(code, { prefix: 0xf2, opcode: [0x0f, 0x51] }, d, a);
    case Op.f64ConvertI64S:
      E.onRegisters(code, { prefix: 0x66, opcode: [0x0f, 0x57] }, d, d);
      return E.onRegisters(code, { prefix: 0xf2, is64: true, opcode: [0x0f, 0x2a] }, d, a);
    case Op.i64TruncF64S:
      return E.onRegisters(code, { prefix: 0xf2, is64: true, opcode: [0x0f, 0x2c] }, d, a);
    case Op.i64ReinterpretF64:
      return E.onRegisters(code, FROM_FLOAT, a, d);
    case Op.f64ReinterpretI64:
      return E.onRegisters(code, TO_FLOAT, d, a);
    default:
      throw new Error(`x86-64 has no operation 0x${op.toString(16)}`);
  }
}

function binary(code: Assembler, op: number, d: number, operands: Operands): void {
  const { a, b, imm } = operands;
  const ofFloats = FLOAT_BINARY.get(op);
  if (ofFloats !== undefined) return floatBinary(code, ofFloats, d, operands);
  const shift = SHIFTS.get(op);
  if (shift !== undefined) return shiftBy(code, shift, d, operands);
  const division = DIVISIONS.get(op);
  if (division !== undefined) return divide(code, division, d, operands);
  if (op === Op.i32Mul || op === Op.i64Mul) {
    const form = { is64: op === Op.i64Mul, opcode: [0x0f, 0xaf] };
    if (d === b) return E.onRegisters(code, form, d, a);
    if (d !== a) E.move(code, true, d, a);
    return E.onRegisters(code, form, d, b);
  }
  const found = ARITHMETIC.get(op);
  assert(found !== undefined, `x86-64 has no operation 0x${op.toString(16)}`);
  const [number, is64] = found;
  if (b === NONE) {
    if (d !== a) E.move(code, true, d, a);
    return E.withConstant(code, number, is64, d, imm);
  }
  if (d === a) return E.arithmetic(code, number, is64, d, b);
  if (number === Arithmetic.add) return E.lea(code, is64, d, a, b);
  if (d === b) {
    if (number !== Arithmetic.sub) return E.arithmetic(code, number, is64, d, a);
    E.move(code, true, rdx, a);
    E.arithmetic(code, number, is64, rdx, b);
    return E.move(code, true, d, rdx);
  }
  E.move(code, true, d, a);
  E.arithmetic(code, number, is64, d, b);
}

function floatBinary(
  code: Assembler,
  [opcode, isCommutative]: readonly [number, boolean],
  d: number,
  { a, b }: Operands,
): void {
  const form = { prefix: 0xf2, opcode: [0x0f, opcode] };
  if (d === a) return E.onRegisters(code, form, d, b);
  if (d === b && isCommutative) return E.onRegisters(code, form, d, a);
  const into = d === b ? XMM : d;
  E.onRegisters(code, FLOAT_MOVE, into, a);
  E.onRegisters(code, form, into, b);
  if (into !== d) E.onRegisters(code, FLOAT_MOVE, d, into);
}

function shiftBy(code: Assembler, [op, is64]: readonly [number, boolean], d: number, { a, b, imm }: Operands): void {
  if (b === NONE) {
    if (d !== a) E.move(code, true, d, a);
    E.onRegisters(code, { is64, opcode: [0xc1] }, op, d);
    return code.u8(imm & (is64 ? 63 : 31));
  }
  E.move(code, true, rdx, a);
  if (b !== rcx) E.move(code, true, rcx, b);
  E.onRegisters(code, { is64, opcode: [0xd3] }, op, rdx);
  E.move(code, true, d, rdx);
}

function divide(
  code: Assembler,
  { is64, isSigned, result }: { is64: boolean; isSigned: boolean; result: number },
  d: number,
  { a, b }: Operands,
): void {
  if (b !== rcx) E.move(code, true, rcx, b);
  if (a !== rax) E.move(code, true, rax, a);
  if (isSigned) {
    if (is64) code.u8(0x48);
    code.u8(0x99);
  } else E.arithmetic(code, Arithmetic.xor, false, rdx, rdx);
  E.onRegisters(code, { is64, opcode: [0xf7] }, isSigned ? 7 : 6, rcx);
  if (d !== result) E.move(code, is64, d, result);
}

function isOfFloats({ op }: Comparison): boolean {
  return op >= Op.f64Eq && op <= Op.f64Ge;
}

/** @returns the condition that holds then */
function compareIntegers(code: Assembler, { op, a, b, imm }: Comparison): number {
  const is64 = op >= Op.i64Eq;
  const condition = CONDITIONS[op - (is64 ? Op.i64Eq : Op.i32Eq)]!;
  if (b !== NONE) E.arithmetic(code, Arithmetic.cmp, is64, a, b);
  else if (imm === 0) E.onRegisters(code, { is64, opcode: [0x85] }, a, a);
  else E.withConstant(code, Arithmetic.cmp, is64, a, imm);
  return condition;
}

/** Puts 0 or 1 into dl. */
function setByte(code: Assembler, test: Comparison): void {
  const set = (condition: number, register: number): void =>
    E.onRegisters(code, { opcode: [0x0f, 0x90 | condition] }, 0, register);
  if (!isOfFloats(test)) return set(compareIntegers(code, test), rdx);
  const { op, a, b } = test;
  // ucomisd: above and not below are false where one is no number.
  const [left, right] = op === Op.f64Lt || op === Op.f64Le ? [b, a] : [a, b];
  E.onRegisters(code, { prefix: 0x66, opcode: [0x0f, 0x2e] }, left, right);
  let isOpposite = test.isNegated;
  if (op === Op.f64Eq || op === Op.f64Ne) {
    set(Condition.noParity, rdx);
    set(Condition.equal, rcx);
    E.onRegisters(code, { opcode: [0x20] }, rcx, rdx);
    if (op === Op.f64Ne) isOpposite = !isOpposite;
  } else set(op === Op.f64Lt || op === Op.f64Gt ? Condition.above : Condition.notBelow, rdx);
  if (isOpposite) E.withConstant(code, Arithmetic.xor, false, rdx, 1);
}
