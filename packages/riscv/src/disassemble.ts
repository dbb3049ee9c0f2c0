/**
 * Instructions in words, as GNU objdump writes them with its aliases (`li`, `beqz`, `ret`), so that who knows one
 * listing reads the other. Source: RISC-V Assembly Programmer's Manual, "A listing of standard RISC-V
 * pseudoinstructions". Compressed ones are written as what they are expanded to. What the processor refuses, the CSRs
 * that no user program may name included, is data (`.4byte`).
 */
import { decode, type Decoded, instructionLength, newDecoded } from "./decode.ts";
import { INSTRUCTIONS } from "./instruction-table.ts";

export interface Disassembled {
  /** "addi" */
  readonly mnemonic: string;
  /** "a0,a1,8"; without the target of a jump. */
  readonly operands: string;
  /** Where a jump or branch goes; null: it is none, or goes where a register says. It is the last operand. */
  readonly target: number | null;
  /** 2 or 4 bytes. */
  readonly length: number;
  readonly isInstruction: boolean;
}

/** @param word  four bytes at `pc`, the first one lowest; of a compressed instruction the upper two don't matter */
export function disassemble(word: number, pc: number): Disassembled {
  const length = instructionLength(word);
  const bits = (length === 2 ? word & 0xffff : word) >>> 0;
  const decoded = newDecoded();
  decode(bits, decoded);
  if (decoded.index < 0) {
    // An all-zero halfword and a write to `cycle` are the two that are meant to be illegal.
    if (bits === 0 || bits === 0xc0001073)
      return { mnemonic: "unimp", operands: "", target: null, length, isInstruction: false };
    const operands = `0x${bits.toString(16)}`;
    return { mnemonic: `.${length}byte`, operands, target: null, length, isInstruction: false };
  }
  const { name, format } = INSTRUCTIONS[decoded.index]!;
  const [mnemonic, ...operands] = wordsOf(name, decoded, bits);
  // Addresses wrap at 2^64; none that is mapped comes near it.
  const target = format === "B" || format === "J" ? Math.max(0, pc + decoded.imm) : null;
  return { mnemonic: mnemonic!, operands: operands.join(","), target, length, isInstruction: true };
}

const X = "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split(
  " ",
);
const F = (
  "ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 " +
  "fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11"
).split(" ");
const ROUNDING_MODES = ["rne", "rtz", "rdn", "rup", "rmm"];
const CSR_NAMES: Readonly<Record<number, string>> = {
  ...{ 1: "fflags", 2: "frm", 3: "fcsr" },
  ...{ 0xc00: "cycle", 0xc01: "time", 0xc02: "instret" },
};
/** Conversions that are exact: assemblers write 0 into the field of their rounding mode. */
const EXACT = /^fcvt\.(d\.(s|h|wu?)|s\.h)$/;

/** Mnemonic and operands. */
function wordsOf(name: string, decoded: Decoded, word: number): string[] {
  const { format, match, operands, hasRoundingMode } = INSTRUCTIONS[decoded.index]!;
  const alias = ALIASES[name]?.(decoded);
  if (alias !== undefined) return alias;
  const register = (at: number, number: number): string => (operands[at] === "f" ? F : X)[number]!;
  const rd = register(0, decoded.rd);
  const rs1 = register(1, decoded.rs1);
  const rs2 = register(2, decoded.rs2);
  const { imm } = decoded;
  const opcode = match & 0x7f;
  switch (format) {
    case "I":
      // Loads and jalr write the sum of register and offset as an address.
      return opcode === 0x03 || opcode === 0x07 || opcode === 0x67
        ? [name, rd, `${imm}(${rs1})`]
        : [name, rd, rs1, `${imm}`];
    case "shift":
    case "round":
      return [name, rd, rs1, `0x${imm.toString(16)}`];
    case "S":
      return [name, rs2, `${imm}(${rs1})`];
    case "B":
      return [name, rs1, rs2];
    case "U":
      return [name, rd, `0x${(imm >>> 12).toString(16)}`];
    case "J":
      return [name, rd];
    case "csr":
      return csrWords(name, decoded, rs1);
    case "csri":
      return csrWords(name, decoded, `${decoded.rs1}`);
    case "none":
      return name === "fence" ? fenceWords(word) : [name];
    case "R":
    case "R4": {
      if (opcode === 0x2f) return atomicWords(name, word, operands[2] === "x" ? [rd, rs2] : [rd], rs1);
      if (name.startsWith("cbo.")) return [name, `(${rs1})`];
      const used = [rd, rs1, rs2, register(3, decoded.rs3)].filter((_, at) => operands[at] !== "-");
      const rounds = hasRoundingMode && decoded.rm !== 7 && !(EXACT.test(name) && decoded.rm === 0);
      return [name, ...used, ...(rounds ? [ROUNDING_MODES[decoded.rm]!] : [])];
    }
  }
}

function atomicWords(name: string, word: number, registers: string[], address: string): string[] {
  const order = ["", ".rl", ".aq", ".aqrl"][(word >>> 25) & 3]!;
  return [name + order, ...registers, `(${address})`];
}

/** Predecessors are bits 27 … 24, successors 23 … 20: input, output, reads, writes. */
function fenceWords(word: number): string[] {
  const set = (bits: number): string => {
    const letters = [..."iorw"].filter((_, at) => (bits & (8 >> at)) !== 0).join("");
    return letters === "" ? "unknown" : letters;
  };
  if (word >>> 0 === 0x8330000f) return ["fence.tso"];
  // Zihintpause
  if (word >>> 0 === 0x0100000f) return ["pause"];
  const [before, after] = [set((word >>> 24) & 15), set((word >>> 20) & 15)];
  return before === "iorw" && after === "iorw" ? ["fence"] : ["fence", before, after];
}

function csrWords(name: string, { rd, rs1, imm }: Decoded, source: string): string[] {
  const csr = CSR_NAMES[imm]!;
  const isRead = name === "csrrs" && rs1 === 0;
  if (isRead && imm >= 0xc00) return [`rd${csr}`, X[rd]!];
  const short = { fflags: "flags", frm: "rm", fcsr: "csr" }[csr];
  if (short !== undefined) {
    if (isRead) return [`fr${short}`, X[rd]!];
    const isFlags = csr !== "fcsr";
    if (name === "csrrw") return [`fs${short}`, ...(rd === 0 ? [] : [X[rd]!]), source];
    if (name === "csrrwi" && isFlags) return [`fs${short}i`, ...(rd === 0 ? [] : [X[rd]!]), source];
  }
  if (isRead) return ["csrr", X[rd]!, csr];
  // csrrw without what was read is csrw.
  return rd === 0 ? [name.replace("rr", "r"), csr, source] : [name, X[rd]!, csr, source];
}

type Alias = (decoded: Decoded) => string[] | undefined;

const x = (number: number): string => X[number]!;
/** The same register twice: a move, or one of its sign. */
const sign =
  (mnemonic: string): Alias =>
  ({ rd, rs1, rs2 }) =>
    rs1 === rs2 ? [mnemonic, F[rd]!, F[rs1]!] : undefined;
const branchWithZero =
  (right: string, left: string | null): Alias =>
  ({ rs1, rs2 }) => {
    if (rs2 === 0) return [right, x(rs1)];
    return rs1 === 0 && left !== null ? [left, x(rs2)] : undefined;
  };
/** @param at  which source is `zero` */
const ofZero =
  (mnemonic: string, at: "rs1" | "rs2"): Alias =>
  (decoded) =>
    decoded[at] === 0 ? [mnemonic, x(decoded.rd), x(at === "rs1" ? decoded.rs2 : decoded.rs1)] : undefined;
/** @param amount  the immediate that makes it another instruction */
const ofImmediate =
  (mnemonic: string, amount: number): Alias =>
  ({ rd, rs1, imm }) =>
    imm === amount ? [mnemonic, x(rd), x(rs1)] : undefined;

const ALIASES: Readonly<Record<string, Alias>> = {
  addi: ({ rd, rs1, imm }) => {
    if (rd === 0 && rs1 === 0 && imm === 0) return ["nop"];
    if (rs1 === 0) return ["li", x(rd), `${imm}`];
    return imm === 0 ? ["mv", x(rd), x(rs1)] : undefined;
  },
  add: ({ rd, rs1, rs2, length }) => (rs1 === 0 && length === 2 ? ["mv", x(rd), x(rs2)] : undefined),
  addiw: ofImmediate("sext.w", 0),
  andi: ofImmediate("zext.b", 255),
  xori: ofImmediate("not", -1),
  sltiu: ofImmediate("seqz", 1),
  sub: ofZero("neg", "rs1"),
  subw: ofZero("negw", "rs1"),
  sltu: ofZero("snez", "rs1"),
  slt: (decoded) => ofZero("sltz", "rs2")(decoded) ?? ofZero("sgtz", "rs1")(decoded),
  "add.uw": ofZero("zext.w", "rs2"),
  beq: branchWithZero("beqz", null),
  bne: branchWithZero("bnez", null),
  blt: branchWithZero("bltz", "bgtz"),
  bge: branchWithZero("bgez", "blez"),
  jal: ({ rd }) => (rd === 0 ? ["j"] : rd === 1 ? ["jal"] : undefined),
  jalr: ({ rd, rs1, imm }) => {
    if (rd === 0 && rs1 === 1 && imm === 0) return ["ret"];
    const to = imm === 0 ? x(rs1) : `${imm}(${x(rs1)})`;
    return rd === 0 ? ["jr", to] : rd === 1 ? ["jalr", to] : ["jalr", x(rd), to];
  },
  "fsgnj.s": sign("fmv.s"),
  "fsgnj.d": sign("fmv.d"),
  "fsgnjn.s": sign("fneg.s"),
  "fsgnjn.d": sign("fneg.d"),
  "fsgnjx.s": sign("fabs.s"),
  "fsgnjx.d": sign("fabs.d"),
};
