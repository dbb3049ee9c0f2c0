import { CLOCK_MONOTONIC, CLOCK_REALTIME, EFAULT, EINVAL, ENOSYS } from "@stratos/abi";
import { loadDuration } from "../event/wait-deadline.ts";
import { futexRequeue, futexWait, futexWake, futexWakeOp } from "../task/futex.ts";
import { piLock, piTryLock, piUnlock } from "../task/pi-futex.ts";
import type { Task } from "../task/task.ts";
import { writeTaskRobustList } from "../task/robust-list.ts";
import { toMonotonic } from "../time/clocks.ts";
import type { SyscallTable } from "./syscall-table.ts";

const FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4, FUTEX_WAKE_OP = 5, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10;
const FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7, FUTEX_TRYLOCK_PI = 8, FUTEX_LOCK_PI2 = 13;
const FUTEX_PRIVATE = 128, FUTEX_CLOCK_REALTIME = 256;
const ANY = 0xffffffff;

/** @see futex(2) */
function futex(task: Task, address: number, operation: number, value: number, timeout: number, second: number, third: number): number {
  if (address % 4 !== 0) return -EINVAL;
  value = value >>> 0;
  const command = operation & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      let deadline = Infinity;
      if (task.syscallState === null && timeout !== 0) {
        const duration = loadDuration(task.space, timeout);
        if (duration < 0) return duration;
        deadline = command === FUTEX_WAIT ? task.kernel.now() + duration : absoluteDeadline(task, timeout, (operation & FUTEX_CLOCK_REALTIME) !== 0);
      }
      return futexWait(task, address, value, command === FUTEX_WAIT ? ANY : third >>> 0, deadline);
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
      if (command === FUTEX_WAKE_BITSET && third >>> 0 === 0) return -EINVAL;
      return futexWake(task.space, address, value | 0, command === FUTEX_WAKE ? ANY : third >>> 0);
    }
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      if ((value | 0) < 0 || (timeout | 0) < 0) return -EINVAL;
      if (command === FUTEX_CMP_REQUEUE) {
        const now = task.space.loadU32(address);
        if (now < 0) return -EFAULT;
        if (now !== third >>> 0) return -11;
      }
      const { woken, moved } = futexRequeue(task.space, address, second, { wake: value | 0, move: timeout | 0 });
      return command === FUTEX_CMP_REQUEUE ? woken + moved : woken;
    }
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: {
      let deadline = Infinity;
      if (task.syscallState === null && timeout !== 0) {
        const duration = loadDuration(task.space, timeout);
        if (duration < 0) return duration;
        deadline = absoluteDeadline(task, timeout, command === FUTEX_LOCK_PI || (operation & FUTEX_CLOCK_REALTIME) !== 0);
      }
      return piLock(task, address, deadline);
    }
    case FUTEX_TRYLOCK_PI: return piTryLock(task, address);
    case FUTEX_UNLOCK_PI: return piUnlock(task, address);
    case FUTEX_WAKE_OP: return futexWakeOp(task.space, address, second, { first: value | 0, second: timeout | 0 }, third | 0);
    default: return -ENOSYS;
  }
}

/** An absolute timespec on the chosen clock, as monotonic nanoseconds. */
function absoluteDeadline(task: Task, address: number, isRealtime: boolean): number {
  const seconds = task.space.loadU64(address);
  const nanoseconds = task.space.loadU64(address + 8);
  return toMonotonic(task, isRealtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, seconds, nanoseconds);
}

export const futexCalls: SyscallTable = {
  futex: {
    run: futex,
    gaps: "WAIT_REQUEUE_PI and CMP_REQUEUE_PI: ENOSYS",
  },
  set_robust_list: {
    run: (task, head, length) => {
      if (length !== 24) return -EINVAL;
      task.robustList = head;
      return 0;
    },
  },
  get_robust_list: { run: writeTaskRobustList },
};
