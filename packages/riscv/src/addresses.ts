/** The two kinds of address that meet in the processor. */
import type { Quantity } from "@stratos/base";

/** In bytes, as programs have it: below 2^53. */
export type VirtualAddress = Quantity<"virtual address">;
/** In bytes, of the computer's one memory (physical-memory.ts). */
export type PhysicalAddress = Quantity<"physical address">;
