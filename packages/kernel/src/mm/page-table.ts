import { PAGE_SIZE } from "@stratos/abi";
import type { FrameAllocator } from "./frame-allocator.ts";

/**
 * The truth about which frame is at which virtual page. Each 4 GiB section is a tree of two levels whose nodes are frames of 1024
 * entries; the flat tables that translated code reads (AddressTables) are only a cache of it.
 *
 * ```
 * entry  31            12 11        5 4 3 2 1 0
 *        [ frame number ][  unused  ] C A D W R
 * ```
 * An entry of 0 means that nothing is there. R and W say what may be done without a fault; a resident page without R is
 * protected (PROT_NONE) or not yet allowed.
 */
export const PTE_R = 1;
export const PTE_W = 2;
/** Written through a shared mapping since it was last cleaned. */
export const PTE_D = 4;
/** Anonymous: belongs to the address spaces that map it, not to a page cache. */
export const PTE_A = 8;
/** Code was decoded from it: writes are trapped. */
export const PTE_C = 16;

const ENTRIES = 1024;

export class PageTable {
  readonly #frames: FrameAllocator;
  readonly #u32: Uint32Array;
  /** Section number (address / 4 GiB) → frame of its root. */
  readonly #sections = new Map<number, number>();
  #section0 = 0;
  /** The wide section looked up last: most look-ups are in the same. */
  #hintSection = 0;
  #hintRoot = 0;
  /** Resident pages; RssAnon + RssFile. */
  residentPages = 0;

  constructor(frames: FrameAllocator) {
    this.#frames = frames;
    this.#u32 = frames.physical.u32;
  }

  /** Entry for the page of `address`, 0 when absent. */
  get(address: number): number {
    const root = address < 0x100000000 ? this.#section0 : this.#wideRoot(Math.floor(address / 0x100000000));
    if (root === 0) return 0;
    const low = address >>> 0;
    const leaf = this.#u32[root * ENTRIES + (low >>> 22)]!;
    return leaf === 0 ? 0 : this.#u32[leaf * ENTRIES + ((low >>> 12) & 1023)]!;
  }

  #wideRoot(section: number): number {
    if (section === this.#hintSection) return this.#hintRoot;
    const root = this.#sections.get(section) ?? 0;
    this.#hintSection = section;
    this.#hintRoot = root;
    return root;
  }

  /** Sets an entry; returns 0 or −ENOMEM when a node can't be allocated. Reference counts are the caller's. */
  set(address: number, entry: number): number {
    const section = Math.floor(address / 0x100000000);
    let root = section === 0 ? this.#section0 : (this.#sections.get(section) ?? 0);
    if (root === 0) {
      root = this.#frames.allocateZeroed();
      if (root < 0) return root;
      this.#sections.set(section, root);
      this.#hintSection = 0;
      if (section === 0) this.#section0 = root;
    }
    const low = address >>> 0;
    const at = root * ENTRIES + (low >>> 22);
    let leaf = this.#u32[at]!;
    if (leaf === 0) {
      const fresh = this.#frames.allocateZeroed();
      if (fresh < 0) return fresh;
      this.#u32[at] = leaf = fresh;
    }
    const slot = leaf * ENTRIES + ((low >>> 12) & 1023);
    if (this.#u32[slot] === 0) this.residentPages++;
    this.#u32[slot] = entry;
    return 0;
  }

  /** Replaces the entry of a resident page. */
  update(address: number, entry: number): void {
    const root = address < 0x100000000 ? this.#section0 : this.#sections.get(Math.floor(address / 0x100000000))!;
    const low = address >>> 0;
    const leaf = this.#u32[root * ENTRIES + (low >>> 22)]!;
    this.#u32[leaf * ENTRIES + ((low >>> 12) & 1023)] = entry;
  }

  /** Calls `visit` for each resident page in `[start, end)`; what it returns becomes the entry (0: removed). */
  forEach(start: number, end: number, visit: (address: number, entry: number) => number): void {
    const section = Math.floor(start / 0x100000000);
    if (end <= (section + 1) * 0x100000000) {
      const root = section === 0 ? this.#section0 : this.#wideRoot(section);
      if (root !== 0) this.#visitSection(root, section * 0x100000000, { start, end }, visit);
    } else for (const [other, root] of this.#sections) this.#visitSection(root, other * 0x100000000, { start, end }, visit);
  }

  #visitSection(root: number, base: number, range: { start: number; end: number }, visit: (address: number, entry: number) => number): void {
    const first = Math.max(range.start, base) - base;
    const last = Math.min(range.end, base + 0x100000000) - base;
    for (let table = Math.floor(first / 0x400000); table * 0x400000 < last; table++) {
      const leaf = this.#u32[root * ENTRIES + table]!;
      if (leaf === 0) continue;
      const from = Math.max(0, first / PAGE_SIZE - table * ENTRIES);
      const to = Math.min(ENTRIES, last / PAGE_SIZE - table * ENTRIES);
      for (let index = from; index < to; index++) {
        const entry = this.#u32[leaf * ENTRIES + index]!;
        if (entry === 0) continue;
        const changed = visit(base + table * 0x400000 + index * PAGE_SIZE, entry);
        if (changed !== entry) {
          this.#u32[leaf * ENTRIES + index] = changed;
          if (changed === 0) this.residentPages--;
        }
      }
    }
  }

  /** Frees nodes of wide sections that lie in `[start, end)`, where no page is left: a program may use and leave a great many. */
  prune(start: number, end: number): void {
    for (const [section, root] of this.#sections) {
      const base = section * 0x100000000;
      if (section === 0 || base + 0x100000000 <= start || base >= end) continue;
      let isEmpty = true;
      for (let table = 0; table < ENTRIES; table++) {
        const leaf = this.#u32[root * ENTRIES + table]!;
        if (leaf === 0) continue;
        const from = base + table * 0x400000;
        if (from >= start && from + 0x400000 <= end) {
          this.#frames.release(leaf);
          this.#u32[root * ENTRIES + table] = 0;
        } else isEmpty = false;
      }
      if (!isEmpty) continue;
      this.#frames.release(root);
      this.#sections.delete(section);
      this.#hintSection = 0;
    }
  }

  /** Frees the nodes; all pages must have been removed. */
  dispose(): void {
    for (const root of this.#sections.values()) {
      for (let table = 0; table < ENTRIES; table++) {
        const leaf = this.#u32[root * ENTRIES + table]!;
        if (leaf !== 0) this.#frames.release(leaf);
      }
      this.#frames.release(root);
    }
    this.#sections.clear();
    this.#hintSection = 0;
    this.#section0 = 0;
    this.residentPages = 0;
  }
}
