import { Op, Type } from "@stratos/wasm";
import type { CodeWriter, ValueType } from "@stratos/wasm";
import {
  CODE_TABLE,
  emitEntryLookup,
  emitEntryTest,
  hostOffset,
  pushHost,
  pushMisfit,
  READ_TABLE,
  WRITE_TABLE,
} from "../access.ts";
import type { AddressMode } from "../access.ts";
import { AddressedLowering } from "../addressed-lowering.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_F, HART_FRM, HART_RETIRED, HART_X } from "../hart-state.ts";
import { emitBoxF32, emitUnboxF32, emitUnboxKnownF32 } from "../lower/float-box.ts";
import { RS1, RS2 } from "../lower/lowering.ts";
import type { Lowering, Source } from "../lower/lowering.ts";
import type { AccessGroup } from "./access-groups.ts";
import type { LazyLoop } from "./lazy-loops.ts";
import { Leaving } from "./leaving.ts";
import {
  ADDRESS,
  BASE,
  CONDITION,
  DELTA,
  FIRST_GROUP,
  FIRST_GUESS,
  FUEL,
  REGION_TABLES,
  SCRATCH_F32,
  SCRATCH_F64,
  SCRATCH_I32,
  SCRATCH_I64,
  TABLES,
  VA,
  WINDOW,
} from "./locals.ts";
import type { TranslationImports } from "./translation-imports.ts";
import { offsetsOfBases, offsetWithin, UNKNOWN_OFFSET } from "./region-addresses.ts";
import type { UnitInstruction } from "./unit.ts";

/** No page's entry: those of mapped pages are odd, others 0 (see access.ts). */
const NO_ENTRY = 2;

/**
 * Instructions into a translated function: registers are locals, immediates and addresses constants. Every write goes
 * through to the register file, so that an exit finds it precise.
 */
export class TranslationLowering extends AddressedLowering implements Lowering {
  /** The loop whose written registers stay in locals here. */
  lazy: LazyLoop | null;
  readonly leaving: Leaving;
  readonly #imports: TranslationImports;
  readonly #regionStart: number;
  readonly #localOfX: Int32Array;
  readonly #localOfF: Int32Array;
  /** By base register: the local of its page's guessed entry. */
  readonly #guessOf: Int32Array;
  /** The base registers whose entries are guessed in the block at hand. */
  #guessed: number;
  #instruction: UnitInstruction;
  /** Instructions done before this one that the fuel local doesn't know yet. */
  #completed: number;
  /** The register file needn't see this write: it is overwritten before anything can leave. */
  #isDeadWrite: boolean;
  /** The x registers whose last write in the block was such a one. */
  #pending: number;
  #group: AccessGroup | null;
  /** What rs1 holds, as an offset in the region (region-addresses.ts). */
  #baseOffset: number;
  #skipsOnCondition: boolean;
  /** The f registers known to hold boxed singles at this point of the block. */
  #boxed: number;

  constructor(code: CodeWriter, mode: AddressMode, imports: TranslationImports, regionStart: number) {
    super({
      code,
      mode,
      helper: imports.helper,
      access: { tables: TABLES, va: VA, delta: DELTA, address: ADDRESS, window: WINDOW },
      scratch: { i32: SCRATCH_I32, i64: SCRATCH_I64, f32: SCRATCH_F32, f64: SCRATCH_F64 },
    });
    this.lazy = null;
    this.leaving = new Leaving(code, imports, regionStart);
    this.#imports = imports;
    this.#regionStart = regionStart;
    this.#localOfX = new Int32Array(32);
    this.#localOfF = new Int32Array(32);
    this.#guessOf = new Int32Array(32);
    this.#guessed = 0;
    this.#instruction = {
      index: -1,
      rd: 0,
      rs1: 0,
      rs2: 0,
      rs3: 0,
      rm: 0,
      imm: 0,
      length: 4,
      pc: 0,
      skips: 0,
      isConditional: false,
    };
    this.#completed = 0;
    this.#isDeadWrite = false;
    this.#pending = 0;
    this.#group = null;
    this.#baseOffset = UNKNOWN_OFFSET;
    this.#skipsOnCondition = false;
    this.#boxed = 0;
  }

  /** Gives locals to the registers and guesses that the unit uses. @returns the function's local groups */
  assignLocals(usedX: number, usedF: number, guessed: number): { count: number; type: ValueType }[] {
    let next = FIRST_GUESS;
    for (let register = 1; register < 32; register++) if ((guessed >>> register) & 1) this.#guessOf[register] = next++;
    const firstRegister = next;
    for (let register = 1; register < 32; register++) if ((usedX >>> register) & 1) this.#localOfX[register] = next++;
    const xCount = next - firstRegister;
    for (let register = 0; register < 32; register++) if ((usedF >>> register) & 1) this.#localOfF[register] = next++;
    return [
      { count: 10, type: Type.i32 },
      { count: 5, type: Type.i64 },
      { count: 4, type: Type.f32 },
      { count: 4, type: Type.f64 },
      { count: firstRegister - CONDITION, type: Type.i32 },
      { count: xCount, type: Type.i64 },
      { count: next - firstRegister - xCount, type: Type.f64 },
    ];
  }

  /** At the function's top, when TABLES is there. */
  loadPlace(): void {
    const { place } = this.#imports;
    if (place === null) return;
    const { code } = this;
    code.globalGet(place.base);
    code.localTee(BASE);
    code.i32Const(10);
    code.op(Op.i32ShrU);
    code.localGet(TABLES);
    code.op(Op.i32Add);
    code.localSet(REGION_TABLES);
  }

  /** Pushes an address in the region as i32. */
  pushAddress(pc: number): void {
    const { code } = this;
    if (this.#imports.place === null) {
      code.i32Const(pc);
      return;
    }
    code.localGet(BASE);
    code.i32Const(pc - this.#regionStart);
    code.op(Op.i32Add);
  }

  /** Whether `pushCodePage` can be asked: units that are kept know their own region. */
  canNamePage(pc: number): boolean {
    return this.#imports.place === null || offsetWithin(pc - this.#regionStart) !== UNKNOWN_OFFSET;
  }

  /** Pushes the code table's entry for the page of `pc`: 0 when the address space has not fetched from it. */
  pushCodePage(pc: number): void {
    const { code } = this;
    if (this.#imports.place === null) {
      code.localGet(TABLES);
      code.memory(Op.i32Load, CODE_TABLE + (pc >>> 12) * 4);
      return;
    }
    code.localGet(REGION_TABLES);
    code.memory(Op.i32Load, CODE_TABLE + ((pc - this.#regionStart) >>> 12) * 4);
  }

  /** Pushes a slot of the module: for units that are kept, `number` counts from its first. */
  pushSlot(number: number): void {
    const { code } = this;
    const { place } = this.#imports;
    if (place !== null) code.globalGet(place.slots);
    code.i32Const(number);
    if (place !== null) code.op(Op.i32Add);
  }

  /** Nothing is known of the registers: another block may have come before. */
  beginBlock(guessed = 0): void {
    this.#boxed = 0;
    this.#pending = 0;
    this.#guessed = this.mode === "paged" ? guessed : 0;
  }

  /** At the function's top: nothing is guessed yet. */
  resetGuesses(guessed: number): void {
    if (this.mode !== "paged") return;
    for (let register = 1; register < 32; register++) {
      if (((guessed >>> register) & 1) === 0) continue;
      this.code.i32Const(NO_ENTRY);
      this.code.localSet(this.#guessOf[register]!);
    }
  }

  /**
   * By position in the block, what base registers hold of the region (region-addresses.ts); null where such addresses
   * are constants, or rare.
   */
  offsetsOfBases(instructions: readonly UnitInstruction[]): Int32Array | null {
    if (this.mode !== "paged" || this.#imports.place === null) return null;
    return offsetsOfBases(instructions, this.#regionStart);
  }

  begin(
    instruction: UnitInstruction,
    completed: number,
    isDeadWrite: boolean,
    group: AccessGroup | null = null,
    baseOffset = UNKNOWN_OFFSET,
  ): void {
    this.#group = this.mode === "paged" ? group : null;
    this.#baseOffset = baseOffset;
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

  /** Stores what the block keeps in locals because it will overwrite it. */
  #storePending(): void {
    const { code } = this;
    for (let rest = this.#pending; rest !== 0; rest &= rest - 1) {
      const register = 31 - Math.clz32(rest & -rest);
      code.i32Const(0);
      code.localGet(this.#localOfX[register]!);
      code.memory(Op.i64Store, HART_X + register * 8);
    }
  }

  /** Leaves at this instruction, which isn't done. */
  override exitWith(reason: number, isDone = false): void {
    const { pc, length } = this.#instruction;
    if (this.lazy === null) this.#storePending();
    this.leaveAt(isDone ? pc + length : pc, this.#completed + (isDone ? 1 : 0), reason);
  }

  /** As `Leaving.at`, with all registers stored. */
  leaveAt(pc: number | null, completed: number, reason: number): void {
    this.storeLazy();
    this.leaving.at(pc, completed, reason);
  }

  #registerNumber(source: Source): number {
    return source === RS1 ? this.#instruction.rs1 : source === RS2 ? this.#instruction.rs2 : this.#instruction.rs3;
  }

  override readX(source: Source): void {
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
    if (this.#isDeadWrite) this.#pending |= 1 << rd;
    else this.#pending &= ~(1 << rd);
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

  get roundingMode(): number {
    return this.#instruction.rm;
  }

  pushRoundingMode(): void {
    if (this.#instruction.rm !== 7) {
      this.code.i32Const(this.#instruction.rm);
      return;
    }
    this.code.i32Const(0);
    this.code.memory(Op.i32Load, HART_FRM);
  }

  pushPc(offset: number): void {
    if (this.#imports.place === null) this.code.i64ConstBits(0, this.#instruction.pc + offset);
    else {
      this.pushAddress(this.#instruction.pc + offset);
      this.code.op(Op.i64ExtendI32U);
    }
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

  #effectiveAddress(): void {
    this.readX(RS1);
    if (this.#instruction.imm === 0) return;
    this.immediate64();
    this.code.op(Op.i64Add);
  }

  /** Pushes the host address (less `hostOffset`) of rs1 + imm. @param guess  local, 0: none */
  #pushAccess(size: number, write: boolean, guess: number): void {
    const { code } = this;
    const offset = this.#offsetOf(this.#instruction.imm);
    if (offset !== UNKNOWN_OFFSET && offset % size === 0) {
      this.#lookUpOffset(offset, write);
      // It is aligned: of its entry is asked what is asked for a byte.
      emitEntryTest(code, this.access, { size: 1, write }, () => this.exitWith(ExitReason.MEMORY));
      pushHost(code, this.access);
      return;
    }
    this.#effectiveAddress();
    if (guess === 0) {
      this.translate({ size, write });
      pushHost(code, this.access);
      return;
    }
    code.op(Op.i32WrapI64);
    code.localSet(VA);
    const hit = code.block();
    const miss = code.block();
    this.#branchUnlessGuessed(miss, guess, size, write);
    code.br(hit);
    code.end();
    emitEntryTest(code, this.access, { size, write }, () => this.exitWith(ExitReason.MEMORY));
    code.localGet(DELTA);
    code.localSet(guess);
    code.end();
    code.localGet(VA);
    code.localGet(guess);
    code.op(Op.i32Add);
  }

  /** Of rs1 + imm in the region, where that is known. */
  #offsetOf(imm: number): number {
    return this.#baseOffset === UNKNOWN_OFFSET ? UNKNOWN_OFFSET : offsetWithin(this.#baseOffset + imm);
  }

  /** VA = an address of the region, DELTA = the entry of its page. */
  #lookUpOffset(offset: number, write: boolean): void {
    const { code } = this;
    code.localGet(BASE);
    code.i32Const(offset);
    code.op(Op.i32Add);
    code.localSet(VA);
    code.localGet(REGION_TABLES);
    code.memory(Op.i32Load, (write ? WRITE_TABLE : READ_TABLE) + (offset >>> 12) * 4);
    code.localSet(DELTA);
  }

  /** DELTA = the entry of VA's page. Branches to `miss` unless it was guessed and VA is a multiple of `alignment`. */
  #branchUnlessGuessed(miss: number, guess: number, alignment: number, write: boolean): void {
    const { code } = this;
    code.localGet(VA);
    emitEntryLookup(code, TABLES, write);
    code.localTee(DELTA);
    code.localGet(guess);
    code.op(Op.i32Ne);
    code.unlikely();
    code.brIf(miss);
    if (alignment === 1) return;
    code.localGet(VA);
    code.i32Const(alignment - 1);
    code.op(Op.i32And);
    code.unlikely();
    code.brIf(miss);
  }

  /**
   * host = the host address of the group's lowest offset, or 0. Its offsets are multiples of their sizes, so that the
   * alignment of that one tells all.
   */
  #lookUpGroup(group: AccessGroup, host: number, guess: number): void {
    const { code } = this;
    const { alignment, hasStore } = group;
    const span = group.end - group.lowest;
    const offset = this.#offsetOf(group.lowest);
    if (offset !== UNKNOWN_OFFSET) {
      this.#lookUpOffset(offset, hasStore);
      if ((offset & 4095) + span > 4096) code.i32Const(0);
      else this.#pushEntryHost(alignment);
      code.localSet(host);
      return;
    }
    this.readX(RS1);
    if (group.lowest !== 0) {
      code.i64Const(group.lowest);
      code.op(Op.i64Add);
    }
    code.op(Op.i32WrapI64);
    code.localSet(VA);
    const done = guess === 0 ? 0 : code.block();
    if (guess !== 0) {
      const hit = code.block();
      const miss = code.block();
      this.#branchUnlessGuessed(miss, guess, alignment, hasStore);
      code.br(hit);
      code.end();
      this.#pushEntryHost(alignment);
      code.localTee(host);
      code.op(Op.i32Eqz);
      code.brIf(done);
      code.localGet(DELTA);
      code.localSet(guess);
      code.end();
      code.localGet(VA);
      code.localGet(guess);
      code.op(Op.i32Add);
    } else {
      code.localGet(VA);
      emitEntryLookup(code, TABLES, hasStore);
      code.localSet(DELTA);
      this.#pushEntryHost(alignment);
    }
    code.localSet(host);
    if (span > alignment) {
      // A branch, not a select: the access needn't wait for the comparison.
      code.localGet(VA);
      code.i32Const(4095);
      code.op(Op.i32And);
      code.i32Const(4096 - span);
      code.op(Op.i32GtU);
      code.unlikely();
      code.if();
      code.i32Const(0);
      code.localSet(host);
      code.end();
    }
    if (guess !== 0) code.end();
  }

  /**
   * Pushes the host address of VA by its page's entry in DELTA, or 0 where that doesn't do.
   */
  #pushEntryHost(alignment: number): void {
    const { code } = this;
    pushMisfit(code, this.access, alignment);
    code.unlikely();
    code.if(Type.i32);
    code.i32Const(0);
    code.else();
    code.localGet(VA);
    code.localGet(DELTA);
    code.op(Op.i32Add);
    code.end();
  }

  load(opcode: number, size: 1 | 2 | 4 | 8): void {
    this.#accessMemory(size, false, opcode, () => {});
  }

  store(opcode: number, size: 1 | 2 | 4 | 8, pushValue: () => void): void {
    this.#accessMemory(size, true, opcode, pushValue);
  }

  #accessMemory(size: number, write: boolean, opcode: number, pushValue: () => void): void {
    const { code } = this;
    const group = this.#group;
    const { rs1 } = this.#instruction;
    const guess = (this.#guessed >>> rs1) & 1 ? this.#guessOf[rs1]! : 0;
    if (group === null) {
      this.#pushAccess(size, write, guess);
      pushValue();
      code.memory(opcode, hostOffset(this.mode));
      return;
    }
    const host = FIRST_GROUP + group.number;
    if (group.first === this.#instruction) this.#lookUpGroup(group, host, guess);
    code.localGet(host);
    code.op(Op.i32Eqz);
    code.unlikely();
    code.if(write ? 0x40 : loadedType(opcode));
    this.#pushAccess(size, write, 0);
    pushValue();
    code.memory(opcode, hostOffset(this.mode));
    code.else();
    code.localGet(host);
    pushValue();
    code.memory(opcode, hostOffset(this.mode) + this.#instruction.imm - group.lowest);
    code.end();
  }
}

function loadedType(opcode: number): ValueType {
  if (opcode === Op.f64Load) return Type.f64;
  return opcode === Op.i32Load ? Type.i32 : Type.i64;
}
