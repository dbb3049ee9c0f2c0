/** Locals of a translated function, before those of registers (translation-lowering.ts: `assignLocals`). */
import { MAX_GROUPS } from "./access-groups.ts";

/** Parameters: where to begin, and how many calls may nest. */
export const PC = 0;
export const DEPTH = 1;
export const TABLES = 2;
export const FUEL = 3;
export const ENTRY = 4;
export const VA = 5;
export const DELTA = 6;
export const RECORD = 7;
export const SCRATCH_I32 = 8;
export const SCRATCH_I64 = 12;
export const ADDRESS = 16;
export const SCRATCH_F32 = 17;
export const SCRATCH_F64 = 21;
/** i32: whether instructions under a condition are done. */
export const CONDITION = 25;
/** i32: where the region starts, in units that are kept. */
export const BASE = 26;
/** i32: the tables' address and four bytes for each page before the region, in units that are kept. */
export const REGION_TABLES = 27;
/** i32: HART_WINDOW, in the window mode. */
export const WINDOW = 28;
/** i32: host addresses (less `hostOffset`) of the block's access groups, 0 where each access looks for itself. */
export const FIRST_GROUP = 29;
/** i32: guesses of table entries. */
export const FIRST_GUESS = FIRST_GROUP + MAX_GROUPS;
