/** statmount(2), listmount(2); what they tell is in mount-reports.ts, which pages load when it is asked for. */
import { listmount, statmount } from "./mount-reports.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const mountReportCalls: SyscallTable = {
  statmount: { run: (task, request, buffer, size, flags) => statmount(task, request, buffer, size, flags) },
  listmount: { run: (task, request, list, most, flags) => listmount(task, request, list, most, flags | 0) },
};
