/** pidfd_open, pidfd_send_signal, pidfd_getfd. Read first: task/pidfd.ts and the manual pages of the calls. */
import {
  EBADF,
  EINVAL,
  EPERM,
  ESRCH,
  PIDFD_NONBLOCK,
  PIDFD_SIGNAL_PROCESS_GROUP,
  PIDFD_SIGNAL_THREAD,
  PIDFD_SIGNAL_THREAD_GROUP,
  PIDFD_THREAD,
  RLIMIT_NOFILE,
  SI_TKILL,
  SI_USER,
  isErrno,
} from "@stratos/abi";
import { PidFile } from "../task/pidfd.ts";
import { ProcessDirectory } from "../procfs/process-directory.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToTask } from "../signal/send-signal.ts";
import { maySend } from "../signal/signal-permission.ts";
import { mayInspect } from "../task/task-access.ts";
import type { Task } from "../task/task.ts";
import { DirectoryFile } from "../vfs/directory-file.ts";
import { loadSignalInfo } from "../signal/siginfo.ts";
import type { SyscallTable } from "./syscall-table.ts";

function pidfdAt(task: Task, fd: number): PidFile | number {
  const file = task.files.get(fd | 0);
  return file instanceof PidFile ? file : -EBADF;
}

/** What a signal may be sent through: a pidfd, or an open /proc/PID, but not O_PATH (pidfd_send_signal(2)). */
function signalTargetAt(task: Task, fd: number): PidFile | number {
  const file = task.files.get(fd | 0);
  if (!(file instanceof DirectoryFile)) return pidfdAt(task, fd);
  const { inode } = file;
  return inode instanceof ProcessDirectory && !inode.isThread ? new PidFile(inode.group, null, false) : -EBADF;
}

/**
 * pidfd_open(2): a descriptor, always close-on-exec; −EINVAL flags, or `pid` is a thread but not a process; −ESRCH;
 * −EMFILE.
 */
function pidfdOpen(task: Task, pidArgument: number, flags: number): number {
  const pid = pidArgument | 0;
  if ((flags & ~(PIDFD_NONBLOCK | PIDFD_THREAD)) !== 0 || pid <= 0) return -EINVAL;
  const { tasks } = task.kernel;
  const { pidNamespace } = task.group;
  const thread = tasks.taskIn(pidNamespace, pid);
  const group = thread?.group ?? tasks.processIn(pidNamespace, pid);
  if (group === undefined) return -ESRCH;
  const wantsThread = (flags & PIDFD_THREAD) !== 0;
  if (!wantsThread && group.pid !== pidNamespace.rootIdOf(pid)) return -EINVAL;
  const file = new PidFile(group, wantsThread ? (thread ?? null) : null, (flags & PIDFD_NONBLOCK) !== 0);
  return task.files.install(file, true, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
}

/**
 * Reads what the caller put into its siginfo_t: −EFAULT, −E2BIG, −EINVAL for another signal, −EPERM for a code that
 * only the kernel may send, to others than the caller itself.
 */
function loadInfo(task: Task, isOwn: boolean, signal: number, address: number): SignalInfo | number {
  const info = loadSignalInfo(task, task.kernel.scratch, address, null);
  if (isErrno(info)) return info;
  if (info.signal !== signal) return -EINVAL;
  return !isOwn && (info.code >= 0 || info.code === SI_TKILL) ? -EPERM : info;
}

/**
 * pidfd_send_signal(2): 0; −EBADF no pidfd or directory of a process; −EINVAL signal, flags or info; −EPERM; −ESRCH
 * the process was waited for, or leads no group; −EFAULT; −E2BIG; −EAGAIN (RLIMIT_SIGPENDING).
 */
function pidfdSendSignal(task: Task, pidfd: number, signalArgument: number, info: number, flags: number): number {
  const signal = signalArgument | 0;
  // At most one scope may be named.
  if (
    (flags & ~(PIDFD_SIGNAL_THREAD | PIDFD_SIGNAL_THREAD_GROUP | PIDFD_SIGNAL_PROCESS_GROUP)) !== 0 ||
    (flags & (flags - 1)) !== 0
  )
    return -EINVAL;
  const target = signalTargetAt(task, pidfd);
  if (isErrno(target)) return target;
  const toGroup = flags === PIDFD_SIGNAL_PROCESS_GROUP;
  const isOwn = (target.thread ?? target.group.leader) === task && !toGroup;
  const full =
    info !== 0
      ? loadInfo(task, isOwn, signal, info)
      : signalInfo(signal, SI_USER, { pid: task.pid, uid: task.credentials.uid });
  if (isErrno(full)) return full;
  if (toGroup) return sendToGroupOf(task, target, full);
  if (target.isReaped) return -ESRCH;
  const refused = maySend(task, target.group, signal);
  if (refused < 0 || signal === 0) return refused;
  if (flags === PIDFD_SIGNAL_THREAD || (flags === 0 && target.thread !== null))
    return sendSignalToTask(target.thread ?? target.group.leader, full);
  return sendSignalToProcess(target.group, full);
}

/** To the group that the process leads (kernel/signal.c, __kill_pgrp_info): of several failures the last is told. */
function sendToGroupOf(task: Task, { group: { pid } }: PidFile, info: SignalInfo): number {
  let result = -ESRCH;
  for (const member of [...(task.kernel.tasks.groups.get(pid)?.members ?? [])]) {
    const refused = maySend(task, member, info.signal);
    const sent = refused < 0 || info.signal === 0 ? refused : sendSignalToProcess(member, { ...info });
    if (result !== 0) result = sent;
  }
  return result;
}

/**
 * pidfd_getfd(2): a descriptor of ours for the description; −EINVAL flags; −EBADF either descriptor; −ESRCH it has
 * ended; −EPERM no right to trace it; −EMFILE.
 */
function pidfdGetfd(task: Task, pidfd: number, fd: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const target = pidfdAt(task, pidfd);
  if (isErrno(target)) return target;
  if (target.hasExited) return -ESRCH;
  const owner = target.thread ?? target.group.leader;
  if (mayInspect(task, owner, "real") < 0) return -EPERM;
  const file = owner.files.get(fd | 0);
  if (file === undefined) return -EBADF;
  return task.files.install(file.retain(), true, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
}

export const pidfdCalls: SyscallTable = {
  pidfd_open: { run: pidfdOpen },
  pidfd_send_signal: { run: pidfdSendSignal },
  pidfd_getfd: { run: pidfdGetfd },
};
