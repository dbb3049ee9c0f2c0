/**
 * How Node is started for a machine, by the command's launcher and by the library alike.
 *
 * Type stripping warns on some releases; warnings of our own libraries still show. V8's check of the stack at each
 * WebAssembly call and loop is left away: translated code bounds its own depth (packages/riscv, DEPTH_LIMIT) and its
 * own time, and runs 2 to 4 % faster without. V8 has four threads for optimising and collecting by default; with more
 * of them than free processors they take the guest's (python3 −12 % on two). V8 counts what a machine's memory reserves
 * and may never touch against half of the old space: with its default it collects everything, for nothing, when a
 * machine is made.
 */
import { availableParallelism } from "node:os";

/** @type {readonly string[]} */
export const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--no-wasm-stack-checks",
  "--max-old-space-size=8192",
  `--v8-pool-size=${Math.min(4, Math.max(1, availableParallelism() - 1))}`,
];

/** The release whose WebAssembly and libraries a machine needs. */
export const NODE_MAJOR_MIN = 24;
