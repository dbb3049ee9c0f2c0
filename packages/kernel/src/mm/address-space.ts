/**
 * The memory of a process. Layout of the 32-bit user space (almost everything that Debian's programs map fits below 4
 * GiB):
 *
 * ```
 * 0x0000_0000  never mapped (mmap_min_addr)
 * 0x0000_1000  position-dependent executables, most at 0x0001_0000
 * 0x1000_0000  position-independent executables, then the heap (brk), upwards
 * …            mmap, downwards from 0xbfff_f000, or upwards from 0x4000_0000 where the stack has no limit
 * 0xc000_0000  shared libraries, each at its own place in every process, so that translated code is shared
 * 0xf000_0000  the stack, downwards from 0xffff_e000; the vDSO and its data on the two pages above it
 * ```
 *
 * What doesn't fit there, or asks for an address above, makes the space wide for good: data may then lie anywhere below
 * 2^47, downwards from 0x7fff_ffff_f000, and the processor translates accesses by its TLB instead of flat tables. Code
 * stays below 4 GiB.
 */
import {
  EFAULT,
  EINVAL,
  ENOMEM,
  Iovec,
  MAP_GROWSDOWN,
  MAP_LOCKED,
  PAGE_SIZE,
  PR_MDWE_NO_INHERIT,
  UIO_MAXIOV,
} from "@stratos/abi";
import { stateClass, StateError } from "@stratos/base";
import type { AddressMode, PhysicalAddress, VirtualAddress } from "@stratos/riscv";
import type { CallWork } from "../ground/call-work.ts";
import { WaitQueue } from "../ground/wait-queue.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import type { Inode } from "../vfs/inode.ts";
import type { Path } from "../vfs/path.ts";
import { AREA_ACCOUNTED, type Area } from "./area.ts";
import { AreaList, AREAS_PER_UNIT } from "./area-list.ts";
import { handlePageFault, markPageDirty } from "./page-fault.ts";
import { addressOfEntry, frameOfEntry, PageTable, PTE_R, PTE_W } from "./page-table.ts";
import type { Frame } from "../frames/frame.ts";
import type { MemoryAccount } from "../frames/memory-account.ts";
import type { Reapable } from "../frames/reaper.ts";
import { TranslatedMemory } from "./translated-memory.ts";
import { UserCursor } from "./user-cursor.ts";
import type { MmKernel } from "./mm-kernel.ts";
import type { AioContext } from "./aio-context.ts";

export const EXECUTABLE_BASE = 0x10000000;
const MMAP_TOP = 0xbffff000;
/** A third of what there is (Linux's TASK_UNMAPPED_BASE). */
const MMAP_BASE = 0x40000000;
export const LIBRARY_BOTTOM = 0xc0000000;
export const LIBRARY_TOP = 0xf0000000;
export const STACK_TOP = 0xffffe000;
export const VDSO_BASE = 0xffffe000;
/** End of the paged user space, and of code in every space. */
export const USER_TOP = 0x100000000;
/** End of a wide user space: four levels of page tables (Sv48) less a guard page. */
export const WIDE_TOP = 0x7ffffffff000;
/** riscv's default (mm/Kconfig, DEFAULT_MMAP_MIN_ADDR); Debian has programs whose first page is the second one. */
export const MMAP_MIN = 0x1000;

export class AddressSpace extends TranslatedMemory implements Reapable {
  readonly kernel: MmKernel;
  /** To which its pages are charged from now on: that of its process's control group, or the machine's. */
  account: MemoryAccount;
  readonly areas: AreaList;
  readonly table: PageTable;
  /** Slot of flat tables, −1 while it has none. */
  slot = -1;
  /**
   * Runs in the processor's wide mode: the slot has only code entries, pages are shown to the TLB while the space owns
   * it.
   */
  isWide = false;
  /** What has no place of its own is mapped upwards from MMAP_BASE (setrlimit(2), RLIMIT_STACK; personality(2)). */
  growsUpwards = false;
  /** Where its own pages lie, if they can: physical address − virtual address modulo 4 GiB; 0: anywhere. */
  window: number;
  users = 1;
  brkStart = 0;
  brkEnd = 0;
  stackStart = 0;
  argumentsStart = 0;
  argumentsEnd = 0;
  environmentStart = 0;
  environmentEnd = 0;
  codeStart = 0;
  codeEnd = 0;
  dataStart = 0;
  dataEnd = 0;
  /** The program's file (/proc/PID/exe). */
  executable: Path | null = null;
  #executableInode: Inode | null = null;
  /** Its program has used a vector instruction in vain. */
  hasMetVector = false;
  /** membarrier(2): commands that processes register for. */
  barrierRegistrations = 0;
  auxiliaryVector: Uint8Array = new Uint8Array(0);
  /** Bytes in all areas; compared with RLIMIT_AS. */
  mappedBytes = 0;
  peakMappedBytes = 0;
  /** mlockall(MCL_FUTURE): what is mapped from now on is locked. */
  locksFuture = false;
  /** What refuses memory that becomes executable (prctl(2), PR_SET_MDWE): its bits; 0: nothing. */
  executableRule = 0;
  peakResidentPages = 0;
  /** The copy that a fork in pieces is making: nobody else changes its areas until it is done (mm/fork.ts). */
  forkCopy: AddressSpace | null = null;
  readonly forkDone = new WaitQueue();
  /**
   * Contexts of io_setup(2) by their identifier: the address of a page, because libaio looks there for a ring of the
   * kernel's (and finds none). Bound: fs.aio-max-nr.
   */
  aioContexts: Map<number, AioContext> | null = null;
  identity = 0;
  #cursor: UserCursor;

  constructor(kernel: MmKernel, account: MemoryAccount = kernel.memory) {
    super();
    this.kernel = kernel;
    this.account = account;
    this.areas = new AreaList(kernel.areaUsage);
    this.table = new PageTable(account.ofKernel);
    this.window = kernel.slots.nextWindow();
    this.#cursor = new UserCursor(this);
    kernel.spaces.add(this);
  }

  /** What a fork, or a program that is executed, has of the rule. */
  get inheritedExecutableRule(): number {
    return (this.executableRule & PR_MDWE_NO_INHERIT) !== 0 ? 0 : this.executableRule;
  }

  // ---- Areas

  /** mseal(2) was called; until then no area need be looked at for seals. */
  hasSeals = false;
  /** Bytes in locked areas; compared with RLIMIT_MEMLOCK. */
  get lockedBytes(): number {
    let bytes = 0;
    for (const area of this.areas) if ((area.flags & MAP_LOCKED) !== 0) bytes += area.end - area.start;
    return bytes;
  }

  /** The area that covers `address`. */
  areaAt(address: VirtualAddress): Area | undefined {
    return this.areas.at(address);
  }

  insert(area: Area): void {
    this.areas.insert(area);
    this.mappedBytes += area.end - area.start;
    if (this.mappedBytes > this.peakMappedBytes) this.peakMappedBytes = this.mappedBytes;
  }

  /** An area grows upwards, where nothing is. */
  extend(area: Area, end: number): void {
    this.mappedBytes += end - area.end;
    if (this.mappedBytes > this.peakMappedBytes) this.peakMappedBytes = this.mappedBytes;
    this.#resize(area, area.start, end);
  }

  /** Splits the area that straddles `address`, so that an area begins there. */
  splitAt(address: VirtualAddress): void {
    const area = this.areaAt(address);
    if (area === undefined || area.start === address) return;
    const upper = area.slice(address, area.end);
    this.#resize(area, area.start, address);
    this.areas.insert(upper);
  }

  /** Its code goes with its old shape: a region has the area's pages, no others. */
  #resize(area: Area, start: VirtualAddress, end: VirtualAddress): void {
    this.forgetCode(area);
    this.areas.resize(area, start, end);
  }

  /**
   * End of what the work that is left allows to do at once with `[start, end)`: page-table nodes and areas are charged
   * for, at least one of them is in it.
   */
  pieceEnd(start: VirtualAddress, end: VirtualAddress, work: CallWork): VirtualAddress {
    for (let at = start; at < end;) {
      const area = this.areas.endingAfter(at);
      if (area === undefined || area.start >= end) return end;
      work.charge(1);
      at = this.table.measure(Math.max(at, area.start), Math.min(end, area.end), work);
      if (work.mustPause()) return at;
    }
    return end;
  }

  /** Is `[start, end)` free of areas? */
  isFree(start: VirtualAddress, end: VirtualAddress): boolean {
    const area = this.areas.endingAfter(start);
    return area === undefined || area.start >= end;
  }

  /** Is all of `[start, end)` covered? */
  isCovered(start: VirtualAddress, end: VirtualAddress): boolean {
    return this.coveredFrom(start, end) >= end;
  }

  /** Where the first hole at or after `start` begins; `end`: nowhere before it. */
  coveredFrom(start: VirtualAddress, end: VirtualAddress): VirtualAddress {
    for (let at = start; at < end;) {
      const area = this.areaAt(at);
      if (area === undefined) return at;
      at = area.end;
    }
    return end;
  }

  /**
   * A free range of `length` bytes: the library's own place when there is one, else the highest gap below MMAP_TOP (or
   * the lowest above MMAP_BASE), else the highest below the stack's limit; at last above 4 GiB, where code can't be.
   * −ENOMEM when none is left.
   */
  findGap(length: number, preferred: VirtualAddress, mayBeWide: boolean): VirtualAddress {
    if (preferred > 0 && this.isFree(preferred, preferred + length)) return preferred;
    if (this.growsUpwards) {
      const lowest = this.areas.lowestGap(MMAP_BASE, length);
      if (lowest + length <= MMAP_TOP) return lowest;
    }
    let found = this.#gapBelow(MMAP_TOP, MMAP_MIN, length);
    if (found < 0) found = this.#gapBelow(LIBRARY_TOP, MMAP_TOP, length);
    return found < 0 && mayBeWide ? this.#gapBelow(WIDE_TOP, USER_TOP, length) : found;
  }

  #gapBelow(top: number, bottom: number, length: number): number {
    const start = this.areas.highestGap(top, length) - length;
    // A growing heap must keep some room above it.
    const floor = Math.max(bottom, top === MMAP_TOP && this.brkEnd > 0 ? this.brkEnd + HEAP_RESERVE : 0);
    if (start >= floor && this.isFree(start, start + length)) return start;
    return start >= bottom && this.isFree(start, start + length) ? start : -ENOMEM;
  }

  // ---- Pages

  /**
   * A frame with one reference for the space's own page at `address`, in its window where that is free; −ENOMEM.
   *
   * @param isZeroed  its content is to be zero (else any)
   */
  takeFrame(address: VirtualAddress, isZeroed: boolean): Frame {
    const { frames } = this.kernel;
    if (this.window !== 0 && address < USER_TOP) {
      const frame = frames.allocateAt(this.account, ((address + this.window) % USER_TOP) / PAGE_SIZE, isZeroed);
      if (frame !== 0) return frame;
    }
    return isZeroed ? frames.allocateZeroed(this.account) : frames.allocate(this.account);
  }

  /** Shows translated code (if the space has a slot, or owns the TLB) what the page table says of a page. */
  publish(address: VirtualAddress, entry: number): void {
    if ((entry & PTE_R) === 0) return;
    const { processor, slots, frames } = this.kernel;
    if (this.isWide ? slots.tlbOwner !== this : this.slot < 0) return;
    if (frames.pending !== null) frames.settle(frameOfEntry(entry));
    if (this.isWide) processor.tlb.map(address, addressOfEntry(entry), (entry & PTE_W) !== 0);
    else processor.tables.map(this.slot, address, addressOfEntry(entry), (entry & PTE_W) !== 0);
  }

  /** Takes pages of `[start, end)` from translated code; accesses fault. */
  unpublish(start: VirtualAddress, end: VirtualAddress): void {
    const { processor, slots } = this.kernel;
    if (this.isWide) {
      if (slots.tlbOwner === this) processor.tlb.unmap(start, end);
    } else if (this.slot >= 0) processor.tables.unmap(this.slot, start, end);
  }

  /** Takes the right to write pages of `[start, end)`; writes fault. */
  unpublishWrites(start: VirtualAddress, end: VirtualAddress): void {
    const { processor, slots } = this.kernel;
    if (this.isWide) {
      if (slots.tlbOwner === this) processor.tlb.writeProtect(start, end);
    } else if (this.slot >= 0) processor.tables.writeProtect(this.slot, start, end);
  }

  /** Takes code pages; fetches fault. */
  unpublishCode(start: VirtualAddress, end: VirtualAddress): void {
    if (this.slot >= 0 && start < USER_TOP) this.kernel.processor.tables.unmapCode(this.slot, start, end);
  }

  /**
   * A TLB entry was displaced by another page's: shows the page again if the page table allows the access. Returns
   * whether it does.
   */
  republish(address: VirtualAddress, forWrite: boolean): boolean {
    const entry = this.table.get(address);
    if ((entry & (forWrite ? PTE_W : PTE_R)) === 0) return false;
    this.publish(address - (address % PAGE_SIZE), entry);
    return true;
  }

  /** The address mode in which the processor runs the space. */
  get mode(): AddressMode {
    return this.isWide ? "wide" : this.kernel.physical.hasWindows ? "window" : "paged";
  }

  /**
   * Something is mapped above 4 GiB. Code was translated for the paged mode, so it is left before the next instruction
   * (the state is precise at a system call) and comes back by fetch faults, as the wide mode's.
   */
  widen(): void {
    if (this.isWide) return;
    for (const area of this.areas) this.forgetCode(area);
    this.unpublish(0, USER_TOP);
    this.isWide = true;
    this.kernel.codeChanged = true;
    this.kernel.slots.changeMode(this);
  }

  /**
   * Fills a slot just acquired with every resident page that has its content; the others come by faults. A wide space's
   * pages come to the TLB one by one.
   */
  publishAll(): void {
    if (this.isWide) return;
    const tables = this.kernel.processor.tables;
    const slot = this.slot;
    const { pending } = this.kernel.frames;
    this.table.forEach(0, USER_TOP, (address, entry) => {
      if ((entry & PTE_R) !== 0 && pending?.isWaiting(frameOfEntry(entry)) !== true)
        tables.map(slot, address, addressOfEntry(entry), (entry & PTE_W) !== 0);
    });
  }

  /**
   * Takes the pages of `[start, end)` away; frames with no other user become free.
   *
   * @param areas  what covers the range, ascending: pages written through shared ones are marked dirty
   */
  unmapPages(start: VirtualAddress, end: VirtualAddress, areas: readonly Area[]): void {
    this.unpublish(start, end);
    this.unpublishCode(start, end);
    let index = 0;
    this.table.remove(start, end, (address) => {
      while (index < areas.length && areas[index]!.end <= address) index++;
      const area = areas[index];
      if (area !== undefined && area.start <= address && area.pages !== null) markPageDirty(this, area, address);
    });
  }

  /** Takes the pages of a part of an area away, which stays; much of it in pieces. */
  dropPages(area: Area, start: VirtualAddress, end: VirtualAddress): void {
    if (end - start > AT_ONCE_BYTES) this.#dismiss([area.slice(start, end)], start, end);
    else this.unmapPages(start, end, [area]);
  }

  /**
   * Areas that are in no list any more, and the pages of the range, go to a space that nobody uses, which is given back
   * in pieces.
   */
  #dismiss(areas: readonly Area[], start: VirtualAddress, end: VirtualAddress): void {
    this.unpublish(start, end);
    this.unpublishCode(start, end);
    const rest = new AddressSpace(this.kernel, this.account);
    rest.users = 0;
    for (const area of areas) {
      area.flags &= ~AREA_ACCOUNTED;
      rest.areas.insert(area);
    }
    // Without room for a node at one of the ends, what is left is done here.
    if (this.table.handOver(rest.table, start, end) < 0) this.unmapPages(start, end, areas);
    this.kernel.reaper.add(rest);
  }

  /** Drops decoded code of an area whose shape, protection or bytes change. */
  forgetCode(area: Area): void {
    if (area.code === null) return;
    this.unpublishCode(area.start, area.end);
    this.kernel.processor.code.close(area.code);
    area.code = null;
    this.kernel.codeChanged = true;
  }

  /**
   * fence.i, riscv_flush_icache(2): forgets code whose bytes may have changed unnoticed. Those of private memory can't
   * (page-fault.ts); those of a file change through its other mappings, and in a mapping of one's own by write(2).
   */
  forgetWrittenCode(): void {
    const { work } = this.kernel;
    work.charge(this.areas.size / AREAS_PER_UNIT);
    for (const area of this.areas) {
      if (area.code === null || area.pages === null) continue;
      work.charge((area.end - area.start) / (1024 * PAGE_SIZE));
      if (area.codeIsPrivate) this.forgetCode(area);
      else if (area.pages.isWrittenInPlace) {
        area.code.invalidate(area.start, area.end);
        this.forgetReachInto(area);
        this.kernel.codeChanged = true;
      }
    }
  }

  /** The last instruction of the code before the area may reach into it. */
  forgetReachInto({ start }: Area): void {
    this.areaAt(start - PAGE_SIZE)?.code?.invalidate(start - PAGE_SIZE, start);
  }

  /** Removes whole areas in `[start, end)`; the caller has split at both ends. */
  removeAreas(start: VirtualAddress, end: VirtualAddress): void {
    const areas = this.areas.removeWithin(start, end);
    if (areas.length === 0) return;
    for (const area of areas) {
      this.forgetCode(area);
      this.mappedBytes -= area.end - area.start;
    }
    if (this.users > 0 && (end - start > AT_ONCE_BYTES || areas.length > AT_ONCE_AREAS))
      this.#dismiss(areas, start, end);
    else {
      this.unmapPages(start, end, areas);
      for (const area of areas) {
        area.file?.release();
        area.pages?.releaseMapping();
      }
    }
    if (end > USER_TOP)
      this.table.prune(
        this.areas.startingBefore(start)?.end ?? 0,
        this.areas.endingAfter(start)?.start ?? Number.MAX_SAFE_INTEGER,
      );
  }

  /** The stack's area grows when `address` lies below it within RLIMIT_STACK. Returns whether it did. */
  growStack(address: VirtualAddress, limit: number): boolean {
    const area = this.areas.endingAfter(address);
    if (area === undefined || (area.flags & MAP_GROWSDOWN) === 0 || address < MMAP_MIN) return false;
    const start = address - (address % PAGE_SIZE);
    if (area.end - start > limit) return false;
    // stack_guard_gap: 256 pages to the next mapping below.
    const below = this.areas.startingBefore(start + 1);
    if (below !== undefined && start - below.end < 256 * PAGE_SIZE && below.protection !== 0) return false;
    if (below !== undefined && below.end > start) return false;
    this.mappedBytes += area.start - start;
    this.#resize(area, start, area.end);
    return true;
  }

  /** Last user gone: the slot is free, and everything is unmapped, at once or, when it is much, in pieces. */
  release(): void {
    if (--this.users > 0) return;
    this.kernel.slots.release(this);
    this.setExecutable(null);
    for (const context of this.aioContexts?.values() ?? []) {
      this.kernel.aioUsage.events -= context.capacity;
      context.close();
    }
    this.aioContexts = null;
    this.kernel.reaper.add(this);
  }

  reap(work: CallWork): boolean {
    const from = this.areas.endingAfter(0)?.start ?? 0;
    const to = this.pieceEnd(from, Number.MAX_SAFE_INTEGER, work);
    if (to < Number.MAX_SAFE_INTEGER) {
      this.splitAt(to);
      this.removeAreas(from, to);
      return false;
    }
    this.removeAreas(0, Number.MAX_SAFE_INTEGER);
    this.table.dispose();
    this.kernel.spaces.delete(this);
    return true;
  }

  /** The kernel ends: gives back what others share, and its slot. What is its own goes with the kernel's account. */
  abandon(): void {
    this.kernel.slots.release(this);
    for (const area of this.areas) this.forgetCode(area);
    this.table.abandon();
  }

  /** In a fork of the machine: its pages are also the original's until one of them writes. */
  #share(original: AddressSpace): void {
    const failed = original.table.shareWith(this.table);
    original.unpublishWrites(0, original.isWide ? WIDE_TOP : USER_TOP);
    if (failed < 0) throw new StateError("unsavable", "there is no memory for the page tables of a fork");
  }

  /** The program that runs here: while it does, its file can't be opened for writing (ETXTBSY). */
  setExecutable(path: Path | null): void {
    // The name may go meanwhile; the inode stays, as the path holds it.
    const inode = path?.dentry.inode ?? null;
    path?.retain();
    if (inode !== null) inode.writers--;
    if (this.#executableInode !== null) this.#executableInode.writers++;
    this.executable?.release();
    this.executable = path;
    this.#executableInode = inode;
  }

  // ---- UserMemory

  translate(address: VirtualAddress, forWrite: boolean): PhysicalAddress {
    if (!(address >= 0 && address < Number.MAX_SAFE_INTEGER)) return -EFAULT;
    const need = forWrite ? PTE_W : PTE_R;
    let entry = this.table.get(address);
    if ((entry & need) === 0) {
      if (handlePageFault(this, address, forWrite ? "write" : "read") !== 0) return -EFAULT;
      entry = this.table.get(address);
      if ((entry & need) === 0) return -EFAULT;
    }
    const { frames } = this.kernel;
    if (frames.pending !== null) frames.settle(frameOfEntry(entry));
    return addressOfEntry(entry) + (address % PAGE_SIZE);
  }

  cursor(address: VirtualAddress, count: number): IoCursor {
    this.#cursor.reset();
    this.#cursor.addSegment(address, count);
    return this.#cursor;
  }

  vectorCursor(vector: VirtualAddress, count: number): UserCursor | number {
    if (count < 0 || count > UIO_MAXIOV) return -EINVAL;
    this.#cursor.reset();
    for (let index = 0; index < count; index++) {
      const at = vector + index * Iovec.size;
      const address = this.loadU64(at + Iovec.offset.iov_base);
      const length = this.loadU64(at + Iovec.offset.iov_len);
      if (address < 0 || length < 0) return -EFAULT;
      // What is negative as ssize_t; the largest one that isn't is rounded up to 2^63.
      if (length >= 2 ** 63 && this.loadU32(at + Iovec.offset.iov_len + 4) >= 0x80000000) return -EINVAL;
      const moved = Math.min(length, RW_COUNT_MAX - this.#cursor.remaining);
      // Asked of all before anything is moved (lib/iov_iter.c, __import_iovec).
      if (address + moved > WIDE_TOP) return -EFAULT;
      this.#cursor.addSegment(address, moved);
    }
    return this.#cursor;
  }

  static {
    stateClass(
      "AddressSpace",
      this,
      {
        save: (it) => ({ executableInode: it.#executableInode, cursor: it.#cursor }),
        load: (it, from) => ({ executableInode: it.#executableInode, cursor: it.#cursor } = from),
      },
      { keeps: ["slot"], copied: (it, original) => it.#share(original) },
    );
  }
}

/** MAX_RW_COUNT: what one call moves at most; more that is asked for is cut. */
const RW_COUNT_MAX = 0x7ffff000;
/** What is removed at once; more goes in pieces (`#dismiss`). */
const AT_ONCE_BYTES = 16 << 20;
const AT_ONCE_AREAS = 256;
/** Room that mmap leaves above the heap while there is other room. */
const HEAP_RESERVE = 0x10000000;
