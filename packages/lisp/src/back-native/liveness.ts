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

interface Block {
  readonly first: number;
  last: number;
  readonly uses: Uint32Array;
  readonly definitions: Uint32Array;
  readonly in: Uint32Array;
  readonly out: Uint32Array;
  successors: number[];
  isReached: boolean;
}

/** Without effect but their result. */
const PURE: ReadonlySet<string> = new Set(["const", "float", "move", "unary", "compare", "select", "load"]);

export function analyze(fn: NativeFunction): Liveness {
  const words = (fn.types.length + 31) >>> 5;
  let code: readonly Instruction[] = fn.instructions;
  for (;;) {
    const blocks = makeBlocks(code, fn.labelCount, words);
    solve(blocks, words);
    const live = dropDead(code, blocks);
    if (live.length === code.length) return describe(fn, code, blocks);
    code = live;
  }
}

function makeBlocks(code: readonly Instruction[], labelCount: number, words: number): Block[] {
  const blocks: Block[] = [];
  const blockOfLabel = new Int32Array(labelCount).fill(NONE);
  let open: Block | null = null;
  code.forEach((instruction, index) => {
    if (instruction.k === "label" && open !== null && open.first !== index) open = null;
    if (open === null) {
      const bits = (): Uint32Array => new Uint32Array(words);
      open = {
        first: index,
        last: index,
        uses: bits(),
        definitions: bits(),
        in: bits(),
        out: bits(),
        successors: [],
        isReached: false,
      };
      blocks.push(open);
    }
    const block: Block = open;
    if (instruction.k === "label") blockOfLabel[instruction.label] = blocks.length - 1;
    block.last = index;
    usesOf(instruction, (v) => {
      if (!has(block.definitions, v)) add(block.uses, v);
    });
    const d = definitionOf(instruction);
    if (d !== NONE) add(block.definitions, d);
    if (endsBlock(instruction)) open = null;
  });
  blocks.forEach((block, index) => {
    const last = code[block.last]!;
    const to = (label: number): void => {
      if (label !== NONE) block.successors.push(blockOfLabel[label]!);
    };
    if (last.k === "branch") to(last.label);
    if (last.k === "call" || last.k === "throw") {
      to(last.handlers.unwind);
      to(last.handlers.abort);
    }
    if (fallsThrough(last) && index + 1 < blocks.length) block.successors.push(index + 1);
  });
  const pending = [0];
  while (pending.length > 0) {
    const block = blocks[pending.pop()!]!;
    if (block.isReached) continue;
    block.isReached = true;
    pending.push(...block.successors);
  }
  return blocks;
}

function endsBlock(instruction: Instruction): boolean {
  if (instruction.k === "branch" || !fallsThrough(instruction)) return true;
  return instruction.k === "call" && (instruction.handlers.unwind !== NONE || instruction.handlers.abort !== NONE);
}

function solve(blocks: readonly Block[], words: number): void {
  for (let changed = true; changed;) {
    changed = false;
    for (let index = blocks.length - 1; index >= 0; index--) {
      const block = blocks[index]!;
      if (!block.isReached) continue;
      for (let word = 0; word < words; word++) {
        let out = 0;
        for (const successor of block.successors) out |= blocks[successor]!.in[word]!;
        const before = block.uses[word]! | (out & ~block.definitions[word]!);
        block.out[word] = out;
        if (before >>> 0 === block.in[word]) continue;
        block.in[word] = before;
        changed = true;
      }
    }
  }
}

/** The code without instructions that are not reached or whose results nothing needs. */
function dropDead(code: readonly Instruction[], blocks: readonly Block[]): readonly Instruction[] {
  const kept: Instruction[] = [];
  for (let index = blocks.length - 1; index >= 0; index--) {
    const block = blocks[index]!;
    if (!block.isReached) continue;
    const live = block.out.slice();
    for (let at = block.last; at >= block.first; at--) {
      const instruction = code[at]!;
      const d = definitionOf(instruction);
      if (d !== NONE && !has(live, d) && isDroppable(instruction)) continue;
      if (d !== NONE) remove(live, d);
      usesOf(instruction, (v) => add(live, v));
      kept.push(instruction);
    }
  }
  return kept.reverse();
}

/** A division may trap in WebAssembly; code that was written by `back-wasm` looks before. */
function isDroppable(instruction: Instruction): boolean {
  return PURE.has(instruction.k) || instruction.k === "binary";
}

function describe(fn: NativeFunction, code: readonly Instruction[], blocks: readonly Block[]): Liveness {
  const count = fn.types.length;
  const start = new Int32Array(count).fill(-1);
  const end = new Int32Array(count).fill(-1);
  const extend = (v: number, at: number): void => {
    if (start[v]! < 0 || at < start[v]!) start[v] = at;
    if (at > end[v]!) end[v] = at;
  };
  const atLabel: number[][] = Array.from({ length: fn.labelCount }, () => []);
  const across = new Map<number, number[]>();
  for (const block of blocks) {
    const live = block.out.slice();
    for (const v of members(block.out)) extend(v, block.last * 2 + 1);
    for (const v of members(block.in)) extend(v, block.first * 2);
    for (let at = block.last; at >= block.first; at--) {
      const instruction = code[at]!;
      const d = definitionOf(instruction);
      if (d !== NONE) {
        remove(live, d);
        extend(d, at * 2 + 1);
      }
      if ((instruction.k === "call" && !instruction.isTail) || instruction.k === "throw") across.set(at, members(live));
      usesOf(instruction, (v) => {
        add(live, v);
        extend(v, at * 2);
      });
      if (instruction.k === "label") atLabel[instruction.label] = members(live);
    }
  }
  for (let v = 0; v < fn.parameterCount; v++) if (start[v]! >= 0) extend(v, 0);
  return { instructions: code, atLabel, across, start, end };
}

function has(bits: Uint32Array, v: number): boolean {
  return ((bits[v >>> 5]! >>> (v & 31)) & 1) === 1;
}
function add(bits: Uint32Array, v: number): void {
  bits[v >>> 5]! |= 1 << (v & 31);
}
function remove(bits: Uint32Array, v: number): void {
  bits[v >>> 5]! &= ~(1 << (v & 31));
}
function members(bits: Uint32Array): number[] {
  const all: number[] = [];
  bits.forEach((word, index) => {
    for (let rest = word; rest !== 0; rest &= rest - 1) all.push(index * 32 + 31 - Math.clz32(rest & -rest));
  });
  return all;
}
