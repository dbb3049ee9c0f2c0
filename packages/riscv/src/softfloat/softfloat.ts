/**
 * IEEE 754 binary16, binary32 and binary64 as RISC-V wants them, exact in every rounding mode, with flags. Start with
 * format.ts.
 */
export { BINARY16, BINARY32, BINARY64, FloatFlag, RoundingMode } from "./format.ts";
export type { FloatEnvironment, FloatFormat } from "./format.ts";
export { add, subtract, multiply, divide, squareRoot, fusedMultiplyAdd } from "./arithmetic.ts";
export {
  convertFormat,
  toInteger,
  fromInteger,
  toBinary32,
  toBinary64,
  box,
  unbox,
  INT32,
  UINT32,
  INT64,
  UINT64,
} from "./convert.ts";
export type { IntegerRange } from "./convert.ts";
export { equal, lessThan, lessOrEqual, minimum, maximum, classify } from "./compare.ts";
