/**
 * Registers that hold an address of the unit's own file: what `auipc` makes and `addi` completes, as code that may lie
 * anywhere names its variables. Where the region lies is a constant to a run's own units, and the host's compiler folds
 * what is made of it; units that are kept learn it when they are loaded, and these offsets do it for them.
 */
import { instructionIndex } from "../instruction-table.ts";
import { writesX } from "./register-use.ts";
import type { UnitInstruction } from "./unit.ts";

/** Offset of what isn't known. */
export const UNKNOWN_OFFSET = -1;
/**
 * Offsets from the region's start are known below this: text and variables of nearly all files. Where units are kept,
 * so much of the address space follows the start (`canHoldKept`): no address made of an offset wraps around.
 */
const OFFSETS_END = 1 << 26;

const AUIPC = instructionIndex("auipc");
const ADDI = instructionIndex("addi");

/** Whether units that are kept may be put in a region that starts there. */
export function canHoldKept(regionStart: number): boolean {
  return regionStart + OFFSETS_END <= 2 ** 32;
}

/** @returns by position in the block: what rs1 holds, as an offset from the region's start, or UNKNOWN_OFFSET */
export function offsetsOfBases(instructions: readonly UnitInstruction[], regionStart: number): Int32Array {
  const offsets = new Int32Array(32).fill(UNKNOWN_OFFSET);
  return Int32Array.from(instructions, (instruction) => {
    const base = offsets[instruction.rs1]!;
    const written = writesX(instruction);
    if (written !== 0) offsets[31 - Math.clz32(written)] = offsetAfter(instruction, base, regionStart);
    return base;
  });
}

function offsetAfter({ index, pc, imm, isConditional }: UnitInstruction, base: number, regionStart: number): number {
  if (isConditional) return UNKNOWN_OFFSET;
  if (index === AUIPC) return offsetWithin(pc - regionStart + imm);
  return index === ADDI && base !== UNKNOWN_OFFSET ? offsetWithin(base + imm) : UNKNOWN_OFFSET;
}

/** @returns the offset, where it is one that may be known */
export function offsetWithin(offset: number): number {
  return offset >= 0 && offset < OFFSETS_END ? offset : UNKNOWN_OFFSET;
}
