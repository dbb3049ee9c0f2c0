/** Bytes of memory that a machine needs at least; the most is `MACHINE_MEMORY_MAX`. */
export const MACHINE_MEMORY_MIN = 64 * 1024 ** 2;
