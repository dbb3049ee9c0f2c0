/**
 * The forms of 16 bits that stand for an instruction of 32. Source: The RISC-V Instruction Set Manual, volume I,
 * chapter "'C' Extension for Compressed Instructions". Branches and jumps to labels keep their 32 bits: where they
 * lead is known later.
 */
import { EBREAK, Opcode, Register } from "./encode.ts";

const { ra, sp } = Register;
const C_EBREAK = 0x9002;

/** Registers 8 to 15 have names of three bits. */
function isShort(register: number): boolean {
  return register >= 8 && register <= 15;
}
function fitsSixBits(value: number): boolean {
  return value >= -32 && value < 32;
}
/** Bits `from` to `from + count - 1` of a value, at a place. */
function bits(value: number, from: number, count: number, at: number): number {
  return ((value >>> from) & ((1 << count) - 1)) << at;
}
/** An immediate of six bits, as most forms have it: its highest at 12, the others from 2. */
function sixBits(value: number): number {
  return bits(value, 5, 1, 12) | bits(value, 0, 5, 2);
}

/** @returns 0: there is none */
export function compressed(word: number): number {
  const d = (word >>> 7) & 31;
  const a = (word >>> 15) & 31;
  const b = (word >>> 20) & 31;
  const funct3 = (word >>> 12) & 7;
  const imm = word >> 20;
  switch (word & 0x7f) {
    case Opcode.immediate:
      return immediate(funct3, d, a, imm);
    case Opcode.immediate32:
      return funct3 === 0 && d === a && d !== 0 && fitsSixBits(imm) ? 0x2001 | (d << 7) | sixBits(imm) : 0;
    case Opcode.lui: {
      const upper = word >> 12;
      return d !== 0 && d !== sp && upper !== 0 && fitsSixBits(upper) ? 0x6001 | (d << 7) | sixBits(upper) : 0;
    }
    case Opcode.register:
    case Opcode.register32:
      return ofRegisters(word, d, a, b);
    case Opcode.load:
    case Opcode.loadFloat:
      return access(word, d, a, imm);
    case Opcode.store:
    case Opcode.storeFloat:
      return access(word, b, a, (imm & ~31) | d);
    case Opcode.jalr:
      return a !== 0 && imm === 0 && (d === 0 || d === ra) ? (d === 0 ? 0x8002 : 0x9002) | (a << 7) : 0;
    case Opcode.system:
      return word === EBREAK ? C_EBREAK : 0;
    default:
      return 0;
  }
}

function immediate(funct3: number, d: number, a: number, imm: number): number {
  if (d === 0) return 0;
  const by = imm & 63;
  switch (funct3) {
    case 0:
      if (a === 0) return fitsSixBits(imm) ? 0x4001 | (d << 7) | sixBits(imm) : 0; // c.li
      if (imm === 0) return 0x8002 | (d << 7) | (a << 2); // c.mv
      if (d === a && fitsSixBits(imm)) return 0x0001 | (d << 7) | sixBits(imm); // c.addi
      if (a === sp && d === sp && (imm & 15) === 0 && imm >= -512 && imm < 512)
        return (
          0x6101 |
          bits(imm, 9, 1, 12) |
          bits(imm, 4, 1, 6) |
          bits(imm, 6, 1, 5) |
          bits(imm, 7, 2, 3) |
          bits(imm, 5, 1, 2)
        ); // c.addi16sp
      if (a === sp && isShort(d) && (imm & 3) === 0 && imm > 0 && imm < 1024)
        return ((d - 8) << 2) | bits(imm, 4, 2, 11) | bits(imm, 6, 4, 7) | bits(imm, 2, 1, 6) | bits(imm, 3, 1, 5);
      return 0;
    case 1:
      return d === a && by !== 0 ? 0x0002 | (d << 7) | sixBits(by) : 0; // c.slli
    case 5:
      return d === a && isShort(d) && by !== 0
        ? ((imm & 0x400) !== 0 ? 0x8401 : 0x8001) | ((d - 8) << 7) | sixBits(by) // c.srai, c.srli
        : 0;
    case 7:
      return d === a && isShort(d) && fitsSixBits(imm) ? 0x8801 | ((d - 8) << 7) | sixBits(imm) : 0; // c.andi
    default:
      return 0;
  }
}

/** By opcode, funct3 and funct7 of the word. */
const OF_SHORT_REGISTERS = new Map<number, number>([
  [0x4000_0033, 0x8c01], // c.sub
  [0x0000_4033, 0x8c21], // c.xor
  [0x0000_6033, 0x8c41], // c.or
  [0x0000_7033, 0x8c61], // c.and
  [0x4000_003b, 0x9c01], // c.subw
  [0x0000_003b, 0x9c21], // c.addw
]);
const ADD = 0x33;

function ofRegisters(word: number, d: number, a: number, b: number): number {
  const operation = (word & 0xfe00_707f) >>> 0;
  const isCommutative = (operation & 0x4000_0000) === 0;
  const other = d === a ? b : isCommutative && d === b ? a : 0;
  if (other === 0 || d === 0) return 0;
  if (operation === ADD) return 0x9002 | (d << 7) | (other << 2);
  const form = OF_SHORT_REGISTERS.get(operation);
  return form !== undefined && isShort(d) && isShort(other) ? form | ((d - 8) << 7) | ((other - 8) << 2) : 0;
}

/** By opcode and funct3 of the word: the form with a short register as base, the size, whether integers are moved. */
const ACCESSES = new Map<number, readonly [form: number, bytes: number, isInteger: boolean]>([
  [0x2003, [0x4000, 4, true]],
  [0x3003, [0x6000, 8, true]],
  [0x3007, [0x2000, 8, false]],
  [0x2023, [0xc000, 4, false]],
  [0x3023, [0xe000, 8, false]],
  [0x3027, [0xa000, 8, false]],
]);

function access(word: number, value: number, base: number, offset: number): number {
  const found = ACCESSES.get(word & 0x707f);
  if (found === undefined) return 0;
  const [form, size, isInteger] = found;
  if (offset < 0 || offset % size !== 0) return 0;
  if (base === sp && offset < 64 * size && !(isInteger && value === 0)) {
    const isStore = form >= 0xa000;
    const low = size === 8 ? 3 : 2;
    if (isStore) return form | 2 | (value << 2) | bits(offset, low, 6 - low, 7 + low) | bits(offset, 6, low, 7);
    return (
      form | 2 | (value << 7) | bits(offset, 5, 1, 12) | bits(offset, low, 5 - low, 2 + low) | bits(offset, 6, low, 2)
    );
  }
  if (!isShort(base) || !isShort(value) || offset >= 32 * size) return 0;
  const high = bits(offset, 3, 3, 10);
  const rest = size === 8 ? bits(offset, 6, 2, 5) : bits(offset, 2, 1, 6) | bits(offset, 6, 1, 5);
  return form | ((base - 8) << 7) | ((value - 8) << 2) | high | rest;
}
