/**
 * What a function is between WebAssembly and a processor: a list of instructions over as many registers as it likes
 * ("values", numbered from the function's locals on), with labels. Operations keep WebAssembly's opcodes. What the
 * upper half of an i32 holds is the target's affair (`isZeroExtended`).
 */
import { Op, Type } from "@stratos/wasm";
import type { ValueType } from "@stratos/wasm";

/** No value, or no label. */
export const NONE = -1;

/** Labels that exceptions go to from a call; NONE: they leave the function. */
export interface Handlers {
  readonly unwind: number;
  readonly abort: number;
}
export const NO_HANDLERS: Handlers = { unwind: NONE, abort: NONE };

/** A comparison: `b` is NONE when the right side is `imm`. Doubles' are negated by the flag, since NaN has no order. */
export interface Comparison {
  readonly op: number;
  readonly a: number;
  readonly b: number;
  readonly imm: number;
  readonly isNegated: boolean;
}

export type Instruction =
  | { readonly k: "const"; readonly d: number; readonly value: bigint }
  | { readonly k: "float"; readonly d: number; readonly value: number }
  | { readonly k: "move"; readonly d: number; readonly a: number }
  | { readonly k: "unary"; readonly op: number; readonly d: number; readonly a: number }
  | {
      readonly k: "binary";
      readonly op: number;
      readonly d: number;
      readonly a: number;
      readonly b: number;
      readonly imm: number;
    }
  | { readonly k: "compare"; readonly d: number; readonly test: Comparison }
  | { readonly k: "select"; readonly d: number; readonly test: Comparison; readonly a: number; readonly b: number }
  /** `a` NONE: at a constant address. */
  | { readonly k: "load"; readonly op: number; readonly d: number; readonly a: number; readonly offset: number }
  | { readonly k: "store"; readonly op: number; readonly a: number; readonly offset: number; readonly b: number }
  /** `target` null: through the table at index `a`. */
  | {
      readonly k: "call";
      readonly target: string | null;
      readonly a: number;
      readonly args: readonly number[];
      readonly d: number;
      readonly isTail: boolean;
      readonly handlers: Handlers;
    }
  | { readonly k: "throw"; readonly tag: number; readonly handlers: Handlers }
  | { readonly k: "return"; readonly a: number }
  | { readonly k: "label"; readonly label: number }
  | { readonly k: "branch"; readonly label: number; readonly test: Comparison | null }
  | { readonly k: "trap" };

export interface NativeFunction {
  readonly name: string;
  readonly parameterCount: number;
  /** Type of each value. */
  readonly types: ValueType[];
  readonly instructions: Instruction[];
  readonly labelCount: number;
}

export function isFloat(type: ValueType): boolean {
  return type === Type.f64;
}

export function usesOf(instruction: Instruction, use: (value: number) => void): void {
  switch (instruction.k) {
    case "move":
    case "unary":
    case "load":
    case "return":
      return useOne(instruction.a, use);
    case "binary":
    case "store":
      useOne(instruction.a, use);
      return useOne(instruction.b, use);
    case "compare":
      return useBoth(instruction.test, use);
    case "select":
      useBoth(instruction.test, use);
      return useBoth(instruction, use);
    case "call":
      useOne(instruction.a, use);
      for (const value of instruction.args) useOne(value, use);
      return;
    case "branch":
      if (instruction.test !== null) useBoth(instruction.test, use);
      return;
    default:
  }
}

function useOne(value: number, use: (value: number) => void): void {
  if (value !== NONE) use(value);
}

function useBoth({ a, b }: { readonly a: number; readonly b: number }, use: (value: number) => void): void {
  useOne(a, use);
  useOne(b, use);
}

/** NONE: it gives no value. */
export function definitionOf(instruction: Instruction): number {
  switch (instruction.k) {
    case "const":
    case "float":
    case "move":
    case "unary":
    case "binary":
    case "compare":
    case "select":
    case "load":
    case "call":
      return instruction.d;
    default:
      return NONE;
  }
}

/** Whether control goes on with the next instruction. */
export function fallsThrough(instruction: Instruction): boolean {
  switch (instruction.k) {
    case "call":
      return !instruction.isTail;
    case "branch":
      return instruction.test !== null;
    case "throw":
    case "return":
    case "trap":
      return false;
    default:
      return true;
  }
}

/** The integer comparison that holds when this does not. */
const INVERSE: ReadonlyMap<number, number> = new Map(
  (
    [
      [Op.i32Eq, Op.i32Ne],
      [Op.i32LtS, Op.i32GeS],
      [Op.i32LtU, Op.i32GeU],
      [Op.i32GtS, Op.i32LeS],
      [Op.i32GtU, Op.i32LeU],
      [Op.i64Eq, Op.i64Ne],
      [Op.i64LtS, Op.i64GeS],
      [Op.i64LtU, Op.i64GeU],
      [Op.i64GtS, Op.i64LeS],
      [Op.i64GtU, Op.i64LeU],
    ] as const
  ).flatMap(([one, other]): [number, number][] => [
    [one, other],
    [other, one],
  ]),
);

export function negated(test: Comparison): Comparison {
  const inverse = INVERSE.get(test.op);
  return inverse === undefined ? { ...test, isNegated: !test.isNegated } : { ...test, op: inverse };
}
