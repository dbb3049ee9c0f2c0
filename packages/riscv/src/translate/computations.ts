import { INSTRUCTIONS, instructionIndex } from "../instruction-table.ts";
import { bitLowerings } from "../lower/bit-manipulation.ts";
import type { UnitInstruction } from "./unit.ts";

const NAMES = new Set([
  "lui",
  "auipc",
  "addi",
  "slti",
  "sltiu",
  "xori",
  "ori",
  "andi",
  "slli",
  "srli",
  "srai",
  "add",
  "sub",
  "sll",
  "slt",
  "sltu",
  "xor",
  "srl",
  "sra",
  "or",
  "and",
  "addiw",
  "slliw",
  "srliw",
  "sraiw",
  "addw",
  "subw",
  "sllw",
  "srlw",
  "sraw",
  "fence",
  "mul",
  "mulh",
  "mulhsu",
  "mulhu",
  "div",
  "divu",
  "rem",
  "remu",
  "mulw",
  "divw",
  "divuw",
  "remw",
  "remuw",
  ...Object.keys(bitLowerings),
]);
const COMPUTATIONS: readonly boolean[] = INSTRUCTIONS.map((instruction) => NAMES.has(instruction.name));

/** Integer arithmetic (and fences, which do nothing): can't leave its block. @param index  in INSTRUCTIONS */
export function isComputationIndex(index: number): boolean {
  return COMPUTATIONS[index] === true;
}

const SLLI = instructionIndex("slli");
const SRLI = instructionIndex("srli");

/**
 * `slli rd, rs, 32 or more; srli rd, rd, no more than that`, both done or neither: zero-extends, and scales an index.
 */
export function isZeroExtension(first: UnitInstruction, second: UnitInstruction): boolean {
  return (
    first.index === SLLI &&
    second.index === SRLI &&
    first.rd !== 0 &&
    second.rd === first.rd &&
    second.rs1 === first.rd &&
    first.imm >= 32 &&
    second.imm <= first.imm &&
    first.isConditional === second.isConditional &&
    second.skips === 0
  );
}
