/**
 * Fixed cells of the hart in physical memory. Precise after each instruction: whatever left translated code finds the
 * guest's registers here. One hart, so the addresses are constants in generated code.
 */
export const HART = 0x8000;
/** x0 … x31 as i64; x0 stays zero. */
export const HART_X = HART;
/** f0 … f31 as raw i64 bits (single precision NaN-boxed). */
export const HART_F = HART + 256;
/** u32: the low half of the pc of the next instruction. Code lies below 4 GiB in every address mode. */
export const HART_PC = HART + 512;
/** u32: fflags, bits 0 … 4. */
export const HART_FFLAGS = HART + 516;
/** u32: frm, bits 0 … 2. */
export const HART_FRM = HART + 520;
/** u32: the high half of the pc. Not 0: a jump went where no code can be, and the next run is a FETCH exit at once. */
export const HART_PC_HIGH = HART + 524;
/** u32: base of the active slot's tables. */
export const HART_TABLES = HART + 528;
/** u32: why `run` returned (exit-reason.ts). */
export const HART_EXIT = HART + 532;
/** u32: the address that a FETCH exit wants (pc, or pc + 2 when the second half lies in the next page). */
export const HART_FAULT = HART + 536;
/**
 * u32 LR reservation: virtual address (wide mode: physical), or 0xffffffff for none; i64 value seen by LR. Dropped at
 * every trap.
 */
export const HART_RESERVATION = HART + 540;
export const HART_RESERVED_VALUE = HART + 544;
/** i32: instructions left in the slice; the slice ends at the first canonical block boundary where it is negative. */
export const HART_FUEL = HART + 552;
/** i64: instructions retired at the start of the chunk plus its fuel, so that `instret` is this minus the fuel left. */
export const HART_RETIRED = HART + 560;
/** i64: instructions done by the interpreter, for statistics. */
export const HART_INTERPRETED = HART + 568;
/** 64 bytes through which 64-bit values pass between wasm helpers and JavaScript ones. */
export const HART_SCRATCH = HART + 576;
/**
 * u32, derived: 1 when NX is raised and frm is nearest-even, so that native arithmetic raises nothing new
 * (lower/float-state.ts). Whatever writes fflags or frm in generated code keeps it; `run` computes it anew.
 */
export const HART_NATIVE_FLOAT = HART + 640;
/**
 * i32, derived: the table entry of pages in the active address space's window (access.ts), 0 where it has none. Written
 * with HART_TABLES.
 */
export const HART_WINDOW = HART + 644;
/** i32: the exact interpreter (stop-check.ts) stops before the instruction at which so much fuel is left. */
export const HART_STOP_FUEL = HART + 648;
/** i32: where so much fuel is left nothing is looked at: the instruction at which it stopped last. */
export const HART_PASS_FUEL = HART + 652;
/** i64: within a run, where a jump above 4 GiB has gone (register-target.ts), else 0. */
export const HART_FAR = HART + 656;
/** Where writes to x0 go in the interpreter: a register offset beyond all registers. */
export const HART_SINK = HART + 768;
/** Bytes of the architectural state of one task (x, f, pc, fflags, frm): what a context switch copies. */
export const HART_STATE_SIZE = 528;
