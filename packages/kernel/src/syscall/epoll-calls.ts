/** epoll_create1, epoll_ctl, epoll_pwait, epoll_pwait2. Read first: event/epoll.ts, epoll(7). */
import {
  EBADF,
  EFAULT,
  EINTR,
  EINVAL,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EpollEvent,
  O_PATH,
  POLLERR,
  POLLHUP,
  RLIMIT_NOFILE,
} from "@stratos/abi";
import { EpollFile } from "../event/epoll.ts";
import { enterTemporaryMask, leaveTemporaryMask } from "../event/temporary-mask.ts";
import { loadDuration } from "../event/wait-deadline.ts";
import { forgetPolls } from "../fs/fuse/fuse-answers.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import type { Task } from "../task/task.ts";
import { BLOCKED, BLOCKED_EINTR } from "../ground/wait-queue.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** Linux EP_MAX_EVENTS. */
const EVENTS_MAX = Math.floor(0x7fffffff / EpollEvent.size);

function epollCreate(task: Task, flags: number): number {
  if ((flags & ~EPOLL_CLOEXEC) !== 0) return -EINVAL;
  return task.files.install(
    new EpollFile(task.kernel),
    (flags & EPOLL_CLOEXEC) !== 0,
    0,
    task.group.limits[RLIMIT_NOFILE]!.soft,
  );
}

/**
 * epoll_ctl(2): 0; −EBADF either descriptor; −EFAULT; −EINVAL `epfd` is no epoll file, or an unknown `op`; else as
 * EpollFile says.
 */
function epollControl(task: Task, epfd: number, operation: number, fd: number, event: number): number {
  let events = 0,
    dataLow = 0,
    dataHigh = 0;
  if (operation !== EPOLL_CTL_DEL) {
    events = task.space.loadU32(event);
    dataLow = task.space.loadU32(event + EpollEvent.offset.data);
    dataHigh = task.space.loadU32(event + EpollEvent.offset.data + 4);
    if (events < 0 || dataLow < 0 || dataHigh < 0) return -EFAULT;
  }
  const epoll = task.files.get(epfd | 0);
  const file = task.files.get(fd | 0);
  if (epoll === undefined || file === undefined || (file.flags & O_PATH) === O_PATH) return -EBADF;
  if (!(epoll instanceof EpollFile)) return -EINVAL;
  if (operation !== EPOLL_CTL_DEL && task.kernel.vfs.servedFiles > 0) {
    const asking = file.askPoll((events & POLLED) | POLLERR | POLLHUP, true);
    if (asking < 0) return asking;
  }
  switch (operation | 0) {
    case EPOLL_CTL_ADD:
      return epoll.add(fd | 0, file, events | 0, dataLow, dataHigh);
    case EPOLL_CTL_DEL:
      return epoll.remove(fd | 0, file);
    case EPOLL_CTL_MOD:
      return epoll.modify(fd | 0, file, events | 0, dataLow, dataHigh);
    default:
      return -EINVAL;
  }
}

/** Conditions among the bits of an item. */
const POLLED = 0x7fff;

/** The wait itself, once the arguments are checked. */
function epollWait(task: Task, epfd: number, address: number, count: number, state: StateOf<"deadline">): number {
  const epoll = task.files.get(epfd | 0);
  if (epoll === undefined) return -EBADF;
  const most = count | 0;
  if (most <= 0 || most > EVENTS_MAX) return -EINVAL;
  if (!(epoll instanceof EpollFile)) return -EINVAL;
  const asksFirst = task.kernel.vfs.servedFiles > 0;
  const asking = asksFirst ? epoll.askReady() : 0;
  if (asking < 0) return asking;
  const found = epoll.collect(task.space, address, most);
  if (found !== 0) {
    epoll.passOn();
    return found;
  }
  if (state.deadlineNs <= task.kernel.now()) return 0;
  if (asksFirst) forgetPolls(task);
  task.waitOn(epoll.callers);
  if (state.deadlineNs !== Infinity) task.waitUntil(state.deadlineNs);
  return BLOCKED_EINTR;
}

function epollWaitMasked(
  task: Task,
  epfd: number,
  address: number,
  count: number,
  durationNs: number,
  mask: number,
  maskSize: number,
): number {
  let state = stateOf(task, "deadline");
  if (state === null) {
    const masked = enterTemporaryMask(task, mask, maskSize);
    if (masked < 0) return masked;
    state = { kind: "deadline", deadlineNs: durationNs === Infinity ? Infinity : task.kernel.now() + durationNs };
    task.syscallState = state;
  }
  const result = epollWait(task, epfd, address, count, state);
  if (result > BLOCKED) {
    leaveTemporaryMask(task);
    task.syscallState = null;
  }
  return result;
}

/** epoll_pwait(2): `timeout` in milliseconds, negative: for ever. */
function epollPwait(
  task: Task,
  epfd: number,
  address: number,
  count: number,
  timeout: number,
  mask: number,
  maskSize: number,
): number {
  const timeoutMs = timeout | 0;
  return epollWaitMasked(task, epfd, address, count, timeoutMs < 0 ? Infinity : timeoutMs * 1e6, mask, maskSize);
}

/** epoll_pwait2(2): `timeout` is a timespec or null. */
function epollPwait2(
  task: Task,
  epfd: number,
  address: number,
  count: number,
  timeout: number,
  mask: number,
  maskSize: number,
): number {
  let duration = Infinity;
  if (timeout !== 0 && task.syscallState === null) {
    duration = loadDuration(task.space, timeout);
    if (duration < 0) return duration;
  }
  return epollWaitMasked(task, epfd, address, count, duration, mask, maskSize);
}

/** A signal comes instead of an event that may already have woken this caller alone: the next one gets it. */
function interruptedWait(task: Task, epfd: number): number {
  const epoll = task.files.get(epfd | 0);
  if (epoll instanceof EpollFile) epoll.passOn();
  return -EINTR;
}

export const epollCalls: SyscallTable = {
  epoll_create1: { run: epollCreate },
  epoll_ctl: { run: epollControl, gaps: "EPOLLWAKEUP does nothing" },
  epoll_pwait: { run: epollPwait, interrupted: interruptedWait },
  epoll_pwait2: { run: epollPwait2, interrupted: interruptedWait },
};
