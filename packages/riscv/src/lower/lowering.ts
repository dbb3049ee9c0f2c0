import type { CodeWriter, ValueType } from "@stratos/wasm";

/**
 * How an instruction's meaning is written, once, for the interpreter and the translator alike.
 *
 * A lowering function emits WebAssembly through a `Lowering`. In the interpreter the operands come from the predecoded
 * record of the instruction and the hart's cells; in the translator they are locals and constants. Values travel on the
 * wasm stack:
 *
 * ```ts
 * add: (to) => { to.beginWriteX(); to.readX(RS1); to.readX(RS2); to.code.op(Op.i64Add); to.endWriteX(); }
 * ```
 *
 * Rules: `beginWrite…` comes before the value is pushed (it may push an address), `endWrite…` takes value and address.
 * One destination, written last and once: what may leave (`load`, `store`, `exitIllegal`) comes before the write and
 * before any other effect. Cells of the hart at fixed addresses (HART_FFLAGS, HART_FRM) are plain memory:
 * `i32.const 0; i32.load offset=HART_FFLAGS`.
 */
export interface Lowering {
  readonly code: CodeWriter;

  /** Pushes rs1 or rs2 as i64. */
  readX(source: Source): void;
  /** Pushes the low half as i32. */
  readXLow(source: Source): void;
  /** Stack on `end`: i64. A write to x0 is dropped. */
  beginWriteX(): void;
  endWriteX(): void;

  /** Pushes the raw 64 bits of rs1, rs2 or rs3 as i64. */
  readFBits(source: Source): void;
  readF64(source: Source): void;
  /** Pushes an f32; a value that isn't NaN-boxed reads as the canonical NaN. */
  readF32(source: Source): void;
  /** Pushes the low 32 bits as i32 (canonical NaN when not boxed). */
  readF32Bits(source: Source): void;
  /** Pushes the low 32 bits as i32 without looking at the box (fsw, fmv.x.w). */
  readFLow(source: Source): void;
  beginWriteF(): void;
  /** Stack: i64 bits. */
  endWriteFBits(): void;
  /** Stack: f64, whose NaNs the caller made canonical. */
  endWriteF64(): void;
  /** Stack: f32 (boxed here), whose NaNs the caller made canonical. */
  endWriteF32(): void;
  /** Stack: i32 bits of a single (boxed here). */
  endWriteF32Bits(): void;

  /** Pushes the immediate sign-extended to i64, or as i32. */
  immediate64(): void;
  immediate32(): void;
  /** Pushes the 5-bit immediate of csrr?i (the rs1 field) as i32. */
  pushUnsignedImmediate(): void;
  /** Known rounding mode 0 … 4, 7 = dynamic, or −1: known only at run time (interpreter). */
  readonly roundingMode: number;
  /** Pushes the rounding mode in force (static, or frm when dynamic) as i32; frm may hold 5, 6, 7. */
  pushRoundingMode(): void;

  /** Pushes the address of this instruction, plus `offset`, as i64. */
  pushPc(offset: number): void;
  /** Pushes the address of the next instruction as i64. */
  pushNextPc(): void;
  /** Pushes instructions retired before this one as i64. */
  pushRetired(): void;

  /** Loads from rs1 + imm and pushes what `opcode` (a wasm load) gives; leaves with MEMORY if it can't be done. */
  load(opcode: number, size: 1 | 2 | 4 | 8): void;
  /** Stores to rs1 + imm what `pushValue` pushes. */
  store(opcode: number, size: 1 | 2 | 4 | 8, pushValue: () => void): void;
  /**
   * Pushes the physical address (i32) of `size` bytes at rs1 (+ imm), writable if `write`; leaves with MEMORY if it
   * can't be done.
   */
  physicalAddress(size: 4 | 8, write: boolean): void;
  /** Pushes the physical address (i32) of the cache block (64 bytes) around rs1; leaves with MEMORY as the others. */
  blockAddress(write: boolean): void;
  /**
   * Pushes what tells the place of the last `physicalAddress` from others (i32): the virtual address, or in the wide
   * mode the physical one.
   */
  reservationAddress(): void;

  /** Leaves with ILLEGAL at this instruction when the i32 on the stack isn't 0. */
  exitIllegalIf(): void;

  /** A scratch local of the type; `which` 0 … 3 tells several apart. Contents live within one instruction only. */
  scratch(type: ValueType, which: number): number;
  /**
   * Calls a helper of the core module: one of `floatHelpers` or the machine's own (name → signature known at
   * definition).
   */
  call(helper: string): void;
}

/** Operand positions. */
export const RS1 = 1;
export const RS2 = 2;
export const RS3 = 3;
export type Source = 1 | 2 | 3;

export type LoweringFunction = (to: Lowering) => void;
/** By the name in the instruction table. */
export type LoweringTable = Readonly<Record<string, LoweringFunction>>;

/**
 * A function of the core module, callable from every lowering by its name. Written in wasm by `emit` (parameters are
 * locals 0 …, then `locals`), or in JavaScript by `create` (i32 and f64 only across that border; wider values through
 * HART_SCRATCH cells).
 */
export interface Helper {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly locals?: readonly ValueType[];
  /** Emits the body without the final `end`. `call` emits a call of another helper. */
  readonly emit?: (code: CodeWriter, call: (helper: string) => void) => void;
  /** Makes the imported function over the views of the physical memory. */
  readonly create?: (memory: {
    u32: Uint32Array;
    i32: Int32Array;
    f64: Float64Array;
  }) => (...parameters: number[]) => number | void;
}
