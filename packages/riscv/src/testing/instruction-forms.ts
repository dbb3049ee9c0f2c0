/**
 * The encodings of RV64GC as the test generator knows them: written from the ISA manual's listings (Unprivileged ISA,
 * "RV32/64G Instruction Set Listings" and "RVC Instruction Set Listings"), apart from the decoder's own table, so that
 * a wrong row there shows.
 */

/** How the free fields of a form are filled. */
type FormKind =
  | "r" // rd, rs1, rs2
  | "i" // rd, rs1, imm12
  | "shift64"
  | "shift32" // rd, rs1, shamt
  | "u" // rd, imm20
  | "load"
  | "store"
  | "float-load"
  | "float-store" // size bytes at base + offset
  | "amo" // rd, rs1 = address, rs2, aq/rl
  | "x-x" // rd, rs1
  | "round" // rd, rs1, 0 … 10
  | "fence"
  | "csr-flags" // rd, rs1 or uimm on fflags/frm/fcsr
  | "f-ff"
  | "f-ff-rm"
  | "f-f-rm"
  | "f-fff-rm" // float ← floats
  | "x-ff"
  | "x-f"
  | "x-f-rm" // integer ← floats
  | "f-x"
  | "f-x-rm" // float ← integer
  | "c-addi4spn"
  | "c-load"
  | "c-store"
  | "c-float-load"
  | "c-float-store"
  | "c-addi"
  | "c-addiw"
  | "c-li"
  | "c-lui"
  | "c-shift"
  | "c-andi"
  | "c-alu"
  | "c-slli"
  | "c-load-sp"
  | "c-store-sp"
  | "c-float-load-sp"
  | "c-float-store-sp"
  | "c-mv";

export interface InstructionForm {
  readonly name: string;
  readonly kind: FormKind;
  /** The fixed bits. */
  readonly match: number;
  /** Bytes that a memory form touches, else 0. */
  readonly size: number;
}

function form(name: string, kind: FormKind, match: number, size = 0): InstructionForm {
  return { name, kind, match: match >>> 0, size };
}

/** opcode | funct3 << 12 | funct7 << 25 */
function word(opcode: number, funct3: number, funct7 = 0, rs2 = 0): number {
  return (opcode | (funct3 << 12) | (rs2 << 20) | (funct7 << 25)) >>> 0;
}

function arithmetic(): InstructionForm[] {
  const forms: InstructionForm[] = [form("lui", "u", 0x37), form("auipc", "u", 0x17)];
  ["addi", "", "slti", "sltiu", "xori", "", "ori", "andi"].forEach((name, funct3) => {
    if (name !== "") forms.push(form(name, "i", word(0x13, funct3)));
  });
  forms.push(
    form("addiw", "i", word(0x1b, 0)),
    form("slli", "shift64", word(0x13, 1)),
    form("srli", "shift64", word(0x13, 5)),
    form("srai", "shift64", word(0x13, 5, 0x20)),
    form("slliw", "shift32", word(0x1b, 1)),
    form("srliw", "shift32", word(0x1b, 5)),
    form("sraiw", "shift32", word(0x1b, 5, 0x20)),
  );
  ["add", "sll", "slt", "sltu", "xor", "srl", "or", "and"].forEach((name, funct3) =>
    forms.push(form(name, "r", word(0x33, funct3))),
  );
  forms.push(
    form("sub", "r", word(0x33, 0, 0x20)),
    form("sra", "r", word(0x33, 5, 0x20)),
    form("addw", "r", word(0x3b, 0)),
    form("subw", "r", word(0x3b, 0, 0x20)),
    form("sllw", "r", word(0x3b, 1)),
    form("srlw", "r", word(0x3b, 5)),
    form("sraw", "r", word(0x3b, 5, 0x20)),
  );
  ["mul", "mulh", "mulhsu", "mulhu", "div", "divu", "rem", "remu"].forEach((name, funct3) =>
    forms.push(form(name, "r", word(0x33, funct3, 1))),
  );
  ["mulw", "", "", "", "divw", "divuw", "remw", "remuw"].forEach((name, funct3) => {
    if (name !== "") forms.push(form(name, "r", word(0x3b, funct3, 1)));
  });
  forms.push(form("fence", "fence", word(0x0f, 0)), form("fence.i", "fence", word(0x0f, 1)));
  return forms;
}

function memory(): InstructionForm[] {
  const forms: InstructionForm[] = [];
  ["lb", "lh", "lw", "ld", "lbu", "lhu", "lwu"].forEach((name, funct3) =>
    forms.push(form(name, "load", word(0x03, funct3), 1 << (funct3 & 3))),
  );
  ["sb", "sh", "sw", "sd"].forEach((name, funct3) => forms.push(form(name, "store", word(0x23, funct3), 1 << funct3)));
  forms.push(
    form("flw", "float-load", word(0x07, 2), 4),
    form("fld", "float-load", word(0x07, 3), 8),
    form("fsw", "float-store", word(0x27, 2), 4),
    form("fsd", "float-store", word(0x27, 3), 8),
  );
  const amos: readonly [string, number][] = [
    ["amoadd", 0],
    ["amoswap", 1],
    ["amoxor", 4],
    ["amoor", 8],
    ["amoand", 12],
    ["amomin", 16],
    ["amomax", 20],
    ["amominu", 24],
    ["amomaxu", 28],
  ];
  for (const [name, funct5] of amos) {
    forms.push(
      form(`${name}.w`, "amo", word(0x2f, 2, funct5 << 2), 4),
      form(`${name}.d`, "amo", word(0x2f, 3, funct5 << 2), 8),
    );
  }
  return forms;
}

function float(): InstructionForm[] {
  const forms: InstructionForm[] = [];
  for (const [suffix, fmt, integer] of [
    ["s", 0, "w"],
    ["d", 1, "d"],
  ] as const) {
    ["fmadd", "fmsub", "fnmsub", "fnmadd"].forEach((name, index) =>
      forms.push(form(`${name}.${suffix}`, "f-fff-rm", word(0x43 + index * 4, 0, fmt))),
    );
    ["fadd", "fsub", "fmul", "fdiv"].forEach((name, index) =>
      forms.push(form(`${name}.${suffix}`, "f-ff-rm", word(0x53, 0, (index << 2) | fmt))),
    );
    forms.push(form(`fsqrt.${suffix}`, "f-f-rm", word(0x53, 0, 0x2c | fmt)));
    ["fsgnj", "fsgnjn", "fsgnjx"].forEach((name, funct3) =>
      forms.push(form(`${name}.${suffix}`, "f-ff", word(0x53, funct3, 0x10 | fmt))),
    );
    ["fmin", "fmax"].forEach((name, funct3) =>
      forms.push(form(`${name}.${suffix}`, "f-ff", word(0x53, funct3, 0x14 | fmt))),
    );
    ["fle", "flt", "feq"].forEach((name, funct3) =>
      forms.push(form(`${name}.${suffix}`, "x-ff", word(0x53, funct3, 0x50 | fmt))),
    );
    ["w", "wu", "l", "lu"].forEach((name, rs2) => {
      forms.push(form(`fcvt.${name}.${suffix}`, "x-f-rm", word(0x53, 0, 0x60 | fmt, rs2)));
      forms.push(form(`fcvt.${suffix}.${name}`, "f-x-rm", word(0x53, 0, 0x68 | fmt, rs2)));
    });
    forms.push(form(`fclass.${suffix}`, "x-f", word(0x53, 1, 0x70 | fmt)));
    forms.push(
      form(`fmv.x.${integer}`, "x-f", word(0x53, 0, 0x70 | fmt)),
      form(`fmv.${integer}.x`, "f-x", word(0x53, 0, 0x78 | fmt)),
    );
  }
  forms.push(form("fcvt.s.d", "f-f-rm", word(0x53, 0, 0x20, 1)), form("fcvt.d.s", "f-f-rm", word(0x53, 0, 0x21, 0)));
  ["csrrw", "csrrs", "csrrc", "", "csrrwi", "csrrsi", "csrrci"].forEach((name, index) => {
    if (name !== "") forms.push(form(name, "csr-flags", word(0x73, index + 1)));
  });
  return forms;
}

function compressed(): InstructionForm[] {
  const quadrant = (funct3: number, op: number, rest = 0): number => (funct3 << 13) | rest | op;
  return [
    form("c.addi4spn", "c-addi4spn", quadrant(0, 0)),
    form("c.fld", "c-float-load", quadrant(1, 0), 8),
    form("c.lw", "c-load", quadrant(2, 0), 4),
    form("c.ld", "c-load", quadrant(3, 0), 8),
    form("c.fsd", "c-float-store", quadrant(5, 0), 8),
    form("c.sw", "c-store", quadrant(6, 0), 4),
    form("c.sd", "c-store", quadrant(7, 0), 8),
    form("c.addi", "c-addi", quadrant(0, 1)),
    form("c.addiw", "c-addiw", quadrant(1, 1)),
    form("c.li", "c-li", quadrant(2, 1)),
    form("c.lui", "c-lui", quadrant(3, 1)),
    form("c.srli", "c-shift", quadrant(4, 1)),
    form("c.srai", "c-shift", quadrant(4, 1, 1 << 10)),
    form("c.andi", "c-andi", quadrant(4, 1, 2 << 10)),
    form("c.sub", "c-alu", quadrant(4, 1, 0x0c00)),
    form("c.xor", "c-alu", quadrant(4, 1, 0x0c20)),
    form("c.or", "c-alu", quadrant(4, 1, 0x0c40)),
    form("c.and", "c-alu", quadrant(4, 1, 0x0c60)),
    form("c.subw", "c-alu", quadrant(4, 1, 0x1c00)),
    form("c.addw", "c-alu", quadrant(4, 1, 0x1c20)),
    form("c.slli", "c-slli", quadrant(0, 2)),
    form("c.fldsp", "c-float-load-sp", quadrant(1, 2), 8),
    form("c.lwsp", "c-load-sp", quadrant(2, 2), 4),
    form("c.ldsp", "c-load-sp", quadrant(3, 2), 8),
    form("c.mv", "c-mv", quadrant(4, 2)),
    form("c.add", "c-mv", quadrant(4, 2, 1 << 12)),
    form("c.fsdsp", "c-float-store-sp", quadrant(5, 2), 8),
    form("c.swsp", "c-store-sp", quadrant(6, 2), 4),
    form("c.sdsp", "c-store-sp", quadrant(7, 2), 8),
  ];
}

function extensions(): InstructionForm[] {
  const registers: readonly (readonly [string, number, number, number])[] = [
    ["sh1add", 0x33, 2, 0x10],
    ["sh2add", 0x33, 4, 0x10],
    ["sh3add", 0x33, 6, 0x10],
    ["add.uw", 0x3b, 0, 0x04],
    ["sh1add.uw", 0x3b, 2, 0x10],
    ["sh2add.uw", 0x3b, 4, 0x10],
    ["sh3add.uw", 0x3b, 6, 0x10],
    ["andn", 0x33, 7, 0x20],
    ["orn", 0x33, 6, 0x20],
    ["xnor", 0x33, 4, 0x20],
    ["min", 0x33, 4, 0x05],
    ["minu", 0x33, 5, 0x05],
    ["max", 0x33, 6, 0x05],
    ["maxu", 0x33, 7, 0x05],
    ["rol", 0x33, 1, 0x30],
    ["ror", 0x33, 5, 0x30],
    ["rolw", 0x3b, 1, 0x30],
    ["rorw", 0x3b, 5, 0x30],
    ["bclr", 0x33, 1, 0x24],
    ["bext", 0x33, 5, 0x24],
    ["binv", 0x33, 1, 0x34],
    ["bset", 0x33, 1, 0x14],
    ["aes64es", 0x33, 0, 0x19],
    ["aes64esm", 0x33, 0, 0x1b],
    ["aes64ds", 0x33, 0, 0x1d],
    ["aes64dsm", 0x33, 0, 0x1f],
    ["aes64ks2", 0x33, 0, 0x3f],
  ];
  // The fields funct7 and rs2 together are a number of twelve bits.
  const unary: readonly (readonly [string, number, number, number])[] = [
    ["clz", 0x13, 1, 0x600],
    ["ctz", 0x13, 1, 0x601],
    ["cpop", 0x13, 1, 0x602],
    ["sext.b", 0x13, 1, 0x604],
    ["sext.h", 0x13, 1, 0x605],
    ["clzw", 0x1b, 1, 0x600],
    ["cpopw", 0x1b, 1, 0x602],
    ["zext.h", 0x3b, 4, 0x080],
    ["orc.b", 0x13, 5, 0x287],
    ["rev8", 0x13, 5, 0x6b8],
    ["aes64im", 0x13, 1, 0x300],
  ];
  return [
    ...registers.map(([name, opcode, funct3, funct7]) => form(name, "r", word(opcode, funct3, funct7))),
    ...unary.map(([name, opcode, funct3, funct12]) => form(name, "x-x", word(opcode, funct3) | (funct12 << 20))),
    form("flh", "float-load", word(0x07, 1), 2),
    form("fsh", "float-store", word(0x27, 1), 2),
    form("fmv.x.h", "x-f", word(0x53, 0, 0x72)),
    form("fmv.h.x", "f-x", word(0x53, 0, 0x7a)),
    form("fcvt.s.h", "f-f-rm", word(0x53, 0, 0x20, 2)),
    form("fcvt.h.s", "f-f-rm", word(0x53, 0, 0x22, 0)),
    form("fcvt.d.h", "f-f-rm", word(0x53, 0, 0x21, 2)),
    form("fcvt.h.d", "f-f-rm", word(0x53, 0, 0x22, 1)),
    form("slli.uw", "shift64", word(0x1b, 1, 0x04)),
    form("rori", "shift64", word(0x13, 5, 0x30)),
    form("roriw", "shift32", word(0x1b, 5, 0x30)),
    form("bclri", "shift64", word(0x13, 1, 0x24)),
    form("bexti", "shift64", word(0x13, 5, 0x24)),
    form("binvi", "shift64", word(0x13, 1, 0x34)),
    form("bseti", "shift64", word(0x13, 1, 0x14)),
    form("aes64ks1i", "round", word(0x13, 1, 0x18, 0x10)),
  ];
}

export const INSTRUCTION_FORMS: readonly InstructionForm[] = [
  ...arithmetic(),
  ...memory(),
  ...float(),
  ...compressed(),
];

/** Zba, Zbb, Zbs, Zfhmin, Zknd, Zkne: what qemu 7.2 knows of the extensions. */
export const EXTENSION_FORMS: readonly InstructionForm[] = extensions();
/** Zicond, which it doesn't, and ctzw, for which it counts on in the upper half where the word is 0. */
export const CONDITIONAL_FORMS: readonly InstructionForm[] = [
  form("czero.eqz", "r", word(0x33, 5, 0x07)),
  form("czero.nez", "r", word(0x33, 7, 0x07)),
  form("ctzw", "x-x", word(0x1b, 1) | (0x601 << 20)),
];

export function formNamed(name: string): InstructionForm {
  const found = [...INSTRUCTION_FORMS, ...EXTENSION_FORMS, ...CONDITIONAL_FORMS].find(
    (candidate) => candidate.name === name,
  );
  if (found === undefined) throw new Error(`no instruction form is called ${name}`);
  return found;
}
