import { INSTRUCTIONS, instructionIndex } from "../instruction-table.ts";
import type { UnitInstruction } from "./unit.ts";

/**
 * Which registers are known, within a block, to hold a 32-bit value sign-extended to 64 bits. Compilers for RV64 write
 * `sext.w` (addiw rd, rs, 0) after what they take for 64-bit arithmetic, an xor for instance; where both operands were
 * words the copy does it, two cycles sooner.
 *
 * Sets of registers are bit masks; x0 is always in.
 */
export const KNOWN_AT_ENTRY = 1;

/** Results that fit a word whatever the operands. */
const WORDS = new Set([
  "lb",
  "lh",
  "lw",
  "lbu",
  "lhu",
  "lui",
  "slti",
  "sltiu",
  "slt",
  "sltu",
  "addiw",
  "slliw",
  "srliw",
  "sraiw",
  "addw",
  "subw",
  "sllw",
  "srlw",
  "sraw",
  "mulw",
  "divw",
  "divuw",
  "remw",
  "remuw",
]);
/** Results that fit a word when the operands do. */
const BITWISE = new Set(["xor", "or", "and", "xori", "ori", "andi"]);

const IS_WORD: readonly boolean[] = INSTRUCTIONS.map(({ name }) => WORDS.has(name));
const IS_BITWISE: readonly boolean[] = INSTRUCTIONS.map(({ name }) => BITWISE.has(name));
const ADDI = instructionIndex("addi");
const ADDIW = instructionIndex("addiw");
const ANDI = instructionIndex("andi");

/** `sext.w` of what is sign-extended already: a copy. */
export function isRedundantExtension(instruction: UnitInstruction, known: number): boolean {
  return instruction.index === ADDIW && instruction.imm === 0 && ((known >>> instruction.rs1) & 1) !== 0;
}

/** @returns what is known after `instruction`, with `known` before it */
export function extendedAfter(instruction: UnitInstruction, known: number): number {
  const { index, rd } = instruction;
  if (index < 0 || rd === 0 || INSTRUCTIONS[index]!.operands[0] !== "x") return known;
  const bit = 1 << rd;
  const stays = fitsWord(instruction, known) && (!instruction.isConditional || (known & bit) !== 0);
  return stays ? known | bit : known & ~bit;
}

function fitsWord(instruction: UnitInstruction, known: number): boolean {
  const { index, rs1, rs2, imm } = instruction;
  if (IS_WORD[index] === true || (index === ANDI && imm >= 0)) return true;
  const first = ((known >>> rs1) & 1) !== 0;
  if (index === ADDI) return rs1 === 0 || (imm === 0 && first);
  if (IS_BITWISE[index] !== true) return false;
  return first && (INSTRUCTIONS[index]!.operands[2] !== "x" || ((known >>> rs2) & 1) !== 0);
}
