import { TIMEBASE_HZ } from "../../time/timebase.ts";

/**
 * What riscv_hwprobe(2) says of every hart, by key. Keys from the table's end on are unknown. Source: Linux
 * Documentation/arch/riscv/hwprobe.rst.
 */
export const PROBED_VALUES: readonly number[] = [
  0, // MVENDORID, MARCHID, MIMPID: as for unknown implementations
  0,
  0,
  1, // BASE_BEHAVIOR: IMA
  3, // IMA_EXT_0: FD and C
  2, // CPUPERF_0: misaligned accesses are slow
  0, // ZICBOZ_BLOCK_SIZE
  0xffffffff, // HIGHEST_VIRT_ADDRESS
  TIMEBASE_HZ, // TIME_CSR_FREQ
  2, // MISALIGNED_SCALAR_PERF: slow
  4, // MISALIGNED_VECTOR_PERF: unsupported
];
