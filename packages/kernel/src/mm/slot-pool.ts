import { stateClass } from "@stratos/base";
import type { PhysicalMemory, Processor } from "@stratos/riscv";
import type { AddressSpace } from "./address-space.ts";

/** What the pool needs of its board. */
interface SlotBoard {
  readonly processor: Processor;
  readonly physical: PhysicalMemory;
}

/** Windows: 256 MiB for programs and 384 for heaps below the end of memory; a power of two, with some room for each. */
const WINDOW_TOP = 2 ** 32 - (640 << 20),
  WINDOW_COUNT = 16,
  WINDOW_STEP = 24 << 20;

/**
 * Lends the few slots of flat tables to address spaces. A space gets one when it is scheduled; the least recently
 * scheduled gives its own up when there are none left, and is filled again from its page table later.
 *
 * Gives spaces their windows, too, where the memory has frames for that: a distance between a page's address and that
 * of its frame, modulo 4 GiB. What a space has for itself is put there when the place is free
 * (`AddressSpace.takeFrame`), so that translated code can guess where a page is (riscv, access.ts). The address space
 * begins in the midst of the memory:
 *
 *     low memory, frames of all others → … mmap ← │ libraries ← │ stack ← │ program, heap → │
 *                                                                  window ┘
 */
export class SlotPool {
  #board: SlotBoard;
  /** Spaces with a slot, the most recently scheduled last. */
  #holders: AddressSpace[] = [];
  #active: AddressSpace | null = null;
  /** The wide space whose pages the TLB holds; it may keep them while paged spaces run. */
  tlbOwner: AddressSpace | null = null;
  #windowsGiven = 0;

  constructor(board: SlotBoard) {
    this.#board = board;
  }

  /** A window for a new space, 0 where there are none; those given one after the other lie apart. */
  nextWindow(): number {
    if (!this.#board.physical.hasWindows) return 0;
    const number = this.#windowsGiven++ % WINDOW_COUNT;
    let reversed = 0;
    for (let bit = 1; bit < WINDOW_COUNT; bit *= 2) if ((number & bit) !== 0) reversed += WINDOW_COUNT / 2 / bit;
    return WINDOW_TOP - reversed * WINDOW_STEP;
  }

  /** Makes the space the one that translated code sees. */
  activate(space: AddressSpace): void {
    if (this.#active === space && space.slot >= 0) return;
    const { tables } = this.#board.processor;
    if (space.slot < 0) {
      let slot = tables.acquire(space.window);
      if (slot < 0) {
        const victim = this.#holders.shift()!;
        tables.release(victim.slot);
        victim.slot = -1;
        slot = tables.acquire(space.window);
      }
      space.slot = slot;
      space.publishAll();
    } else {
      const at = this.#holders.indexOf(space);
      if (at >= 0) this.#holders.splice(at, 1);
    }
    this.#holders.push(space);
    this.#active = space;
    tables.activate(space.slot);
    this.changeMode(space);
  }

  /** The active space runs in its mode from now on. */
  changeMode(space: AddressSpace): void {
    if (this.#active !== space) return;
    const { processor } = this.#board;
    processor.mode = space.mode;
    if (!space.isWide || this.tlbOwner === space) return;
    processor.tlb.flush();
    this.tlbOwner = space;
  }

  release(space: AddressSpace): void {
    if (this.tlbOwner === space) {
      this.#board.processor.tlb.flush();
      this.tlbOwner = null;
    }
    if (space.slot < 0) return;
    const at = this.#holders.indexOf(space);
    if (at >= 0) this.#holders.splice(at, 1);
    this.#board.processor.tables.release(space.slot);
    space.slot = -1;
    if (this.#active === space) this.#active = null;
  }

  /** Code pages are about to be reused: no slot may point to one. */
  unmapAllCode(): void {
    for (const space of this.#holders) this.#board.processor.tables.unmapCode(space.slot, 0, 0x100000000);
  }

  static {
    stateClass("SlotPool", this, {
      save: (it) => ({ board: it.#board, holders: it.#holders, active: it.#active, windowsGiven: it.#windowsGiven }),
      load: (it, from) =>
        ({ board: it.#board, holders: it.#holders, active: it.#active, windowsGiven: it.#windowsGiven } = from),
    });
  }
}
