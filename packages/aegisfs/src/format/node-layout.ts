/**
 * Tree nodes, 16 KiB (FORMAT.md §3).
 *
 *   words 0 … 11   header
 *   leaf:          slots of 4 words from word 12 on: key (3), value offset << 16 | value length in bytes;
 *                  values are packed from the node's end downwards, each at a multiple of 4
 *   above leaves:  entries of 12 words: key (3), pointer (9)
 *
 * A pointer names a node and holds its checksum, so that the tree's root vouches for all of it.
 */
export const NODE_MAGIC = 0x4e474541; // "AEGN"

export const NODE_AT_MAGIC = 0;
export const NODE_AT_LEVEL = 1;
export const NODE_AT_COUNT = 2;
/** Leaf: byte offset of the lowest value. */
export const NODE_AT_VALUES = 3;
export const NODE_AT_BLOCK = 4;
export const NODE_AT_BIRTH_LOW = 5;
export const NODE_AT_BIRTH_HIGH = 6;
/** Leaf: bytes of values that are no longer used. */
export const NODE_AT_GARBAGE = 7;
export const NODE_HEADER_WORDS = 12;
export const NODE_HEADER_SIZE = NODE_HEADER_WORDS * 4;

export const SLOT_WORDS = 4;
export const SLOT_AT_VALUE = 3;

export const ENTRY_WORDS = 12;
export const ENTRY_AT_POINTER = 3;
export const ENTRIES_MAX = 340; // (16384 − 48) / 48

export const POINTER_WORDS = 9;
export const POINTER_AT_BLOCK = 0;
// word 1: 0
export const POINTER_AT_BIRTH_LOW = 2;
export const POINTER_AT_BIRTH_HIGH = 3;
/** Level (8 bits); the rest is 0, kept for devices and encryption. */
export const POINTER_AT_INFO = 4;
/** Four words, of which the checksum's kind says how many count. */
export const POINTER_AT_CHECKSUM = 5;
