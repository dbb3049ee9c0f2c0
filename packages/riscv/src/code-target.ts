/**
 * What is known of each halfword of a code page as a target of jumps. It lies behind the page's records, and not in
 * them, since most are of instructions that none leads to, and what is interpreted once is bound by the caches.
 *
 * ```
 * 4 bytes for each halfword, from TARGETS:
 *  0 u16 slot   function-table index of the translation to enter at this pc; 0: the interpreter
 *  2 u16 heat   for the translator's choice (interpreter.ts)
 * 2 bytes for each, from ENTRIES:
 *  0 u16 entry  which of the translation's entries this pc is
 * ```
 */
import { Op } from "@stratos/wasm";
import type { CodeWriter } from "@stratos/wasm";
import { emitCodePage } from "./access.ts";
import { CODE_PAGE_SIZE } from "./physical-memory.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import { RECORD_SIZE } from "./record.ts";

const HALFWORDS = 2048;
const TARGETS = HALFWORDS * RECORD_SIZE;
const ENTRIES = TARGETS + HALFWORDS * 4;

/** Offsets from what `emitTargetLookup` gives. */
export const Target = { slot: TARGETS, heat: TARGETS + 2 } as const;

/** @param page  address of the code page */
function targetAt(page: number, pc: number): number {
  return page + ((pc & 0xffe) << 1);
}

/** The slot of the translation that is entered at the pc; 0: none is. */
export function slotAt({ u16 }: PhysicalMemory, page: number, pc: number): number {
  return u16[(targetAt(page, pc) + Target.slot) >>> 1]!;
}

export function entryAt({ u16 }: PhysicalMemory, page: number, pc: number): number {
  return u16[(page + (pc & 0xffe) + ENTRIES) >>> 1]!;
}

/** The pc leads to an entry of the translation in the slot. @returns where that is written */
export function enterAt({ u16 }: PhysicalMemory, page: number, pc: number, slot: number, entry: number): number {
  const target = targetAt(page, pc);
  u16[(page + (pc & 0xffe) + ENTRIES) >>> 1] = entry;
  u16[(target + Target.slot) >>> 1] = slot;
  return target;
}

/**
 * The pc that `enterAt` has named a slot for leads to the interpreter, if it is still that slot. It is entry 0 then, of
 * which the interpreter hears nothing (`pushDepthWithEntry`).
 */
export function leaveAt({ u16, codeArenaStart }: PhysicalMemory, target: number, slot: number): void {
  const at = (target + Target.slot) >>> 1;
  if (u16[at] !== slot) return;
  const offset = (target - codeArenaStart) % CODE_PAGE_SIZE;
  u16[at] = 0;
  u16[(target - offset + (offset >>> 1) + ENTRIES) >>> 1] = 0;
}

/** Sets `target` for the pc in local `pc`. */
export function emitTargetLookup(code: CodeWriter, tables: number, pc: number, target: number): void {
  emitCodePage(code, tables, pc);
  pushOffset(code, pc);
  code.i32Const(1);
  code.op(Op.i32Shl);
  code.op(Op.i32Add);
  code.localSet(target);
}

/** Pushes the slot. */
export function pushTargetSlot(code: CodeWriter, target: number): void {
  code.localGet(target);
  code.memory(Op.i32Load16U, Target.slot);
}

/** Stack: the address of the code page of `pc`; gives the slot. */
export function emitSlotInPage(code: CodeWriter, pc: number): void {
  code.memory(Op.i32Load16U, targetAt(0, pc) + Target.slot);
}

/** Pushes which entry of its translation the pc is. */
export function pushTargetEntry(code: CodeWriter, pc: number, target: number): void {
  code.localGet(target);
  pushOffset(code, pc);
  code.op(Op.i32Sub);
  code.memory(Op.i32Load16U, ENTRIES);
}

/**
 * A function that is entered by what its target says is told which entry it is, in the upper half of `depth`: it need
 * not look the target up again, and its own jump is known early. 0, the first entry, says nothing; so do those who call
 * through a slot of their own. What remains of the depth lies between these.
 */
const ENTRY_SHIFT = 16;
const DEPTH_END = 0x8000;

/** Pushes the depth, with the entry that the target of `pc` says. */
export function pushDepthWithEntry(code: CodeWriter, depth: number, pc: number, target: number): void {
  code.localGet(depth);
  pushTargetEntry(code, pc, target);
  code.i32Const(ENTRY_SHIFT);
  code.op(Op.i32Shl);
  code.op(Op.i32Add);
}

/** Pushes whether `depth` has an entry with it. */
export function pushHasEntry(code: CodeWriter, depth: number): void {
  code.localGet(depth);
  code.i32Const(DEPTH_END);
  code.op(Op.i32GeS);
}

/** Sets `entry`, and leaves the depth alone in `depth`, which may be below zero. */
export function emitTakeEntry(code: CodeWriter, depth: number, entry: number): void {
  code.localGet(depth);
  code.localGet(depth);
  code.i32Const(DEPTH_END);
  code.op(Op.i32Add);
  code.i32Const(ENTRY_SHIFT);
  code.op(Op.i32ShrU);
  code.localTee(entry);
  code.i32Const(ENTRY_SHIFT);
  code.op(Op.i32Shl);
  code.op(Op.i32Sub);
  code.localSet(depth);
}

function pushOffset(code: CodeWriter, pc: number): void {
  code.localGet(pc);
  code.i32Const(0xffe);
  code.op(Op.i32And);
}
