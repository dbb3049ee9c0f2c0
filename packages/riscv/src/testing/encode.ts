/** A few instructions as words, for programs of a handful of them. */

export const addi = (rd: number, rs1: number, imm: number): number =>
  ((imm & 0xfff) << 20) | (rs1 << 15) | (rd << 7) | 0x13;
export const auipc = (rd: number, pages: number): number => (pages << 12) | (rd << 7) | 0x17;
/** @param width  funct3: log2 of the size, 4 more for loads without a sign */
export const load = (rd: number, rs1: number, imm: number, width: number): number =>
  ((imm & 0xfff) << 20) | (rs1 << 15) | (width << 12) | (rd << 7) | 0x03;
export const store = (rs2: number, rs1: number, imm: number, width: number): number =>
  ((imm >> 5) << 25) | (rs2 << 20) | (rs1 << 15) | (width << 12) | ((imm & 31) << 7) | 0x23;
export const ld = (rd: number, rs1: number, imm: number): number => load(rd, rs1, imm, 3);
export const sd = (rs2: number, rs1: number, imm: number): number => store(rs2, rs1, imm, 3);
export const bne = (rs1: number, rs2: number, offset: number): number =>
  (((offset >> 12) & 1) << 31) |
  (((offset >> 5) & 63) << 25) |
  (rs2 << 20) |
  (rs1 << 15) |
  (1 << 12) |
  (((offset >> 1) & 15) << 8) |
  (((offset >> 11) & 1) << 7) |
  0x63;
export const ECALL = 0x73;
export const EBREAK = 0x100073;
