/** Zba, Zbb, Zbs and Zicond as the manual words them (Unprivileged ISA, chapters "B" and "Zicond"). */
import type { Semantics } from "./semantics.ts";
import { immediate, register, signed32, signed64, unsigned32 } from "./register-semantics.ts";

function leadingZeros(value: bigint, width: number): bigint {
  let count = 0;
  while (count < width && ((value >> BigInt(width - 1 - count)) & 1n) === 0n) count++;
  return BigInt(count);
}

function trailingZeros(value: bigint, width: number): bigint {
  let count = 0;
  while (count < width && ((value >> BigInt(count)) & 1n) === 0n) count++;
  return BigInt(count);
}

function population(value: bigint): bigint {
  let count = 0n;
  for (let rest = value; rest > 0n; rest >>= 1n) count += rest & 1n;
  return count;
}

const rotateRight = (value: bigint, amount: bigint, width: bigint): bigint => {
  const by = amount & (width - 1n);
  return (value >> by) | (value << (width - by));
};
const rotateRightWord = (value: bigint, amount: bigint): bigint =>
  signed32(rotateRight(unsigned32(value), amount, 32n));

/** Each byte of the value, the lowest first. */
const bytesOf = (value: bigint): bigint[] =>
  Array.from({ length: 8 }, (_, index) => (value >> BigInt(index * 8)) & 0xffn);
const fromBytes = (bytes: readonly bigint[]): bigint =>
  bytes.reduce((sum, byte, index) => sum | (byte << BigInt(index * 8)), 0n);

const bit = (index: bigint): bigint => 1n << (index & 63n);

export const BIT_SEMANTICS: Readonly<Record<string, Semantics>> = {
  "add.uw": register((a, b) => unsigned32(a) + b),
  sh1add: register((a, b) => (a << 1n) + b),
  sh2add: register((a, b) => (a << 2n) + b),
  sh3add: register((a, b) => (a << 3n) + b),
  "sh1add.uw": register((a, b) => (unsigned32(a) << 1n) + b),
  "sh2add.uw": register((a, b) => (unsigned32(a) << 2n) + b),
  "sh3add.uw": register((a, b) => (unsigned32(a) << 3n) + b),
  "slli.uw": immediate((a, b) => unsigned32(a) << b),

  andn: register((a, b) => a & ~b),
  orn: register((a, b) => a | ~b),
  xnor: register((a, b) => ~(a ^ b)),
  clz: register((a) => leadingZeros(a, 64)),
  ctz: register((a) => trailingZeros(a, 64)),
  cpop: register(population),
  clzw: register((a) => leadingZeros(unsigned32(a), 32)),
  ctzw: register((a) => trailingZeros(unsigned32(a), 32)),
  cpopw: register((a) => population(unsigned32(a))),
  max: register((a, b) => (signed64(a) > signed64(b) ? a : b)),
  maxu: register((a, b) => (a > b ? a : b)),
  min: register((a, b) => (signed64(a) < signed64(b) ? a : b)),
  minu: register((a, b) => (a < b ? a : b)),
  "sext.b": register((a) => BigInt.asIntN(8, a)),
  "sext.h": register((a) => BigInt.asIntN(16, a)),
  "zext.h": register((a) => BigInt.asUintN(16, a)),
  rol: register((a, b) => rotateRight(a, 64n - (b & 63n), 64n)),
  ror: register((a, b) => rotateRight(a, b, 64n)),
  rori: immediate((a, b) => rotateRight(a, b, 64n)),
  rolw: register((a, b) => rotateRightWord(a, 32n - (b & 31n))),
  rorw: register((a, b) => rotateRightWord(a, b & 31n)),
  roriw: immediate((a, b) => rotateRightWord(a, b)),
  "orc.b": register((a) => fromBytes(bytesOf(a).map((byte) => (byte === 0n ? 0n : 0xffn)))),
  rev8: register((a) => fromBytes(bytesOf(a).reverse())),

  bclr: register((a, b) => a & ~bit(b)),
  bclri: immediate((a, b) => a & ~bit(b)),
  bext: register((a, b) => (a >> (b & 63n)) & 1n),
  bexti: immediate((a, b) => (a >> b) & 1n),
  binv: register((a, b) => a ^ bit(b)),
  binvi: immediate((a, b) => a ^ bit(b)),
  bset: register((a, b) => a | bit(b)),
  bseti: immediate((a, b) => a | bit(b)),

  "czero.eqz": register((a, b) => (b === 0n ? 0n : a)),
  "czero.nez": register((a, b) => (b !== 0n ? 0n : a)),
};
