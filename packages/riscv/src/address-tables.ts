import { PAGE_SHIFT } from "@stratos/abi";
import { assert } from "@stratos/base";
import { CODE_TABLE, ENTRY_BIAS, READ_TABLE, WINDOW_BYTES, WINDOW_READ, WINDOW_WRITE, WRITE_TABLE } from "./access.ts";
import { HART_TABLES, HART_WINDOW } from "./hart-state.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import type { AddressTables } from "./processor.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";

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
  /** By slot: the entry of pages that lie in its window, 0 for none. */
  readonly #windows: Int32Array;

  constructor(physical: PhysicalMemory) {
    this.#physical = physical;
    this.#free = [];
    for (let slot = physical.slotCount - 1; slot >= 0; slot--) this.#free.push(slot);
    this.#touched = new Uint8Array(physical.slotCount * GROUP_COUNT);
    this.#windows = new Int32Array(physical.slotCount);
  }

  /** Physical address of the slot's tables. */
  base(slot: number): number {
    return this.#physical.slotsStart + slot * this.#physical.slotSize;
  }

  acquire(window = 0): number {
    const slot = this.#free.pop() ?? -1;
    if (slot >= 0) this.#windows[slot] = window === 0 || !this.#physical.hasWindows ? 0 : (window - ENTRY_BIAS) | 0;
    return slot;
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
        if (this.#windows[slot] !== 0) this.#clearWindow(slot, group << GROUP_SHIFT, (group + 1) << GROUP_SHIFT, 0);
      }
      if ((touched & 2) !== 0) u32.fill(0, start + CODE_TABLE / 4, end + CODE_TABLE / 4);
      this.#touched[slot * GROUP_COUNT + group] = 0;
    }
    this.#free.push(slot);
  }

  activate(slot: number): void {
    this.#physical.u32[HART_TABLES >>> 2] = this.base(slot);
    this.#physical.i32[HART_WINDOW >>> 2] = this.#windows[slot] as number;
  }

  map(slot: number, va: VirtualAddress, frame: PhysicalAddress, writable: boolean): void {
    const { i32 } = this.#physical;
    const page = va >>> PAGE_SHIFT;
    this.#touch(slot, page, 1);
    const entry = (this.base(slot) >>> 2) + page;
    const value = (frame - va - ENTRY_BIAS) | 0;
    i32[entry + READ_TABLE / 4] = value;
    i32[entry + WRITE_TABLE / 4] = writable ? value : 0;
    const window = this.#windows[slot] as number;
    if (window !== 0)
      this.#physical.u8[this.base(slot) + WINDOW_BYTES + page] =
        value !== window ? 0 : writable ? WINDOW_READ | WINDOW_WRITE : WINDOW_READ;
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
      if (((this.#touched[slot * GROUP_COUNT + (page >>> GROUP_SHIFT)] as number) & what) !== 0) {
        u32.fill(0, base + page, base + groupEnd);
        if (table !== CODE_TABLE && this.#windows[slot] !== 0)
          this.#clearWindow(slot, page, groupEnd, table === WRITE_TABLE ? WINDOW_READ : 0);
      }
      page = groupEnd;
    }
  }

  /** Of pages `[start, end)` only the rights `kept` stay in the window. */
  #clearWindow(slot: number, start: number, end: number, kept: number): void {
    const { u8 } = this.#physical;
    const base = this.base(slot) + WINDOW_BYTES;
    if (kept === 0) u8.fill(0, base + start, base + end);
    else for (let at = base + start; at < base + end; at++) u8[at]! &= kept;
  }
}
