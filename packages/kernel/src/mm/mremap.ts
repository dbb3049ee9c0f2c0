/** mremap(2): an area grows, shrinks, or moves with its pages. */
import {
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOMEM,
  EPERM,
  MAP_LOCKED,
  MREMAP_DONTUNMAP,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  PAGE_SIZE,
} from "@stratos/abi";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { MMAP_MIN, USER_TOP, WIDE_TOP } from "./address-space.ts";
import { mayLock } from "./lock-limit.ts";
import { overcommits } from "./overcommit.ts";
import { AREA_ACCOUNTED, AREA_NO_EXPAND, AREA_SEALED } from "./area.ts";
import { frameOfEntry, PTE_C } from "./page-table.ts";
import type { MmCaller } from "./mm-kernel.ts";
import { pageUp, exceedsLimit, munmap } from "./mmap.ts";

/** @returns the address, or EAGAIN (RLIMIT_MEMLOCK), EFAULT, EINVAL, ENOMEM, EPERM (mseal(2)). @see mremap(2) */
export function mremap(
  task: MmCaller,
  request: { address: number; oldLength: number; newLength: number; flags: number; newAddress: number },
): number {
  const { space } = task;
  const underWay = stateOf(task, "mremap");
  if (underWay !== null) return movePages(task, underWay);
  const { address, flags } = request;
  const oldLength = pageUp(request.oldLength);
  const newLength = pageUp(request.newLength);
  if (address % PAGE_SIZE !== 0 || !(newLength > 0 && newLength <= WIDE_TOP) || (flags & ~7) !== 0) return -EINVAL;
  // MREMAP_DONTUNMAP takes an address as well: a hint, as mmap(2) does (mm/mremap.c, check_mremap_params, mremap_to).
  const namesTarget = (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) !== 0;
  const { newAddress } = request;
  if (namesTarget) {
    if (newAddress % PAGE_SIZE !== 0 || newAddress < 0 || newAddress + newLength > WIDE_TOP) return -EINVAL;
    if ((flags & MREMAP_MAYMOVE) === 0) return -EINVAL;
    if ((flags & MREMAP_DONTUNMAP) !== 0 && oldLength !== newLength) return -EINVAL;
    if (newAddress < address + oldLength && address < newAddress + newLength) return -EINVAL;
  }
  const area = space.areaAt(address);
  // 2^63 and more come as negative numbers: no area reaches there.
  if (area === undefined || oldLength < 0) return -EFAULT;
  if ((area.flags & AREA_SEALED) !== 0) return -EPERM;
  if (oldLength === 0 && !area.isShared) return -EINVAL;
  const mayExpand = (area.flags & AREA_NO_EXPAND) === 0;
  if ((flags & MREMAP_DONTUNMAP) !== 0 && !mayExpand) return -EINVAL;
  // What is given up may have holes (Linux's mm/mremap.c, shrink_vma).
  if (oldLength > 0 && newLength <= oldLength && !namesTarget)
    return newLength < oldLength ? munmap(space, address + newLength, oldLength - newLength) || address : address;
  if (address + Math.min(oldLength, newLength) > area.end) return -EFAULT;
  if (newLength > oldLength) {
    if (!mayExpand) return -EFAULT;
    if ((area.flags & MAP_LOCKED) !== 0 && !mayLock(task, newLength - oldLength)) return -EAGAIN;
    if (exceedsLimit(task, newLength - oldLength)) return -ENOMEM;
    if ((area.flags & AREA_ACCOUNTED) !== 0 && overcommits(space, newLength - oldLength)) return -ENOMEM;
  }
  const top = area.isExecutable ? USER_TOP : WIDE_TOP;

  if (!namesTarget) {
    const end = address + oldLength;
    if (
      oldLength > 0 &&
      end === area.end &&
      address + newLength <= (address < USER_TOP ? USER_TOP : WIDE_TOP) &&
      space.isFree(end, address + newLength)
    ) {
      space.extend(area, address + newLength);
      return address;
    }
    if ((flags & MREMAP_MAYMOVE) === 0) return -ENOMEM;
  }
  let target = namesTarget ? newAddress : 0;
  if ((flags & MREMAP_FIXED) !== 0) {
    if (target < MMAP_MIN) return -EINVAL;
    if (target + newLength > top) return -ENOMEM;
    const failed = munmap(space, target, newLength);
    if (failed < 0) return failed;
    const left = newLength < oldLength ? munmap(space, address + newLength, oldLength - newLength) : 0;
    if (left < 0) return left;
  } else {
    const isUsable = target >= MMAP_MIN && target + newLength <= (space.isWide ? top : USER_TOP);
    target = space.findGap(newLength, isUsable ? target : 0, top === WIDE_TOP);
    if (target < 0) return target;
  }
  if (target + newLength > USER_TOP) space.widen();
  return moveArea(task, address, Math.min(oldLength, newLength), target, newLength, (flags & MREMAP_DONTUNMAP) !== 0);
}

function moveArea(
  task: MmCaller,
  address: number,
  oldLength: number,
  target: number,
  newLength: number,
  keepOld: boolean,
): number {
  const { space } = task;
  space.splitAt(address);
  if (oldLength > 0) space.splitAt(address + oldLength);
  const area = space.areaAt(address)!;
  const moved = area.slice(area.start, area.start + (oldLength || newLength));
  moved.offset = area.offset;
  moved.userfault = null;
  moved.start = target;
  moved.end = target + newLength;
  space.forgetCode(area);
  space.insert(moved);
  return oldLength === 0
    ? target
    : movePages(task, { kind: "mremap", address, end: address + oldLength, target, keepOld, at: address });
}

/**
 * Moves entries from the old to the new place, in pieces. @returns the new address, −EFAULT when another thread
 * unmapped one of the places, or UNFINISHED
 */
function movePages(task: MmCaller, state: StateOf<"mremap">): number {
  const { space } = task;
  const { work } = space.kernel;
  const { address, end, target } = state;
  work.mayPause = true;
  if (space.areaAt(state.at) === undefined || space.areaAt(state.at - address + target) === undefined) return -EFAULT;
  const to = space.pieceEnd(state.at, end, work);
  space.unpublish(state.at, to);
  space.unpublishCode(state.at, to);
  const entries: number[] = [];
  space.table.change(state.at, to, (at, entry) => {
    entries.push(at, (entry & ~PTE_C) >>> 0);
    return 0;
  });
  for (let index = 0; index < entries.length; index += 2) {
    const at = entries[index]! - address + target;
    if (space.table.set(at, entries[index + 1]!) < 0) space.account.release(frameOfEntry(entries[index + 1]!));
    else space.publish(at, entries[index + 1]!);
  }
  if (to < end) {
    task.syscallState = { ...state, at: to };
    return UNFINISHED;
  }
  if (!state.keepOld) space.removeAreas(address, end);
  // A context of io_setup(2) goes by the name of its ring (fs/aio.c, aio_ring_mremap).
  const context = space.aioContexts?.get(address);
  if (context !== undefined) {
    space.aioContexts!.delete(address);
    space.aioContexts!.set(target, context);
    context.address = target;
  }
  return target;
}
