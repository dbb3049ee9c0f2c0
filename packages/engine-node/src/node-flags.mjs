/**
 * How Node is started for a machine, by the command's launcher and by the library alike.
 *
 * Type stripping warns on some releases; warnings of our own libraries still show. V8 has four threads for optimising
 * and collecting by default; with more of them than free processors they take the guest's (python3 −12 % on two). V8
 * counts what a machine's memory reserves and may never touch against half of the old space: with its default it
 * collects everything, for nothing, when a machine is made.
 *
 * Maglev builds its code on the main thread: on another one it may have to wait for a collection, which the main thread
 * makes, and a Node that is at its end waits for that one first, for ever (nodejs/node#54918; once in some 1,000 ends).
 *
 * Most of V8's other flags cost a start: Node brings its own modules compiled, and V8 takes none of that under flags
 * which change what it compiles. What a machine needs of those is told later (host-node's own-process.ts).
 */
import { availableParallelism } from "node:os";

/** @type {readonly string[]} */
export const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  "--max-old-space-size=8192",
  `--v8-pool-size=${Math.min(4, Math.max(1, availableParallelism() - 1))}`,
  "--no-maglev-build-code-on-background",
  "--no-maglev-deopt-data-on-background",
];

/** The release whose WebAssembly and libraries a machine needs. */
export const NODE_MAJOR_MIN = 24;
