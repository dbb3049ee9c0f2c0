/** fcvt between integers, singles and doubles. Guards as in float-arithmetic.ts. */
import { Op, Type } from "@stratos/wasm";
import { RoundingMode } from "../softfloat/softfloat.ts";
import { andNativeState, checkRoundingMode, mayBeNative } from "./float-state.ts";
import { RS1, type Lowering, type LoweringFunction, type LoweringTable } from "./lowering.ts";

interface IntegerType {
  /** Helper prefix. */
  readonly name: string;
  /** Operands in [low, high) can't saturate in any mode (a little narrower than needed where that's simpler). */
  readonly low: number;
  readonly high: number;
  /** 0xfc code of the truncation from f64. */
  readonly truncate: number;
  readonly is32: boolean;
}

const INT32: IntegerType = { name: "i32", low: -(2 ** 31), high: 2 ** 31 - 1, truncate: 2, is32: true };
const UINT32: IntegerType = { name: "u32", low: 0, high: 2 ** 32 - 1, truncate: 3, is32: true };
const INT64: IntegerType = { name: "i64", low: -(2 ** 63), high: 2 ** 63, truncate: 6, is32: false };
/** Below 2^63 the signed truncation does, which hosts have as one instruction. */
const UINT64: IntegerType = { name: "u64", low: 0, high: 2 ** 63, truncate: 6, is32: false };

/**
 * The instruction that rounds to an integer in a known mode; 0: truncation rounds by itself; −1: no instruction does.
 */
function integralOpcode(to: Lowering): number {
  switch (to.roundingMode) {
    case RoundingMode.RTZ:
      return 0;
    case RoundingMode.RDN:
      return Op.f64Floor;
    case RoundingMode.RUP:
      return Op.f64Ceil;
    case RoundingMode.RMM:
      return -1;
    default:
      return Op.f64Nearest; // RNE, or dynamic and then guarded by the state
  }
}

function floatToInteger(single: boolean, integer: IntegerType): LoweringFunction {
  return (to) => {
    const code = to.code;
    const x = to.scratch(Type.f64, 0),
      result = to.scratch(Type.i64, 0);
    if (single) {
      to.readF32(RS1);
      code.op(Op.f64PromoteF32);
    } else to.readF64(RS1);
    code.localSet(x);
    const callHelper = (): void => {
      checkRoundingMode(to);
      code.localGet(x);
      to.pushRoundingMode();
      to.call(`${integer.name}.from-f64`);
      code.localSet(result);
    };
    const opcode = integralOpcode(to);
    if (opcode < 0) callHelper();
    else {
      code.localGet(x);
      code.f64Const(integer.low);
      code.op(Op.f64Ge);
      code.localGet(x);
      code.f64Const(integer.high);
      code.op(Op.f64Lt);
      code.op(Op.i32And);
      andNativeState(to);
      code.if();
      code.localGet(x);
      if (opcode !== 0) code.op(opcode);
      code.misc(integer.truncate);
      if (integer.is32) code.op(Op.i64ExtendI32S);
      code.localSet(result);
      code.else();
      callHelper();
      code.end();
    }
    to.beginWriteX();
    code.localGet(result);
    to.endWriteX();
  };
}

/** 32-bit integers are exact doubles: no mode and no flag matters, but a reserved dynamic mode is still illegal. */
function exactFromInteger(opcode: number): LoweringFunction {
  return (to) => {
    checkRoundingMode(to);
    to.beginWriteF();
    to.readXLow(RS1);
    to.code.op(opcode);
    to.endWriteF64();
  };
}

function integerToFloat(single: boolean, unsigned: boolean, is32: boolean): LoweringFunction {
  const opcode = single
    ? unsigned
      ? Op.f32ConvertI64U
      : Op.f32ConvertI64S
    : unsigned
      ? Op.f64ConvertI64U
      : Op.f64ConvertI64S;
  const type = single ? Type.f32 : Type.f64;
  return (to) => {
    const code = to.code;
    const x = to.scratch(Type.i64, 0),
      r = to.scratch(type, 0);
    if (is32) {
      to.readXLow(RS1);
      code.op(unsigned ? Op.i64ExtendI32U : Op.i64ExtendI32S);
    } else to.readX(RS1);
    code.localSet(x);
    const callHelper = (): void => {
      checkRoundingMode(to);
      code.localGet(x);
      to.pushRoundingMode();
      to.call(`${single ? "f32" : "f64"}.from-${unsigned ? "u64" : "i64"}`);
    };
    if (mayBeNative(to)) {
      code.i32Const(1);
      andNativeState(to);
      code.if(type);
      code.localGet(x);
      code.op(opcode);
      code.else();
      callHelper();
      code.end();
    } else callHelper();
    code.localSet(r);
    to.beginWriteF();
    code.localGet(r);
    if (single) to.endWriteF32();
    else to.endWriteF64();
  };
}

/** fcvt.s.d */
function narrow(to: Lowering): void {
  const code = to.code;
  const x = to.scratch(Type.f64, 0),
    r = to.scratch(Type.f32, 0);
  to.readF64(RS1);
  code.localSet(x);
  const callHelper = (): void => {
    checkRoundingMode(to);
    code.localGet(x);
    to.pushRoundingMode();
    to.call("f32.from-f64");
    code.localSet(r);
  };
  if (mayBeNative(to)) {
    code.localGet(x);
    code.op(Op.f32DemoteF64);
    code.localTee(r);
    code.op(Op.f32Abs);
    code.f32Const(Infinity);
    code.op(Op.f32Lt);
    code.localGet(r);
    code.op(Op.f32Abs);
    code.f32Const(2 ** -126);
    code.op(Op.f32Gt);
    code.op(Op.i32And);
    andNativeState(to);
    code.op(Op.i32Eqz);
    code.if();
    callHelper();
    code.end();
  } else callHelper();
  to.beginWriteF();
  code.localGet(r);
  to.endWriteF32();
}

/** fcvt.d.s: exact; only a NaN needs care. */
function widen(to: Lowering): void {
  const code = to.code;
  const x = to.scratch(Type.f32, 0),
    r = to.scratch(Type.f64, 0);
  checkRoundingMode(to);
  to.readF32(RS1);
  code.localTee(x);
  code.op(Op.f64PromoteF32);
  code.localSet(r);
  code.localGet(x);
  code.localGet(x);
  code.op(Op.f32Ne);
  code.if();
  code.localGet(x);
  to.call("f64.from-f32");
  code.localSet(r);
  code.end();
  to.beginWriteF();
  code.localGet(r);
  to.endWriteF64();
}

export const CONVERSION_LOWERINGS: LoweringTable = {
  "fcvt.w.s": floatToInteger(true, INT32),
  "fcvt.wu.s": floatToInteger(true, UINT32),
  "fcvt.l.s": floatToInteger(true, INT64),
  "fcvt.lu.s": floatToInteger(true, UINT64),
  "fcvt.w.d": floatToInteger(false, INT32),
  "fcvt.wu.d": floatToInteger(false, UINT32),
  "fcvt.l.d": floatToInteger(false, INT64),
  "fcvt.lu.d": floatToInteger(false, UINT64),
  "fcvt.s.w": integerToFloat(true, false, true),
  "fcvt.s.wu": integerToFloat(true, true, true),
  "fcvt.s.l": integerToFloat(true, false, false),
  "fcvt.s.lu": integerToFloat(true, true, false),
  "fcvt.d.w": exactFromInteger(Op.f64ConvertI32S),
  "fcvt.d.wu": exactFromInteger(Op.f64ConvertI32U),
  "fcvt.d.l": integerToFloat(false, false, false),
  "fcvt.d.lu": integerToFloat(false, true, false),
  "fcvt.s.d": narrow,
  "fcvt.d.s": widen,
};
