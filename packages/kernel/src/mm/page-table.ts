import { PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type CallWork, WORK } from "../ground/call-work.ts";
import type { FrameAllocator } from "../frames/frame-allocator.ts";
import type { FrameCount, MemoryAccount } from "../frames/memory-account.ts";
import type { Frame } from "../frames/frame.ts";
import type { PhysicalAddress, VirtualAddress } from "@stratos/riscv";

/**
 * The truth about which frame is at which virtual page. Each 4 GiB section is a tree of two levels whose nodes are
 * frames of 1024 entries; the flat tables that translated code reads (AddressTables) are only a cache of it. A node of
 * the lower level may be that of forks of the machine, too (`FrameAllocator.shareNode`): it holds one reference to each
 * of its frames for all of them, and no W. Whoever changes an entry, or asks who else has its frame, has a node of its
 * own first (`own`).
 *
 * ```
 * entry  31            12 11      6 5 4 3 2 1 0
 *        [ frame number ][ unused  ] B C A D W R
 * ``` An entry of 0 means that nothing is there. R and W say what may be done without a fault; a resident page without
 * R is protected (PROT_NONE) or not yet allowed. A node of the lower level notes how many of its entries are in use
 * (`FrameAllocator.notes`), so that whole nodes can be taken away without being read.
 */
export const PTE_R = 1;
export const PTE_W = 2;
/** Written through a shared mapping since it was last cleaned. */
export const PTE_D = 4;
/** Anonymous: belongs to the address spaces that map it, not to a page cache. */
export const PTE_A = 8;
/** Code was decoded from it: writes are trapped. */
export const PTE_C = 16;
/**
 * Borrowed: it had W until the machine was forked. The next write gives it W again, and its own frame where a fork has
 * the page, too; the program notices nothing of that. Who takes W from a page takes B as well.
 */
export const PTE_B = 32;

/** The frame that an entry names, and its physical address. */
export function frameOfEntry(entry: number): Frame {
  return entry >>> 12;
}

export function addressOfEntry(entry: number): PhysicalAddress {
  return entry - (entry & 4095);
}

const ENTRIES = 1024;
/**
 * In the entry of a node in the upper level: the node came from the machine that this one was forked from, and while it
 * is shared, each of its pages counts as a use of a foreign frame (MemoryAccount.foreignUses), whatever it is.
 */
const INHERITED = 0x80000000;
const NODE = 0x7fffffff;

export class PageTable {
  #account: MemoryAccount;
  #frames: FrameAllocator;
  #u32: Uint32Array;
  /** Section number (address / 4 GiB) → frame of its root. */
  #sections = new Map<number, Frame>();
  /** The sections' numbers, ascending: a range of terabytes is walked by what is in it. */
  #order: number[] = [];
  #section0: Frame = 0;
  /** The wide section looked up last: most look-ups are in the same. */
  #hintSection = 0;
  #hintRoot: Frame = 0;
  /** Resident pages; RssAnon + RssFile. */
  residentPages = 0;

  /** Frames that a fork needs, or has reserved. */
  get nodeCount(): number {
    let count = this.#sections.size;
    for (const root of this.#sections.values())
      for (let table = 0; table < ENTRIES; table++) {
        const leaf = this.#nodeAt(root * ENTRIES + table);
        if (leaf !== 0 && this.#pagesOf(leaf) > 0) count += this.#frames.isSharedNode(leaf) ? 1 : 2;
      }
    return count;
  }

  #nodeAt(slot: number): Frame {
    return this.#u32[slot]! & NODE;
  }

  /** @param account  to which the nodes are charged */
  constructor(account: MemoryAccount) {
    this.#account = account;
    this.#frames = account.frames;
    this.#u32 = account.frames.physical.u32;
  }

  /** Entry for the page of `address`, 0 when absent. */
  get(address: VirtualAddress): number {
    const root = this.#rootAt(address);
    if (root === 0) return 0;
    const low = address >>> 0;
    const leaf = this.#u32[root * ENTRIES + (low >>> 22)]! & NODE;
    return leaf === 0 ? 0 : this.#u32[leaf * ENTRIES + ((low >>> 12) & 1023)]!;
  }

  /** The root of the section that the address lies in; 0: there is none. */
  #rootAt(address: VirtualAddress): Frame {
    return address < 0x100000000 ? this.#section0 : this.#wideRoot(Math.floor(address / 0x100000000));
  }

  #wideRoot(section: number): Frame {
    if (section === this.#hintSection) return this.#hintRoot;
    const root = this.#sections.get(section) ?? 0;
    this.#hintSection = section;
    this.#hintRoot = root;
    return root;
  }

  /** Sets an entry; returns 0 or −ENOMEM when a node can't be allocated. Reference counts are the caller's. */
  set(address: VirtualAddress, entry: number): number {
    const leaf = this.#leafFor(address);
    if (leaf < 0) return leaf;
    const slot = leaf * ENTRIES + (((address >>> 0) >>> 12) & 1023);
    if (this.#u32[slot] === 0) this.#note(leaf, 1);
    this.#u32[slot] = entry;
    return 0;
  }

  /** The node of 1024 entries for `address`, for a change; made when it isn't there; −ENOMEM. */
  #leafFor(address: VirtualAddress): Frame {
    const root = this.#rootFor(Math.floor(address / 0x100000000));
    if (root < 0) return root;
    const at = root * ENTRIES + ((address >>> 0) >>> 22);
    if (this.#u32[at] !== 0) return this.#ownNode(at);
    const fresh = this.#frames.allocateZeroed(this.#account);
    if (fresh < 0) return fresh;
    this.#frames.notes[fresh - this.#frames.first] = 0;
    this.#u32[at] = fresh;
    return fresh;
  }

  /**
   * The page's entry, if there is one, is about to change, or the frame that it names to be counted or given up: from
   * now on forks of the machine don't have the same node.
   */
  own(address: VirtualAddress): void {
    const root = this.#rootAt(address);
    if (root === 0) return;
    const slot = root * ENTRIES + ((address >>> 0) >>> 22);
    if (this.#u32[slot] !== 0) this.#ownNode(slot);
  }

  /** The node in a slot of the upper level, for a change. */
  #ownNode(slot: number): Frame {
    const node = this.#nodeAt(slot);
    if (!this.#frames.isSharedNode(node)) return node;
    const own = this.#frames.ownNode(node, this.#account);
    const isInherited = this.#u32[slot]! >= INHERITED;
    this.#u32[slot] = own;
    if (own === node && !isInherited) return own;
    for (let at = own * ENTRIES; at < (own + 1) * ENTRIES; at++) {
      const entry = this.#u32[at]!;
      if (entry === 0) continue;
      if (own !== node) this.#frames.retain(frameOfEntry(entry));
      if (isInherited) this.#account.noteUse(frameOfEntry(entry), 1);
    }
    if (isInherited) this.#account.noteForeignUses(-this.#pagesOf(own));
    return own;
  }

  /** Lets others have a node that they share. @returns whether it is gone from here: else it is this table's alone */
  #leaveNode(slot: number): boolean {
    const node = this.#nodeAt(slot);
    if (!this.#frames.isSharedNode(node)) return false;
    if (this.#frames.references(node) === 1) {
      this.#ownNode(slot);
      return false;
    }
    const pages = this.#pagesOf(node);
    if (this.#u32[slot]! >= INHERITED) this.#account.noteForeignUses(-pages);
    else
      for (let at = node * ENTRIES; at < (node + 1) * ENTRIES; at++)
        if (this.#u32[at] !== 0) this.#account.noteUse(frameOfEntry(this.#u32[at]!), -1);
    this.#frames.leaveNode(node, this.#account);
    this.#u32[slot] = 0;
    this.residentPages -= pages;
    return true;
  }

  /** The root of a section, made when it isn't there; −ENOMEM. */
  #rootFor(section: number): Frame {
    const present = section === 0 ? this.#section0 : (this.#sections.get(section) ?? 0);
    if (present !== 0) return present;
    const root = this.#frames.allocateZeroed(this.#account);
    if (root < 0) return root;
    this.#sections.set(section, root);
    this.#order.splice(this.#firstSection(section), 0, section);
    this.#hintSection = 0;
    if (section === 0) this.#section0 = root;
    return root;
  }

  /** A leaf has `change` more pages. */
  #note(leaf: Frame, change: number): void {
    this.residentPages += change;
    this.#frames.notes[leaf - this.#frames.first]! += change;
  }

  #pagesOf(leaf: Frame): number {
    return this.#frames.notes[leaf - this.#frames.first]!;
  }

  /** Replaces the entry of a resident page. */
  update(address: VirtualAddress, entry: number): void {
    const root = address < 0x100000000 ? this.#section0 : this.#sections.get(Math.floor(address / 0x100000000))!;
    const low = address >>> 0;
    const leaf = this.#ownNode(root * ENTRIES + (low >>> 22));
    this.#u32[leaf * ENTRIES + ((low >>> 12) & 1023)] = entry;
  }

  /** Calls `visit` for each resident page in `[start, end)`. */
  forEach(start: VirtualAddress, end: VirtualAddress, visit: (address: VirtualAddress, entry: number) => void): void {
    this.#forEachNode(start, end, (slot, base, from, to) => {
      const leaf = this.#nodeAt(slot);
      for (let index = from; index < to; index++) {
        const entry = this.#u32[leaf * ENTRIES + index]!;
        if (entry !== 0) visit(base + index * PAGE_SIZE, entry);
      }
    });
  }

  /** As `forEach`; what `visit` returns becomes the entry (0: removed). */
  change(start: VirtualAddress, end: VirtualAddress, visit: (address: VirtualAddress, entry: number) => number): void {
    this.#forEachNode(start, end, (slot, base, from, to) => {
      const leaf = this.#ownNode(slot);
      for (let index = from; index < to; index++) {
        const entry = this.#u32[leaf * ENTRIES + index]!;
        if (entry === 0) continue;
        const changed = visit(base + index * PAGE_SIZE, entry);
        if (changed === entry) continue;
        this.#u32[leaf * ENTRIES + index] = changed;
        if (changed === 0) this.#note(leaf, -1);
      }
    });
  }

  /**
   * Removes the pages of `[start, end)`, and their references to frames.
   *
   * @param written  told of each page with D, before it goes
   */
  remove(start: VirtualAddress, end: VirtualAddress, written: (address: VirtualAddress) => void): void {
    this.#forEachNode(start, end, (slot, base, from, to) => {
      let leaf = this.#nodeAt(slot);
      for (let index = from; index < to; index++)
        if ((this.#u32[leaf * ENTRIES + index]! & PTE_D) !== 0) written(base + index * PAGE_SIZE);
      if (to - from === ENTRIES && this.#leaveNode(slot)) return;
      leaf = this.#ownNode(slot);
      for (let index = from; index < to; index++) {
        const entry = this.#u32[leaf * ENTRIES + index]!;
        if (entry === 0) continue;
        this.#account.release(frameOfEntry(entry));
        this.#u32[leaf * ENTRIES + index] = 0;
        this.#note(leaf, -1);
      }
    });
  }

  /**
   * Calls `visit` for each node with pages, with its slot in the upper level, the address that its first page has, and
   * which of its pages lie in `[start, end)`.
   */
  #forEachNode(
    start: VirtualAddress,
    end: VirtualAddress,
    visit: (slot: number, address: VirtualAddress, from: number, to: number) => void,
  ): void {
    const section = Math.floor(start / 0x100000000);
    if (end <= (section + 1) * 0x100000000) {
      const root = this.#rootAt(start);
      if (root !== 0) this.#visitSection(root, section * 0x100000000, { start, end }, visit);
      return;
    }
    for (
      let index = this.#firstSection(section);
      index < this.#order.length && this.#order[index]! * 0x100000000 < end;
      index++
    ) {
      const other = this.#order[index]!;
      this.#visitSection(this.#sections.get(other)!, other * 0x100000000, { start, end }, visit);
    }
  }

  /** Index in `#order` of the first section with that number or a higher one. */
  #firstSection(section: number): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#order[middle]! < section) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Charges for the nodes of `[start, end)`, and returns where the work is used up, else `end`. */
  measure(start: VirtualAddress, end: VirtualAddress, work: CallWork): number {
    for (let index = this.#firstSection(Math.floor(start / 0x100000000)); index < this.#order.length; index++) {
      const section = this.#order[index]!;
      const base = section * 0x100000000;
      if (base >= end) break;
      const root = this.#sections.get(section)!;
      const last = Math.min(end, base + 0x100000000) - base;
      work.charge(1);
      for (let table = Math.floor(Math.max(0, start - base) / 0x400000); table * 0x400000 < last; table++) {
        const leaf = this.#nodeAt(root * ENTRIES + table);
        if (leaf === 0 || this.#pagesOf(leaf) === 0) continue;
        const from = Math.max(start - base, table * 0x400000);
        const to = Math.min(last, (table + 1) * 0x400000);
        work.charge(Math.ceil(((to - from) / 0x400000) * WORK.PAGE_TABLE));
        if (work.mustPause()) return base + to;
      }
    }
    return end;
  }

  /**
   * Copies the entries of `[start, end)` to a child's table (fork(2)); frames are counted once more. Anonymous pages of
   * private areas become copy-on-write on both sides; the child has decoded no code yet, and writes to a shared area
   * mark it anew.
   *
   * @returns 0, or −ENOMEM when a node can't be allocated
   */
  copyTo(child: PageTable, start: VirtualAddress, end: VirtualAddress, isShared: boolean): number {
    const lost = isShared ? PTE_C | PTE_W | PTE_B : PTE_C;
    for (let index = this.#firstSection(Math.floor(start / 0x100000000)); index < this.#order.length; index++) {
      const section = this.#order[index]!;
      const base = section * 0x100000000;
      if (base >= end) return 0;
      const root = this.#sections.get(section)!;
      const last = Math.min(end, base + 0x100000000) - base;
      const first = Math.max(0, start - base);
      for (let table = Math.floor(first / 0x400000); table * 0x400000 < last; table++) {
        if (this.#u32[root * ENTRIES + table] === 0) continue;
        const leaf = this.#ownNode(root * ENTRIES + table);
        if (this.#pagesOf(leaf) === 0) continue;
        const from = Math.max(0, first / PAGE_SIZE - table * ENTRIES);
        const to = Math.min(ENTRIES, last / PAGE_SIZE - table * ENTRIES);
        let copy = 0;
        for (let at = from; at < to; at++) {
          let entry = this.#u32[leaf * ENTRIES + at]!;
          if (entry === 0) continue;
          if (copy === 0) {
            copy = child.#leafFor(base + table * 0x400000);
            if (copy < 0) return copy;
          }
          child.#account.retain(frameOfEntry(entry));
          if (!isShared && (entry & PTE_A) !== 0)
            this.#u32[leaf * ENTRIES + at] = entry = (entry & ~(PTE_W | PTE_B)) >>> 0;
          this.#u32[copy * ENTRIES + at] = (entry & ~lost) >>> 0;
          child.#note(copy, 1);
        }
      }
    }
    return 0;
  }

  /**
   * The table of a fork of the machine begins as a copy of this one: all pages are both's until one writes, pages of
   * shared areas as well, and writes fault on both sides. Nodes are both's, too, until one changes them.
   *
   * @returns 0, or −ENOMEM when a node can't be allocated
   */
  shareWith(fork: PageTable): number {
    fork.#forget();
    for (const [section, root] of this.#sections) {
      let copy = 0;
      for (let table = 0; table < ENTRIES; table++) {
        const slot = root * ENTRIES + table;
        const leaf = this.#nodeAt(slot);
        if (leaf === 0 || this.#pagesOf(leaf) === 0) continue;
        if (copy === 0) copy = fork.#rootFor(section);
        if (copy < 0) return copy;
        if (!this.#frames.isSharedNode(leaf)) this.#lendOut(slot, leaf);
        const failed = this.#frames.shareNode(leaf, this.#account, fork.#account);
        if (failed < 0) return failed;
        fork.#u32[copy * ENTRIES + table] = (leaf | INHERITED) >>> 0;
        fork.residentPages += this.#pagesOf(leaf);
        fork.#account.noteForeignUses(this.#pagesOf(leaf));
      }
    }
    return 0;
  }

  /** What could be written in the node's pages is borrowed from now on. */
  #lendOut(slot: number, leaf: Frame): void {
    this.#u32[slot] = leaf;
    for (let at = leaf * ENTRIES; at < (leaf + 1) * ENTRIES; at++) {
      const entry = this.#u32[at]!;
      if ((entry & PTE_W) !== 0) this.#u32[at] = ((entry & ~PTE_W) | PTE_B) >>> 0;
    }
  }

  countFrames(count: FrameCount): void {
    for (const root of this.#sections.values()) {
      count.node(root);
      for (let table = 0; table < ENTRIES; table++) {
        const leaf = this.#nodeAt(root * ENTRIES + table);
        if (leaf === 0) continue;
        count.node(leaf);
        if (this.#pagesOf(leaf) === 0) continue;
        for (let at = leaf * ENTRIES; at < (leaf + 1) * ENTRIES; at++)
          if (this.#u32[at]! !== 0) count.reference(frameOfEntry(this.#u32[at]!));
      }
    }
  }

  #visitSection(
    root: Frame,
    base: VirtualAddress,
    range: { readonly start: VirtualAddress; readonly end: VirtualAddress },
    visit: (slot: number, address: VirtualAddress, from: number, to: number) => void,
  ): void {
    const first = Math.max(range.start, base) - base;
    const last = Math.min(range.end, base + 0x100000000) - base;
    for (let table = Math.floor(first / 0x400000); table * 0x400000 < last; table++) {
      const slot = root * ENTRIES + table;
      const leaf = this.#nodeAt(slot);
      if (leaf === 0 || this.#pagesOf(leaf) === 0) continue;
      const from = Math.max(0, first / PAGE_SIZE - table * ENTRIES);
      const to = Math.min(ENTRIES, last / PAGE_SIZE - table * ENTRIES);
      visit(slot, base + table * 0x400000, from, to);
    }
  }

  /**
   * Hands the pages of `[start, end)` over to another table, at the same addresses: nodes that lie in the range whole
   * as they are, so that the work is a step for each node, not for each page. @returns 0, or −ENOMEM when the other
   * table can't have a node (only at the range's ends; all before is done)
   */
  handOver(other: PageTable, start: VirtualAddress, end: VirtualAddress): number {
    for (let index = this.#firstSection(Math.floor(start / 0x100000000)); index < this.#order.length; index++) {
      const base = this.#order[index]! * 0x100000000;
      if (base >= end) return 0;
      const root = this.#sections.get(this.#order[index]!)!;
      const first = Math.max(start, base);
      const last = Math.min(end, base + 0x100000000);
      for (let at = Math.floor((first - base) / 0x400000) * 0x400000 + base; at < last; at += 0x400000) {
        const slot = root * ENTRIES + ((at >>> 0) >>> 22);
        const leaf = this.#nodeAt(slot);
        const count = leaf === 0 ? 0 : this.#pagesOf(leaf);
        if (count === 0) continue;
        if (at >= first && at + 0x400000 <= last) {
          const failed = other.#adopt(at, this.#u32[slot]!, count);
          if (failed < 0) return failed;
          this.#u32[slot] = 0;
          this.residentPages -= count;
          continue;
        }
        let failed = 0;
        this.change(Math.max(at, first), Math.min(at + 0x400000, last), (address, entry) => {
          failed ||= other.set(address, entry);
          return failed < 0 ? entry : 0;
        });
        if (failed < 0) return failed;
      }
    }
    return 0;
  }

  /** Takes over a node, as an entry of the upper level, for the 4 MiB at `address`, where this table has none. */
  #adopt(address: VirtualAddress, node: number, count: number): number {
    const root = this.#rootFor(Math.floor(address / 0x100000000));
    if (root < 0) return root;
    this.#u32[root * ENTRIES + ((address >>> 0) >>> 22)] = node;
    this.residentPages += count;
    return 0;
  }

  /**
   * Frees nodes of wide sections that lie in `[start, end)`, where no page is left: a program may use and leave a great
   * many.
   */
  prune(start: VirtualAddress, end: VirtualAddress): void {
    for (let index = this.#firstSection(Math.max(1, Math.floor(start / 0x100000000))); index < this.#order.length;) {
      const section = this.#order[index]!;
      const base = section * 0x100000000;
      if (base >= end) break;
      const root = this.#sections.get(section)!;
      let isEmpty = true;
      for (let table = 0; table < ENTRIES; table++) {
        const leaf = this.#nodeAt(root * ENTRIES + table);
        if (leaf === 0) continue;
        const from = base + table * 0x400000;
        if (from >= start && from + 0x400000 <= end) {
          this.#frames.release(leaf);
          this.#u32[root * ENTRIES + table] = 0;
        } else isEmpty = false;
      }
      if (isEmpty) {
        this.#frames.release(root);
        this.#sections.delete(section);
        this.#order.splice(index, 1);
        this.#hintSection = 0;
      } else index++;
    }
  }

  /** Frees the nodes; all pages must have been removed. */
  dispose(): void {
    for (const root of this.#sections.values()) {
      for (let table = 0; table < ENTRIES; table++) {
        const leaf = this.#nodeAt(root * ENTRIES + table);
        if (leaf !== 0) this.#frames.release(leaf);
      }
      this.#frames.release(root);
    }
    this.#forget();
  }

  /** The kernel ends: all goes at once, whatever is mapped. */
  abandon(): void {
    for (const root of this.#sections.values())
      for (let slot = root * ENTRIES; slot < (root + 1) * ENTRIES; slot++) {
        if (this.#u32[slot] === 0 || this.#leaveNode(slot)) continue;
        const leaf = this.#nodeAt(slot);
        if (this.#pagesOf(leaf) === 0) continue;
        for (let at = leaf * ENTRIES; at < (leaf + 1) * ENTRIES; at++)
          if (this.#u32[at] !== 0) this.#frames.release(frameOfEntry(this.#u32[at]!));
      }
    this.dispose();
  }

  #forget(): void {
    this.#sections.clear();
    this.#order.length = 0;
    this.#hintSection = 0;
    this.#section0 = 0;
    this.residentPages = 0;
  }

  static {
    stateClass("PageTable", this, {
      save: (it) => ({
        account: it.#account,
        frames: it.#frames,
        u32: it.#u32,
        sections: it.#sections,
        order: it.#order,
        section0: it.#section0,
        hintSection: it.#hintSection,
        hintRoot: it.#hintRoot,
      }),
      load: (it, from) =>
        ({
          account: it.#account,
          frames: it.#frames,
          u32: it.#u32,
          sections: it.#sections,
          order: it.#order,
          section0: it.#section0,
          hintSection: it.#hintSection,
          hintRoot: it.#hintRoot,
        } = from),
    });
  }
}
