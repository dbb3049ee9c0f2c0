/** Value of an inode item: 32 words (FORMAT.md §5). Times are 64-bit seconds since 1970 and nanoseconds. */
export const INODE_SIZE = 128;
export const INODE_AT_MODE = 0;
export const INODE_AT_UID = 1;
export const INODE_AT_GID = 2;
export const INODE_AT_NLINK = 3;
export const INODE_AT_RDEV = 4;
export const INODE_AT_FLAGS = 5;
export const INODE_AT_BYTES = 6; // size, 2 words
export const INODE_AT_BLOCKS = 8; // blocks of 4096 that extents hold, 2 words
export const INODE_AT_ATIME = 10; // seconds (2 words), nanoseconds
export const INODE_AT_MTIME = 13;
export const INODE_AT_CTIME = 16;
export const INODE_AT_BTIME = 19;
export const INODE_AT_GENERATION = 22; // 2 words
export const INODE_AT_PARENT = 24; // of a directory
export const INODE_AT_ENTRIES = 25; // of a directory: number of entries, without "." and ".."
export const INODE_AT_PROJECT = 26;
export const INODE_AT_PROPERTIES = 27; // format/properties.ts
export const INODE_AT_HEAT = 28; // file/heat.ts
export const INODE_AT_HEAT_TIME = 29;
// words 30 … 31: 0

/** The root directory's number, in each subvolume. */
export const ROOT_INO = 1;
