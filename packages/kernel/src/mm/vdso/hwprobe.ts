import { TIMEBASE_HZ } from "../../time/timebase.ts";

/** The processor's extensions (packages/riscv/src/instruction-table.ts), as /proc/cpuinfo names them. */
export const ISA =
  "rv64imafdc_zicbom_zicbop_zicboz_zicntr_zicond_zicsr_zifencei_zihintntl_zihintpause_zfhmin_zba_zbb_zbs_zknd_zkne";

/** Bits of IMA_EXT_0. */
const EXTENSIONS: readonly number[] = [
  0, // F and D
  1, // C
  3, // Zba
  4, // Zbb
  5, // Zbs
  6, // Zicboz
  11, // Zknd
  12, // Zkne
  28, // Zfhmin
  29, // Zihintntl
  35, // Zicond
  36, // Zihintpause
];

/**
 * What riscv_hwprobe(2) says of every hart, by key. Keys from the table's end on are unknown. Source: Linux
 * Documentation/arch/riscv/hwprobe.rst.
 */
export const PROBED_VALUES: readonly number[] = [
  0, // MVENDORID, MARCHID, MIMPID: as for unknown implementations
  0,
  0,
  1, // BASE_BEHAVIOR: IMA
  EXTENSIONS.reduce((sum, bit) => sum + 2 ** bit, 0), // IMA_EXT_0
  2, // CPUPERF_0: misaligned accesses are slow
  64, // ZICBOZ_BLOCK_SIZE
  0xffffffff, // HIGHEST_VIRT_ADDRESS
  TIMEBASE_HZ, // TIME_CSR_FREQ
  2, // MISALIGNED_SCALAR_PERF: slow
  4, // MISALIGNED_VECTOR_PERF: unsupported
];

/** Keys whose values are sets of bits: harts that have more than is asked for suit (RISCV_HWPROBE_WHICH_CPUS). */
export const BITMASK_KEYS: ReadonlySet<number> = new Set([3, 4, 5]);
