/**
 * The machine code of the vDSO, for `TEXT_OFFSET` in its page, with the page of data (vdso.ts) right behind that one.
 * Base instructions of 32 bits alone. What a function can't do (a clock of processor time, a time zone, a page of data
 * that says so) it asks the kernel.
 *
 * Numbers in comments are offsets in the function. The source of each is its Linux namesake in C, lib/vdso and
 * arch/riscv/kernel/vdso.
 */
interface VdsoFunction {
  readonly name: string;
  readonly words: readonly number[];
}

/** In the page: an instruction before the first function, where unwinders look for whom a handler returns to. */
export const TEXT_OFFSET = 0x800;
export const NOP = 0x00000013;

export const VDSO_FUNCTIONS: readonly VdsoFunction[] = [
  {
    name: "__vdso_rt_sigreturn",
    words: [
      0x08b00893, //   0 addi a7, x0, 139
      0x00000073, //   4 ecall
    ],
  },
  {
    name: "__vdso_clock_gettime",
    words: [
      0x00b00293, //   0 addi t0, x0, 11
      0x04a2ea63, //   4 bltu t0, a0, 88
      0x00000317, //   8 auipc t1, 0: the data page
      0x7ec30313, //  12 addi t1, t1, 2028
      0x06032383, //  16 lw t2, 96(t1)
      0x00a3d3b3, //  20 srl t2, t2, a0
      0x0013f393, //  24 andi t2, t2, 1
      0x02038e63, //  28 beq t2, x0, 88
      0x00351293, //  32 slli t0, a0, 0x3
      0x006282b3, //  36 add t0, t0, t1
      0x0002b283, //  40 ld t0, 0(t0)
      0xc0102373, //  44 csrrs t1, time, x0
      0x00530333, //  48 add t1, t1, t0
      0x3b9ad2b7, //  52 lui t0, 0x3b9ad
      0xa002829b, //  56 addiw t0, t0, -1536
      0x025353b3, //  60 divu t2, t1, t0
      0x025382b3, //  64 mul t0, t2, t0
      0x40530333, //  68 sub t1, t1, t0
      0x0075b023, //  72 sd t2, 0(a1)
      0x0065b423, //  76 sd t1, 8(a1)
      0x00000513, //  80 addi a0, x0, 0
      0x00008067, //  84 jalr x0, 0(ra)
      0x07100893, //  88 addi a7, x0, 113
      0x00000073, //  92 ecall
      0x00008067, //  96 jalr x0, 0(ra)
    ],
  },
  {
    name: "__vdso_gettimeofday",
    words: [
      0x00000317, //   0 auipc t1, 0: the data page
      0x79030313, //   4 addi t1, t1, 1936
      0x06032383, //   8 lw t2, 96(t1)
      0x0013f393, //  12 andi t2, t2, 1
      0x04038463, //  16 beq t2, x0, 88
      0x02050a63, //  20 beq a0, x0, 72
      0x00033283, //  24 ld t0, 0(t1)
      0xc0102373, //  28 csrrs t1, time, x0
      0x00530333, //  32 add t1, t1, t0
      0x3b9ad2b7, //  36 lui t0, 0x3b9ad
      0xa002829b, //  40 addiw t0, t0, -1536
      0x025353b3, //  44 divu t2, t1, t0
      0x025382b3, //  48 mul t0, t2, t0
      0x40530333, //  52 sub t1, t1, t0
      0x3e800293, //  56 addi t0, x0, 1000
      0x02535333, //  60 divu t1, t1, t0
      0x00753023, //  64 sd t2, 0(a0)
      0x00653423, //  68 sd t1, 8(a0)
      0x00058463, //  72 beq a1, x0, 80
      0x00c0006f, //  76 jal x0, 88
      0x00000513, //  80 addi a0, x0, 0
      0x00008067, //  84 jalr x0, 0(ra)
      0x0a900893, //  88 addi a7, x0, 169
      0x00000073, //  92 ecall
      0x00008067, //  96 jalr x0, 0(ra)
    ],
  },
  {
    name: "__vdso_clock_getres",
    words: [
      0x00b00293, //   0 addi t0, x0, 11
      0x02a2ea63, //   4 bltu t0, a0, 56
      0x00000317, //   8 auipc t1, 0: the data page
      0x72430313, //  12 addi t1, t1, 1828
      0x06432383, //  16 lw t2, 100(t1)
      0x00a3d3b3, //  20 srl t2, t2, a0
      0x0013f393, //  24 andi t2, t2, 1
      0x00038e63, //  28 beq t2, x0, 56
      0x00058863, //  32 beq a1, x0, 48
      0x0005b023, //  36 sd x0, 0(a1)
      0x00100293, //  40 addi t0, x0, 1
      0x0055b423, //  44 sd t0, 8(a1)
      0x00000513, //  48 addi a0, x0, 0
      0x00008067, //  52 jalr x0, 0(ra)
      0x07200893, //  56 addi a7, x0, 114
      0x00000073, //  60 ecall
      0x00008067, //  64 jalr x0, 0(ra)
    ],
  },
  {
    name: "__vdso_getcpu",
    words: [
      0x00000317, //   0 auipc t1, 0: the data page
      0x6e830313, //   4 addi t1, t1, 1768
      0x06c32383, //   8 lw t2, 108(t1)
      0x00038e63, //  12 beq t2, x0, 40
      0x00050463, //  16 beq a0, x0, 24
      0x00052023, //  20 sw x0, 0(a0)
      0x00058463, //  24 beq a1, x0, 32
      0x0005a023, //  28 sw x0, 0(a1)
      0x00000513, //  32 addi a0, x0, 0
      0x00008067, //  36 jalr x0, 0(ra)
      0x0a800893, //  40 addi a7, x0, 168
      0x00000073, //  44 ecall
      0x00008067, //  48 jalr x0, 0(ra)
    ],
  },
  {
    name: "__vdso_flush_icache",
    words: [
      0x10300893, //   0 addi a7, x0, 259
      0x00000073, //   4 ecall
      0x00008067, //   8 jalr x0, 0(ra)
    ],
  },
  {
    name: "__vdso_riscv_hwprobe",
    words: [
      0x00d662b3, //   0 or t0, a2, a3
      0x00e2e2b3, //   4 or t0, t0, a4
      0x04029c63, //   8 bne t0, x0, 96
      0x00000317, //  12 auipc t1, 0: the data page
      0x69c30313, //  16 addi t1, t1, 1692
      0x06836383, //  20 lwu t2, 104(t1)
      0x00459593, //  24 slli a1, a1, 0x4
      0x00a585b3, //  28 add a1, a1, a0
      0x02b57c63, //  32 bgeu a0, a1, 88
      0x00053283, //  36 ld t0, 0(a0)
      0x0072fe63, //  40 bgeu t0, t2, 68
      0x00329293, //  44 slli t0, t0, 0x3
      0x006282b3, //  48 add t0, t0, t1
      0x0702b283, //  52 ld t0, 112(t0)
      0x00553423, //  56 sd t0, 8(a0)
      0x01050513, //  60 addi a0, a0, 16
      0xfe1ff06f, //  64 jal x0, 32
      0xfff00293, //  68 addi t0, x0, -1
      0x00553023, //  72 sd t0, 0(a0)
      0x00053423, //  76 sd x0, 8(a0)
      0x01050513, //  80 addi a0, a0, 16
      0xfcdff06f, //  84 jal x0, 32
      0x00000513, //  88 addi a0, x0, 0
      0x00008067, //  92 jalr x0, 0(ra)
      0x10200893, //  96 addi a7, x0, 258
      0x00000073, // 100 ecall
      0x00008067, // 104 jalr x0, 0(ra)
    ],
  },
];
