import type { AddressMode } from "./access.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";

/**
 * Code of one executable mapping: a range of virtual pages with their predecoded records and translations. Regions with
 * the same key are shared by all address spaces that map the same file pages at the same addresses.
 */
export interface CodeRegion {
  readonly key: string | null;
  /** The address mode of its translations. */
  readonly mode: AddressMode;
  readonly start: VirtualAddress;
  readonly end: VirtualAddress;
  /** The cache has dropped it, and nobody uses it: it will never come back. */
  readonly isForgotten: boolean;
  /**
   * Address of the code page for `va`, decoding from `frame` (physical address) as it is executed. The frame of a page
   * is fixed until dropped.
   */
  page(va: VirtualAddress, frame: PhysicalAddress): PhysicalAddress;
  /** The code page if it exists, else 0: for fault-around. */
  existingPage(va: VirtualAddress): PhysicalAddress;
  /**
   * Forgets decoded records and translations of pages that overlap `[start, end)`: their bytes changed. The pages stay
   * mapped and are decoded anew from `frame`s as before.
   */
  invalidate(start: VirtualAddress, end: VirtualAddress): void;
}
