/** Value of a subvolume item in the volume tree (FORMAT.md §9): 24 words, the name, the label. */
export const SUBVOLUME_AT_ROOT = 0; // pointer, 9 words
export const SUBVOLUME_AT_BASE = 9; // the snapshot whose content it went on from, 0 for none; 2 words unused
export const SUBVOLUME_AT_NEXT_INO = 12;
export const SUBVOLUME_AT_FLAGS = 13;
export const SUBVOLUME_AT_PARENT = 14; // the subvolume it was taken from, 0 for none
export const SUBVOLUME_AT_GENERATION = 15; // of its making, 2 words
export const SUBVOLUME_AT_TIME = 17; // of its making: seconds (2 words), nanoseconds
export const SUBVOLUME_AT_INODES = 20;
export const SUBVOLUME_AT_NAME_LENGTH = 21;
export const SUBVOLUME_AT_LABEL_LENGTH = 22;
export const SUBVOLUME_AT_PROPERTIES = 23; // of files without their own (format/properties.ts)
export const SUBVOLUME_NAME_OFFSET = 96; // bytes

export const SUBVOLUME_READ_ONLY = 1;
/** It is being received: its files are not whole yet. */
export const SUBVOLUME_INCOMPLETE = 2;
/** It belongs to a transaction: a mount drops what it finds of it. */
export const SUBVOLUME_TRANSACTION = 4;
