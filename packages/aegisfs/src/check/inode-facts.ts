/**
 * What the items of a subvolume say of one inode: its own, and those that belong to it. Check compares the two, repair
 * makes them agree.
 */
import { offsetOf, type FileOffset } from "../file/file-offset.ts";
import { getPair, inodeSize } from "../file/inode.ts";
import { EXTENT_AT_FLAGS, EXTENT_AT_LENGTH, EXTENT_LOST } from "../format/extent-item.ts";
import { FILE_BLOCKS_MAX, FILE_SIZE_MAX } from "../format/geometry.ts";
import {
  INODE_AT_BLOCKS,
  INODE_AT_ENTRIES,
  INODE_AT_MODE,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
} from "../format/inode-item.ts";

export class InodeFacts {
  /** −1: it has no inode. */
  mode = -1;
  nlink = 0;
  size: FileOffset = 0;
  blocks = 0;
  entries = 0;
  parent = 0;
  // What the other items say.
  extentBlocks = 0;
  /** In blocks: where the last one ends. */
  extentEnd = 0;
  inlineSize = -1;
  orphan = false;
  /** Some of its content is marked as lost. */
  hasLost = false;

  /** Where the content that there is ends, in bytes. */
  get contentEnd(): FileOffset {
    const { extentEnd: end } = this;
    return end >= FILE_BLOCKS_MAX ? FILE_SIZE_MAX : end > 0 ? offsetOf(end, 0) : Math.max(this.inlineSize, 0);
  }

  /** Takes the inode's own item at `words[at …)`. */
  takeInode(words: Uint32Array, at: number): void {
    this.mode = words[at + INODE_AT_MODE]!;
    this.nlink = words[at + INODE_AT_NLINK]!;
    this.size = inodeSize(words, at);
    this.blocks = getPair(words, at + INODE_AT_BLOCKS);
    this.entries = words[at + INODE_AT_ENTRIES]!;
    this.parent = words[at + INODE_AT_PARENT]!;
  }

  /** Takes an extent that begins at that block of the file, its value at `words[at …)`. */
  takeExtent(start: number, words: Uint32Array, at: number): void {
    const blocks = words[at + EXTENT_AT_LENGTH]! & 0xffff;
    if ((words[at + EXTENT_AT_FLAGS]! & EXTENT_LOST) === 0) this.extentBlocks += blocks;
    else this.hasLost = true;
    this.extentEnd = start + blocks;
  }
}
