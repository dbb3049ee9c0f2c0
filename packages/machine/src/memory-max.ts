import { PhysicalMemory } from "@stratos/riscv";

/** Bytes of the largest machine: what one WebAssembly memory has beside translations and address tables. */
export const MEMORY_BYTES_MAX = PhysicalMemory.FRAME_BYTES_MAX;
