/** ext4 in parts, for who changes one in place: the kernel's file system. */
export { FormatError, FullError } from "../format-error.ts";
export { readBytes, isZero, viewOf, type Disk } from "../disk/disk.ts";
export { Ext4Allocator } from "./ext4-allocator.ts";
export { emptyDirectoryBlock, ENTRY_TYPE, sealDirectoryBlock } from "./ext4-directory.ts";
export {
  blockMapReach,
  EXTENT_BLOCKS_MAX,
  extentTreeBlocks,
  readBlockMap,
  readExtents,
  UNWRITTEN_BLOCKS_MAX,
  writeBlockMap,
  writeExtents,
  type Extent,
} from "./ext4-extents.ts";
export {
  BLOCK_AREA,
  BLOCK_AREA_SIZE,
  deviceArea,
  deviceOf,
  EXTRA_SIZE,
  INODE_FLAG,
  inodeSeed,
  sealInode,
} from "./ext4-inode.ts";
export { Ext4Reader } from "./ext4-reader.ts";
export {
  checksum,
  COMPAT,
  FIRST_INODE,
  hasBackup,
  INCOMPAT,
  JOURNAL_INODE,
  RO_COMPAT,
  ROOT_INODE,
  sealSuperblock,
  SUPERBLOCK_OFFSET,
  type Superblock,
} from "./ext4-superblock.ts";
export { inodeXattrs, parseXattrs, sealAttributeBlock, xattrBlock } from "./ext4-xattrs.ts";
