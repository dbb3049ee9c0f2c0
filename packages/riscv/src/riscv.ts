/** RV64GC in user mode: decoder, generated interpreter, translator to WebAssembly, software MMU. */
export { PhysicalMemory, CODE_PAGE_SIZE, SLOT_SIZE } from "./physical-memory.ts";
export * from "./hart-state.ts";
export type { AddressMode } from "./access.ts";
export type { PhysicalAddress, VirtualAddress } from "./addresses.ts";
export { ExitReason } from "./exit-reason.ts";
export type {
  Processor,
  ProcessorHooks,
  ProcessorOptions,
  AddressTables,
  WideTlb,
  CodeCache,
  FaultingAccess,
} from "./processor.ts";
export type { CodeRegion } from "./code-region.ts";
export type { ProcessorStatistics } from "./processor-tally.ts";
export { createProcessor } from "./create-processor.ts";
export { decode, type Decoded, newDecoded } from "./decode.ts";
export { INSTRUCTIONS } from "./instruction-table.ts";
export { disassemble, type Disassembled } from "./disassemble.ts";
export { BARRIERS_MAX } from "./barriers.ts";
export { hasWatchedChange, setMarks, setWatchCells, WATCH_CELLS, type WatchCell } from "./stop-check.ts";
export { ProcessorTally } from "./processor-tally.ts";
export { keepProfiles } from "./archive-builder.ts";
