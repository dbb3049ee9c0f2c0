/**
 * Where the parts of a native program lie: the memory of heap/layout.ts at its own addresses, then the machine's stack,
 * the table of functions, code, and what else is constant. All is below 2 GiB: every address is a positive number of 32
 * bits, and fits the instructions of all targets.
 */
const MIB = 1024 * 1024;

/** Where the memory ends for good. */
export const HEAP_END = 0x7b000000;
export const STACK_END = HEAP_END + 8 * MIB;
export const TABLE_START = STACK_END;
/** Words of 8 bytes. */
export const TABLE_MAX = MIB;
export const CODE_START = TABLE_START + TABLE_MAX * 8;
