/** mprotect(2): areas get another protection, and pages lose rights; faults give new ones. */
import {
  EACCES,
  EINVAL,
  ENOMEM,
  EPERM,
  MAP_GROWSDOWN,
  MAP_NORESERVE,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_GROWSDOWN,
  PROT_GROWSUP,
  PROT_SEM,
  PROT_WRITE,
} from "@stratos/abi";
import { walkInPieces } from "../ground/call-work.ts";
import { type AddressSpace, USER_TOP } from "./address-space.ts";
import { Area, AREA_ACCOUNTED, AREA_NEVER_EXECUTABLE, AREA_NEVER_WRITABLE, AREA_SEALED } from "./area.ts";
import { frameOfEntry, PTE_A, PTE_B, PTE_C, PTE_R, PTE_W } from "./page-table.ts";
import type { MmCaller } from "./mm-kernel.ts";
import { gainsCode, pageUp, PROTECTIONS, maySplit } from "./mmap.ts";
import { overcommits } from "./overcommit.ts";

/** What mprotect(2) does at once: 256 pages, and areas, at most; a unit for each eighth of it. */
const AT_ONCE_BYTES = 1 << 20,
  AT_ONCE_UNIT = AT_ONCE_BYTES / 8;

/** @returns 0, or EACCES, EINVAL, ENOMEM, EPERM (mseal(2)), UNFINISHED. @see mprotect(2) */
export function mprotect(task: MmCaller, address: number, length: number, protection: number): number {
  const { space } = task;
  const grows = protection & (PROT_GROWSDOWN | PROT_GROWSUP);
  // No area grows up on this machine.
  if (grows === (PROT_GROWSDOWN | PROT_GROWSUP)) return -EINVAL;
  if (address % PAGE_SIZE !== 0) return -EINVAL;
  if (length === 0) return 0;
  // 2^63 and more come as negative numbers: no area reaches there.
  if (length < 0 || address < 0) return -ENOMEM;
  const end = address + pageUp(length);
  if ((protection & ~(PROTECTIONS | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP)) !== 0) return -EINVAL;
  protection &= PROTECTIONS;
  if (grows !== 0) {
    const area = space.areas.endingAfter(address);
    if (area === undefined || area.start >= end || (grows === PROT_GROWSUP && area.start > address)) return -ENOMEM;
    if (grows === PROT_GROWSUP || (area.flags & MAP_GROWSDOWN) === 0) return -EINVAL;
    // From the beginning of the stack on, wherever it has grown to.
    address = area.start;
  }
  // What stands before a hole changes all the same (mprotect(2), ENOMEM).
  const covered = space.coveredFrom(address, end);
  if (covered < end) {
    const failed = covered === address ? 0 : protect(task, address, covered, protection);
    return failed < 0 ? failed : -ENOMEM;
  }
  return protect(task, address, end, protection);
}

/** What stands before an area that refuses changes all the same (mm/mprotect.c, do_mprotect_pkey). */
function protect(task: MmCaller, address: number, end: number, protection: number): number {
  const { space } = task;
  // As mmap(2) says it of code above 4 GiB: V8 takes any other error for a defect of its own, and aborts.
  if ((protection & PROT_EXEC) !== 0 && end > USER_TOP) return -ENOMEM;
  if (task.syscallState === null && !maySplit(space, address, end)) return -ENOMEM;
  let stop = end,
    failure = 0;
  for (let at = address; at < end && failure === 0;) {
    const area = space.areas.endingAfter(at);
    if (area === undefined || area.start >= end) break;
    const from = Math.max(area.start, at);
    failure = refusalOf(space, area, from, end, protection);
    if (failure < 0) stop = from;
    at = area.end;
  }
  return stop === address ? failure : change(task, address, stop, protection) || failure;
}

function change(task: MmCaller, address: number, end: number, protection: number): number {
  const { space } = task;
  if (end - address <= AT_ONCE_BYTES) {
    space.kernel.work.charge(1 + Math.floor((end - address) / AT_ONCE_UNIT));
    protectPiece(space, address, end, protection);
    return 0;
  }
  return walkInPieces(task, address, end, (at) => {
    const to = space.pieceEnd(at, end, space.kernel.work);
    protectPiece(space, at, to, protection);
    return to;
  });
}

/** 0, −ENOMEM, −EPERM or −EACCES of one area's part from `at` on. */
function refusalOf(space: AddressSpace, area: Area, at: number, end: number, protection: number): number {
  const isNewlyAccounted =
    (protection & PROT_WRITE) !== 0 &&
    !area.isWritable &&
    !area.isShared &&
    (area.flags & (MAP_NORESERVE | AREA_ACCOUNTED)) === 0;
  if (isNewlyAccounted && overcommits(space, Math.min(area.end, end) - at)) return -ENOMEM;
  if ((area.flags & AREA_SEALED) !== 0) return -EPERM;
  if (gainsCode(space, area.protection, protection)) return -EACCES;
  if ((protection & PROT_EXEC) !== 0 && (area.flags & AREA_NEVER_EXECUTABLE) !== 0) return -EACCES;
  const mayWrite = area.file?.isWritable !== false && (area.flags & AREA_NEVER_WRITABLE) === 0;
  return area.isShared && (protection & PROT_WRITE) !== 0 && !mayWrite ? -EACCES : 0;
}

/** What another thread has unmapped since the call began is passed over. */
function protectPiece(space: AddressSpace, address: number, end: number, protection: number): void {
  space.splitAt(address);
  space.splitAt(end);
  for (let at = address; at < end;) {
    const area = space.areas.endingAfter(at);
    if (area === undefined || area.start >= end) break;
    at = area.end;
    if (area.protection === protection) continue;
    const losesExec = area.isExecutable && (protection & PROT_EXEC) === 0;
    if (losesExec || (protection & PROT_WRITE) !== 0) space.forgetCode(area);
    if ((protection & PROT_WRITE) !== 0) area.codeIsPrivate = true;
    space.areas.protect(area, protection);
    reprotect(space, area);
  }
  mergeAround(space, address, end);
}

/** Brings entries in line with a new protection: rights are only taken here; faults give them back. */
function reprotect(space: AddressSpace, area: Area): void {
  space.unpublish(area.start, area.end);
  space.table.change(area.start, area.end, (address, entry) => {
    let changed = entry & ~(PTE_R | PTE_W | PTE_B);
    if (area.code === null) changed &= ~PTE_C;
    if (area.isReadable) {
      changed |= PTE_R;
      const mayWrite = area.isWritable && (entry & PTE_A) !== 0 && (changed & PTE_C) === 0 && !area.isShared;
      if (mayWrite && space.kernel.frames.references(frameOfEntry(entry)) === 1) changed |= PTE_W;
      // Nobody else of this machine has it.
      else if (mayWrite && (entry & PTE_B) !== 0) changed |= PTE_B;
      space.publish(address, changed);
    }
    return changed >>> 0;
  });
}

/**
 * Joins neighbours that have become alike, so that programs which change protections in small steps don't pile up
 * areas.
 */
export function mergeAround(space: AddressSpace, start: number, end: number): void {
  let below = space.areas.startingBefore(start) ?? space.areas.endingAfter(start);
  while (below !== undefined) {
    const area = space.areas.endingAfter(below.end);
    if (area === undefined || area.start > end) return;
    const alike =
      below.end === area.start &&
      below.protection === area.protection &&
      below.flags === area.flags &&
      below.pages === null &&
      area.pages === null &&
      below.label === area.label &&
      below.userfault === area.userfault &&
      below.code === null &&
      area.code === null &&
      below.codeIsPrivate === area.codeIsPrivate;
    if (alike) {
      space.areas.remove(area);
      space.areas.resize(below, below.start, area.end);
    } else below = area;
  }
}
