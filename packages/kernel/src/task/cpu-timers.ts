/**
 * Timers that run on CPU time: ITIMER_VIRTUAL and ITIMER_PROF, POSIX timers of CPU clocks, RLIMIT_CPU. A process and a
 * thread each have a queue by the CPU time that they used, which is looked at when one of their turns ends; a turn is
 * some milliseconds, as a tick of Linux is.
 */
import { SI_KERNEL, SIGKILL, SIGXCPU, RLIMIT_CPU } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendTimerSignal } from "../signal/send-signal.ts";
import type { Task } from "./task.ts";
import type { ThreadGroup } from "./thread-group.ts";
import { cpuTimeOf, processCpuNs, processUserNs, threadCpuNs } from "./clocks.ts";
import { TimerQueue } from "../time/timer-queue.ts";

/** A clock with its queue of timers. */
export interface TimeBase {
  now(): number;
  readonly queue: TimerQueue;
}

/** CPU time of a process; without the kernel's part: time in user mode alone. */
export class ProcessTimeBase implements TimeBase {
  readonly process: ThreadGroup;
  readonly isUserTime: boolean;

  constructor(process: ThreadGroup, isUserTime: boolean) {
    this.process = process;
    this.isUserTime = isUserTime;
  }

  now(): number {
    return cpuTimeOf(this.process, this.isUserTime);
  }

  get queue(): TimerQueue {
    const { process } = this;
    return this.isUserTime ? (process.userTimers ??= new TimerQueue()) : (process.cpuTimers ??= new TimerQueue());
  }

  static {
    stateClass("ProcessTimeBase", this);
  }
}

class ThreadTimeBase implements TimeBase {
  readonly task: Task;
  readonly isUserTime: boolean;

  constructor(task: Task, isUserTime: boolean) {
    this.task = task;
    this.isUserTime = isUserTime;
  }

  now(): number {
    return cpuTimeOf(this.task, this.isUserTime);
  }

  get queue(): TimerQueue {
    const { task } = this;
    return this.isUserTime ? (task.userTimers ??= new TimerQueue()) : (task.cpuTimers ??= new TimerQueue());
  }

  static {
    stateClass("ThreadTimeBase", this);
  }
}

export function cpuTimeBase(owner: Task | ThreadGroup, isUserTime: boolean): TimeBase {
  return "tid" in owner ? new ThreadTimeBase(owner, isUserTime) : new ProcessTimeBase(owner, isUserTime);
}

/** The task's turn has ended and is accounted for. */
export function expireCpuTimers(task: Task): void {
  const { group } = task;
  if (task.cpuTimers !== null) task.cpuTimers.expire(threadCpuNs(task));
  if (task.userTimers !== null) task.userTimers.expire(task.userNs);
  if (group.cpuTimers !== null) group.cpuTimers.expire(processCpuNs(group));
  if (group.userTimers !== null) group.userTimers.expire(processUserNs(group));
  if (group.limits[RLIMIT_CPU]!.soft !== Infinity) checkCpuLimit(group);
}

/** RLIMIT_CPU (getrlimit(2)): SIGXCPU each second from the soft limit on, SIGKILL at the hard one. */
function checkCpuLimit(group: ThreadGroup): void {
  const limit = group.limits[RLIMIT_CPU]!;
  const seconds = processCpuNs(group) / 1e9;
  if (seconds >= limit.hard) sendSignalToProcess(group, signalInfo(SIGKILL, SI_KERNEL));
  else if (seconds >= limit.soft) {
    sendTimerSignal(group, signalInfo(SIGXCPU, SI_KERNEL));
    // As Linux does it: the limit itself moves on.
    group.limits[RLIMIT_CPU] = { ...limit, soft: limit.soft + 1 };
  }
}
