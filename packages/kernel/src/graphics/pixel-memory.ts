import { PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MemoryAccount } from "../frames/memory-account.ts";
import { PageCache } from "../frames/page-cache.ts";

/**
 * Pixels that programs draw into through mmap(2). Pages come when somebody touches them; whoever made it is one user of
 * them, each mapping another, so that a mapping outlives what it was made from.
 */
export class PixelMemory {
  readonly pages: PageCache;
  /** Where it begins in what mmap(2) calls the file, in pages. */
  readonly firstPage: number;
  readonly sizeBytes: number;

  constructor(account: MemoryAccount, firstPage: number, sizeBytes: number) {
    this.pages = new PageCache(account, null);
    this.pages.anonymousUsers = 1;
    this.firstPage = firstPage;
    this.sizeBytes = sizeBytes;
  }

  /** Whoever made it is done with it. */
  release(): void {
    this.pages.releaseMapping();
  }

  /** What nobody has touched is zero. @param at  in bytes of the memory; all of it lies within */
  read(at: number, into: Uint8Array, start: number, count: number): void {
    const { pages } = this;
    const { u8 } = pages.frames.physical;
    for (let done = 0; done < count;) {
      const inPage = (at + done) % PAGE_SIZE;
      const part = Math.min(count - done, PAGE_SIZE - inPage);
      const frame = pages.peek(this.firstPage + Math.floor((at + done) / PAGE_SIZE));
      const to = start + done;
      if (frame === 0) into.fill(0, to, to + part);
      else into.set(u8.subarray(frame * PAGE_SIZE + inPage, frame * PAGE_SIZE + inPage + part), to);
      done += part;
    }
  }

  static {
    stateClass("PixelMemory", this);
  }
}
