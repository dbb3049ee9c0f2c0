import { Type } from "@stratos/wasm";
import { HART_FFLAGS, HART_SCRATCH } from "../hart-state.ts";
import {
  add,
  BINARY16,
  BINARY32,
  BINARY64,
  convertFormat,
  divide,
  fusedMultiplyAdd,
  multiply,
  squareRoot,
} from "../softfloat/softfloat.ts";
import type { FloatEnvironment, RoundingMode } from "../softfloat/softfloat.ts";
import { updateNativeState } from "./float-state.ts";
import type { Helper } from "./lowering.ts";

/** What `f64.soft` is asked to do. */
export const SoftOperation = {
  ADD: 0,
  MULTIPLY: 1,
  DIVIDE: 2,
  SQUARE_ROOT: 3,
  FUSED_MULTIPLY_ADD: 4,
  HALF_FROM_SINGLE: 5,
  HALF_FROM_DOUBLE: 6,
  SINGLE_FROM_HALF: 7,
  DOUBLE_FROM_HALF: 8,
} as const;

/**
 * (operation, rm): the soft float on the numbers in the scratch cells; leaves the result in the first and raises its
 * flags. For the rare cases only: halves, and results near the ends of the exponent range while underflow, overflow or
 * inexactness isn't known yet.
 */
export const softHelper: Helper = {
  name: "f64.soft",
  parameters: [Type.i32, Type.i32],
  results: [],
  create: ({ u32 }) => {
    const cell = HART_SCRATCH >>> 2;
    const operand = (index: number): bigint =>
      (BigInt(u32[cell + index * 2 + 1]!) << 32n) | BigInt(u32[cell + index * 2]!);
    return (operation, rounding) => {
      const environment: FloatEnvironment = { rounding: rounding as RoundingMode, flags: 0 };
      const result = compute(operation!, operand, environment);
      u32[cell] = Number(result & 0xffffffffn);
      u32[cell + 1] = Number(result >> 32n);
      u32[HART_FFLAGS >>> 2]! |= environment.flags;
      updateNativeState(u32);
    };
  },
};

function compute(operation: number, operand: (index: number) => bigint, environment: FloatEnvironment): bigint {
  switch (operation) {
    case SoftOperation.ADD:
      return add(BINARY64, operand(0), operand(1), environment);
    case SoftOperation.MULTIPLY:
      return multiply(BINARY64, operand(0), operand(1), environment);
    case SoftOperation.DIVIDE:
      return divide(BINARY64, operand(0), operand(1), environment);
    case SoftOperation.SQUARE_ROOT:
      return squareRoot(BINARY64, operand(0), environment);
    case SoftOperation.HALF_FROM_SINGLE:
      return convertFormat(BINARY32, BINARY16, operand(0), environment);
    case SoftOperation.HALF_FROM_DOUBLE:
      return convertFormat(BINARY64, BINARY16, operand(0), environment);
    case SoftOperation.SINGLE_FROM_HALF:
      return convertFormat(BINARY16, BINARY32, operand(0), environment);
    case SoftOperation.DOUBLE_FROM_HALF:
      return convertFormat(BINARY16, BINARY64, operand(0), environment);
    default:
      return fusedMultiplyAdd(BINARY64, operand(0), operand(1), operand(2), environment);
  }
}
