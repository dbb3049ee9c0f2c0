/**
 * RV64GC as a target. An i32 lies sign-extended in its register. `gp` points into the page of the runtime's registers,
 * `tp` to the table of functions (s11 in programs with foreign functions, where tp is libc's); t2 is for addresses and
 * constants within one step.
 */
import { assert } from "@stratos/base";
import { Op } from "@stratos/wasm";
import { NONE } from "../instructions.ts";
import type { Comparison } from "../instructions.ts";
import type { Address, Assembler, Operands, Target } from "../target.ts";
import { compressed } from "./compress.ts";
import * as E from "./encode.ts";
import { Register } from "./encode.ts";
import type { Access, BranchOp, RegisterOp } from "./encode.ts";

/** What `gp` holds: the middle of the page that begins at 64 KiB. */
export const GLOBAL_POINTER = 0x10800;
/** Where the table of functions is told in programs with foreign functions. */
export const FOREIGN_TABLE_REGISTER = 27;
const { zero, ra, sp, gp, tp, t0, t1, t2, a0 } = Register;
const ARGUMENTS = [10, 11, 12, 13, 14, 15, 16, 17];

const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

const REGISTERS: Target["registers"] = {
  // First those that short forms can name.
  integers: [15, 14, 13, 12, 11, 10, 8, 9, 17, 16, ...range(28, 31), ...range(18, 27)],
  floats: range(2, 31),
  integerArguments: ARGUMENTS,
  floatArguments: range(10, 17),
  integerResult: a0,
  floatResult: 10,
};

/** Names of operations on two registers, and whether of 32 bits. */
const BINARY: ReadonlyMap<number, readonly [RegisterOp, boolean]> = new Map<number, readonly [RegisterOp, boolean]>([
  [Op.i32Add, ["add", true]],
  [Op.i32Sub, ["sub", true]],
  [Op.i32Mul, ["mul", true]],
  [Op.i32DivS, ["div", true]],
  [Op.i32DivU, ["divu", true]],
  [Op.i32RemS, ["rem", true]],
  [Op.i32RemU, ["remu", true]],
  [Op.i32And, ["and", false]],
  [Op.i32Or, ["or", false]],
  [Op.i32Xor, ["xor", false]],
  [Op.i32Shl, ["sll", true]],
  [Op.i32ShrS, ["sra", true]],
  [Op.i32ShrU, ["srl", true]],
  [Op.i64Add, ["add", false]],
  [Op.i64Sub, ["sub", false]],
  [Op.i64Mul, ["mul", false]],
  [Op.i64DivS, ["div", false]],
  [Op.i64DivU, ["divu", false]],
  [Op.i64RemS, ["rem", false]],
  [Op.i64RemU, ["remu", false]],
  [Op.i64And, ["and", false]],
  [Op.i64Or, ["or", false]],
  [Op.i64Xor, ["xor", false]],
  [Op.i64Shl, ["sll", false]],
  [Op.i64ShrS, ["sra", false]],
  [Op.i64ShrU, ["srl", false]],
]);
const FLOAT_BINARY = new Map<number, "fadd" | "fsub" | "fmul" | "fdiv">([
  [Op.f64Add, "fadd"],
  [Op.f64Sub, "fsub"],
  [Op.f64Mul, "fmul"],
  [Op.f64Div, "fdiv"],
]);
const ACCESS = new Map<number, Access>([
  [Op.i32Load, "lw"],
  [Op.i64Load, "ld"],
  [Op.f64Load, "fld"],
  [Op.i32Load8U, "lbu"],
  [Op.i32Load8S, "lb"],
  [Op.i32Load16U, "lhu"],
  [Op.i64Load32U, "lwu"],
  [Op.i64Load8U, "lbu"],
  [Op.i32Store, "sw"],
  [Op.i64Store, "sd"],
  [Op.f64Store, "fsd"],
  [Op.i32Store8, "sb"],
  [Op.i32Store16, "sh"],
  [Op.i64Store32, "sw"],
  [Op.i64Store8, "sb"],
]);
/** The branch, and whether its operands change places. */
const BRANCH = new Map<number, readonly [BranchOp, boolean]>(
  ([Op.i32Eq, Op.i64Eq] as const).flatMap((first): [number, readonly [BranchOp, boolean]][] => [
    [first, ["beq", false]],
    [first + 1, ["bne", false]],
    [first + 2, ["blt", false]],
    [first + 3, ["bltu", false]],
    [first + 4, ["blt", true]],
    [first + 5, ["bltu", true]],
    [first + 6, ["bge", true]],
    [first + 7, ["bgeu", true]],
    [first + 8, ["bge", false]],
    [first + 9, ["bgeu", false]],
  ]),
);
const INVERSE_BRANCH: Record<BranchOp, BranchOp> = {
  beq: "bne",
  bne: "beq",
  blt: "bge",
  bge: "blt",
  bltu: "bgeu",
  bgeu: "bltu",
};
/** The comparison, whether its operands change places, and whether it is the opposite. */
const FLOAT_COMPARE = new Map<number, readonly ["feq" | "flt" | "fle", boolean, boolean]>([
  [Op.f64Eq, ["feq", false, false]],
  [Op.f64Ne, ["feq", false, true]],
  [Op.f64Lt, ["flt", false, false]],
  [Op.f64Gt, ["flt", true, false]],
  [Op.f64Le, ["fle", false, false]],
  [Op.f64Ge, ["fle", true, false]],
]);

function fits(imm: number): boolean {
  return imm >= -2048 && imm <= 2047;
}
/** The part that `lui` adds; the rest is `low`. */
function high(value: number): number {
  return (value + 0x800) >>> 12;
}
function low(value: number): number {
  return (value << 20) >> 20;
}
function frameBytes(slots: number): number {
  return (slots * 8 + 8 + 15) & ~15;
}

/** In two bytes where it can be; what `patchBranch` and `patchCall` fill in is written as a word. */
function put(code: Assembler, word: number): void {
  const half = compressed(word);
  if (half === 0) return code.u32(word);
  code.u8(half & 0xff);
  code.u8(half >>> 8);
}

/** @param options  `isFar`: calls reach all 2 GiB, not 1 MiB only */
export function rv64Target(options: { isFar?: boolean; isForeign?: boolean } = {}): Target {
  const { isFar = false, isForeign = false } = options;
  const table = isForeign ? FOREIGN_TABLE_REGISTER : tp;
  return {
    registers: isForeign
      ? { ...REGISTERS, integers: REGISTERS.integers.filter((register) => register !== FOREIGN_TABLE_REGISTER) }
      : REGISTERS,
    // The U74 and its like (SiFive's 7 series), as GCC describes them (gcc/config/riscv/sifive-7.md).
    latencies: { load: 3, multiply: 3, divide: 16, float: 7, floatDivide: 56 },
    scratch: [t0, t1],
    floatScratch: [0, 1],
    isZeroExtended: false,

    enter(code, slots) {
      const bytes = frameBytes(slots);
      addTo(code, sp, -bytes);
      accessAt(code, "sd", ra, sp, bytes - 8);
      return bytes;
    },
    leave(code, slots) {
      const bytes = frameBytes(slots);
      accessAt(code, "ld", ra, sp, bytes - 8);
      addTo(code, sp, bytes);
    },
    return: (code) => put(code, E.jalr(zero, ra, 0)),
    move: (code, d, a, isFloat) => put(code, isFloat ? E.sign("fsgnj", d, a, a) : E.immediate("add", d, a, 0)),
    loadSlot: (code, d, slot, isFloat) => accessAt(code, isFloat ? "fld" : "ld", d, sp, slot * 8),
    storeSlot: (code, a, slot, isFloat) => accessAt(code, isFloat ? "fsd" : "sd", a, sp, slot * 8),
    integer,
    float(code, d, value) {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, value);
      const bits = view.getBigInt64(0);
      if (bits !== 0n) integer(code, t2, bits);
      put(code, E.moveToFloat(d, bits === 0n ? zero : t2));
    },
    unary,
    binary,
    compare,
    branch,
    load: (code, op, d, address) => memory(code, op, d, address),
    store: (code, op, value, address) => memory(code, op, value, address),
    tableEntry(code, d, index) {
      put(code, E.shift("sll", t2, index, 3));
      put(code, E.register("add", t2, t2, table));
      put(code, E.access("ld", d, t2, 0));
    },
    call(code, target, isTail) {
      const link = isTail ? zero : ra;
      if (typeof target === "number") return put(code, E.jalr(link, target, 0));
      code.callHere(target);
      if (!isFar) return code.u32(E.jal(link, 0));
      code.u32(E.auipc(t2, 0));
      code.u32(E.jalr(link, t2, 0));
    },
    trap: (code) => put(code, E.EBREAK),

    patchBranch(bytes, at, target) {
      const offset = target - at;
      const word = bytes.getUint32(at, true);
      const isJump = (word & 0x7f) === (E.jal(0, 0) & 0x7f);
      const most = isJump ? 0x100000 : 0x1000;
      if (offset < -most || offset >= most) return false;
      bytes.setUint32(at, (word | (isJump ? E.jal(0, offset) : E.branch("beq", 0, 0, offset))) >>> 0, true);
      return true;
    },
    patchCall(bytes, at, target) {
      const offset = target - at;
      const word = bytes.getUint32(at, true);
      if (isFar) {
        bytes.setUint32(at, E.auipc(t2, high(offset)), true);
        bytes.setUint32(at + 4, (bytes.getUint32(at + 4, true) | E.jalr(0, 0, low(offset))) >>> 0, true);
        return;
      }
      assert(offset >= -0x100000 && offset < 0x100000, "a near call reaches 1 MiB");
      bytes.setUint32(at, (word | E.jal(0, offset)) >>> 0, true);
    },
  };
}

/** Any constant of 64 bits. */
export function integer(code: Assembler, d: number, value: bigint): void {
  if (value >= -2048n && value < 2048n) return put(code, E.immediate("add", d, zero, Number(value)));
  if (value >= -0x80000000n && value < 0x7ffff800n) {
    const number = Number(value);
    put(code, E.lui(d, high(number)));
    if (low(number) !== 0) put(code, E.addiw(d, d, low(number)));
    return;
  }
  const rest = Number(BigInt.asIntN(12, value));
  let upper = (BigInt.asIntN(64, value) - BigInt(rest)) >> 12n;
  let by = 12;
  while ((upper & 1n) === 0n) {
    upper >>= 1n;
    by++;
  }
  integer(code, d, BigInt.asIntN(64 - by, upper));
  put(code, E.shift("sll", d, d, by));
  if (rest !== 0) put(code, E.immediate("add", d, d, rest));
}

function addTo(code: Assembler, register: number, by: number): void {
  if (fits(by)) return put(code, E.immediate("add", register, register, by));
  integer(code, t2, BigInt(by));
  put(code, E.register("add", register, register, t2));
}

function accessAt(code: Assembler, op: Access, value: number, base: number, offset: number): void {
  if (fits(offset)) return put(code, E.access(op, value, base, offset));
  put(code, E.lui(t2, high(offset)));
  put(code, E.register("add", t2, t2, base));
  put(code, E.access(op, value, t2, low(offset)));
}

function memory(code: Assembler, wasmOp: number, value: number, { a, offset }: Address): void {
  const op = ACCESS.get(wasmOp);
  assert(op !== undefined, `no access 0x${wasmOp.toString(16)}`);
  if (a !== NONE) return accessAt(code, op, value, a, offset);
  if (fits(offset - GLOBAL_POINTER)) return put(code, E.access(op, value, gp, offset - GLOBAL_POINTER));
  put(code, E.lui(t2, high(offset)));
  put(code, E.access(op, value, t2, low(offset)));
}

function unary(code: Assembler, op: number, d: number, a: number): void {
  switch (op) {
    case Op.i32WrapI64:
    case Op.i64Extend32S:
      return put(code, E.addiw(d, a, 0));
    case Op.i64ExtendI32S:
      if (d !== a) put(code, E.immediate("add", d, a, 0));
      return;
    case Op.i64ExtendI32U:
      put(code, E.shift("sll", d, a, 32));
      return put(code, E.shift("srl", d, d, 32));
    case Op.f64Abs:
      return put(code, E.sign("fsgnjx", d, a, a));
    case Op.f64Neg:
      return put(code, E.sign("fsgnjn", d, a, a));
    case Op.f64Sqrt:
      return put(code, E.fsqrt(d, a));
    case Op.f64ConvertI64S:
      return put(code, E.fromInteger(d, a, true));
    case Op.f64ConvertI32S:
      return put(code, E.fromInteger(d, a, false));
    case Op.i64TruncF64S:
      return put(code, E.toInteger(d, a));
    case Op.i64ReinterpretF64:
      return put(code, E.moveFromFloat(d, a));
    case Op.f64ReinterpretI64:
      return put(code, E.moveToFloat(d, a));
    default:
      throw new Error(`rv64 has no operation 0x${op.toString(16)}`);
  }
}

function binary(code: Assembler, op: number, d: number, { a, b, imm }: Operands): void {
  const ofFloats = FLOAT_BINARY.get(op);
  if (ofFloats !== undefined) return put(code, E.float(ofFloats, d, a, b));
  const found = BINARY.get(op);
  assert(found !== undefined, `rv64 has no operation 0x${op.toString(16)}`);
  const [name, is32] = found;
  if (b !== NONE) return put(code, (is32 ? E.register32 : E.register)(name, d, a, b));
  if (name === "add" || name === "sub") {
    const by = name === "add" ? imm : -imm;
    return put(code, is32 ? E.addiw(d, a, by) : E.immediate("add", d, a, by));
  }
  if (name === "sll" || name === "srl" || name === "sra")
    return put(code, is32 ? E.shift32(name, d, a, imm & 31) : E.shift(name, d, a, imm & 63));
  put(code, E.immediate(name as "and" | "or" | "xor", d, a, imm));
}

/** The register of a comparison's right side. */
function rightOf(code: Assembler, { b, imm }: Comparison): number {
  if (b !== NONE) return b;
  if (imm === 0) return zero;
  put(code, E.immediate("add", t2, zero, imm));
  return t2;
}

function compareFloats(code: Assembler, d: number, { op, a, b, isNegated }: Comparison): boolean {
  const [name, isSwapped, isOpposite] = FLOAT_COMPARE.get(op)!;
  put(code, isSwapped ? E.floatCompare(name, d, b, a) : E.floatCompare(name, d, a, b));
  return isOpposite !== isNegated;
}

function compare(code: Assembler, d: number, test: Comparison): void {
  if (FLOAT_COMPARE.has(test.op)) {
    if (compareFloats(code, d, test)) put(code, E.immediate("xor", d, d, 1));
    return;
  }
  const [name, isSwapped] = BRANCH.get(test.op)!;
  const right = rightOf(code, test);
  if (name === "beq" || name === "bne") {
    let difference = test.a;
    if (right !== zero) {
      put(code, E.register("xor", d, test.a, right));
      difference = d;
    }
    put(code, name === "beq" ? E.immediate("sltu", d, difference, 1) : E.register("sltu", d, zero, difference));
    return;
  }
  const isUnsigned = name === "bltu" || name === "bgeu";
  const [left, other] = isSwapped ? [right, test.a] : [test.a, right];
  put(code, E.register(isUnsigned ? "sltu" : "slt", d, left, other));
  if (name === "bge" || name === "bgeu") put(code, E.immediate("xor", d, d, 1));
}

function branch(code: Assembler, test: Comparison | null, label: number): void {
  if (test === null) {
    code.branchHere(label);
    return code.u32(E.jal(zero, 0));
  }
  let name: BranchOp;
  let left: number;
  let right: number;
  if (FLOAT_COMPARE.has(test.op)) {
    name = compareFloats(code, t2, test) ? "beq" : "bne";
    [left, right] = [t2, zero];
  } else {
    const [own, isSwapped] = BRANCH.get(test.op)!;
    name = own;
    const other = rightOf(code, test);
    [left, right] = isSwapped ? [other, test.a] : [test.a, other];
  }
  if (!code.isLong) {
    code.branchHere(label);
    return code.u32(E.branch(name, left, right, 0));
  }
  code.u32(E.branch(INVERSE_BRANCH[name], left, right, 8));
  code.branchHere(label);
  code.u32(E.jal(zero, 0));
}
