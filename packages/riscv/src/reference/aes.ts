/** Zkne and Zknd by the definitions of FIPS 197 (§4.2, §5.1 to §5.3) and of Scalar Cryptography 1.0.1, §3. */
import type { Semantics } from "./semantics.ts";

/** Product in GF(2^8), by shifts and additions. */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    if ((b >> bit) & 1) product ^= a;
    a = (a << 1) ^ (a & 0x80 ? 0x11b : 0);
  }
  return product;
}

function substitute(byte: number): number {
  let inverse = 0;
  for (let candidate = 1; candidate < 256; candidate++) if (times(byte, candidate) === 1) inverse = candidate;
  let result = 0;
  for (let bit = 0; bit < 8; bit++) {
    const at = (offset: number): number => (inverse >> ((bit + offset) % 8)) & 1;
    result |= (at(0) ^ at(4) ^ at(5) ^ at(6) ^ at(7) ^ ((0x63 >> bit) & 1)) << bit;
  }
  return result;
}

const SUBSTITUTED: readonly number[] = Array.from({ length: 256 }, (_, byte) => substitute(byte));
const RESTORED: readonly number[] = Array.from({ length: 256 }, (_, byte) => SUBSTITUTED.indexOf(byte));

const bytesOf = (value: bigint): number[] =>
  Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(index * 8)) & 0xffn));
const fromBytes = (bytes: readonly number[]): bigint =>
  bytes.reduce((sum, byte, index) => sum | (BigInt(byte) << BigInt(index * 8)), 0n);

/** The first two columns of the state whose row `r` is turned by `r` columns, to the left or to the right. */
function shiftRows(low: bigint, high: bigint, direction: 1 | -1): number[] {
  const state = [...bytesOf(low), ...bytesOf(high)];
  return Array.from({ length: 8 }, (_, index) => {
    const [column, row] = [index >> 2, index & 3];
    return state[((column + direction * row + 4) % 4) * 4 + row]!;
  });
}

/** Multiplies each column by the circulant matrix with this first row. */
function mixColumns(bytes: readonly number[], factors: readonly number[]): number[] {
  return bytes.map((_, index) => {
    const start = index & ~3;
    let sum = 0;
    for (let row = 0; row < 4; row++) sum ^= times(bytes[start + row]!, factors[(row - (index & 3) + 4) % 4]!);
    return sum;
  });
}

const MIX: readonly number[] = [2, 3, 1, 1];
const UNMIX: readonly number[] = [14, 11, 13, 9];

const round =
  (compute: (low: bigint, high: bigint) => number[]): Semantics =>
  (hart, { rd, rs1, rs2 }) =>
    hart.setX(rd, fromBytes(compute(hart.x[rs1]!, hart.x[rs2]!)));
const encrypt = (low: bigint, high: bigint): number[] => shiftRows(low, high, 1).map((byte) => SUBSTITUTED[byte]!);
const decrypt = (low: bigint, high: bigint): number[] => shiftRows(low, high, -1).map((byte) => RESTORED[byte]!);

export const AES_SEMANTICS: Readonly<Record<string, Semantics>> = {
  aes64es: round(encrypt),
  aes64esm: round((low, high) => mixColumns(encrypt(low, high), MIX)),
  aes64ds: round(decrypt),
  aes64dsm: round((low, high) => mixColumns(decrypt(low, high), UNMIX)),
  aes64im: round((low) => mixColumns(bytesOf(low), UNMIX)),
  aes64ks1i: (hart, { rd, rs1, imm }) => {
    let bytes = bytesOf(hart.x[rs1]!).slice(4);
    if (imm !== 10) bytes = [...bytes.slice(1), bytes[0]!];
    const word = bytes.map((byte) => SUBSTITUTED[byte]!);
    let constant = imm === 10 ? 0 : 1;
    for (let index = 0; index < imm && imm !== 10; index++) constant = times(constant, 2);
    word[0]! ^= constant;
    hart.setX(rd, fromBytes([...word, ...word]));
  },
  aes64ks2: (hart, { rd, rs1, rs2 }) => {
    const first = (hart.x[rs1]! >> 32n) ^ (hart.x[rs2]! & 0xffffffffn);
    hart.setX(rd, first | ((first ^ (hart.x[rs2]! >> 32n)) << 32n));
  },
};
