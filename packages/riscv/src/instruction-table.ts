/**
 * The instructions of RV64GC and of the extensions that follow, each with its encoding. Source: The RISC-V Instruction
 * Set Manual, Volume I, version 20240411, chapter 37 (RV32/64G Instruction Set Listings) and the extensions' chapters;
 * Scalar Cryptography 1.0.1. Hints of Zicbop, Zihintntl and Zihintpause are instructions that do nothing as it is.
 * Decoder, lowerings, disassembly and tests derive from this table. Compressed instructions are expanded to these by
 * the decoder (rvc.ts).
 *
 * `operands` names the register file of rd, rs1, rs2 and rs3: `x` integer, `f` floating point, `-` unused.
 */

type Format =
  | "R" // rd rs1 rs2
  | "I" // rd rs1 imm[11:0]
  | "shift" // rd rs1 shamt
  | "S" // rs1 rs2 imm
  | "B" // rs1 rs2 offset
  | "U" // rd imm[31:12]
  | "J" // rd offset
  | "R4" // rd rs1 rs2 rs3 rm
  | "csr" // rd rs1 csr: imm = csr
  | "csri" // rd uimm csr: imm = csr, rs1 field = uimm
  | "round" // rd rs1 imm: a round of AES, 0 … 10
  | "none";

interface Instruction {
  readonly name: string;
  readonly format: Format;
  readonly match: number;
  readonly mask: number;
  /** rd, rs1, rs2, rs3 */
  readonly operands: string;
  /** The rm field (bits 14 … 12) is a rounding mode. */
  readonly hasRoundingMode: boolean;
}

function row(
  name: string,
  format: Format,
  match: number,
  mask: number,
  operands: string,
  hasRoundingMode = false,
): Instruction {
  return { name, format, match: match >>> 0, mask: mask >>> 0, operands: operands.padEnd(4, "-"), hasRoundingMode };
}

const OPCODE = 0x7f;
const FUNCT3 = 0x707f;
const FUNCT6 = 0xfc00707f;
const FUNCT7 = 0xfe00707f;

const integerRegister = (name: string, funct7: number, funct3: number, opcode: number): Instruction =>
  row(name, "R", (funct7 << 25) | (funct3 << 12) | opcode, FUNCT7, "xxx");
const integerImmediate = (name: string, funct3: number, opcode: number): Instruction =>
  row(name, "I", (funct3 << 12) | opcode, FUNCT3, "xx");
const shift = (name: string, funct6: number, funct3: number): Instruction =>
  row(name, "shift", (funct6 << 26) | (funct3 << 12) | 0x13, FUNCT6, "xx");
const shiftWord = (name: string, funct7: number, funct3: number): Instruction =>
  row(name, "shift", (funct7 << 25) | (funct3 << 12) | 0x1b, FUNCT7, "xx");
const load = (name: string, funct3: number): Instruction => row(name, "I", (funct3 << 12) | 0x03, FUNCT3, "xx");
const store = (name: string, funct3: number): Instruction => row(name, "S", (funct3 << 12) | 0x23, FUNCT3, "-xx");
const branch = (name: string, funct3: number): Instruction => row(name, "B", (funct3 << 12) | 0x63, FUNCT3, "-xx");
const csr = (name: string, format: "csr" | "csri", funct3: number): Instruction =>
  row(name, format, (funct3 << 12) | 0x73, FUNCT3, format === "csr" ? "xx" : "x-");
/** aq and rl (bits 26 and 25) don't matter on one hart. */
const amo = (name: string, funct5: number, funct3: number): Instruction =>
  row(name, "R", (funct5 << 27) | (funct3 << 12) | 0x2f, 0xf800707f, "xxx");
/** Floating point with two sources and a rounding mode. */
const arithmetic = (name: string, funct7: number): Instruction =>
  row(name, "R", (funct7 << 25) | 0x53, 0xfe00007f, "fff", true);
const unaryRounded = (name: string, funct7: number, rs2: number, operands: string): Instruction =>
  row(name, "R", (funct7 << 25) | (rs2 << 20) | 0x53, 0xfff0007f, operands, true);
const unary = (name: string, funct7: number, rs2: number, funct3: number, operands: string): Instruction =>
  row(name, "R", (funct7 << 25) | (rs2 << 20) | (funct3 << 12) | 0x53, 0xfff0707f, operands);
/** One source; the rs2 field is part of the opcode. */
const unaryInteger = (name: string, funct12: number, funct3: number, opcode: number): Instruction =>
  row(name, "R", (funct12 << 20) | (funct3 << 12) | opcode, 0xfff0707f, "xx");
const cacheBlock = (name: string, funct12: number): Instruction =>
  row(name, "R", (funct12 << 20) | 0x200f, 0xfff07fff, "-x");
const binary = (name: string, funct7: number, funct3: number, operands: string): Instruction =>
  row(name, "R", (funct7 << 25) | (funct3 << 12) | 0x53, FUNCT7, operands);
const fused = (name: string, format: number, opcode: number): Instruction =>
  row(name, "R4", (format << 25) | opcode, 0x0600007f, "ffff", true);

export const INSTRUCTIONS: readonly Instruction[] = [
  // RV64I
  row("lui", "U", 0x37, OPCODE, "x"),
  row("auipc", "U", 0x17, OPCODE, "x"),
  row("jal", "J", 0x6f, OPCODE, "x"),
  row("jalr", "I", 0x67, FUNCT3, "xx"),
  branch("beq", 0),
  branch("bne", 1),
  branch("blt", 4),
  branch("bge", 5),
  branch("bltu", 6),
  branch("bgeu", 7),
  load("lb", 0),
  load("lh", 1),
  load("lw", 2),
  load("ld", 3),
  load("lbu", 4),
  load("lhu", 5),
  load("lwu", 6),
  store("sb", 0),
  store("sh", 1),
  store("sw", 2),
  store("sd", 3),
  integerImmediate("addi", 0, 0x13),
  integerImmediate("slti", 2, 0x13),
  integerImmediate("sltiu", 3, 0x13),
  integerImmediate("xori", 4, 0x13),
  integerImmediate("ori", 6, 0x13),
  integerImmediate("andi", 7, 0x13),
  shift("slli", 0, 1),
  shift("srli", 0, 5),
  shift("srai", 0x10, 5),
  integerRegister("add", 0, 0, 0x33),
  integerRegister("sub", 0x20, 0, 0x33),
  integerRegister("sll", 0, 1, 0x33),
  integerRegister("slt", 0, 2, 0x33),
  integerRegister("sltu", 0, 3, 0x33),
  integerRegister("xor", 0, 4, 0x33),
  integerRegister("srl", 0, 5, 0x33),
  integerRegister("sra", 0x20, 5, 0x33),
  integerRegister("or", 0, 6, 0x33),
  integerRegister("and", 0, 7, 0x33),
  integerImmediate("addiw", 0, 0x1b),
  shiftWord("slliw", 0, 1),
  shiftWord("srliw", 0, 5),
  shiftWord("sraiw", 0x20, 5),
  integerRegister("addw", 0, 0, 0x3b),
  integerRegister("subw", 0x20, 0, 0x3b),
  integerRegister("sllw", 0, 1, 0x3b),
  integerRegister("srlw", 0, 5, 0x3b),
  integerRegister("sraw", 0x20, 5, 0x3b),
  row("fence", "none", 0x0f, FUNCT3, ""),
  row("fence.i", "none", 0x100f, FUNCT3, ""),
  row("ecall", "none", 0x73, 0xffffffff, ""),
  row("ebreak", "none", 0x100073, 0xffffffff, ""),
  // M
  integerRegister("mul", 1, 0, 0x33),
  integerRegister("mulh", 1, 1, 0x33),
  integerRegister("mulhsu", 1, 2, 0x33),
  integerRegister("mulhu", 1, 3, 0x33),
  integerRegister("div", 1, 4, 0x33),
  integerRegister("divu", 1, 5, 0x33),
  integerRegister("rem", 1, 6, 0x33),
  integerRegister("remu", 1, 7, 0x33),
  integerRegister("mulw", 1, 0, 0x3b),
  integerRegister("divw", 1, 4, 0x3b),
  integerRegister("divuw", 1, 5, 0x3b),
  integerRegister("remw", 1, 6, 0x3b),
  integerRegister("remuw", 1, 7, 0x3b),
  // A
  row("lr.w", "R", (0x02 << 27) | 0x202f, 0xf9f0707f, "xx"),
  row("lr.d", "R", (0x02 << 27) | 0x302f, 0xf9f0707f, "xx"),
  amo("sc.w", 0x03, 2),
  amo("sc.d", 0x03, 3),
  amo("amoswap.w", 0x01, 2),
  amo("amoadd.w", 0x00, 2),
  amo("amoxor.w", 0x04, 2),
  amo("amoand.w", 0x0c, 2),
  amo("amoor.w", 0x08, 2),
  amo("amomin.w", 0x10, 2),
  amo("amomax.w", 0x14, 2),
  amo("amominu.w", 0x18, 2),
  amo("amomaxu.w", 0x1c, 2),
  amo("amoswap.d", 0x01, 3),
  amo("amoadd.d", 0x00, 3),
  amo("amoxor.d", 0x04, 3),
  amo("amoand.d", 0x0c, 3),
  amo("amoor.d", 0x08, 3),
  amo("amomin.d", 0x10, 3),
  amo("amomax.d", 0x14, 3),
  amo("amominu.d", 0x18, 3),
  amo("amomaxu.d", 0x1c, 3),
  // Zicsr
  csr("csrrw", "csr", 1),
  csr("csrrs", "csr", 2),
  csr("csrrc", "csr", 3),
  csr("csrrwi", "csri", 5),
  csr("csrrsi", "csri", 6),
  csr("csrrci", "csri", 7),
  // F
  row("flw", "I", 0x2007, FUNCT3, "fx"),
  row("fsw", "S", 0x2027, FUNCT3, "-xf"),
  fused("fmadd.s", 0, 0x43),
  fused("fmsub.s", 0, 0x47),
  fused("fnmsub.s", 0, 0x4b),
  fused("fnmadd.s", 0, 0x4f),
  arithmetic("fadd.s", 0x00),
  arithmetic("fsub.s", 0x04),
  arithmetic("fmul.s", 0x08),
  arithmetic("fdiv.s", 0x0c),
  unaryRounded("fsqrt.s", 0x2c, 0, "ff"),
  binary("fsgnj.s", 0x10, 0, "fff"),
  binary("fsgnjn.s", 0x10, 1, "fff"),
  binary("fsgnjx.s", 0x10, 2, "fff"),
  binary("fmin.s", 0x14, 0, "fff"),
  binary("fmax.s", 0x14, 1, "fff"),
  unaryRounded("fcvt.w.s", 0x60, 0, "xf"),
  unaryRounded("fcvt.wu.s", 0x60, 1, "xf"),
  unaryRounded("fcvt.l.s", 0x60, 2, "xf"),
  unaryRounded("fcvt.lu.s", 0x60, 3, "xf"),
  unary("fmv.x.w", 0x70, 0, 0, "xf"),
  binary("feq.s", 0x50, 2, "xff"),
  binary("flt.s", 0x50, 1, "xff"),
  binary("fle.s", 0x50, 0, "xff"),
  unary("fclass.s", 0x70, 0, 1, "xf"),
  unaryRounded("fcvt.s.w", 0x68, 0, "fx"),
  unaryRounded("fcvt.s.wu", 0x68, 1, "fx"),
  unaryRounded("fcvt.s.l", 0x68, 2, "fx"),
  unaryRounded("fcvt.s.lu", 0x68, 3, "fx"),
  unary("fmv.w.x", 0x78, 0, 0, "fx"),
  // D
  row("fld", "I", 0x3007, FUNCT3, "fx"),
  row("fsd", "S", 0x3027, FUNCT3, "-xf"),
  fused("fmadd.d", 1, 0x43),
  fused("fmsub.d", 1, 0x47),
  fused("fnmsub.d", 1, 0x4b),
  fused("fnmadd.d", 1, 0x4f),
  arithmetic("fadd.d", 0x01),
  arithmetic("fsub.d", 0x05),
  arithmetic("fmul.d", 0x09),
  arithmetic("fdiv.d", 0x0d),
  unaryRounded("fsqrt.d", 0x2d, 0, "ff"),
  binary("fsgnj.d", 0x11, 0, "fff"),
  binary("fsgnjn.d", 0x11, 1, "fff"),
  binary("fsgnjx.d", 0x11, 2, "fff"),
  binary("fmin.d", 0x15, 0, "fff"),
  binary("fmax.d", 0x15, 1, "fff"),
  unaryRounded("fcvt.s.d", 0x20, 1, "ff"),
  unaryRounded("fcvt.d.s", 0x21, 0, "ff"),
  unary("fmv.x.d", 0x71, 0, 0, "xf"),
  binary("feq.d", 0x51, 2, "xff"),
  binary("flt.d", 0x51, 1, "xff"),
  binary("fle.d", 0x51, 0, "xff"),
  unary("fclass.d", 0x71, 0, 1, "xf"),
  unaryRounded("fcvt.w.d", 0x61, 0, "xf"),
  unaryRounded("fcvt.wu.d", 0x61, 1, "xf"),
  unaryRounded("fcvt.l.d", 0x61, 2, "xf"),
  unaryRounded("fcvt.lu.d", 0x61, 3, "xf"),
  unaryRounded("fcvt.d.w", 0x69, 0, "fx"),
  unaryRounded("fcvt.d.wu", 0x69, 1, "fx"),
  unaryRounded("fcvt.d.l", 0x69, 2, "fx"),
  unaryRounded("fcvt.d.lu", 0x69, 3, "fx"),
  unary("fmv.d.x", 0x79, 0, 0, "fx"),
  // Zfhmin
  row("flh", "I", 0x1007, FUNCT3, "fx"),
  row("fsh", "S", 0x1027, FUNCT3, "-xf"),
  unary("fmv.x.h", 0x72, 0, 0, "xf"),
  unary("fmv.h.x", 0x7a, 0, 0, "fx"),
  unaryRounded("fcvt.s.h", 0x20, 2, "ff"),
  unaryRounded("fcvt.h.s", 0x22, 0, "ff"),
  unaryRounded("fcvt.d.h", 0x21, 2, "ff"),
  unaryRounded("fcvt.h.d", 0x22, 1, "ff"),
  // Zba
  integerRegister("add.uw", 0x04, 0, 0x3b),
  integerRegister("sh1add", 0x10, 2, 0x33),
  integerRegister("sh2add", 0x10, 4, 0x33),
  integerRegister("sh3add", 0x10, 6, 0x33),
  integerRegister("sh1add.uw", 0x10, 2, 0x3b),
  integerRegister("sh2add.uw", 0x10, 4, 0x3b),
  integerRegister("sh3add.uw", 0x10, 6, 0x3b),
  row("slli.uw", "shift", (0x02 << 26) | 0x101b, FUNCT6, "xx"),
  // Zbb
  integerRegister("andn", 0x20, 7, 0x33),
  integerRegister("orn", 0x20, 6, 0x33),
  integerRegister("xnor", 0x20, 4, 0x33),
  unaryInteger("clz", 0x600, 1, 0x13),
  unaryInteger("ctz", 0x601, 1, 0x13),
  unaryInteger("cpop", 0x602, 1, 0x13),
  unaryInteger("sext.b", 0x604, 1, 0x13),
  unaryInteger("sext.h", 0x605, 1, 0x13),
  unaryInteger("clzw", 0x600, 1, 0x1b),
  unaryInteger("ctzw", 0x601, 1, 0x1b),
  unaryInteger("cpopw", 0x602, 1, 0x1b),
  integerRegister("min", 0x05, 4, 0x33),
  integerRegister("minu", 0x05, 5, 0x33),
  integerRegister("max", 0x05, 6, 0x33),
  integerRegister("maxu", 0x05, 7, 0x33),
  unaryInteger("zext.h", 0x080, 4, 0x3b),
  integerRegister("rol", 0x30, 1, 0x33),
  integerRegister("ror", 0x30, 5, 0x33),
  integerRegister("rolw", 0x30, 1, 0x3b),
  integerRegister("rorw", 0x30, 5, 0x3b),
  shift("rori", 0x18, 5),
  shiftWord("roriw", 0x30, 5),
  unaryInteger("orc.b", 0x287, 5, 0x13),
  unaryInteger("rev8", 0x6b8, 5, 0x13),
  // Zbs
  integerRegister("bclr", 0x24, 1, 0x33),
  integerRegister("bext", 0x24, 5, 0x33),
  integerRegister("binv", 0x34, 1, 0x33),
  integerRegister("bset", 0x14, 1, 0x33),
  shift("bclri", 0x12, 1),
  shift("bexti", 0x12, 5),
  shift("binvi", 0x1a, 1),
  shift("bseti", 0x0a, 1),
  // Zicond
  integerRegister("czero.eqz", 0x07, 5, 0x33),
  integerRegister("czero.nez", 0x07, 7, 0x33),
  // Zknd, Zkne
  integerRegister("aes64es", 0x19, 0, 0x33),
  integerRegister("aes64esm", 0x1b, 0, 0x33),
  integerRegister("aes64ds", 0x1d, 0, 0x33),
  integerRegister("aes64dsm", 0x1f, 0, 0x33),
  integerRegister("aes64ks2", 0x3f, 0, 0x33),
  unaryInteger("aes64im", 0x300, 1, 0x13),
  row("aes64ks1i", "round", 0x31001013, 0xff00707f, "xx"),
  // Zicbom, Zicboz
  cacheBlock("cbo.clean", 1),
  cacheBlock("cbo.flush", 2),
  cacheBlock("cbo.zero", 4),
];

const INDEX_OF: ReadonlyMap<string, number> = new Map(
  INSTRUCTIONS.map((instruction, index) => [instruction.name, index]),
);

/** Index in INSTRUCTIONS of the instruction called `name`, −1 if there is none. */
export function instructionIndex(name: string): number {
  return INDEX_OF.get(name) ?? -1;
}
