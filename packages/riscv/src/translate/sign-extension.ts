import { Op } from "@stratos/wasm";
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
const MAKES_WORDS: readonly boolean[] = INSTRUCTIONS.map(
  ({ name }) => WORDS.has(name) && name.endsWith("w") && name !== "lw",
);
const WORD_OPERATIONS: readonly number[] = INSTRUCTIONS.map(
  ({ name }) => ({ xor: Op.i32Xor, or: Op.i32Or, and: Op.i32And })[name] ?? 0,
);
const ADDI = instructionIndex("addi");
const ADDIW = instructionIndex("addiw");
const ANDI = instructionIndex("andi");

/** `sext.w` of what is sign-extended already: a copy. */
export function isRedundantExtension(instruction: UnitInstruction, known: number): boolean {
  return instruction.index === ADDIW && instruction.imm === 0 && ((known >>> instruction.rs1) & 1) !== 0;
}

/**
 * The operation on the low halves that does what a bitwise one does with the results of two word operations; 0 for
 * other instructions. The host's optimiser sees through words that are made of one another: `srliw; slliw; or` is a
 * rotation, and what is only computed with needs no extension. Of what is loaded it would load a half again.
 *
 * @param made  the registers that hold such results
 */
export function wordOperation({ index, rs1, rs2 }: UnitInstruction, made: number): number {
  return ((made >>> rs1) & (made >>> rs2) & 1) === 0 ? 0 : WORD_OPERATIONS[index]!;
}

/** @returns which registers hold results of word operations after `instruction`, with `made` before it */
export function wordsMadeAfter(instruction: UnitInstruction, made: number): number {
  const { index, rd } = instruction;
  if (index < 0 || rd === 0 || INSTRUCTIONS[index]!.operands[0] !== "x") return made;
  const isMade = (MAKES_WORDS[index] === true || wordOperation(instruction, made) !== 0) && !instruction.isConditional;
  return isMade ? made | (1 << rd) : made & ~(1 << rd);
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
