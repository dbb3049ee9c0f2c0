/** What becomes of mappings of a file whose pages are borrowed from an image, before it differs from that. */
import { PAGE_SIZE } from "@stratos/abi";
import type { PageCache } from "../frames/page-cache.ts";
import type { AddressSpace } from "./address-space.ts";

/** Takes a frame that a file is about to give up from those who map it there; private copies of the page stay. */
export function unmapFrame(spaces: Iterable<AddressSpace>, pages: PageCache, index: number, frame: number): void {
  for (const space of spaces) {
    for (const area of space.areas) {
      if (area.pages !== pages) continue;
      const at = area.start + index * PAGE_SIZE - area.offset;
      if (at < area.start || at >= area.end || space.table.get(at) >>> 12 !== frame) continue;
      space.unmapPages(at, at + PAGE_SIZE, [area]);
    }
  }
}

/** Forgets the code of all areas that map a file: what others execute of the same content may differ soon. */
export function forgetCodeOf(spaces: Iterable<AddressSpace>, pages: PageCache): void {
  for (const space of spaces) {
    for (const area of space.areas) if (area.pages === pages) space.forgetCode(area);
  }
}
