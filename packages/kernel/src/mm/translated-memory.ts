/**
 * User memory in terms of its translation, page by page: bytes, words and strings in and out. Each page is translated
 * for itself, which may fault it in, so a range that ends where nothing is mapped fails with −EFAULT there, what lies
 * before it moved.
 */
import { EFAULT, ENAMETOOLONG, PAGE_SIZE } from "@stratos/abi";
import { byteString } from "@stratos/base";
import type { PhysicalAddress, VirtualAddress } from "@stratos/riscv";
import type { IoCursor } from "../ground/io-cursor.ts";
import type { UserMemory } from "../ground/user-memory.ts";

/** What it needs of the kernel. */
interface MemoryKernel {
  readonly physical: { readonly u8: Uint8Array; readonly u32: Uint32Array };
  readonly work: { charge(units: number): void };
}

export abstract class TranslatedMemory implements UserMemory {
  abstract readonly kernel: MemoryKernel;

  /** Physical address of user byte `address`, faulting the page in for the access; −EFAULT. */
  abstract translate(address: VirtualAddress, forWrite: boolean): PhysicalAddress;

  abstract cursor(address: VirtualAddress, count: number): IoCursor;
  abstract vectorCursor(vector: VirtualAddress, count: number): IoCursor | number;

  copyIn(address: VirtualAddress, into: Uint8Array, at: number, count: number): number {
    this.kernel.work.charge(count >>> 12);
    const memory = this.kernel.physical.u8;
    while (count > 0) {
      const from = this.translate(address, false);
      if (from < 0) return -EFAULT;
      const part = Math.min(count, PAGE_SIZE - (address % PAGE_SIZE));
      copyBytes(memory, from, into, at, part);
      address += part;
      at += part;
      count -= part;
    }
    return 0;
  }

  copyOut(address: VirtualAddress, from: Uint8Array, at: number, count: number): number {
    this.kernel.work.charge(count >>> 12);
    const memory = this.kernel.physical.u8;
    while (count > 0) {
      const to = this.translate(address, true);
      if (to < 0) return -EFAULT;
      const part = Math.min(count, PAGE_SIZE - (address % PAGE_SIZE));
      copyBytes(from, at, memory, to, part);
      address += part;
      at += part;
      count -= part;
    }
    return 0;
  }

  clear(address: VirtualAddress, count: number): number {
    const memory = this.kernel.physical.u8;
    while (count > 0) {
      const to = this.translate(address, true);
      if (to < 0) return -EFAULT;
      const part = Math.min(count, PAGE_SIZE - (address % PAGE_SIZE));
      memory.fill(0, to, to + part);
      address += part;
      count -= part;
    }
    return 0;
  }

  loadU32(address: VirtualAddress): number {
    if (address % 4 === 0) {
      const at = this.translate(address, false);
      return at < 0 ? -EFAULT : this.kernel.physical.u32[at >>> 2]!;
    }
    if (this.copyIn(address, WORDS, 0, 4) < 0) return -EFAULT;
    return WORDS_VIEW.getUint32(0, true);
  }

  storeU32(address: VirtualAddress, value: number): number {
    if (address % 4 === 0) {
      const at = this.translate(address, true);
      if (at < 0) return -EFAULT;
      this.kernel.physical.u32[at >>> 2] = value;
      return 0;
    }
    WORDS_VIEW.setUint32(0, value, true);
    return this.copyOut(address, WORDS, 0, 4);
  }

  loadU64(address: VirtualAddress): number {
    const low = this.loadU32(address);
    if (low < 0) return -EFAULT;
    const high = this.loadU32(address + 4);
    return high < 0 ? -EFAULT : high * 0x100000000 + low;
  }

  storeU64(address: VirtualAddress, value: number): number {
    const high = Math.floor(value / 0x100000000);
    const failed = this.storeU32(address, value - high * 0x100000000);
    return failed < 0 ? failed : this.storeU32(address + 4, high);
  }

  loadString(address: VirtualAddress, most: number): string | number {
    const memory = this.kernel.physical.u8;
    let text = "";
    while (text.length <= most) {
      const from = this.translate(address, false);
      if (from < 0) return -EFAULT;
      const part = Math.min(PAGE_SIZE - (address % PAGE_SIZE), most + 1 - text.length);
      if (part === 0) break;
      const end = memory.indexOf(0, from);
      if (end >= 0 && end < from + part) return text + byteString(memory, from, end);
      text += byteString(memory, from, from + part);
      address += part;
    }
    return -ENAMETOOLONG;
  }
}

const WORDS = new Uint8Array(8);
const WORDS_VIEW = new DataView(WORDS.buffer);

/**
 * Copies within one buffer or between two; the former never leaves the memory, and short copies skip the call's cost.
 */
function copyBytes(from: Uint8Array, start: number, to: Uint8Array, at: number, count: number): void {
  if (count <= 32) {
    for (let index = 0; index < count; index++) to[at + index] = from[start + index]!;
  } else if (from === to) to.copyWithin(at, start, start + count);
  else to.set(from.subarray(start, start + count), at);
}
