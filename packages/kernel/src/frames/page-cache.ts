import { ENOSPC, PAGE_SIZE } from "@stratos/abi";
import { assert, stateClass, SteadySet } from "@stratos/base";
import type { CallWork } from "../ground/call-work.ts";
import type { FrameAllocator } from "./frame-allocator.ts";
import type { ImageFile } from "./image-pages.ts";
import type { FrameCount, MemoryAccount } from "./memory-account.ts";
import type { Reapable } from "./reaper.ts";
import type { Frame, PageIndex } from "./frame.ts";

/** Where a file's pages come from and go to. `bytes` is physical memory: no second copy is made. */
export interface PageBacking {
  /** Fills the page (zeroes beyond the end of the file). Returns 0 or a negated errno. */
  readPage(index: PageIndex, bytes: Uint8Array, at: number): number;
  /** Stores `length` bytes (≤ 4096, the rest lies beyond the end of the file). Returns 0 or a negated errno. */
  writePage(index: PageIndex, bytes: Uint8Array, at: number, length: number): number;
}

/** What bounds the pages of caches without a backing: those of all files of a tmpfs together. */
interface PageRoom {
  /** Kept by the caches. */
  pagesUsed: number;
  readonly pagesMax: number;
}

/** Pages that are sorted and written together. */
export const WRITE_PORTION = 256;

/** Pages that lie together in a file: what is dropped, or looked through, goes by them. */
const SEGMENT_PAGES = 32;

interface Segment {
  /** Frame numbers; 0: the page isn't there. */
  readonly frames: number[];
  /** How many are there; at least one. */
  count: number;
}

/** Pages of a file that went, whose frames are given back. */
class DroppedPages implements Reapable {
  #account: MemoryAccount;
  #segments: Segment[];

  constructor(account: MemoryAccount, segments: Segment[]) {
    this.#account = account;
    this.#segments = segments;
  }

  reap(work: CallWork): boolean {
    for (let segment = this.#segments.pop(); segment !== undefined; segment = this.#segments.pop()) {
      for (const frame of segment.frames) if (frame !== 0) this.#account.frames.giveBack(frame, this.#account);
      // Giving a frame back costs a fraction of what a unit stands for.
      work.charge(SEGMENT_PAGES / 16);
      if (work.mustPause()) return this.#segments.length === 0;
    }
    return true;
  }

  countFrames(count: FrameCount): void {
    countSegments(this.#segments, count);
  }

  static {
    stateClass("DroppedPages", this, {
      save: (it) => ({ account: it.#account, segments: it.#segments }),
      load: (it, from) => ({ account: it.#account, segments: it.#segments } = from),
    });
  }
}

function countSegments(segments: Iterable<Segment>, count: FrameCount): void {
  for (const { frames } of segments) for (const frame of frames) if (frame !== 0) count.cached(frame);
}

/** Who follows the bytes of a file's pages. */
export interface PageWatcher {
  pageChanged(index: PageIndex): void;
  /** Nobody is interested any more, for good. */
  readonly isDone: boolean;
}

/**
 * The pages of one file that are in memory; the single copy that read, write and mmap see. Without a backing (tmpfs,
 * memfd) the pages are the file and are never reclaimed. Frames hold one reference for the cache and one for each
 * mapping of them.
 */
export class PageCache {
  /** To which the pages are charged. */
  readonly account: MemoryAccount;
  readonly frames: FrameAllocator;
  readonly backing: PageBacking | null;
  /** Who knows where an image has the file's pages, which are then borrowed from there; null: it is in none. */
  imageFile: ImageFile | null = null;
  /** All of it is as the image has it. */
  isOriginal = false;
  /** A shared mapping of it has been written: its bytes may change without a fault or a call. */
  isWrittenInPlace = false;
  #room: PageRoom | null;
  /** By page index / SEGMENT_PAGES; none is empty. */
  #segments = new Map<number, Segment>();
  #pageCount = 0;
  identity = 0;
  #dirty = new SteadySet<number>();
  /** Forks of the machine have the same objects for `#segments` and `#dirty`: see `#unshare`. */
  #isShared = false;
  /** Mappings of shared anonymous memory (no file holds it): the last one to go disposes of it. 0 for files. */
  anonymousUsers = 0;
  /** Pages that shared anonymous memory was made with: mremap(2) shows no more of it (mm/shmem.c, shmem_zero_setup). */
  anonymousPages = Infinity;
  /** By name; see `watch`. Bound: those that are not done, and as many again. null: there never were any. */
  #watchers: Map<string, PageWatcher> | null = null;
  #watchersMost = 16;

  constructor(account: MemoryAccount, backing: PageBacking | null, room: PageRoom | null = null) {
    this.account = account;
    this.frames = account.frames;
    this.backing = backing;
    this.#room = room;
    if (backing !== null) account.registerCache(this);
    else account.ofKernel.holders.add(this);
  }

  /** Frame of a page that is in memory, else 0. */
  peek(index: PageIndex): Frame {
    return this.#segments.get(Math.floor(index / SEGMENT_PAGES))?.frames[index & (SEGMENT_PAGES - 1)] ?? 0;
  }

  /** Before what says which pages are there changes: it is this cache's own from now on. */
  #unshare(): void {
    if (!this.#isShared) return;
    this.#isShared = false;
    const segments = new Map<number, Segment>();
    for (const [at, { frames, count }] of this.#segments) segments.set(at, { frames: [...frames], count });
    this.#segments = segments;
    this.#dirty = new SteadySet(this.#dirty);
  }

  /** Adds a page that isn't there. */
  #add(index: PageIndex, frame: Frame): void {
    this.#unshare();
    const at = Math.floor(index / SEGMENT_PAGES);
    let segment = this.#segments.get(at);
    if (segment === undefined) {
      segment = { frames: new Array<number>(SEGMENT_PAGES).fill(0), count: 0 };
      this.#segments.set(at, segment);
    }
    segment.frames[index & (SEGMENT_PAGES - 1)] = frame;
    segment.count++;
    this.#count(1);
  }

  #count(pages: number): void {
    this.#pageCount += pages;
    this.account.countCached(pages);
    if (this.#room !== null) this.#room.pagesUsed += pages;
  }

  /** A new frame for a page; −ENOMEM, −ENOSPC. */
  #allocate(): Frame {
    if (this.#room !== null && this.#room.pagesUsed >= this.#room.pagesMax) return -ENOSPC;
    return this.frames.allocateZeroed(this.account);
  }

  /**
   * Frame number of the page, read in when needed; a negated errno (EIO, ENOMEM, ENOSPC). The caller retains it before
   * it maps it.
   */
  frame(index: PageIndex): Frame {
    const present = this.peek(index);
    if (present !== 0) return present;
    if (this.isOriginal) {
      const place = this.imageFile!.placeInImage(index);
      if (place >= 0) return this.#borrow(index, place);
    }
    const frame = this.#allocate();
    if (frame < 0) return frame;
    if (this.backing !== null) {
      const failed = this.backing.readPage(index, this.frames.physical.u8, frame * PAGE_SIZE);
      if (failed < 0) {
        this.frames.release(frame);
        return failed;
      }
    }
    this.#add(index, frame);
    return frame;
  }

  /** The image's own page, read when no kernel has it. */
  #borrow(index: PageIndex, place: number): Frame {
    const { frames, account } = this;
    const { image } = this.imageFile!;
    let frame = image.peek(place);
    if (frame !== 0) {
      const failed = frames.lend(frame, account);
      if (failed < 0) return failed;
    } else {
      frame = frames.allocateLent(account);
      if (frame < 0) return frame;
      const failed = this.backing!.readPage(index, frames.physical.u8, frame * PAGE_SIZE);
      if (failed < 0) {
        frames.giveBack(frame, account);
        frames.release(frame);
        return failed;
      }
      image.add(place, frame);
    }
    this.#add(index, frame);
    return frame;
  }

  /** As `frame`, of a page that is about to be written: it is this file's own then. */
  frameForWrite(index: PageIndex): Frame {
    const frame = this.frame(index);
    return frame < 0 ? frame : this.#own(index, frame);
  }

  /** The page without reading it: for a write that covers all of it. */
  frameForOverwrite(index: PageIndex): Frame {
    const present = this.peek(index);
    if (present !== 0) return this.#own(index, present);
    this.leaveImage();
    const frame = this.#allocate();
    if (frame < 0) return frame;
    this.#add(index, frame);
    return frame;
  }

  /**
   * The frame of a page that is in memory, for bytes to be changed in it at once. @returns 0: it isn't in memory;
   * −ENOMEM
   */
  ownFrame(index: PageIndex): Frame {
    const frame = this.peek(index);
    return frame === 0 ? 0 : this.#own(index, frame);
  }

  /** The bytes of a page in memory begin to differ from the image's, or from those of forks: it gets its own frame. */
  #own(index: PageIndex, frame: Frame): Frame {
    this.leaveImage();
    if (!this.frames.isShared(frame)) return frame;
    // Held, because making room may reclaim it.
    this.frames.retain(frame);
    const copy = this.frames.allocate(this.account);
    if (copy >= 0) {
      const { u8 } = this.frames.physical;
      u8.copyWithin(copy * PAGE_SIZE, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
      const { mappings } = this.account.ofKernel;
      if (this.frames.isLent(frame)) mappings?.frameGoes(this, index, frame);
      else mappings?.frameMoves(this, index, frame, copy);
      const isDirty = this.#dirty.has(index);
      this.drop(index);
      this.#add(index, copy);
      if (isDirty) this.#dirty.add(index);
    }
    this.frames.release(frame);
    return copy;
  }

  /** The file's content is about to differ from the image's: in its pages, or in the backing. */
  leaveImage(): void {
    if (!this.isOriginal) return;
    this.isOriginal = false;
    this.imageFile!.leaveImage();
  }

  /** A borrowed page goes, and mappings of it: the file's content is another one. @returns whether it was one */
  loseBorrowed(index: PageIndex): boolean {
    const frame = this.peek(index);
    if (frame === 0 || !this.frames.isLent(frame)) return false;
    this.leaveImage();
    this.lose(index);
    return true;
  }

  /** A page goes, and mappings of it: its content is what the backing has; without one, zeroes. */
  lose(index: PageIndex): void {
    const frame = this.peek(index);
    if (frame === 0) return;
    this.account.ofKernel.mappings?.frameGoes(this, index, frame);
    this.drop(index);
  }

  /**
   * Tells `watcher` of each page whose bytes change or that goes. A later watcher of the same name takes the earlier
   * one's place, so there are no more of them than names: processes that map the same code share one.
   */
  watch(name: string, watcher: PageWatcher): void {
    const watchers = (this.#watchers ??= new Map());
    watchers.set(name, watcher);
    if (watchers.size <= this.#watchersMost) return;
    for (const [each, { isDone }] of watchers) if (isDone) watchers.delete(each);
    this.#watchersMost = Math.max(16, 2 * watchers.size);
  }

  get watcherCount(): number {
    return this.#watchers?.size ?? 0;
  }

  /** A page's bytes are others now, or about to go. */
  notifyChange(index: PageIndex): void {
    if (this.#watchers === null) return;
    for (const watcher of this.#watchers.values()) watcher.pageChanged(index);
  }

  /** Must be called after each change of the page's bytes, and when it is mapped writable and shared. */
  markDirty(index: PageIndex): void {
    if (this.backing !== null && !this.#dirty.has(index)) {
      this.#unshare();
      this.#dirty.add(index);
    }
    this.notifyChange(index);
  }

  /** One more area maps this shared anonymous memory. */
  retainMapping(): void {
    if (this.anonymousUsers > 0) this.anonymousUsers++;
  }

  releaseMapping(): void {
    if (this.anonymousUsers > 0 && --this.anonymousUsers === 0) this.dispose();
  }

  isDirty(index: PageIndex): boolean {
    return this.#dirty.has(index);
  }

  get pageCount(): number {
    return this.#pageCount;
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  get hasDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** Calls `visit` for each page in memory with index in `[first, last)`, in no order. */
  forEach(first: PageIndex, last: PageIndex, visit: (index: PageIndex, frame: Frame) => void): void {
    if (last - first < this.#segments.size * SEGMENT_PAGES) {
      for (let index = first; index < last; index++) {
        const frame = this.peek(index);
        if (frame !== 0) visit(index, frame);
      }
    } else for (const at of this.#segments.keys()) this.#visitSegment(at, first, last, visit);
  }

  /** Calls `visit` for each page of a segment within the range. */
  #visitSegment(at: number, first: PageIndex, last: PageIndex, visit: (index: PageIndex, frame: Frame) => void): void {
    const frames = this.#segments.get(at)?.frames;
    if (frames === undefined) return;
    const start = at * SEGMENT_PAGES;
    for (let index = Math.max(first, start); index < Math.min(last, start + SEGMENT_PAGES); index++) {
      const frame = frames[index - start]!;
      if (frame !== 0) visit(index, frame);
    }
  }

  /**
   * The same in ascending order until `work` is used up. What there is in memory is looked for in one go, by segments.
   *
   * @returns index up to which all was visited, `last` at the end
   */
  forEachInPieces(
    first: PageIndex,
    last: PageIndex,
    work: CallWork,
    visit: (index: PageIndex, frame: Frame) => void,
  ): number {
    const from = Math.floor(first / SEGMENT_PAGES),
      to = Math.ceil(last / SEGMENT_PAGES);
    const places = to - from > this.#segments.size ? this.#placesIn(from, to) : null;
    if (places !== null) work.charge(this.#segments.size >> 4);
    // Looking for them is a step for each in memory, so it is not done more than 64 times.
    const least = places === null ? 0 : this.#segments.size >> 6;
    for (let step = 0; step < (places?.length ?? to - from); step++) {
      const at = places === null ? from + step : places[step]!;
      if (step > least && work.mustPause()) return Math.max(first, at * SEGMENT_PAGES);
      work.charge(1 + (this.#segments.get(at)?.count ?? 0));
      this.#visitSegment(at, first, last, visit);
    }
    return last;
  }

  /** Segments within a range, in ascending order. */
  #placesIn(from: number, to: number): number[] {
    const places: number[] = [];
    for (const at of this.#segments.keys()) if (at >= from && at < to) places.push(at);
    return places.sort((a, b) => a - b);
  }

  /**
   * Drops pages from `size` on and zeroes the tail of the page that `size` falls in. Mappings must have been cut before
   * (mm/cut-mappings.ts).
   *
   * @returns 0; −ENOMEM: all is as before, which `ownEdge` rules out
   */
  truncate(size: number): number {
    const first = Math.ceil(size / PAGE_SIZE);
    this.leaveImage();
    const tail = size % PAGE_SIZE;
    const last = Math.floor(size / PAGE_SIZE);
    if (tail !== 0 && this.peek(last) !== 0 && !this.loseBorrowed(last)) {
      const failed = this.fill(last, tail, PAGE_SIZE);
      if (failed < 0) return failed;
    }
    if (first === 0) this.#dropAll();
    else this.#dropFrom(first);
    return 0;
  }

  /** The page that `offset` divides becomes the file's own, so that a part can be cleared. @returns 0; −ENOMEM */
  ownEdge(offset: number): number {
    const index = Math.floor(offset / PAGE_SIZE);
    const frame = this.peek(index);
    if (offset % PAGE_SIZE === 0 || frame === 0 || this.frames.isLent(frame)) return 0;
    return Math.min(0, this.#own(index, frame));
  }

  /** Zeroes bytes of a page in memory. @returns 0; −ENOMEM: forks share it, and there is no frame for a copy */
  fill(index: PageIndex, from: number, to: number): number {
    const frame = this.ownFrame(index);
    if (frame < 0) return frame;
    assert(frame > 0, "there is a frame for a page that is in memory");
    this.frames.physical.u8.fill(0, frame * PAGE_SIZE + from, frame * PAGE_SIZE + to);
    this.markDirty(index);
    return 0;
  }

  /**
   * Zeroes bytes of a page that is in memory, and in the backing already. One that all goes of need not stay; one that
   * is mapped stays the same frame, unless forks share it. A part of what they share is made the file's own before
   * (`ownEdge`).
   */
  clear(index: PageIndex, from: number, to: number): void {
    if (this.loseBorrowed(index)) return;
    const frame = this.peek(index);
    const isWhole = from === 0 && to === PAGE_SIZE;
    if (isWhole && this.frames.references(frame) === 1) this.drop(index);
    else if (isWhole && this.frames.isShared(frame)) this.lose(index);
    else this.fill(index, from, to);
  }

  /** Forgets one page, whatever its state (hole punching, truncation). */
  drop(index: PageIndex): void {
    this.#unshare();
    const at = Math.floor(index / SEGMENT_PAGES);
    const segment = this.#segments.get(at);
    const frame = segment?.frames[index & (SEGMENT_PAGES - 1)] ?? 0;
    if (frame === 0) return;
    segment!.frames[index & (SEGMENT_PAGES - 1)] = 0;
    if (--segment!.count === 0) this.#segments.delete(at);
    this.#count(-1);
    this.#dirty.delete(index);
    this.notifyChange(index);
    this.frames.giveBack(frame, this.account);
  }

  /** Forgets every page; the frames of many go back in pieces. */
  #dropAll(): void {
    this.#unshare();
    const segments = [...this.#segments.values()];
    if (this.watcherCount > 0) this.forEach(0, Infinity, (index) => this.notifyChange(index));
    this.#segments = new Map();
    this.#dirty.clear();
    this.#count(-this.#pageCount);
    this.account.reaper.add(new DroppedPages(this.account, segments));
  }

  /** Forgets the pages from `first` on: a step for each segment in memory, and one for each page that is dirty. */
  #dropFrom(first: number): void {
    this.#unshare();
    const dropped: Segment[] = [];
    const edge = Math.floor(first / SEGMENT_PAGES);
    for (const [at, segment] of this.#segments) {
      if (at < edge) continue;
      if (at === edge || this.watcherCount > 0) {
        this.#visitSegment(at, first, Infinity, (index) => this.drop(index));
        continue;
      }
      this.#segments.delete(at);
      this.#count(-segment.count);
      dropped.push(segment);
    }
    for (const index of this.#dirty) if (index >= first) this.#dirty.delete(index);
    if (dropped.length > 0) this.account.reaper.add(new DroppedPages(this.account, dropped));
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
    if (this.backing === null || this.#dirty.size === 0) return 0;
    this.#unshare();
    const portion: number[] = [];
    for (const index of this.#dirty) if (portion.push(index) >= most) break;
    let failure = 0;
    for (const index of portion.sort((a, b) => a - b)) {
      const length = Math.min(PAGE_SIZE, size - index * PAGE_SIZE);
      const frame = this.peek(index);
      if (length > 0 && frame !== 0) {
        // What a mapping wrote beyond the file's end is nobody's (mmap(2), NOTES).
        if (length < PAGE_SIZE && !this.frames.isShared(frame))
          this.frames.physical.u8.fill(0, frame * PAGE_SIZE + length, (frame + 1) * PAGE_SIZE);
        const failed = this.backing.writePage(index, this.frames.physical.u8, frame * PAGE_SIZE, length);
        if (failed < 0 && failure === 0) failure = failed;
        // While it is mapped it may be written again without a fault, so it stays dirty until the mapping goes; what
        // forks share is written by none of them.
        if (failed < 0 || (this.frames.isMapped(frame) && !this.frames.isShared(frame))) {
          this.#dirty.putLast(index);
          continue;
        }
      }
      this.#dirty.delete(index);
    }
    return failure;
  }

  /**
   * Gives up pages of a range, as `reclaim` does, until `work` is used up.
   *
   * @returns index up to which all were looked at, `last` at the end
   */
  giveUp(first: PageIndex, last: PageIndex, work: CallWork): number {
    return this.forEachInPieces(first, last, work, (index, frame) => {
      if (!this.#dirty.has(index) && !this.frames.isMapped(frame)) this.drop(index);
    });
  }

  get isPassive(): boolean {
    return true;
  }

  /** Gives up clean pages that nobody maps; returns how many frames that freed. */
  reclaim(most: number): number {
    if (this.backing === null) return 0;
    let freed = 0;
    for (const at of this.#segments.keys()) {
      if (freed >= most) break;
      this.#visitSegment(at, 0, Infinity, (index, frame) => {
        if (freed >= most || this.#dirty.has(index) || this.frames.isMapped(frame)) return;
        this.drop(index);
        freed++;
      });
    }
    return freed;
  }

  /** The kernel ends: gives back the pages, and stores none. */
  abandon(): void {
    for (const { frames } of this.#segments.values())
      for (const frame of frames) if (frame !== 0) this.frames.giveBack(frame, this.account);
    this.#segments = new Map();
    this.#pageCount = 0;
  }

  countFrames(count: FrameCount): void {
    countSegments(this.#segments.values(), count);
  }

  /** The file is gone. */
  dispose(): void {
    this.#dropAll();
    if (this.backing !== null) this.account.unregisterCache(this);
    else this.account.ofKernel.holders.delete(this);
  }

  /** In a fork: it has the frames that the original has, as long as neither writes them. */
  #share(original: PageCache): void {
    this.#isShared = true;
    original.#isShared = true;
    this.#segments.forEach(({ frames }) => {
      for (let at = 0; at < SEGMENT_PAGES; at++) if (frames[at] !== 0) this.frames.share(frames[at]!, this.account);
    });
  }

  static {
    // Watchers follow for translations, which are made anew.
    stateClass(
      "PageCache",
      this,
      {
        save: (it) => ({ room: it.#room, segments: it.#segments, pageCount: it.#pageCount, dirty: it.#dirty }),
        load: (it, from) =>
          ({ room: it.#room, segments: it.#segments, pageCount: it.#pageCount, dirty: it.#dirty } = from),
      },
      {
        keeps: ["#watchers", "#watchersMost", "#isShared"],
        shares: ["#segments", "#dirty"],
        copied: (it, original) => it.#share(original),
      },
    );
  }
}
