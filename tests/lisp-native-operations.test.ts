/**
 * Goal: each operation of a native back end gives the bits that WebAssembly gives. Node runs a module of small
 * functions, one for each operation in each of its forms, over pairs of numbers from the edges; the same module
 * compiled ahead is run on each processor, by the host or qemu-user.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { ModuleBuilder, Op, Type } from "@stratos/wasm";
import type { CodeWriter, ValueType } from "@stratos/wasm";
import { emitFunction } from "../packages/lisp/src/back-native/emit.ts";
import { writeElf } from "../packages/lisp/src/back-native/elf.ts";
import { CODE_START, HEAP_END, STACK_END } from "../packages/lisp/src/back-native/layout.ts";
import { lowerFunction } from "../packages/lisp/src/back-native/lower.ts";
import { PLATFORMS } from "../packages/lisp/src/back-native/platforms.ts";
import type { NativePlatform } from "../packages/lisp/src/back-native/program.ts";
import { Assembler } from "../packages/lisp/src/back-native/target.ts";
import { readModule } from "../packages/lisp/src/back-native/wasm-module.ts";
import { EMULATORS } from "./support/emulators.ts";

const VALUES = 0x11000;
/** Where functions store and load. */
const PLAYGROUND = 0x18000;
const RESULTS = 0x100000;
const MEMORY_END = 0x2000000;

const word = new DataView(new ArrayBuffer(8));
function bitsOf(x: number): bigint {
  word.setFloat64(0, x);
  return word.getBigInt64(0);
}
const NUMBERS: readonly bigint[] = [
  ...[0n, 1n, -1n, -2n, 8n, 31n, -8n, 0x7fffn, -0x8001n, 0x7fffffffn, 0x80000000n, 0xffffffffn, -0x80000000n],
  ...[0x100000000n, 0x123456789abcdefn, -0x7edcba9876543210n, -(2n ** 63n), 2n ** 63n - 1n],
  ...[-0, 0.5, -0.5, 1.5, -2.5, 3.5, 1e300, Infinity, -Infinity, NaN, 5e-324, 2 ** 52 + 1, -9e18, 0.1].map(bitsOf),
];

/** A function of two words that gives a word. */
interface Case {
  readonly name: string;
  readonly op: number;
  readonly write: (code: CodeWriter) => void;
}
/** Locals of each function: its parameters, and one of each type. */
const [A, B, I32, I64, F64] = [0, 1, 2, 3, 4] as const;

type Kind = "i32" | "i64" | "f64";
function operand(code: CodeWriter, local: number, kind: Kind): void {
  code.localGet(local);
  if (kind === "i32") code.op(Op.i32WrapI64);
  if (kind === "f64") code.op(Op.f64ReinterpretI64);
}
/** Any NaN is one: which it is WebAssembly leaves open. */
function give(code: CodeWriter, kind: Kind): void {
  if (kind === "i32") code.op(Op.i64ExtendI32U);
  if (kind !== "f64") return;
  code.localTee(F64);
  code.op(Op.i64ReinterpretF64);
  code.i64Const(0x7ff8);
  code.localGet(F64);
  code.localGet(F64);
  code.op(Op.f64Eq);
  code.op(Op.select);
}
function constant(code: CodeWriter, kind: Kind, value: number): void {
  if (kind === "i32") code.i32Const(value);
  else code.i64Const(value);
}

const nameOf = new Map<number, string>(Object.entries(Op).map(([name, op]) => [op as number, name]));
const CONSTANTS = [0, 1, 3, 8, 31, 63, 255, 1000, 2047, -1, -8, -100, -2047];
const cases: Case[] = [];
function add(name: string, op: number, write: (code: CodeWriter) => void): void {
  cases.push({ name: `${nameOf.get(op) ?? op} ${name}`, op, write });
}

for (const kind of ["i32", "i64"] as const) {
  const of = (name: string): number => (Op as Readonly<Record<string, number>>)[`${kind}${name}`]!;
  for (const name of ["Add", "Sub", "Mul", "And", "Or", "Xor", "Shl", "ShrS", "ShrU"]) {
    add("of registers", of(name), (code) => {
      operand(code, A, kind);
      operand(code, B, kind);
      code.op(of(name));
      give(code, kind);
    });
    for (const value of CONSTANTS)
      add(`and ${value}`, of(name), (code) => {
        operand(code, A, kind);
        constant(code, kind, value);
        code.op(of(name));
        give(code, kind);
      });
  }
  for (const name of ["DivS", "DivU", "RemS", "RemU"])
    add("", of(name), (code) => {
      // Not by 0, nor by -1: what traps is looked for before (liveness.ts).
      operand(code, A, kind);
      constant(code, kind, 5);
      operand(code, B, kind);
      operand(code, B, kind);
      constant(code, kind, 1);
      code.op(of("Add"));
      constant(code, kind, 2);
      code.op(of("LtU"));
      code.op(Op.select);
      code.op(of(name));
      give(code, kind);
    });
  for (const name of ["Eq", "Ne", "LtS", "LtU", "GtS", "GtU", "LeS", "LeU", "GeS", "GeU"])
    for (const right of [null, 0, 1, -1, 2047, -2047]) {
      const compare = (code: CodeWriter): void => {
        operand(code, A, kind);
        if (right === null) operand(code, B, kind);
        else constant(code, kind, right);
        code.op(of(name));
      };
      addTests(`with ${right ?? "a register"}`, of(name), compare);
    }
}
function addTests(name: string, op: number, compare: (code: CodeWriter) => void): void {
  add(`${name}, as a value`, op, (code) => {
    compare(code);
    code.localTee(I32);
    code.op(Op.i64ExtendI32U);
  });
  add(`${name}, in a branch`, op, (code) => {
    compare(code);
    code.if(Type.i64);
    code.localGet(B);
    code.else();
    code.localGet(A);
    code.i64Const(1);
    code.op(Op.i64Xor);
    code.end();
  });
  add(`${name}, in a branch that it does not take`, op, (code) => {
    code.localGet(A);
    code.localSet(I64);
    const end = code.block();
    compare(code);
    code.brIf(end);
    code.i64Const(-5);
    code.localSet(I64);
    code.end();
    code.localGet(I64);
  });
  add(`${name}, in a choice`, op, (code) => {
    code.localGet(A);
    code.localGet(B);
    compare(code);
    code.op(Op.select);
  });
}

for (const op of [Op.f64Add, Op.f64Sub, Op.f64Mul, Op.f64Div])
  add("", op, (code) => {
    operand(code, A, "f64");
    operand(code, B, "f64");
    code.op(op);
    give(code, "f64");
  });
for (const op of [Op.f64Eq, Op.f64Ne, Op.f64Lt, Op.f64Gt, Op.f64Le, Op.f64Ge])
  addTests("of doubles", op, (code) => {
    operand(code, A, "f64");
    operand(code, B, "f64");
    code.op(op);
  });
for (const op of [Op.f64Abs, Op.f64Neg])
  add("of any bits", op, (code) => {
    operand(code, A, "f64");
    code.op(op);
    code.op(Op.i64ReinterpretF64);
  });
for (const op of [Op.f64Ceil, Op.f64Floor, Op.f64Trunc, Op.f64Nearest, Op.f64Sqrt])
  add("", op, (code) => {
    operand(code, A, "f64");
    code.op(op);
    give(code, "f64");
  });
for (const [op, from, to] of [
  [Op.i32Clz, "i32", "i32"],
  [Op.i64Clz, "i64", "i64"],
  [Op.i64Ctz, "i64", "i64"],
  [Op.i64Popcnt, "i64", "i64"],
  [Op.i64ExtendI32S, "i32", "i64"],
  [Op.i64ExtendI32U, "i32", "i64"],
  [Op.i64Extend32S, "i64", "i64"],
  [Op.f64ConvertI64S, "i64", "f64"],
] as const)
  add("", op, (code) => {
    operand(code, A, from);
    code.op(op);
    give(code, to);
  });
add("of what has an integer part", Op.i64TruncF64S, (code) => {
  operand(code, A, "f64");
  code.f64Const(2.75);
  operand(code, A, "f64");
  code.op(Op.f64Abs);
  code.f64Const(2 ** 63);
  code.op(Op.f64Lt);
  code.op(Op.select);
  code.op(Op.i64TruncF64S);
});

// Offsets of fields, near and far ones, at which a word is never aligned.
for (const offset of [0, 3, 7, 8, 11, 12, 15, 19, 1001, 0x8001, 0x12345]) {
  for (const [store, load] of [
    [Op.i64Store, Op.i64Load],
    [Op.f64Store, Op.f64Load],
    [Op.i32Store, Op.i32Load],
    [Op.i32Store8, Op.i32Load8U],
    [Op.i32Store, Op.i32Load16U],
  ] as const) {
    const kind = load === Op.i64Load ? "i64" : load === Op.f64Load ? "f64" : "i32";
    for (const [isAtConstant, isStored] of [
      [false, false],
      [false, true],
      [true, false],
      [true, true],
    ] as const) {
      const place = `${isAtConstant ? "a constant" : "a register"} + ${offset}`;
      add(isStored ? `of what was stored at ${place}` : `at ${place}`, load, (code) => {
        // Once with the offset, once with their sum.
        const address = (hasOffset: boolean): void => {
          const base = hasOffset ? PLAYGROUND : PLAYGROUND + offset;
          if (isAtConstant) return code.i32Const(base);
          // Through a number below zero.
          operand(code, B, "i32");
          code.i32Const(0xf8);
          code.op(Op.i32And);
          code.i32Const(-0x1000);
          code.op(Op.i32Add);
          code.i32Const(base + 0x1000);
          code.op(Op.i32Add);
        };
        address(isStored);
        operand(code, A, kind);
        code.memory(store, isStored ? offset : 0);
        address(!isStored);
        code.memory(load, isStored ? 0 : offset);
        if (kind === "f64") code.op(Op.i64ReinterpretF64);
        else give(code, kind);
      });
    }
  }
}
for (const value of [
  1n << 31n,
  (1n << 31n) - 1n,
  -(1n << 31n) - 1n,
  0xffff0000ffff0001n,
  0x8000000000000001n,
  1n << 62n,
])
  add(`and 0x${value.toString(16)}`, Op.i64Const, (code) => {
    code.localGet(A);
    code.i64ConstBits(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
    code.op(Op.i64Xor);
  });
// More values at once than any processor has registers; and code across which a short branch does not reach.
for (const count of [70, 9000])
  add(`${count} times, with a branch around`, Op.if, (code) => {
    code.localGet(A);
    code.op(Op.i64Eqz);
    code.if(Type.i64);
    const isDeep = count < 100;
    for (let index = 0; index < count; index++) {
      code.localGet(1 - (index % 2));
      if (isDeep || index === 0) code.i64Const(index * 1000);
      code.op(isDeep || index === 0 ? Op.i64Add : Op.i64Xor);
    }
    if (isDeep) for (let index = 1; index < count; index++) code.op(Op.i64Sub);
    code.else();
    code.i64Const(7);
    code.end();
  });

interface Module {
  readonly bytes: Uint8Array;
  readonly names: readonly string[];
}
/** @param platform  whose system calls end it; what is a routine there is left out */
function makeModule({ routines, calls }: NativePlatform): Module {
  const own = cases.filter(({ op }) => !routines.has(op));
  const builder = new ModuleBuilder();
  builder.importMemory("vm", "memory");
  const system = builder.importFunction(
    "native",
    "syscall",
    builder.type(new Array<ValueType>(7).fill(Type.i64), [Type.i64]),
  );
  const unit = builder.type([Type.i64, Type.i64], [Type.i64]);
  const functions = own.map(() => builder.addFunction(unit));
  const run = builder.type([Type.i32], [Type.i32]);
  const drivers = own.map(() => builder.addFunction(run));
  const main = builder.addFunction(builder.type([], []));
  const { code } = builder;
  for (const { write } of own) {
    const at = code.beginFunction([Type.i32, Type.i64, Type.f64].map((type) => ({ count: 1, type })));
    write(code);
    code.endFunction(at);
  }
  const bytes = 8 * NUMBERS.length;
  for (const fn of functions) {
    // Parameter: where results go; locals: places of both numbers.
    const at = code.beginFunction([{ count: 2, type: Type.i32 }]);
    const outer = code.loop();
    code.i32Const(0);
    code.localSet(2);
    const inner = code.loop();
    code.localGet(0);
    for (const index of [1, 2]) {
      code.localGet(index);
      code.memory(Op.i64Load, VALUES);
    }
    code.call(fn);
    code.memory(Op.i64Store, 0);
    for (const [local, step] of [
      [0, 8],
      [2, 8],
    ] as const) {
      code.localGet(local);
      code.i32Const(step);
      code.op(Op.i32Add);
      code.localSet(local);
    }
    code.localGet(2);
    code.i32Const(bytes);
    code.op(Op.i32LtU);
    code.brIf(inner);
    code.end();
    code.localGet(1);
    code.i32Const(8);
    code.op(Op.i32Add);
    code.localTee(1);
    code.i32Const(bytes);
    code.op(Op.i32LtU);
    code.brIf(outer);
    code.end();
    code.localGet(0);
    code.endFunction(at);
  }
  const at = code.beginFunction([]);
  code.i32Const(RESULTS);
  for (const driver of drivers) code.call(driver);
  code.op(Op.drop);
  builder.exportFunction("main", main);
  const call = (operands: readonly number[]): void => {
    for (const value of [...operands, 0, 0, 0, 0, 0, 0].slice(0, 7)) code.i64Const(value);
    code.call(system);
    code.op(Op.drop);
  };
  call([calls.write, 1, RESULTS, own.length * NUMBERS.length * bytes]);
  call([calls.exit_group, 0]);
  code.endFunction(at);
  return { bytes: builder.finish(), names: own.map(({ name }) => name) };
}

/** First content of the memory from the first page on. */
function numbers(): Uint8Array {
  const memory = new Uint8Array(VALUES + 8 * NUMBERS.length - 0x10000);
  const view = new DataView(memory.buffer);
  NUMBERS.forEach((value, index) => view.setBigInt64(VALUES - 0x10000 + 8 * index, value, true));
  return memory;
}

function byWasm({ bytes, names }: Module): BigInt64Array {
  const engine = new NodeWasmEngine();
  const memory = engine.createMemory(MEMORY_END / 65536, MEMORY_END / 65536);
  new Uint8Array(memory.buffer).set(numbers(), 0x10000);
  const { exports } = engine.instantiate(engine.compile(bytes), { vm: { memory }, native: { syscall: () => 0n } });
  (exports["main"] as () => void)();
  return new BigInt64Array(memory.buffer, RESULTS, names.length * NUMBERS.length ** 2);
}

function compiled({ bytes }: Module, platform: NativePlatform, isFar: boolean): Uint8Array {
  const target = platform.target({ isFar, isForeign: false });
  const text = readModule(bytes);
  const nameAt = (index: number): string =>
    index === 0 ? "native/syscall" : index === text.exports.get("main") ? "native/main" : `unit#${index}`;
  const codes = text.functions.map((body, index) =>
    emitFunction(
      lowerFunction(body, nameAt(index + 1), {
        functionAt: (at) => ({ name: nameAt(at), type: (text.imports[at] ?? text.functions[at - 1]!).type }),
        types: text.types,
        routineFor: () => null,
      }),
      target,
      true,
    ),
  );
  const intrinsics = (["start", "syscall"] as const).map((name) => {
    const code = new Assembler(false);
    platform.intrinsic(code, name, target);
    return { name: `native/${name}`, bytes: code.bytes, calls: code.calls };
  });
  const all = [...intrinsics, ...codes];
  const places = new Map<string, number>();
  let size = 0;
  for (const code of all) {
    places.set(code.name, size);
    size += (code.bytes.length + 15) & ~15;
  }
  const machineCode = new Uint8Array(size);
  const view = new DataView(machineCode.buffer);
  for (const { name, bytes: own, calls } of all) {
    const start = places.get(name)!;
    machineCode.set(own, start);
    for (const { at, target: to } of calls) target.patchCall(view, start + at, places.get(to)!);
  }
  const { machine, elfFlags: flags, pageBytes } = platform;
  return writeElf(
    [
      { address: 0x10000, bytes: numbers(), memoryBytes: MEMORY_END - 0x10000, access: "rw" },
      { address: HEAP_END, bytes: new Uint8Array(0), memoryBytes: STACK_END - HEAP_END, access: "rw" },
      { address: CODE_START, bytes: machineCode, memoryBytes: size, access: "rx" },
    ],
    { machine, flags, entry: CODE_START, pageBytes },
  );
}

for (const [name, platform] of Object.entries(PLATFORMS) as [keyof typeof PLATFORMS, NativePlatform][]) {
  const runner = EMULATORS[name];
  const skip = runner === null && `a host of ${process.arch}`;
  for (const isFar of name === "x86_64" ? [false] : [false, true])
    test(`each operation on ${name} is WebAssembly's${isFar ? ", with far calls" : ""}`, { skip }, () => {
      const folder = mkdtempSync(join(tmpdir(), "stratos-lisp-operations-"));
      try {
        const module = makeModule(platform);
        const file = join(folder, "program");
        writeFileSync(file, compiled(module, platform, isFar), { mode: 0o755 });
        const [command, ...args] = [...(runner ?? []), file];
        const { stdout, status, signal } = spawnSync(command!, args, { maxBuffer: 1 << 28 });
        assert.deepEqual({ status, signal }, { status: 0, signal: null });
        const expected = byWasm(module);
        assert.equal(stdout.length, expected.byteLength);
        const count = NUMBERS.length;
        for (const [index, value] of expected.entries()) {
          const given = stdout.readBigInt64LE(index * 8);
          if (given === value) continue;
          const [a, b] = [NUMBERS[Math.floor(index / count) % count]!, NUMBERS[index % count]!];
          const hex = (bits: bigint): string => `0x${BigInt.asUintN(64, bits).toString(16)}`;
          assert.fail(
            `${module.names[Math.floor(index / count ** 2)]!} of ${a} and ${b}: ${hex(given)}, not ${hex(value)}`,
          );
        }
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
}
