/** ptrace(2); what it does is in ptrace-requests.ts, which pages load when it is asked for. */
import { ptrace } from "./ptrace-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const ptraceCalls: SyscallTable = {
  ptrace: {
    run: ptrace,
    gaps:
      "PEEKUSER is refused; TRACEEXIT does not stop what ends with its pid namespace, for want of memory or by " +
      "seccomp, nor other threads where a core is left",
  },
};
