import { stateClass } from "@stratos/base";
import type { Processor } from "@stratos/riscv";
import type { AddressSpace } from "./address-space.ts";

/**
 * Lends the few slots of flat tables to address spaces. A space gets one when it is scheduled; the least recently
 * scheduled gives its own up when there are none left, and is filled again from its page table later.
 */
export class SlotPool {
  #board: { readonly processor: Processor };
  /** Spaces with a slot, the most recently scheduled last. */
  #holders: AddressSpace[] = [];
  #active: AddressSpace | null = null;
  /** The wide space whose pages the TLB holds; it may keep them while paged spaces run. */
  tlbOwner: AddressSpace | null = null;

  /** @param board  of the processor */
  constructor(board: { readonly processor: Processor }) {
    this.#board = board;
  }

  /** Makes the space the one that translated code sees. */
  activate(space: AddressSpace): void {
    if (this.#active === space && space.slot >= 0) return;
    const { tables } = this.#board.processor;
    if (space.slot < 0) {
      let slot = tables.acquire();
      if (slot < 0) {
        const victim = this.#holders.shift()!;
        tables.release(victim.slot);
        victim.slot = -1;
        slot = tables.acquire();
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
      save: (it) => ({ board: it.#board, holders: it.#holders, active: it.#active }),
      load: (it, from) => ({ board: it.#board, holders: it.#holders, active: it.#active } = from),
    });
  }
}
