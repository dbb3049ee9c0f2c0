/** Bits of /proc/PID/coredump_filter (core(5), "Controlling which mappings are written to the core dump"). */
export const FILTER_PRIVATE = 1,
  FILTER_SHARED = 2,
  FILTER_FILE_PRIVATE = 4,
  FILTER_FILE_SHARED = 8;
export const FILTER_ELF_HEADERS = 16;
/** Private and shared anonymous memory, and the first pages of programs and libraries. */
export const DEFAULT_FILTER = 0x33;
