/**
 * The areas of an address space, sorted by address and never overlapping: a tree of two levels, whose leaves hold 32 to
 * 128 areas side by side. Finding one is two binary searches, inserting or removing one moves at most a leaf's 128 and,
 * once in 32 times at most, the list of leaves (1,024 at vm.max_map_count). Each leaf knows its widest gap, so that a
 * place for a new area is found without looking at every area.
 *
 * ```
 * leaves  [ leaf 0 | leaf 1 | … ]
 * leaf 0  areas [ a0 a1 … a99 ], widest = max over i of (a_i.start − end of the area before)
 * ```
 * `start` and `end` of an area that is in the list are changed through `resize` alone, else a leaf's widest gap would
 * be stale.
 */
import { assert, stateClass } from "@stratos/base";
import type { Area } from "./area.ts";
import type { VirtualAddress } from "@stratos/riscv";

const LEAF_MAX = 128;
const LEAF_MIN = LEAF_MAX / 4;

interface Leaf {
  areas: Area[];
  /** Bytes of the widest gap directly below one of its areas; −1: to be computed. */
  widest: number;
}

/** Areas, or spaces, looked at for one unit of work. */
export const AREAS_PER_UNIT = 32;

/** How many areas the processes of a machine have together. */
export interface AreaUsage {
  count: number;
  /** Bytes that are promised to them (overcommit.ts). */
  committed: number;
}

export class AreaList implements Iterable<Area> {
  #usage: AreaUsage;
  #leaves: Leaf[] = [];
  #size = 0;
  #committed = 0;
  /** The area found last: most faults fall near the one before. */
  #hint: Area | null = null;

  constructor(usage: AreaUsage) {
    this.#usage = usage;
  }

  get size(): number {
    return this.#size;
  }

  *[Symbol.iterator](): Generator<Area, void> {
    for (const leaf of this.#leaves) yield* leaf.areas;
  }

  /** The area that covers `address`. */
  at(address: VirtualAddress): Area | undefined {
    const hint = this.#hint;
    if (hint !== null && address >= hint.start && address < hint.end) return hint;
    const area = this.endingAfter(address);
    if (area === undefined || address < area.start) return undefined;
    this.#hint = area;
    return area;
  }

  /** The lowest area whose end is above `address`. */
  endingAfter(address: VirtualAddress): Area | undefined {
    const leaf = this.#leafEndingAfter(address);
    return leaf < this.#leaves.length
      ? this.#leaves[leaf]!.areas[firstEndingAfter(this.#leaves[leaf]!.areas, address)]
      : undefined;
  }

  /** The highest area whose start is below `address`. */
  startingBefore(address: VirtualAddress): Area | undefined {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#leaves[middle]!.areas[0]!.start < address) low = middle + 1;
      else high = middle;
    }
    if (low === 0) return undefined;
    const { areas } = this.#leaves[low - 1]!;
    let first = 0;
    let last = areas.length;
    while (first < last) {
      const middle = (first + last) >> 1;
      if (areas[middle]!.start < address) first = middle + 1;
      else last = middle;
    }
    return areas[first - 1];
  }

  insert(area: Area): void {
    this.#size++;
    this.#usage.count++;
    this.#commit(area.committed);
    if (this.#leaves.length === 0) {
      this.#leaves.push({ areas: [area], widest: -1 });
      return;
    }
    const at = Math.min(this.#leafEndingAfter(area.start), this.#leaves.length - 1);
    const leaf = this.#leaves[at]!;
    leaf.areas.splice(firstEndingAfter(leaf.areas, area.start), 0, area);
    this.#forgetGaps(at);
    if (leaf.areas.length > LEAF_MAX)
      this.#leaves.splice(at + 1, 0, { areas: leaf.areas.splice(LEAF_MAX / 2), widest: -1 });
  }

  remove(area: Area): void {
    const at = this.#leafEndingAfter(area.start);
    const { areas } = this.#leaves[at]!;
    const index = firstEndingAfter(areas, area.start);
    assert(areas[index] === area, "an area that is removed is in the list");
    areas.splice(index, 1);
    this.#size--;
    this.#usage.count--;
    this.#commit(-area.committed);
    if (this.#hint === area) this.#hint = null;
    this.#forgetGaps(at);
    this.#joinSmall(at);
  }

  /** Other bounds for an area of the list; it must not come to overlap its neighbours. */
  resize(area: Area, start: VirtualAddress, end: VirtualAddress): void {
    const at = this.#leafEndingAfter(area.start);
    this.#commit(-area.committed);
    area.start = start;
    area.end = end;
    this.#commit(area.committed);
    this.#forgetGaps(at);
  }

  /** Another protection for an area of the list. */
  protect(area: Area, protection: number): void {
    this.#commit(-area.committed);
    area.protection = protection;
    area.account();
    this.#commit(area.committed);
  }

  /** Bytes that are promised to whose list this is. */
  get committed(): number {
    return this.#committed;
  }

  #commit(bytes: number): void {
    this.#committed += bytes;
    this.#usage.committed += bytes;
  }

  /** Takes all areas out that begin in `[start, end)`. */
  removeWithin(start: VirtualAddress, end: VirtualAddress): Area[] {
    const removed: Area[] = [];
    let at = this.#leafEndingAfter(start);
    while (at < this.#leaves.length) {
      const { areas } = this.#leaves[at]!;
      const first = firstEndingAfter(areas, start);
      let last = first;
      while (last < areas.length && areas[last]!.start < end) last++;
      const reachesOn = last === areas.length;
      for (let index = first; index < last; index++) {
        removed.push(areas[index]!);
        this.#commit(-areas[index]!.committed);
      }
      if (first < last) areas.splice(first, last - first);
      this.#forgetGaps(at);
      if (areas.length === 0) this.#leaves.splice(at, 1);
      else if (!reachesOn) break;
      else at++;
    }
    this.#size -= removed.length;
    this.#usage.count -= removed.length;
    this.#hint = null;
    // What is left of the leaves at both ends may be little.
    this.#joinSmall(Math.min(at, this.#leaves.length - 1));
    return removed;
  }

  /**
   * Where the highest gap of at least `length` bytes below `top` ends; when there is none, the start of the lowest
   * area (or `top` itself, when nothing lies below it). The caller looks whether what is below is room enough.
   */
  highestGap(top: number, length: number): number {
    const straddling = this.endingAfter(top - 1);
    let ceiling = top;
    let below: Area | undefined;
    if (straddling !== undefined && straddling.start < top) {
      below = straddling;
    } else {
      below = this.startingBefore(top);
      if (below === undefined || top - below.end >= length) return ceiling;
    }
    let at = this.#leafEndingAfter(below.start);
    let index = firstEndingAfter(this.#leaves[at]!.areas, below.start);
    for (;;) {
      const leaf = this.#leaves[at]!;
      for (; index >= 0; index--) {
        ceiling = leaf.areas[index]!.start;
        if (ceiling - this.#endBelow(at, index) >= length) return ceiling;
      }
      do at--;
      while (at >= 0 && this.#widestGap(at) < length);
      if (at < 0) return this.#leaves[0]!.areas[0]!.start;
      index = this.#leaves[at]!.areas.length - 1;
    }
  }

  /** Where the lowest gap of `length` bytes or more above `bottom` begins; when there is none, the end of the areas. */
  lowestGap(bottom: number, length: number): number {
    let at = this.#leafEndingAfter(bottom);
    if (at === this.#leaves.length) return bottom;
    let floor = bottom;
    let index = firstEndingAfter(this.#leaves[at]!.areas, bottom);
    for (;;) {
      const { areas } = this.#leaves[at]!;
      for (; index < areas.length; index++) {
        if (areas[index]!.start - floor >= length) return floor;
        floor = areas[index]!.end;
      }
      do at++;
      while (at < this.#leaves.length && this.#widestGap(at) < length);
      if (at === this.#leaves.length) return this.#leaves[at - 1]!.areas.at(-1)!.end;
      floor = this.#endBelow(at, 0);
      index = 0;
    }
  }

  /**
   * End of the area before the one at `index` of the leaf; −Infinity below the lowest: what lies there is for the
   * caller to judge.
   */
  #endBelow(at: number, index: number): number {
    if (index > 0) return this.#leaves[at]!.areas[index - 1]!.end;
    return at > 0 ? this.#leaves[at - 1]!.areas.at(-1)!.end : -Infinity;
  }

  #widestGap(at: number): number {
    const leaf = this.#leaves[at]!;
    if (leaf.widest >= 0) return leaf.widest;
    let widest = 0;
    for (let index = 0; index < leaf.areas.length; index++)
      widest = Math.max(widest, leaf.areas[index]!.start - this.#endBelow(at, index));
    leaf.widest = widest;
    return widest;
  }

  /** A leaf's areas changed: its gaps, and the one below the next leaf's first area. */
  #forgetGaps(at: number): void {
    const leaves = this.#leaves;
    if (at < leaves.length) leaves[at]!.widest = -1;
    if (at + 1 < leaves.length) leaves[at + 1]!.widest = -1;
  }

  /** Joins a leaf that has become small with the one before or behind it. */
  #joinSmall(at: number): void {
    if (at < 0) return;
    const { areas } = this.#leaves[at]!;
    if (areas.length === 0) {
      this.#leaves.splice(at, 1);
      this.#forgetGaps(at - 1 < 0 ? 0 : at - 1);
      return;
    }
    if (areas.length >= LEAF_MIN || this.#leaves.length === 1) return;
    const left = at > 0 ? at - 1 : at;
    if (left + 1 >= this.#leaves.length) return;
    const lower = this.#leaves[left]!.areas;
    const upper = this.#leaves[left + 1]!.areas;
    if (lower.length + upper.length > LEAF_MAX) return;
    for (const area of upper) lower.push(area);
    this.#leaves.splice(left + 1, 1);
    this.#forgetGaps(left);
  }

  /** Index of the first leaf whose last area ends above `address` (= the number of leaves when none does). */
  #leafEndingAfter(address: VirtualAddress): number {
    let low = 0;
    let high = this.#leaves.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { areas } = this.#leaves[middle]!;
      if (areas[areas.length - 1]!.end > address) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  static {
    stateClass("AreaList", this, {
      save: (it) => ({
        usage: it.#usage,
        leaves: it.#leaves,
        size: it.#size,
        committed: it.#committed,
        hint: it.#hint,
      }),
      load: (it, from) =>
        ({ usage: it.#usage, leaves: it.#leaves, size: it.#size, committed: it.#committed, hint: it.#hint } = from),
    });
  }
}

/** Index of the first area whose end is above `address` (= areas.length when none is). */
function firstEndingAfter(areas: readonly Area[], address: VirtualAddress): number {
  let low = 0;
  let high = areas.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (areas[middle]!.end > address) high = middle;
    else low = middle + 1;
  }
  return low;
}
