/** ptrace(2); what it does is in ptrace-requests.ts, which pages load when it is asked for. */
import { ptrace } from "./ptrace-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const ptraceCalls: SyscallTable = {
  ptrace: {
    run: ptrace,
    gaps:
      "PEEKUSER is refused; TRACEEXIT does not stop a thread that another one " +
      "ends; a parent hears of its child's end at once, whoever traces it",
  },
};
