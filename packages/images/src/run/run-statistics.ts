import { SYSCALL_NAMES } from "@stratos/abi";
import type { Machine } from "@stratos/machine";

/** What a run cost; the names are a contract of `--stats`. */
export interface RunStatistics {
  /** From the process's start, and of the machine's own running. */
  readonly wallMs: number;
  readonly startMs: number;
  readonly runMs: number;
  /** From the image's warm start, or not. */
  readonly start: "warm" | "cold";
  readonly instructions: number;
  /** Of which by the interpreter. */
  readonly interpretedInstructions: number;
  readonly systemCalls: number;
  /**
   * The call that did the most work at a time, and how much, in units of a page or an entry
   * (docs/decisions/0015-bounded-calls.md); "" without any.
   */
  readonly longestCall: string;
  readonly longestCallWork: number;
  readonly faults: number;
  readonly contextSwitches: number;
  readonly processes: number;
  readonly translatedFunctions: number;
  readonly translatedBlocks: number;
  readonly translatedInstructions: number;
  readonly translateMs: number;
  /** Translations of earlier runs that were taken from archives, and how many bytes of these were read. */
  readonly keptFunctions: number;
  readonly keptInstructions: number;
  readonly keptModules: number;
  readonly keptBytes: number;
  readonly wasmBytes: number;
  readonly modules: number;
  readonly residentBytes: number;
}

interface RunTimes {
  readonly wallMs: number;
  readonly startMs: number;
  readonly runMs: number;
  readonly isWarm: boolean;
  /** What the machine had counted when it went on from a warm start. */
  readonly before: RunCounts | null;
}

export function runStatistics(machine: Machine, times: RunTimes): RunStatistics {
  const { statistics, kernel } = machine;
  const counts = countsOf(machine);
  const { before } = times;
  if (before !== null) for (const name of COUNTS) counts[name] -= before[name];
  return {
    wallMs: round(times.wallMs),
    startMs: round(times.startMs),
    runMs: round(times.runMs),
    start: times.isWarm ? "warm" : "cold",
    longestCall: SYSCALL_NAMES[kernel.work.longestCall] ?? "",
    longestCallWork: kernel.work.longest,
    ...counts,
    processes: counts.processes + 1,
    translateMs: round(counts.translateMs),
    modules: statistics.modules,
    residentBytes: process.memoryUsage.rss(),
  };
}

const COUNTS = [
  "instructions",
  "interpretedInstructions",
  "systemCalls",
  "faults",
  "contextSwitches",
  "processes",
  "translatedFunctions",
  "translatedBlocks",
  "translatedInstructions",
  "translateMs",
  "keptFunctions",
  "keptInstructions",
  "keptModules",
  "keptBytes",
  "wasmBytes",
] as const;
type RunCounts = Record<(typeof COUNTS)[number], number>;

/** What grows while a machine runs. */
export function countsOf({ statistics, kernel }: Machine): RunCounts {
  return {
    instructions: statistics.instructions,
    interpretedInstructions: statistics.interpreted,
    systemCalls: kernel.syscallCount,
    faults: kernel.faultCount,
    contextSwitches: kernel.contextSwitches,
    processes: kernel.forkCount,
    translatedFunctions: statistics.translatedFunctions,
    translatedBlocks: statistics.translatedBlocks,
    translatedInstructions: statistics.translatedInstructions,
    translateMs: statistics.translateMs,
    keptFunctions: statistics.keptFunctions,
    keptInstructions: statistics.keptInstructions,
    keptModules: statistics.keptModules,
    keptBytes: statistics.keptBytes,
    wasmBytes: statistics.wasmBytes,
  };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
