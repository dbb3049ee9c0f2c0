/**
 * Instructions as the interpreter runs them: operands come from the predecoded record and the hart's cells.
 * By itself it is the form of out-of-line handlers, (record, tables) → 0 or the reason to leave.
 */
import { Op, Type } from "@stratos/wasm";
import type { CodeWriter, ValueType } from "@stratos/wasm";
import { hostOffset, pushHost } from "./access.ts";
import type { AddressMode } from "./access.ts";
import { AddressedLowering } from "./addressed-lowering.ts";
import { HART_F, HART_FRM, HART_RETIRED, HART_X } from "./hart-state.ts";
import { RS1, RS2 } from "./lower/lowering.ts";
import type { Lowering, Source } from "./lower/lowering.ts";
import { RECORD_SHIFT, Record } from "./record.ts";

// Locals. Parameters first.
export const PC = 0;
export const DEPTH = 1;
export const RECORD = 2;
export const BASE = 3;
export const FUEL = 4;
export const TABLES = 5;
export const LEVEL = 6;
export const ENTRY_FUEL = 7;
export const VALUE = 8;
export const REASON = 9;
const VA = 10;
const DELTA = 11;
export const SCRATCH_I32 = 12;
export const SCRATCH_I64 = 16;
const ADDRESS = 20;
const SCRATCH_F32 = 21;
const SCRATCH_F64 = 25;
/** Fuel when a target was last heated. */
export const HEATED_FUEL = 29;
/** What is known of the pc as a target (code-target.ts). */
export const TARGET = 30;
export const INTERPRETER_LOCALS: { count: number; type: ValueType }[] = [
  { count: 14, type: Type.i32 },
  { count: 5, type: Type.i64 },
  { count: 4, type: Type.f32 },
  { count: 4, type: Type.f64 },
  { count: 2, type: Type.i32 },
];

export class RecordLowering extends AddressedLowering implements Lowering {
  /** Known only when the instruction runs. */
  readonly roundingMode: number;

  /** Bytes of the instruction that is emitted. */
  protected length: 2 | 4;
  readonly #isOutOfLine: boolean;

  constructor(code: CodeWriter, mode: AddressMode, helper: (name: string) => number, isOutOfLine: boolean) {
    super({
      code,
      mode,
      helper,
      access: { tables: TABLES, va: VA, delta: DELTA, address: ADDRESS },
      scratch: { i32: SCRATCH_I32, i64: SCRATCH_I64, f32: SCRATCH_F32, f64: SCRATCH_F64 },
    });
    this.roundingMode = -1;
    this.length = 4;
    this.#isOutOfLine = isOutOfLine;
  }

  /** Leaves at the current instruction, which doesn't count. */
  override exitWith(reason: number): void {
    this.code.i32Const(reason);
    this.code.return();
  }

  /** Pushes the pc as i32. */
  currentPc(): void {
    const { code } = this;
    code.localGet(RECORD);
    code.i32Const(RECORD_SHIFT);
    code.op(Op.i32ShrU);
    code.localGet(BASE);
    code.op(Op.i32Add);
  }

  pushNextPc32(): void {
    const { code } = this;
    this.currentPc();
    code.i32Const(this.length);
    code.op(Op.i32Add);
  }

  #register(source: Source): void {
    this.code.localGet(RECORD);
    this.code.memory(Op.i32Load8U, source === RS1 ? Record.rs1 : source === RS2 ? Record.rs2 : Record.rs3);
  }

  override readX(source: Source): void {
    this.#register(source);
    this.code.memory(Op.i64Load, HART_X);
  }

  readXLow(source: Source): void {
    this.#register(source);
    this.code.memory(Op.i32Load, HART_X);
  }

  readXHigh(source: Source): void {
    this.#register(source);
    this.code.memory(Op.i32Load, HART_X + 4);
  }

  beginWriteX(): void {
    this.#destination();
  }

  #destination(): void {
    const { code } = this;
    code.localGet(RECORD);
    code.memory(Op.i32Load8U, Record.rd);
    code.i32Const(3);
    code.op(Op.i32Shl);
  }

  endWriteX(): void {
    this.code.memory(Op.i64Store, HART_X);
  }

  readFBits(source: Source): void {
    this.#register(source);
    this.code.memory(Op.i64Load, HART_F);
  }

  readF64(source: Source): void {
    this.#register(source);
    this.code.memory(Op.f64Load, HART_F);
  }

  readF32(source: Source): void {
    this.readF32Bits(source);
    this.code.op(Op.f32ReinterpretI32);
  }

  readF32Bits(source: Source): void {
    const { code } = this;
    this.readFLow(source);
    code.i32Const(0x7fc00000);
    this.#register(source);
    code.memory(Op.i32Load, HART_F + 4);
    code.i32Const(-1);
    code.op(Op.i32Eq);
    code.op(Op.select);
  }

  readFLow(source: Source): void {
    this.#register(source);
    this.code.memory(Op.i32Load, HART_F);
  }

  beginWriteF(): void {
    this.#destination();
  }

  endWriteFBits(): void {
    this.code.memory(Op.i64Store, HART_F);
  }

  endWriteF64(): void {
    this.code.memory(Op.f64Store, HART_F);
  }

  endWriteF32(): void {
    this.code.op(Op.i32ReinterpretF32);
    this.endWriteF32Bits();
  }

  endWriteF32Bits(): void {
    const { code } = this;
    code.op(Op.i64ExtendI32U);
    code.i64ConstBits(-1, 0);
    code.op(Op.i64Or);
    code.memory(Op.i64Store, HART_F);
  }

  immediate64(): void {
    this.code.localGet(RECORD);
    this.code.memory(this.#isOutOfLine ? Op.i64Load16S : Op.i64Load32S, Record.imm);
  }

  immediate32(): void {
    this.code.localGet(RECORD);
    this.code.memory(this.#isOutOfLine ? Op.i32Load16S : Op.i32Load, Record.imm);
  }

  pushUnsignedImmediate(): void {
    this.code.localGet(RECORD);
    this.code.memory(Op.i32Load8U, Record.rs1);
  }

  pushRoundingMode(): void {
    const { code } = this;
    const mode = VA; // free: no instruction has both an address and a rounding mode
    code.i32Const(0);
    code.memory(Op.i32Load, HART_FRM);
    code.localGet(RECORD);
    code.memory(Op.i32Load8U, Record.rm);
    code.localTee(mode);
    code.localGet(mode);
    code.i32Const(7);
    code.op(Op.i32Eq);
    code.op(Op.select);
  }

  pushPc(offset: number): void {
    const { code } = this;
    this.currentPc();
    code.op(Op.i64ExtendI32U);
    if (offset === 0) return;
    code.i64Const(offset);
    code.op(Op.i64Add);
  }

  pushNextPc(): void {
    this.pushNextPc32();
    this.code.op(Op.i64ExtendI32U);
  }

  pushRetired(): void {
    const { code } = this;
    code.i32Const(0);
    code.memory(Op.i64Load, HART_RETIRED);
    code.localGet(FUEL);
    code.i32Const(1);
    code.op(Op.i32Add);
    code.op(Op.i64ExtendI32S);
    code.op(Op.i64Sub);
  }

  #effectiveAddress(): void {
    this.readX(RS1);
    this.immediate64();
    this.code.op(Op.i64Add);
  }

  load(opcode: number, size: 1 | 2 | 4 | 8): void {
    this.#effectiveAddress();
    this.translate({ size, write: false });
    pushHost(this.code, this.access);
    this.code.memory(opcode, hostOffset(this.mode));
  }

  store(opcode: number, size: 1 | 2 | 4 | 8, pushValue: () => void): void {
    this.#effectiveAddress();
    this.translate({ size, write: true });
    pushHost(this.code, this.access);
    pushValue();
    this.code.memory(opcode, hostOffset(this.mode));
  }
}
