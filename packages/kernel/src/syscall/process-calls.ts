import { loadPath } from "./path-argument.ts";
import { acct } from "../task/account-process.ts";
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CLONE_PARENT_SETTID,
  CLONE_PIDFD,
  CLONE_VFORK,
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  ENOENT,
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
  isErrno,
} from "@stratos/abi";
import { setNamespaces, unshare } from "../task/enter-namespaces.ts";
import { WIDE_TOP } from "../mm/address-space.ts";
import { abandonFork } from "../mm/fork.ts";
import { storeServed } from "../mm/msync.ts";
import { cloneTask, type CloneRequest, readCloneArguments } from "../task/clone.ts";
import { executeProgram, readStrings } from "../task/exec.ts";
import { exitGroup, exitTask } from "../task/exit.ts";
import { groupBehind } from "../cgroup/cgroup2.ts";
import { mayBeginIn } from "../cgroup/group-files.ts";
import type { ControlGroup } from "../task/control-group.ts";
import { createSession, setProcessGroup } from "../task/process-group.ts";
import { PidFile, processOfPidfd } from "../task/pidfd.ts";
import { getCpu } from "../task/affinity.ts";
import { rseq } from "../task/rseq.ts";
import { parentIdOf } from "../task/task-access.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { type ChildEvent, waitForChild, type WaitTarget } from "../task/wait.ts";
import { BLOCKED, BLOCKED_KILLABLE, NO_RETURN, UNFINISHED } from "../ground/wait-queue.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { writeRusage } from "../task/resource-usage.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** CLONE_INTO_CGROUP: by a descriptor of the group's directory. */
function groupToBeginIn(task: Task, fd: number): ControlGroup | number {
  const group = groupBehind(task.files.get(fd)?.inode ?? null);
  if (group === null) return -EBADF;
  const refused = mayBeginIn(task, group);
  return refused < 0 ? refused : group;
}

function clone(task: Task, request: CloneRequest, pidfdAddress: number): number {
  // A vfork parent that was woken: its child has gone on.
  const state = stateOf(task, "vfork");
  if (state !== null) {
    if (task.kernel.tasks.tasks.get(state.child)?.vforkParent === task) {
      task.waitOn(task.vforkDone);
      return BLOCKED_KILLABLE;
    }
    return state.tid;
  }
  const wantsPidfd = (request.flags & CLONE_PIDFD) !== 0;
  if (wantsPidfd && (request.flags & CLONE_PARENT_SETTID) !== 0 && pidfdAddress === request.parentTid) return -EINVAL;
  const child = cloneTask(task, request);
  if (isErrno(child)) return child;
  const tid = task.group.pidNamespace.idOf(child.tid);
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
  if ((request.flags & CLONE_VFORK) === 0) return tid;
  child.vforkParent = task;
  task.syscallState = { kind: "vfork", child: child.tid, tid };
  task.waitOn(task.vforkDone);
  return BLOCKED_KILLABLE;
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
  const state: StateOf<"exec"> = stateOf(task, "exec") ?? {
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
  const named = task.group.pidNamespace.rootIdOf(Math.abs(pid));
  const select =
    pid === -1
      ? () => true
      : pid === 0
        ? (child: WaitTarget) => child.group.id === ownGroup
        : pid > 0
          ? (child: WaitTarget) => child.pid === named
          : (child: WaitTarget) => child.group.id === named;
  const event = waitForChild(task, select, options | WEXITED);
  if (event === null) return 0;
  if (isErrno(event)) return event;
  if (statusAddress !== 0 && task.space.storeU32(statusAddress, event.status) < 0) return -EFAULT;
  if (usage !== 0 && writeRusage(task, usage, event.process, "all") < 0) return -EFAULT;
  return event.pid;
}

/**
 * waitid(2): what is found is told also where that is nothing, or a mistake, word by word (kernel/exit.c).
 *
 * @returns 0; −EAGAIN, −EBADF, −ECHILD, −EFAULT, −EINVAL
 */
function waitid(task: Task, kind: number, id: number, infoAddress: number, options: number, usage: number): number {
  const event = awaitChild(task, kind, id, options);
  if (isErrno(event) && event <= BLOCKED) return event;
  const found = isErrno(event) ? null : event;
  if (usage !== 0 && found !== null && writeRusage(task, usage, found.process, "all") < 0) return -EFAULT;
  if (infoAddress !== 0 && writeChildInfo(task, infoAddress, found) < 0) return -EFAULT;
  return isErrno(event) ? event : 0;
}

function awaitChild(task: Task, kind: number, id: number, options: number): ChildEvent | null | number {
  if (
    (options & ~(WNOHANG | WUNTRACED | WEXITED | WCONTINUED | WNOWAIT | __WALL | __WCLONE | __WNOTHREAD)) !== 0 ||
    (options & (WUNTRACED | WEXITED | WCONTINUED)) === 0
  )
    return -EINVAL;
  id |= 0;
  const { pidNamespace } = task.group;
  let select: (child: WaitTarget) => boolean;
  let isNonblocking = false;
  switch (kind | 0) {
    case P_ALL:
      select = () => true;
      break;
    case P_PID: {
      if (id <= 0) return -EINVAL;
      const pid = pidNamespace.rootIdOf(id);
      select = (child) => child.pid === pid;
      break;
    }
    case P_PGID: {
      if (id < 0) return -EINVAL;
      const group = id === 0 ? task.group.group.id : pidNamespace.rootIdOf(id);
      select = (child) => child.group.id === group;
      break;
    }
    case P_PIDFD: {
      if (id < 0) return -EINVAL;
      const file = task.files.get(id);
      if (file === undefined) return -EBADF;
      const process = processOfPidfd(file);
      if (process === null) return -EBADF;
      select = (child) => child.pid === process.pid;
      isNonblocking = (file.flags & O_NONBLOCK) !== 0 && (options & WNOHANG) === 0;
      break;
    }
    default:
      return -EINVAL;
  }
  const event = waitForChild(task, select, isNonblocking ? options | WNOHANG : options);
  // PIDFD_NONBLOCK (pidfd_open(2)).
  return event === null && isNonblocking ? -EAGAIN : event;
}

/** Signal, error and code; process, user and status: what lies between and behind stays. */
function writeChildInfo(task: Task, address: number, event: ChildEvent | null): number {
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, SiginfoChild.size);
  if (event !== null) {
    view.setInt32(SiginfoChild.offset.si_signo, SIGCHLD, true);
    view.setInt32(SiginfoChild.offset.si_code, event.code, true);
    view.setInt32(SiginfoChild.offset.si_pid, event.pid, true);
    view.setUint32(SiginfoChild.offset.si_uid, task.credentials.userNamespace.uids.shown(event.uid), true);
    view.setInt32(SiginfoChild.offset.si_status, event.value, true);
  }
  const { _pad, si_pid, si_status } = SiginfoChild.offset;
  const failed = task.space.copyOut(address, u8, 0, _pad);
  return failed < 0 ? failed : task.space.copyOut(address + si_pid, u8, si_pid, si_status + 4 - si_pid);
}

function processOf(task: Task, pid: number): ThreadGroup | undefined {
  if ((pid | 0) === 0) return task.group;
  return task.kernel.tasks.processOfThreadIn(task.group.pidNamespace, pid | 0);
}

/**
 * Who waits for a process finds written what it wrote, also where a program serves the file.
 * @param users  of its descriptors and memory, that end with it
 * @returns 0, or BLOCKED
 */
function lastWords(task: Task, users: number): number {
  const { kernel, files, space } = task;
  if (kernel.vfs.servedFiles === 0) return 0;
  const waits = files.users > users ? 0 : files.beforeCloseAll();
  return waits < 0 || space.users > users ? waits : storeServed(task, 0, WIDE_TOP);
}

export const processCalls: SyscallTable = {
  clone: {
    run: (task, flags, stack, parentTid, tls, childTid) =>
      clone(
        task,
        {
          flags: Math.floor(flags / 256) * 256,
          exitSignal: flags & 0xff,
          stack,
          tls,
          numbers: [],
          parentTid,
          childTid,
          controlGroup: null,
        },
        parentTid,
      ),
    abandoned: abandonFork,
  },
  clone3: {
    run: (task, address, size) => {
      const request = readCloneArguments(task, address, size);
      if (isErrno(request)) return request;
      const controlGroup = request.cgroup < 0 ? null : groupToBeginIn(task, request.cgroup);
      if (isErrno(controlGroup) && task.syscallState?.kind === "fork") abandonFork(task);
      return isErrno(controlGroup) ? controlGroup : clone(task, { ...request, controlGroup }, request.pidfd);
    },
    abandoned: abandonFork,
  },
  execve: {
    run: (task, path, argv, environment) => execve(task, AT_FDCWD, path, argv, environment, 0),
  },
  execveat: {
    run: (task, dirfd, path, argv, environment, flags) => execve(task, dirfd | 0, path, argv, environment, flags),
  },
  exit: {
    run: (task, code) => {
      const waits = lastWords(task, 1);
      if (waits < 0) return waits;
      exitTask(task, (code & 0xff) << 8);
      return NO_RETURN;
    },
  },
  exit_group: {
    run: (task, code) => {
      const waits = lastWords(task, task.group.tasks.length);
      if (waits < 0) return waits;
      exitGroup(task, (code & 0xff) << 8);
      return NO_RETURN;
    },
  },
  wait4: { run: wait4 },
  waitid: { run: waitid },
  getpid: { run: (task) => task.group.ownPid },
  getppid: { run: (task) => parentIdOf(task.group, task.group.pidNamespace) },
  gettid: { run: (task) => task.ownTid },
  set_tid_address: {
    run: (task, address) => {
      task.clearTid = address;
      return task.ownTid;
    },
  },
  setpgid: { run: (task, pid, group) => setProcessGroup(task, pid | 0, group | 0) },
  getpgid: {
    run: (task, pid) => {
      const process = processOf(task, pid);
      return process === undefined ? -ESRCH : task.group.pidNamespace.idOf(process.group.id);
    },
  },
  setsid: { run: (task) => createSession(task) },
  getsid: {
    run: (task, pid) => {
      const process = processOf(task, pid);
      return process === undefined ? -ESRCH : task.group.pidNamespace.idOf(process.session.id);
    },
  },
  sched_yield: {
    run: (task) => {
      task.kernel.scheduler.mustSwitch = true;
      task.virtualRuntime += 1000;
      return 0;
    },
  },
  getcpu: { run: getCpu },
  rseq: { run: rseq },
  acct: {
    run: (task, address) => {
      const path = address === 0 ? null : loadPath(task, address);
      return isErrno(path) ? path : acct(task, path);
    },
    gaps: "ASU and ac_io are never set; the file's system stays in use",
  },
  unshare: {
    run: unshare,
    gaps:
      "in a user namespace below the initial one, files of /proc/sys are root's of the initial one: they cannot be " +
      "written; in a pid namespace below it, shmctl and semctl show 0 for a process that was waited for",
  },
  setns: { run: (task, fd, type) => setNamespaces(task, fd | 0, type) },
};
