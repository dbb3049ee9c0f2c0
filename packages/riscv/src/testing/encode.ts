/** A few instructions as words, for programs of a handful of them. */

export const addi = (rd: number, rs1: number, imm: number): number =>
  ((imm & 0xfff) << 20) | (rs1 << 15) | (rd << 7) | 0x13;
export const ld = (rd: number, rs1: number, imm: number): number =>
  ((imm & 0xfff) << 20) | (rs1 << 15) | (3 << 12) | (rd << 7) | 0x03;
export const sd = (rs2: number, rs1: number, imm: number): number =>
  ((imm >> 5) << 25) | (rs2 << 20) | (rs1 << 15) | (3 << 12) | ((imm & 31) << 7) | 0x23;
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
