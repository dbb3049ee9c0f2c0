/** io_uring_setup(2) and io_uring_enter(2). Source: their manual pages; Linux 6.12 io_uring/io_uring.c. */
import {
  CAP_SYS_ADMIN,
  EBADF,
  EBADFD,
  EBADR,
  EBUSY,
  EEXIST,
  EFAULT,
  EINTR,
  EINVAL,
  ENXIO,
  EOPNOTSUPP,
  EOWNERDEAD,
  ENOMEM,
  EPERM,
  MAP_SHARED,
  PAGE_SIZE,
  PROT_READ,
  PROT_WRITE,
  ETIME,
  RLIMIT_NOFILE,
  Timespec,
  isErrno,
} from "@stratos/abi";
import {
  IORING_ENTER_ABS_TIMER,
  IORING_ENTER_EXT_ARG,
  IORING_ENTER_GETEVENTS,
  IORING_ENTER_REGISTERED_RING,
  IORING_ENTER_SQ_WAIT,
  IORING_ENTER_SQ_WAKEUP,
  IORING_FEAT_CQE_SKIP,
  IORING_FEAT_CUR_PERSONALITY,
  IORING_FEAT_EXT_ARG,
  IORING_FEAT_FAST_POLL,
  IORING_FEAT_LINKED_FILE,
  IORING_FEAT_MIN_TIMEOUT,
  IORING_FEAT_NATIVE_WORKERS,
  IORING_FEAT_NODROP,
  IORING_FEAT_POLL_32BITS,
  IORING_FEAT_RECVSEND_BUNDLE,
  IORING_FEAT_REG_REG_RING,
  IORING_FEAT_RSRC_TAGS,
  IORING_FEAT_RW_CUR_POS,
  IORING_FEAT_SINGLE_MMAP,
  IORING_FEAT_SQPOLL_NONFIXED,
  IORING_FEAT_SUBMIT_STABLE,
  IORING_OFF_SQES,
  IORING_SETUP_ATTACH_WQ,
  IORING_SETUP_CLAMP,
  IORING_SETUP_COOP_TASKRUN,
  IORING_SETUP_CQE32,
  IORING_SETUP_CQSIZE,
  IORING_SETUP_DEFER_TASKRUN,
  IORING_SETUP_IOPOLL,
  IORING_SETUP_NO_MMAP,
  IORING_SETUP_NO_SQARRAY,
  IORING_SETUP_REGISTERED_FD_ONLY,
  IORING_SETUP_R_DISABLED,
  IORING_SETUP_SINGLE_ISSUER,
  IORING_SETUP_SQE128,
  IORING_SETUP_SQPOLL,
  IORING_SETUP_SQ_AFF,
  IORING_SETUP_SUBMIT_ALL,
  IORING_SETUP_TASKRUN_FLAG,
  IoCqringOffsets,
  IoSqringOffsets,
  IoUringGeteventsArg,
  IoUringParams,
} from "@stratos/abi/io-uring";
import { loadDuration } from "../../event/wait-deadline.ts";
import { enterTemporaryMask, leaveTemporaryMask } from "../../event/temporary-mask.ts";
import { stateOf, type StateOf } from "../../ground/call-state.ts";
import { BLOCKED_EINTR, UNFINISHED } from "../../ground/wait-queue.ts";
import { getU64, put64, viewOf } from "../../ground/words.ts";
import { Area } from "../../mm/area.ts";
import { hasRoomForAreas, munmap, pageUp } from "../../mm/mmap.ts";
import { isCapable } from "../../security/credentials.ts";
import { toMonotonic } from "../../task/clocks.ts";
import type { Task } from "../../task/task.ts";
import { runReady } from "./execute.ts";
import { RING, RingFile } from "./ring-file.ts";
import { endChain, submit } from "./submit.ts";
import { uringOf } from "./uring-state.ts";

const ENTRIES_MAX = 32768;
const CQ_ENTRIES_MAX = 2 * ENTRIES_MAX;

const SETUP_FLAGS =
  IORING_SETUP_IOPOLL |
  IORING_SETUP_SQPOLL |
  IORING_SETUP_SQ_AFF |
  IORING_SETUP_CQSIZE |
  IORING_SETUP_CLAMP |
  IORING_SETUP_ATTACH_WQ |
  IORING_SETUP_R_DISABLED |
  IORING_SETUP_SUBMIT_ALL |
  IORING_SETUP_COOP_TASKRUN |
  IORING_SETUP_TASKRUN_FLAG |
  IORING_SETUP_SQE128 |
  IORING_SETUP_CQE32 |
  IORING_SETUP_SINGLE_ISSUER |
  IORING_SETUP_DEFER_TASKRUN |
  IORING_SETUP_NO_MMAP |
  IORING_SETUP_REGISTERED_FD_ONLY |
  IORING_SETUP_NO_SQARRAY;

const FEATURES =
  IORING_FEAT_SINGLE_MMAP |
  IORING_FEAT_NODROP |
  IORING_FEAT_SUBMIT_STABLE |
  IORING_FEAT_RW_CUR_POS |
  IORING_FEAT_CUR_PERSONALITY |
  IORING_FEAT_FAST_POLL |
  IORING_FEAT_POLL_32BITS |
  IORING_FEAT_SQPOLL_NONFIXED |
  IORING_FEAT_EXT_ARG |
  IORING_FEAT_NATIVE_WORKERS |
  IORING_FEAT_RSRC_TAGS |
  IORING_FEAT_CQE_SKIP |
  IORING_FEAT_LINKED_FILE |
  IORING_FEAT_REG_REG_RING |
  IORING_FEAT_RECVSEND_BUNDLE |
  IORING_FEAT_MIN_TIMEOUT;

function powerOfTwo(count: number): number {
  return 2 ** Math.ceil(Math.log2(count));
}

/** kernel.io_uring_disabled and io_uring_group (Documentation/admin-guide/sysctl/kernel.rst). */
function mayMakeRings({ kernel, credentials }: Task): boolean {
  const { disabled, group } = kernel.uringSettings;
  if (disabled === 0 || (disabled === 1 && isCapable(credentials, CAP_SYS_ADMIN))) return true;
  return disabled === 1 && group >= 0 && (credentials.fsgid === group || credentials.groups.includes(group));
}

/** What flags go with one another (io_uring_create). @returns 0 or −EINVAL */
function checkFlags(flags: number): number {
  const has = (flag: number): boolean => (flags & flag) !== 0;
  if (has(IORING_SETUP_SQPOLL)) {
    // Nothing of it is done in the submitter's calls.
    if (has(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_DEFER_TASKRUN)) return -EINVAL;
  } else if (has(IORING_SETUP_SQ_AFF)) return -EINVAL;
  if (has(IORING_SETUP_TASKRUN_FLAG) && !has(IORING_SETUP_COOP_TASKRUN | IORING_SETUP_DEFER_TASKRUN)) return -EINVAL;
  return has(IORING_SETUP_DEFER_TASKRUN) && !has(IORING_SETUP_SINGLE_ISSUER) ? -EINVAL : 0;
}

/**
 * io_uring_setup(2): a descriptor; −EFAULT, −EINVAL, −EPERM, −EMFILE, −ENFILE, −ENXIO of IORING_SETUP_ATTACH_WQ.
 */
export function setupRing(task: Task, entries: number, address: number): number {
  if (!mayMakeRings(task)) return -EPERM;
  const bytes = new Uint8Array(IoUringParams.size);
  if (task.space.copyIn(address, bytes, 0, bytes.length) < 0) return -EFAULT;
  const view = viewOf(bytes);
  const at = IoUringParams.offset;
  for (let index = 0; index < 12; index += 4) if (view.getUint32(at.resv + index, true) !== 0) return -EINVAL;
  const flags = view.getUint32(at.flags, true);
  if ((flags & ~SETUP_FLAGS) !== 0) return -EINVAL;
  if ((flags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0 && (flags & IORING_SETUP_NO_MMAP) === 0) return -EINVAL;
  const clamps = (flags & IORING_SETUP_CLAMP) !== 0;
  let count = entries >>> 0;
  if (count === 0) return -EINVAL;
  if (count > ENTRIES_MAX) {
    if (!clamps) return -EINVAL;
    count = ENTRIES_MAX;
  }
  const refused = checkFlags(flags);
  if (refused < 0) return refused;
  const sqEntries = powerOfTwo(count);
  let cqEntries = 2 * sqEntries;
  if ((flags & IORING_SETUP_CQSIZE) !== 0) {
    cqEntries = view.getUint32(at.cq_entries, true);
    if (cqEntries === 0) return -EINVAL;
    if (cqEntries > CQ_ENTRIES_MAX) {
      if (!clamps) return -EINVAL;
      cqEntries = CQ_ENTRIES_MAX;
    }
    cqEntries = powerOfTwo(cqEntries);
    if (cqEntries < sqEntries) return -EINVAL;
  }
  if ((flags & IORING_SETUP_ATTACH_WQ) !== 0) {
    const other = task.files.get(view.getInt32(at.wq_fd, true));
    if (other === undefined) return -ENXIO;
    if (!(other instanceof RingFile)) return -EINVAL;
    if ((flags & IORING_SETUP_SQPOLL) !== 0 && !other.has(IORING_SETUP_SQPOLL)) return -EINVAL;
  }
  if ((flags & IORING_SETUP_SQ_AFF) !== 0 && view.getUint32(at.sq_thread_cpu, true) >= task.kernel.harts)
    return -EINVAL;

  const state = uringOf(task.kernel);
  const idleMs = view.getUint32(at.sq_thread_idle, true) || 1000;
  const ring = new RingFile(task.kernel, task, { flags, sqEntries, cqEntries, idleMs }, state);
  state.rings.add(ring);
  if ((flags & IORING_SETUP_R_DISABLED) !== 0) ring.isDisabled = true;
  else if ((flags & IORING_SETUP_SINGLE_ISSUER) !== 0) ring.submitter = task;
  const placed = (flags & IORING_SETUP_NO_MMAP) !== 0 ? placeRing(task, ring, view) : 0;
  if (placed < 0) {
    ring.release();
    return placed;
  }
  describe(ring, view);
  if (task.space.copyOut(address, bytes, 0, bytes.length) < 0) {
    ring.release();
    return -EFAULT;
  }
  ring.wakePoller();
  if ((flags & IORING_SETUP_REGISTERED_FD_ONLY) !== 0) {
    const own = state.registeredBy(task);
    const slot = own.indexOf(null);
    if (slot >= 0) own[slot] = ring;
    else ring.release();
    return slot >= 0 ? slot : -EBUSY;
  }
  return task.files.install(ring, true, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
}

/**
 * IORING_SETUP_NO_MMAP: pages of the program's own become the ring's. Linux goes on with what lies there, which has to
 * be zero; here it is.
 *
 * @returns 0, or −EFAULT, −EINVAL, −ENOMEM; −EPERM of sealed memory
 */
function placeRing(task: Task, ring: RingFile, view: DataView): number {
  const at = IoUringParams.offset;
  const places = [
    { address: getU64(view, at.cq_off + IoCqringOffsets.offset.user_addr), offset: 0 },
    { address: getU64(view, at.sq_off + IoSqringOffsets.offset.user_addr), offset: IORING_OFF_SQES },
  ].map((place) => ({ ...place, end: place.address + pageUp(ring.sizeAt(place.offset)) }));
  const { space } = task;
  if (!hasRoomForAreas(space, 2 * places.length)) return -ENOMEM;
  for (const { address, end } of places) {
    if (address % PAGE_SIZE !== 0) return -EINVAL;
    for (let reached = address; reached < end;) {
      const area = space.areaAt(reached);
      if (area === undefined || !area.isWritable) return -EFAULT;
      reached = area.end;
    }
  }
  for (const { address, end, offset } of places) {
    const failed = munmap(space, address, end - address);
    if (failed < 0) return failed;
    const { pages } = ring.memory;
    pages.retainMapping();
    space.insert(new Area(address, end, PROT_READ | PROT_WRITE, MAP_SHARED, { file: null, pages, offset, label: "" }));
  }
  return 0;
}

/** What the program learns of it. */
function describe({ shape, arrayAt }: RingFile, view: DataView): void {
  const at = IoUringParams.offset;
  view.setUint32(at.sq_entries, shape.sqEntries, true);
  view.setUint32(at.cq_entries, shape.cqEntries, true);
  view.setUint32(at.features, FEATURES, true);
  const sq = (field: keyof typeof IoSqringOffsets.offset, value: number): void =>
    view.setUint32(at.sq_off + IoSqringOffsets.offset[field], value, true);
  const cq = (field: keyof typeof IoCqringOffsets.offset, value: number): void =>
    view.setUint32(at.cq_off + IoCqringOffsets.offset[field], value, true);
  sq("head", RING.sqHead);
  sq("tail", RING.sqTail);
  sq("ring_mask", RING.sqMask);
  sq("ring_entries", RING.sqEntries);
  sq("flags", RING.sqFlags);
  sq("dropped", RING.sqDropped);
  sq("array", (shape.flags & IORING_SETUP_NO_SQARRAY) !== 0 ? 0 : arrayAt);
  cq("head", RING.cqHead);
  cq("tail", RING.cqTail);
  cq("ring_mask", RING.cqMask);
  cq("ring_entries", RING.cqEntries);
  cq("overflow", RING.cqOverflow);
  cq("cqes", RING.cqes);
  cq("flags", RING.cqFlags);
  if ((shape.flags & IORING_SETUP_NO_MMAP) !== 0) return;
  put64(view, at.sq_off + IoSqringOffsets.offset.user_addr, 0);
  put64(view, at.cq_off + IoCqringOffsets.offset.user_addr, 0);
}

/** A ring by its descriptor, or by its number among those the task has registered: −EBADF, −EINVAL, −EOPNOTSUPP. */
export function ringAt(task: Task, fd: number, isRegistered: boolean): RingFile | number {
  if (isRegistered) {
    const own = task.kernel.uring === null ? undefined : uringOf(task.kernel).registered.get(task);
    if (own === undefined || fd < 0 || fd >= own.length) return -EINVAL;
    return own[fd] ?? -EBADF;
  }
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  return file instanceof RingFile ? file : -EOPNOTSUPP;
}

const ENTER_FLAGS =
  IORING_ENTER_GETEVENTS |
  IORING_ENTER_SQ_WAKEUP |
  IORING_ENTER_SQ_WAIT |
  IORING_ENTER_EXT_ARG |
  IORING_ENTER_REGISTERED_RING |
  IORING_ENTER_ABS_TIMER;

type EnterState = StateOf<"uring">;

/**
 * io_uring_enter(2): how many were submitted; when none was to be, 0 with results, −ETIME, −EINTR; else −EAGAIN,
 * −EBADF, −EBADFD, −EBADR, −EEXIST, −EFAULT, −EINVAL, −EOPNOTSUPP.
 */
export function enterRing(
  task: Task,
  fd: number,
  toSubmit: number,
  least: number,
  flags: number,
  argument: number,
  size: number,
): number {
  if ((flags & ~ENTER_FLAGS) !== 0) return -EINVAL;
  const ring = ringAt(task, fd, (flags & IORING_ENTER_REGISTERED_RING) !== 0);
  if (isErrno(ring)) return ring;
  if (ring.isDisabled) return -EBADFD;
  let state = stateOf(task, "uring");
  if (state === null || !state.isWaiting) {
    const submitted = submitFor(task, ring, toSubmit >>> 0, flags, state?.submitted ?? 0);
    if (submitted === UNFINISHED || submitted === BLOCKED_EINTR) return submitted;
    if (submitted < 0 || submitted !== toSubmit >>> 0 || (flags & IORING_ENTER_GETEVENTS) === 0) return submitted;
    const wait = beginWait(task, ring, least, flags, argument, size, submitted);
    if (isErrno(wait)) return submitted > 0 ? submitted : wait;
    state = wait;
  }
  return waitForResults(task, ring, state);
}

/** @returns how many in all; UNFINISHED, BLOCKED_EINTR */
function submitFor(task: Task, ring: RingFile, most: number, flags: number, before: number): number {
  if (ring.has(IORING_SETUP_SQPOLL)) {
    if (ring.maker.state === "Z" || ring.maker.state === "X") return -EOWNERDEAD;
    if ((flags & IORING_ENTER_SQ_WAKEUP) !== 0) ring.wakePoller();
    if ((flags & IORING_ENTER_SQ_WAIT) !== 0 && ring.submissions >= ring.shape.sqEntries) {
      ring.wakePoller();
      task.waitOn(ring.queue);
      return BLOCKED_EINTR;
    }
    return most;
  }
  if (most === 0) return 0;
  if (ring.has(IORING_SETUP_SINGLE_ISSUER)) {
    ring.submitter ??= task;
    if (ring.submitter !== task) return -EEXIST;
  }
  const { taken, isCut } = submit(ring, task, most - before);
  const submitted = taken < 0 ? (before > 0 ? before : taken) : before + taken;
  if (isCut) {
    task.syscallState = {
      kind: "uring",
      submitted,
      isWaiting: false,
      least: 0,
      deadlineNs: 0,
      soonestNs: 0,
      timeouts: 0,
    };
    return UNFINISHED;
  }
  // What they have made ready, as the next of a chain, is done before the program sees the result.
  if (!ring.isDeferred) while (runReady(ring) && !task.kernel.work.isUsed);
  return submitted;
}

/** The wait's arguments: a signal mask, or with IORING_ENTER_EXT_ARG more. */
function beginWait(
  task: Task,
  ring: RingFile,
  least: number,
  flags: number,
  argument: number,
  size: number,
  submitted: number,
): EnterState | number {
  if (ring.isDeferred && ring.submitter !== task) return -EEXIST;
  const now = task.kernel.now();
  let mask = argument;
  let maskSize = size;
  let deadlineNs = Infinity;
  let soonestNs = Infinity;
  if ((flags & IORING_ENTER_EXT_ARG) !== 0) {
    if (size !== IoUringGeteventsArg.size) return -EINVAL;
    const { space } = task;
    const at = IoUringGeteventsArg.offset;
    mask = space.loadU64(argument + at.sigmask);
    maskSize = space.loadU32(argument + at.sigmask_sz);
    const soonest = space.loadU32(argument + at.min_wait_usec);
    const time = space.loadU64(argument + at.ts);
    if (mask < 0 || maskSize < 0 || soonest < 0 || time < 0) return -EFAULT;
    if (soonest > 0) soonestNs = now + soonest * 1000;
    if (time !== 0) {
      const duration = loadDuration(space, time);
      if (duration === -EFAULT) return -EFAULT;
      // A time that is none is over at once.
      if (duration < 0) deadlineNs = now;
      else if ((flags & IORING_ENTER_ABS_TIMER) !== 0)
        deadlineNs = toMonotonic(
          task,
          ring.clock,
          space.loadU64(time + Timespec.offset.tv_sec),
          space.loadU64(time + Timespec.offset.tv_nsec),
        );
      else deadlineNs = now + duration;
    }
  }
  const count = Math.min(least >>> 0, ring.shape.cqEntries);
  if (ring.results < count || ring.overflow.length > 0) {
    const masked = enterTemporaryMask(task, mask, maskSize);
    if (masked < 0) return masked;
  }
  const state: EnterState = {
    kind: "uring",
    submitted,
    isWaiting: true,
    least: count,
    deadlineNs,
    soonestNs,
    timeouts: ring.timeoutCount,
  };
  task.syscallState = state;
  return state;
}

function waitForResults(task: Task, ring: RingFile, state: EnterState): number {
  const { kernel } = task;
  runReady(ring);
  ring.flushOverflow();
  const now = kernel.now();
  // io_uring_enter(2), `min_wait_usec`: before, all are waited for, whatever the time-out; then one result is enough.
  const isEarly = state.soonestNs !== Infinity && now < state.soonestNs;
  const isOver = !isEarly && now >= state.deadlineNs;
  const isEnough =
    ring.results >= state.least || (state.least > 0 && ring.timeoutCount !== state.timeouts && ring.results > 0);
  const isSoon = now >= state.soonestNs && ring.results > 0;
  if (!isEnough && !isOver && !isSoon) {
    if (ring.ready.length > 0) return UNFINISHED;
    task.waitOn(ring.queue);
    task.waitUntil(isEarly ? state.soonestNs : state.deadlineNs);
    return BLOCKED_EINTR;
  }
  leaveTemporaryMask(task);
  if (state.submitted > 0) return state.submitted;
  if (ring.hasLost) {
    ring.hasLost = false;
    return -EBADR;
  }
  return isEnough || ring.results > 0 ? 0 : -ETIME;
}

/** A signal's handler ends the wait. */
export function enterInterrupted(task: Task, fd: number, flags: number): number {
  const state = stateOf(task, "uring");
  if (state === null) return -EINTR;
  const ring = ringAt(task, fd, (flags & IORING_ENTER_REGISTERED_RING) !== 0);
  if (!isErrno(ring)) endChain(ring, task);
  if (state.submitted > 0) return state.submitted;
  return !isErrno(ring) && ring.results > 0 ? 0 : -EINTR;
}
