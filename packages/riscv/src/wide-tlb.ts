import { PAGE_SIZE } from "@stratos/abi";
import { WIDE_READ_TLB, WIDE_TLB_ENTRIES, WIDE_VALID, WIDE_WRITE_TLB } from "./access.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import type { WideTlb } from "./processor.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";

const ENTRY_SIZE = 16;

/**
 * The two TLBs of the wide mode, direct-mapped by the low bits of the page number. They hold pages of one address
 * space.
 *
 * ```
 * entry  0   u64  virtual page address | WIDE_VALID (0: empty)
 *        8   u32  frame's physical address − virtual page address, modulo 2^32
 * ```
 */
export class DirectMappedTlb implements WideTlb {
  readonly #u32: Uint32Array;
  /** Nothing was mapped since the last flush: threads that unmap a lot, and switches, cost nothing then. */
  #isEmpty: boolean;

  constructor(physical: PhysicalMemory) {
    this.#u32 = physical.u32;
    this.#isEmpty = true;
  }

  map(va: VirtualAddress, frame: PhysicalAddress, writable: boolean): void {
    const low = va >>> 0;
    const high = Math.floor(va / 2 ** 32);
    const read = entryOf(WIDE_READ_TLB, low);
    this.#fill(read, low, high, frame);
    const write = entryOf(WIDE_WRITE_TLB, low);
    if (writable) this.#fill(write, low, high, frame);
    else if (this.#holds(write, low, high)) this.#clear(write);
    this.#isEmpty = false;
  }

  unmap(start: number, end: number): void {
    if (this.#isEmpty) return;
    if (end - start >= WIDE_TLB_ENTRIES * PAGE_SIZE) return this.flush();
    for (let va = start - (start % PAGE_SIZE); va < end; va += PAGE_SIZE) {
      const low = va >>> 0;
      const high = Math.floor(va / 2 ** 32);
      const read = entryOf(WIDE_READ_TLB, low);
      if (this.#holds(read, low, high)) this.#clear(read);
      this.#protect(low, high);
    }
  }

  writeProtect(start: number, end: number): void {
    if (this.#isEmpty) return;
    if (end - start >= WIDE_TLB_ENTRIES * PAGE_SIZE) return this.writeProtectAll();
    for (let va = start - (start % PAGE_SIZE); va < end; va += PAGE_SIZE)
      this.#protect(va >>> 0, Math.floor(va / 2 ** 32));
  }

  writeProtectAll(): void {
    if (!this.#isEmpty) this.#u32.fill(0, WIDE_WRITE_TLB >>> 2, (WIDE_WRITE_TLB + WIDE_TLB_ENTRIES * ENTRY_SIZE) >>> 2);
  }

  flush(): void {
    if (this.#isEmpty) return;
    this.#u32.fill(0, WIDE_READ_TLB >>> 2, (WIDE_READ_TLB + WIDE_TLB_ENTRIES * ENTRY_SIZE) >>> 2);
    this.writeProtectAll();
    this.#isEmpty = true;
  }

  #protect(low: number, high: number): void {
    const write = entryOf(WIDE_WRITE_TLB, low);
    if (this.#holds(write, low, high)) this.#clear(write);
  }

  #fill(index: number, low: number, high: number, frame: PhysicalAddress): void {
    this.#u32[index] = low | WIDE_VALID;
    this.#u32[index + 1] = high;
    this.#u32[index + 2] = frame - low;
  }

  #holds(index: number, low: number, high: number): boolean {
    return this.#u32[index] === (low | WIDE_VALID) >>> 0 && this.#u32[index + 1] === high;
  }

  #clear(index: number): void {
    this.#u32[index] = 0;
    this.#u32[index + 1] = 0;
  }
}

/** Index in 32-bit words of the page's entry. */
function entryOf(tlb: number, low: number): number {
  return (tlb + ((low >>> 12) & (WIDE_TLB_ENTRIES - 1)) * ENTRY_SIZE) >>> 2;
}
