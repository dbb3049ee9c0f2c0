/** What a processor's platform gives so that its programs can have foreign functions of C. */
import type { Assembler, Target } from "../target.ts";

/**
 * - `start`: what the system enters; begins libc, which calls the program.
 * - `foreign-call` (function, block): calls C with what the block has (`CallBlock`), keeps its results at `RESULTS_AT`.
 * - `callback-address` (number): the C function of that number, which calls `native/callback` with a `CallbackBlock`.
 * - `copy-far` (to, from, count): bytes between any addresses.
 * - `to-single`, `from-single`: a float's bits from a double, and back.
 */
export const FOREIGN_INTRINSICS = [
  "start",
  "foreign-call",
  "callback-address",
  "copy-far",
  "to-single",
  "from-single",
] as const;
export type ForeignIntrinsic = (typeof FOREIGN_INTRINSICS)[number];

export interface ForeignPlatform {
  /** The dynamic linker. */
  readonly interpreter: string;
  /** Type of the relocation that puts a symbol's address into a word. */
  readonly wordRelocation: number;
  /** What `(stratos foreign)` knows the rules of its calls by. */
  readonly number: number;
  /** From a callback's return address to its number: bytes from one to the next, and of the first. */
  readonly thunkBytes: number;
  readonly thunkReturn: number;
  intrinsic(code: Assembler, name: ForeignIntrinsic, target: Target): void;
}
