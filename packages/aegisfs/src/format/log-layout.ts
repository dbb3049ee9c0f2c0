/**
 * The intent log (FORMAT.md §12): what was synced since the last commit, in a run of free blocks that the superblock
 * names. A sequence of batches, each a whole number of blocks; a batch counts when its checksum, its generation and its
 * number are right, and all before it count.
 *
 *   batch    words 0 … 7   header; then records
 *   record   word 0: kind | length of the record in words << 8; word 1: subvolume; words 2 … 4: time (seconds, 2 words;
 *   nanoseconds); then its fields
 */
export const LOG_MAGIC = 0x4c474541; // "AEGL"

/**
 * "AEGA": a receipt, which says that the batch before it was durable. It has the fields of a batch's head, without the
 * counts of words and records.
 */
export const LOG_RECEIPT_MAGIC = 0x41474541;
export const RECEIPT_WORDS = 8;

export const BATCH_AT_MAGIC = 0;
/** XXH32 of the batch's words, this one as 0. */
export const BATCH_AT_CHECKSUM = 1;
/** Generation of the commit that it follows, 2 words. */
export const BATCH_AT_GENERATION = 2;
/** 1 for the first batch of a generation. */
export const BATCH_AT_NUMBER = 4;
/** Words in all, header and padding included: a multiple of 4. */
export const BATCH_AT_WORDS = 5;
export const BATCH_AT_RECORDS = 6;
/** Checksum of the batch before, 0 for the first. */
export const BATCH_AT_PREVIOUS = 7;
export const BATCH_HEADER_WORDS = 8;

export const RECORD_HEADER_WORDS = 5;

// Kinds of records. Strings are their length in bytes and then their bytes, padded to words.
export const LOG_CREATE = 1; // directory, inode, mode, user, group, device number, umask (0xffffffff: none), name
export const LOG_SYMLINK = 2; // directory, inode, user, group, name, target
export const LOG_LINK = 3; // inode, directory, name
export const LOG_UNLINK = 4; // directory, name
export const LOG_RMDIR = 5; // directory, name
export const LOG_RENAME = 6; // directory, new directory, flags, user, group, name, new name
export const LOG_ATTRIBUTES = 7; // inode, its 32 words
export const LOG_SET_XATTR = 8; // inode, flags, name, value
export const LOG_REMOVE_XATTR = 9; // inode, name
export const LOG_SET_ACL = 10; // inode, name, value
export const LOG_CREATE_UNNAMED = 11; // inode, mode, user, group
// inode, its 32 words, 1 when the extents are all that it has, inline content (string), extents, then each:
export const LOG_CONTENT = 12;
// index of the first block (2 words), length of the item's value in words, the value (format/extent-item.ts)
