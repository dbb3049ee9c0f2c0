/**
 * What files of an overlay have from its bases, which never change: volumes that are clones of the same bases name the
 * same content alike, so whoever has several of them needs to read and keep it once.
 */
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { UNIT_BLOCKS } from "../format/geometry.ts";
import { findExtent, foundExtent, isCompressed, isLost } from "./extents.ts";
import type { FileTree } from "./file-tree.ts";

/** A file of more extents has no name for its content. */
const EXTENTS_MAX = 4096;

/** Finds an extent that holds block `index` and lies in a base. */
function findBase(subvolume: FileTree, ino: number, index: number): boolean {
  return (
    findExtent(subvolume, ino, index) &&
    foundExtent.block < subvolume.volume.superblock.baseSpan &&
    (foundExtent.flags & EXTENT_UNWRITTEN) === 0 &&
    !isLost(foundExtent.flags)
  );
}

/** Tells block `index` of the extent found from all other content of the bases. */
function placeOf(index: number): number {
  const within = index - foundExtent.start;
  return isCompressed(foundExtent.flags)
    ? foundExtent.block * UNIT_BLOCKS + foundExtent.skip + within
    : (foundExtent.block + within) * UNIT_BLOCKS;
}

/** A number that only equal content of the same bases has; −1 when it is not theirs. */
export function basePlace(subvolume: FileTree, ino: number, index: number): number {
  return findBase(subvolume, ino, index) ? placeOf(index) : -1;
}

/** The same for the file's first `blocks`, as a text; null unless all of them are the bases', and in few extents. */
export function baseContent(subvolume: FileTree, ino: number, blocks: number): string | null {
  const parts: string[] = [];
  for (let index = 0; index < blocks; index = foundExtent.start + foundExtent.length) {
    if (parts.length === EXTENTS_MAX || !findBase(subvolume, ino, index)) return null;
    parts.push(`${index.toString(36)}-${placeOf(index).toString(36)}`);
  }
  return `${blocks.toString(36)}:${parts.join(",")}`;
}
