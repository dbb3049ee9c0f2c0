/**
 * A heap at rest with its program's code, as another thread takes it over: what `Engine.runningHeap` gives and an
 * engine that is made with `running` goes on from. All of it can be posted to a thread. Futures are made of that
 * (forks.ts, scheme/stratos/futures.sld).
 */
import type { WasmModule } from "@stratos/host";

/** A part of a memory. */
export interface MemoryPart {
  readonly start: number;
  readonly bytes: Uint8Array;
}
/** How many parameters a clause has, and whether the last takes the rest. */
export type ClauseShape = readonly [count: number, hasRest: boolean];

export interface RunningHeap {
  readonly low: WasmModule;
  /** In the order of their loading. */
  readonly modules: readonly LoadedModule[];
  readonly tableNext: number;
  /** What the heap was made with, and the pages that it has now. */
  readonly memoryBytes: number;
  readonly nurseryBytes: number;
  readonly pages: number;
  /** Parts of one buffer. */
  readonly memory: readonly MemoryPart[];
  readonly symbols: readonly (readonly [name: string, address: number])[];
  readonly uninterned: readonly (readonly [name: string, address: number])[];
  /** Objects of the host: 0, 1, 2 for the standard ports, -1 for what stays behind. */
  readonly ports: readonly { readonly port: number; readonly address: number }[];
  /** Functions that no image has. */
  readonly functions: readonly (readonly [slot: number, name: string, clauses: readonly ClauseShape[]])[];
  /** Objects that have a number. */
  readonly identityCount: number;
  /** Cell of the procedure that answers. */
  readonly entry: number;
}

export interface LoadedModule {
  readonly name: string;
  readonly module: WasmModule;
  readonly imports: readonly string[];
}

/** `ended`: why there is no answer. */
export interface FutureOutcome {
  readonly kind: "answer" | "ended";
  readonly text: string;
}

/** A copy of a heap that answers in another thread. */
export interface RunningFuture {
  /** Waits for at most so many milliseconds. @returns null: it goes on */
  wait(milliseconds: number): FutureOutcome | null;
  /** Its outcome is not wanted any more. */
  close(): void;
}

/** Threads for futures, of whoever embeds the engine. */
export interface FutureThreads {
  /** Threads beside the program's own. */
  readonly count: number;
  /** Whether one has nothing to do. */
  readonly isFree: boolean;
  start(heap: RunningHeap): RunningFuture;
}
