import { MAP_DROPPABLE, MAP_NORESERVE, MAP_SHARED, PROT_EXEC, PROT_READ, PROT_WRITE } from "@stratos/abi";
import { stateClass, type Writable } from "@stratos/base";
import type { CodeRegion, VirtualAddress } from "@stratos/riscv";
import type { WaitQueue } from "../ground/wait-queue.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { PageCache } from "../frames/page-cache.ts";
import type { PageIndex } from "../frames/frame.ts";

/**
 * Marks beside mmap's in `Area.flags`: mseal(2) holds it; it shares what may never be written through it
 * (F_SEAL_WRITE of fcntl(2), the kernel's data for vdso(7)).
 */
export const AREA_SEALED = 0x40000000,
  AREA_NEVER_WRITABLE = 0x20000000;
/** Its file lay on a mount without execution (mount(2), MS_NOEXEC). */
export const AREA_NEVER_EXECUTABLE = 0x800000;
/** mbind(2): the area's policy (syscall/numa-requests.ts) stands in these seven bits; 0: that of its task. */
export const AREA_POLICY_SHIFT = 16,
  AREA_POLICY_MASK = 0x7f0000;
/** madvise(2), MADV_DONTDUMP: no core shows it. */
export const AREA_NO_DUMP = 0x10000000;
/** MADV_DONTFORK: a child has none of it; MADV_WIPEONFORK: it finds zeroes there. */
export const AREA_NO_FORK = 0x8000000,
  AREA_WIPE_ON_FORK = 0x4000000;
/** The kernel's own pages, of which there are no more than were mapped: mremap(2) lets it not grow. */
export const AREA_NO_EXPAND = 0x2000000;

/** A fork's copy of memory that was in use: what is mapped beside it stays apart (Linux: its anon_vma has a parent). */
export const AREA_INHERITED = 0x400;

/** Its pages are promised to the process (overcommit.ts): private, and writable now or once. */
export const AREA_ACCOUNTED = 0x1000000;

/** Who is told of pages that are not there (userfault-file.ts). */
export interface Userfault {
  /** A signal tells of them (UFFD_FEATURE_SIGBUS). */
  readonly raisesSignal: boolean;
  await(
    waiter: { readonly ownTid: number; waitOn(queue: WaitQueue): void },
    address: VirtualAddress,
    isWrite: boolean,
  ): void;
}

/** A mapping (VMA): a range of pages with one protection and one source. */
export class Area {
  /** Multiples of 4096; `end` is exclusive. */
  start: VirtualAddress;
  end: VirtualAddress;
  /** PROT_READ | PROT_WRITE | PROT_EXEC. */
  protection: number;
  /** MAP_SHARED or MAP_PRIVATE, MAP_DROPPABLE beside the latter, MAP_GROWSDOWN, MAP_NORESERVE, MAP_LOCKED … */
  flags: number;
  /** Holds a reference while mapped; null for anonymous memory. */
  readonly file: OpenFile | null;
  /** Content of a file or of shared anonymous memory; null for private anonymous memory. */
  readonly pages: PageCache | null;
  /** Byte offset of `start` in `pages`. */
  offset: number;
  /** For /proc/PID/maps: "[heap]", "[stack]", "[vdso]", "[vvar]", or a name by the program (area-name.ts); else "". */
  label: string;
  /** Decoded code, once executed from. */
  code: CodeRegion | null = null;
  /** userfaultfd(2): gives its pages; null: nobody. Of private anonymous memory alone. */
  userfault: Userfault | null = null;
  /** Its bytes may differ from the file's (it was writable), so code isn't shared. */
  codeIsPrivate: boolean;

  constructor(
    start: VirtualAddress,
    end: VirtualAddress,
    protection: number,
    flags: number,
    source: { file: OpenFile | null; pages: PageCache | null; offset: number; label: string },
  ) {
    this.start = start;
    this.end = end;
    this.protection = protection;
    this.flags = flags;
    this.account();
    this.file = source.file;
    this.pages = source.pages;
    this.offset = source.offset;
    this.label = source.label;
    this.codeIsPrivate = source.pages === null || (protection & PROT_WRITE) !== 0;
  }

  get isShared(): boolean {
    return (this.flags & MAP_SHARED) !== 0;
  }

  /** RISC-V has no write-only pages: PROT_WRITE implies reading (Privileged ISA §4.3.1). */
  get isReadable(): boolean {
    return (this.protection & (PROT_READ | PROT_WRITE)) !== 0;
  }

  /** May its pages go at any time (MAP_DROPPABLE)? */
  get isDroppable(): boolean {
    return (this.flags & MAP_DROPPABLE) !== 0;
  }

  get isWritable(): boolean {
    return (this.protection & PROT_WRITE) !== 0;
  }

  get isExecutable(): boolean {
    return (this.protection & PROT_EXEC) !== 0;
  }

  /** Bytes that count as Committed_AS. */
  get committed(): number {
    return (this.flags & AREA_ACCOUNTED) === 0 ? 0 : this.end - this.start;
  }

  /** After its protection changed. What was promised stays so while it is mapped (Linux's VM_ACCOUNT). */
  account(): void {
    if (this.isWritable && (this.flags & (MAP_SHARED | MAP_NORESERVE)) === 0) this.flags |= AREA_ACCOUNTED;
  }

  /** "[vdso]" and "[vvar]": the kernel's own pages. */
  get isKernels(): boolean {
    return this.label.startsWith("[v");
  }

  /** Index in `pages` of the page at `address`. */
  pageIndex(address: VirtualAddress): PageIndex {
    return (address - this.start + this.offset) / 4096;
  }

  /** A copy that covers `[start, end)`; holds its own reference to the file. */
  slice(start: VirtualAddress, end: VirtualAddress): Area {
    const copy = new Area(start, end, this.protection, this.flags, {
      file: this.file?.retain() ?? null,
      pages: this.pages,
      offset: this.offset + (start - this.start),
      label: this.label,
    });
    copy.codeIsPrivate = this.codeIsPrivate;
    copy.userfault = this.userfault;
    this.pages?.retainMapping();
    return copy;
  }

  static {
    stateClass("Area", this, null, { keeps: ["code"], copyPlain });
  }
}

function copyPlain(to: Writable<Area>, from: Area): void {
  to.start = from.start;
  to.end = from.end;
  to.protection = from.protection;
  to.flags = from.flags;
  to.offset = from.offset;
  to.label = from.label;
  to.codeIsPrivate = from.codeIsPrivate;
}
