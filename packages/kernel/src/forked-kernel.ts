/**
 * A fork of a kernel: what the graph of its objects does not tell by itself. Frames are shared by both until one writes
 * (AddressSpace, PageCache), bytes in pipes are copied (Pipe).
 */
import { copyState, rehearseCopy, StateError, stateFields, stateName } from "@stratos/base";
import { ACCOUNTS_USED_UP, type MemoryAccount } from "./frames/memory-account.ts";
import { randomUuid } from "./ground/uuid.ts";
import { AREA_WIPE_ON_FORK } from "./mm/area.ts";
import { kernelPorts } from "./saved-kernel.ts";
import { severedSocketFor } from "./socket/inet/severed-socket.ts";
import type { Kernel } from "./task/kernel-state.ts";
import { forgetMadeOnDemand } from "./vfs/dentry-cache.ts";

/** What a kernel takes as it is made: its page of zeroes and those of its vDSO. */
const EMPTY_KERNEL_FRAMES = 4;

interface ForkParts<T> {
  /** It leads to all that is copied. */
  readonly root: T;
  /** What the fork has in the place of objects of the outside. */
  readonly replaced: Iterable<readonly [object, object]>;
  /** Objects of the fork that are filled, by those that they are copies of. */
  readonly given: Iterable<readonly [object, object]>;
}

/**
 * What a kernel was promised is its family's from now on: forks live from it. @throws StateError: "unsavable", also
 * where a new kernel and a copy's page tables have no room
 */
export function familyOf({ frames, memory, spaces }: Kernel): MemoryAccount {
  let wanted = EMPTY_KERNEL_FRAMES;
  for (const { table } of spaces) wanted += table.nodeCount;
  while (memory.free < wanted && memory.giveBack());
  if (memory.free < wanted) throw new StateError("unsavable", "there is no memory for the page tables of a fork");
  const family = frames.familyOf(memory);
  if (family === null) throw new StateError("unsavable", ACCOUNTS_USED_UP);
  return family;
}

/**
 * Fills a kernel that has just been made on the board of another, as a member of its family, with what that has.
 *
 * @param kernel  between two turns
 * @returns the copy of the root
 * @throws StateError of kind "unsavable"; the fork is then no more
 */
export function copyKernel<T extends object>(kernel: Kernel, fork: Kernel, parts: ForkParts<T>): T {
  const { board, frames } = kernel;
  while (kernel.reaper.run());
  forgetMadeOnDemand(kernel);
  // Who asks later is told the same in both; where chance is state, both draw the same.
  if (stateName(kernel.random) === undefined) kernel.bootId ||= randomUuid(kernel.random);
  const replaced = new Map([...sharedBy(kernel, fork), ...parts.replaced]);
  const given = new Map([[kernel, fork], [kernel.vfs, fork.vfs], ...parts.given]);
  const { memory, vdso, zeroFrame } = fork;
  vdso.abandon();
  frames.release(zeroFrame);
  try {
    const copy = frames.whileCopying(() => copyState(parts.root, { replaced, given, standIn: severedSocketFor }));
    for (const image of fork.images) image.users++;
    // Nobody counts with the fork's tally while it is written.
    board.enter(kernel);
    fork.tally.goOnFrom(kernel.tally);
    return copy;
  } catch (error) {
    board.drop(fork);
    throw error;
  } finally {
    frames.closeIfOpen(memory);
  }
}

/** Of a rehearsal: a third of a millisecond once the code is warm, some milliseconds before. */
const OBJECTS_AT_ONCE = 128;

/** Copies by pieces all objects that a fork of the kernel copies, and throws them away. It may run meanwhile. */
export function* rehearseKernelCopy(kernel: Kernel): Generator<void, void> {
  const { board, frames, libraryPlaces, memory, images, vfs, tally } = kernel;
  const kept = [
    kernel,
    vfs,
    tally,
    frames,
    board.images,
    ...images,
    memory,
    libraryPlaces,
    ...kernelPorts(kernel).values(),
  ];
  const replaced = new Map(kept.map((object) => [object, object]));
  const root = { kernel: stateFields(kernel), vfs: stateFields(vfs) };
  yield* rehearseCopy(root, { replaced, given: new Map(), standIn: (object) => object }, OBJECTS_AT_ONCE);
}

function sharedBy(kernel: Kernel, fork: Kernel): (readonly [object, object])[] {
  const { board, frames, libraryPlaces, memory, images } = kernel;
  const shared = [...kernelPorts(kernel).values(), frames, board.images, ...images, memory.parent!, libraryPlaces];
  return [...shared.map((object) => [object, object] as const), [kernel.tally, fork.tally]];
}

/** A fork that is to be told from its original: its boot has another name, and memory that was to be wiped is. */
export function beginAnew(fork: Kernel): void {
  fork.bootId = randomUuid(fork.random);
  for (const space of fork.spaces)
    for (const area of space.areas)
      if ((area.flags & AREA_WIPE_ON_FORK) !== 0) space.unmapPages(area.start, area.end, [area]);
}
