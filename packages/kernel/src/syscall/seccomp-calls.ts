/** seccomp(2): what it does is in seccomp-requests.ts, which pages load when it is asked for. */
import { seccomp } from "./seccomp-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const seccompCalls: SyscallTable = {
  seccomp: { run: seccomp },
};
