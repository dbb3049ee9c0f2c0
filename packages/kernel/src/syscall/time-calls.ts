import {
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CAP_SYS_TIME,
  CLOCK_REALTIME,
  CLOCK_THREAD_CPUTIME_ID,
  EAGAIN,
  EFAULT,
  EINTR,
  EINVAL,
  EPERM,
  EOPNOTSUPP,
  ITIMER_REAL,
  Itimerspec,
  SIGALRM,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
  SIGEV_THREAD_ID,
  SIGRTMAX,
  Sigevent,
  TIMER_ABSTIME,
  Timespec,
  Timeval,
  Timezone,
  Tms,
  isErrno,
  Timex,
} from "@stratos/abi";
import { loadDuration, loadTimespec, storeRemaining } from "../event/wait-deadline.ts";
import type { Task } from "../task/task.ts";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED_EINTR } from "../ground/wait-queue.ts";
import { COARSE_CLOCKS, REALTIME_CLOCKS } from "../time/clock-kinds.ts";
import { isCapable } from "../security/credentials.ts";
import { hasRoom } from "../signal/send-signal.ts";
import { adjustClock, setRealtime, setTimeZone } from "../time/clock-adjustment.ts";
import { cpuTimeBase } from "../task/cpu-timers.ts";
import { CpuSleep } from "../time/cpu-sleep.ts";
import { countsUserTime, cpuClockOwner, readClock, toMonotonic } from "../task/clocks.ts";
import { IntervalTimer, PosixTimer, type TimerEvent, timersOf } from "../task/process-timers.ts";
import { processTimes } from "../task/resource-usage.ts";
import type { ThreadGroup } from "../task/thread-group.ts";
import { get64, put64 } from "../ground/words.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** `struct timespec`, or `struct timeval` with microseconds. */
function storeTime(task: Task, address: number, seconds: number, rest: number): number {
  const { u8, view } = task.kernel.scratch;
  put64(view, Timespec.offset.tv_sec, seconds);
  put64(view, Timespec.offset.tv_nsec, rest);
  return task.space.copyOut(address, u8, 0, Timespec.size);
}

function clockGettime(task: Task, clock: number, address: number): number {
  const now = readClock(task, clock | 0);
  return now === null ? -EINVAL : storeTime(task, address, now.seconds, now.nanoseconds);
}

/** clock_settime(2): 0; −EFAULT, −EINVAL; −EPERM also for clocks of CPU time by number (posix_cpu_clock_set). */
function clockSettime(task: Task, clock: number, address: number): number {
  if (clock !== CLOCK_REALTIME && clock >= 0) return -EINVAL;
  const seconds = task.space.loadU64(address);
  const nanoseconds = task.space.loadU64(address + Timespec.offset.tv_nsec);
  if (seconds < 0 || nanoseconds < 0) return -EFAULT;
  if (clock === CLOCK_REALTIME) return setRealtime(task, seconds, nanoseconds);
  return readClock(task, clock) === null ? -EINVAL : -EPERM;
}

/** Of Debian's kernels (CONFIG_HZ 250). */
const TICK_NS = 4_000_000;
/** What a clock of CPU time counts: all by the scheduler; time in user mode, or that and the kernel's, by ticks. */
const CPUCLOCK_SCHED = 2;

/** Does the clock go by ticks (posix_cpu_clock_getres)? */
function isCoarse(clock: number): boolean {
  return clock < 0 ? (clock & 3) !== CPUCLOCK_SCHED : COARSE_CLOCKS.includes(clock);
}

/** Sleeps to a monotonic deadline; the remaining time is written when a handler ends it. */
function sleep(task: Task, deadlineOf: () => number): number {
  let state = stateOf(task, "deadline");
  if (state === null) {
    const deadlineNs = deadlineOf();
    if (deadlineNs < 0) return deadlineNs;
    state = { kind: "deadline", deadlineNs };
    task.syscallState = state;
  }
  return sleepUntil(task, state.deadlineNs);
}

function sleepUntil(task: Task, deadlineNs: number): number {
  if (task.kernel.now() >= deadlineNs) return 0;
  task.waitUntil(deadlineNs);
  return BLOCKED_EINTR;
}

/** Sleeps to a time of CLOCK_REALTIME; whoever sets that wakes it, to look again. */
function sleepToWallTime(task: Task, request: number): number {
  let state = stateOf(task, "wall-time");
  if (state === null) {
    const time = loadTimespec(task.space, request);
    if (isErrno(time)) return time;
    state = { kind: "wall-time", ...time };
    task.syscallState = state;
  }
  return sleepUntil(task, toMonotonic(task, CLOCK_REALTIME, state.seconds, state.nanoseconds));
}

function nanosleep(task: Task, request: number): number {
  return sleep(task, () => {
    const duration = loadDuration(task.space, request);
    return duration < 0 ? duration : task.kernel.now() + duration;
  });
}

/** Sleeps until a process or another thread has used so much CPU time (kernel/time/posix-cpu-timers.c). */
function sleepByCpuTime(
  task: Task,
  clock: number,
  owner: Task | ThreadGroup,
  isAbsolute: boolean,
  request: number,
): number {
  const base = cpuTimeBase(owner, countsUserTime(clock));
  let state = stateOf(task, "cpu-time");
  if (state === null) {
    const duration = loadDuration(task.space, request);
    if (duration < 0) return duration;
    if (owner === task) return -EINVAL;
    state = { kind: "cpu-time", deadlineNs: isAbsolute ? duration : Math.ceil(base.now() + duration) };
    task.syscallState = state;
  }
  const sleep = (task.cpuSleep ??= new CpuSleep());
  if (base.now() >= state.deadlineNs) {
    sleep.end();
    return 0;
  }
  sleep.begin(task, base.queue, state.deadlineNs);
  return BLOCKED_EINTR;
}

/** A handler has ended it. */
function remainingCpuTime(task: Task, clock: number, address: number): number {
  const state = stateOf(task, "cpu-time")!;
  task.cpuSleep?.end();
  const owner = cpuClockOwner(task, clock);
  if (address === 0 || owner === null) return -EINTR;
  const now = Math.floor(cpuTimeBase(owner, countsUserTime(clock)).now());
  return storeRemaining(task.space, address, state.deadlineNs, now) < 0 ? -EFAULT : -EINTR;
}

/** A clock behind a descriptor (clock_getcpuclockid(3), FD_TO_CLOCKID), of which there is none. */
const CLOCK_OF_DESCRIPTOR = 3;

function clockNanosleep(task: Task, clock: number, flags: number, request: number): number {
  clock |= 0;
  // Nobody sleeps by the caller's processor time, or by clocks that are only read.
  const isOnlyRead = clock >= CLOCK_THREAD_CPUTIME_ID && clock <= CLOCK_MONOTONIC_COARSE;
  if (isOnlyRead || (clock < 0 && (clock & 7) === CLOCK_OF_DESCRIPTOR)) return -EOPNOTSUPP;
  if (readClock(task, clock) === null) return -EINVAL;
  const isAbsolute = (flags & TIMER_ABSTIME) !== 0;
  const owner = cpuClockOwner(task, clock);
  if (owner !== null) return sleepByCpuTime(task, clock, owner, isAbsolute, request);
  if (clock < 0) return -EINVAL;
  if (isAbsolute && REALTIME_CLOCKS.includes(clock)) return sleepToWallTime(task, request);
  return sleep(task, () => {
    const duration = loadDuration(task.space, request);
    if (duration < 0) return duration;
    if (!isAbsolute) return task.kernel.now() + duration;
    const seconds = task.space.loadU64(request);
    return Math.max(0, toMonotonic(task, clock, seconds, task.space.loadU64(request + Timespec.offset.tv_nsec)));
  });
}

function remaining(task: Task, address: number): number {
  const state = stateOf(task, "deadline");
  if (state === null || address === 0) return -EINTR;
  return storeRemaining(task.space, address, state.deadlineNs, task.kernel.now()) < 0 ? -EFAULT : -EINTR;
}

/** Linux holds times in 63 bits of nanoseconds (include/linux/ktime.h). */
const KTIME_MAX_NS = 9_223_372_036e9;

/** `struct itimerval` or `itimerspec` at `address`; `unit` nanoseconds per small unit. */
function loadInterval(task: Task, address: number, unit: number): { intervalNs: number; valueNs: number } | number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, Itimerspec.size) < 0) return -EFAULT;
  const part = (at: number): number => {
    const seconds = get64(view, at + Timespec.offset.tv_sec);
    const rest = get64(view, at + Timespec.offset.tv_nsec);
    return seconds < 0 || rest < 0 || rest * unit >= 1e9 ? -1 : Math.min(seconds * 1e9 + rest * unit, KTIME_MAX_NS);
  };
  const intervalNs = part(Itimerspec.offset.it_interval);
  const valueNs = part(Itimerspec.offset.it_value);
  return intervalNs < 0 || valueNs < 0 ? -EINVAL : { intervalNs, valueNs };
}

function storeInterval(task: Task, address: number, intervalNs: number, leftNs: number, unit: number): number {
  const { u8, view } = task.kernel.scratch;
  const put = (at: number, ns: number): void => {
    const seconds = Math.floor(ns / 1e9);
    put64(view, at + Timespec.offset.tv_sec, seconds);
    put64(view, at + Timespec.offset.tv_nsec, Math.floor((ns - seconds * 1e9) / unit));
  };
  put(Itimerspec.offset.it_interval, intervalNs);
  put(Itimerspec.offset.it_value, leftNs);
  return task.space.copyOut(address, u8, 0, Itimerspec.size);
}

function getitimer(task: Task, which: number, address: number): number {
  if (which < 0 || which > 2) return -EINVAL;
  const timer = timersOf(task.group).intervals[which] ?? null;
  const left = timer === null || timer.leftNs === 0 ? 0 : Math.max(1000, timer.leftNs);
  return storeInterval(task, address, timer?.intervalNs ?? 0, left, 1000);
}

function setitimer(task: Task, which: number, address: number, oldAddress: number): number {
  const { kernel } = task;
  const timers = timersOf(task.group);
  const value = address === 0 ? { intervalNs: 0, valueNs: 0 } : loadInterval(task, address, 1000);
  if (isErrno(value)) return value;
  if (which < 0 || which > 2) return -EINVAL;
  if (oldAddress !== 0) {
    const failed = getitimer(task, which, oldAddress);
    if (failed < 0) return failed;
  }
  const timer = (timers.intervals[which] ??= new IntervalTimer(kernel, task.group, which));
  // What isn't armed keeps its interval, but that of elapsed time (kernel/time/itimer.c, set_cpu_itimer).
  timer.intervalNs = value.valueNs === 0 && which === ITIMER_REAL ? 0 : value.intervalNs;
  if (value.valueNs === 0) timer.cancel();
  else timer.set(timer.base.now() + value.valueNs);
  return 0;
}

/**
 * timer_create(2), which takes its number before it looks what is to be done with it: −EFAULT, −EINVAL, −EOPNOTSUPP;
 * −EAGAIN (RLIMIT_SIGPENDING).
 *
 * @see kernel/time/posix-timers.c, do_timer_create
 */
function timerCreate(task: Task, clock: number, eventAddress: number, idAddress: number): number {
  clock |= 0;
  const { u8, view } = task.kernel.scratch;
  if (eventAddress !== 0 && task.space.copyIn(eventAddress, u8, 0, Sigevent.size) < 0) return -EFAULT;
  if (clock === CLOCK_MONOTONIC_RAW || COARSE_CLOCKS.includes(clock)) return -EOPNOTSUPP;
  if (clock < 0 && (clock & 7) === CLOCK_OF_DESCRIPTOR) return -EOPNOTSUPP;
  if (clock >= 0 && readClock(task, clock) === null) return -EINVAL;
  const timers = timersOf(task.group);
  if (!hasRoom(task.group)) return -EAGAIN;
  const id = timers.takeId();
  const event = eventAddress === 0 ? defaultEvent(id) : eventAt(task, view);
  if (event === null) return -EINVAL;
  if (task.space.storeU32(idAddress, id) < 0) return -EFAULT;
  const owner = cpuClockOwner(task, clock);
  if (clock < 0 && owner === null) return -EINVAL;
  timers.add(new PosixTimer(task, clock, owner, event, id));
  return 0;
}

function defaultEvent(id: number): TimerEvent {
  return { notify: SIGEV_SIGNAL, signal: SIGALRM, valueLow: id, valueHigh: 0, thread: null };
}

/** A `struct sigevent`; null: it says nothing that could be done (good_sigevent). */
function eventAt(task: Task, view: DataView): TimerEvent | null {
  const signal = view.getInt32(Sigevent.offset.sigev_signo, true);
  const notify = view.getInt32(Sigevent.offset.sigev_notify, true);
  // SIGEV_THREAD is the C library's; for the kernel it is a signal to the process.
  if (![SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID].includes(notify)) return null;
  if (notify !== SIGEV_NONE && (signal < 1 || signal > SIGRTMAX)) return null;
  let thread: Task | null = null;
  if (notify === SIGEV_THREAD_ID) {
    const id = view.getInt32(Sigevent.offset.sigev_notify_thread_id, true);
    thread = task.kernel.tasks.taskIn(task.group.pidNamespace, id) ?? null;
    if (thread?.group !== task.group) return null;
  }
  return {
    notify,
    signal,
    valueLow: view.getUint32(Sigevent.offset.sigev_value, true),
    valueHigh: view.getUint32(Sigevent.offset.sigev_value + 4, true),
    thread,
  };
}

function timerSettime(task: Task, id: number, flags: number, address: number, oldAddress: number): number {
  if (address === 0) return -EINVAL;
  const value = loadInterval(task, address, 1);
  if (isErrno(value)) return value;
  const timer = timersOf(task.group).posix.get(id | 0);
  if (timer === undefined) return -EINVAL;
  const old = { intervalNs: timer.intervalNs, leftNs: timer.leftNs };
  timer.intervalNs = value.intervalNs;
  timer.overrun = 0;
  if (value.valueNs === 0) timer.cancel();
  else {
    const isAbsolute = (flags & TIMER_ABSTIME) !== 0;
    const seconds = Math.floor(value.valueNs / 1e9);
    const deadline = timer.isCpuClock
      ? value.valueNs
      : toMonotonic(task, timer.clock, seconds, value.valueNs - seconds * 1e9);
    if (!isAbsolute) timer.set(timer.base.now() + value.valueNs);
    else if (REALTIME_CLOCKS.includes(timer.clock)) timer.setByWall(deadline);
    else timer.set(deadline);
  }
  // The timer is set by now, also for a caller who can't be told of its old setting (kernel/time/posix-timers.c,
  // timer_settime).
  return oldAddress === 0 ? 0 : storeInterval(task, oldAddress, old.intervalNs, old.leftNs, 1);
}

function gettimeofday(task: Task, address: number, zone: number): number {
  const { clockAdjustment, scratch } = task.kernel;
  const now = task.kernel.realtime();
  if (address !== 0 && storeTime(task, address, now.seconds, Math.floor(now.nanoseconds / 1000)) < 0) return -EFAULT;
  if (zone === 0) return 0;
  scratch.view.setInt32(Timezone.offset.tz_minuteswest, clockAdjustment.minutesWest, true);
  scratch.view.setInt32(Timezone.offset.tz_dsttime, clockAdjustment.dstTime, true);
  return task.space.copyOut(zone, scratch.u8, 0, Timezone.size);
}

function settimeofday(task: Task, address: number, zone: number): number {
  const { u8, view } = task.kernel.scratch;
  const seconds = address === 0 ? 0 : task.space.loadU64(address);
  const micros = address === 0 ? 0 : task.space.loadU64(address + Timeval.offset.tv_usec);
  if (seconds < 0 || micros < 0) return -EFAULT;
  if (micros >= 1e6) return -EINVAL;
  if (zone !== 0 && task.space.copyIn(zone, u8, 0, Timezone.size) < 0) return -EFAULT;
  if (!isCapable(task.credentials, CAP_SYS_TIME)) return -EPERM;
  if (zone !== 0) {
    const minutesWest = view.getInt32(Timezone.offset.tz_minuteswest, true);
    const kept = setTimeZone(task.kernel, minutesWest, view.getInt32(Timezone.offset.tz_dsttime, true));
    if (kept < 0) return kept;
  }
  return address === 0 ? 0 : setRealtime(task, seconds, micros * 1000);
}

export const timeCalls: SyscallTable = {
  clock_gettime: { run: clockGettime },
  clock_getres: {
    run: (task, clock, address) => {
      if (readClock(task, clock | 0) === null) return -EINVAL;
      return address === 0 ? 0 : storeTime(task, address, 0, isCoarse(clock | 0) ? TICK_NS : 1);
    },
  },
  clock_settime: {
    run: (task, clock, address) => clockSettime(task, clock | 0, address),
  },
  clock_nanosleep: {
    run: clockNanosleep,
    interrupted: (task, clock, flags, _request, left) => {
      const told = (flags & TIMER_ABSTIME) !== 0 ? 0 : left;
      return task.syscallState?.kind === "cpu-time" ? remainingCpuTime(task, clock | 0, told) : remaining(task, told);
    },
  },
  nanosleep: { run: nanosleep, interrupted: (task, _request, left) => remaining(task, left) },
  gettimeofday: { run: gettimeofday },
  settimeofday: { run: settimeofday },
  adjtimex: {
    run: (task, address) => adjustClock(task, address),
    gaps: "parameters are kept, but the host's clock keeps its pace; ADJ_SETOFFSET sets the time",
  },
  clock_adjtime: {
    run: (task, clock, address) => {
      if ((clock | 0) === CLOCK_REALTIME) return adjustClock(task, address);
      // What is asked for is read before it is seen of which clock (kernel/time/posix-timers.c).
      if (task.space.copyIn(address, task.kernel.scratch.u8, 0, Timex.size) < 0) return -EFAULT;
      return clock >= 0 && readClock(task, clock | 0) === null ? -EINVAL : -EOPNOTSUPP;
    },
    gaps: "as adjtimex",
  },
  getitimer: { run: (task, which, address) => getitimer(task, which | 0, address) },
  setitimer: {
    run: (task, which, address, old) => setitimer(task, which | 0, address, old),
  },
  timer_create: { run: timerCreate },
  timer_settime: { run: timerSettime },
  timer_gettime: {
    run: (task, id, address) => {
      const timer = timersOf(task.group).posix.get(id | 0);
      return timer === undefined ? -EINVAL : storeInterval(task, address, timer.intervalNs, timer.leftNs, 1);
    },
  },
  timer_getoverrun: { run: (task, id) => timersOf(task.group).posix.get(id | 0)?.overrun ?? -EINVAL },
  timer_delete: {
    run: (task, id) => {
      const timers = timersOf(task.group);
      const timer = timers.posix.get(id | 0);
      if (timer === undefined) return -EINVAL;
      timers.remove(timer);
      return 0;
    },
  },
  times: {
    run: (task, address) => {
      if (address !== 0) {
        const { u8, view } = task.kernel.scratch;
        const { userNs, systemNs } = processTimes(task.group);
        put64(view, Tms.offset.tms_utime, Math.floor(userNs / 1e7));
        put64(view, Tms.offset.tms_stime, Math.floor(systemNs / 1e7));
        put64(view, Tms.offset.tms_cutime, Math.floor(task.group.childrenUserNs / 1e7));
        put64(view, Tms.offset.tms_cstime, Math.floor(task.group.childrenSystemNs / 1e7));
        if (task.space.copyOut(address, u8, 0, Tms.size) < 0) return -EFAULT;
      }
      return Math.floor(task.kernel.now() / 1e7);
    },
  },
};
