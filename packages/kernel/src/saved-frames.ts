/**
 * What a kernel has of its board's memory, as it would be on a board of its own: so a kernel is saved that shares its
 * board with others. Each frame keeps its number. What other kernels have is not in it: their frames are free, and
 * references are the kernel's alone; what it was lent by an image that is in memory it has borrowed there, too.
 */
import type { FrameCount } from "./frames/memory-account.ts";
import { PendingPages } from "./frames/pending-pages.ts";
import type { Frame } from "./frames/frame.ts";
import { PageCache } from "./frames/page-cache.ts";
import type { Kernel } from "./task/kernel-state.ts";

/** By (frame − first). */
interface HeldFrames {
  readonly references: Int32Array;
  readonly notes: Uint16Array;
  /** By how many page caches each page of an image is borrowed. */
  readonly borrowed: Uint16Array;
}

/** Page caches that are looked at in a piece. */
const CACHES_AT_ONCE = 512;

/** Counts what is there while it does not run, instead of keeping such counts for each kernel while they do. */
function* framesHeldBy(kernel: Kernel): Generator<void, HeldFrames> {
  const { frames, images, memory, reaper, spaces, zeroFrame } = kernel;
  const { first, total } = frames;
  const references = new Int32Array(total);
  const notes = new Uint16Array(total);
  const borrowed = new Uint16Array(total);
  const count: FrameCount = {
    reference: (frame) => {
      references[frame - first]!++;
    },
    cached: (frame) => {
      references[frame - first]!++;
      if (frames.isLent(frame)) borrowed[frame - first]!++;
    },
    node: (frame) => {
      references[frame - first]!++;
      notes[frame - first] = frames.notes[frame - first]!;
    },
  };
  count.reference(zeroFrame);
  for (const space of spaces) {
    space.table.countFrames(count);
    yield;
  }
  let caches = 0;
  for (const cache of memory.caches) {
    if (cache instanceof PageCache) cache.countFrames(count);
    if (++caches % CACHES_AT_ONCE === 0) yield;
  }
  for (const holder of memory.holders) holder.countFrames(count);
  reaper.countFrames(count);
  // What is borrowed is the image's as well.
  for (const image of images)
    image.forEachFrame((frame) => {
      if (borrowed[frame - first] === 0) return;
      references[frame - first]!++;
      notes[frame - first] = borrowed[frame - first]!;
    });
  return { references, notes, borrowed };
}

interface SavedParts {
  readonly replaced: Map<object, object>;
  readonly frames: Uint32Array;
  readonly total: number;
}

/**
 * What stands for parts of the board in a saved kernel; between the pieces others of the board may run.
 *
 * @param kernel  between two turns
 */
export function* savedParts(kernel: Kernel): Generator<void, SavedParts> {
  const { board, memory, libraryPlaces, spaces } = kernel;
  const held = yield* framesHeldBy(kernel);
  yield;
  const only = yield* board.frames.onlyOf(memory, held);
  yield;
  const { pages, images } = yield* board.images.onlyOf(
    kernel.images,
    only.frames,
    (frame) => held.borrowed[frame - board.frames.first]! > 0,
  );
  yield;
  const replaced = new Map<object, object>([...images, ...only.below]);
  replaced.set(board.frames, only.frames).set(memory, only.memory).set(board.images, pages);
  const starts = new Set([...spaces].flatMap(({ areas }) => [...areas].map(({ start }) => start)));
  replaced.set(
    libraryPlaces,
    libraryPlaces.onlyAt((address) => starts.has(address)),
  );
  return { replaced, frames: only.frames.used(), total: only.frames.total };
}

/**
 * Gives a kernel that was loaded the content of its frames.
 *
 * @param frames  ascending; the others are zero. @param pages  theirs, in that order
 * @param isLazy  content of a program's own pages comes when it is first touched, or by `settleNext` of the frames;
 *   until then `pages` are held. How much work faults are is then another than without
 */
export function fillFrames(kernel: Kernel, frames: Uint32Array, pages: Uint8Array, isLazy: boolean): void {
  const { frames: allocator, images, memory, reaper, spaces, zeroFrame } = kernel;
  const pending = new PendingPages(allocator.physical.u8, allocator.first, frames, pages);
  if (!isLazy) return pending.settleNext(frames.length);
  const settle = (frame: Frame): void => pending.settle(frame);
  const mayWait = new Uint8Array(allocator.total);
  for (const { table } of spaces)
    // A node is told of before it is read.
    table.countFrames({
      node: settle,
      cached: settle,
      reference: (frame) => void (mayWait[frame - allocator.first] = 1),
    });
  const all: FrameCount = { node: settle, cached: settle, reference: settle };
  settle(zeroFrame);
  for (const cache of memory.caches) if (cache instanceof PageCache) cache.countFrames(all);
  for (const holder of memory.holders) holder.countFrames(all);
  reaper.countFrames(all);
  for (const image of images) image.forEachFrame(settle);
  for (const frame of frames) if (mayWait[frame - allocator.first] === 0) settle(frame);
  if (pending.count > 0) allocator.pending = pending;
}
