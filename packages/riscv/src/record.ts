import { assert } from "@stratos/base";
import type { Decoded } from "./decode.ts";
import { HART_SINK, HART_X } from "./hart-state.ts";
import { INSTRUCTIONS, instructionIndex } from "./instruction-table.ts";

/**
 * The predecoded record of an instruction: 8 bytes for each halfword of a code page, at whose beginning they lie (what
 * lies behind them: code-target.ts).
 *
 * ```
 * 0 u8  op        RecordOp, or that of an instruction (`opOf`), with SHORT for one of two bytes; 0: not decoded yet
 * 1 u8  rd        (x0: a number beyond all registers, so that the write goes nowhere)
 * 2 u8  rs1 × 8   (csrr?i: the immediate itself)
 * 3 u8  rs2 × 8
 * 4 i32 imm       B, J: byte offset. Of instructions out of line:
 * 4 i16 imm       with a rounding mode: rs3 × 8 | rm << 8
 * 6 u16 handler   index in INSTRUCTIONS
 * ```
 *
 * An instruction that ends at or beyond its page's end can't be followed by the record behind its own. Its record is
 * TAIL, whose imm points to a copy elsewhere (tailRecordAddress) that is followed by a NEXT_PAGE record.
 */
export const RECORD_SIZE = 8;
/** In place of x0 as what is written. */
const SINK = (HART_SINK - HART_X) / 8;
/** A record is as far from its page's first as the instruction from its page's, shifted so. */
export const RECORD_SHIFT = 2;
export const Record = {
  op: 0,
  /** Of TAIL and BARRIER: the instruction's bytes. */
  length: 1,
  rd: 1,
  rs1: 2,
  rs2: 3,
  imm: 4,
  rs3: 4,
  rm: 5,
  handler: 6,
} as const;

/** Address of the record at `pc` in the code page at `page`. */
export function recordAt(page: number, pc: number): number {
  return page + ((pc & 0xffe) << RECORD_SHIFT);
}

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
  /** addi rd, rs1, 0; add rd, x0, rs2 */
  MOVE: 11,
  /** lui; addi rd, x0, imm */
  CONSTANT: 12,
  /** jal x0 within the page; backward includes itself. */
  JUMP_FORWARD: 14,
  JUMP_BACKWARD: 15,
  /** A barrier (barriers.ts): as TAIL, but only the exact interpreter goes on. */
  BARRIER: 16,
  /** A function of its own does it (out-of-line.ts). */
  OUT_OF_LINE: 17,
} as const;
const OP_FIRST = 18;

const LAST_OF_RV64GC = instructionIndex("fmv.d.x");

/** Rare instructions, which the interpreter calls as functions of their own (out-of-line.ts), by name. */
export const OUT_OF_LINE: readonly string[] = INSTRUCTIONS.map((instruction) => instruction.name).filter(
  (name) => /^(f(?!ence|ld|lw|sd|sw)|amo|lr\.|sc\.|div|rem|mulh)/.test(name) || instructionIndex(name) > LAST_OF_RV64GC,
);

/** Instructions that the interpreter does itself, by their ops. */
const INLINE = INSTRUCTIONS.map((instruction) => instruction.name).filter((name) => !OUT_OF_LINE.includes(name));
const OPS = Uint8Array.from(INSTRUCTIONS, ({ name }) =>
  INLINE.includes(name) ? OP_FIRST + INLINE.indexOf(name) : RecordOp.OUT_OF_LINE,
);
/** Branches within the page follow the instructions: forward ones, then backward ones. */
const FIRST_IN_PAGE = OP_FIRST + INLINE.length;
const BRANCHES = 6;
/** Added to the op of an instruction of two bytes. */
export const SHORT = 0x80;
export const OP_COUNT = 2 * SHORT;
assert(FIRST_IN_PAGE + 2 * BRANCHES <= SHORT, "ops leave a bit for the length");

/** The op of an instruction by its index in INSTRUCTIONS, where no RecordOp is more special. */
export function opOf(index: number): number {
  return OPS[index]!;
}

const LUI = instructionIndex("lui");
const AUIPC = instructionIndex("auipc");
const JAL = instructionIndex("jal");
const JALR = instructionIndex("jalr");
const ADDI = instructionIndex("addi");
const ADD = instructionIndex("add");
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
  if ((index === ADDI && imm === 0) || (index === ADD && rs1 === 0)) return RecordOp.MOVE;
  return OPS[index]!;
}

/** Views over the physical memory that hold records. */
export interface RecordViews {
  readonly u8: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
}

/** Writes the record of `decoded` at `address`. */
export function writeRecord(views: RecordViews, address: number, decoded: Decoded): void {
  const op = recordOp(decoded);
  const instruction = decoded.index < 0 ? undefined : INSTRUCTIONS[decoded.index];
  const rs1 = op === RecordOp.MOVE && decoded.rs1 === 0 ? decoded.rs2 : decoded.rs1;
  views.u8[address + Record.rs1] = instruction?.format === "csri" ? rs1 : rs1 * 8;
  views.u8[address + Record.rs2] = decoded.rs2 * 8;
  const writesInteger = instruction !== undefined && instruction.operands[0] === "x";
  views.u8[address + Record.rd] = writesInteger && decoded.rd === 0 ? SINK : decoded.rd;
  const imm = instruction?.hasRoundingMode === true ? (decoded.rs3 * 8) | (decoded.rm << 8) : decoded.imm;
  views.i32[(address + Record.imm) >>> 2] = op === RecordOp.OUT_OF_LINE ? (imm & 0xffff) | (decoded.index << 16) : imm;
  views.u8[address + Record.op] = decoded.length === 2 && op !== RecordOp.ILLEGAL ? op | SHORT : op;
}

/** The op of a jump or branch (by its general op) whose target lies in its page. */
export function inPageOp(op: number, isBackward: boolean): number {
  if (op === RecordOp.JUMP) return isBackward ? RecordOp.JUMP_BACKWARD : RecordOp.JUMP_FORWARD;
  return FIRST_IN_PAGE + (isBackward ? BRANCHES : 0) + op - OPS[FIRST_BRANCH]!;
}

/** Ops of what has a form of two bytes. Source: Unprivileged ISA, chapter 27 (C). */
export const HAVE_SHORT: ReadonlySet<number> = new Set([
  ...[RecordOp.NOP, RecordOp.MOVE, RecordOp.CONSTANT, RecordOp.RETURN, RecordOp.CALL_REGISTER],
  ...[RecordOp.JUMP, RecordOp.JUMP_FORWARD, RecordOp.JUMP_BACKWARD, RecordOp.JUMP_REGISTER],
  ...["addi", "addiw", "slli", "srli", "srai", "andi", "add", "sub", "and", "or", "xor", "addw", "subw", "ebreak"]
    .concat(["ld", "sd", "lw", "sw", "fld", "fsd"])
    .map((name) => opOf(instructionIndex(name))),
  ...["beq", "bne"].flatMap((name) => {
    const op = opOf(instructionIndex(name));
    return [op, inPageOp(op, false), inPageOp(op, true)];
  }),
]);

/**
 * Marks a jump or branch whose target lies in its page.
 * @param address  of its record, which lies in a code page (not a tail)
 * @param offset  of the instruction in its page
 */
export function markInPage(views: RecordViews, address: number, offset: number): void {
  const short = views.u8[address + Record.op]! & SHORT;
  const op = views.u8[address + Record.op]! & ~SHORT;
  if (op !== RecordOp.JUMP && (op < OPS[FIRST_BRANCH]! || op > OPS[LAST_BRANCH]!)) return;
  const imm = views.i32[(address + Record.imm) >>> 2]!;
  const target = offset + imm;
  if (target >= 0 && target < PAGE) views.u8[address + Record.op] = inPageOp(op, imm <= 0) | short;
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
  views.u8[tail + (decoded.length << RECORD_SHIFT) + Record.op] = RecordOp.NEXT_PAGE;
  views.u8[address + Record.length] = decoded.length;
  views.i32[(address + Record.imm) >>> 2] = tail;
  views.u8[address + Record.op] = RecordOp.TAIL;
}
