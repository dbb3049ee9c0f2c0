import { EFAULT, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { IoCursor } from "../ground/io-cursor.ts";
import type { AddressSpace } from "./address-space.ts";
import { addressOfEntry, PTE_W } from "./page-table.ts";
import type { PhysicalAddress, VirtualAddress } from "@stratos/riscv";

/**
 * A cursor over user segments. Each address space has one and uses it again, so that a system call allocates nothing.
 */
export class UserCursor implements IoCursor {
  #space: AddressSpace;
  #addresses: number[] = [];
  #lengths: number[] = [];
  #segment = 0;
  #within = 0;
  #count = 0;
  remaining = 0;

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  reset(): void {
    this.#count = 0;
    this.#segment = 0;
    this.#within = 0;
    this.remaining = 0;
  }

  addSegment(address: VirtualAddress, length: number): void {
    this.#addresses[this.#count] = address;
    this.#lengths[this.#count] = length;
    this.#count++;
    this.remaining += length;
  }

  /** Bytes that lie together in one page, or end the segment; 0 at the end. */
  get contiguous(): number {
    while (this.#segment < this.#count && this.#lengths[this.#segment] === this.#within) {
      this.#segment++;
      this.#within = 0;
    }
    if (this.#segment >= this.#count) return 0;
    const address = this.#addresses[this.#segment]! + this.#within;
    return Math.min(this.#lengths[this.#segment]! - this.#within, PAGE_SIZE - (address % PAGE_SIZE));
  }

  /** Where the next bytes lie, if nobody else has their page, and the process may write there; else 0. */
  get ownPlace(): PhysicalAddress {
    const address = this.#addresses[this.#segment]! + this.#within;
    const entry = this.#space.table.get(address);
    if ((entry & PTE_W) === 0 || this.#space.areaAt(address)?.isShared !== false) return 0;
    return addressOfEntry(entry) + (address % PAGE_SIZE);
  }

  put(source: Uint8Array, start: number, count: number): number {
    return this.#move(source, start, count, true);
  }

  take(target: Uint8Array, start: number, count: number): number {
    return this.#move(target, start, count, false);
  }

  skip(count: number): void {
    this.remaining -= count;
    while (count > 0) {
      const part = Math.min(count, this.#lengths[this.#segment]! - this.#within);
      this.#within += part;
      count -= part;
      if (count > 0) {
        this.#segment++;
        this.#within = 0;
      }
    }
  }

  #move(bytes: Uint8Array, at: number, count: number, toUser: boolean): number {
    const memory = this.#space.kernel.physical.u8;
    let moved = 0;
    if (count > this.remaining) count = this.remaining;
    this.#space.kernel.work.charge(count >>> 12);
    while (moved < count) {
      const left = this.#lengths[this.#segment]! - this.#within;
      if (left === 0) {
        this.#segment++;
        this.#within = 0;
        continue;
      }
      const address = this.#addresses[this.#segment]! + this.#within;
      const place = this.#space.translate(address, toUser);
      if (place < 0) return moved > 0 ? moved : -EFAULT;
      const part = Math.min(count - moved, left, PAGE_SIZE - (address % PAGE_SIZE));
      if (part <= 16) {
        if (toUser) for (let index = 0; index < part; index++) memory[place + index] = bytes[at + index]!;
        else for (let index = 0; index < part; index++) bytes[at + index] = memory[place + index]!;
      } else if (toUser) {
        if (bytes === memory) memory.copyWithin(place, at, at + part);
        else memory.set(bytes.subarray(at, at + part), place);
      } else if (bytes === memory) memory.copyWithin(at, place, place + part);
      else bytes.set(memory.subarray(place, place + part), at);
      at += part;
      moved += part;
      this.#within += part;
      this.remaining -= part;
    }
    return moved;
  }

  static {
    stateClass("UserCursor", this, {
      save: (it) => ({
        space: it.#space,
        addresses: it.#addresses,
        lengths: it.#lengths,
        segment: it.#segment,
        within: it.#within,
        count: it.#count,
      }),
      load: (it, from) =>
        ({
          space: it.#space,
          addresses: it.#addresses,
          lengths: it.#lengths,
          segment: it.#segment,
          within: it.#within,
          count: it.#count,
        } = from),
    });
  }
}
