import { attributeCalls } from "./attribute-calls.ts";
import { directoryCalls } from "./directory-calls.ts";
import { fanotifyCalls } from "./fanotify-calls.ts";
import { handleCalls } from "./handle-calls.ts";
import { inotifyCalls } from "./inotify-calls.ts";
import { mountCalls } from "./mount-calls.ts";
import { mountReportCalls } from "./mount-report-calls.ts";
import { nameCalls } from "./name-calls.ts";
import { openCalls } from "./open-calls.ts";
import { readWriteCalls } from "./read-write-calls.ts";
import { spliceCalls } from "./splice-calls.ts";
import { statCalls } from "./stat-calls.ts";
import { syncCalls } from "./sync-calls.ts";
import type { SyscallTable } from "./syscall-table.ts";
import { xattrCalls } from "./xattr-calls.ts";

/** All system calls on files, names and mounts. */
export const fileCalls: SyscallTable = {
  ...openCalls,
  ...readWriteCalls,
  ...statCalls,
  ...nameCalls,
  ...attributeCalls,
  ...directoryCalls,
  ...mountCalls,
  ...mountReportCalls,
  ...xattrCalls,
  ...syncCalls,
  ...spliceCalls,
  ...inotifyCalls,
  ...fanotifyCalls,
  ...handleCalls,
};
