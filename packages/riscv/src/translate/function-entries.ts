import { assert } from "@stratos/base";
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { emitTakeEntry, emitTargetLookup, pushHasEntry, pushTargetEntry, pushTargetSlot } from "../code-target.ts";
import type { JumpRoutes } from "./jump-routes.ts";
import type { Liveness } from "./liveness.ts";
import { DEPTH, ENTRY, PC, RECORD, TABLES } from "./locals.ts";
import type { TranslationLowering } from "./translation-lowering.ts";
import type { Block } from "./unit.ts";

interface EntryContext {
  readonly lowering: TranslationLowering;
  readonly routes: JumpRoutes;
  readonly liveness: Liveness;
  readonly main: Block;
  /** Function-table slot of the unit, or its number in the module (unit-emitter.ts). */
  readonly slot: number;
}

/**
 * Emits how a function of several entries is entered elsewhere than at its first block, where what follows begins: at
 * the entry that the caller names, or at the one that the pc's target says.
 */
export function emitEntries(code: CodeWriter, context: EntryContext): void {
  const { lowering, main, slot } = context;
  const first = code.block();
  const named = code.block();
  pushHasEntry(code, DEPTH);
  code.if();
  emitTakeEntry(code, DEPTH, ENTRY);
  code.br(named);
  code.end();
  code.localGet(PC);
  lowering.pushAddress(main.pc);
  code.op(Op.i32Eq);
  code.brIf(first);
  emitTargetLookup(code, TABLES, PC, RECORD);
  // Another translation has taken this entry over: let the caller look again.
  pushTargetSlot(code, RECORD);
  lowering.pushSlot(slot);
  code.op(Op.i32Ne);
  code.if();
  code.localGet(PC);
  code.return();
  code.end();
  pushTargetEntry(code, PC, RECORD);
  code.localSet(ENTRY);
  code.end();
  emitEntryTable(code, context);
  code.end();
}

/**
 * Goes to the entry whose number is in ENTRY. Registers that all entries need are loaded first, what else is live at
 * one on the way to it: an interpreter's loop has dozens of entries, each with a few registers of its own.
 */
function emitEntryTable(code: CodeWriter, { lowering, routes, liveness }: EntryContext): void {
  const { liveX, liveF } = liveness;
  const reached = routes.entries.slice(1).filter((block) => {
    const destination = routes.destination(null, block);
    return "isTarget" in destination && destination.isTarget;
  });
  const commonX = reached.reduce((mask, block) => mask & liveX[block.index]!, -1);
  const commonF = reached.reduce((mask, block) => mask & liveF[block.index]!, -1);
  lowering.loadRegisters(commonX, commonF);
  const unreachable = code.block();
  const labels = new Map(reached.map((block) => [block, code.block()]));
  code.localGet(ENTRY);
  code.brTable(
    routes.entries.map((block) => labels.get(block) ?? unreachable),
    unreachable,
  );
  for (const block of reached.reverse()) {
    code.end();
    lowering.loadRegisters(liveX[block.index]! & ~commonX, liveF[block.index]! & ~commonF);
    const { label } = routes.destination(null, block);
    assert(label > 0, "what is jumped to was marked as a target");
    code.br(label);
  }
  code.end();
  code.op(Op.unreachable);
}
