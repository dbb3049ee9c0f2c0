/** fanotify(7): its system calls; what they do is in fanotify-requests.ts, which pages load when it is asked for. */
import { initFanotify, markFanotify } from "./fanotify-requests.ts";
import type { SyscallTable } from "./syscall-table.ts";

export const fanotifyCalls: SyscallTable = {
  fanotify_init: {
    run: (task, flags, fileFlags) => initFanotify(task, flags | 0, fileFlags | 0),
    gaps: "FAN_UNLIMITED_QUEUE: a million events in a machine; no audit (FAN_ENABLE_AUDIT: EINVAL)",
  },
  fanotify_mark: {
    run: (task, fd, flags, mask, dirfd, path) => markFanotify(task, fd | 0, flags | 0, mask, dirfd | 0, path),
    gaps: "changes that the host makes to shared folders are not seen; FAN_FS_ERROR is never told",
  },
};
