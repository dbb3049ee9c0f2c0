import { Machine } from "@stratos/machine";

/** Bytes of memory that a machine can have. */
export const MACHINE_MEMORY_MAX = Machine.MEMORY_BYTES_MAX;
