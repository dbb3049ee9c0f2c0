import { SYSCALL_NAMES } from "@stratos/abi";
import type { Machine } from "@stratos/machine";

/** What a run cost, for `--stats`; one JSON object, whose names are a contract. */
interface RunStatistics {
  /** From the command's start, and of the machine's own running. */
  readonly wallMs: number;
  readonly startMs: number;
  readonly runMs: number;
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

export function runStatistics(
  machine: Machine,
  times: { wallMs: number; startMs: number; runMs: number },
): RunStatistics {
  const { statistics } = machine;
  const { kernel } = machine;
  return {
    wallMs: round(times.wallMs),
    startMs: round(times.startMs),
    runMs: round(times.runMs),
    instructions: statistics.instructions,
    interpretedInstructions: statistics.interpreted,
    systemCalls: kernel.syscallCount,
    longestCall: SYSCALL_NAMES[kernel.work.longestCall] ?? "",
    longestCallWork: kernel.work.longest,
    faults: kernel.faultCount,
    contextSwitches: kernel.contextSwitches,
    processes: kernel.forkCount + 1,
    translatedFunctions: statistics.translatedFunctions,
    translatedBlocks: statistics.translatedBlocks,
    translatedInstructions: statistics.translatedInstructions,
    translateMs: round(statistics.translateMs),
    keptFunctions: statistics.keptFunctions,
    keptInstructions: statistics.keptInstructions,
    keptModules: statistics.keptModules,
    keptBytes: statistics.keptBytes,
    wasmBytes: statistics.wasmBytes,
    modules: statistics.modules,
    residentBytes: process.memoryUsage.rss(),
  };
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
