import {
  CLOCK_BOOTTIME,
  CLOCK_BOOTTIME_ALARM,
  CLOCK_MONOTONIC,
  CLOCK_MONOTONIC_COARSE,
  CLOCK_MONOTONIC_RAW,
  CLOCK_PROCESS_CPUTIME_ID,
  CLOCK_THREAD_CPUTIME_ID,
} from "@stratos/abi";
import { REALTIME_CLOCKS } from "../time/clock-kinds.ts";
import type { Task } from "./task.ts";
import { chargeTurn, processTimes } from "./resource-usage.ts";
import type { ThreadGroup } from "./thread-group.ts";

const reading = { seconds: 0, nanoseconds: 0 };

/** Reads a clock (clock_gettime(2)) into one shared object; null when there is no such clock. */
export function readClock(task: Task, clock: number): { seconds: number; nanoseconds: number } | null {
  const { kernel } = task;
  if (REALTIME_CLOCKS.includes(clock)) {
    const now = kernel.realtime();
    reading.seconds = now.seconds;
    reading.nanoseconds = now.nanoseconds;
    return reading;
  }
  let ns: number;
  switch (clock) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
      ns = kernel.now() + task.namespaces.time.monotonicNs;
      break;
    case CLOCK_BOOTTIME:
    case CLOCK_BOOTTIME_ALARM:
      ns = kernel.now() + task.namespaces.time.boottimeNs;
      break;
    case CLOCK_PROCESS_CPUTIME_ID:
      ns = processCpuNs(task.group);
      break;
    case CLOCK_THREAD_CPUTIME_ID:
      ns = threadCpuNs(task);
      break;
    default: {
      // Clocks of other processes and threads: (~pid << 3) | kind, bit 2 for a thread (clock_getcpuclockid(3)).
      const owner = cpuClockOwner(task, clock) ?? ownGroupByThread(task, clock);
      if (owner === null) return null;
      ns = cpuTimeOf(owner, countsUserTime(clock));
    }
  }
  reading.seconds = Math.floor(ns / 1e9);
  reading.nanoseconds = Math.floor(ns - reading.seconds * 1e9);
  return reading;
}

/**
 * Whose CPU time a clock shows: the caller's own, another thread of its process, or a process, which may have ended but
 * not been waited for; null for clocks of elapsed time, and of tasks that are not there.
 */
export function cpuClockOwner(task: Task, clock: number): Task | ThreadGroup | null {
  if (clock === CLOCK_PROCESS_CPUTIME_ID) return task.group;
  if (clock === CLOCK_THREAD_CPUTIME_ID) return task;
  // Kind 3 would be a clock behind a descriptor (a PTP device): there is none.
  if (clock >= 0 || (clock & 3) === 3) return null;
  const id = ~(clock >> 3);
  const { tasks } = task.kernel;
  const { pidNamespace } = task.group;
  if ((clock & 4) === 0) return id === 0 ? task.group : (tasks.processIn(pidNamespace, id) ?? null);
  const thread = id === 0 ? task : tasks.taskIn(pidNamespace, id);
  return thread?.group === task.group ? thread : null;
}

/** A process's clock is also read by the caller's own thread number (kernel/time/posix-cpu-timers.c, pid_for_clock). */
function ownGroupByThread(task: Task, clock: number): ThreadGroup | null {
  const isOfProcess = clock < 0 && (clock & 7) !== 3 && (clock & 4) === 0;
  return isOfProcess && task.group.pidNamespace.idOf(task.tid) === ~(clock >> 3) ? task.group : null;
}

/** Is it a clock of time in user mode alone (kernel/time/posix-cpu-timers.c, CPUCLOCK_VIRT)? Others count all. */
export function countsUserTime(clock: number): boolean {
  return clock < 0 && (clock & 3) === 1;
}

export function cpuTimeOf(owner: Task | ThreadGroup, isUserTime: boolean): number {
  if (!("tid" in owner)) return isUserTime ? processUserNs(owner) : processCpuNs(owner);
  if (!isUserTime) return threadCpuNs(owner);
  chargeTurn(owner);
  return owner.userNs;
}

export function threadCpuNs(task: Task): number {
  chargeTurn(task);
  return task.userNs + task.systemNs;
}

/** What a process used in user mode, which ITIMER_VIRTUAL counts. */
export function processUserNs(process: ThreadGroup): number {
  return processTimes(process).userNs;
}

export function processCpuNs(process: ThreadGroup): number {
  const { userNs, systemNs } = processTimes(process);
  return userNs + systemNs;
}

/**
 * CLOCK_REALTIME is known to a quarter of a microsecond (a double of milliseconds); a sleeper must not wake before its
 * time.
 */
const REALTIME_MARGIN_NS = 1000;

/** What the task's time namespace adds to a clock of elapsed time (time_namespaces(7)), in nanoseconds. */
export function clockOffset(task: Task, clock: number): number {
  const { monotonicNs, boottimeNs } = task.namespaces.time;
  return clock === CLOCK_BOOTTIME || clock === CLOCK_BOOTTIME_ALARM ? boottimeNs : monotonicNs;
}

/** Nobody lives to see it, and nanoseconds would be no longer exact. */
const FOREVER_S = 2 ** 53 / 1e9;

/** Monotonic nanoseconds at which an absolute time of `clock` has come. */
export function toMonotonic(task: Task, clock: number, seconds: number, nanoseconds: number): number {
  if (!REALTIME_CLOCKS.includes(clock)) return seconds * 1e9 + nanoseconds - clockOffset(task, clock);
  const now = task.kernel.realtime();
  if (seconds - now.seconds > FOREVER_S) return Infinity;
  return task.kernel.now() + (seconds - now.seconds) * 1e9 + (nanoseconds - now.nanoseconds) + REALTIME_MARGIN_NS;
}
