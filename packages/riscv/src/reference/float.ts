/** The F, D and Zfhmin extensions (Unprivileged ISA, chapters 20 and 21) over the soft float. */
import type { Decoded } from "../decode.ts";
import {
  add,
  BINARY16,
  BINARY32,
  BINARY64,
  box,
  classify,
  convertFormat,
  divide,
  equal,
  fromInteger,
  fusedMultiplyAdd,
  INT32,
  INT64,
  lessOrEqual,
  lessThan,
  maximum,
  minimum,
  multiply,
  RoundingMode,
  squareRoot,
  subtract,
  toBinary32,
  toBinary64,
  toInteger,
  UINT32,
  UINT64,
  unbox,
} from "../softfloat/softfloat.ts";
import type { FloatEnvironment, FloatFormat, IntegerRange } from "../softfloat/softfloat.ts";
import type { ReferenceState, Semantics } from "./semantics.ts";

const read = (hart: ReferenceState, format: FloatFormat, register: number): bigint =>
  format === BINARY32 ? unbox(hart.f[register]!) : hart.f[register]!;

function write(hart: ReferenceState, format: FloatFormat, register: number, bits: bigint): void {
  hart.f[register] = format === BINARY32 ? box(bits) : bits;
}

/** An operation under the instruction's rounding mode; illegal when that is reserved. */
function rounded(apply: (hart: ReferenceState, operands: Decoded, environment: FloatEnvironment) => void): Semantics {
  return (hart, operands) => {
    const rounding = hart.rounding(operands.rm);
    if (rounding === null) return "illegal";
    hart.withFlags(rounding, (environment) => apply(hart, operands, environment));
    return undefined;
  };
}

type Binary<R> = (format: FloatFormat, a: bigint, b: bigint, environment: FloatEnvironment) => R;

function arithmetic(format: FloatFormat, operation: Binary<bigint>): Semantics {
  return rounded((hart, { rd, rs1, rs2 }, environment) =>
    write(hart, format, rd, operation(format, read(hart, format, rs1), read(hart, format, rs2), environment)),
  );
}

/** ±(rs1 × rs2) ± rs3. A negated NaN is as good as the NaN: results are canonical. */
function fused(format: FloatFormat, negateProduct: boolean, negateAddend: boolean): Semantics {
  return rounded((hart, { rd, rs1, rs2, rs3 }, environment) => {
    const a = read(hart, format, rs1) ^ (negateProduct ? format.signBit : 0n);
    const c = read(hart, format, rs3) ^ (negateAddend ? format.signBit : 0n);
    write(hart, format, rd, fusedMultiplyAdd(format, a, read(hart, format, rs2), c, environment));
  });
}

function compare(format: FloatFormat, relation: Binary<boolean>): Semantics {
  return (hart, { rd, rs1, rs2 }) =>
    hart.withFlags(RoundingMode.RNE, (environment) =>
      hart.setX(rd, relation(format, read(hart, format, rs1), read(hart, format, rs2), environment) ? 1n : 0n),
    );
}

function extreme(format: FloatFormat, operation: Binary<bigint>): Semantics {
  return (hart, { rd, rs1, rs2 }) =>
    hart.withFlags(RoundingMode.RNE, (environment) =>
      write(hart, format, rd, operation(format, read(hart, format, rs1), read(hart, format, rs2), environment)),
    );
}

function injectSign(format: FloatFormat, sign: (a: bigint, b: bigint) => bigint): Semantics {
  return (hart, { rd, rs1, rs2 }) => {
    const a = read(hart, format, rs1),
      b = read(hart, format, rs2);
    write(hart, format, rd, (a & ~format.signBit) | (sign(a, b) & format.signBit));
  };
}

/** Results of 32 bits are sign-extended, the unsigned ones too. */
function toX(format: FloatFormat, range: IntegerRange, is32: boolean): Semantics {
  return rounded((hart, { rd, rs1 }, environment) => {
    const value = toInteger(format, read(hart, format, rs1), range, environment);
    hart.setX(rd, is32 ? BigInt.asIntN(32, value) : value);
  });
}

function fromX(format: FloatFormat, interpret: (value: bigint) => bigint): Semantics {
  return rounded((hart, { rd, rs1 }, environment) =>
    write(hart, format, rd, fromInteger(format, interpret(hart.x[rs1]!), environment)),
  );
}

const addressOf = (hart: ReferenceState, { rs1, imm }: Decoded): bigint =>
  BigInt.asUintN(64, hart.x[rs1]! + BigInt(imm));

function formatSemantics(format: FloatFormat, suffix: string): [string, Semantics][] {
  return [
    [`fadd.${suffix}`, arithmetic(format, add)],
    [`fsub.${suffix}`, arithmetic(format, subtract)],
    [`fmul.${suffix}`, arithmetic(format, multiply)],
    [`fdiv.${suffix}`, arithmetic(format, divide)],
    [
      `fsqrt.${suffix}`,
      rounded((hart, { rd, rs1 }, environment) =>
        write(hart, format, rd, squareRoot(format, read(hart, format, rs1), environment)),
      ),
    ],
    [`fmadd.${suffix}`, fused(format, false, false)],
    [`fmsub.${suffix}`, fused(format, false, true)],
    [`fnmsub.${suffix}`, fused(format, true, false)],
    [`fnmadd.${suffix}`, fused(format, true, true)],
    [`feq.${suffix}`, compare(format, equal)],
    [`flt.${suffix}`, compare(format, lessThan)],
    [`fle.${suffix}`, compare(format, lessOrEqual)],
    [`fmin.${suffix}`, extreme(format, minimum)],
    [`fmax.${suffix}`, extreme(format, maximum)],
    [`fsgnj.${suffix}`, injectSign(format, (_, b) => b)],
    [`fsgnjn.${suffix}`, injectSign(format, (_, b) => ~b)],
    [`fsgnjx.${suffix}`, injectSign(format, (a, b) => a ^ b)],
    [`fclass.${suffix}`, (hart, { rd, rs1 }) => hart.setX(rd, BigInt(classify(format, read(hart, format, rs1))))],
    [`fcvt.w.${suffix}`, toX(format, INT32, true)],
    [`fcvt.wu.${suffix}`, toX(format, UINT32, true)],
    [`fcvt.l.${suffix}`, toX(format, INT64, false)],
    [`fcvt.lu.${suffix}`, toX(format, UINT64, false)],
    [`fcvt.${suffix}.w`, fromX(format, (value) => BigInt.asIntN(32, value))],
    [`fcvt.${suffix}.wu`, fromX(format, (value) => BigInt.asUintN(32, value))],
    [`fcvt.${suffix}.l`, fromX(format, (value) => BigInt.asIntN(64, value))],
    [`fcvt.${suffix}.lu`, fromX(format, (value) => value)],
  ];
}

const HALF_BOX = 0xffffffff_ffff0000n;

/** Zfhmin: to and from halves; one that isn't boxed is the canonical NaN. */
function halfConversions(format: FloatFormat, suffix: string): [string, Semantics][] {
  return [
    [
      `fcvt.${suffix}.h`,
      rounded((hart, { rd, rs1 }, environment) => {
        const bits = hart.f[rs1]!;
        const half = (bits & HALF_BOX) === HALF_BOX ? bits & 0xffffn : BINARY16.canonicalNaN;
        write(hart, format, rd, convertFormat(BINARY16, format, half, environment));
      }),
    ],
    [
      `fcvt.h.${suffix}`,
      rounded((hart, { rd, rs1 }, environment) => {
        hart.f[rd] = HALF_BOX | convertFormat(format, BINARY16, read(hart, format, rs1), environment);
      }),
    ],
  ];
}

export const FLOAT_SEMANTICS: Readonly<Record<string, Semantics>> = {
  ...Object.fromEntries([...formatSemantics(BINARY32, "s"), ...formatSemantics(BINARY64, "d")]),
  "fcvt.s.d": rounded((hart, { rd, rs1 }, environment) =>
    write(hart, BINARY32, rd, toBinary32(read(hart, BINARY64, rs1), environment)),
  ),
  "fcvt.d.s": rounded((hart, { rd, rs1 }, environment) =>
    write(hart, BINARY64, rd, toBinary64(read(hart, BINARY32, rs1), environment)),
  ),
  // Moves, loads and stores transfer bits; they don't look at boxes.
  "fmv.x.w": (hart, { rd, rs1 }) => hart.setX(rd, BigInt.asIntN(32, hart.f[rs1]!)),
  "fmv.x.d": (hart, { rd, rs1 }) => hart.setX(rd, hart.f[rs1]!),
  "fmv.w.x": (hart, { rd, rs1 }) => {
    hart.f[rd] = box(BigInt.asUintN(32, hart.x[rs1]!));
  },
  "fmv.d.x": (hart, { rd, rs1 }) => {
    hart.f[rd] = hart.x[rs1]!;
  },
  ...Object.fromEntries([...halfConversions(BINARY32, "s"), ...halfConversions(BINARY64, "d")]),
  "fmv.x.h": (hart, { rd, rs1 }) => hart.setX(rd, BigInt.asIntN(16, hart.f[rs1]!)),
  "fmv.h.x": (hart, { rd, rs1 }) => {
    hart.f[rd] = HALF_BOX | BigInt.asUintN(16, hart.x[rs1]!);
  },
  flh: (hart, operands) => {
    hart.f[operands.rd] = HALF_BOX | hart.memory.load(addressOf(hart, operands), 2);
  },
  fsh: (hart, operands) => hart.memory.store(addressOf(hart, operands), 2, BigInt.asUintN(16, hart.f[operands.rs2]!)),
  flw: (hart, operands) => {
    hart.f[operands.rd] = box(hart.memory.load(addressOf(hart, operands), 4));
  },
  fld: (hart, operands) => {
    hart.f[operands.rd] = hart.memory.load(addressOf(hart, operands), 8);
  },
  fsw: (hart, operands) => hart.memory.store(addressOf(hart, operands), 4, BigInt.asUintN(32, hart.f[operands.rs2]!)),
  fsd: (hart, operands) => hart.memory.store(addressOf(hart, operands), 8, hart.f[operands.rs2]!),
};
