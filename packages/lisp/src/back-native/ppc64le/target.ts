/**
 * ppc64le (POWER8, OpenPOWER ELFv2's registers) as a target. An i32 lies zero-extended in its register. r0 and r2 are
 * for steps within one operation, r13 is left to the system (the thread's pointer), and the last registers hold what
 * is added to addresses most: `ld` and `std` take only offsets that are multiples of 4, which those of tagged pointers
 * seldom are.
 */
import { assert } from "@stratos/base";
import { Op } from "@stratos/wasm";
import { Offset, Region } from "../../heap/layout.ts";
import { NONE } from "../instructions.ts";
import type { Comparison } from "../instructions.ts";
import { CODE_START, TABLE_START } from "../layout.ts";
import type { Address, Assembler, Operands, Target } from "../target.ts";
import * as E from "./encode.ts";
import { Bit, Register } from "./encode.ts";
import type { Access, ArithmeticOp, FloatUnary, LogicOp } from "./encode.ts";

const { r0, sp, r2, r3, r11, r12 } = Register;
/** A double within one operation. */
const FLOAT_STEP = 0;

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

const REGISTERS: Target["registers"] = {
  integers: [...range(3, 10).reverse(), ...range(14, 26)],
  floats: [...range(1, 10), ...range(13, 31)],
  integerArguments: range(3, 10),
  floatArguments: range(1, 8),
  integerResult: r3,
  floatResult: 1,
};

/** What registers hold all the time: two places in memory, around which 32 KiB are near, and offsets of fields. */
export const CONSTANTS: ReadonlyMap<number, number> = new Map([
  [27, Region.cells + 0x8000],
  [28, 0x10000],
  [29, Offset.fields],
  [30, Offset.car],
  [31, Offset.cdr],
]);
const BASES = [...CONSTANTS].filter(([, value]) => value >= 0x10000);
const OFFSETS = new Map(
  [...CONSTANTS].filter(([, value]) => value < 0x10000).map(([register, value]) => [value, register]),
);

interface Arithmetic {
  readonly op: ArithmeticOp;
  readonly is32: boolean;
}
const ARITHMETIC = new Map<number, Arithmetic>([
  [Op.i32Add, { op: "add", is32: true }],
  [Op.i32Sub, { op: "subf", is32: true }],
  [Op.i32Mul, { op: "mullw", is32: true }],
  [Op.i32DivS, { op: "divw", is32: true }],
  [Op.i32DivU, { op: "divwu", is32: true }],
  [Op.i64Add, { op: "add", is32: false }],
  [Op.i64Sub, { op: "subf", is32: false }],
  [Op.i64Mul, { op: "mulld", is32: false }],
  [Op.i64DivS, { op: "divd", is32: false }],
  [Op.i64DivU, { op: "divdu", is32: false }],
]);
/** Remainders, by the division: there is none of their own before POWER9. */
const REMAINDERS = new Map<number, readonly [divide: ArithmeticOp, multiply: ArithmeticOp, is32: boolean]>([
  [Op.i32RemS, ["divw", "mullw", true]],
  [Op.i32RemU, ["divwu", "mullw", true]],
  [Op.i64RemS, ["divd", "mulld", false]],
  [Op.i64RemU, ["divdu", "mulld", false]],
]);
const LOGIC = new Map<number, "and" | "or" | "xor">([
  [Op.i32And, "and"],
  [Op.i32Or, "or"],
  [Op.i32Xor, "xor"],
  [Op.i64And, "and"],
  [Op.i64Or, "or"],
  [Op.i64Xor, "xor"],
]);
const SHIFTS = new Map<number, readonly [op: LogicOp, is32: boolean]>([
  [Op.i32Shl, ["slw", true]],
  [Op.i32ShrS, ["sraw", true]],
  [Op.i32ShrU, ["srw", true]],
  [Op.i64Shl, ["sld", false]],
  [Op.i64ShrS, ["srad", false]],
  [Op.i64ShrU, ["srd", false]],
]);
const FLOAT_BINARY = new Map<number, Parameters<typeof E.float>[0]>([
  [Op.f64Add, "fadd"],
  [Op.f64Sub, "fsub"],
  [Op.f64Mul, "fmul"],
  [Op.f64Div, "fdiv"],
]);
const FLOAT_UNARY = new Map<number, FloatUnary>([
  [Op.f64Abs, "fabs"],
  [Op.f64Neg, "fneg"],
  [Op.f64Sqrt, "fsqrt"],
  [Op.f64Ceil, "frip"],
  [Op.f64Floor, "frim"],
  [Op.f64Trunc, "friz"],
]);
const ACCESS = new Map<number, Access>([
  [Op.i32Load, "lwz"],
  [Op.i64Load, "ld"],
  [Op.f64Load, "lfd"],
  [Op.i32Load8U, "lbz"],
  [Op.i32Load8S, "lbz"],
  [Op.i32Load16U, "lhz"],
  [Op.i64Load8U, "lbz"],
  [Op.i64Load32U, "lwz"],
  [Op.i32Store, "stw"],
  [Op.i64Store, "std"],
  [Op.f64Store, "stfd"],
  [Op.i32Store8, "stb"],
  [Op.i32Store16, "sth"],
  [Op.i64Store8, "stb"],
  [Op.i64Store32, "stw"],
]);
/** In the order of WebAssembly's comparisons: a bit, whether it must be set, and whether numbers have a sign. */
const INTEGER_TESTS: readonly (readonly [bit: number, isSet: boolean, isSigned: boolean])[] = [
  [Bit.equal, true, true],
  [Bit.equal, false, true],
  [Bit.less, true, true],
  [Bit.less, true, false],
  [Bit.greater, true, true],
  [Bit.greater, true, false],
  [Bit.greater, false, true],
  [Bit.greater, false, false],
  [Bit.less, false, true],
  [Bit.less, false, false],
];
/** A bit, and whether it must be set; of two bits either. */
const FLOAT_TESTS = new Map<number, readonly [bit: number, isSet: boolean, or: number]>([
  [Op.f64Eq, [Bit.equal, true, NONE]],
  [Op.f64Ne, [Bit.equal, false, NONE]],
  [Op.f64Lt, [Bit.less, true, NONE]],
  [Op.f64Gt, [Bit.greater, true, NONE]],
  [Op.f64Le, [Bit.less, true, Bit.equal]],
  [Op.f64Ge, [Bit.greater, true, Bit.equal]],
]);

/** A word of code that `patchCall` fills in as a far call. */
const NEAR_CALL_REACH = 0x2000000;

function fits(imm: number): boolean {
  return imm >= -0x8000 && imm <= 0x7fff;
}
/** The part that `addis` adds; the rest is `low`. */
function high(value: number): number {
  return (value + 0x8000) >> 16;
}
function low(value: number): number {
  return (value << 16) >> 16;
}
function frameBytes(slots: number): number {
  return (slots * 8 + 8 + 15) & ~15;
}

/** @param isFar  calls reach all 2 GiB, not 32 MiB only */
export function ppc64leTarget({ isFar = false }: { isFar?: boolean } = {}): Target {
  return {
    registers: REGISTERS,
    // POWER9, as GCC describes it (gcc/config/rs6000/power9.md).
    latencies: { load: 4, multiply: 5, divide: 24, float: 5, floatDivide: 27 },
    scratch: [r11, r12],
    floatScratch: [11, 12],
    isZeroExtended: true,

    enter(code, slots) {
      const bytes = frameBytes(slots);
      code.u32(E.fromLink(r0));
      addTo(code, sp, sp, -bytes);
      accessAt(code, "std", r0, sp, bytes - 8);
      return bytes;
    },
    leave(code, slots) {
      const bytes = frameBytes(slots);
      accessAt(code, "ld", r0, sp, bytes - 8);
      addTo(code, sp, sp, bytes);
      code.u32(E.toLink(r0));
    },
    return: (code) => code.u32(E.RETURN),
    move: (code, d, a, isFloat) => code.u32(isFloat ? E.floatUnary("fmr", d, a) : E.logic("or", d, a, a)),
    loadSlot: (code, d, slot, isFloat) => accessAt(code, isFloat ? "lfd" : "ld", d, sp, slot * 8),
    storeSlot: (code, a, slot, isFloat) => accessAt(code, isFloat ? "stfd" : "std", a, sp, slot * 8),
    integer,
    float(code, d, value) {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, value);
      const bits = view.getBigInt64(0);
      if (bits === 0n) return code.u32(E.clearFloat(d));
      integer(code, r2, bits);
      code.u32(E.mtvsrd(d, r2));
    },
    unary,
    binary,
    compare,
    branch,
    load: memory,
    store: memory,
    tableEntry(code, d, index) {
      code.u32(E.rotate64("rldicr", r0, index, 3, 60));
      code.u32(E.addis(r2, 0, high(TABLE_START)));
      code.u32(E.indexed("ld", d, r2, r0));
    },
    call(code, target, isTail) {
      if (typeof target === "string") {
        code.callHere(target);
        if (!isFar) return code.u32(E.branch(0, !isTail));
        code.u32(E.addis(r2, 0, 0));
        code.u32(E.immediate("ori", r2, r2, 0));
      }
      code.u32(E.toCount(typeof target === "string" ? r2 : target));
      code.u32(E.branchToCount(!isTail));
    },
    trap: (code) => code.u32(E.TRAP),

    patchBranch(bytes, at, target) {
      const offset = target - at;
      const word = bytes.getUint32(at, true);
      const isJump = word === E.branch(0, false);
      const most = isJump ? NEAR_CALL_REACH : 0x8000;
      if (offset < -most || offset >= most) return false;
      bytes.setUint32(at, isJump ? E.branch(offset, false) : (word | (offset & 0xfffc)) >>> 0, true);
      return true;
    },
    patchCall(bytes, at, target) {
      if (isFar) {
        const address = CODE_START + target;
        bytes.setUint32(at, E.addis(r2, 0, address >>> 16), true);
        bytes.setUint32(at + 4, E.immediate("ori", r2, r2, address & 0xffff), true);
        return;
      }
      const offset = target - at;
      assert(offset >= -NEAR_CALL_REACH && offset < NEAR_CALL_REACH, "a near call reaches 32 MiB");
      bytes.setUint32(at, (bytes.getUint32(at, true) | (offset & 0x3fffffc)) >>> 0, true);
    },
  };
}

/** Any constant of 64 bits. */
export function integer(code: Assembler, d: number, value: bigint): void {
  if (value >= -0x8000n && value < 0x8000n) return code.u32(E.addi(d, 0, Number(value)));
  if (value >= -0x80000000n && value < 0x80000000n) {
    const number = Number(value);
    code.u32(E.addis(d, 0, number >> 16));
    if ((number & 0xffff) !== 0) code.u32(E.immediate("ori", d, d, number & 0xffff));
    return;
  }
  // Without the zeros at its end, when it is shorter then; else the upper half, and the lower one behind it.
  let zeros = 0;
  while (((value >> BigInt(zeros)) & 1n) === 0n) zeros++;
  const rest = value >> BigInt(zeros);
  if (zeros >= 32 || (rest >= -0x80000000n && rest < 0x80000000n)) {
    integer(code, d, rest);
    return code.u32(E.rotate64("rldicr", d, d, zeros, 63 - zeros));
  }
  const bits = Number(BigInt.asUintN(32, value));
  const upper = BigInt.asIntN(32, value >> 32n);
  integer(code, d, upper);
  if (upper !== 0n) code.u32(E.rotate64("rldicr", d, d, 32, 31));
  if (bits >>> 16 !== 0) code.u32(E.immediate("oris", d, d, bits >>> 16));
  if ((bits & 0xffff) !== 0) code.u32(E.immediate("ori", d, d, bits & 0xffff));
}

/** d = a + by, of 64 bits. */
function addTo(code: Assembler, d: number, a: number, by: number): void {
  if (fits(by)) return code.u32(E.addi(d, a, by));
  assert(a !== r0, "r0 can't be added to");
  code.u32(E.addis(r2, a, high(by)));
  code.u32(E.addi(d, r2, low(by)));
}

/** The upper half of a register becomes zero. */
function clearUpper(code: Assembler, d: number, a: number): void {
  code.u32(E.rotate64("rldicl", d, a, 0, 32));
}

function accessAt(code: Assembler, op: Access, value: number, base: number, offset: number): void {
  const isWord = op === "ld" || op === "std";
  if (isWord && (offset & 3) !== 0) {
    const index = OFFSETS.get(offset);
    if (index !== undefined) return code.u32(E.indexed(op, value, base, index));
    addTo(code, r2, base, offset);
    return code.u32(E.access(op, value, r2, 0));
  }
  if (fits(offset)) return code.u32(E.access(op, value, base, offset));
  code.u32(E.addis(r2, base, high(offset)));
  code.u32(E.access(op, value, r2, low(offset)));
}

function memory(code: Assembler, wasmOp: number, value: number, { a, offset }: Address): void {
  const op = ACCESS.get(wasmOp);
  assert(op !== undefined, `no access 0x${wasmOp.toString(16)}`);
  if (a !== NONE) accessAt(code, op, value, a, offset);
  else {
    const base = BASES.find(([, place]) => fits(offset - place));
    if (base !== undefined) accessAt(code, op, value, base[0], offset - base[1]);
    else {
      code.u32(E.addis(r2, 0, high(offset)));
      accessAt(code, op, value, r2, low(offset));
    }
  }
  if (wasmOp !== Op.i32Load8S) return;
  code.u32(E.onOne("extsb", value, value));
  clearUpper(code, value, value);
}

function unary(code: Assembler, op: number, d: number, a: number): void {
  const ofFloats = FLOAT_UNARY.get(op);
  if (ofFloats !== undefined) return code.u32(E.floatUnary(ofFloats, d, a));
  switch (op) {
    case Op.i32WrapI64:
      return clearUpper(code, d, a);
    case Op.i64ExtendI32U:
      if (d !== a) code.u32(E.logic("or", d, a, a));
      return;
    case Op.i64ExtendI32S:
    case Op.i64Extend32S:
      return code.u32(E.onOne("extsw", d, a));
    case Op.i32Clz:
      return code.u32(E.onOne("cntlzw", d, a));
    case Op.i64Clz:
      return code.u32(E.onOne("cntlzd", d, a));
    case Op.i64Popcnt:
      return code.u32(E.onOne("popcntd", d, a));
    case Op.i64Ctz:
      // As many ones as there are in (a - 1) & ~a.
      code.u32(E.addi(r2, a, -1));
      code.u32(E.logic("andc", r2, r2, a));
      return code.u32(E.onOne("popcntd", d, r2));
    case Op.f64Nearest:
      return code.u32(E.xsrdpic(d, a));
    case Op.f64ConvertI32S:
      code.u32(E.onOne("extsw", r2, a));
      code.u32(E.mtvsrd(FLOAT_STEP, r2));
      return code.u32(E.floatUnary("fcfid", d, FLOAT_STEP));
    case Op.f64ConvertI64S:
      code.u32(E.mtvsrd(FLOAT_STEP, a));
      return code.u32(E.floatUnary("fcfid", d, FLOAT_STEP));
    case Op.i64TruncF64S:
      code.u32(E.floatUnary("fctidz", FLOAT_STEP, a));
      return code.u32(E.mfvsrd(d, FLOAT_STEP));
    case Op.i64ReinterpretF64:
      return code.u32(E.mfvsrd(d, a));
    case Op.f64ReinterpretI64:
      return code.u32(E.mtvsrd(d, a));
    default:
      throw new Error(`ppc64le has no operation 0x${op.toString(16)}`);
  }
}

function binary(code: Assembler, op: number, d: number, operands: Operands): void {
  const { a, b, imm } = operands;
  const ofFloats = FLOAT_BINARY.get(op);
  if (ofFloats !== undefined) return code.u32(E.float(ofFloats, d, a, b));
  const shift = SHIFTS.get(op);
  if (shift !== undefined) return b === NONE ? shiftBy(code, op, d, a, imm) : shiftByRegister(code, shift, d, operands);
  const logic = LOGIC.get(op);
  if (logic !== undefined) {
    if (b !== NONE) return code.u32(E.logic(logic, d, a, b));
    return logic === "and" ? andConstant(code, d, a, imm) : logicConstant(code, logic, op >= Op.i64Clz, d, a, imm);
  }
  const remainder = REMAINDERS.get(op);
  if (remainder !== undefined) {
    const [divide, multiply, is32] = remainder;
    code.u32(E.arithmetic(divide, r2, a, b));
    code.u32(E.arithmetic(multiply, r2, r2, b));
    code.u32(E.arithmetic("subf", d, r2, a));
    if (is32) clearUpper(code, d, d);
    return;
  }
  const found = ARITHMETIC.get(op);
  assert(found !== undefined, `ppc64le has no operation 0x${op.toString(16)}`);
  if (b === NONE) code.u32(E.addi(d, a, found.op === "add" ? imm : -imm));
  else if (found.op === "subf") code.u32(E.arithmetic("subf", d, b, a));
  else code.u32(E.arithmetic(found.op, d, a, b));
  if (found.is32) clearUpper(code, d, d);
}

/** By a register: WebAssembly takes as many of its bits as tell a place. */
function shiftByRegister(
  code: Assembler,
  [op, is32]: readonly [LogicOp, boolean],
  d: number,
  { a, b }: Operands,
): void {
  code.u32(E.rotate64("rldicl", r2, b, 0, is32 ? 59 : 58));
  code.u32(E.logic(op, d, a, r2));
  if (op === "sraw") clearUpper(code, d, d);
}

function shiftBy(code: Assembler, op: number, d: number, a: number, imm: number): void {
  const by = imm & (op < Op.i64Clz ? 31 : 63);
  switch (op) {
    case Op.i32Shl:
      return code.u32(E.rlwinm(d, a, by, { from: 0, to: 31 - by }));
    case Op.i32ShrU:
      return code.u32(E.rlwinm(d, a, (32 - by) & 31, { from: by, to: 31 }));
    case Op.i32ShrS:
      code.u32(E.srawi(d, a, by));
      return clearUpper(code, d, d);
    case Op.i64Shl:
      return code.u32(E.rotate64("rldicr", d, a, by, 63 - by));
    case Op.i64ShrU:
      return code.u32(E.rotate64("rldicl", d, a, (64 - by) & 63, by));
    default:
      return code.u32(E.sradi(d, a, by));
  }
}

/** Of 32 bits, too: where the left side's upper half is zero, so is the result's. */
function andConstant(code: Assembler, d: number, a: number, imm: number): void {
  if (imm > 0 && (imm & (imm + 1)) === 0) return code.u32(E.rotate64("rldicl", d, a, 0, 32 + Math.clz32(imm)));
  if (imm < 0 && (-imm & (-imm - 1)) === 0)
    return code.u32(E.rotate64("rldicr", d, a, 0, 63 - (31 - Math.clz32(-imm))));
  code.u32(E.addi(r2, 0, imm));
  code.u32(E.logic("and", d, a, r2));
}

function logicConstant(code: Assembler, op: "or" | "xor", is64: boolean, d: number, a: number, imm: number): void {
  if (imm >= 0) return code.u32(E.immediate(`${op}i`, d, a, imm));
  code.u32(E.addi(r2, 0, imm));
  code.u32(E.logic(op, d, a, r2));
  if (!is64) clearUpper(code, d, d);
}

/** Compares into the first condition field. @returns a bit of it, and whether that is set when the comparison holds */
function test(code: Assembler, { op, a, b, imm, isNegated }: Comparison): { bit: number; isSet: boolean } {
  const ofFloats = FLOAT_TESTS.get(op);
  if (ofFloats !== undefined) {
    const [bit, isSet, or] = ofFloats;
    code.u32(E.floatCompare(a, b));
    if (or !== NONE) code.u32(E.cror(bit, bit, or));
    return { bit, isSet: isSet !== isNegated };
  }
  const is64 = op >= Op.i64Eq;
  const [bit, isSet, isSigned] = INTEGER_TESTS[op - (is64 ? Op.i64Eq : Op.i32Eq)]!;
  if (b !== NONE) code.u32(E.compare(isSigned ? "cmp" : "cmpl", is64, a, b));
  else if (isSigned || imm >= 0) code.u32(E.compareImmediate(isSigned ? "cmpi" : "cmpli", is64, a, imm));
  else {
    code.u32(E.addi(r2, 0, imm));
    code.u32(E.compare("cmpl", is64, a, r2));
  }
  return { bit, isSet };
}

function compare(code: Assembler, d: number, comparison: Comparison): void {
  const { bit, isSet } = test(code, comparison);
  code.u32(E.addi(r2, 0, 1));
  if (isSet) code.u32(E.addi(r0, 0, 0));
  code.u32(isSet ? E.isel(d, r2, r0, bit) : E.isel(d, 0, r2, bit));
}

function branch(code: Assembler, comparison: Comparison | null, label: number): void {
  if (comparison !== null) {
    const { bit, isSet } = test(code, comparison);
    if (!code.isLong) {
      code.branchHere(label);
      return code.u32(E.branchIf(bit, isSet, 0));
    }
    code.u32(E.branchIf(bit, !isSet, 8));
  }
  code.branchHere(label);
  code.u32(E.branch(0, false));
}
