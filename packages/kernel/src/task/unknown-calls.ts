import { SYSCALL_NAMES } from "@stratos/abi";
import type { Kernel } from "./kernel-state.ts";

/** Says once in the kernel's log that a program has made a call which isn't there. */
export function reportUnknown(kernel: Kernel, number: number): void {
  const slot = Math.min(number >>> 0, kernel.unknownCalls.length - 1);
  if (kernel.unknownCalls[slot] !== 0) return;
  kernel.unknownCalls[slot] = 1;
  kernel.log(`system call ${SYSCALL_NAMES[number] ?? number} is not implemented (ENOSYS)`);
}
