/**
 * Goal: the wasm helpers give the soft float's results and flags for every pair of special values, in each rounding
 * mode, with the host's fused multiply-add and without it. Method: a module of nothing but the helpers, called through
 * wrappers on raw bits.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { ModuleBuilder, Op, Type } from "@stratos/wasm";
import type { ValueType } from "@stratos/wasm";
import { NodeWasmEngine } from "@stratos/host-node";
import { HART_FFLAGS } from "../hart-state.ts";
import * as soft from "../softfloat/softfloat.ts";
import { BINARY32, BINARY64 } from "../softfloat/softfloat.ts";
import type { FloatEnvironment, RoundingMode } from "../softfloat/softfloat.ts";
import {
  randomDouble,
  randomSingle,
  SPECIAL_DOUBLES,
  SPECIAL_INTEGERS,
  SPECIAL_SINGLES,
} from "../testing/operand-values.ts";
import { floatLowering } from "./float.ts";
import { hasFusedMultiplyAdd } from "./float-probe.ts";

type Wrapper = (...operands: (bigint | number)[]) => bigint;

/** All helpers as functions on BigInt bits; the rounding mode stays a number. */
function instantiate(fused: boolean): { call: Record<string, Wrapper>; flags: Uint32Array } {
  const engine = new NodeWasmEngine();
  const memory = engine.createMemory(1);
  const views = {
    u32: new Uint32Array(memory.buffer),
    i32: new Int32Array(memory.buffer),
    f64: new Float64Array(memory.buffer),
  };
  const builder = new ModuleBuilder();
  const { code } = builder;
  builder.importMemory("m", "memory");
  const imports: Record<string, unknown> = { memory };
  const indices = new Map<string, number>();
  const { helpers } = floatLowering(engine, fused);
  for (const helper of helpers) {
    if (helper.create === undefined) continue;
    imports[helper.name] = helper.create(views);
    indices.set(helper.name, builder.importFunction("m", helper.name, builder.type(helper.parameters, helper.results)));
  }
  const inWasm = helpers.filter((helper) => helper.emit !== undefined);
  for (const helper of inWasm)
    indices.set(helper.name, builder.addFunction(builder.type(helper.parameters, helper.results)));
  const toBits = (type: ValueType): ValueType => (type === Type.i32 ? Type.i32 : Type.i64);
  for (const helper of inWasm) {
    const start = code.beginFunction((helper.locals ?? []).map((type) => ({ count: 1, type })));
    helper.emit!(code, (name) => code.call(indices.get(name)!));
    code.endFunction(start);
  }
  for (const helper of inWasm) {
    builder.exportFunction(
      helper.name,
      builder.addFunction(builder.type(helper.parameters.map(toBits), helper.results.map(toBits))),
    );
    const start = code.beginFunction([]);
    helper.parameters.forEach((type, index) => {
      code.localGet(index);
      if (type === Type.f64) code.op(Op.f64ReinterpretI64);
      if (type === Type.f32) {
        code.op(Op.i32WrapI64);
        code.op(Op.f32ReinterpretI32);
      }
    });
    code.call(indices.get(helper.name)!);
    if (helper.results[0] === Type.f64) code.op(Op.i64ReinterpretF64);
    if (helper.results[0] === Type.f32) {
      code.op(Op.i32ReinterpretF32);
      code.op(Op.i64ExtendI32U);
    }
    code.endFunction(start);
  }
  const instance = engine.instantiate(engine.compile(builder.finish()), { m: imports });
  return {
    call: instance.exports as Record<string, Wrapper>,
    flags: views.u32.subarray(HART_FFLAGS >>> 2, (HART_FFLAGS >>> 2) + 1),
  };
}

const hosts = hasFusedMultiplyAdd(new NodeWasmEngine()) ? [true, false] : [false];
const MODES = [0, 1, 2, 3, 4] as const;
const hex = (value: bigint): string => value.toString(16);

/** Calls helper and soft float on the operands in each mode and compares bits and flags. */
function compare(
  helpers: ReturnType<typeof instantiate>,
  name: string,
  operands: readonly bigint[],
  expected: (environment: FloatEnvironment) => bigint,
  width = 64,
): void {
  for (const rounding of MODES) {
    helpers.flags[0] = 0;
    const actual = BigInt.asUintN(
      width,
      helpers.call[name]!(...operands.map((operand) => BigInt.asIntN(64, operand)), rounding),
    );
    const environment: FloatEnvironment = { rounding: rounding as RoundingMode, flags: 0 };
    const wanted = BigInt.asUintN(width, expected(environment));
    if (actual !== wanted || helpers.flags[0] !== environment.flags) {
      assert.fail(
        `${name}(${operands.map(hex).join(", ")}) in mode ${rounding}: ${hex(actual)} flags ${helpers.flags[0]}, ` +
          `not ${hex(wanted)} flags ${environment.flags}`,
      );
    }
  }
}

for (const fused of hosts) {
  const title = fused ? "with the host's fused multiply-add" : "without a fused multiply-add";
  const helpers = instantiate(fused);
  const random = new SeededRandom(fused ? 1 : 2);

  test(`double arithmetic of special and random values, ${title}`, () => {
    const values = [...SPECIAL_DOUBLES, ...Array.from({ length: 20 }, () => randomDouble(random))];
    for (const a of values) {
      compare(helpers, "f64.sqrt", [a], (environment) => soft.squareRoot(BINARY64, a, environment));
      for (let count = 0; count < 40; count++) {
        const b = values[random.below(values.length)]!;
        compare(helpers, "f64.add", [a, b], (environment) => soft.add(BINARY64, a, b, environment));
        compare(helpers, "f64.mul", [a, b], (environment) => soft.multiply(BINARY64, a, b, environment));
        compare(helpers, "f64.div", [a, b], (environment) => soft.divide(BINARY64, a, b, environment));
      }
    }
  });

  test(`fused double multiply-add, ${title}`, () => {
    for (let count = 0; count < 6000; count++) {
      const a = randomDouble(random),
        b = randomDouble(random);
      let c = randomDouble(random);
      // Near-cancellations, where a second rounding would show.
      if (count % 3 === 0)
        c = (soft.multiply(BINARY64, a, b, { rounding: 0, flags: 0 }) ^ BINARY64.signBit) + BigInt(random.below(3));
      c = BigInt.asUintN(64, c);
      compare(helpers, "f64.fma", [a, b, c], (environment) => soft.fusedMultiplyAdd(BINARY64, a, b, c, environment));
    }
  });

  test(`single arithmetic of special and random values, ${title}`, () => {
    const values = [...SPECIAL_SINGLES, ...Array.from({ length: 20 }, () => randomSingle(random))];
    for (const a of values) {
      compare(helpers, "f32.sqrt", [a], (environment) => soft.squareRoot(BINARY32, a, environment), 32);
      for (let count = 0; count < 40; count++) {
        const b = values[random.below(values.length)]!;
        let c = values[random.below(values.length)]!;
        if (count % 3 === 0)
          c = BigInt.asUintN(
            32,
            (soft.multiply(BINARY32, a, b, { rounding: 0, flags: 0 }) ^ BINARY32.signBit) + BigInt(random.below(3)),
          );
        compare(helpers, "f32.add", [a, b], (environment) => soft.add(BINARY32, a, b, environment), 32);
        compare(helpers, "f32.mul", [a, b], (environment) => soft.multiply(BINARY32, a, b, environment), 32);
        compare(helpers, "f32.div", [a, b], (environment) => soft.divide(BINARY32, a, b, environment), 32);
        compare(
          helpers,
          "f32.fma",
          [a, b, c],
          (environment) => soft.fusedMultiplyAdd(BINARY32, a, b, c, environment),
          32,
        );
      }
    }
  });
}

test("conversions of special and random values", () => {
  const helpers = instantiate(false);
  const random = new SeededRandom(3);
  const integers = [
    ["i32", soft.INT32],
    ["u32", soft.UINT32],
    ["i64", soft.INT64],
    ["u64", soft.UINT64],
  ] as const;
  for (const x of [...SPECIAL_DOUBLES, ...Array.from({ length: 500 }, () => randomDouble(random))]) {
    compare(helpers, "f32.from-f64", [x], (environment) => soft.toBinary32(x, environment), 32);
    for (const [name, range] of integers) {
      compare(helpers, `${name}.from-f64`, [x], (environment) => {
        const value = soft.toInteger(BINARY64, x, range, environment);
        return name.endsWith("32") ? BigInt.asIntN(32, value) : value;
      });
    }
  }
  for (const x of [
    ...SPECIAL_INTEGERS,
    ...Array.from({ length: 500 }, () =>
      BigInt.asUintN(64, (BigInt(random.u32()) * BigInt(random.u32())) << BigInt(random.below(40))),
    ),
  ]) {
    compare(helpers, "f64.from-i64", [x], (environment) =>
      soft.fromInteger(BINARY64, BigInt.asIntN(64, x), environment),
    );
    compare(helpers, "f64.from-u64", [x], (environment) => soft.fromInteger(BINARY64, x, environment));
    compare(
      helpers,
      "f32.from-i64",
      [x],
      (environment) => soft.fromInteger(BINARY32, BigInt.asIntN(64, x), environment),
      32,
    );
    compare(helpers, "f32.from-u64", [x], (environment) => soft.fromInteger(BINARY32, x, environment), 32);
  }
});
