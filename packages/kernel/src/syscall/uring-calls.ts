/** io_uring(7): its system calls; what they do is in uring/, which pages load when one is made. */
import type { SyscallTable } from "./syscall-table.ts";
import { enterInterrupted, enterRing, registerRing, setupRing } from "./asynchronous-requests.ts";

export const uringCalls: SyscallTable = {
  io_uring_setup: {
    run: setupRing,
    gaps:
      "as Linux 6.12; memory of the program's own that becomes a ring's (IORING_SETUP_NO_MMAP) is shared with its " +
      "children from then on; with IORING_SETUP_IOPOLL reads and writes " +
      "are EOPNOTSUPP, as of every file that has no queue to look at; all rings keep 600,000 records of some " +
      "100 bytes beside their memory (ENOMEM; EAGAIN for requests, which take eight and more: 75,000 are under way), " +
      "and 65,536 results of a ring wait for room",
  },
  io_uring_enter: {
    run: (task, fd, count, least, flags, argument, size) =>
      enterRing(task, fd | 0, count, least, flags >>> 0, argument, size),
    interrupted: (task, fd, _count, _least, flags) => enterInterrupted(task, fd | 0, flags >>> 0),
    gaps:
      "IORING_OP_URING_CMD knows sockets alone; IOSQE_ASYNC changes nothing, a request waits for no thread; bytes " +
      "that are sent without a copy are copied, and their notification follows at once; names of a request that " +
      "follows in a chain are read when it begins",
  },
  io_uring_register: {
    run: (task, fd, operation, argument, count) => registerRing(task, fd | 0, operation >>> 0, argument, count),
    gaps:
      "buffers are not pinned: a transfer by one that was unmapped is EFAULT; no NAPI, REGISTER_SEND_MSG_RING, " +
      "RESIZE_RINGS and MEM_REGION (EINVAL); limits and affinity of workers are kept, and change nothing",
  },
};
