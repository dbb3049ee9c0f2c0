/** io_setup(2) and what belongs to it; what they do is in aio-requests.ts, which pages load when one is made. */
import { ioCancel, ioDestroy, ioGetEvents, ioGetEventsMasked, ioSetup, ioSubmit } from "./asynchronous-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const aioCalls: SyscallTable = {
  io_setup: { run: ioSetup },
  io_destroy: { run: ioDestroy },
  io_submit: {
    run: ioSubmit,
    gaps: "a request but for IOCB_CMD_POLL is done when the call returns; what would wait ends with EAGAIN",
  },
  io_getevents: { run: ioGetEvents },
  io_pgetevents: { run: ioGetEventsMasked },
  io_cancel: { run: ioCancel },
};
