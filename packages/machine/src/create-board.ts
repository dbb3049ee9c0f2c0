import type { CodeArchive, WasmEngine } from "@stratos/host";
import { type Board, makeBoard } from "@stratos/kernel";
import { createProcessor, PhysicalMemory } from "@stratos/riscv";

export interface BoardOptions {
  readonly engine: WasmEngine;
  /** Bytes for the memory of all its machines together; at most `MEMORY_BYTES_MAX`. */
  readonly memoryBytes: number;
  /**
   * Private pages of programs lie in memory as in their address spaces, so that translated code finds them without
   * tables. The memory then has all the 4 GiB of address space that it can have. Default: false.
   */
  readonly windows?: boolean | undefined;
  /** false: interpret only (to compare with translated runs). */
  readonly translate?: boolean | undefined;
  readonly nowMs?: (() => number) | undefined;
  /** Where translations are kept from run to run; absent: nowhere. */
  readonly codeArchive?: CodeArchive | undefined;
}

/** A memory with a processor, on which one machine runs, or several by turns. */
export function createBoard({ engine, memoryBytes, windows, translate, nowMs, codeArchive }: BoardOptions): Board {
  const physical = new PhysicalMemory(engine, { frameBytes: memoryBytes, windows: windows === true });
  return makeBoard(physical, (hooks) =>
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
