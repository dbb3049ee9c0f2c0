/**
 * Locked memory (mlock(2)). Nothing here is ever swapped, so a lock is what others can see of it: the pages are there,
 * RLIMIT_MEMLOCK bounds them, and msync(MS_INVALIDATE) refuses them.
 */
import {
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  MAP_LOCKED,
  MCL_CURRENT,
  MCL_FUTURE,
  MCL_ONFAULT,
  PAGE_SIZE,
  isErrno,
} from "@stratos/abi";
import { walkInPieces } from "../ground/call-work.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { WIDE_TOP } from "./address-space.ts";
import { mayLock, mayLockAtAll } from "./lock-limit.ts";
import { hasRoomForAreas, populate, populatePiece } from "./mmap.ts";
import { mergeAround } from "./mprotect.ts";
import type { MmCaller } from "./mm-kernel.ts";

/**
 * Whole pages around `[address, address + length)`, which are none where the length wraps when it is rounded: −EINVAL
 * when the end wraps, −ENOMEM beyond what a program can have.
 */
function pagesAround(address: number, length: number): { start: number; end: number } | number {
  const within = ((address % PAGE_SIZE) + PAGE_SIZE) % PAGE_SIZE;
  const start = address - within;
  const end = start + Math.ceil((length + within) / PAGE_SIZE) * PAGE_SIZE;
  if (unsigned(end) < unsigned(start)) return -EINVAL;
  return end !== start && (start < 0 || end < 0) ? -ENOMEM : { start, end };
}

/** A word of 64 bits, exact in pages. */
function unsigned(word: number): number {
  return word < 0 ? word + 2 ** 64 : word;
}

/** mlock(2), mlock2(2): 0; −EAGAIN, −ENOMEM, −EPERM. @param faultsIn  false for MLOCK_ONFAULT */
export function lockMemory(task: MmCaller, address: number, length: number, faultsIn: boolean): number {
  if (!mayLockAtAll(task)) return -EPERM;
  const range = pagesAround(address, length);
  if (isErrno(range)) return range;
  const { start, end } = range;
  if (start === end) return 0;
  // Once it faults pages in, all is marked.
  if (task.syscallState === null) {
    if (!mayLock(task, end - start - lockedWithin(task, start, end))) return -ENOMEM;
    const covered = mark(task, start, end, true);
    if (covered < 0) return covered;
  }
  if (!faultsIn) return 0;
  let failed = populate(task, start, end);
  if (failed === -EFAULT) failed = -ENOMEM;
  // What may not even be read can't be there (mm/gup.c, populate_vma_page_range; mlock(2), ENOMEM).
  return failed === 0 && hasUnreadable(task, start, end) ? -ENOMEM : failed;
}

function hasUnreadable({ space }: MmCaller, start: number, end: number): boolean {
  for (let at = start; at < end;) {
    const area = space.areaAt(at);
    if (area === undefined) return true;
    if (!area.isReadable && !area.isWritable) return true;
    at = area.end;
  }
  return false;
}

/** munlock(2): 0; −ENOMEM. */
export function unlockMemory(task: MmCaller, address: number, length: number): number {
  const range = pagesAround(address, length);
  return isErrno(range) ? range : mark(task, range.start, range.end, false);
}

/** mlockall(2): 0; −EINVAL, −ENOMEM, −EPERM. */
export function lockAllMemory(task: MmCaller, flags: number): number {
  const { space } = task;
  if (flags === 0 || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) !== 0 || flags === MCL_ONFAULT) return -EINVAL;
  if (!mayLockAtAll(task)) return -EPERM;
  if (
    task.syscallState === null &&
    (flags & MCL_CURRENT) !== 0 &&
    !mayLock(task, space.mappedBytes - space.lockedBytes)
  )
    return -ENOMEM;
  space.locksFuture = (flags & MCL_FUTURE) !== 0;
  if ((flags & MCL_CURRENT) === 0) return 0;
  if (task.syscallState === null) {
    for (const area of space.areas) if (!area.isDroppable) area.flags |= MAP_LOCKED;
    mergeAround(space, 0, WIDE_TOP);
    task.kernel.work.charge(space.areas.size >> 4);
  }
  if ((flags & MCL_ONFAULT) !== 0) return 0;
  // What can't be read in now is left to a later fault, as Linux does.
  const result = walkInPieces(task, 0, WIDE_TOP, (at) => {
    const area = space.areas.endingAfter(at);
    if (area === undefined) return WIDE_TOP;
    const reached = populatePiece(space, Math.max(at, area.start), area.end);
    return reached < 0 ? area.end : reached;
  });
  return result === UNFINISHED ? UNFINISHED : 0;
}

export function unlockAllMemory(task: MmCaller): number {
  task.space.locksFuture = false;
  for (const area of task.space.areas) area.flags &= ~MAP_LOCKED;
  mergeAround(task.space, 0, WIDE_TOP);
  return 0;
}

function lockedWithin(task: MmCaller, start: number, end: number): number {
  let bytes = 0;
  for (const area of task.space.areas)
    if ((area.flags & MAP_LOCKED) !== 0 && area.end > start && area.start < end)
      bytes += Math.min(area.end, end) - Math.max(area.start, start);
  return bytes;
}

function mark(task: MmCaller, start: number, end: number, isLocked: boolean): number {
  const { space } = task;
  if (start === end) return 0;
  if (!hasRoomForAreas(space, 2)) return -ENOMEM;
  // What stands before a hole is marked all the same (mm/mlock.c, apply_vma_lock_flags).
  const covered = space.coveredFrom(start, end);
  // An area that says so already keeps its shape.
  for (let at = start; at < covered;) {
    const area = space.areaAt(at)!;
    const last = Math.min(area.end, covered);
    task.kernel.work.charge(1);
    // Of droppable memory nobody is told that it is not locked (mm/mlock.c, mlock_fixup).
    if (((area.flags & MAP_LOCKED) !== 0) !== isLocked && !area.isDroppable) {
      space.splitAt(at);
      space.splitAt(last);
      const part = space.areaAt(at)!;
      part.flags = isLocked ? part.flags | MAP_LOCKED : part.flags & ~MAP_LOCKED;
    }
    at = last;
  }
  mergeAround(space, start, covered);
  return covered < end ? -ENOMEM : 0;
}
