import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { ExitReason } from "../exit-reason.ts";
import { HART_FUEL } from "../hart-state.ts";
import { RS1 } from "../lower/lowering.ts";
import { emitRegisterTarget } from "../register-target.ts";
import { emitSlotInPage, emitTargetLookup, pushTargetSlot } from "../code-target.ts";
import { DEPTH, FUEL, RECORD, SCRATCH_I64, TABLES, VA } from "./locals.ts";
import type { TranslationImports } from "./translation-imports.ts";
import type { TranslationLowering } from "./translation-lowering.ts";
import type { UnitInstruction } from "./unit.ts";

/**
 * What a translated function does to go elsewhere and come back: fuel, the depth of calls, targets in registers, the
 * slots behind them.
 */
export class FrameEmitter {
  readonly #code: CodeWriter;
  readonly #lowering: TranslationLowering;
  readonly #imports: TranslationImports;

  constructor(code: CodeWriter, lowering: TranslationLowering, imports: TranslationImports) {
    this.#code = code;
    this.#lowering = lowering;
    this.#imports = imports;
  }

  /** VA = (rs1 + imm) & ~1 */
  registerTarget(last: UnitInstruction): void {
    const code = this.#code;
    const pushLow = (): void => {
      this.#lowering.readXLow(RS1);
      if (last.imm === 0) return;
      code.i32Const(last.imm);
      code.op(Op.i32Add);
    };
    const pushHigh = (): void => {
      this.#lowering.readX(RS1);
      code.i64Const(32);
      code.op(Op.i64ShrU);
      code.op(Op.i32WrapI64);
    };
    const pushSum = (): void => {
      this.#lowering.readX(RS1);
      code.i64Const(last.imm);
      code.op(Op.i64Add);
    };
    emitRegisterTarget(code, { pushLow, pushHigh, pushSum }, SCRATCH_I64, VA);
  }

  writeLink(): void {
    this.#lowering.beginWriteX();
    this.#lowering.pushNextPc();
    this.#lowering.endWriteX();
  }

  /**
   * Accounts, and leaves when the fuel is used up or the calls nest too deep (fuel and depth are tested as one).
   *
   * @param target  pc; null: the one in VA
   */
  beforeCall(done: number, target: number | null): void {
    const code = this.#code;
    this.subtract(done);
    this.storeFuel();
    code.localGet(FUEL);
    code.localGet(DEPTH);
    code.op(Op.i32Or);
    code.i32Const(0);
    code.op(Op.i32LtS);
    code.unlikely();
    code.if();
    this.checkFuel(target);
    if (target === null) code.localGet(VA);
    else this.#lowering.pushAddress(target);
    code.return();
    code.end();
  }

  pushInnerDepth(): void {
    const code = this.#code;
    code.localGet(DEPTH);
    code.i32Const(1);
    code.op(Op.i32Sub);
  }

  /** Pushes the table slot of what stands at the pc in VA now. */
  pushSlotOfTarget(): void {
    emitTargetLookup(this.#code, TABLES, VA, RECORD);
    pushTargetSlot(this.#code, RECORD);
  }

  /** The same of a pc that is known. */
  pushSlotOf(pc: number): void {
    if (this.#lowering.canNamePage(pc)) {
      this.#lowering.pushCodePage(pc);
      emitSlotInPage(this.#code, pc);
      return;
    }
    this.#lowering.pushAddress(pc);
    this.#code.localSet(VA);
    this.pushSlotOfTarget();
  }

  /** Stack: a pc. Gives it to the caller unless it is `expected`. */
  returnUnless(expected: number): void {
    const code = this.#code;
    code.localTee(RECORD);
    this.#lowering.pushAddress(expected);
    code.op(Op.i32Ne);
    code.unlikely();
    code.if();
    code.localGet(RECORD);
    code.return();
    code.end();
  }

  subtract(count: number): void {
    if (count === 0) return;
    const code = this.#code;
    code.localGet(FUEL);
    code.i32Const(count);
    code.op(Op.i32Sub);
    code.localSet(FUEL);
  }

  /** @param pc  where to leave; null: at the one in VA */
  checkFuel(pc: number | null): void {
    const code = this.#code;
    code.localGet(FUEL);
    code.i32Const(0);
    code.op(Op.i32LtS);
    code.unlikely();
    code.if();
    this.#lowering.leaveAt(pc, 0, ExitReason.BUDGET);
    code.end();
  }

  /** Leaves the function for what stands at a pc, in the place of this function. */
  dispatch(pushPc: () => void): void {
    const code = this.#code;
    pushPc();
    code.localGet(DEPTH);
    code.returnCall(this.#imports.dispatch);
  }

  storeFuel(): void {
    this.#code.i32Const(0);
    this.#code.localGet(FUEL);
    this.#code.memory(Op.i32Store, HART_FUEL);
  }

  loadCell(address: number, local: number): void {
    this.#code.i32Const(0);
    this.#code.memory(Op.i32Load, address);
    this.#code.localSet(local);
  }
}
