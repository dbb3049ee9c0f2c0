/** Instructions that compute one register from one or two values, which are unsigned and have 64 bits. */
import type { Semantics } from "./semantics.ts";

/** rd = compute(rs1, rs2), operands unsigned. */
export const register =
  (compute: (a: bigint, b: bigint) => bigint): Semantics =>
  (hart, { rd, rs1, rs2 }) =>
    hart.setX(rd, compute(hart.x[rs1]!, hart.x[rs2]!));

/** rd = compute(rs1, immediate), the immediate signed. */
export const immediate =
  (compute: (a: bigint, b: bigint) => bigint): Semantics =>
  (hart, { rd, rs1, imm }) =>
    hart.setX(rd, compute(hart.x[rs1]!, BigInt(imm)));

export const signed64 = (value: bigint): bigint => BigInt.asIntN(64, value);
export const unsigned64 = (value: bigint): bigint => BigInt.asUintN(64, value);
export const signed32 = (value: bigint): bigint => BigInt.asIntN(32, value);
export const unsigned32 = (value: bigint): bigint => BigInt.asUintN(32, value);
