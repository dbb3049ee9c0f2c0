/** pidfd_open, pidfd_send_signal, pidfd_getfd. Read first: task/pidfd.ts and the manual pages of the calls. */
import {
  EBADF,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  PIDFD_NONBLOCK,
  PIDFD_SIGNAL_PROCESS_GROUP,
  PIDFD_SIGNAL_THREAD,
  PIDFD_SIGNAL_THREAD_GROUP,
  PIDFD_THREAD,
  RLIMIT_NOFILE,
  SIGRTMAX,
  SI_TKILL,
  SI_USER,
  SiginfoSender,
  isErrno,
} from "@stratos/abi";
import { PidFile } from "../task/pidfd.ts";
import { ProcessDirectory } from "../procfs/process-directory.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToProcessGroup, sendSignalToTask } from "../signal/send-signal.ts";
import { checkSignalPermission } from "../signal/signal-permission.ts";
import { mayInspect } from "../task/task-access.ts";
import type { Task } from "../task/task.ts";
import { DirectoryFile } from "../vfs/directory-file.ts";
import { readSignalInfo, SIGINFO_SENT } from "../task/signal-frame.ts";
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
 * Reads what the caller put into its siginfo_t: −EFAULT, −EINVAL for another signal, −EPERM for a code that only the
 * kernel may send.
 */
function loadInfo(task: Task, target: PidFile, signal: number, address: number): SignalInfo | number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, SIGINFO_SENT) < 0) return -EFAULT;
  if (view.getInt32(SiginfoSender.offset.si_signo, true) !== signal) return -EINVAL;
  const info = readSignalInfo(task, view, signal);
  return target.group !== task.group && (info.code >= 0 || info.code === SI_TKILL) ? -EPERM : info;
}

/**
 * pidfd_send_signal(2): 0; −EBADF no pidfd or directory of a process; −EINVAL signal, flags or info; −EPERM; −ESRCH
 * the process was waited for; −EFAULT; −EAGAIN (RLIMIT_SIGPENDING).
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
  if (signal < 0 || signal > SIGRTMAX) return -EINVAL;
  const full =
    info !== 0
      ? loadInfo(task, target, signal, info)
      : signalInfo(signal, SI_USER, { pid: task.pid, uid: task.credentials.uid });
  if (isErrno(full)) return full;
  if (target.isReaped) return -ESRCH;
  const permission = checkSignalPermission(task, target.group, signal);
  if (permission < 0) return permission;
  if (signal === 0) return 0;
  if (flags === PIDFD_SIGNAL_PROCESS_GROUP) sendSignalToProcessGroup(target.group.group, full);
  else if (flags === PIDFD_SIGNAL_THREAD || (flags === 0 && target.thread !== null))
    return sendSignalToTask(target.thread ?? target.group.leader, full);
  else return sendSignalToProcess(target.group, full);
  return 0;
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
