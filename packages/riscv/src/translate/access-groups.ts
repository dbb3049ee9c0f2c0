import { INSTRUCTIONS } from "../instruction-table.ts";
import { writesX } from "./register-use.ts";
import type { UnitInstruction } from "./unit.ts";

/**
 * Accesses off one unchanged base register within a block (a stack frame, the fields of an object) mostly lie in one
 * page. The first of them looks the page up for all; where that fails (another page, misaligned, not mapped) each does
 * it for itself.
 */
export interface AccessGroup {
  /** Which of the block's groups, for the local that has the page's entry. */
  readonly number: number;
  /** Offsets from the base: a multiple of the alignment at or before the first byte, the one after the last. */
  lowest: number;
  end: number;
  /** The largest access: the base must be aligned to it. */
  alignment: number;
  hasStore: boolean;
  readonly first: UnitInstruction;
  count: number;
}

/** Groups in one block that get a local. */
export const MAX_GROUPS = 8;
/** Wider ranges would often cross a page. */
const MAX_SPAN = 1024;

const SIZES: Readonly<Record<string, number>> = {
  lb: 1,
  lbu: 1,
  sb: 1,
  lh: 2,
  lhu: 2,
  sh: 2,
  flh: 2,
  fsh: 2,
  lw: 4,
  lwu: 4,
  sw: 4,
  flw: 4,
  fsw: 4,
  ld: 8,
  sd: 8,
  fld: 8,
  fsd: 8,
};
const SIZE_BY_INDEX: readonly number[] = INSTRUCTIONS.map((instruction) => SIZES[instruction.name] ?? 0);
const IS_STORE: readonly boolean[] = INSTRUCTIONS.map((instruction) => instruction.format === "S");

/** Bytes that a plain load or store moves; 0 for other instructions. */
export function accessSize(instruction: UnitInstruction): number {
  return SIZE_BY_INDEX[instruction.index] ?? 0;
}

/** @returns by position in the block: the group of each access that shares its page's look-up */
export function groupAccesses(instructions: readonly UnitInstruction[]): (AccessGroup | null)[] {
  const groups = new Array<AccessGroup | null>(instructions.length).fill(null);
  const open = new Array<AccessGroup | null>(32).fill(null);
  let next = 0;
  for (let i = 0; i < instructions.length; i++) {
    const instruction = instructions[i]!;
    const size = SIZE_BY_INDEX[instruction.index] ?? 0;
    if (size > 0 && instruction.rs1 !== 0 && instruction.imm % size === 0) {
      const { rs1, imm } = instruction;
      let group: AccessGroup | null = open[rs1]!;
      if (group !== null && Math.max(group.end, imm + size) - Math.min(group.lowest, imm) > MAX_SPAN) group = null;
      if (group === null) {
        group = {
          number: next++,
          lowest: imm,
          end: imm + size,
          alignment: size,
          hasStore: false,
          first: instruction,
          count: 0,
        };
        open[rs1] = group;
      }
      group.lowest = Math.min(group.lowest, imm);
      group.end = Math.max(group.end, imm + size);
      group.alignment = Math.max(group.alignment, size);
      group.hasStore ||= IS_STORE[instruction.index]!;
      group.count++;
      groups[i] = group;
    }
    const written = writesX(instruction);
    if (written !== 0) open[31 - Math.clz32(written)] = null;
  }
  let number = 0;
  const renumbered = new Map<AccessGroup, AccessGroup>();
  return groups.map((group) => {
    if (group === null || group.count < 2) return null;
    let kept = renumbered.get(group);
    if (kept === undefined) {
      if (number === MAX_GROUPS) return null;
      kept = { ...group, number: number++, lowest: Math.floor(group.lowest / group.alignment) * group.alignment };
      renumbered.set(group, kept);
    }
    return kept;
  });
}
