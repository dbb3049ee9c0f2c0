import { assert } from "@stratos/base";
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import type { AddressMode } from "../access.ts";
import { ExitReason } from "../exit-reason.ts";
import { HART_FUEL, HART_PC, HART_TABLES, HART_WINDOW } from "../hart-state.ts";
import { INSTRUCTIONS } from "../instruction-table.ts";
import { BRANCH_CONDITIONS } from "../lower/integer.ts";
import { RS1, RS2 } from "../lower/lowering.ts";
import type { LoweringTable } from "../lower/lowering.ts";
import { emitTargetLookup, pushDepthWithEntry, pushTargetEntry, pushTargetSlot } from "../code-target.ts";
import { groupAccesses } from "./access-groups.ts";
import { isZeroExtension } from "./computations.ts";
import { emitEntries } from "./function-entries.ts";
import { FrameEmitter } from "./frame-emitter.ts";
import { chooseLazyLoops } from "./lazy-loops.ts";
import type { LazyLoop } from "./lazy-loops.ts";
import { CONDITION, DEPTH, ENTRY, FUEL, RECORD, TABLES, VA, WINDOW } from "./locals.ts";
import { analyzeLiveness, type Liveness } from "./liveness.ts";
import { findDeadWrites } from "./dead-writes.ts";
import { isComputation, isLeftAlone } from "./register-use.ts";
import { JumpRoutes } from "./jump-routes.ts";
import {
  extendedAfter,
  isRedundantExtension,
  KNOWN_AT_ENTRY,
  wordOperation,
  wordsMadeAfter,
} from "./sign-extension.ts";
import { isInside, structureBlocks } from "./structure.ts";
import type { Element, Loop, Structure } from "./structure.ts";
import { TranslationLowering } from "./translation-lowering.ts";
import type { TranslationImports } from "./translation-imports.ts";
import { planGuesses } from "./page-guesses.ts";
import type { GuessPlan } from "./page-guesses.ts";
import { PagePresence } from "./page-presence.ts";
import type { Block, Unit, UnitInstruction } from "./unit.ts";

/**
 * Emits one unit as a wasm function (pc, depth) → next pc.
 *
 * Entries are the unit's first block, headers of outermost loops, return points of calls and known targets of jumps
 * through registers (`jump-routes.ts`). Each has a number, which callers pass or the pc's target says
 * (`function-entries.ts`); the function's top and the headers of loops around the entry dispatch by it.
 *
 * Fuel is a local. A block's instructions are subtracted at its end, or later: a block with a single way in takes over
 * what its predecessor hasn't subtracted. At canonical check points (backward branches and jumps, calls, jalr) it is up
 * to date and tested.
 */
interface EmittedUnit {
  /** Blocks by entry number. */
  readonly entries: readonly Block[];
}

interface UnitContext {
  readonly code: CodeWriter;
  readonly mode: AddressMode;
  readonly imports: TranslationImports;
  readonly lowerings: LoweringTable;
  /** Function-table slot of the unit; of one that is kept, its number in the module. */
  readonly slot: number;
  /** Slot through which to call `target`, 0: look it up at run time. */
  readonly callSlot: (target: number) => number;
}

const NEGATED: ReadonlyMap<number, number> = new Map([
  [Op.i64Eq, Op.i64Ne],
  [Op.i64Ne, Op.i64Eq],
  [Op.i64LtS, Op.i64GeS],
  [Op.i64GeS, Op.i64LtS],
  [Op.i64LtU, Op.i64GeU],
  [Op.i64GeU, Op.i64LtU],
]);

export function emitUnit(unit: Unit, context: UnitContext): EmittedUnit {
  return new UnitEmitter(unit, context).emit();
}

class UnitEmitter {
  readonly #context: UnitContext;
  readonly #code: CodeWriter;
  readonly #lowering: TranslationLowering;
  readonly #frame: FrameEmitter;
  readonly #structure: Structure;
  readonly #lazyOf: readonly (LazyLoop | null)[];
  readonly #guesses: GuessPlan;
  readonly #liveness: Liveness;
  readonly #main: Block;
  readonly #routes: JumpRoutes;
  readonly #presence: PagePresence;
  /** Instructions done on the way to the block that its predecessor left unsubtracted. */
  readonly #pendingAt: Int32Array;

  constructor(unit: Unit, context: UnitContext) {
    this.#context = context;
    this.#code = context.code;
    this.#lowering = new TranslationLowering(context.code, context.mode, context.imports, unit.region.start);
    this.#frame = new FrameEmitter(context.code, this.#lowering, context.imports);
    this.#main = unit.main;
    this.#structure = structureBlocks(unit.blocks, this.#main);
    this.#lazyOf = chooseLazyLoops(unit, this.#structure);
    this.#guesses = planGuesses(unit, this.#structure);
    this.#liveness = analyzeLiveness(unit, this.#structure.order, this.#lazyOf);
    this.#routes = new JumpRoutes(unit, this.#structure);
    this.#presence = new PagePresence(unit, this.#routes.entries);
    this.#pendingAt = new Int32Array(unit.blocks.length);
  }

  emit(): EmittedUnit {
    const start = this.#code.beginFunction(
      this.#lowering.assignLocals(this.#liveness.usedX, this.#liveness.usedF, this.#guesses.registers),
    );
    this.#lowering.leaving.open();
    this.#emitTop();
    this.#emitElements(this.#structure.elements);
    this.#lowering.leaving.close();
    this.#code.endFunction(start);
    return { entries: this.#routes.entries };
  }

  // Structure.

  #emitTop(): void {
    const code = this.#code;
    this.#frame.loadCell(HART_TABLES, TABLES);
    if (this.#context.mode === "window") this.#frame.loadCell(HART_WINDOW, WINDOW);
    this.#frame.loadCell(HART_FUEL, FUEL);
    this.#lowering.loadPlace();
    this.#lowering.resetGuesses(this.#guesses.registers);
    this.#openTargets(this.#structure.elements);
    if (this.#routes.entries.length > 1)
      emitEntries(code, {
        lowering: this.#lowering,
        routes: this.#routes,
        liveness: this.#liveness,
        main: this.#main,
        slot: this.#context.slot,
      });
    this.#lowering.loadRegisters(this.#liveness.liveX[this.#main.index]!, this.#liveness.liveF[this.#main.index]!);
    if (this.#routes.loopEntered(null, this.#main) !== null) {
      code.i32Const(this.#routes.entryNumber[this.#main.index]!);
      code.localSet(ENTRY);
    }
    if (this.#structure.positionOf[this.#main.index] !== 0) this.#branchTo(this.#routes.destination(null, this.#main));
  }

  #openTargets(elements: readonly Element[]): void {
    for (let i = elements.length - 1; i >= 0; i--) {
      const element = elements[i]!;
      if (element.isTarget) element.label = this.#code.block();
    }
  }

  #emitElements(elements: readonly Element[]): void {
    for (const element of elements) {
      if (element.isTarget) this.#code.end();
      if (element.loop !== null) this.#emitLoop(element.loop);
      else this.#emitBlock(element.block!);
    }
  }

  #emitLoop(loop: Loop): void {
    const code = this.#code;
    if (!loop.dispatches) this.#clearEntry(loop.header, loop.parent);
    loop.label = code.loop();
    this.#openTargets(loop.body);
    if (loop.dispatches) {
      code.localGet(ENTRY);
      code.if();
      const header = code.block();
      code.localGet(ENTRY);
      code.brTable(
        this.#routes.dispatched.map((block) =>
          block === loop.header || !isInside(this.#structure, block, loop)
            ? header
            : this.#routes.levelElement(loop, block).label,
        ),
        header,
      );
      code.end();
      code.i32Const(0);
      code.localSet(ENTRY);
      code.end();
    }
    this.#emitBlock(loop.header);
    this.#emitElements(loop.body);
    code.end();
  }

  /** An entry that was reached by number must not be dispatched again by a header around it. */
  #clearEntry(block: Block, from: Loop | null): void {
    if (this.#routes.entryNumber[block.index]! <= 0) return;
    for (let loop = from; loop !== null; loop = loop.parent) {
      if (!loop.dispatches) continue;
      this.#code.i32Const(0);
      this.#code.localSet(ENTRY);
      return;
    }
  }

  #branchTo(destination: Element | Loop): void {
    assert(destination.label > 0, "what is jumped to was marked as a target");
    this.#code.br(destination.label);
  }

  // Blocks.

  #emitBlock(block: Block): void {
    const loop = this.#structure.loopOf[block.index]!;
    if (loop === null || loop.header !== block) this.#clearEntry(block, loop);
    this.#lowering.lazy = this.#lazyOf[block.index]!;
    const { instructions } = block;
    const hasEnding = block.ending !== "fall";
    const bodyCount = hasEnding ? instructions.length - 1 : instructions.length;
    const deadWrites = findDeadWrites(block, bodyCount);
    const groups = groupAccesses(instructions);
    const offsets = this.#lowering.offsetsOfBases(instructions);
    const pending = this.#pendingAt[block.index]!;
    this.#lowering.beginBlock(this.#guesses.guessedIn[block.index]!);
    let done = pending;
    let extended = KNOWN_AT_ENTRY;
    let made = 0;
    for (let i = 0; i < bodyCount; i++) {
      const instruction = instructions[i]!;
      const isCopy = isRedundantExtension(instruction, extended);
      const wordOp = wordOperation(instruction, made);
      made = wordsMadeAfter(instruction, made);
      extended = extendedAfter(instruction, extended);
      if (instruction.skips > 0) {
        this.#lowering.begin(instruction, done, false);
        done += 1 + this.#emitCondition(instruction);
        continue;
      }
      const second = instructions[i + 1];
      if (i + 1 < bodyCount && second !== undefined && isZeroExtension(instruction, second)) {
        this.#lowering.begin({ ...second, rs1: instruction.rs1 }, done, deadWrites[i + 1]!);
        this.#emitZeroExtension(instruction.imm, second.imm);
        extended = extendedAfter(second, extended);
        made = wordsMadeAfter(second, made);
        if (!instruction.isConditional) done += 2;
        i++;
        continue;
      }
      const lowering = this.#context.lowerings[INSTRUCTIONS[instruction.index]!.name];
      assert(lowering !== undefined, "every instruction that runs on has a lowering");
      if (instruction.rd !== 0 || !isComputation(instruction)) {
        // else a hint
        this.#lowering.begin(instruction, done, deadWrites[i]!, groups[i]!, offsets?.[i]);
        if (isCopy) this.#emitCopy();
        else if (wordOp !== 0) this.#emitWordOperation(wordOp);
        else lowering(this.#lowering);
      }
      if (!instruction.isConditional) done++;
    }
    this.#emitEnding(block, done);
  }

  #emitCopy(): void {
    this.#lowering.beginWriteX();
    this.#lowering.readX(RS1);
    this.#lowering.endWriteX();
  }

  /** On the low halves of words, as the host's optimiser knows rotations. */
  #emitWordOperation(opcode: number): void {
    const code = this.#code;
    this.#lowering.beginWriteX();
    this.#lowering.readXLow(RS1);
    this.#lowering.readXLow(RS2);
    code.op(opcode);
    code.op(Op.i64ExtendI32S);
    this.#lowering.endWriteX();
  }

  /**
   * rd = the low 64 − left bits of rs1, shifted left by what isn't shifted back. Hosts have an instruction for the
   * common widths.
   */
  #emitZeroExtension(left: number, right: number): void {
    const code = this.#code;
    this.#lowering.beginWriteX();
    if (left === 32) {
      this.#lowering.readXLow(RS1);
      code.op(Op.i64ExtendI32U);
    } else {
      this.#lowering.readX(RS1);
      code.i64Const(2 ** (64 - left) - 1);
      code.op(Op.i64And);
    }
    if (left > right) {
      code.i64Const(left - right);
      code.op(Op.i64Shl);
    }
    this.#lowering.endWriteX();
  }

  /**
   * A branch within a block. CONDITION says whether to skip, or for bne, which a host tests as "not equal to zero,
   * not", whether not to. The instructions that are done are paid for here.
   *
   * @returns how many of them the block's end subtracts all the same (skipping gives them back)
   */
  #emitCondition(branch: UnitInstruction): number {
    const code = this.#code;
    const condition = BRANCH_CONDITIONS[INSTRUCTIONS[branch.index]!.name]!;
    const isInverted = condition === Op.i64Ne;
    this.#lowering.readX(RS1);
    this.#lowering.readX(RS2);
    code.op(isInverted ? Op.i64Eq : condition);
    code.localSet(CONDITION);
    this.#lowering.setCondition(!isInverted);
    code.localGet(FUEL);
    code.localGet(CONDITION);
    if (branch.skips > 1) {
      code.i32Const(branch.skips);
      code.op(Op.i32Mul);
    }
    code.op(isInverted ? Op.i32Sub : Op.i32Add);
    code.localSet(FUEL);
    return isInverted ? 0 : branch.skips;
  }

  /** @param completed  instructions before the last one that aren't subtracted (with "fall": all of them) */
  #emitEnding(block: Block, completed: number): void {
    const last = block.instructions[block.instructions.length - 1]!;
    this.#lowering.begin(last, completed, false);
    switch (block.ending) {
      case "fall":
        this.#edge(block, block.end, completed, false);
        break;
      case "jump":
        this.#edge(block, block.target, completed + 1, last.imm <= 0);
        break;
      case "branch":
        this.#emitBranch(block, last, completed + 1);
        break;
      case "inline-call":
        this.#emitInlineCall(block, completed + 1);
        break;
      case "inline-return":
        this.#emitInlineReturn(block, last, completed + 1);
        break;
      case "call":
        this.#emitCall(block, completed + 1);
        break;
      case "call-register":
        this.#emitCallRegister(block, last, completed + 1);
        break;
      case "jump-register":
        this.#emitJumpRegister(block, last, completed + 1);
        break;
      case "return":
        this.#emitReturn(last, completed + 1);
        break;
      case "ecall":
        this.#emitEcall(block, last, completed + 1);
        break;
      case "ebreak":
        this.#lowering.exitWith(ExitReason.BREAKPOINT);
        break;
      case "fence":
        this.#lowering.exitWith(ExitReason.FENCE, true);
        break;
      case "illegal":
        this.#lowering.exitWith(ExitReason.ILLEGAL);
        break;
    }
  }

  #emitBranch(block: Block, last: UnitInstruction, done: number): void {
    const code = this.#code;
    const condition = BRANCH_CONDITIONS[INSTRUCTIONS[last.index]!.name]!;
    const isBackward = last.imm <= 0;
    const taken = block.context.blockAt.get(block.target);
    if (block.target === block.end && !isBackward) {
      this.#edge(block, block.end, done, false);
      return;
    }
    let left = done;
    if (!this.#carries(block, block.target, isBackward) && !this.#carries(block, block.end, false)) {
      this.#frame.subtract(done);
      left = 0;
    }
    this.#lowering.readX(RS1);
    this.#lowering.readX(RS2);
    if (
      taken !== undefined &&
      !isBackward &&
      this.#routes.isNext(block, taken) &&
      this.#routes.loopEntered(block, taken) === null
    ) {
      // The taken side stands next: the other one jumps.
      code.op(NEGATED.get(condition)!);
      code.if();
      this.#edge(block, block.end, left, false, true);
      code.end();
      this.#edge(block, block.target, left, false);
      return;
    }
    code.op(condition);
    if (
      taken !== undefined &&
      !isBackward &&
      !this.#leavesLazy(block, taken) &&
      this.#routes.loopEntered(block, taken) === null &&
      this.#presence.unknown(block, taken).length === 0 &&
      (left === 0 || this.#carries(block, block.target, false))
    ) {
      this.#pendingAt[taken.index] = left;
      code.brIf(this.#routes.destination(block, taken).label);
    } else {
      code.if();
      this.#edge(block, block.target, left, isBackward, true);
      code.end();
    }
    this.#edge(block, block.end, left, false);
  }

  /** Whether the block at `pc` takes over what isn't subtracted yet: this is its only way in. */
  #carries(from: Block, pc: number, isBackward: boolean): boolean {
    const to = from.context.blockAt.get(pc);
    return (
      to !== undefined &&
      !isBackward &&
      to.predecessorCount === 1 &&
      this.#routes.entryNumber[to.index]! < 0 &&
      this.#structure.positionOf[to.index]! > this.#structure.positionOf[from.index]!
    );
  }

  /**
   * Goes on at `pc`, in the unit or outside of it.
   * @param done  instructions not yet subtracted
   * @param mustBranch  inside a wasm `if`: no falling through
   */
  #edge(from: Block, pc: number, done: number, isBackward: boolean, mustBranch = false): void {
    const to = from.context.blockAt.get(pc);
    if (to === undefined) {
      this.#frame.subtract(done);
      if (isBackward) this.#frame.checkFuel(pc);
      this.#leaveTo(from, pc);
      return;
    }
    const isCarried = this.#carries(from, pc, isBackward);
    if (isCarried) this.#pendingAt[to.index] = done;
    else this.#frame.subtract(done);
    if (isBackward) this.#frame.checkFuel(pc);
    this.#checkPages(from, to, isCarried ? done : 0);
    this.#jumpTo(from, to, mustBranch);
  }

  /**
   * Leaves, before `to`, where the address space has not fetched from its page yet: the fault comes after the same
   * instruction as in the interpreter. @param done  instructions not yet subtracted
   */
  #checkPages(from: Block, to: Block, done: number): void {
    const code = this.#code;
    for (const pc of this.#presence.unknown(from, to)) {
      this.#lowering.pushCodePage(pc);
      code.op(Op.i32Eqz);
      code.unlikely();
      code.if();
      this.#lowering.storeLazy();
      this.#frame.subtract(done);
      this.#frame.storeFuel();
      this.#frame.dispatch(() => this.#lowering.pushAddress(to.pc));
      code.end();
    }
  }

  #jumpTo(from: Block, to: Block, mustBranch: boolean): void {
    const code = this.#code;
    if (this.#leavesLazy(from, to)) this.#lowering.storeLazy();
    if (this.#routes.loopEntered(from, to) !== null) {
      code.i32Const(this.#routes.entryNumber[to.index]!);
      code.localSet(ENTRY);
    } else if (!mustBranch && this.#routes.isNext(from, to)) {
      return;
    }
    this.#branchTo(this.#routes.destination(from, to));
  }

  #leavesLazy(from: Block, to: Block): boolean {
    const lazy = this.#lazyOf[from.index]!;
    return lazy !== null && this.#lazyOf[to.index] !== lazy;
  }

  /** Goes on outside of the unit. What an inlined function leaves comes back to its return point in the unit. */
  #leaveTo(from: Block, pc: number): void {
    const code = this.#code;
    this.#lowering.storeLazy();
    this.#frame.storeFuel();
    const { returnTo } = from.context;
    if (returnTo === null) {
      this.#frame.dispatch(() => this.#lowering.pushAddress(pc));
      return;
    }
    this.#lowering.pushAddress(pc);
    this.#frame.pushInnerDepth();
    code.call(this.#context.imports.dispatch);
    this.#frame.returnUnless(returnTo.pc);
    this.#reload(returnTo);
    // The register file is newer than what a lazy loop in the inlined function kept in locals.
    const { lazy } = this.#lowering;
    this.#lowering.lazy = null;
    this.#checkPages(from, returnTo, 0);
    this.#jumpTo(from, returnTo, true);
    this.#lowering.lazy = lazy;
  }

  #emitInlineCall(block: Block, done: number): void {
    this.#frame.writeLink();
    this.#frame.subtract(done);
    this.#frame.checkFuel(block.target);
    this.#checkPages(block, block.successors[0]!, 0);
    this.#jumpTo(block, block.successors[0]!, false);
  }

  /** Where the inlined function leaves the link register alone it holds what the call wrote; else it is compared. */
  #emitInlineReturn(block: Block, last: UnitInstruction, done: number): void {
    const code = this.#code;
    const returnTo = block.context.returnTo!;
    const isCertain = last.imm === 0 && isLeftAlone(last.rs1, block.context);
    if (!isCertain) this.#frame.registerTarget(last);
    this.#frame.subtract(done);
    this.#frame.checkFuel(isCertain ? returnTo.pc : null);
    if (!isCertain) {
      code.localGet(VA);
      this.#lowering.pushAddress(returnTo.pc);
      code.op(Op.i32Ne);
      code.unlikely();
      code.if();
      this.#lowering.storeLazy();
      this.#frame.storeFuel();
      code.localGet(VA);
      code.return();
      code.end();
    }
    this.#checkPages(block, returnTo, 0);
    this.#jumpTo(block, returnTo, false);
  }

  #emitCall(block: Block, done: number): void {
    const code = this.#code;
    this.#frame.writeLink();
    this.#frame.beforeCall(done, block.target);
    const slot = this.#context.callSlot(block.target);
    this.#lowering.pushAddress(block.target);
    this.#frame.pushInnerDepth();
    if (slot === 0) this.#frame.pushSlotOf(block.target);
    else {
      code.i32Const(slot);
      if (!this.#presence.isKnown(block, block.target)) {
        // Slot 0 is the interpreter's, which faults.
        code.i32Const(0);
        this.#lowering.pushCodePage(block.target);
        code.op(Op.select);
      }
    }
    code.callIndirect(this.#context.imports.codeType);
    this.#afterCall(block);
  }

  #emitCallRegister(block: Block, last: UnitInstruction, done: number): void {
    const code = this.#code;
    this.#frame.registerTarget(last);
    this.#frame.writeLink();
    this.#frame.beforeCall(done, null);
    code.localGet(VA);
    this.#frame.pushInnerDepth();
    this.#frame.pushSlotOfTarget();
    code.callIndirect(this.#context.imports.codeType);
    this.#afterCall(block);
  }

  #emitReturn(last: UnitInstruction, done: number): void {
    this.#frame.registerTarget(last);
    this.#frame.subtract(done);
    this.#frame.checkFuel(null);
    this.#frame.storeFuel();
    this.#code.localGet(VA);
    this.#code.return();
  }

  #emitJumpRegister(block: Block, last: UnitInstruction, done: number): void {
    const code = this.#code;
    this.#frame.registerTarget(last);
    if (last.rd !== 0) this.#frame.writeLink();
    this.#frame.subtract(done);
    this.#frame.checkFuel(null);
    emitTargetLookup(code, TABLES, VA, RECORD);
    if (block.targets.length > 0) {
      const successors = new Set(block.successors);
      pushTargetSlot(code, RECORD);
      this.#lowering.pushSlot(this.#context.slot);
      code.op(Op.i32Eq);
      code.if();
      const unknown = code.block();
      const entering = this.#routes.entries
        .filter((entry) => successors.has(entry) && this.#routes.loopEntered(block, entry) !== null)
        .map((entry) => ({ entry, label: code.block() }));
      pushTargetEntry(code, VA, RECORD);
      code.brTable(
        this.#routes.entries.map((entry) => {
          if (!successors.has(entry)) return unknown;
          const through = entering.find((each) => each.entry === entry);
          return through?.label ?? this.#routes.destination(block, entry).label;
        }),
        unknown,
      );
      for (const { entry } of entering.reverse()) {
        code.end();
        this.#jumpTo(block, entry, true);
      }
      code.end();
      code.end();
    }
    this.#frame.storeFuel();
    code.localGet(VA);
    pushDepthWithEntry(code, DEPTH, VA, RECORD);
    pushTargetSlot(code, RECORD);
    code.returnCallIndirect(this.#context.imports.codeType);
  }

  /** The hook sees pc and fuel as they are after the ecall; the next block loads its registers anew. */
  #emitEcall(block: Block, last: UnitInstruction, done: number): void {
    const code = this.#code;
    code.i32Const(0);
    this.#lowering.pushAddress(last.pc);
    code.memory(Op.i32Store, HART_PC);
    this.#frame.subtract(done);
    this.#frame.storeFuel();
    code.call(this.#context.imports.ecall);
    code.if();
    code.i32Const(-1);
    code.return();
    code.end();
    this.#resume(block);
  }

  /** Stack: the next pc. Anything but the return point is the caller's business. */
  #afterCall(block: Block): void {
    this.#frame.returnUnless(block.end);
    this.#resume(block);
  }

  /** Goes on after a call or ecall. */
  #resume(block: Block): void {
    const next = block.context.blockAt.get(block.end);
    if (next === undefined) this.#frame.loadCell(HART_FUEL, FUEL);
    else this.#reload(next);
    this.#edge(block, block.end, 0, false);
  }

  /** Fuel and the registers that `next` needs, from memory. */
  #reload(next: Block): void {
    this.#frame.loadCell(HART_FUEL, FUEL);
    this.#lowering.loadRegisters(this.#liveness.liveX[next.index]!, this.#liveness.liveF[next.index]!);
  }
}
