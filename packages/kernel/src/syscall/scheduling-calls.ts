/** Who runs when: sched(7), setpriority(2). Read next: task/scheduler.ts. */
import {
  CAP_SYS_NICE,
  E2BIG,
  EACCES,
  EBUSY,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  IOPRIO_CLASS_BE,
  IOPRIO_CLASS_NONE,
  IOPRIO_WHO_PROCESS,
  IOPRIO_WHO_USER,
  RLIMIT_NICE,
  RLIMIT_RTPRIO,
  SCHED_ATTR_SIZE_VER0,
  SCHED_ATTR_SIZE_VER1,
  SCHED_BATCH,
  SCHED_DEADLINE,
  SCHED_FIFO,
  SCHED_FLAG_DL_OVERRUN,
  SCHED_FLAG_KEEP_PARAMS,
  SCHED_FLAG_KEEP_POLICY,
  SCHED_FLAG_RECLAIM,
  SCHED_FLAG_RESET_ON_FORK,
  SCHED_IDLE,
  SCHED_OTHER,
  SCHED_RESET_ON_FORK,
  SCHED_RR,
  SchedAttr,
  Timespec,
  isErrno,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { getAffinity, setAffinity } from "../task/affinity.ts";
import { inherit } from "../task/pi-futex.ts";
import type { Task } from "../task/task.ts";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { get64, put64 } from "../ground/words.ts";
import { checkIoPriority } from "./io-priority.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** What sched_setattr(2) takes; utilisation clamps are kept by nobody. */
const KNOWN_FLAGS =
  SCHED_FLAG_RESET_ON_FORK |
  SCHED_FLAG_RECLAIM |
  SCHED_FLAG_DL_OVERRUN |
  SCHED_FLAG_KEEP_POLICY |
  SCHED_FLAG_KEEP_PARAMS;
/** Priorities of SCHED_DEADLINE stand above those of SCHED_FIFO and SCHED_RR. */
const DEADLINE_PRIORITY = 100;
/** Bounds of a deadline task's period, and of the share of a hart that all of them may have (sched(7)). */
const RUNTIME_MIN_NS = 1024,
  PERIOD_MIN_NS = 100_000,
  PERIOD_MAX_NS = 2 ** 22 * 1000,
  BANDWIDTH_MAX = 0.95;
/** Of the slice that a thread may ask for (kernel/sched/syscalls.c, `__setparam_fair`). */
const SLICE_MIN_NS = 100_000,
  SLICE_MAX_NS = 100_000_000;

/** What is told of one that asked for none: 0.75 ms, and as much for each doubling of the harts up to 8. */
function baseSliceNs(harts: number): number {
  return 750_000 * (1 + Math.floor(Math.log2(Math.min(8, harts))));
}

function targetOf(task: Task, pid: number): Task | undefined {
  return (pid | 0) === 0 ? task : threadOrZombie(task, pid | 0)[0];
}

function priorityTargets(task: Task, which: number, who: number): Task[] {
  const all = [...task.kernel.tasks.tasks.values()];
  const { pidNamespace } = task.group;
  switch (which) {
    case 0:
      return who === 0 ? [task] : threadOrZombie(task, who);
    case 1: {
      const group = who === 0 ? task.group.group : task.kernel.tasks.groupIn(pidNamespace, who);
      return all.filter((each) => each.group.group === group);
    }
    default: {
      const uid = who === 0 ? task.credentials.uid : task.credentials.userNamespace.uids.toKernel(who);
      return all.filter((each) => each.credentials.uid === uid);
    }
  }
}

function threadOrZombie({ kernel, group: { pidNamespace } }: Task, who: number): Task[] {
  const thread = kernel.tasks.tasks.get(pidNamespace.rootIdOf(who));
  // The number of a process is its leader's until somebody has waited for it.
  const found = thread ?? kernel.tasks.processIn(pidNamespace, who)?.leader ?? null;
  return found === null ? [] : [found];
}

/**
 * setpriority(2): every target that may be changed is, and the last that may not be gives the result.
 *
 * @returns 0; −EACCES  more urgent than RLIMIT_NICE of the target allows; −EINVAL; −EPERM  another user's; −ESRCH
 */
function setpriority(task: Task, which: number, who: number, value: number): number {
  if (which < 0 || which > 2) return -EINVAL;
  const nice = Math.max(-20, Math.min(19, value));
  const targets = priorityTargets(task, which, who);
  if (targets.length === 0) return -ESRCH;
  const { euid } = task.credentials;
  const mayRaise = isCapable(task.credentials, CAP_SYS_NICE);
  let result = 0;
  for (const target of targets) {
    const isPrivileged = isCapable(task.credentials, CAP_SYS_NICE, target.credentials.userNamespace);
    const isOwn = target.credentials.uid === euid || target.credentials.euid === euid;
    if (!isPrivileged && !isOwn) result = -EPERM;
    else if (!mayRaise && nice < target.nice && 20 - nice > target.group.limits[RLIMIT_NICE]!.soft) result = -EACCES;
    else target.nice = nice;
  }
  return result;
}

function getpriority(task: Task, which: number, who: number): number {
  if (which < 0 || which > 2) return -EINVAL;
  const targets = priorityTargets(task, which, who);
  // The raw call returns 20 − nice, so that no result looks like an error (getpriority(2), C library/kernel
  // differences).
  return targets.length === 0 ? -ESRCH : 20 - Math.min(...targets.map((target) => target.nice));
}

/** Those without priorities; SCHED_EXT (7), of which Linux tells the range since 6.12, is among them. */
function isKnownPolicy(policy: number): boolean {
  return [SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE, 7].includes(policy);
}

/** @param realtime  the bound of those that have priorities */
function priorityBound(policy: number, realtime: number): number {
  return policy === SCHED_FIFO || policy === SCHED_RR ? realtime : isKnownPolicy(policy) ? 0 : -EINVAL;
}

interface Attributes {
  policy: number;
  nice: number;
  priority: number;
  resetOnFork: boolean;
  runtimeNs: number;
  deadlineNs: number;
  periodNs: number;
}

/** Changes policy and parameters: 0; −EBUSY, −EINVAL, −EPERM (sched_setattr(2)). */
function apply(task: Task, target: Task, wanted: Attributes): number {
  const { policy, priority } = wanted;
  const isRealtime = policy === SCHED_FIFO || policy === SCHED_RR;
  if (
    !isRealtime &&
    policy !== SCHED_OTHER &&
    policy !== SCHED_BATCH &&
    policy !== SCHED_IDLE &&
    policy !== SCHED_DEADLINE
  )
    return -EINVAL;
  if (isRealtime ? priority < 1 || priority > 99 : priority !== 0) return -EINVAL;
  if (policy === SCHED_DEADLINE && !isFeasible(wanted)) return -EINVAL;
  if (!isCapable(task.credentials, CAP_SYS_NICE)) {
    const { limits } = target.group;
    if (isRealtime && priority > target.realtimePriority && priority > limits[RLIMIT_RTPRIO]!.soft) return -EPERM;
    if (isRealtime && policy !== target.policy && limits[RLIMIT_RTPRIO]!.soft === 0) return -EPERM;
    if (policy === SCHED_DEADLINE) return -EPERM;
    if (!isRealtime && wanted.nice < target.nice && 20 - wanted.nice > limits[RLIMIT_NICE]!.soft) return -EPERM;
    // SCHED_IDLE is as nice 20 (user_check_sched_setscheduler in Linux).
    if (target.policy === SCHED_IDLE && policy !== SCHED_IDLE && 20 - target.nice > limits[RLIMIT_NICE]!.soft)
      return -EPERM;
    if (task.credentials.euid !== target.credentials.euid && task.credentials.euid !== target.credentials.uid)
      return -EPERM;
    if (target.resetsOnFork && !wanted.resetOnFork) return -EPERM;
  }
  if (policy === SCHED_DEADLINE) {
    let share = wanted.runtimeNs / wanted.periodNs;
    for (const each of task.kernel.tasks.tasks.values())
      if (each !== target && each.deadlineShare !== null)
        share += each.deadlineShare.runtimeNs / each.deadlineShare.periodNs;
    if (share > BANDWIDTH_MAX * task.kernel.harts) return -EBUSY;
  }
  target.policy = policy;
  target.realtimePriority = policy === SCHED_DEADLINE ? DEADLINE_PRIORITY : priority;
  target.deadlineShare =
    policy === SCHED_DEADLINE
      ? { runtimeNs: wanted.runtimeNs, deadlineNs: wanted.deadlineNs, periodNs: wanted.periodNs }
      : null;
  target.resetsOnFork = wanted.resetOnFork;
  if (policy === SCHED_OTHER || policy === SCHED_BATCH) {
    target.nice = wanted.nice;
    // Below 2^63; what is larger has come as negative, and is much.
    const sliceNs = wanted.runtimeNs < 0 ? SLICE_MAX_NS : wanted.runtimeNs;
    target.sliceNs = sliceNs === 0 ? 0 : Math.max(SLICE_MIN_NS, Math.min(SLICE_MAX_NS, sliceNs));
  }
  inherit(target);
  task.kernel.scheduler.reorder(target);
  return 0;
}

function isFeasible({ runtimeNs, deadlineNs, periodNs }: Attributes): boolean {
  return (
    runtimeNs >= RUNTIME_MIN_NS &&
    runtimeNs <= deadlineNs &&
    deadlineNs <= periodNs &&
    periodNs >= PERIOD_MIN_NS &&
    periodNs <= PERIOD_MAX_NS
  );
}

/** What sched_getparam(2) shows. */
function shownPriority(target: Task): number {
  return target.policy === SCHED_DEADLINE ? 0 : target.realtimePriority;
}

function setScheduler(task: Task, pid: number, policy: number, address: number): number {
  if (address === 0 || (pid | 0) < 0 || policy < 0) return -EINVAL;
  const priority = task.space.loadU32(address);
  if (priority < 0) return -EFAULT;
  const target = targetOf(task, pid);
  if (target === undefined) return -ESRCH;
  const resetOnFork = (policy & SCHED_RESET_ON_FORK) !== 0;
  policy &= ~SCHED_RESET_ON_FORK;
  // It has no parameters for a deadline.
  if (policy === SCHED_DEADLINE) return -EINVAL;
  return apply(task, target, {
    policy,
    nice: target.nice,
    priority: priority | 0,
    resetOnFork,
    runtimeNs: target.sliceNs,
    deadlineNs: 0,
    periodNs: 0,
  });
}

function setParameters(task: Task, pid: number, address: number): number {
  if (address === 0 || (pid | 0) < 0) return -EINVAL;
  const priority = task.space.loadU32(address);
  if (priority < 0) return -EFAULT;
  const target = targetOf(task, pid);
  if (target === undefined) return -ESRCH;
  return apply(task, target, {
    policy: target.policy,
    nice: target.nice,
    priority: priority | 0,
    resetOnFork: target.resetsOnFork,
    ...(target.deadlineShare ?? { runtimeNs: target.sliceNs, deadlineNs: 0, periodNs: 0 }),
  });
}

/** sched_setattr(2): 0; −E2BIG for a structure with more than is known, −EBUSY, −EFAULT, −EINVAL, −EPERM, −ESRCH. */
function setAttributes(task: Task, pid: number, address: number, flags: number): number {
  if (address === 0 || (pid | 0) < 0 || flags !== 0) return -EINVAL;
  const { u8, view } = task.kernel.scratch;
  const given = task.space.loadU32(address);
  if (given < 0) return -EFAULT;
  const size = given === 0 ? SCHED_ATTR_SIZE_VER0 : given;
  if (size < SCHED_ATTR_SIZE_VER0) return tooBig(task, address);
  const failed = copyExtensible(task.space, address, u8, size, SCHED_ATTR_SIZE_VER1);
  if (failed < 0) return failed === -E2BIG ? tooBig(task, address) : failed;
  const options = get64(view, SchedAttr.offset.sched_flags);
  if (view.getInt32(SchedAttr.offset.sched_policy, true) < 0 || options < 0 || options > KNOWN_FLAGS) return -EINVAL;
  const target = targetOf(task, pid);
  if (target === undefined) return -ESRCH;
  const policy =
    (options & SCHED_FLAG_KEEP_POLICY) !== 0 ? target.policy : view.getUint32(SchedAttr.offset.sched_policy, true);
  const keepsParameters = (options & SCHED_FLAG_KEEP_PARAMS) !== 0;
  const nice = view.getInt32(SchedAttr.offset.sched_nice, true);
  const runtimeNs = get64(view, SchedAttr.offset.sched_runtime);
  const deadlineNs = get64(view, SchedAttr.offset.sched_deadline);
  const periodNs = get64(view, SchedAttr.offset.sched_period) || deadlineNs;
  return apply(task, target, {
    policy,
    resetOnFork: (options & SCHED_FLAG_RESET_ON_FORK) !== 0,
    nice: keepsParameters ? target.nice : Math.max(-20, Math.min(19, nice)),
    priority: keepsParameters ? shownPriority(target) : view.getUint32(SchedAttr.offset.sched_priority, true),
    ...(keepsParameters && target.deadlineShare !== null
      ? target.deadlineShare
      : { runtimeNs: keepsParameters ? target.sliceNs : runtimeNs, deadlineNs, periodNs }),
  });
}

/** Tells the size that is known (sched_setattr(2), ERRORS). */
function tooBig(task: Task, address: number): number {
  return task.space.storeU32(address, SCHED_ATTR_SIZE_VER1) < 0 ? -EFAULT : -E2BIG;
}

function getAttributes(task: Task, pid: number, address: number, size: number, flags: number): number {
  if (address === 0 || (pid | 0) < 0 || flags !== 0 || size < SCHED_ATTR_SIZE_VER0 || size > 4096) return -EINVAL;
  const target = targetOf(task, pid);
  if (target === undefined) return -ESRCH;
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, SCHED_ATTR_SIZE_VER1);
  const length = Math.min(size, SCHED_ATTR_SIZE_VER1);
  view.setUint32(SchedAttr.offset.size, length, true);
  view.setUint32(SchedAttr.offset.sched_policy, target.policy, true);
  put64(view, SchedAttr.offset.sched_flags, target.resetsOnFork ? SCHED_FLAG_RESET_ON_FORK : 0);
  if (target.deadlineShare !== null) {
    put64(view, SchedAttr.offset.sched_runtime, target.deadlineShare.runtimeNs);
    put64(view, SchedAttr.offset.sched_deadline, target.deadlineShare.deadlineNs);
    put64(view, SchedAttr.offset.sched_period, target.deadlineShare.periodNs);
  } else if (target.policy === SCHED_FIFO || target.policy === SCHED_RR)
    view.setUint32(SchedAttr.offset.sched_priority, target.realtimePriority, true);
  else {
    view.setInt32(SchedAttr.offset.sched_nice, target.nice, true);
    put64(view, SchedAttr.offset.sched_runtime, target.sliceNs || baseSliceNs(task.kernel.harts));
  }
  // Utilisation is not clamped: 0 … SCHED_CAPACITY_SCALE.
  if (length >= SCHED_ATTR_SIZE_VER1) view.setUint32(SchedAttr.offset.sched_util_max, 1024, true);
  return task.space.copyOut(address, u8, 0, length);
}

function ioPriorityTargets(task: Task, which: number, who: number): Task[] | number {
  if (which < IOPRIO_WHO_PROCESS || which > IOPRIO_WHO_USER) return -EINVAL;
  // The same three kinds as setpriority(2) has, from 1 on.
  const targets = priorityTargets(task, which - 1, who);
  return targets.length === 0 ? -ESRCH : targets;
}

/** ioprio_set(2): 0; −EINVAL, −EPERM, −ESRCH. */
function setIoPriority(task: Task, which: number, who: number, value: number): number {
  const refused = checkIoPriority(task.credentials, value);
  if (refused < 0) return refused;
  const targets = ioPriorityTargets(task, which | 0, who | 0);
  if (isErrno(targets)) return targets;
  for (const target of targets) {
    const { euid, uid } = task.credentials;
    if (
      target.credentials.uid !== euid &&
      target.credentials.uid !== uid &&
      !isCapable(task.credentials, CAP_SYS_NICE, target.credentials.userNamespace)
    )
      return -EPERM;
    target.io.priority = value & 0xffff;
  }
  return 0;
}

/** ioprio_get(2): the most urgent of the targets; one that was never set follows the nice value. */
function getIoPriority(task: Task, which: number, who: number): number {
  const targets = ioPriorityTargets(task, which | 0, who | 0);
  if (isErrno(targets)) return targets;
  // A single process shows what was set, 0 for nothing.
  if ((which | 0) === IOPRIO_WHO_PROCESS) return targets[0]!.io.priority;
  const effective = (target: Task): number =>
    target.io.priority >> 13 !== IOPRIO_CLASS_NONE
      ? target.io.priority
      : (IOPRIO_CLASS_BE << 13) | Math.floor((target.nice + 20) / 5);
  return Math.min(...targets.map(effective));
}

export const schedulingCalls: SyscallTable = {
  getpriority: { run: (task, which, who) => getpriority(task, which | 0, who | 0) },
  setpriority: { run: (task, which, who, value) => setpriority(task, which | 0, who | 0, value | 0) },
  sched_setscheduler: { run: (task, pid, policy, address) => setScheduler(task, pid, policy | 0, address) },
  sched_getscheduler: {
    run: (task, pid) => {
      if ((pid | 0) < 0) return -EINVAL;
      const target = targetOf(task, pid);
      return target === undefined ? -ESRCH : target.policy | (target.resetsOnFork ? SCHED_RESET_ON_FORK : 0);
    },
  },
  sched_setparam: { run: setParameters },
  sched_getparam: {
    run: (task, pid, address) => {
      if (address === 0 || (pid | 0) < 0) return -EINVAL;
      const target = targetOf(task, pid);
      return target === undefined ? -ESRCH : task.space.storeU32(address, shownPriority(target));
    },
  },
  sched_get_priority_max: {
    run: (_task, policy) => priorityBound(policy | 0, 99),
  },
  sched_get_priority_min: {
    run: (_task, policy) => priorityBound(policy | 0, 1),
  },
  sched_rr_get_interval: {
    run: (task, pid, address) => {
      if ((pid | 0) < 0) return -EINVAL;
      const target = targetOf(task, pid);
      if (target === undefined) return -ESRCH;
      const interval =
        target.policy === SCHED_RR
          ? task.kernel.scheduler.rrTimesliceMs * 1e6
          : target.policy === SCHED_FIFO || target.policy === SCHED_DEADLINE
            ? 0
            : 4_000_000;
      return task.space.storeU64(address, Math.floor(interval / 1e9)) < 0
        ? -EFAULT
        : task.space.storeU64(address + Timespec.offset.tv_nsec, interval % 1e9);
    },
  },
  sched_getaffinity: { run: (task, pid, size, address) => getAffinity(task, targetOf(task, pid), size, address) },
  sched_setaffinity: {
    run: (task, pid, size, address) => setAffinity(task, targetOf(task, pid), size, address),
    gaps: "harts take turns on one thread of the host",
  },
  ioprio_get: { run: getIoPriority },
  ioprio_set: { run: setIoPriority, gaps: "kept and shown; requests have no order to change" },
  sched_setattr: {
    run: (task, pid, address, flags) => setAttributes(task, pid, address, flags >>> 0),
    gaps:
      "SCHED_DEADLINE runs as the highest real-time priority; a thread's own slice is told, and changes nothing; " +
      "utilisation clamps: EINVAL",
  },
  sched_getattr: {
    run: (task, pid, address, size, flags) => getAttributes(task, pid, address, size >>> 0, flags >>> 0),
  },
};
