import { INSTRUCTIONS } from "./instruction-table.ts";
import { expandCompressed } from "./rvc.ts";

/** One decoded instruction. The decoder fills an object of the caller's, so that decoding allocates nothing. */
export interface Decoded {
  /** Index in INSTRUCTIONS, or −1: not an instruction that we know. */
  index: number;
  rd: number;
  /** The 5-bit immediate for csrr?i. */
  rs1: number;
  rs2: number;
  rs3: number;
  /** Rounding mode: 0 … 4 static, 7 dynamic; 0 where the instruction has none. */
  rm: number;
  /**
   * Sign-extended i32. U format: the whole value with its low 12 bits zero. Shifts: the amount. CSR: its number. B, J:
   * byte offset.
   */
  imm: number;
  /** 2 or 4 bytes. */
  length: number;
}

export function newDecoded(): Decoded {
  return { index: -1, rd: 0, rs1: 0, rs2: 0, rs3: 0, rm: 0, imm: 0, length: 4 };
}

/** Candidates by bits 6 … 2, the most specific mask first. */
const BUCKETS: readonly (readonly number[])[] = buildBuckets();

function buildBuckets(): number[][] {
  const buckets: number[][] = Array.from({ length: 32 }, () => []);
  INSTRUCTIONS.forEach((instruction, index) => (buckets[(instruction.match >>> 2) & 31] as number[]).push(index));
  return buckets;
}

/** Flat copies of the table's columns for the scan. */
const MATCH = Int32Array.from(INSTRUCTIONS, (instruction) => instruction.match | 0);
const MASK = Int32Array.from(INSTRUCTIONS, (instruction) => instruction.mask | 0);

/**
 * Length in bytes of the instruction whose first halfword is `low`. Longer encodings than 32 bits are illegal ones of
 * 4.
 */
export function instructionLength(low: number): number {
  return (low & 3) === 3 ? 4 : 2;
}

/**
 * Decodes the instruction in `word` (for a compressed one the upper half is ignored).
 * Reserved encodings (rounding modes 5 and 6, unknown CSRs, writes to read-only CSRs) give index −1 as well.
 */
export function decode(word: number, out: Decoded): void {
  if ((word & 3) !== 3) {
    out.length = 2;
    const expanded = expandCompressed(word & 0xffff);
    if (expanded === 0) {
      out.index = -1;
      return;
    }
    word = expanded;
  } else {
    out.length = 4;
  }
  out.index = -1;
  const bucket = BUCKETS[(word >>> 2) & 31] as readonly number[];
  for (let i = 0; i < bucket.length; i++) {
    const index = bucket[i] as number;
    if ((word & (MASK[index] as number)) === (MATCH[index] as number)) {
      fillFields(word, index, out);
      return;
    }
  }
}

function fillFields(word: number, index: number, out: Decoded): void {
  const instruction = INSTRUCTIONS[index]!;
  out.index = index;
  out.rd = (word >>> 7) & 31;
  out.rs1 = (word >>> 15) & 31;
  out.rs2 = (word >>> 20) & 31;
  out.rs3 = (word >>> 27) & 31;
  out.rm = 0;
  out.imm = 0;
  switch (instruction.format) {
    case "I":
      out.imm = word >> 20;
      break;
    case "shift":
      out.imm = (word >>> 20) & ((instruction.mask & 0x02000000) !== 0 ? 31 : 63);
      break;
    case "S":
      out.imm = ((word >> 25) << 5) | ((word >>> 7) & 31);
      break;
    case "B":
      out.imm = ((word >> 31) << 12) | ((word & 0x80) << 4) | ((word >>> 20) & 0x7e0) | ((word >>> 7) & 0x1e);
      break;
    case "U":
      out.imm = word & ~0xfff;
      break;
    case "J":
      out.imm = ((word >> 31) << 20) | (word & 0xff000) | ((word >>> 9) & 0x800) | ((word >>> 20) & 0x7fe);
      break;
    case "round":
      out.imm = (word >>> 20) & 15;
      if (out.imm > 10) out.index = -1;
      break;
    case "csr":
    case "csri":
      out.imm = word >>> 20;
      if (!isLegalCsrAccess(out)) out.index = -1;
      break;
    default:
      break;
  }
  if (instruction.hasRoundingMode) {
    out.rm = (word >>> 12) & 7;
    if (out.rm === 5 || out.rm === 6) out.index = -1;
  }
}

/** Numbers of the CSRs that user programs may name. Source: Unprivileged ISA, chapter 6 (Zicsr), 20 (F), 7 (Zicntr). */
export const Csr = { fflags: 1, frm: 2, fcsr: 3, cycle: 0xc00, time: 0xc01, instret: 0xc02 } as const;

function isLegalCsrAccess(decoded: Decoded): boolean {
  if (decoded.imm >= Csr.fflags && decoded.imm <= Csr.fcsr) return true;
  if (decoded.imm < Csr.cycle || decoded.imm > Csr.instret) return false;
  // Counters are read-only: csrrs and csrrc with x0 (or 0) don't write.
  const name = INSTRUCTIONS[decoded.index]!.name;
  return !name.startsWith("csrrw") && decoded.rs1 === 0;
}
