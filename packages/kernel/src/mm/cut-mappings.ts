/** What becomes of mappings of a file that becomes shorter: touching them beyond its end raises SIGBUS (mmap(2)). */
import { PAGE_SIZE } from "@stratos/abi";
import type { PageCache } from "../frames/page-cache.ts";
import type { CallWork } from "../ground/call-work.ts";
import { identityOf } from "../ground/identity.ts";
import type { CallState } from "../ground/call-state.ts";
import type { AddressSpace } from "./address-space.ts";
import { AREAS_PER_UNIT } from "./area-list.ts";

/**
 * Takes the pages behind `size` out of all mappings of a file, in pieces where the call under way may pause. Spaces are
 * gone through as their numbers count up, so that none is missed or cut twice while others come and go in between.
 *
 * @param from  where an earlier piece ended
 * @returns where the next piece begins; null when all are cut
 */
export function cutMappings(
  spaces: Iterable<AddressSpace>,
  pages: PageCache,
  size: number,
  numbers: { lastIdentity: number; readonly work: CallWork },
  from: CallState | null,
): CallState | null {
  const { work } = numbers;
  const cache = identityOf(numbers, pages);
  const firstIndex = Math.ceil(size / PAGE_SIZE);
  const first = from?.kind === "cut" && from.pages === cache ? from : null;
  const inOrder = [...new Set(spaces)].sort((a, b) => identityOf(numbers, a) - identityOf(numbers, b));
  work.charge(inOrder.length / AREAS_PER_UNIT);
  for (const space of inOrder) {
    if (first !== null && space.identity < first.space) continue;
    let at = first?.space === space.identity ? first.at : 0;
    for (let area = space.areas.endingAfter(at); area !== undefined; area = space.areas.endingAfter(at)) {
      const start = Math.max(area.start, area.start + firstIndex * PAGE_SIZE - area.offset);
      if (area.pages === pages && start < area.end) {
        work.charge(1);
        space.dropPages(area, start, area.end);
      } else work.charge(1 / AREAS_PER_UNIT);
      at = area.end;
      if (work.mustPause()) return { kind: "cut", pages: cache, space: space.identity, at };
    }
  }
  return null;
}
