/** Comparisons, minimum and maximum, sign injection, classification, moves, loads and stores: nothing here rounds. */
import { Op, Type } from "@stratos/wasm";
import { FloatFlag } from "../softfloat/softfloat.ts";
import { raiseFlags } from "./float-state.ts";
import { RS1, RS2, type Lowering, type LoweringFunction, type LoweringTable } from "./lowering.ts";

const read = (to: Lowering, double: boolean, source: typeof RS1 | typeof RS2): void => {
  if (double) to.readF64(source);
  else to.readF32(source);
};
const typeOf = (double: boolean): typeof Type.f32 | typeof Type.f64 => (double ? Type.f64 : Type.f32);

function readBoth(to: Lowering, double: boolean): [number, number] {
  const a = to.scratch(typeOf(double), 0),
    b = to.scratch(typeOf(double), 1);
  read(to, double, RS1);
  to.code.localSet(a);
  read(to, double, RS2);
  to.code.localSet(b);
  return [a, b];
}

function writeFlag(to: Lowering, result: number): void {
  to.beginWriteX();
  to.code.localGet(result);
  to.code.op(Op.i64ExtendI32U);
  to.endWriteX();
}

/** Quiet: NV only for a signalling NaN. */
function equal(double: boolean): LoweringFunction {
  return (to) => {
    const code = to.code;
    const [a, b] = readBoth(to, double);
    const result = to.scratch(Type.i32, 0);
    const eq = double ? Op.f64Eq : Op.f32Eq;
    code.localGet(a);
    code.localGet(a);
    code.op(eq);
    code.localGet(b);
    code.localGet(b);
    code.op(eq);
    code.op(Op.i32And);
    code.op(Op.i32Eqz);
    code.if();
    code.localGet(a);
    code.localGet(b);
    to.call(double ? "f64.quiet" : "f32.quiet");
    code.end();
    code.localGet(a);
    code.localGet(b);
    code.op(eq);
    code.localSet(result);
    writeFlag(to, result);
  };
}

/** Signalling: NV for any NaN, which shows as neither the relation nor its opposite holding. */
function ordered(double: boolean, relation: number, opposite: number): LoweringFunction {
  return (to) => {
    const code = to.code;
    const [a, b] = readBoth(to, double);
    const result = to.scratch(Type.i32, 0);
    code.localGet(a);
    code.localGet(b);
    code.op(relation);
    code.localTee(result);
    code.localGet(a);
    code.localGet(b);
    code.op(opposite);
    code.op(Op.i32Or);
    code.op(Op.i32Eqz);
    code.if();
    raiseFlags(to, FloatFlag.NV);
    code.end();
    writeFlag(to, result);
  };
}

/** Wasm's min and max know −0 < +0; a NaN result goes to the helper. */
function extreme(double: boolean, opcode: number): LoweringFunction {
  return (to) => {
    const code = to.code;
    const [a, b] = readBoth(to, double);
    const r = to.scratch(typeOf(double), 2);
    code.localGet(a);
    code.localGet(b);
    code.op(opcode);
    code.localTee(r);
    code.localGet(r);
    code.op(double ? Op.f64Ne : Op.f32Ne);
    code.if();
    code.localGet(a);
    code.localGet(b);
    to.call(double ? "f64.number-of" : "f32.number-of");
    code.localSet(r);
    code.end();
    to.beginWriteF();
    code.localGet(r);
    if (double) to.endWriteF64();
    else to.endWriteF32();
  };
}

/** On raw bits; `copysign` and `neg` are bit operations in wasm too, NaNs included. */
function injectSign(double: boolean, how: "copy" | "negate" | "xor"): LoweringFunction {
  return (to) => {
    const code = to.code;
    to.beginWriteF();
    if (how === "xor") {
      if (double) {
        to.readFBits(RS1);
        to.readFBits(RS2);
        code.i64ConstBits(0x80000000 | 0, 0);
        code.op(Op.i64And);
        code.op(Op.i64Xor);
        to.endWriteFBits();
      } else {
        to.readF32Bits(RS1);
        to.readF32Bits(RS2);
        code.i32Const(0x80000000 | 0);
        code.op(Op.i32And);
        code.op(Op.i32Xor);
        to.endWriteF32Bits();
      }
      return;
    }
    read(to, double, RS1);
    read(to, double, RS2);
    if (how === "negate") code.op(double ? Op.f64Neg : Op.f32Neg);
    code.op(double ? Op.f64Copysign : Op.f32Copysign);
    if (double) to.endWriteF64();
    else to.endWriteF32();
  };
}

function classify(double: boolean): LoweringFunction {
  return (to) => {
    to.beginWriteX();
    read(to, double, RS1);
    to.call(double ? "f64.class" : "f32.class");
    to.code.op(Op.i64ExtendI32U);
    to.endWriteX();
  };
}

export const COMPARISON_LOWERINGS: LoweringTable = {
  "feq.s": equal(false),
  "flt.s": ordered(false, Op.f32Lt, Op.f32Ge),
  "fle.s": ordered(false, Op.f32Le, Op.f32Gt),
  "feq.d": equal(true),
  "flt.d": ordered(true, Op.f64Lt, Op.f64Ge),
  "fle.d": ordered(true, Op.f64Le, Op.f64Gt),
  "fmin.s": extreme(false, Op.f32Min),
  "fmax.s": extreme(false, Op.f32Max),
  "fmin.d": extreme(true, Op.f64Min),
  "fmax.d": extreme(true, Op.f64Max),
  "fsgnj.s": injectSign(false, "copy"),
  "fsgnjn.s": injectSign(false, "negate"),
  "fsgnjx.s": injectSign(false, "xor"),
  "fsgnj.d": injectSign(true, "copy"),
  "fsgnjn.d": injectSign(true, "negate"),
  "fsgnjx.d": injectSign(true, "xor"),
  "fclass.s": classify(false),
  "fclass.d": classify(true),
  "fmv.x.d": (to) => {
    to.beginWriteX();
    to.readFBits(RS1);
    to.endWriteX();
  },
  "fmv.d.x": (to) => {
    to.beginWriteF();
    to.readX(RS1);
    to.endWriteFBits();
  },
  "fmv.x.w": (to) => {
    to.beginWriteX();
    to.readFLow(RS1);
    to.code.op(Op.i64ExtendI32S);
    to.endWriteX();
  },
  "fmv.w.x": (to) => {
    to.beginWriteF();
    to.readXLow(RS1);
    to.endWriteF32Bits();
  },
  flw: (to) => {
    to.beginWriteF();
    to.load(Op.i32Load, 4);
    to.endWriteF32Bits();
  },
  fld: (to) => {
    to.beginWriteF();
    to.load(Op.f64Load, 8);
    to.endWriteF64();
  },
  fsw: (to) => to.store(Op.i32Store, 4, () => to.readFLow(RS2)),
  fsd: (to) => to.store(Op.f64Store, 8, () => to.readF64(RS2)),
};
