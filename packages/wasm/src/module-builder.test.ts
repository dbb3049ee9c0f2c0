/** Modules are built and run by the host's engine: what it accepts and computes is the judge. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CodeWriter } from "./code-writer.ts";
import { ModuleBuilder } from "./module-builder.ts";
import { Op, Type } from "./opcodes.ts";

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: object,
  ) => { readonly exports: Record<string, (...parameters: unknown[]) => unknown> };
  readonly Table: new (descriptor: object) => { get(index: number): unknown };
  readonly Memory: new (descriptor: object) => { readonly buffer: ArrayBuffer };
};

function compile(builder: ModuleBuilder, imports: object = {}): Record<string, (...parameters: unknown[]) => unknown> {
  return new WebAssembly.Instance(new WebAssembly.Module(builder.finish()), imports).exports;
}

test("constants of every size come back", () => {
  const builder = new ModuleBuilder();
  const { code } = builder;
  const i32 = [0, 1, -1, 63, 64, -64, -65, 8191, 8192, 0x7fffffff, -0x80000000];
  const i64: [number, number][] = [
    [0, 0],
    [-1, -1],
    [0, -1],
    [0x7fffffff, -1],
    [-0x80000000, 0],
    [0x12345678, 0x9abcdef0],
    [0, 0x40],
    [-1, -64],
    [-1, -65],
  ];
  i32.forEach((value, index) => {
    builder.exportFunction(`i32_${index}`, builder.addFunction(builder.type([], [Type.i32])));
    const start = code.beginFunction([]);
    code.i32Const(value);
    code.endFunction(start);
  });
  i64.forEach(([high, low], index) => {
    builder.exportFunction(`i64_${index}`, builder.addFunction(builder.type([], [Type.i64])));
    const start = code.beginFunction([]);
    code.i64ConstBits(high, low);
    code.endFunction(start);
  });
  const exports = compile(builder);
  i32.forEach((value, index) => assert.equal(exports[`i32_${index}`]!(), value));
  i64.forEach(([high, low], index) =>
    assert.equal(exports[`i64_${index}`]!(), (BigInt(high) << 32n) | BigInt(low >>> 0)),
  );
});

test("labels are absolute: a branch out of nested blocks finds its own", () => {
  const builder = new ModuleBuilder();
  const { code } = builder;
  builder.exportFunction("choose", builder.addFunction(builder.type([Type.i32], [Type.i32])));
  const start = code.beginFunction([]);
  const outer = code.block();
  const middle = code.block();
  const inner = code.block();
  code.localGet(0);
  code.brTable([inner, middle], outer);
  code.end();
  code.i32Const(10);
  code.return();
  code.end();
  code.i32Const(20);
  code.return();
  code.end();
  code.i32Const(30);
  code.endFunction(start);
  const { choose } = compile(builder);
  assert.deepEqual(
    [0, 1, 2, 99].map((value) => choose!(value)),
    [10, 20, 30, 30],
  );
});

test("elements fill table slots, imports are called, a template is used twice", () => {
  const code = new CodeWriter(16); // grows
  const builder = new ModuleBuilder(code);
  const type = builder.type([Type.i32], [Type.i32]);
  builder.importMemory("m", "memory");
  builder.importTable("m", "table");
  const twice = builder.importFunction("m", "twice", type);
  const table = new WebAssembly.Table({ element: "anyfunc", initial: 8 });
  const memory = new WebAssembly.Memory({ initial: 1 });
  const imports = { m: { memory, table, twice: (value: number) => value * 2 } };
  for (const [slot, increment] of [
    [3, 1],
    [5, 7],
  ] as const) {
    builder.clearFunctions();
    builder.addElement(slot, builder.addFunction(type));
    const start = code.beginFunction([{ count: 1, type: Type.i32 }]);
    code.i32Const(0);
    code.localGet(0);
    code.call(twice);
    code.i32Const(increment);
    code.op(Op.i32Add);
    code.localTee(1);
    code.memory(Op.i32Store, 16);
    code.localGet(1);
    code.endFunction(start);
    compile(builder, imports);
  }
  assert.equal((table.get(3) as (value: number) => number)(20), 41);
  assert.equal((table.get(5) as (value: number) => number)(20), 47);
  assert.equal(new Int32Array(memory.buffer)[4], 47);
  assert.equal(table.get(0), null);
});
