/** seccomp(2) and its older form, prctl(PR_SET_SECCOMP). Read first: security/seccomp.ts. */
import { CAP_SYS_ADMIN, EACCES, EFAULT, EINVAL, EOPNOTSUPP, ESRCH } from "@stratos/abi";
import { BpfFilter, type Instruction } from "../security/bpf-filter.ts";
import { isCapable } from "../security/credentials.ts";
import {
  RET_ALLOW,
  RET_ERRNO,
  RET_KILL_PROCESS,
  RET_KILL_THREAD,
  RET_LOG,
  RET_TRACE,
  RET_TRAP,
  Seccomp,
  SECCOMP_MODE_FILTER,
  SECCOMP_MODE_STRICT,
} from "../security/seccomp.ts";
import type { Task } from "../task/task.ts";
import type { SyscallTable } from "./syscall-table.ts";

const SET_MODE_STRICT = 0,
  SET_MODE_FILTER = 1,
  GET_ACTION_AVAIL = 2;
const FLAG_TSYNC = 1,
  FLAG_LOG = 2,
  FLAG_SPEC_ALLOW = 4,
  FLAG_TSYNC_ESRCH = 16;
const INSTRUCTION_SIZE = 8,
  INSTRUCTIONS_MAX = 4096;
const AVAILABLE = [RET_KILL_PROCESS, RET_KILL_THREAD, RET_TRAP, RET_ERRNO, RET_TRACE, RET_LOG, RET_ALLOW];
/** Strict mode: 0; −EINVAL when there are filters. */
function setStrict(task: Task): number {
  if (task.seccomp !== null && task.seccomp.mode !== "strict") return -EINVAL;
  task.seccomp = new Seccomp("strict", []);
  return 0;
}

/** Reads `struct sock_fprog`: −EFAULT, −EINVAL. */
function loadFilter(task: Task, address: number): BpfFilter | number {
  const length = task.space.loadU32(address);
  const program = task.space.loadU64(address + 8);
  if (length < 0 || program < 0) return -EFAULT;
  const count = length & 0xffff;
  if (count === 0 || count > INSTRUCTIONS_MAX) return -EINVAL;
  const bytes = new Uint8Array(count * INSTRUCTION_SIZE);
  if (task.space.copyIn(program, bytes, 0, bytes.length) < 0) return -EFAULT;
  const view = new DataView(bytes.buffer);
  const instructions: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += INSTRUCTION_SIZE)
    instructions.push({
      code: view.getUint16(at, true),
      jt: bytes[at + 2]!,
      jf: bytes[at + 3]!,
      k: view.getUint32(at + 4, true),
    });
  return BpfFilter.check(instructions);
}

/**
 * Adds a filter: 0, or the id of a thread that can't be brought in line (FLAG_TSYNC); −EACCES, −EFAULT, −EINVAL,
 * −ENOMEM, −ESRCH.
 */
function setFilter(task: Task, flags: number, address: number): number {
  if ((flags & ~(FLAG_TSYNC | FLAG_LOG | FLAG_SPEC_ALLOW | FLAG_TSYNC_ESRCH)) !== 0) return -EINVAL;
  const filter = loadFilter(task, address);
  if (typeof filter === "number") return filter;
  if (!task.credentials.noNewPrivileges && !isCapable(task.credentials, CAP_SYS_ADMIN)) return -EACCES;
  const next = Seccomp.add(task.seccomp, filter);
  if (typeof next === "number") return next;
  if ((flags & FLAG_TSYNC) !== 0) {
    for (const other of task.group.tasks) {
      const isBehind = other.seccomp === null || (task.seccomp !== null && task.seccomp.extends(other.seccomp));
      if (other !== task && !isBehind) return (flags & FLAG_TSYNC_ESRCH) !== 0 ? -ESRCH : other.tid;
    }
    for (const other of task.group.tasks) {
      other.seccomp = next;
      if (task.credentials.noNewPrivileges) other.credentials = { ...other.credentials, noNewPrivileges: true };
    }
  }
  task.seccomp = next;
  return 0;
}

/** prctl(PR_SET_SECCOMP): 0; −EACCES, −EFAULT, −EINVAL, −ENOMEM. */
export function setSeccompMode(task: Task, mode: number, address: number): number {
  return mode === SECCOMP_MODE_STRICT
    ? setStrict(task)
    : mode === SECCOMP_MODE_FILTER
      ? setFilter(task, 0, address)
      : -EINVAL;
}

function seccomp(task: Task, operation: number, flags: number, address: number): number {
  switch (operation | 0) {
    case SET_MODE_STRICT:
      return flags !== 0 || address !== 0 ? -EINVAL : setStrict(task);
    case SET_MODE_FILTER:
      return setFilter(task, flags >>> 0, address);
    case GET_ACTION_AVAIL: {
      if (flags !== 0) return -EINVAL;
      const action = task.space.loadU32(address);
      return action < 0 ? -EFAULT : AVAILABLE.includes(action) ? 0 : -EOPNOTSUPP;
    }
    default:
      return -EINVAL;
  }
}

export const seccompCalls: SyscallTable = {
  seccomp: {
    run: seccomp,
    gaps:
      "no listeners: SECCOMP_FILTER_FLAG_NEW_LISTENER is refused (EINVAL), and SECCOMP_RET_USER_NOTIF fails the " +
      "call with ENOSYS",
  },
};
