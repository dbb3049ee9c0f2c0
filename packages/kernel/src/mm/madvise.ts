import {
  EACCES,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  MADV_COLD,
  MADV_DODUMP,
  MADV_DOFORK,
  MADV_DONTDUMP,
  MADV_DONTFORK,
  MADV_DONTNEED,
  MADV_DONTNEED_LOCKED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_KEEPONFORK,
  MADV_NOHUGEPAGE,
  MADV_NORMAL,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_RANDOM,
  MADV_REMOVE,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_WIPEONFORK,
  MAP_LOCKED,
  PAGE_SIZE,
  PROT_READ,
} from "@stratos/abi";
import type { AddressSpace } from "./address-space.ts";
import { type Area, AREA_NO_DUMP, AREA_NO_FORK, AREA_WIPE_ON_FORK } from "./area.ts";
import { refusesDiscard } from "./memory-seal.ts";
import { populate } from "./mmap.ts";
import { walkInPieces } from "../ground/call-work.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { allocateRange, checkAllocationSeals } from "../vfs/allocate.ts";
import type { MmCaller } from "./mm-kernel.ts";

/** MERGEABLE and UNMERGEABLE are those of a kernel without CONFIG_KSM: unknown. */
const KNOWN_ADVICE = new Set([
  MADV_NORMAL,
  MADV_RANDOM,
  MADV_SEQUENTIAL,
  MADV_WILLNEED,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_DONTFORK,
  MADV_DOFORK,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_DONTDUMP,
  MADV_DODUMP,
  MADV_COLD,
  MADV_PAGEOUT,
  MADV_WIPEONFORK,
  MADV_KEEPONFORK,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_DONTNEED_LOCKED,
  MADV_REMOVE,
]);
const DISCARDS = new Set([MADV_DONTNEED, MADV_FREE, MADV_DONTFORK, MADV_WIPEONFORK, MADV_DONTNEED_LOCKED]);
/** Advice that marks an area until the opposite is given. */
const MARKS: ReadonlyMap<number, { bit: number; isSet: boolean }> = new Map([
  [MADV_DONTDUMP, { bit: AREA_NO_DUMP, isSet: true }],
  [MADV_DODUMP, { bit: AREA_NO_DUMP, isSet: false }],
  [MADV_DONTFORK, { bit: AREA_NO_FORK, isSet: true }],
  [MADV_DOFORK, { bit: AREA_NO_FORK, isSet: false }],
  [MADV_WIPEONFORK, { bit: AREA_WIPE_ON_FORK, isSet: true }],
  [MADV_KEEPONFORK, { bit: AREA_WIPE_ON_FORK, isSet: false }],
]);
/** Advice that would keep what may be dropped (mm/madvise.c, madvise_vma_behavior). */
const NOT_FOR_DROPPABLE = new Set([MADV_DODUMP, MADV_KEEPONFORK]);
/** Advice that locked pages refuse (madvise(2), EINVAL). */
const NOT_FOR_LOCKED = new Set([MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_REMOVE]);
/** Pages of which one step of MADV_REMOVE rids a file. */
const PAGES_REMOVED_AT_ONCE = 64;

/**
 * @param space  the caller's, or that of process_madvise(2). @returns 0, or EACCES, EAGAIN, EFAULT, EINVAL, ENOMEM,
 *   EOPNOTSUPP, EPERM (mseal(2), memfd_create(2)), UNFINISHED. @see madvise(2)
 */
export function madvise(task: MmCaller, space: AddressSpace, address: number, length: number, advice: number): number {
  if (address % PAGE_SIZE !== 0 || length < 0) return -EINVAL;
  const end = address + Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
  if (!KNOWN_ADVICE.has(advice)) return -EINVAL;
  if (end === address) return 0;
  if (advice === MADV_REMOVE) {
    const waits = walkInPieces(task, address, end, (at) => removeSome(task, space, at, end));
    return waits !== 0 || space.isCovered(address, end) ? waits : -ENOMEM;
  }
  if (advice === MADV_POPULATE_READ || advice === MADV_POPULATE_WRITE)
    return populateAdvised(task, space, address, end, advice);
  for (let at = address; at < end;) {
    const area = space.areas.endingAfter(at);
    if (area === undefined || area.start >= end) break;
    const last = Math.min(area.end, end);
    const refused = advise(space, area, Math.max(area.start, at), last, advice);
    if (refused < 0) return refused;
    at = last;
  }
  return space.isCovered(address, end) ? 0 : -ENOMEM;
}

/** Page by page, up to what stands in the way: −EFAULT, −EINVAL, −ENOMEM (mm/madvise.c, madvise_populate). */
function populateAdvised(task: MmCaller, space: AddressSpace, address: number, end: number, advice: number): number {
  let at = address,
    failure = 0;
  while (at < end && failure === 0) {
    const area = space.areaAt(at);
    failure = area === undefined ? -ENOMEM : advise(space, area, at, end, advice);
    if (area !== undefined && failure === 0) at = Math.min(area.end, end);
  }
  const filled = populate(task, address, at);
  return filled === UNFINISHED || filled === -EFAULT ? filled : failure;
}

/** What the advice means for one area's part `[start, end)`. */
function advise(space: AddressSpace, area: Area, start: number, end: number, advice: number): number {
  if (DISCARDS.has(advice) && refusesDiscard(area)) return -EPERM;
  // By what was asked for: that PROT_WRITE lets one read does not count (mm/gup.c, check_vma_flags).
  if (advice === MADV_POPULATE_READ && (area.protection & PROT_READ) === 0) return -EINVAL;
  if (advice === MADV_POPULATE_WRITE && !area.isWritable) return -EINVAL;
  if (area.isDroppable && NOT_FOR_DROPPABLE.has(advice)) return -EINVAL;
  if ((area.flags & MAP_LOCKED) !== 0 && NOT_FOR_LOCKED.has(advice)) return -EINVAL;
  if (advice === MADV_DONTNEED || advice === MADV_DONTNEED_LOCKED) space.dropPages(area, start, end);
  // Only private anonymous memory has content of its own to forget (madvise(2), EINVAL).
  if (advice === MADV_WIPEONFORK && (area.pages !== null || area.file !== null)) return -EINVAL;
  const mark = MARKS.get(advice);
  if (mark !== undefined && ((area.flags & mark.bit) !== 0) !== mark.isSet) {
    space.splitAt(start);
    space.splitAt(end);
    const part = space.areaAt(start)!;
    part.flags = mark.isSet ? part.flags | mark.bit : part.flags & ~mark.bit;
  }
  if (advice === MADV_FREE) {
    // A hint for private anonymous memory; freeing at once is allowed.
    if (area.pages !== null) return -EINVAL;
    if (area.isWritable) space.dropPages(area, start, end);
  }
  return 0;
}

/**
 * MADV_REMOVE: punches what lies below shared memory out of its file, or out of the memory that only mappings share.
 * @returns where it got to; −EACCES, −EINVAL, −EOPNOTSUPP, −EPERM
 */
function removeSome(task: MmCaller, space: AddressSpace, at: number, end: number): number {
  const area = space.areas.endingAfter(at);
  if (area === undefined || area.start >= end) return end;
  const start = Math.max(area.start, at);
  const { file, pages } = area;
  if (pages === null || (area.flags & MAP_LOCKED) !== 0 || area.isKernels) return -EINVAL;
  if (!area.isShared || file?.isWritable === false) return -EACCES;
  const last = Math.min(area.end, end, start + PAGES_REMOVED_AT_ONCE * PAGE_SIZE);
  const offset = area.offset + start - area.start;
  const inode = file?.contentInode ?? null;
  if (inode?.isRegular === true) {
    const mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    const sealed = checkAllocationSeals(inode, mode, offset + last - start);
    if (sealed < 0) return sealed;
    // First, so that the pages are nobody's but the file's, which then gives them back.
    space.dropPages(area, start, last);
    const done = allocateRange(task, inode, file!, { mode, offset, length: last - start });
    return done < 0 ? done : start + Math.ceil(Math.max(done, 1) / PAGE_SIZE) * PAGE_SIZE;
  }
  space.dropPages(area, start, last);
  space.kernel.work.charge(PAGES_REMOVED_AT_ONCE / 16);
  pages.forEach(offset / PAGE_SIZE, (offset + last - start) / PAGE_SIZE, (index) => pages.clear(index, 0, PAGE_SIZE));
  return last;
}
