/** bpf(2); what it does is in bpf-requests.ts, which pages load when it is asked for. */
import { bpf } from "./bpf-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const bpfCalls: SyscallTable = {
  bpf: {
    run: (task, command, address, size) => bpf(task, command | 0, address, size >>> 0),
    gaps:
      "programs that control groups ask about devices (BPF_PROG_TYPE_CGROUP_DEVICE), without stack, maps and " +
      "helpers; those about packets (BPF_PROG_TYPE_CGROUP_SKB) are loaded, attached nowhere; other types: EINVAL; " +
      "of the other commands none is known: EINVAL",
  },
};
