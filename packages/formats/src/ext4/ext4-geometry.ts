/** How a new file system is laid out: sizes that follow from the disk's size and the number of files. */
import { FormatError } from "../format-error.ts";
import { hasBackup } from "./ext4-superblock.ts";
import { INODE_SIZE } from "./ext4-inode.ts";

export const BLOCK_SIZE = 4096;
const BLOCKS_PER_GROUP = 8 * BLOCK_SIZE;
export const DESCRIPTOR_SIZE = 64;
/** Descriptors are kept room for that many times the size, as mke2fs does (its calc_reserved_gdt_blocks). */
const GROWTH = 1024;
/** What numbers of 32 bits count, as the inode of the reserved blocks has them. */
const BLOCKS_MAX_32 = 2 ** 32 - 1;
/** One inode for so many bytes, as mke2fs.conf(5) has it: fewer on disks of 4 TiB and of 16 TiB and more. */
const bytesPerInode = (size: number): number => (size < 4 * 2 ** 40 ? 16384 : size < 16 * 2 ** 40 ? 32768 : 65536);
const INODES_PER_BLOCK = BLOCK_SIZE / INODE_SIZE;
/** A last group with less room than this is left out. */
const LAST_GROUP_DATA_MIN = 50;

export class Ext4Geometry {
  readonly blockCount: number;
  readonly groupCount: number;
  readonly inodesPerGroup: number;
  readonly inodeTableBlocks: number;
  readonly descriptorBlocks: number;
  /** behind the descriptors, for those of a larger file system */
  readonly reservedDescriptorBlocks: number;

  /** @throws FormatError when so many inodes don't fit on such a disk */
  constructor(diskSize: number, inodesNeeded: number) {
    let blocks = Math.floor(diskSize / BLOCK_SIZE);
    for (;;) {
      if (blocks < 64) throw new FormatError(`an ext4 file system cannot have ${diskSize} bytes`);
      const groups = Math.ceil(blocks / BLOCKS_PER_GROUP);
      const inodes = Math.max(
        inodesNeeded + 16,
        Math.floor((blocks * BLOCK_SIZE) / bytesPerInode(blocks * BLOCK_SIZE)),
      );
      this.inodesPerGroup = Math.ceil(inodes / groups / INODES_PER_BLOCK) * INODES_PER_BLOCK;
      this.inodeTableBlocks = this.inodesPerGroup / INODES_PER_BLOCK;
      this.descriptorBlocks = Math.ceil((groups * DESCRIPTOR_SIZE) / BLOCK_SIZE);
      const largest = Math.min(blocks * GROWTH, BLOCKS_MAX_32);
      this.reservedDescriptorBlocks =
        blocks > BLOCKS_MAX_32
          ? 0
          : Math.min(
              BLOCK_SIZE / 4,
              Math.ceil((Math.ceil(largest / BLOCKS_PER_GROUP) * DESCRIPTOR_SIZE) / BLOCK_SIZE) - this.descriptorBlocks,
            );
      this.groupCount = groups;
      this.blockCount = blocks;
      if (this.inodesPerGroup > BLOCKS_PER_GROUP || this.overhead(0) >= BLOCKS_PER_GROUP)
        throw new FormatError(`${inodesNeeded} files need more inodes than a disk of ${diskSize} bytes can have`);
      const inLast = blocks - (groups - 1) * BLOCKS_PER_GROUP;
      if (groups === 1 || inLast >= this.overhead(groups - 1) + LAST_GROUP_DATA_MIN) {
        if (groups === 1 && inLast <= this.overhead(0))
          throw new FormatError(`${inodesNeeded} files need more inodes than a disk of ${diskSize} bytes can have`);
        return;
      }
      blocks = (groups - 1) * BLOCKS_PER_GROUP;
    }
  }

  get inodeCount(): number {
    return this.inodesPerGroup * this.groupCount;
  }

  groupStart(group: number): number {
    return group * BLOCKS_PER_GROUP;
  }

  groupEnd(group: number): number {
    return Math.min(this.blockCount, (group + 1) * BLOCKS_PER_GROUP);
  }

  /** Blocks of a group that hold its own structures, from its start on. */
  overhead(group: number): number {
    return this.#copies(group) + 2 + this.inodeTableBlocks;
  }

  /** The group's block bitmap; inode bitmap and table follow it. */
  bitmapBlock(group: number): number {
    return this.groupStart(group) + this.#copies(group);
  }

  #copies(group: number): number {
    return hasBackup(group) ? 1 + this.descriptorBlocks + this.reservedDescriptorBlocks : 0;
  }
}

/**
 * Blocks of the journal for a file system of so many blocks, by mke2fs' steps; none where it would take an eighth or
 * more.
 */
export function journalBlocks(blockCount: number): number {
  if (blockCount < 2048 * 8) return 0;
  if (blockCount < 32768) return 1024;
  if (blockCount < 256 * 1024) return 4096;
  if (blockCount < 512 * 1024) return 8192;
  if (blockCount < 4096 * 1024) return 16384;
  return 32768;
}
