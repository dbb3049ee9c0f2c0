import {
  E2BIG,
  EAGAIN,
  EFAULT,
  EINTR,
  EINVAL,
  ENOMEM,
  EPERM,
  ESRCH,
  MINSIGSTKSZ,
  SA_EXPOSE_TAGBITS,
  SA_NOCLDSTOP,
  SA_NOCLDWAIT,
  SA_NODEFER,
  SA_ONSTACK,
  SA_RESETHAND,
  SA_RESTART,
  SA_SIGINFO,
  SS_AUTODISARM,
  SIGKILL,
  SIGSEGV,
  SIGRTMAX,
  SIGSTOP,
  SIG_BLOCK,
  SIG_DFL,
  SIG_IGN,
  SIG_SETMASK,
  SIG_UNBLOCK,
  SI_KERNEL,
  SI_TKILL,
  SI_USER,
  SS_DISABLE,
  SS_ONSTACK,
  Sigaction,
  Sigaltstack,
  SiginfoSender,
  isErrno,
} from "@stratos/abi";
import { loadDuration } from "../event/wait-deadline.ts";
import { stateOf } from "../ground/call-state.ts";
import { forceSignal } from "../task/deliver-signals.ts";
import { isIgnoredByDefault } from "../signal/default-action.ts";
import { signalInfo, type SignalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToTask, setBlocked, takeSignal } from "../signal/send-signal.ts";
import { loadSignalInfo, writeSignalInfo } from "../signal/siginfo.ts";
import { leaveHandler, onSignalStack } from "../task/signal-frame.ts";
import { maySend } from "../signal/signal-permission.ts";
import { SignalSet } from "../signal/signal-set.ts";
import { SP } from "../task/hart-registers.ts";
import type { Task } from "../task/task.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { BLOCKED_EINTR, NO_RETURN } from "../ground/wait-queue.ts";
import { getU64, put64 } from "../ground/words.ts";
import type { SyscallTable } from "./syscall-table.ts";

const SIGSET_SIZE = 8;

export function loadSet(task: Task, address: number): SignalSet | null {
  const low = task.space.loadU32(address);
  const high = task.space.loadU32(address + 4);
  return low < 0 || high < 0 ? null : new SignalSet(low, high);
}

export function storeSet(task: Task, address: number, set: SignalSet): number {
  const failed = task.space.storeU32(address, set.low);
  return failed < 0 ? failed : task.space.storeU32(address + 4, set.high);
}

/** Others are dropped: so a program can ask which are known (sigaction(2), "Dynamically probing for flag bits"). */
const KNOWN_FLAGS =
  SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER | SA_RESETHAND | SA_EXPOSE_TAGBITS;

/** `struct sigaction` of the kernel: handler, flags, mask (riscv64 has no sa_restorer). */
function rtSigaction(task: Task, signal: number, newAddress: number, oldAddress: number, size: number): number {
  signal |= 0;
  if (size !== SIGSET_SIZE) return -EINVAL;
  const { actions } = task.group;
  const { u8, view } = task.kernel.scratch;
  if (newAddress !== 0 && task.space.copyIn(newAddress, u8, 0, Sigaction.size) < 0) return -EFAULT;
  if (signal < 1 || signal > SIGRTMAX) return -EINVAL;
  if (newAddress !== 0 && (signal === SIGKILL || signal === SIGSTOP)) return -EINVAL;
  const handler = getU64(view, Sigaction.offset.sa_handler);
  const flags = view.getUint32(Sigaction.offset.sa_flags, true);
  // Nothing blocks these two (kernel/signal.c, do_sigaction).
  const mask = new SignalSet(
    view.getUint32(Sigaction.offset.sa_mask, true),
    view.getUint32(Sigaction.offset.sa_mask + 4, true),
  );
  mask.deleteUnblockable();
  if (oldAddress !== 0) {
    const old = actions.get(signal);
    put64(view, Sigaction.offset.sa_handler, old.handler);
    put64(view, Sigaction.offset.sa_flags, old.flags);
    view.setUint32(Sigaction.offset.sa_mask, old.maskLow, true);
    view.setUint32(Sigaction.offset.sa_mask + 4, old.maskHigh, true);
    if (task.space.copyOut(oldAddress, u8, 0, Sigaction.size) < 0) return -EFAULT;
  }
  if (newAddress === 0) return 0;
  actions.set(signal, { handler, flags: flags & KNOWN_FLAGS, restorer: 0, maskLow: mask.low, maskHigh: mask.high });
  // Setting a signal to be ignored drops what is pending (sigaction(2), NOTES; POSIX).
  if (handler === SIG_IGN || (handler === SIG_DFL && isIgnoredByDefault(signal))) {
    task.group.pending.discard(signal);
    for (const thread of task.group.tasks) thread.pending.discard(signal);
  }
  return 0;
}

function rtSigprocmask(task: Task, how: number, newAddress: number, oldAddress: number, size: number): number {
  if (size !== SIGSET_SIZE) return -EINVAL;
  const old = task.blocked;
  if (newAddress !== 0) {
    const set = loadSet(task, newAddress);
    if (set === null) return -EFAULT;
    let blocked: SignalSet;
    switch (how | 0) {
      case SIG_BLOCK:
        blocked = old.union(set);
        break;
      case SIG_UNBLOCK:
        blocked = old.without(set);
        break;
      case SIG_SETMASK:
        blocked = set;
        break;
      default:
        return -EINVAL;
    }
    blocked.deleteUnblockable();
    setBlocked(task, blocked);
  }
  return oldAddress !== 0 ? storeSet(task, oldAddress, old) : 0;
}

function rtSigsuspend(task: Task, address: number, size: number): number {
  if (size !== SIGSET_SIZE) return -EINVAL;
  if (task.syscallState === null) {
    const set = loadSet(task, address);
    if (set === null) return -EFAULT;
    set.deleteUnblockable();
    task.savedMask = task.blocked;
    setBlocked(task, set);
    task.syscallState = { kind: "sigsuspend" };
  }
  return BLOCKED_EINTR;
}

function rtSigtimedwait(task: Task, setAddress: number, infoAddress: number, timeout: number, size: number): number {
  if (size !== SIGSET_SIZE) return -EINVAL;
  const set = loadSet(task, setAddress);
  if (set === null) return -EFAULT;
  // Nobody takes these from their effect (kernel/signal.c, do_sigtimedwait).
  set.deleteUnblockable();
  let state = stateOf(task, "deadline");
  if (state === null) {
    const duration = timeout === 0 ? Infinity : loadDuration(task.space, timeout);
    if (duration < 0) return duration;
    state = { kind: "deadline", deadlineNs: task.kernel.now() + duration };
  }
  const info = takeSignal(task, (signal) => set.has(signal));
  if (info !== null) {
    if (infoAddress !== 0 && storeInfo(task, infoAddress, info) < 0) return -EFAULT;
    return info.signal;
  }
  if (task.kernel.now() >= state.deadlineNs) return -EAGAIN;
  task.syscallState = state;
  task.waitedSignals = set;
  if (state.deadlineNs !== Infinity) task.waitUntil(state.deadlineNs);
  return BLOCKED_EINTR;
}

function storeInfo(task: Task, address: number, info: SignalInfo): number {
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, SiginfoSender.size);
  writeSignalInfo(view, 0, info);
  return task.space.copyOut(address, u8, 0, SiginfoSender.size);
}

function senderInfo(task: Task, signal: number, code: number): SignalInfo {
  return signalInfo(signal, code, { pid: task.pid, uid: task.credentials.uid });
}

function kill(task: Task, pidArgument: number, signal: number): number {
  const pid = pidArgument | 0;
  const { tasks } = task.kernel;
  const { pidNamespace } = task.group;
  let targets: ThreadGroup[];
  if (pid > 0) {
    const target = tasks.processOfThreadIn(pidNamespace, pid);
    if (target === undefined) return -ESRCH;
    targets = [target];
  } else if (pid === -1)
    targets = [...tasks.processes.values()].filter(
      (process) => pidNamespace.idOf(process.pid) > 1 && process !== task.group,
    );
  else {
    const group = pid === 0 ? task.group.group : tasks.groupIn(pidNamespace, -pid);
    if (group === undefined) return -ESRCH;
    targets = [...group.members];
  }
  let sent = 0;
  let refused = -ESRCH;
  for (const target of targets) {
    const failed = maySend(task, target, signal);
    if (failed < 0) refused = failed;
    else {
      sent++;
      if (signal !== 0) sendSignalToProcess(target, senderInfo(task, signal, SI_USER));
    }
  }
  // Of all, those whom the caller may not signal are passed over, be it each of them (kill_something_info).
  return sent > 0 || (pid === -1 && refused === -EPERM) ? 0 : refused;
}

/** The thread that the caller calls `tid`. @param pid  of its process; null: of any */
function threadOf(task: Task, pid: number | null, tid: number): Task | undefined {
  const { pidNamespace } = task.group;
  const thread = task.kernel.tasks.taskIn(pidNamespace, tid);
  return thread !== undefined && pid !== null && thread.pid !== pidNamespace.rootIdOf(pid) ? undefined : thread;
}

function tgkill(task: Task, process: number | null, thread: number, signal: number): number {
  if (thread <= 0 || (process !== null && process <= 0)) return -EINVAL;
  const target = threadOf(task, process, thread);
  if (target === undefined) return -ESRCH;
  const failed = maySend(task, target.group, signal);
  if (failed < 0) return failed;
  return signal === 0 ? 0 : sendSignalToTask(target, senderInfo(task, signal, SI_TKILL));
}

/**
 * What the caller of rt_sigqueueinfo and rt_tgsigqueueinfo has made: −EFAULT; −E2BIG; −EPERM for a code that only the
 * kernel or kill(2) may give, to another thread than itself.
 *
 * @param id  whom it is for
 */
function loadInfo(task: Task, id: number, signal: number, address: number): SignalInfo | number {
  const info = loadSignalInfo(task, task.kernel.scratch, address, signal);
  if (isErrno(info)) return info;
  const isForged = info.code >= 0 || info.code === SI_TKILL;
  return isForged && task.group.pidNamespace.idOf(task.tid) !== id ? -EPERM : info;
}

function queueInfo(task: Task, pid: number, signal: number, address: number): number {
  const info = loadInfo(task, pid, signal, address);
  if (isErrno(info)) return info;
  const target = task.kernel.tasks.processOfThreadIn(task.group.pidNamespace, pid);
  if (target === undefined) return -ESRCH;
  const failed = maySend(task, target, signal);
  return failed < 0 || signal === 0 ? failed : sendSignalToProcess(target, info);
}

function queueThreadInfo(task: Task, pid: number, tid: number, signal: number, address: number): number {
  const info = loadInfo(task, tid, signal, address);
  if (info === -EFAULT || info === -E2BIG) return info;
  if (pid <= 0 || tid <= 0) return -EINVAL;
  if (isErrno(info)) return info;
  const thread = threadOf(task, pid, tid);
  if (thread === undefined) return -ESRCH;
  const failed = maySend(task, thread.group, signal);
  return failed < 0 || signal === 0 ? failed : sendSignalToTask(thread, info);
}

function sigaltstack(task: Task, newAddress: number, oldAddress: number): number {
  const { view, u8 } = task.kernel.scratch;
  const sp = task.kernel.hart.get(SP);
  const old = task.signalStack;
  const isOn = onSignalStack(task, sp);
  if (newAddress !== 0) {
    if (task.space.copyIn(newAddress, u8, 0, Sigaltstack.size) < 0) return -EFAULT;
    const given = view.getInt32(Sigaltstack.offset.ss_flags, true);
    const flags = given & ~SS_AUTODISARM;
    const size = getU64(view, Sigaltstack.offset.ss_size);
    const address = getU64(view, Sigaltstack.offset.ss_sp);
    if (isOn) return -EPERM;
    if (flags !== 0 && flags !== SS_ONSTACK && flags !== SS_DISABLE) return -EINVAL;
    if (flags !== SS_DISABLE && size < MINSIGSTKSZ) return -ENOMEM;
    task.signalStack = flags === SS_DISABLE ? { address: 0, size: 0, flags: given } : { address, size, flags: given };
  }
  if (oldAddress === 0) return 0;
  u8.fill(0, 0, Sigaltstack.size);
  put64(view, Sigaltstack.offset.ss_sp, old.address);
  const state = old.size === 0 ? SS_DISABLE : isOn ? SS_ONSTACK : 0;
  view.setInt32(Sigaltstack.offset.ss_flags, state | (old.flags & SS_AUTODISARM), true);
  put64(view, Sigaltstack.offset.ss_size, old.size);
  return task.space.copyOut(oldAddress, u8, 0, Sigaltstack.size);
}

export const signalCalls: SyscallTable = {
  rt_sigaction: { run: rtSigaction },
  rt_sigprocmask: { run: rtSigprocmask },
  rt_sigpending: {
    run: (task, address, size) => {
      if (size > SIGSET_SIZE) return -EINVAL;
      const pending = task.pending.set.union(task.group.pending.set);
      const words = new Uint32Array([pending.low & task.blocked.low, pending.high & task.blocked.high]);
      return task.space.copyOut(address, new Uint8Array(words.buffer), 0, size);
    },
  },
  rt_sigsuspend: { run: rtSigsuspend },
  rt_sigtimedwait: { run: rtSigtimedwait },
  rt_sigreturn: {
    run: (task) => {
      if (!leaveHandler(task)) forceSignal(task, signalInfo(SIGSEGV, SI_KERNEL));
      return NO_RETURN;
    },
  },
  rt_sigqueueinfo: { run: (task, pid, signal, address) => queueInfo(task, pid | 0, signal | 0, address) },
  rt_tgsigqueueinfo: {
    run: (task, pid, tid, signal, address) => queueThreadInfo(task, pid | 0, tid | 0, signal | 0, address),
  },
  kill: { run: (task, pid, signal) => kill(task, pid, signal | 0) },
  tkill: { run: (task, tid, signal) => tgkill(task, null, tid | 0, signal | 0) },
  tgkill: { run: (task, process, thread, signal) => tgkill(task, process | 0, thread | 0, signal | 0) },
  sigaltstack: { run: sigaltstack },
  restart_syscall: {
    run: () => -EINTR,
    gaps: "a sleep that a stop interrupted goes on by itself: neither a tracer nor a filter of seccomp sees this call",
  },
};
