import type { CodeArchive, WasmEngine } from "@stratos/host";
import { Board } from "@stratos/kernel";
import { createProcessor, PhysicalMemory } from "@stratos/riscv";

export interface BoardOptions {
  readonly engine: WasmEngine;
  /** Bytes for the memory of all its machines together; at most `Machine.MEMORY_BYTES_MAX`. */
  readonly memoryBytes: number;
  /** false: interpret only (to compare with translated runs). */
  readonly translate?: boolean | undefined;
  readonly nowMs?: (() => number) | undefined;
  /** Where translations are kept from run to run; absent: nowhere. */
  readonly codeArchive?: CodeArchive | undefined;
}

/** A memory with a processor, on which one machine runs, or several by turns. */
export function createBoard({ engine, memoryBytes, translate, nowMs, codeArchive }: BoardOptions): Board {
  const physical = new PhysicalMemory(engine, { frameBytes: memoryBytes });
  return new Board(physical, (hooks) =>
    createProcessor({
      physical,
      engine,
      hooks,
      archive: codeArchive,
      ...(translate === undefined ? {} : { translate }),
      ...(nowMs === undefined ? {} : { nowMs }),
    }),
  );
}
