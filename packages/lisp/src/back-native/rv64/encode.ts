/**
 * Instructions of RV64IMD as words. Source: The RISC-V Instruction Set Manual, volume I, chapter "RV32/64G Instruction
 * Set Listings".
 */

export const Register = { zero: 0, ra: 1, sp: 2, gp: 3, tp: 4, t0: 5, t1: 6, t2: 7, a0: 10, a7: 17 } as const;

export const Opcode = {
  load: 0x03,
  loadFloat: 0x07,
  immediate: 0x13,
  auipc: 0x17,
  immediate32: 0x1b,
  store: 0x23,
  storeFloat: 0x27,
  register: 0x33,
  lui: 0x37,
  register32: 0x3b,
  float: 0x53,
  branch: 0x63,
  jalr: 0x67,
  jal: 0x6f,
  system: 0x73,
} as const;

function rType(opcode: number, fields: { d: number; a: number; b: number; funct3: number; funct7: number }): number {
  const { d, a, b, funct3, funct7 } = fields;
  return ((funct7 << 25) | (b << 20) | (a << 15) | (funct3 << 12) | (d << 7) | opcode) >>> 0;
}
function iType(opcode: number, fields: { d: number; a: number; funct3: number; imm: number }): number {
  const { d, a, funct3, imm } = fields;
  return (((imm & 0xfff) << 20) | (a << 15) | (funct3 << 12) | (d << 7) | opcode) >>> 0;
}
function sType(opcode: number, fields: { a: number; b: number; funct3: number; imm: number }): number {
  const { a, b, funct3, imm } = fields;
  return (((imm & 0xfe0) << 20) | (b << 20) | (a << 15) | (funct3 << 12) | ((imm & 0x1f) << 7) | opcode) >>> 0;
}

/** funct3, funct7 of operations on two registers. */
const REGISTER_OPS = {
  add: [0, 0],
  sub: [0, 0x20],
  sll: [1, 0],
  slt: [2, 0],
  sltu: [3, 0],
  xor: [4, 0],
  srl: [5, 0],
  sra: [5, 0x20],
  or: [6, 0],
  and: [7, 0],
  mul: [0, 1],
  div: [4, 1],
  divu: [5, 1],
  rem: [6, 1],
  remu: [7, 1],
} as const;
export type RegisterOp = keyof typeof REGISTER_OPS;

export function register(op: RegisterOp, d: number, a: number, b: number): number {
  const [funct3, funct7] = REGISTER_OPS[op];
  return rType(Opcode.register, { d, a, b, funct3, funct7 });
}
/** addw, subw, sllw, srlw, sraw, mulw, divw, divuw, remw, remuw. */
export function register32(op: RegisterOp, d: number, a: number, b: number): number {
  const [funct3, funct7] = REGISTER_OPS[op];
  return rType(Opcode.register32, { d, a, b, funct3, funct7 });
}

const IMMEDIATE_OPS = { add: 0, slt: 2, sltu: 3, xor: 4, or: 6, and: 7 } as const;
export function immediate(op: keyof typeof IMMEDIATE_OPS, d: number, a: number, imm: number): number {
  return iType(Opcode.immediate, { d, a, funct3: IMMEDIATE_OPS[op], imm });
}
export function addiw(d: number, a: number, imm: number): number {
  return iType(Opcode.immediate32, { d, a, funct3: 0, imm });
}
/** By a constant: 0 to 63, of words of 32 bits 0 to 31. */
export function shift(op: "sll" | "srl" | "sra", d: number, a: number, by: number): number {
  return iType(Opcode.immediate, { d, a, funct3: op === "sll" ? 1 : 5, imm: by | (op === "sra" ? 0x400 : 0) });
}
export function shift32(op: "sll" | "srl" | "sra", d: number, a: number, by: number): number {
  return iType(Opcode.immediate32, { d, a, funct3: op === "sll" ? 1 : 5, imm: by | (op === "sra" ? 0x400 : 0) });
}

const LOADS = { lb: 0, lh: 1, lw: 2, ld: 3, lbu: 4, lhu: 5, lwu: 6 } as const;
const STORES = { sb: 0, sh: 1, sw: 2, sd: 3 } as const;
export type Access = keyof typeof LOADS | keyof typeof STORES | "fld" | "fsd";

export function access(op: Access, value: number, base: number, imm: number): number {
  if (op === "fld") return iType(Opcode.loadFloat, { d: value, a: base, funct3: 3, imm });
  if (op === "fsd") return sType(Opcode.storeFloat, { a: base, b: value, funct3: 3, imm });
  if (op in STORES) return sType(Opcode.store, { a: base, b: value, funct3: STORES[op as keyof typeof STORES], imm });
  return iType(Opcode.load, { d: value, a: base, funct3: LOADS[op as keyof typeof LOADS], imm });
}

/** @param imm  the upper twenty bits, as a number of pages */
export function lui(d: number, imm: number): number {
  return (((imm & 0xfffff) << 12) | (d << 7) | Opcode.lui) >>> 0;
}
export function auipc(d: number, imm: number): number {
  return (((imm & 0xfffff) << 12) | (d << 7) | Opcode.auipc) >>> 0;
}

const BRANCHES = { beq: 0, bne: 1, blt: 4, bge: 5, bltu: 6, bgeu: 7 } as const;
export type BranchOp = keyof typeof BRANCHES;
/** Reaches 4 KiB either way. */
export function branch(op: BranchOp, a: number, b: number, offset: number): number {
  const bits = ((offset & 0x1000) << 19) | ((offset & 0x7e0) << 20) | ((offset & 0x1e) << 7) | ((offset & 0x800) >>> 4);
  return (bits | (b << 20) | (a << 15) | (BRANCHES[op] << 12) | Opcode.branch) >>> 0;
}
/** Reaches 1 MiB either way. */
export function jal(d: number, offset: number): number {
  const bits = ((offset & 0x100000) << 11) | ((offset & 0x7fe) << 20) | ((offset & 0x800) << 9) | (offset & 0xff000);
  return (bits | (d << 7) | Opcode.jal) >>> 0;
}
export function jalr(d: number, a: number, imm: number): number {
  return iType(Opcode.jalr, { d, a, funct3: 0, imm });
}
export const ECALL = 0x73;
export const EBREAK = 0x100073;

/** funct7 of operations on doubles, rounded as `frm` says (to the nearest). */
const FLOAT_OPS = { fadd: 0x01, fsub: 0x05, fmul: 0x09, fdiv: 0x0d } as const;
const DYNAMIC = 7;
const TO_ZERO = 1;
export function float(op: keyof typeof FLOAT_OPS, d: number, a: number, b: number): number {
  return rType(Opcode.float, { d, a, b, funct3: DYNAMIC, funct7: FLOAT_OPS[op] });
}
export function fsqrt(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 0, funct3: DYNAMIC, funct7: 0x2d });
}
/** Sign of b, its inverse, or the product of both signs. */
const SIGNS = { fsgnj: 0, fsgnjn: 1, fsgnjx: 2 } as const;
export function sign(op: keyof typeof SIGNS, d: number, a: number, b: number): number {
  return rType(Opcode.float, { d, a, b, funct3: SIGNS[op], funct7: 0x11 });
}
const FLOAT_COMPARES = { fle: 0, flt: 1, feq: 2 } as const;
export function floatCompare(op: keyof typeof FLOAT_COMPARES, d: number, a: number, b: number): number {
  return rType(Opcode.float, { d, a, b, funct3: FLOAT_COMPARES[op], funct7: 0x51 });
}
/** fcvt.d.l, fcvt.d.w */
export function fromInteger(d: number, a: number, is64: boolean): number {
  return rType(Opcode.float, { d, a, b: is64 ? 2 : 0, funct3: is64 ? DYNAMIC : 0, funct7: 0x69 });
}
/** fcvt.l.d toward zero. */
export function toInteger(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 2, funct3: TO_ZERO, funct7: 0x61 });
}
/** fmv.x.d and fmv.d.x */
export function moveFromFloat(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 0, funct3: 0, funct7: 0x71 });
}
export function moveToFloat(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 0, funct3: 0, funct7: 0x79 });
}

/** fcvt.s.d and fcvt.d.s */
export function toSingle(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 1, funct3: DYNAMIC, funct7: 0x20 });
}
export function fromSingle(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 0, funct3: 0, funct7: 0x21 });
}
/** fmv.x.w and fmv.w.x */
export function moveFromSingle(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 0, funct3: 0, funct7: 0x70 });
}
export function moveToSingle(d: number, a: number): number {
  return rType(Opcode.float, { d, a, b: 0, funct3: 0, funct7: 0x78 });
}
