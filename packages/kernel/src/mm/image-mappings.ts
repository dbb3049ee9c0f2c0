/** Who maps pages of a file, and what becomes of mappings before it differs from the image that has its pages. */
import { PAGE_SIZE } from "@stratos/abi";
import type { PageCache } from "../frames/page-cache.ts";
import type { CallWork } from "../ground/call-work.ts";
import type { PageRange } from "../frames/memory-account.ts";
import type { AddressSpace } from "./address-space.ts";
import { AREAS_PER_UNIT } from "./area-list.ts";
import type { Frame, PageIndex } from "../frames/frame.ts";
import { frameOfEntry, PTE_D, PTE_W } from "./page-table.ts";

interface MappingKernel {
  readonly spaces: Iterable<AddressSpace>;
  readonly work: CallWork;
}

/** All areas are looked at; AREAS_PER_UNIT that map something else cost what one unit does. */
function chargeWalk(work: CallWork, space: AddressSpace): void {
  work.charge(Math.ceil(space.areas.size / AREAS_PER_UNIT));
}

/** Takes a frame that a file is about to give up from those who map it there; private copies of the page stay. */
export function unmapFrame({ spaces, work }: MappingKernel, pages: PageCache, index: PageIndex, frame: Frame): void {
  for (const space of spaces) {
    chargeWalk(work, space);
    for (const area of space.areas) {
      if (area.pages !== pages) continue;
      const at = area.start + index * PAGE_SIZE - area.offset;
      if (at < area.start || at >= area.end || frameOfEntry(space.table.get(at)) !== frame) continue;
      space.unmapPages(at, at + PAGE_SIZE, [area]);
    }
  }
}

/**
 * Who maps the page of a file maps another frame with the same bytes from now on, with the same rights. Nothing is
 * charged: without forks of the machine there would be nothing to do.
 */
export function moveFrame({ spaces }: MappingKernel, pages: PageCache, index: PageIndex, from: Frame, to: Frame): void {
  for (const space of spaces)
    for (const area of space.areas) {
      if (area.pages !== pages) continue;
      const at = area.start + index * PAGE_SIZE - area.offset;
      const entry = at < area.start || at >= area.end ? 0 : space.table.get(at);
      if (entry === 0 || frameOfEntry(entry) !== from) continue;
      // Code is decoded from frames; it is decoded anew from this one.
      space.forgetCode(area);
      space.unpublish(at, at + PAGE_SIZE);
      space.table.own(at);
      space.account.retain(to);
      space.account.release(from);
      const moved = (to * PAGE_SIZE + (entry % PAGE_SIZE)) >>> 0;
      space.table.update(at, moved);
      space.publish(at, moved);
    }
}

/** Shared mappings of pages of a file may be read, and fault before they are written again. */
export function cleanRange({ spaces, work }: MappingKernel, pages: PageCache, { first, end }: PageRange): void {
  for (const space of spaces) {
    chargeWalk(work, space);
    for (const area of space.areas) {
      if (area.pages !== pages || !area.isShared) continue;
      const from = Math.max(area.start, area.start + first * PAGE_SIZE - area.offset);
      const to = Math.min(area.end, area.start + end * PAGE_SIZE - area.offset);
      for (let at = from; at < to; at += PAGE_SIZE) {
        const entry = space.table.get(at);
        if ((entry & (PTE_W | PTE_D)) === 0) continue;
        space.table.own(at);
        space.table.update(at, (entry & ~(PTE_W | PTE_D)) >>> 0);
      }
      if (from < to) space.unpublishWrites(from, to);
    }
  }
}

/** For frames/memory-account.ts. */
export function mappedRanges({ spaces, work }: MappingKernel, pages: PageCache): PageRange[] {
  const found: PageRange[] = [];
  for (const space of spaces) {
    chargeWalk(work, space);
    for (const area of space.areas) {
      if (area.pages !== pages) continue;
      const first = area.offset / PAGE_SIZE;
      found.push({ first, end: first + (area.end - area.start) / PAGE_SIZE });
    }
  }
  const joined: { first: number; end: number }[] = [];
  for (const { first, end } of found.sort((a, b) => a.first - b.first)) {
    const last = joined.at(-1);
    if (last === undefined || first > last.end) joined.push({ first, end });
    else last.end = Math.max(last.end, end);
  }
  return joined;
}

/** Forgets the code of all areas that map a file: what others execute of the same content may differ soon. */
export function forgetCodeOf({ spaces, work }: MappingKernel, pages: PageCache): void {
  for (const space of spaces) {
    chargeWalk(work, space);
    for (const area of space.areas) if (area.pages === pages) space.forgetCode(area);
  }
}
