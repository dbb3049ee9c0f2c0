/**
 * eventfd2, timerfd_create, timerfd_settime, timerfd_gettime, signalfd4. Read first: event/*.ts and the manual pages of
 * the calls.
 */
import {
  CAP_WAKE_ALARM,
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  CLOCK_REALTIME_ALARM,
  EBADF,
  EFAULT,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EFD_SEMAPHORE,
  EINVAL,
  EPERM,
  RLIMIT_NOFILE,
  SFD_CLOEXEC,
  SFD_NONBLOCK,
  TFD_CLOEXEC,
  TFD_NONBLOCK,
  TFD_TIMER_ABSTIME,
  TFD_TIMER_CANCEL_ON_SET,
  Timespec,
  isErrno,
} from "@stratos/abi";
import { EventFile } from "../event/eventfd.ts";
import { SignalFile } from "../event/signalfd.ts";
import { SIGSET_SIZE } from "../event/temporary-mask.ts";
import { TimerFile } from "../event/timerfd.ts";
import { loadTimespec } from "../event/wait-deadline.ts";
import { isCapable } from "../security/credentials.ts";
import { SignalSet } from "../signal/signal-set.ts";
import { clockOffset } from "../task/clocks.ts";
import type { Task } from "../task/task.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { SyscallTable } from "./syscall-table.ts";

function install(task: Task, file: OpenFile, closeOnExec: boolean): number {
  return task.files.install(file, closeOnExec, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
}

/** eventfd2(2): a descriptor; −EINVAL unknown flags; −EMFILE. */
function eventfd(task: Task, initial: number, flags: number): number {
  if ((flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE)) !== 0) return -EINVAL;
  return install(
    task,
    new EventFile(initial >>> 0, (flags & EFD_SEMAPHORE) !== 0, (flags & EFD_NONBLOCK) !== 0),
    (flags & EFD_CLOEXEC) !== 0,
  );
}

/**
 * timerfd_create(2): a descriptor; −EINVAL unknown flags or clock; −EPERM an alarm clock without CAP_WAKE_ALARM;
 * −EMFILE.
 */
function timerCreate(task: Task, clock: number, flags: number): number {
  if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) !== 0) return -EINVAL;
  if (clock === CLOCK_REALTIME_ALARM || clock === CLOCK_BOOTTIME_ALARM) {
    if (!isCapable(task.credentials, CAP_WAKE_ALARM)) return -EPERM;
  } else if (clock !== CLOCK_REALTIME && clock !== CLOCK_MONOTONIC && clock !== CLOCK_BOOTTIME) return -EINVAL;
  return install(task, new TimerFile(task.kernel, clock, (flags & TFD_NONBLOCK) !== 0), (flags & TFD_CLOEXEC) !== 0);
}

function timerAt(task: Task, fd: number): TimerFile | number {
  const file = task.files.get(fd | 0);
  if (file === undefined) return -EBADF;
  return file instanceof TimerFile ? file : -EINVAL;
}

function storeTime(task: Task, address: number, ns: number): number {
  const seconds = Math.floor(ns / 1e9);
  const result = task.space.storeU64(address, seconds);
  return result < 0 ? result : task.space.storeU64(address + Timespec.offset.tv_nsec, ns - seconds * 1e9);
}

function storeTimer(task: Task, address: number, time: { valueNs: number; intervalNs: number }): number {
  const result = storeTime(task, address, time.intervalNs);
  return result < 0 ? result : storeTime(task, address + 16, time.valueNs);
}

/** timerfd_settime(2): 0; −EFAULT; −EINVAL flags, an invalid time, or no timerfd; −EBADF. */
function timerSet(task: Task, fd: number, flags: number, value: number, old: number): number {
  const interval = loadTimespec(task.space, value);
  const initial = loadTimespec(task.space, value + 16);
  if (interval === -EFAULT || initial === -EFAULT) return -EFAULT;
  if (isErrno(interval) || isErrno(initial) || (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) !== 0)
    return -EINVAL;
  const timer = timerAt(task, fd);
  if (isErrno(timer)) return timer;
  const before = timer.getTime();
  const armed = timer.setTime(flags, initial, interval, clockOffset(task, timer.clock));
  const stored = old === 0 ? 0 : storeTimer(task, old, before);
  return stored < 0 ? stored : armed;
}

function timerGet(task: Task, fd: number, value: number): number {
  const timer = timerAt(task, fd);
  return isErrno(timer) ? timer : storeTimer(task, value, timer.getTime());
}

/**
 * signalfd4(2): `fd`, or a new descriptor for −1; −EINVAL flags, size, or `fd` is no signalfd; −EBADF; −EFAULT;
 * −EMFILE.
 */
function signalfd(task: Task, fd: number, mask: number, size: number, flags: number): number {
  if (size !== SIGSET_SIZE) return -EINVAL;
  const low = task.space.loadU32(mask);
  const high = task.space.loadU32(mask + 4);
  if (low < 0 || high < 0) return -EFAULT;
  if ((flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)) !== 0) return -EINVAL;
  const set = new SignalSet(low, high);
  set.deleteUnblockable();
  if ((fd | 0) === -1)
    return install(task, new SignalFile(task.kernel, set, (flags & SFD_NONBLOCK) !== 0), (flags & SFD_CLOEXEC) !== 0);
  const file = task.files.get(fd | 0);
  if (file === undefined) return -EBADF;
  if (!(file instanceof SignalFile)) return -EINVAL;
  file.setMask(set);
  return fd | 0;
}

export const eventFileCalls: SyscallTable = {
  eventfd2: { run: eventfd },
  timerfd_create: {
    run: timerCreate,
    gaps: "the alarm clocks do not wake a suspended system, because ours never suspends",
  },
  timerfd_settime: { run: timerSet },
  timerfd_gettime: { run: timerGet },
  signalfd4: { run: signalfd },
};
