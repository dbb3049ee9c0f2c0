/**
 * To whom frames are charged: a kernel, and below it what groups its processes. An account is carried by whatever takes
 * frames (AddressSpace, PageCache, pipes); a frame stays with the account that it was taken for until it is free again,
 * whoever shares it meanwhile (as Linux' memory cgroups have it). `FrameAllocator` is the one place that charges and
 * uncharges; limits, /proc/meminfo and the OOM killer read it from here.
 *
 *     board's frames ── kernel's account ──┬─ a group's account (limit, own count)
 *                       limit: its memory  └─ …        each charge counts in all accounts up to the top
 */
import { assert, stateClass, StateError } from "@stratos/base";
import type { FrameAllocator } from "./frame-allocator.ts";
import type { Frame, PageIndex } from "./frame.ts";
import type { PageCache } from "./page-cache.ts";
import type { Reaper } from "./reaper.ts";

/** Why a machine can't be forked. */
export const ACCOUNTS_USED_UP = "the board has too many accounts of memory";

/** A cache that can give frames back under pressure. */
export interface Reclaimable {
  reclaim(most: number): number;
  /** It only lets go of what it has: it writes nothing, and takes no frame. */
  readonly isPassive?: boolean;
}

/** Who may end a program for its frames (the OOM killer). */
export interface Shortage {
  /** @returns whether to try again */
  makeRoom(): boolean;
}

/** What gives its frames back at once when its kernel ends. */
export interface FrameHolder {
  abandon(): void;
  countFrames(count: FrameCount): void;
}

/** Told each reference to a frame, by whoever holds it (saved-frames.ts). */
export interface FrameCount {
  /** Of a page table, of a pipe, of the kernel itself. */
  reference(frame: Frame): void;
  /** Of a page cache: it may be lent. */
  cached(frame: Frame): void;
  /** A node of a page table, whose note goes with it. */
  node(frame: Frame): void;
}

/** Who maps pages of caches. */
export interface Mappings {
  /** A page gets another frame: mappings of the one that it has go. */
  frameGoes(pages: PageCache, index: PageIndex, frame: Frame): void;
  /** A page that forks of the machine have, too, gets a frame of its own, with the same bytes: mappings follow it. */
  frameMoves(pages: PageCache, index: PageIndex, from: Frame, to: Frame): void;
  /** Pages of a range are about to be stored: who maps them faults before the next write (mm/rmap.c, page_mkclean). */
  rangeIsCleaned(pages: PageCache, range: PageRange): void;
  /** Which pages somebody maps, touched or not: ranges in ascending order, apart from each other. */
  mappedRanges(pages: PageCache): PageRange[];
}

/** Pages from `first` up to `end`, without that. */
export interface PageRange {
  readonly first: PageIndex;
  readonly end: PageIndex;
}

/** @param ranges  in ascending order, apart from each other: a program can have tens of thousands */
export function isInRanges(ranges: readonly PageRange[], index: PageIndex): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.end <= index) low = middle + 1;
    else high = middle;
  }
  return low < ranges.length && ranges[low]!.first <= index;
}

export class MemoryAccount {
  readonly frames: FrameAllocator;
  /** Null: a kernel's own, the top. */
  parent: MemoryAccount | null;
  /** By which a frame names its account. */
  number: number;
  /** Most frames at once; at the top no more than it was promised. Lowering it takes nothing away by itself. */
  limit: number;
  /** Frames that are there for it alone; 0 below another account. */
  promised: number;
  /** Kernels that are forks of one another live from it; it has no caches of its own. */
  isFamily = false;
  /** Frames that it has, those of accounts below it included. */
  charged = 0;
  /** The most that it had. */
  peak = 0;
  /** Of a fork: frames that were lent to it as it was made, which are charged to its family already. */
  inherited = 0;
  /** Of a fork: how many of its frames were taken for its original; they count here until it has let them go. */
  foreign = 0;
  /** Of a fork's own account: references to such frames from its page tables and caches, never fewer than frames. */
  foreignUses = 0;
  /**
   * Of a kernel: others of its family may have pages dropped from its caches, at any time between its turns. Not of one
   * that is seeded (nothing touches it but itself) or being saved.
   */
  lendsRoom = false;
  /** How many of them hold pages of files (kept by PageCache). */
  cached = 0;
  /** What is to be given back in pieces; taken from before anyone is killed. */
  readonly reaper: Reaper;
  #caches = new Set<Reclaimable>();
  /** Of frames that no cache can give back under pressure. Bound: they and what they hold are memory. */
  readonly holders = new Set<FrameHolder>();
  /** Those of its kernel; null: no kernel has it. */
  mappings: Mappings | null = null;
  /** Asked when the limit is met and nothing more can be reclaimed. */
  shortage: Shortage | null = null;

  /** By `FrameAllocator.open` alone. */
  constructor(
    frames: FrameAllocator,
    number: number,
    options: { limit: number; reaper: Reaper; parent: MemoryAccount | null },
  ) {
    this.frames = frames;
    this.number = number;
    this.limit = options.limit;
    this.promised = options.parent === null ? options.limit : 0;
    this.reaper = options.reaper;
    this.parent = options.parent;
  }

  /** Becomes what another account would be alone, at the top, with so many frames. */
  standFor(account: MemoryAccount, charged: number): void {
    this.charged = charged;
    this.peak = account.peak;
    this.cached = account.cached;
    this.#caches = account.#caches;
    for (const holder of account.holders) this.holders.add(holder);
    this.mappings = account.mappings;
    this.shortage = account.shortage;
  }

  /** A frame that is counted at the top already is its own. */
  standForFrame(top: MemoryAccount): void {
    for (let at: MemoryAccount = this; at !== top; at = at.parent!) at.charged++;
  }

  /** Frames that may still be charged. */
  get free(): number {
    let least = this.limit - this.charged;
    for (let above = this.parent; above !== null; above = above.parent)
      least = Math.min(least, above.limit - above.charged);
    return Math.max(0, least);
  }

  /** Counts one frame more here and above. @returns null, or the account that is at its limit; then nothing counts */
  charge(): MemoryAccount | null {
    if (this.charged >= this.limit) return this;
    const full = this.parent === null ? null : this.parent.charge();
    if (full !== null) return full;
    if (++this.charged > this.peak) this.peak = this.charged;
    return null;
  }

  /** What it was promised is the family's. */
  joinFamily(family: MemoryAccount): void {
    this.parent = family;
    this.promised = 0;
  }

  /** A frame that was lent to it goes back; as long as it has inherited such, the family has not counted it. */
  unchargeLent(): void {
    const { ofKernel } = this;
    if (ofKernel.inherited === 0) return this.uncharge();
    ofKernel.inherited--;
    for (let at: MemoryAccount | null = this; at !== null && !at.isFamily; at = at.parent) at.charged--;
  }

  /** A reference for a page table or a cache that this account is of. */
  retain(frame: Frame): void {
    this.frames.retain(frame);
    this.noteUse(frame, 1);
  }

  /** Gives up such a reference. */
  release(frame: Frame): void {
    this.noteUse(frame, -1);
    this.frames.release(frame);
  }

  /** References to a frame came or went: a fork that has few of them left has as few frames of its original's. */
  noteUse(frame: Frame, change: number): void {
    if (this.parent === null) return;
    const { ofKernel } = this;
    if ((ofKernel.foreignUses === 0 && !this.frames.isCopying) || !this.frames.isForeign(frame, ofKernel)) return;
    this.noteForeignUses(change);
  }

  /** As many references to frames that may be its original's came or went. */
  noteForeignUses(change: number): void {
    const { ofKernel } = this;
    ofKernel.foreignUses += change;
    if (this.frames.isCopying) return;
    const more = ofKernel.foreign - ofKernel.foreignUses;
    if (more > 0)
      for (let at: MemoryAccount | null = this; at !== null && !at.isFamily; at = at.parent) at.#leaveForeign(more);
  }

  #leaveForeign(most: number): void {
    const count = Math.min(most, this.foreign);
    this.foreign -= count;
    this.charged -= count;
  }

  /** A frame of a fork takes the place of one that its original has, and that the copy of its account counts. */
  chargeCopied(): boolean {
    const { ofKernel } = this;
    if (ofKernel.parent!.charge() !== null) return false;
    for (let at: MemoryAccount | null = this; at !== null && !at.isFamily; at = at.parent) at.foreign--;
    return true;
  }

  uncharge(): void {
    assert(this.charged > 0, "what is uncharged was charged");
    this.charged--;
    if (this.parent !== null) this.parent.uncharge();
  }

  /** Pages of files came to memory (or went, below 0). */
  countCached(pages: number): void {
    this.cached += pages;
    if (this.parent !== null) this.parent.countCached(pages);
  }

  /** The limit is met: gives back what can be missed. @returns whether to try again */
  makeRoom(): boolean {
    return this.giveBack() || (this.shortage?.makeRoom() ?? false);
  }

  /** The same of a kernel, where its own limit is not met, but its family's is, or the board's. */
  makeRoomInFamily(): boolean {
    return this.giveBack() || this.#askFamily(64) || (this.shortage?.makeRoom() ?? false);
  }

  /** Clean pages of other members go before a program does. Bound, over all calls: what they have in memory. */
  #askFamily(want: number): boolean {
    if (this.parent === null) return false;
    for (const member of this.frames.childrenOf(this.parent)) {
      if (member !== this && member.lendsRoom && member.#askCaches(want, true) > 0) return true;
    }
    return false;
  }

  /** As `makeRoom`, but nobody is killed. */
  giveBack(): boolean {
    return this.reaper.run() || this.#reclaim(64) > 0;
  }

  /** Frees what can be freed now (drop_caches). @returns frames */
  reclaimAll(): number {
    return this.#reclaim(this.limit);
  }

  #reclaim(want: number): number {
    // What the first round has written back the second can drop.
    return this.#askCaches(want) || this.#askCaches(want);
  }

  #askCaches(want: number, onlyPassive = false): number {
    let freed = 0;
    let left = this.#caches.size;
    for (const cache of this.#caches) {
      if (left-- === 0) break;
      const given = onlyPassive && cache.isPassive !== true ? 0 : cache.reclaim(want - freed);
      freed += given;
      if (freed >= want) break;
      // Those that had nothing to give are asked last next time: there may be many thousands.
      this.#caches.delete(cache);
      this.#caches.add(cache);
    }
    return freed;
  }

  registerCache(cache: Reclaimable): void {
    if (this.isFamily) return;
    this.#caches.add(cache);
    this.parent?.registerCache(cache);
  }

  unregisterCache(cache: Reclaimable): void {
    this.#caches.delete(cache);
    this.parent?.unregisterCache(cache);
  }

  /** The account of its kernel, above which a family's may be. */
  get ofKernel(): MemoryAccount {
    const { parent } = this;
    return parent === null || parent.isFamily ? this : parent.ofKernel;
  }

  get caches(): ReadonlySet<Reclaimable> {
    return this.#caches;
  }

  static {
    stateClass(
      "MemoryAccount",
      this,
      { save: (it) => ({ caches: it.#caches }), load: (it, from) => ({ caches: it.#caches } = from) },
      {
        keeps: ["lendsRoom"],
        copied: (it, original) => {
          // What was copied already may have counted here.
          it.foreign += original.charged - original.foreign;
          it.foreignUses -= original.foreignUses;
          it.inherited -= original.inherited;
          it.number = it.frames.enrol(it);
          if (it.number < 0) throw new StateError("unsavable", ACCOUNTS_USED_UP);
        },
      },
    );
  }
}
