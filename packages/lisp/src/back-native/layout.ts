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
const TABLE_MAX = MIB;
export const CODE_START = TABLE_START + TABLE_MAX * 8;

/**
 * What `eval` makes while a program runs (scheme/stratos/evaluation-machine.sld, which has the same numbers): the
 * table's last places, mapped when the first code is made, and code behind all else. Each of its functions has a frame
 * of so many bytes, which begins with the shadow stack's place and the site of the call that waits.
 */
export const MADE_SLOTS_START = TABLE_MAX - 0x10000;
export const MADE_CODE_START = 0x7e000000;
export const MADE_FRAME_BYTES = 32;
