/** How large an ext4 file system must be for a tree. */
import type { FileTree } from "../tree/file-tree.ts";
import { EXTENT_BLOCKS_MAX, extentTreeBlocks } from "./ext4-extents.ts";
import { BLOCK_SIZE, Ext4Geometry, journalBlocks } from "./ext4-geometry.ts";
import { BLOCK_AREA_SIZE } from "./ext4-inode.ts";
import { FIRST_INODE } from "./ext4-superblock.ts";
import { LOST_FOUND_BLOCKS } from "./ext4-nodes.ts";

/** Bytes of a file system that holds the tree and has `freeBytes` left. */
export function ext4SizeFor(tree: FileTree, freeBytes: number): number {
  let blocks = LOST_FOUND_BLOCKS + 17,
    inodes = FIRST_INODE;
  const nameBytes = new Map<string, number>();
  for (const { path, kind, content, target, xattrs } of tree.entries()) {
    inodes++;
    if (content !== null) {
      const own = Math.ceil(content.sizeBytes / BLOCK_SIZE);
      blocks += own + extentTreeBlocks(Math.ceil(own / EXTENT_BLOCKS_MAX) + 4, BLOCK_SIZE);
    }
    if (kind === "symlink" && target.length >= BLOCK_AREA_SIZE) blocks++;
    if (xattrs.size > 0) blocks++;
    const slash = path.lastIndexOf("/"),
      folder = path.slice(0, Math.max(slash, 0));
    nameBytes.set(folder, (nameBytes.get(folder) ?? 24) + 12 + path.length - slash);
    if (kind === "directory") nameBytes.set(path, nameBytes.get(path) ?? 24);
  }
  // What does not fill a block's end costs at most one name in each.
  for (const bytes of nameBytes.values()) blocks += Math.ceil(bytes / (BLOCK_SIZE - 272));
  blocks += Math.ceil(freeBytes / BLOCK_SIZE);
  let total = blocks;
  // The layout's own blocks grow with the size; the sum settles after a few rounds.
  for (let round = 0; round < 20; round++) {
    const geometry = new Ext4Geometry(Math.max(total, 512) * BLOCK_SIZE, inodes);
    let overhead = 0;
    for (let group = 0; group < geometry.groupCount; group++) overhead += geometry.overhead(group);
    const journal = journalBlocks(total);
    const needed = blocks + overhead + journal + (journal > 0 ? 2 : 0);
    if (needed <= geometry.blockCount) return total * BLOCK_SIZE;
    total = Math.max(needed, total + 64);
  }
  return total * BLOCK_SIZE;
}
