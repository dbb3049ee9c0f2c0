/** What an instruction does to registers, as bit masks, integer and floating point apart. */
import { INSTRUCTIONS } from "../instruction-table.ts";
import { isComputationIndex } from "./computations.ts";
import type { Block, Context, UnitInstruction } from "./unit.ts";

/** Registers that an instruction reads. */
export function readsX(instruction: UnitInstruction): number {
  return operandMask(instruction, "x", false);
}

export function readsF(instruction: UnitInstruction): number {
  return operandMask(instruction, "f", false);
}

export function writesX(instruction: UnitInstruction): number {
  return operandMask(instruction, "x", true) & ~1;
}

export function writesF(instruction: UnitInstruction): number {
  return operandMask(instruction, "f", true);
}

function operandMask(instruction: UnitInstruction, file: string, destination: boolean): number {
  if (instruction.index < 0) return 0;
  const { operands } = INSTRUCTIONS[instruction.index]!;
  if (destination) return operands[0] === file ? 1 << instruction.rd : 0;
  let mask = 0;
  if (operands[1] === file) mask |= 1 << instruction.rs1;
  if (operands[2] === file) mask |= 1 << instruction.rs2;
  if (operands[3] === file) mask |= 1 << instruction.rs3;
  return file === "x" ? mask & ~1 : mask;
}

/** No instruction of the function writes the x register. */
export function isLeftAlone(register: number, { blockAt }: Context): boolean {
  for (const { instructions } of blockAt.values())
    for (const instruction of instructions) if ((writesX(instruction) >>> register) & 1) return false;
  return true;
}

/** Can't leave its block. */
export function isComputation(instruction: UnitInstruction): boolean {
  return instruction.skips > 0 || isComputationIndex(instruction.index);
}

export function reloadsAfter(block: Block): boolean {
  return block.ending === "call" || block.ending === "call-register" || block.ending === "ecall";
}
