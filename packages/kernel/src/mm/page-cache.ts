import { PAGE_SIZE } from "@stratos/abi";
import type { CallWork } from "../task/call-work.ts";
import type { FrameAllocator } from "./frame-allocator.ts";
import type { Reapable } from "./reaper.ts";

/** Where a file's pages come from and go to. `bytes` is physical memory: no second copy is made. */
export interface PageBacking {
  /** Fills the page (zeroes beyond the end of the file). Returns 0 or a negated errno. */
  readPage(index: number, bytes: Uint8Array, at: number): number;
  /** Stores `length` bytes (≤ 4096, the rest lies beyond the end of the file). Returns 0 or a negated errno. */
  writePage(index: number, bytes: Uint8Array, at: number, length: number): number;
}

/** Pages that are sorted and written together. */
export const WRITE_PORTION = 256;

/** Pages of a file that went, whose frames are given back. */
class DroppedPages implements Reapable {
  readonly #frames: FrameAllocator;
  readonly #pages: Map<number, number>;

  constructor(frames: FrameAllocator, pages: Map<number, number>) {
    this.#frames = frames;
    this.#pages = pages;
  }

  reap(work: CallWork): boolean {
    let units = 0;
    for (const [index, frame] of this.#pages) {
      // Giving a frame back costs a fraction of what a unit stands for.
      if ((++units & 15) === 0) {
        work.charge(1);
        if (work.mustPause()) return false;
      }
      this.#pages.delete(index);
      this.#frames.release(frame);
    }
    return true;
  }
}

/**
 * The pages of one file that are in memory; the single copy that read, write and mmap see. Without a backing (tmpfs,
 * memfd) the pages are the file and are never reclaimed. Frames hold one reference for the cache and one for each
 * mapping of them.
 */
export class PageCache {
  readonly frames: FrameAllocator;
  readonly backing: PageBacking | null;
  /** Page index → frame number. */
  #pages = new Map<number, number>();
  readonly #dirty = new Set<number>();
  /** Mappings of shared anonymous memory (no file holds it): the last one to go disposes of it. 0 for files. */
  anonymousUsers = 0;
  /** By name; see `watch`. */
  readonly #watchers = new Map<string, (index: number) => void>();

  constructor(frames: FrameAllocator, backing: PageBacking | null) {
    this.frames = frames;
    this.backing = backing;
    if (backing !== null) frames.registerCache(this);
  }

  /** Frame of a page that is in memory, else 0. */
  peek(index: number): number {
    return this.#pages.get(index) ?? 0;
  }

  /**
   * Frame number of the page, read in when needed; a negated errno (EIO, ENOMEM). The caller retains it before it maps
   * it.
   */
  frame(index: number): number {
    const present = this.#pages.get(index);
    if (present !== undefined) return present;
    const frame = this.frames.allocateZeroed();
    if (frame < 0) return frame;
    if (this.backing !== null) {
      const failed = this.backing.readPage(index, this.frames.physical.u8, frame * PAGE_SIZE);
      if (failed < 0) {
        this.frames.release(frame);
        return failed;
      }
    }
    this.#pages.set(index, frame);
    this.frames.cachedCount++;
    return frame;
  }

  /** The page without reading it: for a write that covers all of it. */
  frameForOverwrite(index: number): number {
    const present = this.#pages.get(index);
    if (present !== undefined) return present;
    const frame = this.frames.allocateZeroed();
    if (frame < 0) return frame;
    this.#pages.set(index, frame);
    this.frames.cachedCount++;
    return frame;
  }

  /**
   * Tells `watcher` of each page whose bytes change or that goes. A later watcher of the same name takes the earlier
   * one's place, so there are no more of them than names: processes that map the same code share one.
   */
  watch(name: string, watcher: (index: number) => void): void {
    this.#watchers.set(name, watcher);
  }

  /** A page's bytes are others now, or about to go. */
  notifyChange(index: number): void {
    if (this.#watchers.size === 0) return;
    for (const watcher of this.#watchers.values()) watcher(index);
  }

  /** Must be called after each change of the page's bytes, and when it is mapped writable and shared. */
  markDirty(index: number): void {
    if (this.backing !== null) this.#dirty.add(index);
    this.notifyChange(index);
  }

  /** One more area maps this shared anonymous memory. */
  retainMapping(): void {
    if (this.anonymousUsers > 0) this.anonymousUsers++;
  }

  releaseMapping(): void {
    if (this.anonymousUsers > 0 && --this.anonymousUsers === 0) this.dispose();
  }

  isDirty(index: number): boolean {
    return this.#dirty.has(index);
  }

  get pageCount(): number {
    return this.#pages.size;
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  get hasDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Calls `visit` for each page in memory with index in `[first, last)`, in no order. */
  forEach(first: number, last: number, visit: (index: number, frame: number) => void): void {
    if (last - first < this.#pages.size) {
      for (let index = first; index < last; index++) {
        const frame = this.#pages.get(index);
        if (frame !== undefined) visit(index, frame);
      }
    } else {
      for (const [index, frame] of this.#pages) if (index >= first && index < last) visit(index, frame);
    }
  }

  /**
   * The same until `work` is used up, where the range is no larger than what is in memory; else all of that is looked
   * at in one go.
   *
   * @returns index up to which all was visited, `last` at the end
   */
  forEachInPieces(first: number, last: number, work: CallWork, visit: (index: number, frame: number) => void): number {
    if (last - first > this.#pages.size) {
      work.charge(this.#pages.size >> 5);
      this.forEach(first, last, visit);
      return last;
    }
    for (let index = first; index < last; index++) {
      if (work.mustPause()) return index;
      const frame = this.#pages.get(index);
      work.charge(1);
      if (frame !== undefined) visit(index, frame);
    }
    return last;
  }

  /**
   * Drops pages from `size` on and zeroes the tail of the page that `size` falls in. Mappings must have been cut before
   * (mm/truncate).
   */
  truncate(size: number): void {
    const first = Math.ceil(size / PAGE_SIZE);
    if (first === 0) return this.#dropAll();
    for (const index of [...this.#pages.keys()]) if (index >= first) this.drop(index);
    const tail = size % PAGE_SIZE;
    const frame = tail === 0 ? undefined : this.#pages.get(Math.floor(size / PAGE_SIZE));
    if (frame !== undefined) {
      this.frames.physical.u8.fill(0, frame * PAGE_SIZE + tail, (frame + 1) * PAGE_SIZE);
      this.markDirty(Math.floor(size / PAGE_SIZE));
    }
  }

  /** Forgets one page, whatever its state (hole punching, truncation). */
  drop(index: number): void {
    const frame = this.#pages.get(index);
    if (frame === undefined) return;
    this.#pages.delete(index);
    this.frames.cachedCount--;
    this.#dirty.delete(index);
    this.notifyChange(index);
    this.frames.release(frame);
  }

  /** Forgets every page; the frames of many go back in pieces. */
  #dropAll(): void {
    const pages = this.#pages;
    this.#pages = new Map();
    this.#dirty.clear();
    this.frames.cachedCount -= pages.size;
    if (this.#watchers.size > 0) for (const index of pages.keys()) this.notifyChange(index);
    this.frames.reaper.add(new DroppedPages(this.frames, pages));
  }

  /** Writes dirty pages to the backing. @param size  of the file in bytes. @returns 0, or the first error */
  writeBack(size: number): number {
    let failure = 0;
    for (let left = this.#dirty.size; left > 0; left -= WRITE_PORTION) {
      const failed = this.writePortion(size, Math.min(left, WRITE_PORTION));
      if (failure === 0) failure = failed;
    }
    return failure;
  }

  /**
   * Writes the `most` pages that are dirty for the longest, in ascending order. One that stays dirty comes behind all
   * others, so that who writes as many as there were at first has written each.
   *
   * @returns 0, or the first error
   */
  writePortion(size: number, most: number): number {
    if (this.backing === null) return 0;
    const portion: number[] = [];
    for (const index of this.#dirty) if (portion.push(index) >= most) break;
    let failure = 0;
    for (const index of portion.sort((a, b) => a - b)) {
      const length = Math.min(PAGE_SIZE, size - index * PAGE_SIZE);
      const frame = this.#pages.get(index);
      if (length > 0 && frame !== undefined) {
        const failed = this.backing.writePage(index, this.frames.physical.u8, frame * PAGE_SIZE, length);
        if (failed < 0 && failure === 0) failure = failed;
        // While it is mapped it may be written again without a fault, so it stays dirty until the mapping goes.
        if (failed < 0 || this.frames.references(frame) > 1) {
          this.#dirty.delete(index);
          this.#dirty.add(index);
          continue;
        }
      }
      this.#dirty.delete(index);
    }
    return failure;
  }

  /** Gives up clean pages that nobody maps; returns how many frames that freed. */
  reclaim(most: number): number {
    if (this.backing === null) return 0;
    let freed = 0;
    for (const [index, frame] of this.#pages) {
      if (freed >= most) break;
      if (this.#dirty.has(index) || this.frames.references(frame) > 1) continue;
      this.drop(index);
      freed++;
    }
    return freed;
  }

  /** The file is gone. */
  dispose(): void {
    this.#dropAll();
    if (this.backing !== null) this.frames.unregisterCache(this);
  }
}
