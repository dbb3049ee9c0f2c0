/** numa(7): its system calls; what they do is in numa-requests.ts, which pages load when it is asked for. */
import { bind, getPolicy, migratePages, movePages, setPolicy } from "./numa-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const numaCalls: SyscallTable = {
  set_mempolicy: { run: setPolicy },
  get_mempolicy: { run: getPolicy },
  mbind: { run: bind, gaps: "there is one node: a policy is checked and told back, and nothing moves" },
  migrate_pages: { run: migratePages },
  move_pages: { run: movePages },
};
