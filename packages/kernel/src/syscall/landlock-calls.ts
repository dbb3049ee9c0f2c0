/** landlock(7): its system calls; what they do is in landlock-requests.ts, which pages load when it is asked for. */
import { addRule, createRuleset, restrictSelf } from "./landlock-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const landlockCalls: SyscallTable = {
  landlock_create_ruleset: {
    run: (task, attributes, size, flags) => createRuleset(task, attributes, size, flags | 0),
    gaps:
      "ABI 6 (Linux 6.12); nothing is told to an audit; a file that the host replaces by another with the same inode " +
      "number counts as the same",
  },
  landlock_add_rule: {
    run: (task, fd, type, attributes, flags) => addRule(task, fd | 0, type | 0, attributes, flags | 0),
    gaps: "4,096 rules in a ruleset (E2BIG), 131,072 in all that are open (ENOMEM)",
  },
  landlock_restrict_self: { run: (task, fd, flags) => restrictSelf(task, fd | 0, flags | 0) },
};
