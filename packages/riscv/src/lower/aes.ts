/**
 * Meaning of Zkne and Zknd, the rounds of AES (Scalar Cryptography 1.0.1, §2.2 and §3): two registers hold the
 * state's sixteen bytes, column by column, and an instruction gives the half that its first one is of. Substitution and
 * mixing of a byte together are one look-up in a table of words; the tables lie below the code arena.
 */
import { Op, Type } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import type { PhysicalMemory } from "../physical-memory.ts";
import { RS1, RS2 } from "./lowering.ts";
import type { Helper, Lowering, LoweringFunction, LoweringTable } from "./lowering.ts";

/** Engine memory (physical-memory.ts): four tables of words, two of bytes, then the round constants. */
const TABLES = 0x20000;
const MIX_SUBSTITUTED = TABLES,
  UNMIX_RESTORED = TABLES + 0x400,
  UNMIX = TABLES + 0x800,
  SUBSTITUTE = TABLES + 0xc00,
  RESTORE = TABLES + 0xd00,
  ROUND_CONSTANTS = TABLES + 0xe00;

/** Writes the tables, once for each memory. */
export function writeAesTables({ u8, u32 }: PhysicalMemory): void {
  const [powers, logarithms] = fieldTables();
  const times = (a: number, b: number): number =>
    a === 0 || b === 0 ? 0 : powers[(logarithms[a]! + logarithms[b]!) % 255]!;
  const column = (byte: number, factors: readonly number[]): number =>
    factors.reduce((sum, factor, row) => sum | (times(byte, factor) << (8 * row)), 0) >>> 0;
  for (let byte = 0; byte < 256; byte++) {
    const inverse = byte === 0 ? 0 : powers[(255 - logarithms[byte]!) % 255]!;
    let substituted = 0x63;
    for (let turn = 0; turn < 5; turn++) substituted ^= ((inverse << turn) | (inverse >> (8 - turn))) & 255;
    u8[SUBSTITUTE + byte] = substituted;
    u8[RESTORE + substituted] = byte;
    u32[(MIX_SUBSTITUTED >>> 2) + byte] = column(substituted, [2, 1, 1, 3]);
    const unmixed = column(byte, [14, 9, 13, 11]);
    u32[(UNMIX >>> 2) + byte] = unmixed;
    u32[(UNMIX_RESTORED >>> 2) + substituted] = unmixed;
  }
  u8.set([1, 2, 4, 8, 16, 32, 64, 128, 0x1b, 0x36, 0], ROUND_CONSTANTS);
}

/** Powers of 3 in GF(2^8) modulo x^8 + x^4 + x^3 + x + 1 (FIPS 197 §4), and which power a byte is. */
function fieldTables(): [Uint8Array, Uint8Array] {
  const powers = new Uint8Array(255);
  const logarithms = new Uint8Array(256);
  let power = 1;
  for (let exponent = 0; exponent < 255; exponent++) {
    powers[exponent] = power;
    logarithms[power] = exponent;
    power ^= (power << 1) ^ ((power & 0x80) === 0 ? 0 : 0x11b);
  }
  return [powers, logarithms];
}

/** The bytes of the state, in which rs1 holds 0 … 7, that ShiftRows moves into the first half; and its inverse. */
const SHIFTED_ROWS: readonly number[] = [0, 5, 10, 15, 4, 9, 14, 3];
const UNSHIFTED_ROWS: readonly number[] = [0, 13, 10, 7, 4, 1, 14, 11];
const IN_PLACE: readonly number[] = [0, 1, 2, 3, 4, 5, 6, 7];

/** Pushes a byte of the state as i32; locals 0 and 1 hold it. */
function pushByte(code: CodeWriter, index: number): void {
  code.localGet(index >> 3);
  code.i64Const((index & 7) * 8);
  code.op(Op.i64ShrU);
  code.op(Op.i32WrapI64);
  code.i32Const(255);
  code.op(Op.i32And);
}

/** Function (rs1, rs2) → the bytes `order` of the state, each looked up. */
function byteHelper(name: string, order: readonly number[], table: number): Helper {
  return {
    name,
    parameters: [Type.i64, Type.i64],
    results: [Type.i64],
    emit(code) {
      order.forEach((index, position) => {
        pushByte(code, index);
        code.memory(Op.i64Load8U, table);
        if (position === 0) return;
        code.i64Const(position * 8);
        code.op(Op.i64Shl);
        code.op(Op.i64Or);
      });
    },
  };
}

/** The same where each look-up gives a column, of which the byte's row says how far it is turned. */
function columnHelper(name: string, order: readonly number[], table: number): Helper {
  return {
    name,
    parameters: [Type.i64, Type.i64],
    results: [Type.i64],
    emit(code) {
      for (const half of [0, 1]) {
        for (let row = 0; row < 4; row++) {
          pushByte(code, order[half * 4 + row]!);
          code.i32Const(2);
          code.op(Op.i32Shl);
          code.memory(Op.i32Load, table);
          if (row === 0) continue;
          code.i32Const(row * 8);
          code.op(Op.i32Rotl);
          code.op(Op.i32Xor);
        }
        code.op(Op.i64ExtendI32U);
      }
      code.i64Const(32);
      code.op(Op.i64Shl);
      code.op(Op.i64Or);
    },
  };
}

/** Function (rs1, round) → the key's word, twice: substituted, turned but in the last round, with the constant. */
const keyHelper: Helper = {
  name: "aes64ks1i",
  parameters: [Type.i64, Type.i32],
  results: [Type.i64],
  locals: [Type.i32],
  emit(code) {
    const [source, round, word] = [0, 1, 2];
    code.localGet(source);
    code.i64Const(32);
    code.op(Op.i64ShrU);
    code.op(Op.i32WrapI64);
    code.localTee(word);
    code.i32Const(8);
    code.op(Op.i32Rotr);
    code.localGet(word);
    code.localGet(round);
    code.i32Const(10);
    code.op(Op.i32Ne);
    code.op(Op.select);
    code.localSet(word);
    code.localGet(round);
    code.memory(Op.i32Load8U, ROUND_CONSTANTS);
    for (let position = 0; position < 4; position++) {
      code.localGet(word);
      code.i32Const(position * 8);
      code.op(Op.i32ShrU);
      code.i32Const(255);
      code.op(Op.i32And);
      code.memory(Op.i32Load8U, SUBSTITUTE);
      code.i32Const(position * 8);
      code.op(Op.i32Shl);
      code.op(Op.i32Xor);
    }
    code.op(Op.i64ExtendI32U);
    code.i64ConstBits(1, 1);
    code.op(Op.i64Mul);
  },
};

export const aesHelpers: readonly Helper[] = [
  byteHelper("aes64es", SHIFTED_ROWS, SUBSTITUTE),
  byteHelper("aes64ds", UNSHIFTED_ROWS, RESTORE),
  columnHelper("aes64esm", SHIFTED_ROWS, MIX_SUBSTITUTED),
  columnHelper("aes64dsm", UNSHIFTED_ROWS, UNMIX_RESTORED),
  columnHelper("aes64im", IN_PLACE, UNMIX),
  keyHelper,
];

const called =
  (helper: string, pushSecond: (to: Lowering) => void): LoweringFunction =>
  (to) => {
    to.beginWriteX();
    to.readX(RS1);
    pushSecond(to);
    to.call(helper);
    to.endWriteX();
  };
const pushRs2 = (to: Lowering): void => to.readX(RS2);

export const aesLowerings: LoweringTable = {
  aes64es: called("aes64es", pushRs2),
  aes64esm: called("aes64esm", pushRs2),
  aes64ds: called("aes64ds", pushRs2),
  aes64dsm: called("aes64dsm", pushRs2),
  aes64im: called("aes64im", (to) => to.code.i64Const(0)),
  aes64ks1i: called("aes64ks1i", (to) => to.immediate32()),
  // The next word is the one before it, from both halves of rs2 in turn.
  aes64ks2: (to) => {
    const { code } = to;
    const word = to.scratch(Type.i64, 0);
    to.beginWriteX();
    to.readX(RS1);
    code.i64Const(32);
    code.op(Op.i64ShrU);
    to.readX(RS2);
    code.op(Op.i64Xor);
    code.i64ConstBits(0, -1);
    code.op(Op.i64And);
    code.localTee(word);
    code.localGet(word);
    to.readX(RS2);
    code.i64Const(32);
    code.op(Op.i64ShrU);
    code.op(Op.i64Xor);
    code.i64Const(32);
    code.op(Op.i64Shl);
    code.op(Op.i64Or);
    to.endWriteX();
  },
};
