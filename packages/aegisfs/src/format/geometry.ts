/** Sizes that are fixed for ever by the format (FORMAT.md §1). */
export const BLOCK_SIZE = 4096;
export const NODE_SIZE = 16384;
export const NODE_BLOCKS = NODE_SIZE / BLOCK_SIZE;
export const NODE_WORDS = NODE_SIZE / 4;
/** Blocks in one allocation group: one bit each in a bitmap of 1 KiB. */
export const GROUP_BLOCKS = 8192;
export const GROUP_WORDS = GROUP_BLOCKS / 32;
/** Longest value of a leaf item, so that any leaf can be split to take any item. */
export const VALUE_SIZE_MAX = 4160;
/** Files up to this size live in the tree beside their inode. */
export const INLINE_SIZE_MAX = 2048;
/** Longest extent in blocks; its checksums make an item of 272 bytes. */
export const EXTENT_BLOCKS_MAX = 64;
/** Most blocks of a file in one compressed unit: 64 KiB, at multiples of it. */
export const UNIT_BLOCKS = 16;
/** Largest file size, as in Linux (docs/decisions/0013-largest-file.md). */
export const FILE_SIZE_MAX = 2n ** 63n - 1n;
/** Blocks of a file of that size; the last one holds a byte less than the others. */
export const FILE_BLOCKS_MAX = 2 ** 51;
/** Most hard links of one inode. */
export const LINK_MAX = 0x7fffffff;
