/**
 * Expansion of 16-bit instructions to the 32-bit ones with the same meaning. Source: The RISC-V Instruction Set Manual,
 * Volume I, chapter 28 ("C" extension), tables 28.8 (Instruction Set Listings).
 */

const iType = (imm: number, rs1: number, funct3: number, rd: number, opcode: number): number =>
  (imm << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode;
const rType = (funct7: number, rs2: number, rs1: number, funct3: number, rd: number, opcode: number): number =>
  (funct7 << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | (rd << 7) | opcode;
const sType = (imm: number, rs2: number, rs1: number, funct3: number, opcode: number): number =>
  (((imm >> 5) & 0x7f) << 25) | (rs2 << 20) | (rs1 << 15) | (funct3 << 12) | ((imm & 31) << 7) | opcode;
const bType = (imm: number, rs1: number, funct3: number): number =>
  (((imm >> 12) & 1) << 31) |
  (((imm >> 5) & 0x3f) << 25) |
  (rs1 << 15) |
  (funct3 << 12) |
  (((imm >> 1) & 15) << 8) |
  (((imm >> 11) & 1) << 7) |
  0x63;
const jType = (imm: number, rd: number): number =>
  (((imm >> 20) & 1) << 31) |
  (((imm >> 1) & 0x3ff) << 21) |
  (((imm >> 11) & 1) << 20) |
  (((imm >> 12) & 0xff) << 12) |
  (rd << 7) |
  0x6f;

/** Bits `[high:low]` of `h`, moved to `at`. */
const bits = (h: number, high: number, low: number, at: number): number =>
  ((h >>> low) & ((1 << (high - low + 1)) - 1)) << at;
const signExtend = (value: number, width: number): number => (value << (32 - width)) >> (32 - width);

/** @returns the 32-bit instruction (never 0), or 0 when `h` is reserved or illegal. */
export function expandCompressed(h: number): number {
  switch (((h & 3) << 3) | (h >>> 13)) {
    case 0b00_000:
      return addi4spn(h);
    case 0b00_001:
      return iType(offsetD(h), rs1c(h), 3, rs2c(h), 0x07); // c.fld
    case 0b00_010:
      return iType(offsetW(h), rs1c(h), 2, rs2c(h), 0x03); // c.lw
    case 0b00_011:
      return iType(offsetD(h), rs1c(h), 3, rs2c(h), 0x03); // c.ld
    case 0b00_101:
      return sType(offsetD(h), rs2c(h), rs1c(h), 3, 0x27); // c.fsd
    case 0b00_110:
      return sType(offsetW(h), rs2c(h), rs1c(h), 2, 0x23); // c.sw
    case 0b00_111:
      return sType(offsetD(h), rs2c(h), rs1c(h), 3, 0x23); // c.sd
    case 0b01_000:
      return iType(immediate6(h), rd(h), 0, rd(h), 0x13); // c.addi, c.nop
    case 0b01_001:
      return rd(h) === 0 ? 0 : iType(immediate6(h), rd(h), 0, rd(h), 0x1b); // c.addiw
    case 0b01_010:
      return iType(immediate6(h), 0, 0, rd(h), 0x13); // c.li
    case 0b01_011:
      return rd(h) === 2 ? addi16sp(h) : lui(h);
    case 0b01_100:
      return arithmetic(h);
    case 0b01_101:
      return jType(jumpOffset(h), 0); // c.j
    case 0b01_110:
      return bType(branchOffset(h), rs1c(h), 0); // c.beqz
    case 0b01_111:
      return bType(branchOffset(h), rs1c(h), 1); // c.bnez
    case 0b10_000:
      return iType(immediate6(h) & 63, rd(h), 1, rd(h), 0x13); // c.slli
    case 0b10_001:
      return iType(offsetDsp(h), 2, 3, rd(h), 0x07); // c.fldsp
    case 0b10_010:
      return rd(h) === 0 ? 0 : iType(offsetWsp(h), 2, 2, rd(h), 0x03); // c.lwsp
    case 0b10_011:
      return rd(h) === 0 ? 0 : iType(offsetDsp(h), 2, 3, rd(h), 0x03); // c.ldsp
    case 0b10_100:
      return jumpRegisterOrMove(h);
    case 0b10_101:
      return sType(bits(h, 12, 10, 3) | bits(h, 9, 7, 6), rs2(h), 2, 3, 0x27); // c.fsdsp
    case 0b10_110:
      return sType(bits(h, 12, 9, 2) | bits(h, 8, 7, 6), rs2(h), 2, 2, 0x23); // c.swsp
    case 0b10_111:
      return sType(bits(h, 12, 10, 3) | bits(h, 9, 7, 6), rs2(h), 2, 3, 0x23); // c.sdsp
    default:
      return 0;
  }
}

const rd = (h: number): number => (h >>> 7) & 31;
const rs2 = (h: number): number => (h >>> 2) & 31;
const rs1c = (h: number): number => 8 + ((h >>> 7) & 7);
const rs2c = (h: number): number => 8 + ((h >>> 2) & 7);
const immediate6 = (h: number): number => signExtend(bits(h, 12, 12, 5) | bits(h, 6, 2, 0), 6);
const offsetW = (h: number): number => bits(h, 12, 10, 3) | bits(h, 6, 6, 2) | bits(h, 5, 5, 6);
const offsetD = (h: number): number => bits(h, 12, 10, 3) | bits(h, 6, 5, 6);
const offsetWsp = (h: number): number => bits(h, 12, 12, 5) | bits(h, 6, 4, 2) | bits(h, 3, 2, 6);
const offsetDsp = (h: number): number => bits(h, 12, 12, 5) | bits(h, 6, 5, 3) | bits(h, 4, 2, 6);
const jumpOffset = (h: number): number =>
  signExtend(
    bits(h, 12, 12, 11) |
      bits(h, 11, 11, 4) |
      bits(h, 10, 9, 8) |
      bits(h, 8, 8, 10) |
      bits(h, 7, 7, 6) |
      bits(h, 6, 6, 7) |
      bits(h, 5, 3, 1) |
      bits(h, 2, 2, 5),
    12,
  );
const branchOffset = (h: number): number =>
  signExtend(bits(h, 12, 12, 8) | bits(h, 11, 10, 3) | bits(h, 6, 5, 6) | bits(h, 4, 3, 1) | bits(h, 2, 2, 5), 9);

function addi4spn(h: number): number {
  const imm = bits(h, 12, 11, 4) | bits(h, 10, 7, 6) | bits(h, 6, 6, 2) | bits(h, 5, 5, 3);
  return imm === 0 ? 0 : iType(imm, 2, 0, rs2c(h), 0x13);
}

function addi16sp(h: number): number {
  const imm = signExtend(
    bits(h, 12, 12, 9) | bits(h, 6, 6, 4) | bits(h, 5, 5, 6) | bits(h, 4, 3, 7) | bits(h, 2, 2, 5),
    10,
  );
  return imm === 0 ? 0 : iType(imm, 2, 0, 2, 0x13);
}

function lui(h: number): number {
  const imm = immediate6(h);
  return imm === 0 ? 0 : (imm << 12) | (rd(h) << 7) | 0x37;
}

function arithmetic(h: number): number {
  const register = rs1c(h);
  switch ((h >>> 10) & 3) {
    case 0:
      return iType(immediate6(h) & 63, register, 5, register, 0x13); // c.srli
    case 1:
      return iType((immediate6(h) & 63) | 0x400, register, 5, register, 0x13); // c.srai
    case 2:
      return iType(immediate6(h), register, 7, register, 0x13); // c.andi
  }
  switch (bits(h, 12, 12, 2) | bits(h, 6, 5, 0)) {
    case 0:
      return rType(0x20, rs2c(h), register, 0, register, 0x33); // c.sub
    case 1:
      return rType(0, rs2c(h), register, 4, register, 0x33); // c.xor
    case 2:
      return rType(0, rs2c(h), register, 6, register, 0x33); // c.or
    case 3:
      return rType(0, rs2c(h), register, 7, register, 0x33); // c.and
    case 4:
      return rType(0x20, rs2c(h), register, 0, register, 0x3b); // c.subw
    case 5:
      return rType(0, rs2c(h), register, 0, register, 0x3b); // c.addw
    default:
      return 0;
  }
}

function jumpRegisterOrMove(h: number): number {
  if ((h & 0x1000) === 0) {
    if (rs2(h) !== 0) return rType(0, rs2(h), 0, 0, rd(h), 0x33); // c.mv
    return rd(h) === 0 ? 0 : iType(0, rd(h), 0, 0, 0x67); // c.jr
  }
  if (rs2(h) !== 0) return rType(0, rs2(h), rd(h), 0, rd(h), 0x33); // c.add
  return rd(h) === 0 ? 0x100073 : iType(0, rd(h), 0, 1, 0x67); // c.ebreak, c.jalr
}
