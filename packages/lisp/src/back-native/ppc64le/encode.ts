/**
 * Instructions of the Power ISA as words. Source: Power ISA Version 2.07 B (POWER8), Book I: §1.6 (formats), chapters 2
 * (branches), 3 (fixed point), 4 (floating point), 7 (VSX).
 */

/** Register 0 reads as the constant 0 where an address, or the left operand of `addi`, is formed (§3.3.2). */
export const Register = { r0: 0, sp: 1, r2: 2, r3: 3, r11: 11, r12: 12 } as const;

const Opcode = {
  cmpli: 10,
  cmpi: 11,
  addi: 14,
  addis: 15,
  bc: 16,
  b: 18,
  branchTo: 19,
  rlwinm: 21,
  rotate64: 30,
  x: 31,
  vsx: 60,
  float: 63,
} as const;

function xForm(opcode: number, first: number, second: number, third: number, extended: number): number {
  return ((opcode << 26) | (first << 21) | (second << 16) | (third << 11) | (extended << 1)) >>> 0;
}
function dForm(opcode: number, d: number, a: number, imm: number): number {
  return ((opcode << 26) | (d << 21) | (a << 16) | (imm & 0xffff)) >>> 0;
}

/** @param a  a register but r0, which stands for 0 */
export function addi(d: number, a: number, imm: number): number {
  return dForm(Opcode.addi, d, a, imm);
}
/** Adds the constant shifted left by 16. */
export function addis(d: number, a: number, imm: number): number {
  return dForm(Opcode.addis, d, a, imm);
}

/** Opcodes of operations with a constant of 16 bits without a sign. */
const IMMEDIATES = { ori: 24, oris: 25, xori: 26, xoris: 27 } as const;
export function immediate(op: keyof typeof IMMEDIATES, d: number, a: number, imm: number): number {
  return dForm(IMMEDIATES[op], a, d, imm);
}

/** Arithmetic: d = a op b; `subf` is b - a. */
const ARITHMETIC = {
  add: 266,
  subf: 40,
  mulld: 233,
  mullw: 235,
  divd: 489,
  divdu: 457,
  divw: 491,
  divwu: 459,
} as const;
export type ArithmeticOp = keyof typeof ARITHMETIC;
export function arithmetic(op: ArithmeticOp, d: number, a: number, b: number): number {
  return xForm(Opcode.x, d, a, b, ARITHMETIC[op]);
}
export function neg(d: number, a: number): number {
  return xForm(Opcode.x, d, a, 0, 104);
}

/** Logic and shifts: d = a op b. A shift takes one bit more of b than it has places. */
const LOGIC = {
  and: 28,
  andc: 60,
  or: 444,
  xor: 316,
  nor: 124,
  slw: 24,
  srw: 536,
  sraw: 792,
  sld: 27,
  srd: 539,
  srad: 794,
} as const;
export type LogicOp = keyof typeof LOGIC;
export function logic(op: LogicOp, d: number, a: number, b: number): number {
  return xForm(Opcode.x, a, d, b, LOGIC[op]);
}
const ONE_OPERAND = { cntlzw: 26, cntlzd: 58, popcntd: 506, extsb: 954, extsw: 986 } as const;
export function onOne(op: keyof typeof ONE_OPERAND, d: number, a: number): number {
  return xForm(Opcode.x, a, d, 0, ONE_OPERAND[op]);
}

/** Rotates left the low word and keeps bits `from` to `to`, counted from the word's highest; the upper half is zero. */
export function rlwinm(d: number, a: number, by: number, { from, to }: { from: number; to: number }): number {
  return ((Opcode.rlwinm << 26) | (a << 21) | (d << 16) | (by << 11) | (from << 6) | (to << 1)) >>> 0;
}
/** Rotates left and keeps the bits from `edge` on (`l`), or to it (`r`), counted from the highest. */
export function rotate64(op: "rldicl" | "rldicr", d: number, a: number, by: number, edge: number): number {
  const fields = ((by & 31) << 11) | ((edge & 31) << 6) | (edge & 32) | (op === "rldicr" ? 4 : 0) | ((by >> 5) << 1);
  return ((Opcode.rotate64 << 26) | (a << 21) | (d << 16) | fields) >>> 0;
}
export function srawi(d: number, a: number, by: number): number {
  return xForm(Opcode.x, a, d, by, 824);
}
export function sradi(d: number, a: number, by: number): number {
  return xForm(Opcode.x, a, d, by & 31, 826 | (by >> 5));
}

/** Loads and stores at an offset of 16 bits; of `ld` and `std` it is a multiple of 4. */
const ACCESSES = {
  lwz: [32, 0],
  lbz: [34, 0],
  stw: [36, 0],
  stb: [38, 0],
  lhz: [40, 0],
  sth: [44, 0],
  lfd: [50, 0],
  stfd: [54, 0],
  ld: [58, 0],
  std: [62, 0],
} as const;
export type Access = keyof typeof ACCESSES;
export function access(op: Access, value: number, base: number, offset: number): number {
  const [opcode, extended] = ACCESSES[op];
  return dForm(opcode, value, base, offset) | extended;
}
export function indexed(op: "ld" | "std", value: number, base: number, index: number): number {
  return xForm(Opcode.x, value, base, index, op === "ld" ? 21 : 149);
}

/** Into the first condition field. `cmp` has a sign, `cmpl` none. */
export function compare(op: "cmp" | "cmpl", is64: boolean, a: number, b: number): number {
  return xForm(Opcode.x, is64 ? 1 : 0, a, b, op === "cmp" ? 0 : 32);
}
export function compareImmediate(op: "cmpi" | "cmpli", is64: boolean, a: number, imm: number): number {
  return dForm(Opcode[op], is64 ? 1 : 0, a, imm);
}
/** Bits of the first condition field. */
export const Bit = { less: 0, greater: 1, equal: 2, unordered: 3 } as const;
export function cror(d: number, a: number, b: number): number {
  return xForm(Opcode.branchTo, d, a, b, 449);
}
/** d = bit ? a : b; register 0 as `a` is the constant 0. */
export function isel(d: number, a: number, b: number, bit: number): number {
  return ((Opcode.x << 26) | (d << 21) | (a << 16) | (b << 11) | (bit << 6) | (15 << 1)) >>> 0;
}

/** Reaches 32 KiB either way. */
export function branchIf(bit: number, isSet: boolean, offset: number): number {
  return ((Opcode.bc << 26) | ((isSet ? 12 : 4) << 21) | (bit << 16) | (offset & 0xfffc)) >>> 0;
}
/** Reaches 32 MiB either way. */
export function branch(offset: number, isCall: boolean): number {
  return ((Opcode.b << 26) | (offset & 0x3fffffc) | (isCall ? 1 : 0)) >>> 0;
}
/** To the address in the count register. */
export function branchToCount(isCall: boolean): number {
  return (xForm(Opcode.branchTo, 20, 0, 0, 528) | (isCall ? 1 : 0)) >>> 0;
}
/** To the address in the link register. */
export const RETURN = xForm(Opcode.branchTo, 20, 0, 0, 16);

export const fromLink = (d: number): number => xForm(Opcode.x, d, 8, 0, 339);
export const toLink = (a: number): number => xForm(Opcode.x, a, 8, 0, 467);
export const toCount = (a: number): number => xForm(Opcode.x, a, 9, 0, 467);
export const SYSTEM_CALL = 0x44000002;
export const TRAP = xForm(Opcode.x, 31, 0, 0, 4);

/** Doubles: d = a op b, rounded to the nearest as the status register says. A second factor has a field of its own. */
const FLOAT_OPS = { fadd: 21, fsub: 20, fmul: 25, fdiv: 18 } as const;
export function float(op: keyof typeof FLOAT_OPS, d: number, a: number, b: number): number {
  const right = op === "fmul" ? b << 6 : b << 11;
  return (xForm(Opcode.float, d, a, 0, FLOAT_OPS[op]) | right) >>> 0;
}
/** `frip`, `frim` and `friz` round up, down and to zero; the others' names say what they do. */
const FLOAT_UNARY = {
  fsqrt: 22,
  fneg: 40,
  fmr: 72,
  fabs: 264,
  friz: 424,
  frip: 456,
  frim: 488,
  fctidz: 815,
  fcfid: 846,
} as const;
export type FloatUnary = keyof typeof FLOAT_UNARY;
export function floatUnary(op: FloatUnary, d: number, a: number): number {
  return xForm(Opcode.float, d, 0, a, FLOAT_UNARY[op]);
}
/** To an integer, to the nearest, ties to the even one (frin takes them away from zero). */
export function xsrdpic(d: number, a: number): number {
  return ((Opcode.vsx << 26) | (d << 21) | (a << 11) | (107 << 2)) >>> 0;
}
export function floatCompare(a: number, b: number): number {
  return xForm(Opcode.float, 0, a, b, 0);
}
/** +0 */
export function clearFloat(d: number): number {
  return ((Opcode.vsx << 26) | (d << 21) | (d << 16) | (d << 11) | (154 << 3)) >>> 0;
}
/** A double's bits as an integer, and back. */
export function mfvsrd(d: number, a: number): number {
  return xForm(Opcode.x, a, d, 0, 51);
}
export function mtvsrd(d: number, a: number): number {
  return xForm(Opcode.x, d, a, 0, 179);
}
