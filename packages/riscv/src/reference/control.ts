/** Jumps, branches, fences, traps and the CSRs (Unprivileged ISA, §§ 2.5-2.8 and chapter 6). */
import { Csr, type Decoded } from "../decode.ts";
import type { ReferenceState, Semantics } from "./semantics.ts";

function branch(taken: (a: bigint, b: bigint) => boolean): Semantics {
  return (hart, operands) => {
    if (taken(hart.x[operands.rs1]!, hart.x[operands.rs2]!))
      hart.pc = BigInt.asUintN(64, hart.pcOf(operands) + BigInt(operands.imm));
  };
}

const signedLess = (a: bigint, b: bigint): boolean => BigInt.asIntN(64, a) < BigInt.asIntN(64, b);

function readCsr(hart: ReferenceState, csr: number): bigint {
  switch (csr) {
    case Csr.fflags:
      return BigInt(hart.fflags);
    case Csr.frm:
      return BigInt(hart.frm);
    case Csr.fcsr:
      return BigInt((hart.frm << 5) | hart.fflags);
    // Time is whatever the host says; the reference counts instructions for all three.
    default:
      return BigInt(hart.retired);
  }
}

function writeCsr(hart: ReferenceState, csr: number, value: bigint): void {
  const bits = Number(value & 0xffn);
  if (csr === Csr.fflags) hart.fflags = bits & 31;
  else if (csr === Csr.frm) hart.frm = bits & 7;
  else if (csr === Csr.fcsr) {
    hart.fflags = bits & 31;
    hart.frm = bits >> 5;
  }
}

/** `source` is a register's value, or the 5-bit immediate; set and clear with x0 or 0 don't write. */
function csr(immediate: boolean, change: (old: bigint, source: bigint) => bigint, always: boolean): Semantics {
  return (hart, { rd, rs1, imm }: Decoded) => {
    const source = immediate ? BigInt(rs1) : hart.x[rs1]!;
    const old = readCsr(hart, imm);
    if (always || rs1 !== 0) writeCsr(hart, imm, change(old, source));
    hart.setX(rd, old);
  };
}

const replace = (_: bigint, source: bigint): bigint => source;
const set = (old: bigint, source: bigint): bigint => old | source;
const clear = (old: bigint, source: bigint): bigint => old & ~source;

export const CONTROL_SEMANTICS: Readonly<Record<string, Semantics>> = {
  jal: (hart, operands) => {
    const target = hart.pcOf(operands) + BigInt(operands.imm);
    hart.setX(operands.rd, hart.pc);
    hart.pc = BigInt.asUintN(64, target);
  },
  jalr: (hart, { rd, rs1, imm }) => {
    // The target is computed before the link is written: rd may be rs1.
    const target = BigInt.asUintN(64, hart.x[rs1]! + BigInt(imm)) & ~1n;
    hart.setX(rd, hart.pc);
    hart.pc = target;
  },
  beq: branch((a, b) => a === b),
  bne: branch((a, b) => a !== b),
  blt: branch(signedLess),
  bge: branch((a, b) => !signedLess(a, b)),
  bltu: branch((a, b) => a < b),
  bgeu: branch((a, b) => a >= b),
  fence: () => {},
  "fence.i": () => {},
  ecall: () => "ecall",
  ebreak: () => "breakpoint",
  csrrw: csr(false, replace, true),
  csrrs: csr(false, set, false),
  csrrc: csr(false, clear, false),
  csrrwi: csr(true, replace, true),
  csrrsi: csr(true, set, false),
  csrrci: csr(true, clear, false),
};
