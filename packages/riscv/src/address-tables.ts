import { assert } from "@stratos/base";
import { CODE_TABLE, ENTRY_BIAS, READ_TABLE, WRITE_TABLE } from "./access.ts";
import { HART_TABLES } from "./hart-state.ts";
import { SLOT_SIZE } from "./physical-memory.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import type { AddressTables } from "./processor.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";

const PAGE_SHIFT = 12;
/** Entries in one 4 KiB page of a table: the granule in which we remember what was touched (4 MiB of address space). */
const GROUP_SHIFT = 10;
const GROUP_COUNT = 1 << (20 - GROUP_SHIFT);

/**
 * The flat tables of the slots. Emptying visits only groups of 1024 entries that were written since the slot was empty,
 * so that its cost follows what is mapped, and the host never commits table pages of address space that isn't used.
 */
export class FlatAddressTables implements AddressTables {
  readonly #physical: PhysicalMemory;
  readonly #free: number[];
  /** For each slot and group: 1 when data entries, 2 when code entries may be there. */
  readonly #touched: Uint8Array;

  constructor(physical: PhysicalMemory) {
    this.#physical = physical;
    this.#free = [];
    for (let slot = physical.slotCount - 1; slot >= 0; slot--) this.#free.push(slot);
    this.#touched = new Uint8Array(physical.slotCount * GROUP_COUNT);
  }

  /** Physical address of the slot's tables. */
  base(slot: number): number {
    return this.#physical.slotsStart + slot * SLOT_SIZE;
  }

  acquire(): number {
    return this.#free.pop() ?? -1;
  }

  release(slot: number): void {
    assert(!this.#free.includes(slot), "a slot is released once");
    const { u32 } = this.#physical;
    const base = this.base(slot) >>> 2;
    for (let group = 0; group < GROUP_COUNT; group++) {
      const touched = this.#touched[slot * GROUP_COUNT + group] as number;
      if (touched === 0) continue;
      const start = base + (group << GROUP_SHIFT);
      const end = start + (1 << GROUP_SHIFT);
      if ((touched & 1) !== 0) {
        u32.fill(0, start + READ_TABLE / 4, end + READ_TABLE / 4);
        u32.fill(0, start + WRITE_TABLE / 4, end + WRITE_TABLE / 4);
      }
      if ((touched & 2) !== 0) u32.fill(0, start + CODE_TABLE / 4, end + CODE_TABLE / 4);
      this.#touched[slot * GROUP_COUNT + group] = 0;
    }
    this.#free.push(slot);
  }

  activate(slot: number): void {
    this.#physical.u32[HART_TABLES >>> 2] = this.base(slot);
  }

  map(slot: number, va: VirtualAddress, frame: PhysicalAddress, writable: boolean): void {
    const { i32 } = this.#physical;
    const page = va >>> PAGE_SHIFT;
    this.#touch(slot, page, 1);
    const entry = (this.base(slot) >>> 2) + page;
    const value = (frame - va - ENTRY_BIAS) | 0;
    i32[entry + READ_TABLE / 4] = value;
    i32[entry + WRITE_TABLE / 4] = writable ? value : 0;
  }

  unmap(slot: number, start: number, end: number): void {
    this.#clear(slot, start, end, READ_TABLE, 1);
    this.#clear(slot, start, end, WRITE_TABLE, 1);
  }

  writeProtect(slot: number, start: number, end: number): void {
    this.#clear(slot, start, end, WRITE_TABLE, 1);
  }

  writeProtectAll(slot: number): void {
    this.#clear(slot, 0, 2 ** 32, WRITE_TABLE, 1);
  }

  mapCode(slot: number, va: VirtualAddress, codePage: PhysicalAddress): void {
    const page = va >>> PAGE_SHIFT;
    this.#touch(slot, page, 2);
    this.#physical.u32[((this.base(slot) + CODE_TABLE) >>> 2) + page] = codePage;
  }

  unmapCode(slot: number, start: number, end: number): void {
    this.#clear(slot, start, end, CODE_TABLE, 2);
  }

  #touch(slot: number, page: number, what: number): void {
    const index = slot * GROUP_COUNT + (page >>> GROUP_SHIFT);
    this.#touched[index] = (this.#touched[index] as number) | what;
  }

  #clear(slot: number, startAddress: number, endAddress: number, table: number, what: number): void {
    const { u32 } = this.#physical;
    const base = (this.base(slot) + table) >>> 2;
    const end = Math.min(Math.ceil(endAddress / 4096), 1 << 20);
    let page = Math.floor(startAddress / 4096);
    while (page < end) {
      const groupEnd = Math.min(((page >>> GROUP_SHIFT) + 1) << GROUP_SHIFT, end);
      if (((this.#touched[slot * GROUP_COUNT + (page >>> GROUP_SHIFT)] as number) & what) !== 0)
        u32.fill(0, base + page, base + groupEnd);
      page = groupEnd;
    }
  }
}
