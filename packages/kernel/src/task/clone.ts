import { placeBeside } from "./affinity.ts";
import {
  CAP_CHECKPOINT_RESTORE,
  CAP_SYS_ADMIN,
  CLONE_ARGS_SIZE_VER0,
  CLONE_ARGS_SIZE_VER2,
  CLONE_CHILD_CLEARTID,
  CLONE_CHILD_SETTID,
  CLONE_CLEAR_SIGHAND,
  CLONE_DETACHED,
  CLONE_FILES,
  CLONE_FS,
  CLONE_INTO_CGROUP,
  CLONE_IO,
  CLONE_NEWIPC,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_PARENT,
  CLONE_PARENT_SETTID,
  CLONE_SETTLS,
  CLONE_SIGHAND,
  CLONE_SYSVSEM,
  CLONE_THREAD,
  CLONE_VFORK,
  CLONE_VM,
  CSIGNAL,
  CloneArgs,
  EAGAIN,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  EPERM,
  ENOMEM,
  RLIMIT_NPROC,
  isErrno,
} from "@stratos/abi";
import { AREAS_MAX } from "../mm/mmap.ts";
import { forkOvercommits } from "../mm/overcommit.ts";
import { forkInPieces } from "../mm/fork.ts";
import { WIDE_TOP } from "../mm/address-space.ts";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { getU64 } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { NAMESPACE_LEVELS_MAX } from "../security/user-namespace.ts";
import type { ControlGroup } from "./control-group.ts";
import type { PidNamespace } from "../signal/pid-namespace.ts";
import { unshareMounts } from "../vfs/mounting.ts";
import { giveBackNamespaces, inTimeForChildren, makeNamespaces, mayMakeNamespaces } from "./clone-namespaces.ts";
import { PendingSignals } from "../signal/pending-signals.ts";
import { HART_STATE_SIZE } from "@stratos/riscv";
import { A0, setSavedPc, setSavedRegister, SP, TP } from "./hart-registers.ts";
import { Task } from "./task.ts";
import { BLOCKED_RESTART } from "../ground/wait-queue.ts";
import { isToldOfSignal } from "../signal/send-signal.ts";
import { traceChild } from "./tracing.ts";
import { ThreadGroup } from "./thread-group.ts";

export interface CloneRequest {
  /** CLONE_*, without the exit signal. */
  flags: number;
  exitSignal: number;
  /** Stack pointer of the child; 0: the parent's. */
  stack: number;
  tls: number;
  /** Numbers that the child is to have: in the pid namespace where it is born, in the one above … */
  numbers: readonly number[];
  /** User addresses for CLONE_PARENT_SETTID (and CLONE_PIDFD with clone), CLONE_CHILD_SETTID / CLEARTID. */
  parentTid: number;
  childTid: number;
  /** CLONE_INTO_CGROUP; null: its maker's. */
  controlGroup: ControlGroup | null;
}

/**
 * Makes a new thread or process that goes on at the instruction after the system call with 0 in a0.
 *
 * @returns the child, or EAGAIN, EEXIST (a number is in use), EINVAL, ENOMEM, ENOSPC, EPERM
 * @see clone(2)
 */
export function cloneTask(parent: Task, request: CloneRequest): Task | number {
  const { kernel } = parent;
  const { flags } = request;
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(CLONE_SIGHAND) && !has(CLONE_VM)) return -EINVAL;
  if (has(CLONE_THREAD) && !has(CLONE_SIGHAND)) return -EINVAL;
  if (has(CLONE_FS) && has(CLONE_NEWNS)) return -EINVAL;
  if (has(CLONE_FS) && has(CLONE_NEWUSER)) return -EINVAL;
  if (has(CLONE_SYSVSEM) && has(CLONE_NEWIPC)) return -EINVAL;
  const { pidNamespace } = parent.group;
  const { pidForChildren } = parent.namespaces;
  if (has(CLONE_PARENT) && pidNamespace.init === parent.group) return -EINVAL;
  if (has(CLONE_THREAD) && (has(CLONE_NEWUSER) || has(CLONE_NEWPID) || pidForChildren !== pidNamespace)) return -EINVAL;
  const refused = mayMakeNamespaces(parent, flags);
  if (refused < 0) return refused;
  const isUnderWay = parent.syscallState !== null;
  // What came before is delivered first, and the call begun again (kernel/fork.c, copy_process).
  if (!isUnderWay && isToldOfSignal(parent)) return BLOCKED_RESTART;
  // A share of a hart isn't given twice (sched(7), SCHED_DEADLINE).
  if (parent.deadlineShare !== null && !parent.resetsOnFork) return -EAGAIN;
  if (!has(CLONE_VM) && !isUnderWay && kernel.areaUsage.count + parent.space.areas.size > AREAS_MAX) return -ENOMEM;
  if (!has(CLONE_VM) && !isUnderWay && forkOvercommits(parent.space)) return -ENOMEM;
  if (!isUnderWay && exceedsProcessLimit(parent)) return -EAGAIN;
  const controlGroup = request.controlGroup ?? parent.controlGroup;
  // Threads of a process are in one domain.
  if (has(CLONE_THREAD) && controlGroup.domain !== parent.controlGroup.domain) return -EOPNOTSUPP;
  if (!isUnderWay && controlGroup.charge(1) < 0) return -EAGAIN;

  // The last frames are for those who run already: a fork bomb is refused before the OOM killer must choose.
  if (
    !has(CLONE_VM) &&
    !isUnderWay &&
    kernel.memory.free < kernel.memory.limit / 32 &&
    kernel.memory.reclaimAll() < kernel.memory.limit / 32
  )
    return -ENOMEM;
  const space = has(CLONE_VM) ? parent.space : forkInPieces(parent);
  if (isErrno(space)) return space;
  if (has(CLONE_VM)) space.users++;
  const files = has(CLONE_FILES) ? parent.files : parent.files.copyForTask();
  if (isErrno(files)) {
    space.release();
    return files;
  }
  if (has(CLONE_FILES)) files.users++;
  const made = makeNamespaces(parent, flags);
  const tid = isErrno(made) ? made : allocateNumber(parent, made.namespaces.pidForChildren, request.numbers);
  if (isErrno(made) || tid < 0) {
    if (!isErrno(made)) giveBackNamespaces(kernel, made);
    space.release();
    if (--files.users === 0) files.closeAll(parent);
    return tid;
  }
  const { credentials, namespaces } = made;
  const fs = has(CLONE_FS) ? parent.fs : parent.fs.copy();
  if (has(CLONE_FS)) fs.users++;
  if (made.mounts !== null) unshareMounts(parent, fs, made.mounts);

  const registers = new Uint8Array(HART_STATE_SIZE);
  kernel.hart.saveTo(registers);
  const now = kernel.now();
  const resources = {
    space,
    files,
    fs,
    credentials,
    namespaces: has(CLONE_VM) ? namespaces : inTimeForChildren(namespaces),
  };
  const child = new Task(kernel, tid, parent.group, resources, registers, now);
  const { time } = resources.namespaces;
  if (time !== parent.namespaces.time) kernel.vdso.changeClocks(space, !time.hasOffsets);
  setSavedRegister(registers, A0, 0);
  setSavedPc(registers, kernel.hart.pc + 4);
  if (request.stack !== 0) setSavedRegister(registers, SP, request.stack);
  if (has(CLONE_SETTLS)) setSavedRegister(registers, TP, request.tls);

  if (!has(CLONE_THREAD)) {
    const owner = has(CLONE_PARENT) ? parent.group.parent! : parent.group;
    const actions = has(CLONE_SIGHAND) ? parent.group.actions : parent.group.actions.copy();
    if (has(CLONE_SIGHAND)) actions.users++;
    const limits = parent.group.limits.map((limit) => ({ ...limit }));
    const process = new ThreadGroup(
      tid,
      child,
      owner,
      parent.group.group,
      actions,
      new PendingSignals(kernel.signalLoad),
      limits,
      // A brother's end is told as the caller's own (kernel/fork.c, copy_process).
      has(CLONE_PARENT) ? parent.group.exitSignal : request.exitSignal,
      now,
      namespaces.pidForChildren,
    );
    if (namespaces.pidForChildren !== kernel.tasks.namespace) namespaces.pidForChildren.init ??= process;
    child.ownTid = process.ownPid;
    process.parentThread = has(CLONE_PARENT) ? parent.group.parentThread : parent;
    process.parentPrograms = has(CLONE_PARENT) ? parent.group.parentPrograms : parent.group.programs;
    process.oomScoreAdjust = parent.group.oomScoreAdjust;
    process.oomScoreAdjustLeast = parent.group.oomScoreAdjustLeast;
    process.dumpable = parent.group.dumpable;
    process.memoryNamespace = parent.group.memoryNamespace;
    process.coreFilter = parent.group.coreFilter;
    process.refusesHugePages = parent.group.refusesHugePages;
    child.group = process;
    owner.children.add(process);
    process.group.members.add(process);
    kernel.tasks.processes.set(tid, process);
    if (!has(CLONE_VM)) space.account = controlGroup.account ?? kernel.memory;
    if (clearsHandlers(flags)) actions.resetHandlers();
    if (!has(CLONE_VM)) child.signalStack = { ...parent.signalStack };
    else if (has(CLONE_VFORK)) child.signalStack = { ...parent.signalStack };
  }
  child.controlGroup = controlGroup;
  child.isFrozen = controlGroup.isFrozen;
  controlGroup.admit(child);
  child.group.tasks.push(child);
  child.name = parent.name;
  child.keyrings = parent.keyrings.forClone(has(CLONE_THREAD), credentials);
  child.blocked = parent.blocked.copy();
  placeBeside(child, parent);
  child.seccomp = parent.seccomp;
  if (!has(CLONE_VM)) {
    child.rseqAddress = parent.rseqAddress;
    child.rseqLength = parent.rseqLength;
    child.rseqSignature = parent.rseqSignature;
  }
  child.memoryPolicy = parent.memoryPolicy;
  child.personality = parent.personality;
  child.loginUid = parent.loginUid;
  child.loginSession = parent.loginSession;
  child.io = has(CLONE_IO) ? parent.io : { priority: parent.io.priority, identity: 0 };
  if (has(CLONE_SYSVSEM)) {
    child.semaphoreUndo = parent.semaphoreUndo;
    child.semaphoreUndo.users++;
    child.semaphoreUndo.isMade = true;
  }
  child.memoryErrorPolicy = parent.memoryErrorPolicy;
  child.isIoFlusher = parent.isIoFlusher;
  child.timerSlackNs = child.defaultTimerSlackNs = parent.timerSlackNs;
  child.nice = parent.resetsOnFork ? Math.max(0, parent.nice) : parent.nice;
  child.sliceNs = parent.resetsOnFork ? 0 : parent.sliceNs;
  child.policy = parent.resetsOnFork && parent.realtimePriority > 0 ? 0 : parent.policy;
  child.realtimePriority = parent.resetsOnFork ? 0 : parent.realtimePriority;
  child.effectivePriority = child.realtimePriority;
  child.virtualRuntime = kernel.scheduler.placeOfChild(parent);
  kernel.tasks.tasks.set(tid, child);
  kernel.forkCount++;

  if (has(CLONE_PARENT_SETTID)) parent.space.storeU32(request.parentTid, pidNamespace.idOf(tid));
  if (has(CLONE_CHILD_SETTID)) space.storeU32(request.childTid, child.ownTid);
  if (has(CLONE_CHILD_CLEARTID)) child.clearTid = request.childTid;
  kernel.scheduler.enqueue(child);
  if (parent.tracing !== null) traceChild(parent.tracing, child, flags, has(CLONE_THREAD) ? 0 : request.exitSignal);
  if (child.group !== parent.group)
    for (const observer of kernel.taskObservers) observer.processForked?.(child, parent);
  return child;
}

/** @param numbers  clone3's set_tid: −EEXIST, −EINVAL, −EPERM; −ENOMEM (kernel/pid.c, alloc_pid) */
function allocateNumber({ kernel, credentials }: Task, namespace: PidNamespace, numbers: readonly number[]): number {
  if (numbers.length > namespace.level + 1) return -EINVAL;
  let at: PidNamespace | null = namespace;
  for (const number of numbers) {
    if (number < 1 || number >= kernel.tasks.maximum) return -EINVAL;
    // The first one in a namespace is its process 1.
    if (number !== 1 && at!.parent !== null && at!.init === null) return -EINVAL;
    const { owner } = at!;
    if (!isCapable(credentials, CAP_CHECKPOINT_RESTORE, owner) && !isCapable(credentials, CAP_SYS_ADMIN, owner))
      return -EPERM;
    at = at!.parent;
  }
  // Nobody is born where the first process has ended.
  return namespace.isEnded ? -ENOMEM : kernel.tasks.allocate(namespace, numbers);
}

function exceedsProcessLimit(parent: Task): boolean {
  const { kernel } = parent;
  if (kernel.tasks.count >= kernel.maximumTasks) {
    kernel.refusedTasks++;
    return true;
  }
  const { uid } = parent.credentials;
  if (uid === 0) return false;
  const limit = parent.group.limits[RLIMIT_NPROC]!.soft;
  let count = 0;
  for (const task of kernel.tasks.tasks.values()) if (task.credentials.uid === uid) count++;
  // Who waits to be reaped counts, too (setrlimit(2)).
  for (const { isZombie, leader } of kernel.tasks.processes.values())
    if (isZombie && leader.credentials.uid === uid) count++;
  return count >= limit;
}

/** A flag above 32 bits. */
function clearsHandlers(flags: number): boolean {
  return Math.floor(flags / CLONE_CLEAR_SIGHAND) % 2 === 1;
}

/** One of the bits of a signal is a flag's here (kernel/fork.c, clone3_args_valid). */
const REFUSED_BY_CLONE3 = (CSIGNAL & ~CLONE_NEWTIME) | CLONE_DETACHED;

/**
 * clone3(2): `struct clone_args`.
 * @returns the request, with the descriptor of CLONE_INTO_CGROUP (−1: none); or EFAULT, EINVAL, E2BIG
 */
export function readCloneArguments(
  task: Task,
  address: number,
  size: number,
): (CloneRequest & { pidfd: number; cgroup: number }) | number {
  if (size < CLONE_ARGS_SIZE_VER0) return -EINVAL;
  const { u8, view } = task.kernel.scratch;
  const failed = copyExtensible(task.space, address, u8, size, CloneArgs.size);
  if (failed < 0) return failed;
  const field = (name: keyof typeof CloneArgs.offset): number => getU64(view, CloneArgs.offset[name]);
  const flags = field("flags");
  const stack = field("stack");
  const stackSize = field("stack_size");
  const numbersAt = field("set_tid"),
    count = field("set_tid_size");
  if (((flags % 0x100000000) & REFUSED_BY_CLONE3) !== 0 || flags >= 2 * CLONE_INTO_CGROUP) return -EINVAL;
  if ((stack === 0) !== (stackSize === 0) || stack + stackSize > WIDE_TOP) return -EINVAL;
  // Shared handlers are not the child's to clear.
  if (clearsHandlers(flags) && (flags & CLONE_SIGHAND) !== 0) return -EINVAL;
  const cgroup = flags >= CLONE_INTO_CGROUP ? field("cgroup") : -1;
  if (flags >= CLONE_INTO_CGROUP && (cgroup >= 2 ** 31 || size < CLONE_ARGS_SIZE_VER2)) return -EINVAL;
  const exitSignal = field("exit_signal");
  if (count > NAMESPACE_LEVELS_MAX || (numbersAt === 0) !== (count === 0)) return -EINVAL;
  if (exitSignal > 64 || ((flags & (CLONE_THREAD | CLONE_PARENT)) !== 0 && exitSignal !== 0)) return -EINVAL;
  const request = {
    flags,
    exitSignal,
    stack: stack + stackSize,
    tls: field("tls"),
    parentTid: field("parent_tid"),
    childTid: field("child_tid"),
    pidfd: field("pidfd"),
    cgroup,
    controlGroup: null,
  };
  if (task.space.copyIn(numbersAt, u8, 0, count * 4) < 0) return -EFAULT;
  return { ...request, numbers: Array.from({ length: count }, (_, index) => view.getInt32(index * 4, true)) };
}
