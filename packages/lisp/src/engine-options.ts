/** What an engine is made with, and what it tells of itself. */
import type { WasmEngine } from "@stratos/host";
import type { NativeTarget } from "./back-native/platforms.ts";
import type { GcPauses } from "./heap/pause-clock.ts";
import type { FutureThreads, RunningHeap } from "./heap/running-heap.ts";
import type { Primitive } from "./interpreter/machine.ts";
import type { StandardPorts } from "./interpreter/primitives/ports.ts";
import type { System } from "./interpreter/system.ts";
import type { Passes } from "./middle/simplify.ts";

export interface EngineOptions {
  readonly wasm: WasmEngine;
  /** All memory of the heap, two halves of the old generation included. Default 512 MiB. */
  readonly memoryBytes?: number;
  /** Instead of it: how many bytes may be in use. */
  readonly heapBytes?: number;
  /** Default 4 MiB, at least half a MiB: what is allocated there is at most LARGE_BYTES long. */
  readonly nurseryBytes?: number;
  /** How much of it is used, at least half a MiB; default: all. An image of the whole nursery fits. */
  readonly usedNurseryBytes?: number;
  /** Milliseconds of a clock: pauses are measured. */
  readonly now?: () => number;
  readonly passes?: Passes;
  /** Proves the whole heap after each collection; `torture`: collects at each allocation, too. */
  readonly debug?: "verify" | "torture";
  readonly system?: System;
  readonly ports?: StandardPorts;
  /** Primitives of the session: environments, features. */
  readonly primitives?: ReadonlyMap<string, Primitive>;
  /** What `saveImage` gave: the runtime need not be compiled. One that does not fit these options is not used. */
  readonly image?: Uint8Array | null;
  /** Where futures run beside the program; without it in its own thread. */
  readonly futures?: FutureThreads | null;
  /** What another engine's `runningHeap` gave: this one goes on from there, and compiles nothing. */
  readonly running?: RunningHeap | null;
  /** Modules of units are kept, for an image with a program. */
  readonly keepsModules?: boolean;
  /** The runtime is one that asks nothing of the host, for programs that are compiled further; it is not run here. */
  readonly isNative?: boolean;
  /** What `CompiledLisp.compileRuntime` gave for a processor; null: each program is compiled with its runtime. */
  readonly runtimeCode?: (target: NativeTarget) => Uint8Array | null;
}

export interface EngineStatistics {
  readonly minorCount: number;
  readonly majorCount: number;
  /** How often the old generation was marked to the end, in slices. */
  readonly markCount: number;
  readonly oldBytes: number;
  /** How often the stack went to the heap by an exception: for continuations and for deep recursion. */
  readonly unwindCount: number;
  /** Values of JavaScript that the heap holds. */
  readonly handleCount: number;
  /** With `now`; null without. */
  readonly pauses: GcPauses | null;
}
