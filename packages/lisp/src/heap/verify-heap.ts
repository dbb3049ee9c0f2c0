/**
 * Proves that a heap is whole: each pointer of each root and each live object leads to an object whose header fits its
 * tag, inside of a region in use; and when the old generation has just been marked, that the object is marked. It
 * is run after each collection of a session that is debugged, so it makes no text and no bigint before something is
 * wrong.
 */
import { assert } from "@stratos/base";
import { Heap } from "./heap.ts";
import { cellAddress, FIRST_BYTES_KIND, Kind, Phase, Region, Register, Tag } from "./layout.ts";

/** @param sp  end of the shadow stack's words */
export function verifyHeap(heap: Heap, sp: number): void {
  const { view } = heap;
  const nurseryEnd = heap.get(Register.alloc);
  const oldStart = heap.get(Register.oldStart);
  const oldEnd = heap.get(Register.oldNext);
  const staticsEnd = heap.get(Register.staticNext);
  const isMarked = heap.get(Register.phase) === Phase.sweeping && heap.get(Register.sweepAt) === oldStart + 8;
  /** A bit for each 8 bytes. */
  const seen = new Uint32Array((view.byteLength >>> 8) + 1);
  /** Places of words to look at, and before each the object that it is of; 0: it is a root. */
  const open: number[] = [];
  const root = (start: number, end: number): void => {
    for (let at = start; at < end; at += 8) open.push(0, at);
  };
  root(Region.cells, cellAddress(heap.get(Register.cellCount)));
  root(Region.stack, sp);
  root(Region.arguments, Region.arguments + 8 * heap.get(Register.argumentCount));
  while (open.length > 0) {
    const at = open.pop()!;
    const holder = open.pop()!;
    const low = view.getUint32(at, true);
    const tag = low & 7;
    if (tag === Tag.fixnum || tag === Tag.immediate) continue;
    if (tag === Tag.header) fail(heap, at, holder, "must hold a value, not a header");
    const address = ((low & ~7) + 8) >>> 0;
    const isInUse =
      (address >= Region.nursery && address < nurseryEnd) ||
      (address >= oldStart && address < oldEnd) ||
      (address >= Region.statics && address < staticsEnd);
    if (!isInUse || view.getUint32(at + 4, true) !== 0) fail(heap, at, holder, "must point into the heap");
    const mark = 1 << ((address >>> 3) & 31);
    if ((seen[address >>> 8]! & mark) !== 0) continue;
    seen[address >>> 8]! |= mark;
    if (isMarked && address >= oldStart && address < oldEnd && !heap.isMarked(address))
      fail(heap, at, holder, "must point to what is marked");
    const first = view.getUint32(address, true);
    if (tag === Tag.pair) {
      if ((first & 7) === Tag.header) fail(heap, at, holder, "must point to a pair");
      open.push(address, address, address, address + 8);
      continue;
    }
    if ((first & 7) !== Tag.header || (first & 255) === 255) fail(heap, at, holder, "must point to a header");
    const kind = (first >>> 3) & 31;
    if (tag !== tagOf(kind)) fail(heap, at, holder, `is the tag ${tag} of an object of kind ${kind}`);
    if (kind >= FIRST_BYTES_KIND) continue;
    const count = kind === Kind.procedure ? first >>> 16 : view.getUint32(address + 4, true);
    for (let index = 1; index <= count; index++) open.push(address, address + 8 * index);
  }
}

function tagOf(kind: number): number {
  if (kind === Kind.vector) return Tag.vector;
  if (kind === Kind.procedure) return Tag.procedure;
  return kind === Kind.flonum ? Tag.flonum : Tag.object;
}

/** @param holder  the object that the word at `at` is of; 0: it is a root */
function fail(heap: Heap, at: number, holder: number, words: string): void {
  const place =
    holder !== 0
      ? `word ${(at - holder) / 8} of the object at ${holder.toString(16)}`
      : at >= Region.cells && at < cellAddress(heap.get(Register.cellCount))
        ? `cell ${(at - Region.cells) / 8}`
        : `the root at ${at.toString(16)}`;
  assert(false, `${place} ${words}: ${heap.word(at).toString(16)}`);
}
