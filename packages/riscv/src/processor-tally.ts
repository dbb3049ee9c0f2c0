import type { AddressMode } from "./access.ts";
import type { CodeRegion } from "./code-region.ts";
import { HART_FUEL, HART_INTERPRETED, HART_RETIRED } from "./hart-state.ts";
import type { PhysicalMemory } from "./physical-memory.ts";

export interface ProcessorStatistics {
  instructions: number; // retired, exact
  interpreted: number; // of which by the interpreter
  decodedRecords: number;
  translatedFunctions: number;
  translatedBlocks: number;
  translatedInstructions: number;
  modules: number;
  wasmBytes: number;
  translateMs: number;
  /** Translations of earlier runs: what was taken from archives. */
  keptModules: number;
  keptFunctions: number;
  keptInstructions: number;
  keptBytes: number;
}

/** A place in code that was executed often. */
interface HotTarget {
  readonly region: CodeRegion;
  readonly pc: number;
}

/** What the translator has learned of one address mode. */
export interface HotCode {
  /** What is to be translated next. */
  queue: HotTarget[];
  /** Where jumps through registers went, by their pc. */
  readonly indirectTargets: Map<number, number[]>;
}

/**
 * What is counted and learned for one of those that a processor runs by turns (a kernel): instructions, and which code
 * is to be translated when, are the same for each whoever else runs in between.
 */
export class ProcessorTally {
  readonly statistics: ProcessorStatistics = {
    instructions: 0,
    interpreted: 0,
    decodedRecords: 0,
    translatedFunctions: 0,
    translatedBlocks: 0,
    translatedInstructions: 0,
    modules: 0,
    wasmBytes: 0,
    translateMs: 0,
    keptModules: 0,
    keptFunctions: 0,
    keptInstructions: 0,
    keptBytes: 0,
  };
  /** Instructions retired when translation last caught up. */
  drainedAt = 0;
  readonly #hotCode: Readonly<Record<AddressMode, HotCode>> = {
    paged: newHotCode(),
    window: newHotCode(),
    wide: newHotCode(),
  };
  /** The hart's cells that count, while it runs others: retired (low, high), fuel, interpreted (low, high). */
  readonly #cells = new Uint32Array(CELLS.length);

  hot(mode: AddressMode): HotCode {
    return this.#hotCode[mode];
  }

  /** Another one is run from now on. */
  save({ u32 }: PhysicalMemory): void {
    CELLS.forEach((cell, index) => (this.#cells[index] = u32[cell]!));
  }

  /** This one is run from now on. */
  load({ u32 }: PhysicalMemory): void {
    CELLS.forEach((cell, index) => (u32[cell] = this.#cells[index]!));
  }

  /** Counts on from where another one is, which is not run just now. */
  goOnFrom(other: ProcessorTally): void {
    Object.assign(this.statistics, other.statistics);
    this.drainedAt = other.drainedAt;
    this.#cells.set(other.#cells);
  }

  /** Instructions retired when it was run last. */
  get savedRetired(): number {
    return retiredBy(this.#cells[0]!, this.#cells[1]!, this.#cells[2]! | 0);
  }
}

const CELLS = [HART_RETIRED, HART_RETIRED + 4, HART_FUEL, HART_INTERPRETED, HART_INTERPRETED + 4].map(
  (address) => address >>> 2,
);

/** The engine keeps the count at the chunk's end, from which the fuel is still to go. */
export function retiredBy(low: number, high: number, fuel: number): number {
  return high * 0x100000000 + low - fuel;
}

function newHotCode(): HotCode {
  return { queue: [], indirectTargets: new Map() };
}
