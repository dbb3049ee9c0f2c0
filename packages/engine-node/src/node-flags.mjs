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
  // An option of the command line would win over a bound of the user's own.
  ...(/--max[-_]old[-_]space[-_]size/.test(process.env.NODE_OPTIONS ?? "") ? [] : ["--max-old-space-size=8192"]),
  `--v8-pool-size=${Math.min(4, Math.max(1, availableParallelism() - 1))}`,
  "--no-maglev-build-code-on-background",
  "--no-maglev-deopt-data-on-background",
];

/**
 * What glibc's malloc is told: to ask for huge pages, where the host gives them to those who ask
 * (/sys/kernel/mm/transparent_hugepage/enabled: madvise, the default of most distributions). A start touches some
 * 50 MB of malloc's memory, most of it of V8's parser and compilers, a fault for each 4 KiB. Read by glibc since 2.35;
 * others don't know it (docs/decisions/0040-huge-pages.md).
 */
const MALLOC_TUNABLES = "glibc.malloc.hugetlb=1";

/**
 * The environment of a Node that is started for a machine. What the user tells malloc stays.
 *
 * @param {NodeJS.ProcessEnv} environment
 * @returns {NodeJS.ProcessEnv}
 */
export function nodeEnvironment(environment) {
  return { ...environment, GLIBC_TUNABLES: environment.GLIBC_TUNABLES ?? MALLOC_TUNABLES };
}

/** The release whose WebAssembly and libraries a machine needs. */
export const NODE_MAJOR_MIN = 24;
