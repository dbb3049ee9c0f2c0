/** Which values are needed where, in a list of instructions: by basic blocks, to a fixed point. */
import { definitionOf, fallsThrough, NONE, usesOf } from "./instructions.ts";
import type { Instruction, NativeFunction } from "./instructions.ts";

export interface Liveness {
  /** Instructions that do something; results of others are never used. */
  readonly instructions: readonly Instruction[];
  /** Values that are needed where a label stands, in order of their numbers. */
  readonly atLabel: readonly (readonly number[])[];
  /** For each call and throw (by its place in `instructions`), what is needed after it or in its handlers. */
  readonly across: ReadonlyMap<number, readonly number[]>;
  /** First and last place of each value, 2 a instruction: its uses at 2i, its definition at 2i + 1; -1: none. */
  readonly start: Int32Array;
  readonly end: Int32Array;
}

/** Basic blocks, by their numbers. */
interface Blocks {
  /** Places of their first and last instructions. */
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly successors: readonly (readonly number[])[];
  readonly isReached: Uint8Array;
  /** Sets of values; of each block those that `Bits` names, and behind those of the last block one more. */
  readonly sets: Uint32Array;
  /** Of a set. */
  readonly words: number;
}

const Bits = { uses: 0, definitions: 1, in: 2, out: 3 } as const;
const SETS = 4;

/** Without effect but their result. */
const PURE: ReadonlySet<string> = new Set(["const", "float", "move", "unary", "compare", "select", "load"]);

export function analyze(fn: NativeFunction): Liveness {
  let code: readonly Instruction[] = fn.instructions;
  for (;;) {
    const blocks = makeBlocks(code, fn);
    solve(blocks);
    const { isKept, isSettled } = findDead(code, blocks);
    const left = code.filter((_, at) => isKept[at] === 1);
    if (isSettled) return describe(fn, left, withoutDead(blocks, isKept));
    code = left;
  }
}

function makeBlocks(code: readonly Instruction[], { labelCount, types }: NativeFunction): Blocks {
  const first: number[] = [];
  const last: number[] = [];
  const blockOfLabel = new Int32Array(labelCount).fill(NONE);
  let isOpen = false;
  code.forEach((instruction, index) => {
    if (!isOpen || instruction.k === "label") first.push(index);
    last[first.length - 1] = index;
    if (instruction.k === "label") blockOfLabel[instruction.label] = first.length - 1;
    isOpen = !endsBlock(instruction);
  });
  const count = first.length;
  const words = (types.length + 31) >>> 5;
  const sets = new Uint32Array((count * SETS + 1) * words);
  let uses = 0;
  let definitions = 0;
  const use = (v: number): void => {
    if (!has(sets, definitions, v)) add(sets, uses, v);
  };
  for (let block = 0; block < count; block++) {
    uses = (block * SETS + Bits.uses) * words;
    definitions = (block * SETS + Bits.definitions) * words;
    for (let at = first[block]!; at <= last[block]!; at++) {
      const instruction = code[at]!;
      usesOf(instruction, use);
      const d = definitionOf(instruction);
      if (d !== NONE) add(sets, definitions, d);
    }
  }
  const successors = last.map((at, block) => {
    const instruction = code[at]!;
    const labels: number[] = [];
    if (instruction.k === "branch") labels.push(instruction.label);
    if (instruction.k === "call" || instruction.k === "throw")
      labels.push(instruction.handlers.unwind, instruction.handlers.abort);
    const to = labels.filter((label) => label !== NONE).map((label) => blockOfLabel[label]!);
    if (fallsThrough(instruction) && block + 1 < count) to.push(block + 1);
    return to;
  });
  return { first, last, successors, isReached: reached(successors), sets, words };
}

function endsBlock(instruction: Instruction): boolean {
  if (instruction.k === "branch" || !fallsThrough(instruction)) return true;
  return instruction.k === "call" && (instruction.handlers.unwind !== NONE || instruction.handlers.abort !== NONE);
}

/** Whether a block is reached from the first. */
function reached(successors: Blocks["successors"]): Uint8Array {
  const isReached = new Uint8Array(successors.length);
  const pending = [0];
  while (pending.length > 0) {
    const block = pending.pop()!;
    if (isReached[block] === 1) continue;
    isReached[block] = 1;
    pending.push(...successors[block]!);
  }
  return isReached;
}

function solve({ successors, isReached, sets, words }: Blocks): void {
  for (let changed = true; changed;) {
    changed = false;
    for (let block = successors.length - 1; block >= 0; block--) {
      if (isReached[block] === 0) continue;
      const own = block * SETS * words;
      const next = successors[block]!;
      for (let word = own; word < own + words; word++) {
        let out = 0;
        for (let at = 0; at < next.length; at++) out |= sets[(next[at]! * SETS + Bits.in) * words + word - own]!;
        const before = sets[word + Bits.uses * words]! | (out & ~sets[word + Bits.definitions * words]!);
        sets[word + Bits.out * words] = out;
        if (before >>> 0 === sets[word + Bits.in * words]) continue;
        sets[word + Bits.in * words] = before;
        changed = true;
      }
    }
  }
}

/** Copies what is needed behind a block, for who goes back through it. @returns where that set begins */
function liveBehind({ sets, words }: Blocks, block: number): number {
  const out = (block * SETS + Bits.out) * words;
  const live = sets.length - words;
  sets.copyWithin(live, out, out + words);
  return live;
}

/**
 * Which instructions are reached and have results that something needs, or other effects.
 *
 * @returns `isSettled`: those that are not used nothing themselves, so that without them the same is needed elsewhere
 */
function findDead(code: readonly Instruction[], blocks: Blocks): { isKept: Uint8Array; isSettled: boolean } {
  const { first, last, isReached, sets } = blocks;
  const isKept = new Uint8Array(code.length);
  let isSettled = true;
  let live = 0;
  const use = (v: number): void => add(sets, live, v);
  const unsettle = (): void => {
    isSettled = false;
  };
  for (let block = first.length - 1; block >= 0; block--) {
    if (isReached[block] === 0) continue;
    live = liveBehind(blocks, block);
    for (let at = last[block]!; at >= first[block]!; at--) {
      const instruction = code[at]!;
      const d = definitionOf(instruction);
      if (d !== NONE && !has(sets, live, d) && isDroppable(instruction)) {
        usesOf(instruction, unsettle);
        continue;
      }
      if (d !== NONE) remove(sets, live, d);
      usesOf(instruction, use);
      isKept[at] = 1;
    }
  }
  return { isKept, isSettled };
}

/** The blocks of the code that is left; some are empty (their last place lies before their first). */
function withoutDead(blocks: Blocks, isKept: Uint8Array): Blocks {
  const places = new Int32Array(isKept.length + 1);
  for (let at = 0; at < isKept.length; at++) places[at + 1] = places[at]! + isKept[at]!;
  const first = blocks.first.map((at) => places[at]!);
  const last = blocks.last.map((at) => places[at + 1]! - 1);
  return { ...blocks, first, last };
}

/** A division may trap in WebAssembly; code that was written by `back-wasm` looks before. */
function isDroppable(instruction: Instruction): boolean {
  return PURE.has(instruction.k) || instruction.k === "binary";
}

function describe(fn: NativeFunction, code: readonly Instruction[], blocks: Blocks): Liveness {
  const { first, last, sets, words } = blocks;
  const count = fn.types.length;
  const start = new Int32Array(count).fill(-1);
  const end = new Int32Array(count).fill(-1);
  const extend = (v: number, at: number): void => {
    if (start[v]! < 0 || at < start[v]!) start[v] = at;
    if (at > end[v]!) end[v] = at;
  };
  const atLabel: number[][] = Array.from({ length: fn.labelCount }, () => []);
  const across = new Map<number, number[]>();
  let live = 0;
  let place = 0;
  const use = (v: number): void => {
    add(sets, live, v);
    extend(v, place);
  };
  for (let block = 0; block < first.length; block++) {
    if (last[block]! < first[block]!) continue;
    const own = block * SETS;
    for (const v of members(sets, (own + Bits.out) * words, words)) extend(v, last[block]! * 2 + 1);
    for (const v of members(sets, (own + Bits.in) * words, words)) extend(v, first[block]! * 2);
    live = liveBehind(blocks, block);
    for (let at = last[block]!; at >= first[block]!; at--) {
      const instruction = code[at]!;
      const d = definitionOf(instruction);
      if (d !== NONE) {
        remove(sets, live, d);
        extend(d, at * 2 + 1);
      }
      if ((instruction.k === "call" && !instruction.isTail) || instruction.k === "throw")
        across.set(at, members(sets, live, words));
      place = at * 2;
      usesOf(instruction, use);
      if (instruction.k === "label") atLabel[instruction.label] = members(sets, live, words);
    }
  }
  for (let v = 0; v < fn.parameterCount; v++) if (start[v]! >= 0) extend(v, 0);
  return { instructions: code, atLabel, across, start, end };
}

// Sets, by where they begin.

function has(sets: Uint32Array, set: number, v: number): boolean {
  return ((sets[set + (v >>> 5)]! >>> (v & 31)) & 1) === 1;
}
function add(sets: Uint32Array, set: number, v: number): void {
  sets[set + (v >>> 5)]! |= 1 << (v & 31);
}
function remove(sets: Uint32Array, set: number, v: number): void {
  sets[set + (v >>> 5)]! &= ~(1 << (v & 31));
}
function members(sets: Uint32Array, set: number, words: number): number[] {
  const all: number[] = [];
  for (let word = 0; word < words; word++)
    for (let rest = sets[set + word]!; rest !== 0; rest &= rest - 1)
      all.push(word * 32 + 31 - Math.clz32(rest & -rest));
  return all;
}
