import { SYSCALL_NUMBERS } from "@stratos/abi";
import { uringCalls } from "./uring-calls.ts";
import { assert } from "@stratos/base";
import { aioCalls } from "./aio-calls.ts";
import { bpfCalls } from "./bpf-calls.ts";
import { compareCalls } from "./compare-calls.ts";
import { epollCalls } from "./epoll-calls.ts";
import { eventFileCalls } from "./event-file-calls.ts";
import { fileCalls } from "./file-calls.ts";
import { futexCalls } from "./futex-calls.ts";
import { identityCalls } from "./identity-calls.ts";
import { ipcCalls } from "./ipc-calls.ts";
import { keyCalls } from "./key-calls.ts";
import { landlockCalls } from "./landlock-calls.ts";
import { memoryCalls } from "./memory-calls.ts";
import { mqueueCalls } from "./mqueue-calls.ts";
import { numaCalls } from "./numa-calls.ts";
import { pidfdCalls } from "./pidfd-calls.ts";
import { pollCalls } from "./poll-calls.ts";
import { prctlCalls } from "./prctl-calls.ts";
import { processCalls } from "./process-calls.ts";
import { ptraceCalls } from "./ptrace-calls.ts";
import { schedulingCalls } from "./scheduling-calls.ts";
import { seccompCalls } from "./seccomp-calls.ts";
import { signalCalls } from "./signal-calls.ts";
import { socketCalls } from "./socket-calls.ts";
import type { SyscallTable } from "./syscall-table.ts";
import { systemCalls } from "./system-calls.ts";
import { timeCalls } from "./time-calls.ts";
import type { SyscallRow } from "../task/syscall-row.ts";

/** Every table, by the subsystem's name as docs/compatibility.md groups them. */
export const CALL_TABLES: Readonly<Record<string, SyscallTable>> = {
  files: { ...fileCalls, ...aioCalls, ...uringCalls },
  processes: { ...processCalls, ...compareCalls, ...ptraceCalls },
  signals: signalCalls,
  memory: { ...memoryCalls, ...numaCalls },
  futexes: futexCalls,
  time: timeCalls,
  identity: identityCalls,
  system: { ...systemCalls, ...prctlCalls },
  scheduling: schedulingCalls,
  security: { ...seccompCalls, ...bpfCalls, ...landlockCalls },
  polling: pollCalls,
  epoll: epollCalls,
  "event files": eventFileCalls,
  sockets: socketCalls,
  pidfds: pidfdCalls,
  keys: keyCalls,
  "System V IPC": ipcCalls,
  "POSIX message queues": mqueueCalls,
};

let byNumber: readonly (SyscallRow | undefined)[] | null = null;

/** Rows by number, as the dispatcher wants them. */
export function callsByNumber(): readonly (SyscallRow | undefined)[] {
  return (byNumber ??= sortedRows());
}

function sortedRows(): (SyscallRow | undefined)[] {
  const rows: (SyscallRow | undefined)[] = new Array<SyscallRow | undefined>(512).fill(undefined);
  for (const table of Object.values(CALL_TABLES)) {
    for (const [name, row] of Object.entries(table)) {
      const number = SYSCALL_NUMBERS.get(name);
      assert(number !== undefined, `${name} is a system call of riscv64`);
      assert(rows[number] === undefined, `${name} stands in one table only`);
      rows[number] = row;
    }
  }
  return rows;
}
