/** The Linux riscv64 ABI as data: numbers, flags and struct layouts. Source: Linux include/uapi. */
export * from "./errno.ts";
export { SYSCALL_NAMES, SYSCALL_NUMBERS } from "./syscall-numbers.ts";
export * from "./signal-numbers.ts";
export * from "./file-flags.ts";
export * from "./memory-flags.ts";
export * from "./terminal.ts";
export * from "./event-flags.ts";
export * from "./clock-numbers.ts";
export * from "./mount-flags.ts";
export * from "./file-control.ts";
export * from "./block-ioctls.ts";
export * from "./socket-numbers.ts";
export * from "./posix-acl.ts";
export * from "./resource-limits.ts";
export * from "./capabilities.ts";
export * from "./clone-flags.ts";
export { MAX_HARTS } from "./hart-limit.ts";
