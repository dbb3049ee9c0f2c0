import { loadPath } from "./path-argument.ts";
import { acct } from "../task/accounting.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CAP_SYS_ADMIN,
  CLONE_NEWNS,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_SYSVSEM,
  CLONE_VFORK,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSPC,
  EPERM,
  ESRCH,
  O_NONBLOCK,
  PATH_MAX,
  P_ALL,
  P_PGID,
  P_PID,
  P_PIDFD,
  RLIMIT_NOFILE,
  SIGCHLD,
  SiginfoChild,
  WCONTINUED,
  WEXITED,
  WNOHANG,
  WNOWAIT,
  WUNTRACED,
  __WALL,
  __WCLONE,
  __WNOTHREAD,
} from "@stratos/abi";
import { namespaceOrigin } from "../task/clone-namespaces.ts";
import { abandonFork } from "../mm/fork.ts";
import { cloneTask, type CloneRequest, readCloneArguments } from "../task/clone.ts";
import { isCapable } from "../security/credentials.ts";
import { executeProgram, type ReadStrings, readStrings } from "../task/exec.ts";
import { exitGroup, exitTask } from "../task/exit.ts";
import { createSession, setProcessGroup } from "../task/process-group.ts";
import { PidFile, processOfPidfd } from "../task/pidfd.ts";
import { getCpu } from "../task/affinity.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { type ChildEvent, waitForChild } from "../task/wait.ts";
import { BLOCKED_KILLABLE, NO_RETURN, UNFINISHED, type CallState, callState } from "../ground/wait-queue.ts";
import { isErrno } from "../vfs/inode.ts";
import { canCopyMounts, unshareMounts } from "../vfs/mounting.ts";
import { writeRusage } from "../task/resource-usage.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** The child that a parent of vfork(2) waits for. */
interface VforkState extends CallState {
  readonly kind: "vfork";
  readonly tid: number;
}

function clone(task: Task, request: CloneRequest, pidfdAddress: number): number {
  // A vfork parent that was woken: its child has gone on.
  if (task.syscallState !== null && task.blockedKind === BLOCKED_KILLABLE) {
    const state = task.syscallState as VforkState;
    if (task.kernel.tasks.tasks.get(state.tid)?.vforkParent === task) {
      task.waitOn(task.vforkDone);
      return BLOCKED_KILLABLE;
    }
    return state.tid;
  }
  const wantsPidfd = (request.flags & CLONE_PIDFD) !== 0;
  if (wantsPidfd && (request.flags & CLONE_PARENT_SETTID) !== 0 && pidfdAddress === request.parentTid) return -EINVAL;
  const child = cloneTask(task, request);
  if (isErrno(child)) return child;
  if (wantsPidfd) {
    const fd = task.files.install(
      new PidFile(child.group, null, false),
      true,
      0,
      task.group.limits[RLIMIT_NOFILE]!.soft,
    );
    if (fd < 0) return fd;
    if (task.space.storeU32(pidfdAddress, fd) < 0) return -EFAULT;
  }
  if ((request.flags & CLONE_VFORK) === 0) return child.tid;
  child.vforkParent = task;
  task.syscallState = callState<VforkState>({ kind: "vfork", tid: child.tid });
  task.waitOn(task.vforkDone);
  return BLOCKED_KILLABLE;
}

/** What an execve that goes on in pieces has read. */
interface ExecState extends CallState {
  readonly kind: "exec";
  readonly argv: ReadStrings;
  readonly environment: ReadStrings;
}

function execve(
  task: Task,
  dirfd: number,
  pathAddress: number,
  argvAddress: number,
  environmentAddress: number,
  flags: number,
): number {
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) !== 0) return -EINVAL;
  const name = task.space.loadString(pathAddress, PATH_MAX - 1);
  if (isErrno(name)) return name;
  if (name === "" && (flags & AT_EMPTY_PATH) === 0) return -ENOENT;
  const state: ExecState = (task.syscallState as ExecState | null) ?? {
    kind: "exec",
    argv: { strings: [], bytes: 0, isWhole: false },
    environment: { strings: [], bytes: 0, isWhole: false },
  };
  const { work } = task.kernel;
  work.mayPause = true;
  let failed = readStrings(task, argvAddress, state.argv) || readStrings(task, environmentAddress, state.environment);
  // From here on it is done in one: its files' heads and its strings, 6 MiB at most. That begins with most of the work
  // to spend.
  if (failed === 0 && work.spent * 2 > work.limit) failed = UNFINISHED;
  if (failed === UNFINISHED) task.syscallState = state;
  if (failed < 0) return failed;
  work.mayPause = false;
  const argv = state.argv.strings,
    environment = state.environment.strings;
  const shown =
    dirfd === AT_FDCWD || name.startsWith("/") ? name : name === "" ? `/dev/fd/${dirfd}` : `/dev/fd/${dirfd}/${name}`;
  const result = executeProgram(
    task,
    { dirfd, path: name, flags },
    shown,
    argv.length === 0 ? [""] : argv,
    environment,
  );
  return result < 0 ? result : NO_RETURN;
}

function wait4(task: Task, pid: number, statusAddress: number, options: number, usage: number): number {
  if ((options & ~(WNOHANG | WUNTRACED | WCONTINUED | __WALL | __WCLONE | __WNOTHREAD)) !== 0) return -EINVAL;
  pid |= 0;
  if (pid === -0x80000000) return -ESRCH;
  const ownGroup = task.group.group.id;
  const select =
    pid === -1
      ? () => true
      : pid === 0
        ? (child: ThreadGroup) => child.group.id === ownGroup
        : pid > 0
          ? (child: ThreadGroup) => child.pid === pid
          : (child: ThreadGroup) => child.group.id === -pid;
  const event = waitForChild(task, select, options | WEXITED);
  if (event === null) return 0;
  if (isErrno(event)) return event;
  if (statusAddress !== 0 && task.space.storeU32(statusAddress, event.status) < 0) return -EFAULT;
  if (usage !== 0 && writeRusage(task, usage, event.process, "all") < 0) return -EFAULT;
  return event.pid;
}

function waitid(task: Task, kind: number, id: number, infoAddress: number, options: number, usage: number): number {
  if (
    (options & ~(WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | __WALL | __WCLONE | __WNOTHREAD)) !== 0 ||
    (options & (WUNTRACED | WEXITED | WCONTINUED)) === 0
  )
    return -EINVAL;
  id |= 0;
  let select: (child: ThreadGroup) => boolean;
  let isNonblocking = false;
  switch (kind | 0) {
    case P_ALL:
      select = () => true;
      break;
    case P_PID:
      if (id <= 0) return -EINVAL;
      select = (child) => child.pid === id;
      break;
    case P_PGID: {
      if (id < 0) return -EINVAL;
      const group = id === 0 ? task.group.group.id : id;
      select = (child) => child.group.id === group;
      break;
    }
    case P_PIDFD: {
      const file = task.files.get(id);
      if (file === undefined) return -EBADF;
      const process = processOfPidfd(file);
      if (process === null) return -EBADF;
      select = (child) => child === process;
      isNonblocking = (file.flags & O_NONBLOCK) !== 0 && (options & WNOHANG) === 0;
      break;
    }
    default:
      return -EINVAL;
  }
  const event = waitForChild(task, select, isNonblocking ? options | WNOHANG : options);
  if (isErrno(event)) return event;
  // PIDFD_NONBLOCK (pidfd_open(2)).
  if (event === null && isNonblocking) return -EAGAIN;
  if (infoAddress !== 0 && writeChildInfo(task, infoAddress, event) < 0) return -EFAULT;
  if (usage !== 0 && event !== null && writeRusage(task, usage, event.process, "all") < 0) return -EFAULT;
  return 0;
}

function writeChildInfo(task: Task, address: number, event: ChildEvent | null): number {
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, SiginfoChild.size);
  if (event !== null) {
    view.setInt32(SiginfoChild.offset.si_signo, SIGCHLD, true);
    view.setInt32(SiginfoChild.offset.si_code, event.code, true);
    view.setInt32(SiginfoChild.offset.si_pid, event.pid, true);
    view.setUint32(SiginfoChild.offset.si_uid, event.uid, true);
    view.setInt32(SiginfoChild.offset.si_status, event.value, true);
  }
  return task.space.copyOut(address, u8, 0, SiginfoChild.size);
}

function processOf(task: Task, pid: number): ThreadGroup | undefined {
  if ((pid | 0) === 0) return task.group;
  const { tasks } = task.kernel;
  return tasks.processes.get(pid | 0) ?? tasks.tasks.get(pid | 0)?.group;
}

/**
 * unshare(2): THREAD, FS, NEWNS, SIGHAND, VM, FILES, SYSVSEM and the other namespaces; not NEWTIME, as of a kernel
 * without it (−EINVAL).
 */
const UNSHARABLE = 0x7e070f00;

export const processCalls: SyscallTable = {
  clone: {
    run: (task, flags, stack, parentTid, tls, childTid) =>
      clone(
        task,
        { flags: Math.floor(flags / 256) * 256, exitSignal: flags & 0xff, stack, tls, parentTid, childTid },
        parentTid,
      ),
    abandoned: abandonFork,
    gaps: "namespaces but CLONE_NEWNS are refused, CLONE_PTRACE is ignored",
  },
  clone3: {
    run: (task, address, size) => {
      const request = readCloneArguments(task, address, size);
      return isErrno(request) ? request : clone(task, request, request.pidfd);
    },
    abandoned: abandonFork,
    gaps: "set_tid, CLONE_INTO_CGROUP and namespaces but CLONE_NEWNS are refused",
  },
  execve: {
    run: (task, path, argv, environment) => execve(task, AT_FDCWD, path, argv, environment, 0),
    gaps: "file capabilities are not evaluated",
  },
  execveat: {
    run: (task, dirfd, path, argv, environment, flags) => execve(task, dirfd | 0, path, argv, environment, flags),
    gaps: "file capabilities are not evaluated",
  },
  exit: {
    run: (task, code) => {
      exitTask(task, (code & 0xff) << 8);
      return NO_RETURN;
    },
  },
  exit_group: {
    run: (task, code) => {
      exitGroup(task, (code & 0xff) << 8);
      return NO_RETURN;
    },
  },
  wait4: { run: wait4 },
  waitid: { run: waitid },
  getpid: { run: (task) => task.group.ownPid },
  getppid: { run: (task) => task.group.parent?.pid ?? 0 },
  gettid: { run: (task) => task.ownTid },
  set_tid_address: {
    run: (task, address) => {
      task.clearTid = address;
      return task.tid;
    },
  },
  setpgid: { run: (task, pid, group) => setProcessGroup(task, pid | 0, group | 0) },
  getpgid: { run: (task, pid) => processOf(task, pid)?.group.id ?? -ESRCH },
  setsid: { run: (task) => createSession(task) },
  getsid: { run: (task, pid) => processOf(task, pid)?.session.id ?? -ESRCH },
  sched_yield: {
    run: (task) => {
      task.kernel.scheduler.mustSwitch = true;
      task.virtualRuntime += 1000;
      return 0;
    },
  },
  getcpu: { run: getCpu },
  acct: {
    run: (task, address) => {
      const path = address === 0 ? null : loadPath(task, address);
      return typeof path === "number" ? path : acct(task, path);
    },
    gaps: "ASU and ac_io are never set; the file's system stays in use",
  },
  unshare: {
    run: (task, flags) => {
      if ((flags & ~UNSHARABLE) !== 0) return -EINVAL;
      if ((flags & 0x7e000000) !== 0) {
        task.kernel.notices.set("namespaces", "");
        return -EPERM;
      }
      const ownMounts = (flags & CLONE_NEWNS) !== 0;
      if (ownMounts && !isCapable(task.credentials, CAP_SYS_ADMIN)) return -EPERM;
      if (ownMounts && !canCopyMounts(task)) return -ENOSPC;
      const origin = ownMounts ? namespaceOrigin(task, "mnt", task.credentials.userNamespace) : null;
      if (typeof origin === "number") return origin;
      if ((flags & 0x400) !== 0 && task.files.users > 1) {
        const copy = task.files.copyForTask();
        if (typeof copy === "number") return copy;
        task.files.users--;
        task.files = copy;
      }
      if (((flags & 0x200) !== 0 || ownMounts) && task.fs.users > 1) {
        const copy = task.fs.copy();
        task.fs.release();
        task.fs = copy;
      }
      if (origin !== null) unshareMounts(task, task.fs, origin);
      if ((flags & CLONE_SYSVSEM) !== 0) {
        task.kernel.ipc.semaphores.leaveUndo(task);
        task.semaphoreUndo = { users: 1, identity: 0 };
      }
      return 0;
    },
    gaps: "namespaces but CLONE_NEWNS: EPERM, CLONE_NEWTIME: EINVAL",
  },
  setns: {
    run: (task, fd) =>
      task.files.get(fd | 0) === undefined ? -EBADF : isCapable(task.credentials, CAP_SYS_ADMIN) ? -EINVAL : -EPERM,
    gaps: "there are no namespaces yet: EINVAL",
  },
};
