/**
 * Goal: instructions that wait let others go before them, and what is computed stays the same. Method: a processor that
 * begins an instruction each cycle, in order, counts how long it waits; random straight code is run before and after.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { sampleCount } from "@stratos/base/testing";
import { Op, Type } from "@stratos/wasm";
import { NONE, usesOf } from "./instructions.ts";
import type { Instruction, NativeFunction } from "./instructions.ts";
import { schedule, type Latencies } from "./schedule.ts";

const SEED = Number(process.env["LISP_SEED"] ?? 20261129);
const LATENCIES: Latencies = { load: 3, multiply: 3, divide: 16, float: 7, floatDivide: 30 };
const VALUES = 8;
const WORDS = 16;

function functionOf(instructions: Instruction[], valueCount = VALUES): NativeFunction {
  return {
    name: "test",
    parameterCount: 0,
    types: new Array<typeof Type.i64>(valueCount).fill(Type.i64),
    instructions,
    labelCount: 1,
  };
}

const load = (d: number, a: number, offset = 0): Instruction => ({ k: "load", op: Op.i64Load, d, a, offset });
const store = (a: number, b: number, offset = 0): Instruction => ({ k: "store", op: Op.i64Store, a, offset, b });
const add = (d: number, a: number, b: number): Instruction => ({ k: "binary", op: Op.i64Add, d, a, b, imm: 0 });
const multiply = (d: number, a: number, b: number): Instruction => ({ k: "binary", op: Op.i64Mul, d, a, b, imm: 0 });

/** Cycles in which nothing begins, as operands are not there. */
function waits({ instructions }: NativeFunction): number {
  const readyAt = new Map<number, number>();
  let cycle = 0;
  let waited = 0;
  for (const instruction of instructions) {
    let from = cycle;
    usesOf(instruction, (value) => {
      from = Math.max(from, readyAt.get(value) ?? 0);
    });
    waited += from - cycle;
    cycle = from + 1;
    if (!("d" in instruction)) continue;
    const takes = instruction.k === "load" || (instruction.k === "binary" && instruction.op === Op.i64Mul) ? 3 : 1;
    readyAt.set(instruction.d, from + takes);
  }
  return waited;
}

test("loads and products that do not need each other fill each other's time", () => {
  const sum = functionOf([
    load(2, 0, 0),
    add(3, 2, 2),
    load(4, 0, 8),
    add(5, 4, 3),
    multiply(6, 1, 1),
    add(7, 6, 5),
    { k: "return", a: 7 },
  ]);
  assert.ok(waits(sum) >= 6);
  const ordered = schedule(sum, LATENCIES);
  assert.ok(waits(ordered) <= 2, JSON.stringify(ordered.instructions));
  assert.deepEqual(ordered.instructions.at(-1), { k: "return", a: 7 });
});

test("nothing goes past a label, a branch or a call, and code that waits for nothing stays as it is", () => {
  const branch: Instruction = { k: "branch", label: 0, test: null };
  const parts = [load(2, 0), add(3, 2, 2), branch, load(4, 0, 8), { k: "label", label: 0 } as const, add(5, 4, 4)];
  assert.deepEqual(schedule(functionOf(parts), LATENCIES).instructions, parts);
  const plain = [add(1, 0, 0), add(2, 1, 1), add(3, 0, 2), store(0, 3)];
  assert.deepEqual(schedule(functionOf(plain), LATENCIES).instructions, plain);
});

test("a load stays behind a store that may be to its place, and passes one that is beside it", () => {
  const behind = [multiply(2, 1, 1), store(0, 2), load(3, 4), add(5, 3, 3)];
  assert.deepEqual(schedule(functionOf(behind), LATENCIES).instructions.slice(1), behind.slice(1));
  const beside = [multiply(2, 1, 1), store(0, 2), load(3, 0, 8), add(5, 3, 3)];
  assert.deepEqual(schedule(functionOf(beside), LATENCIES).instructions, [beside[0], beside[2], beside[1], beside[3]]);
  // Places from a value that was changed in between are not beside it.
  const changed = [multiply(2, 1, 1), store(0, 2), add(0, 0, 4), load(3, 0, 8), add(5, 3, 3)];
  const { instructions } = schedule(functionOf(changed), LATENCIES);
  assert.ok(instructions.indexOf(changed[1]!) < instructions.indexOf(changed[3]!));
});

/** Values and words of memory after straight code. Addresses are what a value is, in the memory's size. */
function run(instructions: readonly Instruction[]): bigint[] {
  const values = Array.from({ length: VALUES }, (_, v) => BigInt(v * 8));
  const memory = Array.from({ length: WORDS }, (_, at) => BigInt(1000 + at));
  const place = (a: number, offset: number): number => Number(((a === NONE ? 0n : values[a]!) / 8n) % 64n) + offset / 8;
  const at = (a: number, offset: number): number => ((place(a, offset) % WORDS) + WORDS) % WORDS;
  for (const instruction of instructions) {
    if (instruction.k === "load") values[instruction.d] = memory[at(instruction.a, instruction.offset)]!;
    else if (instruction.k === "store") memory[at(instruction.a, instruction.offset)] = values[instruction.b]!;
    else if (instruction.k === "binary") {
      const [a, b] = [values[instruction.a]!, values[instruction.b]!];
      values[instruction.d] = BigInt.asUintN(64, instruction.op === Op.i64Mul ? a * b : a + b);
    } else if (instruction.k === "move") values[instruction.d] = values[instruction.a]!;
  }
  return [...values, ...memory];
}

test(`random straight code computes the same in its new order (seed ${SEED})`, () => {
  const random = new SeededRandom(SEED);
  const value = (): number => random.below(VALUES);
  let changed = 0;
  for (let round = 0; round < sampleCount(5000, 0.06); round++) {
    const code = Array.from({ length: 3 + random.below(90) }, (): Instruction => {
      // Some places are constants; offsets stay within what the memory has, so that neighbours are neighbours.
      const a = random.below(3) === 0 ? NONE : value();
      const offset = 8 * random.below(4);
      switch (random.below(5)) {
        case 0:
        case 1:
          return load(value(), a, offset);
        case 2:
          return store(a, value(), offset);
        case 3:
          return { k: "move", d: value(), a: value() };
        default:
          return random.below(2) === 0 ? add(value(), value(), value()) : multiply(value(), value(), value());
      }
    });
    const fn = functionOf(code);
    const ordered = schedule(fn, LATENCIES);
    assert.equal(ordered.instructions.length, code.length);
    assert.deepEqual(run(ordered.instructions), run(code), `round ${round}`);
    assert.ok(waits(ordered) <= waits(fn) + 2, `round ${round}: ${waits(fn)} waits became ${waits(ordered)}`);
    if (ordered.instructions.some((instruction, index) => instruction !== code[index])) changed++;
  }
  assert.ok(changed > 100);
});
