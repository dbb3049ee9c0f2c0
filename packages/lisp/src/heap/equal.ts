/**
 * `equal?` of large structures, in the heap itself: what was found to be the same is one class from then on
 * (union-find), so that shared and circular structures take time by their size. M. D. Adams and R. K. Dybvig, Efficient
 * nondestructive equality checking for trees and graphs, 2008.
 */
import { isJoined } from "../datum/object-classes.ts";
import type { Heap } from "./heap.ts";
import { FIRST_BYTES_KIND, Kind, Tag } from "./layout.ts";

/** @param first  words as they lie in memory: the addresses of two, one after the other */
export function isEqualInHeap(heap: Heap, first: number): boolean {
  const { view } = heap;
  const classes = new Map<number, number>();
  // Addresses of words that must be the same.
  const open = [first, first + 8];
  while (open.length > 0) {
    const b = open.pop()!;
    const a = open.pop()!;
    const left = view.getUint32(a, true);
    const right = view.getUint32(b, true);
    if (left === right && view.getUint32(a + 4, true) === view.getUint32(b + 4, true)) continue;
    const tag = left & 7;
    if (tag !== (right & 7) || tag === Tag.fixnum || tag === Tag.immediate || tag === Tag.procedure) return false;
    const one = left - tag + 8;
    const other = right - tag + 8;
    if (tag === Tag.pair) {
      if (isJoined(classes, one, other)) continue;
      open.push(one + 8, other + 8, one, other);
      continue;
    }
    // Kind, extra bits and size.
    const header = view.getUint32(one, true);
    const count = view.getUint32(one + 4, true);
    if ((header & 0xff) !== (view.getUint32(other, true) & 0xff) || count !== view.getUint32(other + 4, true))
      return false;
    const kind = (header >> 3) & 31;
    if (kind === Kind.bignum && header !== view.getUint32(other, true)) return false;
    if (kind >= FIRST_BYTES_KIND) {
      for (let at = 8; at < 8 + count; at++) if (view.getUint8(one + at) !== view.getUint8(other + at)) return false;
    } else if (kind === Kind.vector || kind === Kind.ratnum || kind === Kind.compnum) {
      if (isJoined(classes, one, other)) continue;
      for (let at = 8 * count; at > 0; at -= 8) open.push(one + at, other + at);
    } else return false;
  }
  return true;
}
