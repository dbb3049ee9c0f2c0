/** seccomp(2) and its older form, prctl(PR_SET_SECCOMP). Read first: security/seccomp.ts. */
import {
  CAP_SYS_ADMIN,
  EACCES,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOENT,
  EOPNOTSUPP,
  ESRCH,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_GET_ACTION_AVAIL,
  SECCOMP_GET_NOTIF_SIZES,
  SECCOMP_MODE_FILTER,
  SECCOMP_MODE_STRICT,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  SECCOMP_SET_MODE_FILTER,
  SECCOMP_SET_MODE_STRICT,
  SeccompData,
  SeccompMetadata,
  SeccompNotif,
  SeccompNotifResp,
  SeccompNotifSizes,
  SockFprog,
  isErrno,
} from "@stratos/abi";
import { BpfFilter } from "../security/bpf-filter.ts";
import { isProgramLength, loadBpfProgram, storeBpfProgram } from "../security/bpf-program.ts";
import { isCapable } from "../security/credentials.ts";
import { Seccomp } from "../security/seccomp.ts";
import { SeccompListener } from "../task/seccomp-listener.ts";
import type { Task } from "../task/task.ts";
import { installFile } from "./open-calls.ts";

const AVAILABLE = [
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_USER_NOTIF,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_LOG,
  SECCOMP_RET_ALLOW,
];
const FLAGS =
  SECCOMP_FILTER_FLAG_TSYNC |
  SECCOMP_FILTER_FLAG_LOG |
  SECCOMP_FILTER_FLAG_SPEC_ALLOW |
  SECCOMP_FILTER_FLAG_NEW_LISTENER |
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

/** Strict mode: 0; −EINVAL when there are filters. */
function setStrict(task: Task): number {
  if (task.seccomp !== null && task.seccomp.mode !== "strict") return -EINVAL;
  task.seccomp = new Seccomp("strict", []);
  return 0;
}

/** Reads `struct sock_fprog`: −EFAULT, −EINVAL; and −EACCES, asked for in between (kernel/seccomp.c). */
function loadFilter(task: Task, address: number): BpfFilter | number {
  const { credentials } = task;
  const length = task.space.loadU32(address);
  const program = task.space.loadU64(address + SockFprog.offset.filter);
  if (length < 0 || program < 0) return -EFAULT;
  const count = length & 0xffff;
  if (!isProgramLength(count)) return -EINVAL;
  if (!credentials.noNewPrivileges && !isCapable(credentials, CAP_SYS_ADMIN, credentials.userNamespace)) return -EACCES;
  const instructions = loadBpfProgram(task.space, program, count);
  return isErrno(instructions) ? instructions : BpfFilter.check(instructions);
}

/**
 * Adds a filter: 0, its listener, or the id of a thread that can't be brought in line (FLAG_TSYNC); −EACCES, −EBUSY,
 * −EFAULT, −EINVAL, −ENOMEM, −ESRCH.
 */
function setFilter(task: Task, flags: number, address: number): number {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(~FLAGS)) return -EINVAL;
  const listens = has(SECCOMP_FILTER_FLAG_NEW_LISTENER);
  // A result is a thread or a listener.
  if (has(SECCOMP_FILTER_FLAG_TSYNC) && listens && !has(SECCOMP_FILTER_FLAG_TSYNC_ESRCH)) return -EINVAL;
  if (has(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) && !listens) return -EINVAL;
  const filter = loadFilter(task, address);
  if (isErrno(filter)) return filter;
  filter.isLogged = has(SECCOMP_FILTER_FLAG_LOG);
  const next = Seccomp.add(task.seccomp, filter);
  if (isErrno(next)) return next;
  if (listens && task.seccomp?.filters.some(({ listener }) => listener !== null) === true) return -EBUSY;
  const behind = has(SECCOMP_FILTER_FLAG_TSYNC) ? task.group.tasks.find((other) => isApart(task, other)) : undefined;
  if (behind !== undefined)
    return has(SECCOMP_FILTER_FLAG_TSYNC_ESRCH) ? -ESRCH : task.group.pidNamespace.idOf(behind.tid);
  let fd = 0;
  if (listens) {
    const listener = new SeccompListener(task.kernel, filter, has(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV));
    fd = installFile(task, listener, true);
    if (fd < 0) return fd;
  }
  if (has(SECCOMP_FILTER_FLAG_TSYNC))
    for (const other of task.group.tasks) {
      other.seccomp = next;
      if (task.credentials.noNewPrivileges) other.credentials = { ...other.credentials, noNewPrivileges: true };
    }
  task.seccomp = next;
  return fd;
}

/** Has another thread filters that this one has not? */
function isApart(task: Task, other: Task): boolean {
  const isBehind = other.seccomp === null || (task.seccomp !== null && task.seccomp.extends(other.seccomp));
  return other !== task && !isBehind;
}

/** Of a tracee: the filter that was the `index`th to come, the oldest being 0; −EINVAL, −ENOENT. */
function filterForTracer(target: Task, index: number): BpfFilter | number {
  if (target.seccomp?.mode !== "filter") return -EINVAL;
  const { filters } = target.seccomp;
  return filters[filters.length - 1 - index] ?? -ENOENT;
}

/** Who is filtered itself, or doesn't rule the system, learns nothing of others' filters (kernel/seccomp.c). */
function mayReadFilters(task: Task): boolean {
  return isCapable(task.credentials, CAP_SYS_ADMIN) && task.seccomp === null;
}

/** ptrace(PTRACE_SECCOMP_GET_FILTER): its length in instructions; −EACCES, −EFAULT, −EINVAL, −ENOENT. */
export function readFilter(task: Task, target: Task, index: number, data: number): number {
  if (!mayReadFilters(task)) return -EACCES;
  const filter = filterForTracer(target, index);
  if (isErrno(filter)) return filter;
  if (data === 0) return filter.length;
  const bytes = storeBpfProgram(filter.program);
  return task.space.copyOut(data, bytes, 0, bytes.length) < 0 ? -EFAULT : filter.length;
}

/** ptrace(PTRACE_SECCOMP_GET_METADATA): bytes stored; −EACCES, −EFAULT, −EINVAL, −ENOENT. */
export function readFilterMetadata(task: Task, target: Task, asked: number, data: number): number {
  if (!mayReadFilters(task)) return -EACCES;
  const size = Math.min(asked, SeccompMetadata.size);
  if (size < SeccompMetadata.offset.flags) return -EINVAL;
  const index = task.space.loadU64(data);
  if (index < 0) return -EFAULT;
  const filter = filterForTracer(target, index);
  if (isErrno(filter)) return filter;
  const bytes = new Uint8Array(SeccompMetadata.size);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(SeccompMetadata.offset.filter_off, BigInt(index), true);
  view.setUint32(SeccompMetadata.offset.flags, filter.isLogged ? SECCOMP_FILTER_FLAG_LOG : 0, true);
  return task.space.copyOut(data, bytes, 0, size) < 0 ? -EFAULT : size;
}

/** prctl(PR_SET_SECCOMP): 0; −EACCES, −EFAULT, −EINVAL, −ENOMEM. */
export function setSeccompMode(task: Task, mode: number, address: number): number {
  return mode === SECCOMP_MODE_STRICT
    ? setStrict(task)
    : mode === SECCOMP_MODE_FILTER
      ? setFilter(task, 0, address)
      : -EINVAL;
}

export function seccomp(task: Task, operation: number, flags: number, address: number): number {
  switch (operation | 0) {
    case SECCOMP_SET_MODE_STRICT:
      return flags !== 0 || address !== 0 ? -EINVAL : setStrict(task);
    case SECCOMP_SET_MODE_FILTER:
      return setFilter(task, flags >>> 0, address);
    case SECCOMP_GET_ACTION_AVAIL: {
      if (flags !== 0) return -EINVAL;
      const action = task.space.loadU32(address);
      return action < 0 ? -EFAULT : AVAILABLE.includes(action) ? 0 : -EOPNOTSUPP;
    }
    case SECCOMP_GET_NOTIF_SIZES: {
      if (flags !== 0) return -EINVAL;
      const { u8, view } = task.kernel.scratch;
      view.setUint16(SeccompNotifSizes.offset.seccomp_notif, SeccompNotif.size, true);
      view.setUint16(SeccompNotifSizes.offset.seccomp_notif_resp, SeccompNotifResp.size, true);
      view.setUint16(SeccompNotifSizes.offset.seccomp_data, SeccompData.size, true);
      return task.space.copyOut(address, u8, 0, SeccompNotifSizes.size);
    }
    default:
      return -EINVAL;
  }
}
