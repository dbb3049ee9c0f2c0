/**
 * Puts instructions where their operands are there: what takes long (a load, a product, a division) is begun early
 * enough that others fill the time until its result is used. List scheduling of straight code (Gibbons and Muchnick
 * 1986) for a processor that begins one instruction after the other, such as most of RISC-V; one that finds its order
 * itself loses nothing.
 *
 * The order that was written stays unless the next instruction would wait: then the first of those after it that would
 * not, or whose results others wait longest for. Only so many are looked at, because each that comes early holds a
 * register for longer.
 */
import { Op, Type } from "@stratos/wasm";
import { definitionOf, NONE, usesOf } from "./instructions.ts";
import type { Instruction, NativeFunction } from "./instructions.ts";

/** Cycles from an instruction's beginning until its result can be used. */
export interface Latencies {
  readonly load: number;
  readonly multiply: number;
  readonly divide: number;
  readonly float: number;
  readonly floatDivide: number;
}

/** Instructions beyond the first that has not begun. */
const WINDOW = 8;
/** Straight code is ordered in parts of so many, so that the time for it grows with its length alone. */
const PART_MAX = 64;

type Straight = Exclude<
  Instruction,
  { k: "call" } | { k: "throw" } | { k: "return" } | { k: "label" } | { k: "branch" } | { k: "trap" }
>;
const STRAIGHT: ReadonlySet<string> = new Set([
  ...["const", "float", "move", "unary", "binary", "compare", "select", "load", "store"],
]);

function isStraight(instruction: Instruction): instruction is Straight {
  return STRAIGHT.has(instruction.k);
}

export function schedule(fn: NativeFunction, latencies: Latencies): NativeFunction {
  const instructions: Instruction[] = [];
  let part: Straight[] = [];
  const end = (): void => {
    instructions.push(...ordered(part, fn, latencies));
    part = [];
  };
  for (const instruction of fn.instructions) {
    if (isStraight(instruction)) {
      part.push(instruction);
      if (part.length === PART_MAX) end();
    } else {
      end();
      instructions.push(instruction);
    }
  }
  end();
  return { ...fn, instructions };
}

/** What must come before an instruction, and how many cycles. */
interface Step {
  readonly instruction: Straight;
  readonly after: { readonly step: number; readonly cycles: number }[];
  /** Cycles from its beginning to the end of what waits for it. */
  height: number;
  begun: number;
}

function ordered(part: readonly Straight[], fn: NativeFunction, latencies: Latencies): readonly Instruction[] {
  if (part.length < 3 || !part.some((instruction) => latencyOf(instruction, fn, latencies) > 1)) return part;
  const steps = stepsOf(part, fn, latencies);
  const order: Instruction[] = [];
  const left = steps.map((_, index) => index);
  for (let cycle = 0; left.length > 0; cycle++) {
    const next = chosen(steps, left, cycle);
    const step = steps[left[next]!]!;
    // When all would wait, they do.
    cycle = Math.max(cycle, readyAt(steps, left[next]!));
    step.begun = cycle;
    order.push(step.instruction);
    left.splice(next, 1);
  }
  return order;
}

/** The place in `left` of what begins next. When all would wait, it is the first in the old order. */
function chosen(steps: readonly Step[], left: readonly number[], cycle: number): number {
  let best = 0;
  if (readyAt(steps, left[0]!) <= cycle) return best;
  let height = -1;
  for (let place = 1; place < left.length && left[place]! <= left[0]! + WINDOW; place++) {
    const step = steps[left[place]!]!;
    if (step.height <= height || readyAt(steps, left[place]!) > cycle) continue;
    best = place;
    height = step.height;
  }
  return best;
}

/** The cycle from which it need not wait; Infinity: something has not begun that comes before it. */
function readyAt(steps: readonly Step[], index: number): number {
  let ready = 0;
  for (const { step, cycles } of steps[index]!.after) {
    const { begun } = steps[step]!;
    ready = Math.max(ready, begun < 0 ? Infinity : begun + cycles);
  }
  return ready;
}

function stepsOf(part: readonly Straight[], fn: NativeFunction, latencies: Latencies): Step[] {
  const steps: Step[] = [];
  const definedAt = new Map<number, number>();
  const usedAt = new Map<number, number[]>();
  const accesses: number[] = [];
  part.forEach((instruction, index) => {
    const after: { step: number; cycles: number }[] = [];
    const comesAfter = (step: number | undefined, cycles: number): void => {
      if (step !== undefined) after.push({ step, cycles });
    };
    const uses: number[] = [];
    usesOf(instruction, (value) => {
      const from = definedAt.get(value);
      if (from !== undefined) comesAfter(from, latencyOf(part[from]!, fn, latencies));
      uses.push(value);
    });
    const d = definitionOf(instruction);
    // A value may be written several times: not before the last use, nor before the last time.
    if (d !== NONE) {
      comesAfter(definedAt.get(d), 1);
      for (const use of usedAt.get(d) ?? []) comesAfter(use, 0);
    }
    if (instruction.k === "load" || instruction.k === "store") {
      for (const other of accesses) if (mayMeet(part, other, index, definedAt)) comesAfter(other, 1);
      accesses.push(index);
    }
    for (const value of uses) {
      const known = usedAt.get(value);
      if (known === undefined) usedAt.set(value, [index]);
      else known.push(index);
    }
    if (d !== NONE) {
      definedAt.set(d, index);
      usedAt.set(d, uses.includes(d) ? [index] : []);
    }
    steps.push({ instruction, after, height: 0, begun: -1 });
  });
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index]!;
    step.height += latencyOf(step.instruction, fn, latencies);
    for (const { step: before, cycles } of step.after) {
      const earlier = steps[before]!;
      earlier.height = Math.max(earlier.height, step.height + cycles - latencyOf(earlier.instruction, fn, latencies));
    }
  }
  return steps;
}

/** Whether the later of two accesses to the memory must stay behind the earlier one. */
function mayMeet(
  part: readonly Straight[],
  earlier: number,
  later: number,
  definedAt: ReadonlyMap<number, number>,
): boolean {
  const [one, other] = [part[earlier]!, part[later]!];
  if (!("offset" in one) || !("offset" in other) || (one.k === "load" && other.k === "load")) return false;
  // Places from the same value, which has not changed since, are apart by their offsets.
  const isSameBase = one.a === other.a && (one.a === NONE || (definedAt.get(one.a) ?? -1) < earlier);
  if (!isSameBase) return true;
  return one.offset < other.offset + bytesOf(other.op) && other.offset < one.offset + bytesOf(one.op);
}

const NARROW: ReadonlyMap<number, number> = new Map([
  ...[Op.i32Load8S, Op.i32Load8U, Op.i64Load8S, Op.i64Load8U, Op.i32Store8, Op.i64Store8].map((op) => [op, 1] as const),
  ...[Op.i32Load16S, Op.i32Load16U, Op.i64Load16S, Op.i64Load16U].map((op) => [op, 2] as const),
  ...[Op.i32Store16, Op.i64Store16].map((op) => [op, 2] as const),
  ...[Op.i32Load, Op.i32Store, Op.i64Load32S, Op.i64Load32U, Op.i64Store32].map((op) => [op, 4] as const),
]);

function bytesOf(op: number): number {
  return NARROW.get(op) ?? 8;
}

const MULTIPLICATIONS: ReadonlySet<number> = new Set([Op.i32Mul, Op.i64Mul]);
const DIVISIONS: ReadonlySet<number> = new Set([
  ...[Op.i32DivS, Op.i32DivU, Op.i32RemS, Op.i32RemU, Op.i64DivS, Op.i64DivU, Op.i64RemS, Op.i64RemU],
]);
const FLOAT_DIVISIONS: ReadonlySet<number> = new Set([Op.f64Div, Op.f64Sqrt]);

function latencyOf(instruction: Straight, fn: NativeFunction, latencies: Latencies): number {
  if (instruction.k === "load") return latencies.load;
  if (instruction.k !== "binary" && instruction.k !== "unary") return 1;
  if (MULTIPLICATIONS.has(instruction.op)) return latencies.multiply;
  if (DIVISIONS.has(instruction.op)) return latencies.divide;
  if (FLOAT_DIVISIONS.has(instruction.op)) return latencies.floatDivide;
  const isOfFloats = [instruction.d, instruction.a].some((value) => fn.types[value] === Type.f64);
  return isOfFloats ? latencies.float : 1;
}
