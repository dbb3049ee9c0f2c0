import {
  BUS_ADRERR,
  EEXIST,
  EFAULT,
  ENOMEM,
  PAGE_SIZE,
  SEGV_ACCERR,
  SEGV_MAPERR,
  SIGBUS,
  SIGKILL,
  SIGSEGV,
} from "@stratos/abi";
import type { ArchiveName } from "@stratos/host";
import type { CodeRegion, PhysicalAddress, VirtualAddress } from "@stratos/riscv";
import { WORK } from "../ground/call-work.ts";
import { markInodeDirty } from "../vfs/write-back.ts";
import type { AddressSpace } from "./address-space.ts";
import { contentKey, IMAGE_PREFIX, ownContentKey } from "./content-key.ts";
import type { Area } from "./area.ts";
import type { PageCache } from "../frames/page-cache.ts";
import { addressOfEntry, frameOfEntry, PTE_A, PTE_B, PTE_C, PTE_D, PTE_R, PTE_W } from "./page-table.ts";
import type { MmKernel } from "./mm-kernel.ts";
import type { Frame } from "../frames/frame.ts";

type Access = "read" | "write" | "execute";

/** What a fault that can't be resolved means: a signal and its si_code. */
export interface BadAccess {
  signal: number;
  code: number;
}

const NOT_MAPPED: BadAccess = { signal: SIGSEGV, code: SEGV_MAPERR };
const NOT_ALLOWED: BadAccess = { signal: SIGSEGV, code: SEGV_ACCERR };
const BEYOND_FILE: BadAccess = { signal: SIGBUS, code: BUS_ADRERR };
const NO_MEMORY: BadAccess = { signal: SIGKILL, code: 0 };
/** A program is to give the page (userfaultfd(2)): an instruction waits for it, others can't have it. */
const AWAITED: BadAccess = { signal: 0, code: 0 },
  AWAITED_TO_WRITE: BadAccess = { signal: 0, code: 1 };

/** Is the page to be waited for? */
export function isAwaited(bad: BadAccess): boolean {
  return bad.signal === 0;
}

/** Of one that is: to be written to? */
export function isAwaitedToWrite(bad: BadAccess): boolean {
  return bad === AWAITED_TO_WRITE;
}

/** Pages around a file fault that are mapped with it when they are in memory anyway. */
const AROUND = 16;

/**
 * Makes the page under `address` usable for `access`: a page is read in or zeroed at its first use; a write to a page
 * that others share is given a copy first (copy-on-write); a page below the stack makes it grow.
 *
 * @param address  faulting virtual address in bytes (`stval`)
 * @returns 0 when the instruction may be retried, else the signal for the task, or that it `isAwaited`
 * @see mmap(2), ERRORS; sigaction(2), SIGSEGV and SIGBUS
 */
export function handlePageFault(space: AddressSpace, address: VirtualAddress, access: Access): 0 | BadAccess {
  if (access === "write" && isBorrowed(space, address)) return takeBack(space, address - (address % PAGE_SIZE));
  space.kernel.work.charge(WORK.PAGE_FAULT);
  let area = space.areaAt(address);
  if (area === undefined) {
    const limit = space.kernel.stackLimit(space);
    if (!space.growStack(address, limit)) return NOT_MAPPED;
    area = space.areaAt(address)!;
  }
  const allowed = access === "read" ? area.isReadable : access === "write" ? area.isWritable : area.isExecutable;
  if (!allowed) return NOT_ALLOWED;
  const page = address - (address % PAGE_SIZE);
  // Before the entry is read: for want of room other pages are stored.
  if (access === "write" && area.isShared && !canBeStored(area, page)) return BEYOND_FILE;
  const entry = space.table.get(page);
  const result = entry === 0 ? mapAbsent(space, area, page, access) : mapResident(space, area, page, entry, access);
  if (result !== 0) return result;
  if (access === "execute") return mapCode(space, area, page);
  return 0;
}

/** Has the file room for a page that a shared mapping is to write? As page_mkwrite in Linux's mm/memory.c. */
function canBeStored(area: Area, page: VirtualAddress): boolean {
  const inode = area.file?.contentInode ?? null;
  if (inode === null || area.pages === null) return true;
  const index = area.pageIndex(page);
  const length = Math.min(PAGE_SIZE, inode.size - index * PAGE_SIZE);
  return length <= 0 || area.pages.isDirty(index) || inode.prepareWrite(index * PAGE_SIZE, length) >= 0;
}

/** Does only a fork of the machine keep the program from writing the page? */
export function isBorrowed(space: AddressSpace, address: VirtualAddress): boolean {
  return (space.table.get(address) & PTE_B) !== 0;
}

/**
 * A page that could be written until the machine was forked can be again. Nothing is charged for it or counted: a
 * machine does the same whether it has forks or not.
 */
function takeBack(space: AddressSpace, page: VirtualAddress): 0 | BadAccess {
  const area = space.areaAt(page)!;
  space.table.own(page);
  const entry = space.table.get(page);
  const frame = frameOfEntry(entry);
  const { frames } = space.kernel;
  if (!area.isShared && frames.references(frame) > 1) return copyPage(space, page, frame, frame);
  // Then it moves to the file's own frame.
  if (area.isShared && frames.isShared(frame) && area.pages!.frameForWrite(area.pageIndex(page)) < 0) return NO_MEMORY;
  const writable = ((space.table.get(page) & ~PTE_B) | PTE_W) >>> 0;
  space.table.update(page, writable);
  space.publish(page, writable);
  return 0;
}

/**
 * Makes the page under `address` usable for who may more than its process: a debugger's accesses look at mappings, not
 * at their protection (FOLL_FORCE of Linux's mm/gup.c). A page that only the process may not write becomes its own.
 *
 * @returns the physical address of the byte; −EFAULT where nothing is mapped, behind the end of a file, in the kernel's
 *   own data, and for writing what others share read-only
 */
export function forcePage(space: AddressSpace, address: VirtualAddress, forWrite: boolean): PhysicalAddress {
  const area = space.areaAt(address);
  if (area === undefined || area.label === "[vvar]") return -EFAULT;
  const page = address - (address % PAGE_SIZE);
  space.kernel.work.charge(WORK.PAGE_FAULT);
  if (forWrite && area.isWritable) return space.translate(address, true);
  let entry = space.table.get(page);
  if (forWrite) {
    if (area.isShared) return -EFAULT;
    if (!area.codeIsPrivate) {
      // What others execute, too, is not what lies here any more.
      space.forgetCode(area);
      area.codeIsPrivate = true;
    }
    const failed = entry === 0 ? mapAbsent(space, area, page, "write") : mapResident(space, area, page, entry, "write");
    if (failed !== 0) return -EFAULT;
    entry = (space.table.get(page) & ~(PTE_W | PTE_B) & (area.isReadable ? ~0 : ~PTE_R)) >>> 0;
    space.table.update(page, entry);
    if (area.isReadable) space.unpublishWrites(page, page + PAGE_SIZE);
    else space.unpublish(page, page + PAGE_SIZE);
  } else if (entry === 0) {
    if (mapAbsent(space, area, page, "read") !== 0) return -EFAULT;
    entry = space.table.get(page);
  }
  space.kernel.frames.settle(frameOfEntry(entry));
  return addressOfEntry(entry) + (address % PAGE_SIZE);
}

/** A page that isn't there yet. */
function mapAbsent(space: AddressSpace, area: Area, page: VirtualAddress, access: Access): 0 | BadAccess {
  const isMajor = area.pages !== null && area.pages.peek(area.pageIndex(page)) === 0;
  space.kernel.countFault(isMajor);
  if (isMajor && area.pages!.backing !== null) space.kernel.countStorage(PAGE_SIZE, 0);
  if (area.pages === null) {
    if (area.userfault !== null) return access === "write" ? AWAITED_TO_WRITE : AWAITED;
    if (access !== "write") {
      space.account.retain(space.kernel.zeroFrame);
      return install(space, page, (space.kernel.zeroFrame << 12) | (area.isReadable ? PTE_R : 0));
    }
    const frame = space.takeFrame(page, true);
    if (frame < 0) return NO_MEMORY;
    return install(space, page, (frame << 12) | PTE_A | PTE_R | PTE_W);
  }
  const index = area.pageIndex(page);
  const content = area.file?.contentInode ?? null;
  if (content !== null && index * PAGE_SIZE >= content.size) return BEYOND_FILE;
  if (index >= area.pages.anonymousPages) return BEYOND_FILE;
  const cached = access === "write" && area.isShared ? area.pages.frameForWrite(index) : area.pages.frame(index);
  if (cached < 0) return cached === -12 ? NO_MEMORY : BEYOND_FILE;
  if (access === "write" && !area.isShared) return copyPage(space, page, cached, 0);
  space.account.retain(cached);
  if (access === "write") {
    markWritten(space, area, page);
    return install(space, page, (cached << 12) | PTE_R | PTE_W | PTE_D);
  }
  const failed = install(space, page, (cached << 12) | (area.isReadable ? PTE_R : 0));
  if (failed === 0 && area.file !== null) mapAround(space, area, page);
  return failed;
}

/**
 * Gives private anonymous memory a page that is not there (userfaultfd(2)).
 *
 * @param content  4096 bytes; null: zeroes
 * @returns 0; −EEXIST; −ENOMEM
 */
export function fillPage(space: AddressSpace, area: Area, page: VirtualAddress, content: Uint8Array | null): number {
  if (space.table.get(page) !== 0) return -EEXIST;
  const { physical, zeroFrame, work } = space.kernel;
  work.charge(WORK.PAGE_FAULT);
  const readable = area.isReadable ? PTE_R : 0;
  if (content === null) {
    space.account.retain(zeroFrame);
    return install(space, page, (zeroFrame << 12) | readable) === 0 ? 0 : -ENOMEM;
  }
  const frame = space.takeFrame(page, false);
  if (frame < 0) return -ENOMEM;
  physical.u8.set(content, frame * PAGE_SIZE);
  const rights = area.isWritable ? PTE_R | PTE_W : readable;
  return install(space, page, (frame << 12) | PTE_A | rights) === 0 ? 0 : -ENOMEM;
}

/** Neighbours of a file page that are in memory come along: one fault instead of sixteen. */
function mapAround(space: AddressSpace, area: Area, page: VirtualAddress): void {
  const span = AROUND * PAGE_SIZE;
  const first = Math.max(area.start, page - (page % span));
  const last = Math.min(area.end, first + span);
  const sizeLimit = area.file?.contentInode?.size ?? 0;
  for (let at = first; at < last; at += PAGE_SIZE) {
    if (at === page || space.table.get(at) !== 0) continue;
    const index = area.pageIndex(at);
    const frame = area.pages!.peek(index);
    if (frame === 0 || index * PAGE_SIZE >= sizeLimit) continue;
    space.account.retain(frame);
    if (install(space, at, (frame << 12) | (area.isReadable ? PTE_R : 0)) !== 0) return;
  }
}

/** A page that is resident, but the access isn't allowed by its entry (or its flat-table entry was lost). */
function mapResident(
  space: AddressSpace,
  area: Area,
  page: VirtualAddress,
  entry: number,
  access: Access,
): 0 | BadAccess {
  const frame = frameOfEntry(entry);
  if (access !== "write") {
    if (area.isReadable) entry |= PTE_R;
    space.table.update(page, entry);
    space.publish(page, entry);
    return 0;
  }
  space.table.own(page);
  if ((entry & PTE_C) !== 0) {
    // Bytes that code was decoded from change: drop the code, so that executing them faults and decodes anew.
    forgetCodeOfPage(space, area, page);
    entry &= ~PTE_C;
  }
  if (area.isShared) {
    if (space.kernel.frames.isShared(frame)) return mapOwn(space, area, page);
    markWritten(space, area, page);
    entry |= PTE_R | PTE_W | PTE_D;
  } else if ((entry & PTE_A) !== 0 && space.kernel.frames.references(frame) === 1) {
    // The last owner may write in place: copying would only double its memory.
    entry |= PTE_R | PTE_W;
  } else {
    space.kernel.countFault(false);
    return copyPage(space, page, frame, frame);
  }
  space.table.update(page, entry);
  space.publish(page, entry);
  return 0;
}

/** Maps a page of a file for writing that was borrowed from an image, or shared with forks, until now. */
function mapOwn(space: AddressSpace, area: Area, page: VirtualAddress): 0 | BadAccess {
  const own = area.pages!.frameForWrite(area.pageIndex(page));
  if (own < 0) return NO_MEMORY;
  // An image's page was taken away; from one that forks share the mapping has moved to it.
  if (space.table.get(page) === 0) space.account.retain(own);
  markWritten(space, area, page);
  return install(space, page, (own << 12) | PTE_R | PTE_W | PTE_D);
}

/** Gives the page a private copy of `source`. @param replaced  frame whose reference the entry held, 0 for none */
function copyPage(space: AddressSpace, page: VirtualAddress, source: Frame, replaced: Frame): 0 | BadAccess {
  const { frames, physical, zeroFrame } = space.kernel;
  if (source === zeroFrame) {
    const blank = space.takeFrame(page, true);
    if (blank < 0) return NO_MEMORY;
    if (replaced !== 0) space.account.release(replaced);
    return install(space, page, (blank << 12) | PTE_A | PTE_R | PTE_W);
  }
  frames.settle(source);
  // Held, because making room may reclaim it from the page cache.
  frames.retain(source);
  const frame = space.takeFrame(page, false);
  if (frame >= 0) physical.u8.copyWithin(frame * PAGE_SIZE, source * PAGE_SIZE, (source + 1) * PAGE_SIZE);
  frames.release(source);
  if (frame < 0) return NO_MEMORY;
  if (replaced !== 0) space.account.release(replaced);
  return install(space, page, (frame << 12) | PTE_A | PTE_R | PTE_W);
}

/** Writes the entry and shows it to the flat tables. The entry takes over one reference to its frame. */
function install(space: AddressSpace, page: VirtualAddress, entry: number): 0 | BadAccess {
  if (space.table.set(page, entry >>> 0) < 0) {
    space.account.release(frameOfEntry(entry));
    return NO_MEMORY;
  }
  const resident = space.table.residentPages;
  if (resident > space.peakResidentPages) space.peakResidentPages = resident;
  space.publish(page, entry >>> 0);
  return 0;
}

/** Gives the page a code page to execute from, and its neighbours theirs where they exist. */
function mapCode(space: AddressSpace, area: Area, page: VirtualAddress): 0 | BadAccess {
  const { processor, frames } = space.kernel;
  const { tables } = processor;
  const entry = space.table.get(page);
  const frame = frameOfEntry(entry);
  frames.settle(frame);
  if (area.code === null) openCode(space, area, frame);
  else if (isForAll(area.code) && !frames.isLent(frame)) {
    // What others execute, too, must be decoded from frames that are everyone's.
    space.forgetCode(area);
    openCode(space, area, frame);
  }
  const code = area.code!;
  // Such an instruction is not executed either while this page can't be fetched from; now it may be another.
  if (page === area.start) space.forgetReachInto(area);
  frames.noteCode(frame);
  tables.mapCode(space.slot, page, code.page(page, addressOfEntry(entry)));
  if (area.isWritable || area.codeIsPrivate) {
    const tracked = (entry | PTE_C) & ~(PTE_W | PTE_B);
    space.table.update(page, tracked >>> 0);
    if ((entry & PTE_W) !== 0) space.unpublishWrites(page, page + PAGE_SIZE);
    return 0;
  }
  const span = 4 * AROUND * PAGE_SIZE;
  const first = Math.max(area.start, page - (page % span));
  const last = Math.min(area.end, first + span);
  for (let at = first; at < last; at += PAGE_SIZE) {
    if (at === page) continue;
    if (code.existingPage(at) === 0) continue;
    if (space.table.get(at) === 0) {
      const frame = area.pages!.peek(area.pageIndex(at));
      if (frame === 0) continue;
      space.account.retain(frame);
      if (install(space, at, (frame << 12) | (area.isReadable ? PTE_R : 0)) !== 0) return 0;
    }
    // The page may have been given up and read again into another frame since its code was decoded.
    const present = space.table.get(at);
    if (isForAll(code) && !frames.isLent(frameOfEntry(present))) continue;
    frames.settle(frameOfEntry(present));
    frames.noteCode(frameOfEntry(present));
    tables.mapCode(space.slot, at, code.page(at, addressOfEntry(present)));
  }
  return 0;
}

/** The region of code for an area, of whose pages one has this frame. */
function openCode(space: AddressSpace, area: Area, frame: Frame): void {
  const { kernel } = space;
  const inode = area.file?.inode ?? null;
  let key: string | null = null;
  if (!area.codeIsPrivate && inode !== null) {
    key = contentKey(kernel, inode);
    if (key.startsWith(IMAGE_PREFIX) && !kernel.frames.isLent(frame)) key = ownContentKey(kernel, inode);
    key = `${key}:${area.offset}`;
  }
  area.code = kernel.processor.code.open(key, area.start, area.end, space.mode, () => archiveName(space, area));
  // A file that leaves its image forgets the region that it shares; others go on with it.
  if (key !== null && !isForAll(area.code)) followChanges(kernel, area.pages!, area.code, area.offset);
}

/**
 * What translations of the area's file are kept under: how it begins, when that is in memory (nothing is read for it:
 * who looks could see that), its size, and what part of it is mapped.
 */
function archiveName({ kernel }: AddressSpace, { pages, file, offset, start, end }: Area): ArchiveName | null {
  const frame = pages?.peek(0) ?? 0;
  if (frame === 0) return null;
  const at = frame * PAGE_SIZE;
  return {
    head: kernel.physical.u8.slice(at, at + PAGE_SIZE),
    detail: `${file?.contentInode?.size ?? 0} ${offset} ${end - start}`,
  };
}

/** Do other kernels execute it, too? */
function isForAll(region: CodeRegion): boolean {
  return region.key !== null && region.key.startsWith(IMAGE_PREFIX);
}

function forgetCodeOfPage(space: AddressSpace, area: Area, page: VirtualAddress): void {
  if (area.code === null) return;
  area.code.invalidate(page, page + PAGE_SIZE);
  space.unpublishCode(page, page + PAGE_SIZE);
  space.kernel.codeChanged = true;
}

/** Code decoded from a file's pages is forgotten when the file's bytes change (write(2), a shared mapping). */
function followChanges(kernel: MmKernel, pages: PageCache, region: CodeRegion, offset: number): void {
  // Processes that map the same content at the same place share the region, so they share its watcher, too. The key
  // tells versions of the content apart: an earlier one may still be executed from.
  pages.watch(`${region.key}@${region.start}-${region.end} ${region.mode}`, {
    pageChanged: (index) => {
      const at = region.start + index * PAGE_SIZE - offset;
      if (at < region.start || at >= region.end) return;
      region.invalidate(at, at + PAGE_SIZE);
      kernel.codeChanged = true;
    },
    get isDone() {
      return region.isForgotten;
    },
  });
}

/** A shared mapping of the page is written for the first time since it was clean. */
function markWritten(space: AddressSpace, area: Area, page: VirtualAddress): void {
  const inode = area.file?.contentInode ?? null;
  // At the first write, as file_update_time in Linux's mm/memory.c; the ones that follow take no fault.
  if (inode !== null) inode.mtime = inode.ctime = space.kernel.vfs.now();
  area.pages!.isWrittenInPlace = true;
  markPageDirty(space, area, page);
}

/** A shared mapping of the page may be written from now on. */
export function markPageDirty(space: AddressSpace, area: Area, page: VirtualAddress): void {
  const pages = area.pages!;
  const index = area.pageIndex(page);
  if (pages.backing !== null && !pages.isDirty(index)) space.kernel.countStorage(0, PAGE_SIZE);
  pages.markDirty(index);
  const inode = area.file?.contentInode ?? null;
  if (inode === null) return;
  if (inode.fileSystem.isServed) inode.pageWritten(index);
  else markInodeDirty(space.kernel, inode);
}
