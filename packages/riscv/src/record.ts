import { INSTRUCTIONS, instructionIndex } from "./instruction-table.ts";
import type { Decoded } from "./decode.ts";
import { HART_SINK, HART_X } from "./hart-state.ts";

/**
 * The predecoded record of an instruction: 16 bytes for each halfword of a code page.
 *
 * ```
 *  0 u16 op        RecordOp, or OP_FIRST + index in INSTRUCTIONS; 0: not decoded yet
 *  2 u8  heat      as a target, for the translator's choice (interpreter.ts)
 *  3 u8  length    16 or 32: distance to the next record
 *  4 u8  rs1 × 8   (csrr?i: the immediate itself)
 *  5 u8  rs2 × 8
 *  6 u16 rd × 8    (x0: an offset beyond the registers, so that the write goes nowhere)
 *  8 i32 imm       B, J: byte offset; with a rounding mode: rs3 × 8 | rm << 8
 * 12 u16 slot      function-table index of the translation to enter at this pc; 0: the interpreter
 * 14 u16 entry     which of the translation's entries this pc is
 * ```
 *
 * An instruction that ends at or beyond its page's end can't be followed by `rec + length`. Its record is TAIL, whose
 * imm points to a copy elsewhere (tailRecordAddress) that is followed by a NEXT_PAGE record.
 */
export const RECORD_SIZE = 16;
export const Record = {
  op: 0,
  heat: 2,
  length: 3,
  rs1: 4,
  rs2: 5,
  rd: 6,
  imm: 8,
  rs3: 8,
  rm: 9,
  slot: 12,
  entry: 14,
} as const;

export const RecordOp = {
  UNDECODED: 0,
  FETCH: 1,
  TAIL: 2,
  NEXT_PAGE: 3,
  ILLEGAL: 4,
  /** jal x0 */
  JUMP: 5,
  /** jal rd */
  CALL: 6,
  /** jalr rd with an rd that is no link register: a jump that leaves a trace (PLT stubs) */
  JUMP_REGISTER_LINK: 13,
  /** jalr x0 through another register than a link register */
  JUMP_REGISTER: 7,
  /** jalr x0, ra or t0 */
  RETURN: 8,
  /** jalr ra or t0 */
  CALL_REGISTER: 9,
  /** Integer arithmetic into x0: hints. */
  NOP: 10,
  /** addi rd, rs1, 0 */
  MOVE: 11,
  /** lui; addi rd, x0, imm */
  CONSTANT: 12,
  /** jal x0 within the page; backward includes itself. */
  JUMP_FORWARD: 14,
  JUMP_BACKWARD: 15,
  /** A barrier (barriers.ts): as TAIL, but only the exact interpreter goes on. */
  BARRIER: 16,
} as const;
export const OP_FIRST = 17;
/** Branches within the page follow the instructions: forward ones, then backward ones. */
const FIRST_IN_PAGE = OP_FIRST + INSTRUCTIONS.length;
const BRANCHES = 6;
export const OP_COUNT = FIRST_IN_PAGE + 2 * BRANCHES;

const LUI = instructionIndex("lui");
const AUIPC = instructionIndex("auipc");
const JAL = instructionIndex("jal");
const JALR = instructionIndex("jalr");
const ADDI = instructionIndex("addi");
const ECALL = instructionIndex("ecall");
const EBREAK = instructionIndex("ebreak");
const FENCE_I = instructionIndex("fence.i");
const FIRST_BRANCH = instructionIndex("beq");
const LAST_BRANCH = instructionIndex("bgeu");
/** ld … and everything after that writes x but may also fault or has side effects keeps its op when rd is x0. */
const FIRST_PURE = ADDI;
const LAST_PURE = instructionIndex("sraw");
const FIRST_MULTIPLY = instructionIndex("mul");
const LAST_MULTIPLY = instructionIndex("remuw");

/** Link registers by the calling convention: ra and t0. */
export function isLinkRegister(register: number): boolean {
  return register === 1 || register === 5;
}

/** True for what ends a straight run: jumps, branches, traps, and what we don't know. */
export function endsRun(index: number): boolean {
  return (
    index < 0 ||
    index === JAL ||
    index === JALR ||
    index === ECALL ||
    index === EBREAK ||
    index === FENCE_I ||
    (index >= FIRST_BRANCH && index <= LAST_BRANCH)
  );
}

export function isBranch(index: number): boolean {
  return index >= FIRST_BRANCH && index <= LAST_BRANCH;
}

function isPure(index: number): boolean {
  return (
    index === LUI ||
    index === AUIPC ||
    (index >= FIRST_PURE && index <= LAST_PURE) ||
    (index >= FIRST_MULTIPLY && index <= LAST_MULTIPLY)
  );
}

function recordOp(decoded: Decoded): number {
  const { index, rd, rs1, imm } = decoded;
  if (index < 0) return RecordOp.ILLEGAL;
  if (index === JAL) return rd === 0 ? RecordOp.JUMP : RecordOp.CALL;
  if (index === JALR) {
    if (isLinkRegister(rd)) return RecordOp.CALL_REGISTER;
    if (rd !== 0) return RecordOp.JUMP_REGISTER_LINK;
    return isLinkRegister(rs1) ? RecordOp.RETURN : RecordOp.JUMP_REGISTER;
  }
  if (rd === 0 && isPure(index)) return RecordOp.NOP;
  if (index === LUI || (index === ADDI && rs1 === 0)) return RecordOp.CONSTANT;
  if (index === ADDI && imm === 0) return RecordOp.MOVE;
  return OP_FIRST + index;
}

/** Views over the physical memory that hold records. */
export interface RecordViews {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
}

/** Writes the record of `decoded` at `address`; heat and slot stay as they are. */
export function writeRecord(views: RecordViews, address: number, decoded: Decoded): void {
  const op = recordOp(decoded);
  const instruction = decoded.index < 0 ? undefined : INSTRUCTIONS[decoded.index];
  views.u8[address + Record.length] = decoded.length * 8;
  views.u8[address + Record.rs1] = instruction?.format === "csri" ? decoded.rs1 : decoded.rs1 * 8;
  views.u8[address + Record.rs2] = decoded.rs2 * 8;
  const writesInteger = instruction !== undefined && instruction.operands[0] === "x";
  views.u16[(address + Record.rd) >>> 1] = writesInteger && decoded.rd === 0 ? HART_SINK - HART_X : decoded.rd * 8;
  views.i32[(address + Record.imm) >>> 2] =
    instruction?.hasRoundingMode === true ? (decoded.rs3 * 8) | (decoded.rm << 8) : decoded.imm;
  views.u16[(address + Record.op) >>> 1] = op;
}

/** The op of a jump or branch (by its general op) whose target lies in its page. */
export function inPageOp(op: number, isBackward: boolean): number {
  if (op === RecordOp.JUMP) return isBackward ? RecordOp.JUMP_BACKWARD : RecordOp.JUMP_FORWARD;
  return FIRST_IN_PAGE + (isBackward ? BRANCHES : 0) + op - (OP_FIRST + FIRST_BRANCH);
}

/**
 * Marks a jump or branch whose target lies in its page.
 * @param address  of its record, which lies in a code page (not a tail)
 * @param offset  of the instruction in its page
 */
export function markInPage(views: RecordViews, address: number, offset: number): void {
  const op = views.u16[(address + Record.op) >>> 1]!;
  if (op !== RecordOp.JUMP && (op < OP_FIRST + FIRST_BRANCH || op > OP_FIRST + LAST_BRANCH)) return;
  const imm = views.i32[(address + Record.imm) >>> 2]!;
  const target = offset + imm;
  if (target >= 0 && target < PAGE) views.u16[(address + Record.op) >>> 1] = inPageOp(op, imm <= 0);
}

const PAGE = 4096;

/**
 * Scratch records for instructions at a page's end: 128 bytes for each code page, two copies with their NEXT_PAGE
 * records.
 */
const TAIL_AREA = 512 << 10;
const TAIL_SIZE = 128;

/** @param offset  of the instruction in its page: 0xffc or 0xffe */
export function tailRecordAddress(codePageIndex: number, offset: number): number {
  return TAIL_AREA + codePageIndex * TAIL_SIZE + (offset === 0xffe ? 64 : 0);
}

/** Makes the record at `address` (offset 0xffc or 0xffe of its page) a TAIL with its copy. */
export function writeTailRecord(views: RecordViews, address: number, tail: number, decoded: Decoded): void {
  writeRecord(views, tail, decoded);
  views.u16[(tail + decoded.length * 8 + Record.op) >>> 1] = RecordOp.NEXT_PAGE;
  views.u8[address + Record.length] = decoded.length * 8;
  views.i32[(address + Record.imm) >>> 2] = tail;
  views.u16[(address + Record.op) >>> 1] = RecordOp.TAIL;
}
