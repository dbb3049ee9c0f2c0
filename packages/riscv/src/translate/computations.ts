import { INSTRUCTIONS } from "../instruction-table.ts";

const NAMES = new Set([
  "lui", "auipc", "addi", "slti", "sltiu", "xori", "ori", "andi", "slli", "srli", "srai", "add", "sub", "sll", "slt", "sltu", "xor", "srl", "sra", "or", "and",
  "addiw", "slliw", "srliw", "sraiw", "addw", "subw", "sllw", "srlw", "sraw", "fence", "fence.i",
  "mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu", "mulw", "divw", "divuw", "remw", "remuw",
]);
const COMPUTATIONS: readonly boolean[] = INSTRUCTIONS.map((instruction) => NAMES.has(instruction.name));

/** Integer arithmetic (and fences, which do nothing): can't leave its block. @param index  in INSTRUCTIONS */
export function isComputationIndex(index: number): boolean {
  return COMPUTATIONS[index] === true;
}
