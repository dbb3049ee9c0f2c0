/**
 * A second place for the root of the volume tree (FORMAT.md §2, word 33): all else can be found again from what is
 * around it, but nothing is above the root, and a volume on one device has one copy of it. Like the intent log the copy
 * is in blocks that are free in the bitmaps, so that who knows nothing of it loses nothing but it. It is as far from
 * the metadata as can be.
 */
import { NODE_BLOCKS } from "../format/geometry.ts";
import { POINTER_AT_BLOCK } from "../format/node-layout.ts";
import type { VolumeSpace } from "../space/volume-space.ts";

/** Where space is shorter than that, files need it more. */
const AVAILABLE_MIN = 128;

/**
 * Writes the copy of the root that is being committed to a new place, which is not used until the next commit; the copy
 * of the durable state stays as it is until then. Throws Failure.
 */
export function writeRootCopy({ cache, space, store, superblock, tree }: VolumeSpace, isWanted: boolean): void {
  superblock.rootCopy = isWanted && space.availableBlocks >= AVAILABLE_MIN ? Math.max(0, space.findLastQuad()) : 0;
  if (superblock.rootCopy === 0) return;
  space.pin(superblock.rootCopy, NODE_BLOCKS);
  store.write(superblock.rootCopy, NODE_BLOCKS, cache.load(tree.root, 0).bytes, 0);
}

/** The new superblock is durable: the copy before it is free. */
export function freeRootCopy({ cache, space, store }: VolumeSpace): void {
  if (cache.rootCopy > store.topStart) space.unpin(cache.rootCopy, NODE_BLOCKS);
}

/** What was pinned is free: but for the copy that counts now. */
export function keepRootCopy({ cache, space, superblock }: VolumeSpace): void {
  cache.rootBlock = superblock.root[POINTER_AT_BLOCK]!;
  cache.rootCopy = superblock.rootCopy;
  if (superblock.rootCopy > 0) space.pin(superblock.rootCopy, NODE_BLOCKS);
}

/** Keeps the copy that was found at the mount, if the blocks are free as they should be. Throws Failure. */
export function findRootCopy(volume: VolumeSpace): void {
  const { space, superblock } = volume;
  if (superblock.rootCopy > 0 && !space.isFree(superblock.rootCopy, NODE_BLOCKS)) superblock.rootCopy = 0;
  keepRootCopy(volume);
}
