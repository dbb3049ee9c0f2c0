/** kcmp(2): what it does is in compare-requests.ts, which pages load when it is asked for. */
import { compare } from "./compare-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const compareCalls: SyscallTable = {
  kcmp: { run: compare },
};
