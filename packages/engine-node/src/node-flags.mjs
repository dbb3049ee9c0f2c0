/**
 * How Node is started for a machine, by the command's launcher and by the library alike.
 *
 * Type stripping warns on some releases; warnings of our own libraries still show. V8 has four threads for optimising
 * and collecting by default; with more of them than free processors they take the guest's (python3 −12 % on two). V8
 * counts what a machine's memory reserves and may never touch against half of the old space: with its default it
 * collects everything, for nothing, when a machine is made. What is young has room for 4 MiB instead of 16: it stays in
 * the processor's cache, and touches fewer pages for the first time (docs/decisions/0040-huge-pages.md).
 *
 * Maglev builds its code on the main thread: on another one it may have to wait for a collection, which the main thread
 * makes, and a Node that is at its end waits for that one first, for ever (nodejs/node#54918; once in some 1,000 ends).
 *
 * Most of V8's other flags cost a start: Node brings its own modules compiled, and V8 takes none of that under flags
 * which change what it compiles. What a machine needs of those is told later (host-node's own-process.ts).
 */
import { availableParallelism } from "node:os";

const USER_OPTIONS = process.env.NODE_OPTIONS ?? "";

/** @type {readonly string[]} */
export const NODE_FLAGS = [
  "--disable-warning=ExperimentalWarning",
  // An option of the command line would win over a bound of the user's own.
  ...(/--max[-_]old[-_]space[-_]size/.test(USER_OPTIONS) ? [] : ["--max-old-space-size=8192"]),
  ...(/--max[-_]semi[-_]space[-_]size/.test(USER_OPTIONS) ? [] : ["--max-semi-space-size=4"]),
  `--v8-pool-size=${Math.min(4, Math.max(1, availableParallelism() - 1))}`,
  "--no-maglev-build-code-on-background",
  "--no-maglev-deopt-data-on-background",
];

/**
 * What glibc's malloc is told: to ask for huge pages, where the host gives them to those who ask
 * (/sys/kernel/mm/transparent_hugepage/enabled: madvise, the default of most distributions), to grow by enough for
 * some, and not to give back and touch anew what V8's parser and compilers take again and again. A start touches some
 * 50 MB of malloc's memory, a fault for each 4 KiB. Read by glibc since 2.35; others don't know it
 * (docs/decisions/0040-huge-pages.md).
 */
const MALLOC_TUNABLES = [
  "glibc.malloc.hugetlb=1",
  "glibc.malloc.top_pad=16777216",
  "glibc.malloc.mmap_threshold=4194304",
  "glibc.malloc.trim_threshold=33554432",
].join(":");

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
