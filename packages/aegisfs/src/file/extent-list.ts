/** Where the content of a file lies, for FS_IOC_FIEMAP (Documentation/filesystems/fiemap.rst) and whoever else asks. */
import {
  FIEMAP_EXTENT_DATA_INLINE,
  FIEMAP_EXTENT_ENCODED,
  FIEMAP_EXTENT_LAST,
  FIEMAP_EXTENT_NOT_ALIGNED,
  FIEMAP_EXTENT_SHARED,
  FIEMAP_EXTENT_UNKNOWN,
  FIEMAP_EXTENT_UNWRITTEN,
} from "@stratos/abi";
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import type { FileTree } from "./file-tree.ts";
import { findFile, INLINE_MIDDLE } from "./data.ts";
import { findExtent, findNextExtent, foundExtent, isCompressed, isLost } from "./extents.ts";
import { blockOf, offsetOf, type FileOffset } from "./file-offset.ts";
import { settleFile } from "./settle.ts";

/** One run, in bytes. `physical` is in the volume's own numbering of blocks, 0 for what lies in a tree or is lost. */
export interface FileExtent {
  readonly offset: FileOffset;
  readonly physical: number;
  readonly length: number;
  readonly flags: number;
}

/**
 * The first `most` runs that end behind a byte, ascending. What waits in memory is stored before.
 *
 * @returns −ENOENT, −EISDIR, −EINVAL; throws Failure
 */
export function listExtents(subvolume: FileTree, ino: number, offset: FileOffset, most: number): FileExtent[] | number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  settleFile(subvolume, ino);
  const { tree, volume } = subvolume;
  const extents: FileExtent[] = [];
  let index = blockOf(offset);
  const hasInline = index === 0 && most > 0 && tree.find(ino, INLINE_MIDDLE, 0);
  if (hasInline)
    extents.push({
      offset: 0,
      physical: 0,
      length: tree.length,
      flags: FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED,
    });
  let more = findExtent(subvolume, ino, index) || findNextExtent(subvolume, ino, index);
  while (more && extents.length < most) {
    const { start, length, block, flags } = foundExtent;
    let bits = (flags & EXTENT_UNWRITTEN) !== 0 ? FIEMAP_EXTENT_UNWRITTEN : 0;
    if (isCompressed(flags)) bits |= FIEMAP_EXTENT_ENCODED;
    if (isLost(flags)) bits |= FIEMAP_EXTENT_UNKNOWN;
    else if (volume.references.isShared(block)) bits |= FIEMAP_EXTENT_SHARED;
    extents.push({
      offset: offsetOf(start, 0),
      physical: isLost(flags) ? 0 : block * BLOCK_SIZE,
      length: length * BLOCK_SIZE,
      flags: bits,
    });
    index = start + length;
    more = findExtent(subvolume, ino, index) || findNextExtent(subvolume, ino, index);
  }
  const last = extents.length - 1;
  if (!more && last >= 0) extents[last] = { ...extents[last]!, flags: extents[last]!.flags | FIEMAP_EXTENT_LAST };
  return extents;
}
