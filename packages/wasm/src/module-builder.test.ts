/** Modules are built and run by the host's engine: what it accepts and computes is the judge. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CodeWriter } from "./code-writer.ts";
import { ModuleBuilder } from "./module-builder.ts";
import { Op, Type } from "./opcodes.ts";

declare const WebAssembly: {
  readonly Module: {
    new (bytes: Uint8Array): object;
    customSections(module: object, name: string): ArrayBuffer[];
  };
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

test("a table of functions of one type is full from the start and takes no others", () => {
  const maker = new ModuleBuilder();
  const unary = maker.type([Type.i32], [Type.i32]);
  const filler = maker.addFunction(unary);
  let start = maker.code.beginFunction([]);
  maker.code.i32Const(-7);
  maker.code.endFunction(start);
  maker.exportTable("table", maker.addFunctionTable({ type: unary, size: 4 }, filler));
  const table = compile(maker)["table"] as unknown as {
    get(index: number): (value: number) => number;
    set(index: number, value: unknown): void;
  };

  const builder = new ModuleBuilder();
  const { code } = builder;
  const other = builder.type([], []);
  const type = builder.type([Type.i32], [Type.i32]);
  builder.importFunctionTable("m", "table", { type, size: 4 });
  const base = builder.importGlobal("m", "base", Type.i32);
  const callAt = builder.addFunction(type);
  const negate = builder.addFunction(type);
  builder.exportFunction("none", builder.addFunction(other));
  builder.exportFunction("callAt", callAt);
  start = code.beginFunction([]);
  code.i32Const(5);
  code.localGet(0);
  code.callIndirect(type);
  code.endFunction(start);
  start = code.beginFunction([]);
  code.i32Const(0);
  code.localGet(0);
  code.op(Op.i32Sub);
  code.endFunction(start);
  code.endFunction(code.beginFunction([]));
  builder.addElement(1, negate);
  builder.addElementsAtGlobal(base, [negate]);
  const exports = compile(builder, { m: { table, base: 3 } });
  assert.deepEqual(
    [0, 1, 2, 3].map((slot) => exports["callAt"]!(slot)),
    [-7, -5, -7, -5],
  );
  assert.throws(() => exports["callAt"]!(4), /out of bounds/);
  assert.throws(() => table.set(0, exports["none"]), TypeError);
  assert.throws(() => table.set(0, null), TypeError);
});

test("a module of its own memory, globals, data, table and function names", () => {
  const builder = new ModuleBuilder();
  const { code } = builder;
  const type = builder.type([], [Type.i32]);
  builder.addMemory({ minimum: 1, maximum: 2 });
  builder.exportMemory("memory");
  builder.addTable(4);
  builder.exportTable("table");
  const counter = builder.addGlobal(Type.i32, 40);
  builder.exportGlobal("counter", counter);
  builder.addData(1000, new Uint8Array([1, 2, 3]));
  const next = builder.addFunction(type);
  builder.exportFunction("next", next);
  builder.nameFunction(next, "next-\u03bb");
  builder.addElements(1, [next, next]);
  const start = code.beginFunction([]);
  code.globalGet(counter);
  code.i32Const(1);
  code.op(Op.i32Add);
  code.globalSet(counter);
  code.globalGet(counter);
  code.endFunction(start);
  const exports = compile(builder) as unknown as {
    memory: { buffer: ArrayBuffer };
    counter: { value: number };
    next: () => number;
    table: { get(index: number): unknown };
  };
  assert.equal(exports.next(), 41);
  assert.equal(exports.next(), 42);
  assert.equal(exports.counter.value, 42);
  assert.deepEqual([...new Uint8Array(exports.memory.buffer, 999, 5)], [0, 1, 2, 3, 0]);
  assert.equal(exports.table.get(2), exports.next);
  assert.equal(exports.table.get(3), null);
  assert.ok(new TextDecoder().decode(builder.finish()).includes("next-?"));
});

test("an exception is caught by its tag with its value, rethrown by reference, and missed by another tag", () => {
  const builder = new ModuleBuilder();
  const { code } = builder;
  const unary = builder.type([Type.i32], [Type.i32]);
  const mine = builder.addTag(builder.type([Type.i32], []));
  const other = builder.addTag(builder.type([], []));
  builder.exportTag("other", other);
  const thrower = builder.addFunction(unary);
  let at = code.beginFunction([]);
  code.localGet(0);
  code.i32Const(100);
  code.op(Op.i32GtS);
  code.if();
  code.throw(other);
  code.end();
  code.localGet(0);
  code.throw(mine);
  code.endFunction(at);

  const again = builder.addFunction(unary);
  at = code.beginFunction([]);
  let caught = code.block(Type.exnref);
  code.tryTable([{ tag: null, label: caught, ref: true }]);
  code.localGet(0);
  code.call(thrower);
  code.return();
  code.end();
  code.op(Op.unreachable);
  code.end();
  code.throwRef();
  code.endFunction(at);

  builder.exportFunction("catch", builder.addFunction(unary));
  at = code.beginFunction([]);
  caught = code.block(Type.i32);
  code.tryTable([{ tag: mine, label: caught }]);
  code.localGet(0);
  code.call(again);
  code.return();
  code.end();
  code.op(Op.unreachable);
  code.end();
  code.i32Const(1);
  code.op(Op.i32Add);
  code.endFunction(at);
  const exports = compile(builder);
  assert.equal(exports["catch"]!(41), 42);
  assert.throws(() => exports["catch"]!(101));
});

test("calls by reference, in a function's tail too, return what the function returns", () => {
  const builder = new ModuleBuilder();
  const { code } = builder;
  const type = builder.type([Type.i32], [Type.i32]);
  const increment = builder.addFunction(type);
  builder.exportFunction("increment", increment); // an exported function may be referred to
  let at = code.beginFunction([]);
  code.localGet(0);
  code.i32Const(1);
  code.op(Op.i32Add);
  code.endFunction(at);
  builder.exportFunction("twice", builder.addFunction(type));
  at = code.beginFunction([]);
  code.localGet(0);
  code.refFunc(increment);
  code.callRef(type);
  code.refFunc(increment);
  code.returnCallRef(type);
  code.endFunction(at);
  assert.equal(compile(builder)["twice"]!(40), 42);
});

test("unlikely branches are told by function and place, and forgotten with the functions", () => {
  const builder = new ModuleBuilder();
  const { code } = builder;
  builder.importFunction("m", "f", builder.type([], []));
  const type = builder.type([Type.i32], []);
  const hints = (): number[] => {
    const [section] = WebAssembly.Module.customSections(
      new WebAssembly.Module(builder.finish()),
      "metadata.code.branch_hint",
    );
    return section === undefined ? [] : [...new Uint8Array(section)];
  };
  const add = (unlikely: readonly boolean[]): void => {
    builder.addFunction(type);
    const start = code.beginFunction([]);
    for (const isUnlikely of unlikely) {
      code.localGet(0);
      if (isUnlikely) code.unlikely();
      code.if();
      code.end();
    }
    code.endFunction(start);
  };
  add([true, false, true]);
  add([false]);
  add([true]);
  // A body is a byte for no locals, then 5 for each branch, `local.get 0` being the first two.
  assert.deepEqual(hints(), [2, 1, 2, 3, 1, 0, 13, 1, 0, 3, 1, 3, 1, 0]);
  builder.clearFunctions();
  add([false]);
  assert.deepEqual(hints(), []);
});
