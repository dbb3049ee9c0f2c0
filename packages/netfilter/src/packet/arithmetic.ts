/** Registers are compared and changed without a look at the packet (net/netfilter/nft_{range,byteorder,bitwise}.c). */
import {
  NFTA_BITWISE_DATA,
  NFTA_BITWISE_DREG,
  NFTA_BITWISE_LEN,
  NFTA_BITWISE_OP,
  NFTA_BITWISE_SREG,
  NFTA_BITWISE_SREG2,
  NFTA_BYTEORDER_DREG,
  NFTA_BYTEORDER_LEN,
  NFTA_BYTEORDER_SIZE,
  NFTA_BYTEORDER_SREG,
  NFTA_RANGE_FROM_DATA,
  NFTA_RANGE_OP,
  NFTA_RANGE_SREG,
  NFTA_RANGE_TO_DATA,
  NFT_BITWISE_AND,
  NFT_BITWISE_LSHIFT,
  NFT_BITWISE_OR,
  NFT_BITWISE_RSHIFT,
  NFT_RANGE_EQ,
} from "@stratos/abi";
import type { Expression } from "../rules/ruleset.ts";
import { REGISTERS } from "./registers.ts";

/** @returns does it match? */
export function evaluateArithmetic(it: Expression): boolean {
  switch (it.kind) {
    case "range":
      return isInRange(it) === (it.number(NFTA_RANGE_OP) === NFT_RANGE_EQ);
    case "byteorder":
      swap(it);
      return true;
    case "bitwise":
      combine(it);
      return true;
    default:
      return false;
  }
}

function isInRange(it: Expression): boolean {
  const at = 4 * it.number(NFTA_RANGE_SREG);
  return order(at, it.bytes(NFTA_RANGE_FROM_DATA)) >= 0 && order(at, it.bytes(NFTA_RANGE_TO_DATA)) <= 0;
}

function order(at: number, data: Uint8Array): number {
  for (let index = 0; index < data.length; index++) {
    const difference = REGISTERS[at + index]! - data[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The machine's order is the lowest byte first, so both directions turn bytes round. */
function swap(it: Expression): void {
  const from = 4 * it.number(NFTA_BYTEORDER_SREG);
  const to = 4 * it.number(NFTA_BYTEORDER_DREG);
  const size = it.number(NFTA_BYTEORDER_SIZE);
  const length = it.number(NFTA_BYTEORDER_LEN);
  for (let start = 0; start < length; start += size)
    for (let index = 0; index < size / 2; index++) {
      const low = REGISTERS[from + start + index]!;
      const high = REGISTERS[from + start + size - 1 - index]!;
      REGISTERS[to + start + index] = high;
      REGISTERS[to + start + size - 1 - index] = low;
    }
}

function combine(it: Expression): void {
  const from = 4 * it.number(NFTA_BITWISE_SREG);
  const to = 4 * it.number(NFTA_BITWISE_DREG);
  const length = it.number(NFTA_BITWISE_LEN);
  const operation = it.number(NFTA_BITWISE_OP);
  if (operation === NFT_BITWISE_LSHIFT || operation === NFT_BITWISE_RSHIFT) {
    shift(from, to, length, it.bytes(NFTA_BITWISE_DATA)[0]! * (operation === NFT_BITWISE_LSHIFT ? 1 : -1));
    return;
  }
  const second = it.has(NFTA_BITWISE_SREG2) ? 4 * it.number(NFTA_BITWISE_SREG2) : -1;
  for (let index = 0; index < length; index++) {
    const one = REGISTERS[from + index]!;
    const other = second < 0 ? (it.bytes(NFTA_BITWISE_DATA)[index] ?? 0) : REGISTERS[second + index]!;
    REGISTERS[to + index] =
      operation === NFT_BITWISE_AND ? one & other : operation === NFT_BITWISE_OR ? one | other : one ^ other;
  }
}

/** Words one after the other, each in the machine's order; the first is the highest (nft_bitwise_eval_lshift). */
function shift(from: number, to: number, length: number, by: number): void {
  const words = (length + 3) >> 2;
  let carry = 0;
  for (let step = 0; step < words; step++) {
    const word = by > 0 ? words - 1 - step : step;
    const at = from + 4 * word;
    const value =
      (REGISTERS[at]! | (REGISTERS[at + 1]! << 8) | (REGISTERS[at + 2]! << 16) | (REGISTERS[at + 3]! << 24)) >>> 0;
    const bits = Math.abs(by);
    const moved = ((by > 0 ? value << bits : value >>> bits) | carry) >>> 0;
    carry = bits === 0 ? 0 : by > 0 ? value >>> (32 - bits) : value << (32 - bits);
    for (let index = 0; index < 4; index++) REGISTERS[to + 4 * word + index] = moved >>> (8 * index);
  }
}
