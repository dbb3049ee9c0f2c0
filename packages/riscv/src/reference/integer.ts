/** RV64I arithmetic, loads and stores, and the M extension (Unprivileged ISA, chapters 2, 4 and 13). */
import type { Semantics } from "./semantics.ts";
import { immediate, register, signed32, signed64, unsigned32, unsigned64 } from "./register-semantics.ts";

const shiftLeft = (a: bigint, b: bigint): bigint => a << (b & 63n);
const shiftRight = (a: bigint, b: bigint): bigint => a >> (b & 63n);
const shiftRightSigned = (a: bigint, b: bigint): bigint => signed64(a) >> (b & 63n);
const shiftLeftWord = (a: bigint, b: bigint): bigint => signed32(a << (b & 31n));
const shiftRightWord = (a: bigint, b: bigint): bigint => signed32(unsigned32(a) >> (b & 31n));
const shiftRightSignedWord = (a: bigint, b: bigint): bigint => signed32(a) >> (b & 31n);
const lessThan = (a: bigint, b: bigint): bigint => (signed64(a) < signed64(b) ? 1n : 0n);
const lessThanUnsigned = (a: bigint, b: bigint): bigint => (a < unsigned64(b) ? 1n : 0n);

/**
 * Division by zero gives all ones, and the dividend as the remainder (table 13.1). BigInt division truncates towards
 * zero, as it must.
 */
const quotient = (a: bigint, b: bigint): bigint => (b === 0n ? -1n : a / b);
const remainder = (a: bigint, b: bigint): bigint => (b === 0n ? a : a % b);

function load(size: number, isSigned: boolean): Semantics {
  return (hart, { rd, rs1, imm }) => {
    const value = hart.memory.load(unsigned64(hart.x[rs1]! + BigInt(imm)), size);
    hart.setX(rd, isSigned ? BigInt.asIntN(size * 8, value) : value);
  };
}

function store(size: number): Semantics {
  return (hart, { rs1, rs2, imm }) =>
    hart.memory.store(unsigned64(hart.x[rs1]! + BigInt(imm)), size, BigInt.asUintN(size * 8, hart.x[rs2]!));
}

export const INTEGER_SEMANTICS: Readonly<Record<string, Semantics>> = {
  lui: (hart, { rd, imm }) => hart.setX(rd, BigInt(imm)),
  auipc: (hart, operands) => hart.setX(operands.rd, hart.pcOf(operands) + BigInt(operands.imm)),

  addi: immediate((a, b) => a + b),
  xori: immediate((a, b) => a ^ unsigned64(b)),
  ori: immediate((a, b) => a | unsigned64(b)),
  andi: immediate((a, b) => a & unsigned64(b)),
  slti: immediate(lessThan),
  sltiu: immediate(lessThanUnsigned),
  slli: immediate(shiftLeft),
  srli: immediate(shiftRight),
  srai: immediate(shiftRightSigned),
  addiw: immediate((a, b) => signed32(a + b)),
  slliw: immediate(shiftLeftWord),
  srliw: immediate(shiftRightWord),
  sraiw: immediate(shiftRightSignedWord),

  add: register((a, b) => a + b),
  sub: register((a, b) => a - b),
  xor: register((a, b) => a ^ b),
  or: register((a, b) => a | b),
  and: register((a, b) => a & b),
  slt: register(lessThan),
  sltu: register(lessThanUnsigned),
  sll: register(shiftLeft),
  srl: register(shiftRight),
  sra: register(shiftRightSigned),
  addw: register((a, b) => signed32(a + b)),
  subw: register((a, b) => signed32(a - b)),
  sllw: register(shiftLeftWord),
  srlw: register(shiftRightWord),
  sraw: register(shiftRightSignedWord),

  mul: register((a, b) => a * b),
  mulh: register((a, b) => (signed64(a) * signed64(b)) >> 64n),
  mulhsu: register((a, b) => (signed64(a) * b) >> 64n),
  mulhu: register((a, b) => (a * b) >> 64n),
  div: register((a, b) => quotient(signed64(a), signed64(b))),
  divu: register(quotient),
  rem: register((a, b) => remainder(signed64(a), signed64(b))),
  remu: register(remainder),
  mulw: register((a, b) => signed32(a * b)),
  divw: register((a, b) => signed32(quotient(signed32(a), signed32(b)))),
  divuw: register((a, b) => signed32(quotient(unsigned32(a), unsigned32(b)))),
  remw: register((a, b) => signed32(remainder(signed32(a), signed32(b)))),
  remuw: register((a, b) => signed32(remainder(unsigned32(a), unsigned32(b)))),

  lb: load(1, true),
  lh: load(2, true),
  lw: load(4, true),
  ld: load(8, true),
  lbu: load(1, false),
  lhu: load(2, false),
  lwu: load(4, false),
  sb: store(1),
  sh: store(2),
  sw: store(4),
  sd: store(8),
};
