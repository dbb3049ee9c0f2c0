/**
 * mseal(2): areas whose mapping nobody in the process may change any more. A seal stands in the area's flags
 * (AREA_SEALED), so that splitting, joining
 * and fork carry it along; only execve and the process's end take it away.
 */
import { EINVAL, ENOMEM, EPERM, PAGE_SIZE } from "@stratos/abi";
import type { AddressSpace } from "./address-space.ts";
import { type Area, AREA_SEALED } from "./area.ts";

/** Seals whole areas of `[address, address + length)`: 0; −EINVAL, −ENOMEM for a hole. Work: one step an area. */
export function sealMemory(space: AddressSpace, address: number, length: number, flags: number): number {
  if (flags !== 0 || address % PAGE_SIZE !== 0 || address < 0) return -EINVAL;
  const end = address + Math.ceil(length / PAGE_SIZE) * PAGE_SIZE;
  if (end < address || (length < 0 && length > -PAGE_SIZE)) return -EINVAL;
  if (end === address) return 0;
  if (!space.isCovered(address, end)) return -ENOMEM;
  space.splitAt(address);
  space.splitAt(end);
  for (let at = address; at < end;) {
    const area = space.areaAt(at)!;
    area.flags |= AREA_SEALED;
    at = area.end;
  }
  space.hasSeals = true;
  return 0;
}

/** Is a part of `[start, end)` sealed? Costs nothing in processes that never sealed anything. */
function isSealedWithin(space: AddressSpace, start: number, end: number): boolean {
  if (!space.hasSeals) return false;
  for (const area of space.areas)
    if (area.start < end && area.end > start && (area.flags & AREA_SEALED) !== 0) return true;
  return false;
}

/**
 * What would lose content that can't be written (madvise(2), MADV_DONTNEED and its like) is refused for sealed
 * private anonymous memory.
 */
export function refusesDiscard(area: Area): boolean {
  return (area.flags & AREA_SEALED) !== 0 && !area.isShared && area.pages === null && !area.isWritable;
}

/** −EPERM when a part of the range is sealed, else 0. */
export function checkSeals(space: AddressSpace, start: number, end: number): number {
  return isSealedWithin(space, start, end) ? -EPERM : 0;
}
