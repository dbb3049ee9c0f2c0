/** Instructions that the interpreter calls as functions of their own, and what it and they are given. */
import type { CodeWriter } from "@stratos/wasm";
import type { AddressMode } from "./access.ts";
import type { LoweringTable } from "./lower/lowering.ts";
import { INTERPRETER_LOCALS, RECORD, RecordLowering, TABLES } from "./record-lowering.ts";

/** What the interpreter calls. */
export interface InterpreterImports {
  /** () → next pc as in translations; type index of (i32, i32) → i32 */
  readonly codeType: number;
  /** decode(record, pc) → 0, or 1 for a fetch fault whose address is in HART_FAULT */
  readonly decode: number;
  readonly ecall: number;
  /** hot(pc, heat): the target's heat has reached the threshold and begins anew */
  readonly hot: number;
  /** indirect(pc, target): a jump through a register at `pc` went to `target` */
  readonly indirect: number;
  readonly helper: (name: string) => number;
  readonly lowerings: LoweringTable;
}

/**
 * Rare instructions (floating-point arithmetic, atomics, division, extensions) are functions of their own, (record,
 * tables) → 0 or the reason to leave: the interpreter's one function has to stay small, because the host's engine runs
 * it slowly until it is optimised.
 */
export function emitOutOfLine(code: CodeWriter, mode: AddressMode, imports: InterpreterImports, name: string): void {
  const start = code.beginFunction(INTERPRETER_LOCALS);
  code.localGet(0);
  code.localGet(1);
  code.localSet(TABLES);
  code.localSet(RECORD);
  imports.lowerings[name]!(new RecordLowering(code, mode, imports.helper, true));
  code.i32Const(0);
  code.endFunction(start);
}

/** Function-table slot of the first out-of-line handler, of which each has its index in INSTRUCTIONS; 0 interprets. */
export const OUT_OF_LINE_SLOTS = 1;
/** The slots from here are translations'. */
export const TRANSLATION_SLOTS = 512;
