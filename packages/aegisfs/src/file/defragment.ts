/**
 * Defragmentation: writes a file anew in long runs, and with the properties that it has now (so that it is also how a
 * file is compressed afterwards). What it shared with snapshots it has for itself then.
 */
import { ENOSPC } from "@stratos/abi";
import { EXTENT_LOST, EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX } from "../format/geometry.ts";
import type { FileTree } from "./file-tree.ts";
import { findFile, readPages, storeBlocks } from "./data.ts";
import { findExtent, findNextExtent, foundExtent } from "./extents.ts";
import { settleFile } from "./settle.ts";

export interface Fragmentation {
  /** Runs of blocks that lie together on the device. */
  runs: number;
  blocks: number;
  /** Blocks on the device: fewer than `blocks` when compressed. */
  stored: number;
  /** Some of it has other owners. */
  shared: boolean;
}

/** How a file lies on the device; −ENOENT, −EISDIR, −EINVAL. Throws Failure. */
export function fragmentation(subvolume: FileTree, ino: number): Fragmentation | number {
  const { references } = subvolume.volume;
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  settleFile(subvolume, ino);
  const result: Fragmentation = { runs: 0, blocks: 0, stored: 0, shared: false };
  let next = -1;
  for (
    let index = 0;
    findExtent(subvolume, ino, index) || findNextExtent(subvolume, ino, index);
    index = foundExtent.start + foundExtent.length
  ) {
    const { block, stored, length } = foundExtent;
    if (block !== next) result.runs++;
    next = block + stored;
    result.blocks += length;
    result.stored += stored;
    result.shared ||= references.isShared(block);
    // `isShared` searches another tree; the position here is looked for again.
    if (!findExtent(subvolume, ino, index) && !findNextExtent(subvolume, ino, index)) break;
  }
  return result;
}

const bytes = new Uint8Array(EXTENT_BLOCKS_MAX * BLOCK_SIZE);

/**
 * Writes `[from, …)` of a file anew, up to `most` blocks of content. Returns where it goes on, −1 at the end, or
 * −ENOSPC. Throws Failure.
 */
export function rewritePart(subvolume: FileTree, ino: number, from: number, most: number): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return -1;
  settleFile(subvolume, ino);
  let index = from;
  for (let left = most; left > 0;) {
    if (!findExtent(subvolume, ino, index) && !findNextExtent(subvolume, ino, index)) return -1;
    const start = Math.max(index, foundExtent.start);
    if ((foundExtent.flags & (EXTENT_UNWRITTEN | EXTENT_LOST)) !== 0) {
      index = foundExtent.start + foundExtent.length;
      continue;
    }
    // As far as content goes on, over the borders of extents.
    let end = foundExtent.start + foundExtent.length;
    const last = (Math.floor(start / EXTENT_BLOCKS_MAX) + 1) * EXTENT_BLOCKS_MAX;
    while (
      end < last &&
      findExtent(subvolume, ino, end) &&
      (foundExtent.flags & (EXTENT_UNWRITTEN | EXTENT_LOST)) === 0
    )
      end = foundExtent.start + foundExtent.length;
    const count = Math.min(end, last) - start;
    readPages(subvolume, ino, start, count, bytes, 0);
    if (storeBlocks(subvolume, ino, start, count, bytes, 0) < count) return -ENOSPC;
    index = start + count;
    left -= count;
  }
  return index;
}
