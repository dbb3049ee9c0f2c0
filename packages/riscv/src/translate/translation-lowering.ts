import { Op, Type } from "@stratos/wasm";
import type { CodeWriter, ValueType } from "@stratos/wasm";
import { emitEntryLookup, emitTranslate, hostOffset, pushHost } from "../access.ts";
import type { AccessLocals, AddressMode } from "../access.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_F, HART_FRM, HART_RETIRED, HART_X } from "../hart-state.ts";
import { emitBoxF32, emitUnboxF32, emitUnboxKnownF32 } from "../lower/float-box.ts";
import { RS1, RS2 } from "../lower/lowering.ts";
import type { Lowering, Source } from "../lower/lowering.ts";
import { MAX_GROUPS } from "./access-groups.ts";
import type { AccessGroup } from "./access-groups.ts";
import type { LazyLoop } from "./lazy-loops.ts";
import type { UnitInstruction } from "./unit.ts";

/** Function indices of a translation's imports. */
export interface TranslationImports {
  readonly codeType: number;
  /** leave(pc, fuel, completed, reason) → −1 */
  readonly leave: number;
  /** dispatch(pc, depth) → next pc: goes on at the pc with whatever is there */
  readonly dispatch: number;
  readonly ecall: number;
  readonly helper: (name: string) => number;
}

// Locals of a translated function.
export const PC = 0;
export const DEPTH = 1;
export const TABLES = 2;
export const FUEL = 3;
export const ENTRY = 4;
export const VA = 5;
export const DELTA = 6;
export const RECORD = 7;
const SCRATCH_I32 = 8;
const SCRATCH_I64 = 12;
const ADDRESS = 16;
const SCRATCH_F32 = 17;
const SCRATCH_F64 = 21;
/** i32: whether instructions under a condition are done. */
export const CONDITION = 25;
/** i32: table entries of the block's access groups, 0 where each access looks for itself. */
const FIRST_GROUP = 26;
const FIRST_REGISTER = FIRST_GROUP + MAX_GROUPS;

/**
 * Instructions into a translated function: registers are locals, immediates and addresses constants. Every write goes through to
 * the register file, so that an exit finds it precise.
 */
export class TranslationLowering implements Lowering {
  readonly code: CodeWriter;
  /** The loop whose written registers stay in locals here. */
  lazy: LazyLoop | null;
  readonly #mode: AddressMode;
  readonly #imports: TranslationImports;
  readonly #access: AccessLocals;
  readonly #localOfX: Int32Array;
  readonly #localOfF: Int32Array;
  #instruction: UnitInstruction;
  /** Instructions done before this one that the fuel local doesn't know yet. */
  #completed: number;
  /** The register file needn't see this write: it is overwritten before anything can leave. */
  #isDeadWrite: boolean;
  #group: AccessGroup | null;
  #skipsOnCondition: boolean;
  /** The f registers known to hold boxed singles at this point of the block. */
  #boxed: number;

  constructor(code: CodeWriter, mode: AddressMode, imports: TranslationImports) {
    this.code = code;
    this.lazy = null;
    this.#mode = mode;
    this.#imports = imports;
    this.#access = { tables: TABLES, va: VA, delta: DELTA, address: ADDRESS };
    this.#localOfX = new Int32Array(32);
    this.#localOfF = new Int32Array(32);
    this.#instruction = { index: -1, rd: 0, rs1: 0, rs2: 0, rs3: 0, rm: 0, imm: 0, length: 4, pc: 0, skips: 0, isConditional: false };
    this.#completed = 0;
    this.#isDeadWrite = false;
    this.#group = null;
    this.#skipsOnCondition = false;
    this.#boxed = 0;
  }

  /** Gives locals to the registers that the unit uses. @returns the function's local groups */
  assignLocals(usedX: number, usedF: number): { count: number; type: ValueType }[] {
    let next = FIRST_REGISTER;
    for (let register = 1; register < 32; register++) if ((usedX >>> register) & 1) this.#localOfX[register] = next++;
    const xCount = next - FIRST_REGISTER;
    for (let register = 0; register < 32; register++) if ((usedF >>> register) & 1) this.#localOfF[register] = next++;
    return [
      { count: 10, type: Type.i32 }, { count: 5, type: Type.i64 }, { count: 4, type: Type.f32 }, { count: 4, type: Type.f64 },
      { count: 1 + MAX_GROUPS, type: Type.i32 }, { count: xCount, type: Type.i64 }, { count: next - FIRST_REGISTER - xCount, type: Type.f64 },
    ];
  }

  /** Nothing is known of the registers: another block may have come before. */
  beginBlock(): void {
    this.#boxed = 0;
  }

  begin(instruction: UnitInstruction, completed: number, isDeadWrite: boolean, group: AccessGroup | null = null): void {
    this.#group = this.#mode === "paged" ? group : null;
    this.#instruction = instruction;
    this.#completed = completed;
    this.#isDeadWrite = isDeadWrite;
  }

  /** Loads the registers of the masks into their locals. */
  loadRegisters(maskX: number, maskF: number): void {
    const { code } = this;
    for (let register = 1; register < 32; register++) {
      if (((maskX >>> register) & 1) === 0) continue;
      code.i32Const(0);
      code.memory(Op.i64Load, HART_X + register * 8);
      code.localSet(this.#localOfX[register]!);
    }
    for (let register = 0; register < 32; register++) {
      if (((maskF >>> register) & 1) === 0) continue;
      code.i32Const(0);
      code.memory(Op.f64Load, HART_F + register * 8);
      code.localSet(this.#localOfF[register]!);
    }
  }

  /** Stores what a lazy loop keeps in locals. */
  storeLazy(): void {
    if (this.lazy === null) return;
    const { code } = this;
    const { maskX, maskF } = this.lazy;
    for (let register = 1; register < 32; register++) {
      if (((maskX >>> register) & 1) === 0) continue;
      code.i32Const(0);
      code.localGet(this.#localOfX[register]!);
      code.memory(Op.i64Store, HART_X + register * 8);
    }
    for (let register = 0; register < 32; register++) {
      if (((maskF >>> register) & 1) === 0) continue;
      code.i32Const(0);
      code.localGet(this.#localOfF[register]!);
      code.memory(Op.f64Store, HART_F + register * 8);
    }
  }

  /** Leaves at this instruction, which isn't done. */
  leave(reason: number): void {
    const { code } = this;
    this.storeLazy();
    code.i32Const(this.#instruction.pc);
    code.localGet(FUEL);
    code.i32Const(this.#completed);
    code.i32Const(reason);
    code.call(this.#imports.leave);
    code.return();
  }

  #registerNumber(source: Source): number {
    return source === RS1 ? this.#instruction.rs1 : source === RS2 ? this.#instruction.rs2 : this.#instruction.rs3;
  }

  readX(source: Source): void {
    const register = this.#registerNumber(source);
    if (register === 0) this.code.i64Const(0);
    else this.code.localGet(this.#localOfX[register]!);
  }

  readXLow(source: Source): void {
    if (this.#registerNumber(source) === 0) {
      this.code.i32Const(0);
      return;
    }
    this.readX(source);
    this.code.op(Op.i32WrapI64);
  }

  /** A write that needn't reach the register file now. In a lazy loop that is every one. */
  get #staysInLocal(): boolean {
    return this.#isDeadWrite || this.lazy !== null;
  }

  beginWriteX(): void {
    if (this.#instruction.rd !== 0 && !this.#staysInLocal) this.code.i32Const(0);
  }

  endWriteX(): void {
    const { rd, isConditional } = this.#instruction;
    if (isConditional && rd !== 0) this.#selectNewOrOld(rd);
    if (rd === 0) this.code.op(Op.drop);
    else if (this.#staysInLocal) this.code.localSet(this.#localOfX[rd]!);
    else {
      this.code.localTee(this.#localOfX[rd]!);
      this.code.memory(Op.i64Store, HART_X + rd * 8);
    }
  }

  /** Instructions under a condition are skipped, or done, when CONDITION isn't 0. */
  setCondition(isSkip: boolean): void {
    this.#skipsOnCondition = isSkip;
  }

  /** Stack: the new value. */
  #selectNewOrOld(rd: number): void {
    const { code } = this;
    code.localGet(this.#localOfX[rd]!);
    code.localGet(CONDITION);
    if (this.#skipsOnCondition) code.op(Op.i32Eqz);
    code.op(Op.select);
  }

  readFBits(source: Source): void {
    this.readF64(source);
    this.code.op(Op.i64ReinterpretF64);
  }

  readF64(source: Source): void {
    this.code.localGet(this.#localOfF[this.#registerNumber(source)]!);
  }

  readF32(source: Source): void {
    const register = this.#registerNumber(source);
    if ((this.#boxed >>> register) & 1) emitUnboxKnownF32(this.code, this.#localOfF[register]!);
    else emitUnboxF32(this.code, this.#localOfF[register]!);
  }

  readF32Bits(source: Source): void {
    const { code } = this;
    this.readFLow(source);
    if ((this.#boxed >>> this.#registerNumber(source)) & 1) return;
    code.i32Const(0x7fc00000);
    this.readFBits(source);
    code.i64Const(32);
    code.op(Op.i64ShrS);
    code.i64Const(-1);
    code.op(Op.i64Eq);
    code.op(Op.select);
  }

  readFLow(source: Source): void {
    this.readFBits(source);
    this.code.op(Op.i32WrapI64);
  }

  beginWriteF(): void {
    if (this.lazy === null) this.code.i32Const(0);
  }

  endWriteFBits(): void {
    this.code.op(Op.f64ReinterpretI64);
    this.endWriteF64();
  }

  endWriteF64(): void {
    const { rd } = this.#instruction;
    this.#boxed &= ~(1 << rd);
    if (this.lazy !== null) {
      this.code.localSet(this.#localOfF[rd]!);
      return;
    }
    this.code.localTee(this.#localOfF[rd]!);
    this.code.memory(Op.f64Store, HART_F + rd * 8);
  }

  endWriteF32(): void {
    emitBoxF32(this.code);
    this.endWriteF64();
    this.#boxed |= 1 << this.#instruction.rd;
  }

  endWriteF32Bits(): void {
    this.code.op(Op.i64ExtendI32U);
    this.code.i64ConstBits(-1, 0);
    this.code.op(Op.i64Or);
    this.endWriteFBits();
    this.#boxed |= 1 << this.#instruction.rd;
  }

  immediate64(): void {
    this.code.i64Const(this.#instruction.imm);
  }

  immediate32(): void {
    this.code.i32Const(this.#instruction.imm);
  }

  pushUnsignedImmediate(): void {
    this.code.i32Const(this.#instruction.rs1);
  }

  get roundingMode(): number { return this.#instruction.rm; }

  pushRoundingMode(): void {
    if (this.#instruction.rm !== 7) {
      this.code.i32Const(this.#instruction.rm);
      return;
    }
    this.code.i32Const(0);
    this.code.memory(Op.i32Load, HART_FRM);
  }

  pushPc(offset: number): void {
    this.code.i64ConstBits(0, this.#instruction.pc + offset);
  }

  pushNextPc(): void {
    this.pushPc(this.#instruction.length);
  }

  pushRetired(): void {
    const { code } = this;
    code.i32Const(0);
    code.memory(Op.i64Load, HART_RETIRED);
    code.localGet(FUEL);
    code.i32Const(this.#completed);
    code.op(Op.i32Sub);
    code.op(Op.i64ExtendI32S);
    code.op(Op.i64Sub);
  }

  #translate(size: number, write: boolean): void {
    emitTranslate(this.code, this.#mode, this.#access, size, write, () => this.leave(ExitReason.MEMORY));
  }

  #effectiveAddress(): void {
    this.readX(RS1);
    if (this.#instruction.imm === 0) return;
    this.immediate64();
    this.code.op(Op.i64Add);
  }

  /** Pushes the host address (less `hostOffset`) of rs1 + imm. */
  #pushAccess(size: number, write: boolean): void {
    const { code } = this;
    const group = this.#group;
    if (group === null) {
      this.#effectiveAddress();
      this.#translate(size, write);
      pushHost(code, this.#access);
      return;
    }
    const entry = FIRST_GROUP + group.number;
    if (group.first === this.#instruction) this.#lookUpGroup(group, entry);
    code.localGet(entry);
    code.if(Type.i32);
    this.readXLow(RS1);
    if (this.#instruction.imm !== 0) {
      code.i32Const(this.#instruction.imm);
      code.op(Op.i32Add);
    }
    code.localGet(entry);
    code.op(Op.i32Add);
    code.else();
    this.#effectiveAddress();
    this.#translate(size, write);
    pushHost(code, this.#access);
    code.end();
  }

  /** entry = the table entry for all of the group, or 0. Its offsets are multiples of their sizes, so that the base's alignment tells all. */
  #lookUpGroup(group: AccessGroup, entry: number): void {
    const { code } = this;
    this.readXLow(RS1);
    code.i32Const(group.lowest);
    code.op(Op.i32Add);
    code.localTee(VA);
    emitEntryLookup(code, TABLES, group.hasStore);
    code.localTee(DELTA);
    code.i32Const(0);
    // (2·base + entry − 1) & (2·alignment − 1) != 0, as for one access; or the range ends in the next page.
    code.localGet(DELTA);
    this.readXLow(RS1);
    code.i32Const(1);
    code.op(Op.i32Shl);
    code.op(Op.i32Add);
    code.i32Const(-1);
    code.op(Op.i32Add);
    code.i32Const(2 * group.alignment - 1);
    code.op(Op.i32And);
    code.localGet(VA);
    code.i32Const(4095);
    code.op(Op.i32And);
    code.i32Const(4096 - (group.end - group.lowest));
    code.op(Op.i32GtU);
    code.op(Op.i32Or);
    code.op(Op.i32Eqz);
    code.op(Op.select);
    code.localSet(entry);
  }

  load(opcode: number, size: 1 | 2 | 4 | 8): void {
    this.#pushAccess(size, false);
    this.code.memory(opcode, hostOffset(this.#mode));
  }

  store(opcode: number, size: 1 | 2 | 4 | 8, pushValue: () => void): void {
    this.#pushAccess(size, true);
    pushValue();
    this.code.memory(opcode, hostOffset(this.#mode));
  }

  physicalAddress(size: 4 | 8, write: boolean): void {
    this.readX(RS1);
    this.#translate(size, write);
    pushHost(this.code, this.#access);
    const offset = hostOffset(this.#mode);
    if (offset === 0) return;
    this.code.i32Const(offset);
    this.code.op(Op.i32Add);
  }

  reservationAddress(): void {
    if (this.#mode === "wide") pushHost(this.code, this.#access);
    else this.code.localGet(VA);
  }

  exitIllegalIf(): void {
    this.code.if();
    this.leave(ExitReason.ILLEGAL);
    this.code.end();
  }

  scratch(type: ValueType, which: number): number {
    switch (type) {
      case Type.i32: return SCRATCH_I32 + which;
      case Type.i64: return SCRATCH_I64 + which;
      case Type.f32: return SCRATCH_F32 + which;
      default: return SCRATCH_F64 + which;
    }
  }

  call(helper: string): void {
    this.code.call(this.#imports.helper(helper));
  }
}
