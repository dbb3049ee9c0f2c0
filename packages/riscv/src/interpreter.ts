/**
 * Generates the interpreter: one wasm function (pc, depth) → next pc, the first of the function table. It walks the
 * records of code pages (record.ts) and dispatches by br_table; the handlers come from the same lowerings as
 * translations.
 *
 * The pc isn't kept: it is `(record >>> RECORD_SHIFT) + base`, where `base` belongs to the page. A straight run only
 * adds to `record`.
 *
 * Jumps within a page, which decoding knows (record.ts), need no table. Control transfers (canonical check points:
 * backward, calls, jalr) look for a translation of the target and call it.
 * What comes back is the next pc, or −1 when the whole run leaves. `level` counts calls that this activation has
 * interpreted, so that the return that matches its own entry goes back to the caller, which may be translated code. A
 * wrong guess costs time, never meaning: the state in memory is all there is.
 */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { emitRecordLookup } from "./access.ts";
import type { AddressMode } from "./access.ts";
import { pushDepthWithEntry, pushTargetSlot } from "./code-target.ts";
import { emitHeating, emitTargetOfRecord } from "./heat.ts";
import { ExitReason } from "./exit-reason.ts";
import { HART_EXIT, HART_FAULT, HART_FUEL, HART_INTERPRETED, HART_PC, HART_TABLES } from "./hart-state.ts";
import { emitNextPageTest } from "./next-page.ts";
import { INSTRUCTIONS, instructionIndex } from "./instruction-table.ts";
import { BRANCH_CONDITIONS } from "./lower/integer.ts";
import { RS1, RS2 } from "./lower/lowering.ts";
import { type InterpreterImports, OUT_OF_LINE_SLOTS } from "./out-of-line.ts";
import {
  BASE,
  DEPTH,
  ENTRY_FUEL,
  FUEL,
  HEATED_FUEL,
  INTERPRETER_LOCALS,
  LEVEL,
  PC,
  REASON,
  RECORD,
  RecordLowering,
  SCRATCH_I32,
  SCRATCH_I64,
  TABLES,
  TARGET,
  VALUE,
} from "./record-lowering.ts";
import { emitRegisterTarget } from "./register-target.ts";
import { emitStopTest } from "./stop-check.ts";
import { HAVE_SHORT, OP_COUNT, RECORD_SHIFT, Record, RecordOp, SHORT, inPageOp, opOf } from "./record.ts";

/**
 * How deep activations may nest: `depth` counts down from here, and where it is negative control returns to the run
 * loop, because the host's stack is bounded.
 */
export const DEPTH_LIMIT = 200;

export interface InterpreterForm {
  /** Heat at which a target is reported; 0: none is. */
  readonly hotThreshold: number;
  /** It looks before each instruction whether to stop there (stop-check.ts), and never enters translations. */
  readonly isExact: boolean;
}

export function emitInterpreter(
  code: CodeWriter,
  mode: AddressMode,
  imports: InterpreterImports,
  { hotThreshold, isExact }: InterpreterForm,
): void {
  const start = code.beginFunction(INTERPRETER_LOCALS);
  new InterpreterEmitter(code, mode, imports, { hotThreshold, isExact }).emit();
  code.endFunction(start);
}

class InterpreterEmitter extends RecordLowering {
  readonly #imports: InterpreterImports;
  readonly #hotThreshold: number;
  readonly #isExact: boolean;
  // Labels.
  #leave: number;
  #exit: number;
  #top: number;
  #backward: number;
  #landed: number;
  #return: number;
  #call: number;
  #next: number;

  constructor(code: CodeWriter, mode: AddressMode, imports: InterpreterImports, form: InterpreterForm) {
    super(code, mode, imports.helper, false);
    this.#imports = imports;
    this.#hotThreshold = form.hotThreshold;
    this.#isExact = form.isExact;
    this.#leave = this.#exit = this.#top = this.#next = 0;
    this.#call = this.#return = this.#landed = this.#backward = 0;
  }

  emit(): void {
    const { code } = this;
    this.#loadCell(HART_TABLES, TABLES);
    this.#loadCell(HART_FUEL, FUEL);
    this.#beginCounting();
    emitRecordLookup(code, TABLES, PC, RECORD);
    this.#forward();
    this.#count();

    this.#leave = code.block();
    this.#exit = code.block();
    this.#top = code.loop();
    this.#lookUp();
    this.#next = code.loop();
    this.#call = code.block();
    this.#return = code.block();
    this.#landed = code.block();
    this.#backward = code.block();
    this.#dispatch();
    code.end(); // backward to another page, jalr without link: PC is set
    this.#lookUp();
    code.end(); // landed: PC and its RECORD are set
    this.#checkFuel();
    this.#ifTranslated(() => this.#enterByJump());
    this.#count();
    code.br(this.#next);

    code.end(); // return
    this.#checkFuel();
    code.localGet(LEVEL);
    code.op(Op.i32Eqz);
    code.brIf(this.#leave);
    code.localGet(LEVEL);
    code.i32Const(1);
    code.op(Op.i32Sub);
    code.localSet(LEVEL);
    this.#lookUp();
    this.#ifTranslated(() => this.#enterByJump());
    code.br(this.#next);

    code.end(); // call: VALUE = return address
    this.#checkFuel();
    this.#lookUp();
    this.#ifTranslated(() => this.#enterByCall());
    this.#count();
    this.#addToLevel();
    code.br(this.#next);

    code.end(); // next: never reached
    code.op(Op.unreachable);
    code.end(); // top: never reached
    code.op(Op.unreachable);
    code.end(); // exit: PC and REASON are set
    this.#storeCell(HART_PC, PC);
    this.#storeCell(HART_EXIT, REASON);
    code.i32Const(-1);
    code.localSet(PC);
    code.end(); // leave: with PC as the result
    this.#flush();
    code.localGet(PC);
  }

  // Control.

  #dispatch(): void {
    const { code } = this;
    if (this.#isExact) this.#checkStop();
    code.localGet(FUEL);
    code.i32Const(1);
    code.op(Op.i32Sub);
    code.localSet(FUEL);

    // Blocks from the outermost: a label for each op, innermost first in the table.
    const handlers: { op: number; emit: () => void }[] = this.#handlers();
    const illegal = code.block();
    const labels: number[] = new Array<number>(OP_COUNT).fill(illegal);
    for (let i = handlers.length - 1; i >= 0; i--) labels[handlers[i]!.op] = code.block();
    code.localGet(RECORD);
    code.memory(Op.i32Load8U, Record.op);
    code.brTable(labels, illegal);
    for (const { op, emit } of handlers) {
      code.end();
      this.length = (op & SHORT) === 0 ? 4 : 2;
      emit();
    }
    code.end();
    this.exitWith(ExitReason.ILLEGAL);
  }

  #checkStop(): void {
    const { code } = this;
    emitStopTest(code, FUEL, () => this.currentPc());
    code.if();
    this.currentPc();
    code.localSet(PC);
    this.#setReason(ExitReason.STOP);
    code.br(this.#exit);
    code.end();
  }

  #handlers(): { op: number; emit: () => void }[] {
    const { code } = this;
    const handlers = [
      { op: RecordOp.UNDECODED, emit: () => this.#undecoded() },
      {
        op: RecordOp.FETCH,
        emit: () => {
          this.#undoFuel();
          this.currentPc();
          code.localSet(PC);
          this.#storeCell(HART_FAULT, PC);
          this.#setReason(ExitReason.FETCH);
          code.br(this.#exit);
        },
      },
      {
        op: RecordOp.TAIL,
        emit: () => this.#tail(),
      },
      {
        op: RecordOp.BARRIER,
        emit: () => (this.#isExact ? this.#tail() : this.exitWith(ExitReason.STOP)),
      },
      {
        op: RecordOp.NEXT_PAGE,
        emit: () => {
          this.#undoFuel();
          this.currentPc();
          code.localSet(PC);
          code.br(this.#top);
        },
      },
      { op: RecordOp.NOP, emit: () => this.#advance() },
      {
        op: RecordOp.MOVE,
        emit: () => {
          this.beginWriteX();
          this.readX(RS1);
          this.endWriteX();
          this.#advance();
        },
      },
      {
        op: RecordOp.CONSTANT,
        emit: () => {
          this.beginWriteX();
          this.immediate64();
          this.endWriteX();
          this.#advance();
        },
      },
      { op: RecordOp.JUMP, emit: () => this.#jump(() => this.#jumpTarget()) },
      { op: RecordOp.JUMP_FORWARD, emit: () => this.#jumpInPage(false) },
      { op: RecordOp.JUMP_BACKWARD, emit: () => this.#jumpInPage(true) },
      {
        op: RecordOp.CALL,
        emit: () => {
          this.#linkValue();
          this.#jumpTarget();
          code.localSet(PC);
          this.#writeLink();
          code.br(this.#call);
        },
      },
      {
        op: RecordOp.JUMP_REGISTER,
        emit: () => {
          this.#registerTarget();
          this.#noteIndirect();
          code.br(this.#backward);
        },
      },
      {
        op: RecordOp.JUMP_REGISTER_LINK,
        emit: () => {
          this.#linkValue();
          this.#registerTarget();
          this.#noteIndirect();
          this.#writeLink();
          code.br(this.#backward);
        },
      },
      {
        op: RecordOp.RETURN,
        emit: () => {
          this.#registerTarget();
          code.br(this.#return);
        },
      },
      {
        op: RecordOp.CALL_REGISTER,
        emit: () => {
          this.#linkValue();
          this.#registerTarget();
          this.#writeLink();
          code.br(this.#call);
        },
      },
      { op: RecordOp.OUT_OF_LINE, emit: () => this.#callOutOfLine() },
      { op: opOf(instructionIndex("ecall")), emit: () => this.#ecall() },
      { op: opOf(instructionIndex("ebreak")), emit: () => this.exitWith(ExitReason.BREAKPOINT) },
      { op: opOf(instructionIndex("fence.i")), emit: () => this.exitWith(ExitReason.FENCE, true) },
    ];
    INSTRUCTIONS.forEach((instruction, index) => {
      const op = opOf(index);
      const condition = BRANCH_CONDITIONS[instruction.name];
      if (condition !== undefined) {
        handlers.push(
          { op, emit: () => this.#branch(condition, () => this.#jump(() => this.#jumpTarget())) },
          { op: inPageOp(op, false), emit: () => this.#branch(condition, () => this.#jumpInPage(false)) },
          { op: inPageOp(op, true), emit: () => this.#branch(condition, () => this.#jumpInPage(true)) },
        );
      }
      const lowering = this.#imports.lowerings[instruction.name];
      if (lowering === undefined || op === RecordOp.OUT_OF_LINE) return;
      handlers.push({
        op,
        emit: () => {
          lowering(this);
          this.#advance();
        },
      });
    });
    return handlers.flatMap((handler) =>
      HAVE_SHORT.has(handler.op) ? [handler, { ...handler, op: handler.op | SHORT }] : [handler],
    );
  }

  #callOutOfLine(): void {
    const { code } = this;
    code.localGet(RECORD);
    code.localGet(TABLES);
    code.localGet(RECORD);
    code.memory(Op.i32Load16U, Record.handler);
    code.i32Const(OUT_OF_LINE_SLOTS);
    code.op(Op.i32Add);
    code.callIndirect(this.#imports.codeType);
    code.localTee(REASON);
    code.if();
    this.#undoFuel();
    this.currentPc();
    code.localSet(PC);
    code.br(this.#exit);
    code.end();
    this.#advance();
  }

  #advance(): void {
    const { code } = this;
    code.localGet(RECORD);
    code.i32Const(this.length << RECORD_SHIFT);
    code.op(Op.i32Add);
    code.localSet(RECORD);
    code.br(this.#next);
  }

  #branch(condition: number, jump: () => void): void {
    const { code } = this;
    this.readX(RS1);
    this.readX(RS2);
    code.op(condition);
    code.if();
    jump();
    code.end();
    this.#advance();
  }

  /** To pc + imm: a check point when it goes backwards. */
  #jump(pushTarget: () => void): void {
    const { code } = this;
    pushTarget();
    code.localSet(PC);
    this.immediate32();
    code.i32Const(0);
    code.op(Op.i32LeS);
    code.brIf(this.#backward);
    code.br(this.#top);
  }

  /** To pc + imm, which lies in the page: its record is as far away. */
  #jumpInPage(isBackward: boolean): void {
    const { code } = this;
    code.localGet(RECORD);
    this.immediate32();
    code.i32Const(RECORD_SHIFT);
    code.op(Op.i32Shl);
    code.op(Op.i32Add);
    code.localSet(RECORD);
    if (isBackward) {
      this.currentPc();
      code.localSet(PC);
    }
    code.br(isBackward ? this.#landed : this.#next);
  }

  #jumpTarget(): void {
    this.currentPc();
    this.immediate32();
    this.code.op(Op.i32Add);
  }

  /** PC = (rs1 + imm) & ~1 */
  #registerTarget(): void {
    const { code } = this;
    const pushLow = (): void => {
      this.readXLow(RS1);
      this.immediate32();
      code.op(Op.i32Add);
    };
    const pushSum = (): void => {
      this.readX(RS1);
      this.immediate64();
      code.op(Op.i64Add);
    };
    emitRegisterTarget(code, { pushLow, pushHigh: () => this.readXHigh(RS1), pushSum }, SCRATCH_I64, PC);
  }

  /**
   * Tells the translator where a jump through a register goes (jump tables): one time in 64, for what is worth
   * knowing comes often, and being told takes a hundred times as long as the jump.
   */
  #noteIndirect(): void {
    const { code } = this;
    if (this.#hotThreshold === 0) return;
    // Small thresholds are for tests, which want every target.
    const samples = this.#hotThreshold >= 100;
    if (samples) {
      code.localGet(FUEL);
      code.i32Const(63);
      code.op(Op.i32And);
      code.op(Op.i32Eqz);
      code.if();
    }
    this.currentPc();
    code.localGet(PC);
    code.call(this.#imports.indirect);
    if (samples) code.end();
  }

  /** VALUE = address of the next instruction. */
  #linkValue(): void {
    const { code } = this;
    this.pushNextPc32();
    code.localSet(VALUE);
  }

  #writeLink(): void {
    this.beginWriteX();
    this.code.localGet(VALUE);
    this.code.op(Op.i64ExtendI32U);
    this.endWriteX();
  }

  #checkFuel(): void {
    const { code } = this;
    code.localGet(FUEL);
    code.i32Const(0);
    code.op(Op.i32LtS);
    code.if();
    this.#setReason(ExitReason.BUDGET);
    code.br(this.#exit);
    code.end();
  }

  /** Runs `then` (which must leave) when the pc has a translation, with its slot in SCRATCH_I32. Sets TARGET. */
  #ifTranslated(then: () => void): void {
    const { code } = this;
    if (this.#isExact) return;
    emitTargetOfRecord(code);
    pushTargetSlot(code, TARGET);
    code.localTee(SCRATCH_I32);
    code.if();
    code.localGet(DEPTH);
    code.i32Const(0);
    code.op(Op.i32LtS);
    code.brIf(this.#leave);
    then();
    code.end();
  }

  /**
   * The interpreter stands in table slots of call targets that weren't translated; they may be by now, as a part of
   * something else.
   */
  #forward(): void {
    const { code } = this;
    if (this.#isExact) return;
    emitTargetOfRecord(code);
    pushTargetSlot(code, TARGET);
    code.if();
    code.localGet(PC);
    pushDepthWithEntry(code, DEPTH, PC, TARGET);
    pushTargetSlot(code, TARGET);
    code.returnCallIndirect(this.#imports.codeType);
    code.end();
  }

  #callTranslation(): void {
    const { code } = this;
    this.#flush();
    code.localGet(PC);
    pushDepthWithEntry(code, DEPTH, PC, TARGET);
    code.i32Const(1);
    code.op(Op.i32Sub);
    code.localGet(SCRATCH_I32);
    code.callIndirect(this.#imports.codeType);
    code.localTee(PC);
    code.i32Const(-1);
    code.op(Op.i32Eq);
    code.if();
    code.i32Const(-1);
    code.return();
    code.end();
    this.#loadCell(HART_FUEL, FUEL);
    this.#beginCounting();
  }

  /** A translation entered in the midst of a function comes back by that function's return. */
  #enterByJump(): void {
    const { code } = this;
    this.#callTranslation();
    code.localGet(LEVEL);
    code.op(Op.i32Eqz);
    code.brIf(this.#leave);
    code.localGet(LEVEL);
    code.i32Const(1);
    code.op(Op.i32Sub);
    code.localSet(LEVEL);
    code.br(this.#top);
  }

  #enterByCall(): void {
    const { code } = this;
    this.#callTranslation();
    code.localGet(PC);
    code.localGet(VALUE);
    code.op(Op.i32Eq);
    code.brIf(this.#top);
    this.#addToLevel();
    code.br(this.#top);
  }

  #addToLevel(): void {
    const { code } = this;
    code.localGet(LEVEL);
    code.i32Const(1);
    code.op(Op.i32Add);
    code.localSet(LEVEL);
  }

  /** Heats the target that was found last. */
  #count(): void {
    if (this.#hotThreshold > 0) emitHeating(this.code, this.#hotThreshold, this.#imports.hot);
  }

  /** FUEL was loaded: what others have done isn't this activation's. */
  #beginCounting(): void {
    const { code } = this;
    code.localGet(FUEL);
    code.localTee(ENTRY_FUEL);
    code.localSet(HEATED_FUEL);
  }

  #undecoded(): void {
    const { code } = this;
    this.#undoFuel();
    this.currentPc();
    code.localSet(PC);
    code.localGet(RECORD);
    code.localGet(PC);
    code.call(this.#imports.decode);
    code.op(Op.i32Eqz);
    code.brIf(this.#next);
    this.#setReason(ExitReason.FETCH);
    code.br(this.#exit);
  }

  /** Goes on with the copy of the record. */
  #tail(): void {
    const { code } = this;
    this.#undoFuel();
    this.currentPc();
    code.localSet(PC);
    emitNextPageTest(code, { pc: PC, record: RECORD, tables: TABLES, next: VALUE });
    code.if();
    this.#storeCell(HART_FAULT, VALUE);
    this.#setReason(ExitReason.FETCH);
    code.br(this.#exit);
    code.end();
    this.immediate32();
    code.localSet(RECORD);
    this.#setBase();
    code.br(this.#next);
  }

  /**
   * The hook sees a precise state. When it goes on, the table base is the same; tables' contents, records and fuel may
   * have changed.
   */
  #ecall(): void {
    const { code } = this;
    this.currentPc();
    code.localSet(PC);
    this.#storeCell(HART_PC, PC);
    this.#flush();
    code.call(this.#imports.ecall);
    code.if();
    code.i32Const(-1);
    code.return();
    code.end();
    this.#loadCell(HART_FUEL, FUEL);
    this.#beginCounting();
    this.#advance();
  }

  /** Leaves at the current instruction, which doesn't count; behind it when it is done. */
  override exitWith(reason: number, isDone = false): void {
    if (!isDone) this.#undoFuel();
    if (isDone) this.pushNextPc32();
    else this.currentPc();
    this.code.localSet(PC);
    this.#setReason(reason);
    this.code.br(this.#exit);
  }

  #setReason(reason: number): void {
    this.code.i32Const(reason);
    this.code.localSet(REASON);
  }

  #undoFuel(): void {
    const { code } = this;
    code.localGet(FUEL);
    code.i32Const(1);
    code.op(Op.i32Add);
    code.localSet(FUEL);
  }

  /** Writes the fuel and this activation's share of the statistics. */
  #flush(): void {
    const { code } = this;
    this.#storeCell(HART_FUEL, FUEL);
    code.i32Const(0);
    code.i32Const(0);
    code.memory(Op.i64Load, HART_INTERPRETED);
    code.localGet(ENTRY_FUEL);
    code.localGet(FUEL);
    code.op(Op.i32Sub);
    code.op(Op.i64ExtendI32S);
    code.op(Op.i64Add);
    code.memory(Op.i64Store, HART_INTERPRETED);
  }

  /** RECORD and BASE for PC. */
  #lookUp(): void {
    emitRecordLookup(this.code, TABLES, PC, RECORD);
    this.#setBase();
  }

  #setBase(): void {
    const { code } = this;
    code.localGet(PC);
    code.localGet(RECORD);
    code.i32Const(RECORD_SHIFT);
    code.op(Op.i32ShrU);
    code.op(Op.i32Sub);
    code.localSet(BASE);
  }

  #loadCell(address: number, local: number): void {
    this.code.i32Const(0);
    this.code.memory(Op.i32Load, address);
    this.code.localSet(local);
  }

  #storeCell(address: number, local: number): void {
    this.code.i32Const(0);
    this.code.localGet(local);
    this.code.memory(Op.i32Store, address);
  }
}
