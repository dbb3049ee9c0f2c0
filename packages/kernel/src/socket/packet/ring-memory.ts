/** Memory that a packet socket shares with programs (packet(7), PACKET_RX_RING and PACKET_TX_RING). */
import { PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MemoryAccount } from "../../frames/memory-account.ts";
import { PageCache } from "../../frames/page-cache.ts";

/**
 * Pages come when somebody touches them. The socket is one user of them, each mapping another; programs write what they
 * like at any time, so nothing that is read here counts before it was checked.
 */
export class RingMemory {
  readonly pages: PageCache;

  constructor(account: MemoryAccount) {
    this.pages = new PageCache(account, null);
    this.pages.anonymousUsers = 1;
  }

  get isMapped(): boolean {
    return this.pages.anonymousUsers > 1;
  }

  /** The socket is done with it; mappings keep the pages. */
  release(): void {
    this.pages.releaseMapping();
  }

  /** @param at  in bytes. @returns 0, or −ENOMEM: then some of it may be written */
  write(at: number, bytes: Uint8Array, from: number, count: number): number {
    const { pages } = this;
    while (count > 0) {
      const index = Math.floor(at / PAGE_SIZE);
      const frame = pages.frameForWrite(index);
      if (frame < 0) return frame;
      const inPage = at % PAGE_SIZE;
      const part = Math.min(count, PAGE_SIZE - inPage);
      pages.frames.physical.u8.set(bytes.subarray(from, from + part), frame * PAGE_SIZE + inPage);
      pages.markDirty(index);
      at += part;
      from += part;
      count -= part;
    }
    return 0;
  }

  /** @returns 0, or −ENOMEM */
  read(at: number, into: Uint8Array, count: number): number {
    const { pages } = this;
    for (let done = 0; done < count;) {
      const frame = pages.frame(Math.floor(at / PAGE_SIZE));
      if (frame < 0) return frame;
      const inPage = at % PAGE_SIZE;
      const part = Math.min(count - done, PAGE_SIZE - inPage);
      const place = frame * PAGE_SIZE + inPage;
      into.set(pages.frames.physical.u8.subarray(place, place + part), done);
      at += part;
      done += part;
    }
    return 0;
  }

  /** A word at a multiple of four; of a page that nobody has touched it is zero. */
  loadU32(at: number): number {
    const frame = this.pages.peek(Math.floor(at / PAGE_SIZE));
    return frame === 0 ? 0 : this.pages.frames.physical.u32[(frame * PAGE_SIZE + (at % PAGE_SIZE)) / 4]!;
  }

  /** @returns 0, or −ENOMEM */
  storeU32(at: number, value: number): number {
    const index = Math.floor(at / PAGE_SIZE);
    const frame = this.pages.frameForWrite(index);
    if (frame < 0) return frame;
    this.pages.frames.physical.u32[(frame * PAGE_SIZE + (at % PAGE_SIZE)) / 4] = value;
    this.pages.markDirty(index);
    return 0;
  }

  static {
    stateClass("RingMemory", this);
  }
}
