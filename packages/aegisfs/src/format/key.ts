/**
 * Keys of tree items: three unsigned words, compared in order (FORMAT.md §4).
 *
 *   word 0   object: inode number, or 0 for items of the tree itself
 *   word 1   kind (8 bits, high) | high 24 bits of the offset
 *   word 2   low 32 bits of the offset
 */
export const KIND_INODE = 1; // offset 0
export const KIND_XATTR = 2; // offset: hash of the name (44 bits), collision number (8 bits)
export const KIND_ENTRY = 3; // the same, of a directory's entry
export const KIND_INLINE = 4; // offset 0: a file's first bytes, or a symbolic link's target
export const KIND_EXTENT = 5; // offset: index of the first block in the file
export const KIND_ORPHAN = 6; // object 0; offset: inode number
// object 0; offset: kind of owner (high 24 bits), number of the owner; kind 255: quotas are on
export const KIND_QUOTA = 7;

// Items of the volume tree, whose object is 0.
export const KIND_SUBVOLUME = 16; // offset: subvolume number
export const KIND_GROUP = 17; // offset: group number
export const KIND_REFERENCE = 18; // offset: first block of a range with more than one owner
// offset: first block of the root of a tree that nobody uses and that is still to be freed
export const KIND_DROPPED = 40;
export const KIND_PROPERTY = 41; // offset: hash of the name (44 bits), collision number (8 bits)
export const KIND_AUDIT = 42; // offset: number of the record block

/** Word 1 of a key. */
export function keyMiddle(kind: number, offsetHigh: number): number {
  return ((kind << 24) | offsetHigh) >>> 0;
}

/** The offset's high 24 bits, of an offset below 2^53. */
export function highOf(offset: number): number {
  return Math.floor(offset / 0x100000000);
}
