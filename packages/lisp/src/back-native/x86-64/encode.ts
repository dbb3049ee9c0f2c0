/**
 * Instructions of x86-64. Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2: §2.1
 * (format), §2.2.1 (REX prefixes).
 */
import type { Assembler } from "../target.ts";

export const Register = { rax: 0, rcx: 1, rdx: 2, rbx: 3, rsp: 4, rbp: 5, rsi: 6, rdi: 7, r8: 8, r12: 12 } as const;

/** A register and an offset, or (`base` below 0) an address of 31 bits. */
export interface Place {
  readonly base: number;
  readonly offset: number;
}

interface Form {
  /** 0x66, 0xf2 or 0xf3, before the REX prefix; 0: none. */
  readonly prefix?: number;
  readonly is64?: boolean;
  /** The operand is of 8 bits: a REX prefix makes it the register's low byte. */
  readonly isByte?: boolean;
  readonly opcode: readonly number[];
}

function prefixes(code: Assembler, { prefix = 0, is64 = false, isByte = false }: Form, high: number): void {
  if (prefix !== 0) code.u8(prefix);
  const rex = (is64 ? 8 : 0) | high;
  if (rex !== 0 || isByte) code.u8(0x40 | rex);
}

/** An instruction on two registers: `reg` and `rm` as the manual's table of operands has them. */
export function onRegisters(code: Assembler, form: Form, reg: number, rm: number): void {
  prefixes(code, { ...form, isByte: form.isByte === true && (rm >= 4 || reg >= 4) }, ((reg >> 3) << 2) | (rm >> 3));
  for (const byte of form.opcode) code.u8(byte);
  code.u8(0xc0 | ((reg & 7) << 3) | (rm & 7));
}

/** An instruction on a register and memory. */
export function onMemory(code: Assembler, form: Form, reg: number, { base, offset }: Place): void {
  const rm = Math.max(base, 0);
  prefixes(code, { ...form, isByte: form.isByte === true && reg >= 4 }, ((reg >> 3) << 2) | (rm >> 3));
  for (const byte of form.opcode) code.u8(byte);
  const field = (reg & 7) << 3;
  if (base < 0) {
    code.u8(field | 4);
    code.u8(0x25);
    return code.u32(offset);
  }
  const isShort = offset >= -128 && offset <= 127;
  code.u8((isShort ? 0x40 : 0x80) | field | (base & 7));
  // rsp and r12 as a base need the second byte of the address.
  if ((base & 7) === 4) code.u8(0x24);
  if (isShort) code.u8(offset & 0xff);
  else code.u32(offset);
}

/** The word at `index * 8 + offset`. */
export function loadScaled(code: Assembler, d: number, index: number, offset: number): void {
  code.u8(0x48 | ((d >> 3) << 2) | ((index >> 3) << 1));
  code.u8(0x8b);
  code.u8(((d & 7) << 3) | 4);
  code.u8(0xc0 | ((index & 7) << 3) | 5);
  code.u32(offset);
}

/** `d = a + b` without a change of the flags. */
export function lea(code: Assembler, is64: boolean, d: number, a: number, b: number): void {
  code.u8((is64 ? 0x48 : 0x40) | ((d >> 3) << 2) | ((b >> 3) << 1) | (a >> 3));
  code.u8(0x8d);
  code.u8(0x44 | ((d & 7) << 3));
  code.u8(((b & 7) << 3) | (a & 7));
  code.u8(0);
}

/** Numbers of operations with a constant (opcode 0x81), and opcodes of the same on registers. */
export const Arithmetic = { add: 0, or: 1, and: 4, sub: 5, xor: 6, cmp: 7 } as const;

export function withConstant(code: Assembler, op: number, is64: boolean, rm: number, imm: number): void {
  const isShort = imm >= -128 && imm <= 127;
  onRegisters(code, { is64, opcode: [isShort ? 0x83 : 0x81] }, op, rm);
  if (isShort) code.u8(imm & 0xff);
  else code.u32(imm);
}
export function arithmetic(code: Assembler, op: number, is64: boolean, d: number, b: number): void {
  onRegisters(code, { is64, opcode: [op * 8 + 1] }, b, d);
}
export function move(code: Assembler, is64: boolean, d: number, a: number): void {
  onRegisters(code, { is64, opcode: [0x89] }, a, d);
}

/** Numbers of conditions after a comparison. */
export const Condition = {
  below: 2,
  notBelow: 3,
  equal: 4,
  notEqual: 5,
  notAbove: 6,
  above: 7,
  parity: 10,
  noParity: 11,
  less: 12,
  notLess: 13,
  notGreater: 14,
  greater: 15,
} as const;
