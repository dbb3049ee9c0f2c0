/**
 * Gives values registers: a linear scan over their ranges (Poletto and Sarkar 1999). No register survives a call, so
 * that frames can be left by an exception, and by a tail call, without restoring anything: a value that is needed after
 * a call is put into its slot before it, and comes back when it is next used (emit.ts). Hence every value that lives
 * across a call has a slot, and values that find no register have nothing else.
 */
import { definitionOf, isFloat, NONE, usesOf } from "./instructions.ts";
import type { NativeFunction } from "./instructions.ts";
import type { Liveness } from "./liveness.ts";

export interface RegisterSet {
  /** Those that values may have, the best first. */
  readonly integers: readonly number[];
  readonly floats: readonly number[];
  /** Those that arguments come in. */
  readonly integerArguments: readonly number[];
  readonly floatArguments: readonly number[];
  readonly integerResult: number;
  readonly floatResult: number;
}

export interface Allocation {
  /** NONE: it lives in its slot. */
  readonly register: Int32Array;
  readonly slot: Int32Array;
  readonly slotCount: number;
}

interface Range {
  readonly v: number;
  readonly start: number;
  readonly end: number;
  readonly weight: number;
}

/** A use in a loop weighs as much as so many outside. */
const LOOP_WEIGHT = 8;
const DEPTH_MAX = 6;

export function allocate(fn: NativeFunction, live: Liveness, registers: RegisterSet): Allocation {
  const count = fn.types.length;
  const register = new Int32Array(count).fill(NONE);
  const slot = new Int32Array(count).fill(NONE);
  const needsSlot = new Uint8Array(count);
  for (const values of live.across.values()) for (const v of values) needsSlot[v] = 1;
  const weights = weigh(fn, live);
  const hints = hintsOf(fn, live, registers);
  const moves = movesInto(live, count);
  const ranges: Range[] = [];
  for (let v = 0; v < count; v++)
    if (live.start[v]! >= 0)
      ranges.push({
        v,
        start: live.start[v]!,
        end: live.end[v]!,
        weight: weights[v]! / (live.end[v]! - live.start[v]! + 1),
      });
  ranges.sort((a, b) => a.start - b.start);

  for (const ofFloats of [false, true]) {
    const free = new Set(ofFloats ? registers.floats : registers.integers);
    let active: Range[] = [];
    for (const range of ranges) {
      if (isFloat(fn.types[range.v]!) !== ofFloats) continue;
      active = active.filter((other) => {
        if (other.end >= range.start) return true;
        free.add(register[other.v]!);
        return false;
      });
      const source = moves[range.v]!;
      const wanted =
        source !== NONE && register[source] !== NONE && free.has(register[source]!)
          ? register[source]!
          : hints[range.v]!;
      if (wanted !== NONE && free.has(wanted)) register[range.v] = wanted;
      else if (free.size > 0) register[range.v] = firstFree(free, ofFloats ? registers.floats : registers.integers);
      else {
        const least = active.reduce((best, other) => (other.weight < best.weight ? other : best), range);
        needsSlot[least.v] = 1;
        if (least === range) continue;
        register[range.v] = register[least.v]!;
        register[least.v] = NONE;
        active = active.filter((other) => other !== least);
      }
      free.delete(register[range.v]!);
      active.push(range);
    }
  }
  return { register, slot, slotCount: giveSlots(ranges, needsSlot, slot) };
}

function firstFree(free: ReadonlySet<number>, order: readonly number[]): number {
  return order.find((register) => free.has(register))!;
}

/** Slots are used again when their values are gone. */
function giveSlots(ranges: readonly Range[], needsSlot: Uint8Array, slot: Int32Array): number {
  let count = 0;
  const free: number[] = [];
  let active: Range[] = [];
  for (const range of ranges) {
    if (needsSlot[range.v] === 0) continue;
    active = active.filter((other) => {
      if (other.end >= range.start) return true;
      free.push(slot[other.v]!);
      return false;
    });
    slot[range.v] = free.pop() ?? count++;
    active.push(range);
  }
  return count;
}

function weigh(fn: NativeFunction, live: Liveness): Float64Array {
  const { instructions } = live;
  const place = new Int32Array(fn.labelCount).fill(NONE);
  const change = new Int32Array(instructions.length + 1);
  instructions.forEach((instruction, index) => {
    if (instruction.k === "label") place[instruction.label] = index;
    if (instruction.k !== "branch" || place[instruction.label] === NONE) return;
    change[place[instruction.label]!]!++;
    change[index + 1]!--;
  });
  const weights = new Float64Array(fn.types.length);
  let depth = 0;
  instructions.forEach((instruction, index) => {
    depth += change[index]!;
    const weight = LOOP_WEIGHT ** Math.min(depth, DEPTH_MAX);
    visit(instruction, (v) => {
      weights[v]! += weight;
    });
  });
  return weights;
}

function visit(instruction: Liveness["instructions"][number], use: (v: number) => void): void {
  usesOf(instruction, use);
  const d = definitionOf(instruction);
  if (d !== NONE) use(d);
}

/** Registers that values come in or go out by. */
function hintsOf(fn: NativeFunction, live: Liveness, registers: RegisterSet): Int32Array {
  const hints = new Int32Array(fn.types.length).fill(NONE);
  const places = argumentPlaces(
    Array.from({ length: fn.parameterCount }, (_, v) => fn.types[v]!),
    registers,
  );
  live.instructions.forEach((instruction) => {
    if (instruction.k === "call") {
      argumentPlaces(
        instruction.args.map((v) => fn.types[v]!),
        registers,
      ).forEach(({ register }, index) => {
        hints[instruction.args[index]!] = register;
      });
      if (instruction.d !== NONE)
        hints[instruction.d] = isFloat(fn.types[instruction.d]!) ? registers.floatResult : registers.integerResult;
    }
    if (instruction.k === "return" && instruction.a !== NONE)
      hints[instruction.a] = isFloat(fn.types[instruction.a]!) ? registers.floatResult : registers.integerResult;
  });
  places.forEach(({ register }, v) => {
    hints[v] = register;
  });
  return hints;
}

/** Where each argument goes: a register, or (NONE) a word of the memory's area for arguments. */
export function argumentPlaces(
  types: readonly number[],
  { integerArguments, floatArguments }: RegisterSet,
): { register: number; word: number }[] {
  let integers = 0;
  let floats = 0;
  let words = 0;
  return types.map((type) => {
    const register = (isFloat(type as never) ? floatArguments[floats++] : integerArguments[integers++]) ?? NONE;
    return { register, word: register === NONE ? words++ : NONE };
  });
}

/** For each value the one that a move gives it, if that is so in one place. */
function movesInto(live: Liveness, count: number): Int32Array {
  const sources = new Int32Array(count).fill(NONE);
  for (const instruction of live.instructions) if (instruction.k === "move") sources[instruction.d] = instruction.a;
  return sources;
}
