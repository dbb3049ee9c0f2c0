/**
 * Where a jump through a register goes. Addresses of code are u32 all the way (code lies below 4 GiB), so one above
 * becomes 0, where no code ever is, and HART_FAR remembers it: the fetch there faults, and `settleFarPc` tells the pc
 * as it is.
 */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { HART_FAR, HART_PC, HART_PC_HIGH } from "./hart-state.ts";
import type { PhysicalMemory } from "./physical-memory.ts";

/** How rs1 and rs1 + imm are read. */
interface Target {
  /** rs1 + imm, its low half. */
  readonly pushLow: () => void;
  /** rs1, its high half. */
  readonly pushHigh: () => void;
  /** rs1 + imm as i64. */
  readonly pushSum: () => void;
}

/** The local `target` = (rs1 + imm) & ~1. @param sum  an i64 local. An rs1 of 32 bits costs one test */
export function emitRegisterTarget(code: CodeWriter, from: Target, sum: number, target: number): void {
  from.pushLow();
  code.i32Const(-2);
  code.op(Op.i32And);
  code.localSet(target);
  from.pushHigh();
  code.if();
  from.pushSum();
  code.localTee(sum);
  code.i64Const(32);
  code.op(Op.i64ShrU);
  code.op(Op.i32WrapI64);
  code.if();
  code.i32Const(0);
  code.localGet(sum);
  code.i64Const(-2);
  code.op(Op.i64And);
  code.memory(Op.i64Store, HART_FAR);
  code.i32Const(0);
  code.localSet(target);
  code.end();
  code.end();
}

/** After a run: HART_PC and HART_PC_HIGH are the pc, wherever a jump has gone. */
export function settleFarPc({ u32 }: PhysicalMemory): void {
  const high = u32[(HART_FAR >>> 2) + 1]!;
  if (high === 0) return;
  u32[HART_PC >>> 2] = u32[HART_FAR >>> 2]!;
  u32[HART_PC_HIGH >>> 2] = high;
  u32[HART_FAR >>> 2] = u32[(HART_FAR >>> 2) + 1] = 0;
}
