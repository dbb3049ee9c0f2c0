import type { CpuClock } from "./clock.ts";
import type { CodeArchive } from "./code-archive.ts";
import type { EventLoop } from "./event-loop.ts";
import type { RandomSource } from "./random-source.ts";
import type { WasmEngine } from "./wasm-engine.ts";

/** The ports that every machine needs; what else it can have (sockets, a console, folders) it may go without. */
export interface MachinePorts {
  readonly engine: WasmEngine;
  readonly clock: CpuClock;
  readonly random: RandomSource;
  readonly loop: EventLoop;
  /** Absent: translations end with the machine. */
  readonly codeArchive?: CodeArchive | undefined;
}
