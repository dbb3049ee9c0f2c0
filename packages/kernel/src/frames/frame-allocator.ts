import { assert, stateClass } from "@stratos/base";
import { ENOMEM, PAGE_SIZE } from "@stratos/abi";
import type { PhysicalMemory } from "@stratos/riscv";
import { CALL_WORK } from "../ground/call-work.ts";
import { Reaper } from "./reaper.ts";

/** A cache that can give frames back under pressure. */
export interface Reclaimable {
  reclaim(most: number): number;
}

/** Who may end a program for its frames (the OOM killer). */
export interface Shortage {
  /** @returns whether to try again */
  makeRoom(): boolean;
}

/**
 * PMM: owns the frames of physical memory. A frame number is its physical address / 4096, so 0 is never one. Each frame
 * has a count of references (page tables and caches); the free ones form a LIFO stack, so that warm memory is used
 * again first and the host commits no more than the high-water mark.
 */
export class FrameAllocator {
  readonly physical: PhysicalMemory;
  readonly first: number;
  readonly total: number;
  /** References by (frame − first). */
  #references: Int32Array;
  #free: Int32Array;
  /**
   * A small number that a frame's owner keeps with it, by (frame − first): entries in use, for nodes of page tables.
   */
  readonly notes: Uint16Array;
  /** What is to be given back in pieces; taken from before anyone is killed. */
  readonly reaper: Reaper;
  #freeCount = 0;
  /** Frames that hold pages of files (kept by PageCache), for /proc/meminfo. */
  cachedCount = 0;
  /** Frames at and above this were never used: still zero. */
  #untouched: number;
  #caches = new Set<Reclaimable>();
  /** Note who takes each frame, for `leaks`; slow, so only while looking for a leak. */
  trackSites = false;
  #sites = new Map<number, string>();
  /** Asked when nothing more can be reclaimed. */
  shortage: Shortage | null = null;

  constructor(physical: PhysicalMemory, reaper: Reaper = new Reaper(CALL_WORK)) {
    this.physical = physical;
    this.reaper = reaper;
    this.first = physical.framesStart / PAGE_SIZE;
    this.total = physical.size / PAGE_SIZE - this.first;
    this.#references = new Int32Array(this.total);
    this.#free = new Int32Array(this.total);
    this.notes = new Uint16Array(this.total);
    this.#untouched = this.first;
  }

  get freeCount(): number {
    return this.#freeCount + (this.first + this.total - this.#untouched);
  }

  /** All frames that somebody holds, ascending. */
  used(): Uint32Array {
    const used: number[] = [];
    for (let at = 0; at < this.#untouched - this.first; at++) if (this.#references[at]! > 0) used.push(this.first + at);
    return Uint32Array.from(used);
  }

  get usedCount(): number {
    return this.total - this.freeCount;
  }

  /** A frame with one reference and any content, or −ENOMEM. */
  allocate(): number {
    const frame = this.#take();
    if (this.trackSites && frame > 0) this.#noteSite(frame);
    return frame;
  }

  /** A frame of zeroes with one reference, or −ENOMEM. */
  allocateZeroed(): number {
    const untouched = this.#untouched;
    const frame = this.#take();
    // A frame that was never used is zero already; one that was taken back from a cache is not.
    if (this.trackSites && frame > 0) this.#noteSite(frame);
    if (frame > 0 && this.#untouched === untouched) {
      this.physical.u8.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
    }
    return frame;
  }

  #take(): number {
    for (;;) {
      if (this.#freeCount > 0) {
        const frame = this.#free[--this.#freeCount]!;
        this.#references[frame - this.first] = 1;
        return frame;
      }
      if (this.#untouched < this.first + this.total) {
        const frame = this.#untouched++;
        this.#references[frame - this.first] = 1;
        return frame;
      }
      if (!this.reaper.run() && this.#reclaim(64) === 0 && !(this.shortage?.makeRoom() ?? false)) return -ENOMEM;
    }
  }

  #reclaim(want: number): number {
    // What the first round has written back the second can drop.
    return this.#askCaches(want) || this.#askCaches(want);
  }

  #askCaches(want: number): number {
    let freed = 0;
    let left = this.#caches.size;
    for (const cache of this.#caches) {
      if (left-- === 0) break;
      const given = cache.reclaim(want - freed);
      freed += given;
      if (freed >= want) break;
      // Those that had nothing to give are asked last next time: there may be many thousands.
      this.#caches.delete(cache);
      this.#caches.add(cache);
    }
    return freed;
  }

  references(frame: number): number {
    return this.#references[frame - this.first]!;
  }

  retain(frame: number): void {
    const at = frame - this.first;
    assert(this.#references[at]! > 0, "a retained frame is in use");
    this.#references[at]!++;
  }

  release(frame: number): void {
    const at = frame - this.first;
    assert(this.#references[at]! > 0, "a released frame is in use");
    if (--this.#references[at]! > 0) return;
    this.#free[this.#freeCount++] = frame;
    if (this.trackSites) this.#sites.delete(frame);
  }

  /** Frames that were taken while `trackSites` was set and are still in use, by the line of code that took them. */
  leaks(): { count: number; sites: Map<string, number> } {
    const sites = new Map<string, number>();
    for (const site of this.#sites.values()) sites.set(site, (sites.get(site) ?? 0) + 1);
    return { count: this.#sites.size, sites };
  }

  #noteSite(frame: number): void {
    // The caller of allocate or allocateZeroed.
    const lines = (new Error().stack ?? "").split("\n").slice(1);
    this.#sites.set(
      frame,
      lines.find((line) => !line.includes("#noteSite") && !line.includes("FrameAllocator."))?.trim() ?? "unknown",
    );
  }

  registerCache(cache: Reclaimable): void {
    this.#caches.add(cache);
  }

  unregisterCache(cache: Reclaimable): void {
    this.#caches.delete(cache);
  }

  /** Frees what can be freed now (drop_caches). */
  reclaimAll(): number {
    return this.#reclaim(this.total);
  }

  static {
    stateClass(
      "FrameAllocator",
      this,
      {
        save: (it) => ({
          references: it.#references,
          free: it.#free,
          freeCount: it.#freeCount,
          untouched: it.#untouched,
          caches: it.#caches,
        }),
        load: (it, from) =>
          ({
            references: it.#references,
            free: it.#free,
            freeCount: it.#freeCount,
            untouched: it.#untouched,
            caches: it.#caches,
          } = from),
      },
      { keeps: ["trackSites", "#sites"] },
    );
  }
}
