/** msync(2) and mincore(2): what of mappings of files is written back, and what is in memory. */
import type { VirtualAddress } from "@stratos/riscv";
import { EBUSY, EFAULT, EINVAL, ENOMEM, MAP_LOCKED, PAGE_SIZE } from "@stratos/abi";
import { walkInPieces } from "../ground/call-work.ts";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED, UNFINISHED } from "../ground/wait-queue.ts";
import { mayLearnOfCache } from "../security/permission.ts";
import { writeSomePages } from "../vfs/write-back.ts";
import { AREAS_PER_UNIT } from "./area-list.ts";
import type { MmCaller } from "./mm-kernel.ts";
import { pageUp } from "./mmap.ts";
import { shownOn } from "../vfs/mount.ts";

/** @returns 0, or EBUSY (MS_INVALIDATE of locked pages), EINVAL, EIO, ENOMEM, UNFINISHED. @see msync(2) */
export function msync(task: MmCaller, address: number, length: number, flags: number): number {
  const { space } = task;
  const { work } = space.kernel;
  if (address % PAGE_SIZE !== 0 || (flags & ~7) !== 0 || (flags & 5) === 5) return -EINVAL;
  const end = address + pageUp(length);
  // 2^63 and more come as negative numbers: no area reaches there.
  if (end < address) return -ENOMEM;
  let { at, left } = stateOf(task, "msync") ?? { at: address, left: -1 };
  work.mayPause = true;
  for (
    let area = space.areas.endingAfter(at);
    at < end && area !== undefined && area.start < end;
    area = space.areas.endingAfter(at)
  ) {
    if (left < 0 && work.mustPause()) {
      task.syscallState = { kind: "msync", at, left };
      return UNFINISHED;
    }
    work.charge(1);
    if ((flags & 2) !== 0 && (area.flags & MAP_LOCKED) !== 0) return -EBUSY;
    const inode = area.isShared ? (area.file?.contentInode ?? null) : null;
    if (inode !== null && area.pages !== null) {
      let failed = 0;
      // What a program serves is stored by the sync itself, which waits for it.
      const { isServed } = inode.fileSystem;
      // Pages that are mapped stay dirty: as many are written as there are at first, and no more.
      const most = left < 0 ? area.pages.dirtyCount : left;
      left = isServed ? 0 : writeSomePages(inode, most, work, (error) => (failed ||= error));
      if (failed < 0) return failed;
      if (left > 0) {
        task.syscallState = { kind: "msync", at, left };
        return UNFINISHED;
      }
      if ((flags & 4) !== 0) {
        const synced = inode.sync(true);
        if (synced < 0) return synced;
      }
    }
    left = -1;
    at = area.end;
  }
  return space.isCovered(address, end) ? 0 : -ENOMEM;
}

/**
 * Before mappings go: programs that serve their files get what was written there. That it failed, nobody hears.
 *
 * @returns 0, or BLOCKED
 */
export function storeServed({ kernel, space }: MmCaller, start: VirtualAddress, end: VirtualAddress): number {
  if (kernel.vfs.servedFiles === 0) return 0;
  kernel.work.charge(space.areas.size / AREAS_PER_UNIT);
  for (
    let area = space.areas.endingAfter(start);
    area !== undefined && area.start < end;
    area = space.areas.endingAfter(area.end)
  ) {
    if (!area.isShared || area.file === null) continue;
    const waits = area.file.beforeUnmap();
    if (waits <= BLOCKED) return waits;
  }
  return 0;
}

/** @returns 0, or EFAULT, EINVAL, ENOMEM, UNFINISHED. @see mincore(2) */
export function mincore(task: MmCaller, address: number, length: number, vector: number): number {
  const { space } = task;
  if (address % PAGE_SIZE !== 0) return -EINVAL;
  const end = address + pageUp(length);
  if (length < 0 || !space.isCovered(address, end)) return -ENOMEM;
  const bytes = new Uint8Array(PAGE_SIZE);
  return walkInPieces(task, address, end, (at) => {
    const last = Math.min(end, at + PAGE_SIZE * PAGE_SIZE);
    const pages = (last - at) / PAGE_SIZE;
    space.kernel.work.charge(Math.ceil(pages / 32));
    bytes.fill(0);
    space.table.forEach(at, last, (page, entry) => {
      bytes[(page - at) / PAGE_SIZE] = 1;
    });
    for (
      let area = space.areas.endingAfter(at);
      area !== undefined && area.start < last;
      area = space.areas.endingAfter(area.end)
    ) {
      const areaEnd = Math.min(area.end, last);
      if (area.pages === null) continue;
      const inode = area.file?.inode ?? null;
      if (inode !== null && !mayLearnOfCache(task.credentials, shownOn(area.file?.path?.mount ?? null, inode))) {
        bytes.fill(1, (Math.max(at, area.start) - at) / PAGE_SIZE, (areaEnd - at) / PAGE_SIZE);
        continue;
      }
      for (let place = Math.max(at, area.start); place < areaEnd; place += PAGE_SIZE) {
        if (area.pages.peek(area.pageIndex(place)) !== 0) bytes[(place - at) / PAGE_SIZE] = 1;
      }
    }
    return space.copyOut(vector + (at - address) / PAGE_SIZE, bytes, 0, pages) < 0 ? -EFAULT : last;
  });
}
