/** What the interpreter counts of targets of jumps, for the translator's choice. */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { Target } from "./code-target.ts";
import { FUEL, HEATED_FUEL, PC, RECORD, SCRATCH_I32, TARGET } from "./record-lowering.ts";

/** Sets TARGET for PC and its RECORD. */
export function emitTargetOfRecord(code: CodeWriter): void {
  code.localGet(RECORD);
  code.localGet(PC);
  code.i32Const(0xffe);
  code.op(Op.i32And);
  code.i32Const(1);
  code.op(Op.i32Shl);
  code.op(Op.i32Sub);
  code.localSet(TARGET);
}

/**
 * Heats the target in TARGET by one for its execution and one for every eight instructions since the last target, and
 * reports the heat when it has reached the threshold: what runs long is worth as much as what runs often.
 *
 * @param hot  index of the function (pc, heat) that is told
 */
export function emitHeating(code: CodeWriter, threshold: number, hot: number): void {
  code.localGet(TARGET);
  code.memory(Op.i32Load16U, Target.heat);
  code.i32Const(1);
  code.op(Op.i32Add);
  code.localGet(HEATED_FUEL);
  code.localGet(FUEL);
  code.localTee(HEATED_FUEL);
  code.op(Op.i32Sub);
  code.i32Const(3);
  code.op(Op.i32ShrU);
  code.op(Op.i32Add);
  code.localTee(SCRATCH_I32);
  code.i32Const(threshold);
  code.op(Op.i32GeU);
  code.if();
  code.localGet(PC);
  code.localGet(SCRATCH_I32);
  code.call(hot);
  code.i32Const(0);
  code.localSet(SCRATCH_I32);
  code.end();
  code.localGet(TARGET);
  code.localGet(SCRATCH_I32);
  code.memory(Op.i32Store16, Target.heat);
}
