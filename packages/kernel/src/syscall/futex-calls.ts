import {
  CLOCK_MONOTONIC,
  CLOCK_REALTIME,
  EAGAIN,
  EFAULT,
  EINTR,
  EINVAL,
  ENOSYS,
  FUTEX2_PRIVATE,
  FUTEX2_SIZE_MASK,
  FUTEX2_SIZE_U32,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_CLOCK_REALTIME,
  FUTEX_CMP_REQUEUE,
  FUTEX_CMP_REQUEUE_PI,
  FUTEX_LOCK_PI,
  FUTEX_LOCK_PI2,
  FUTEX_PRIVATE_FLAG,
  FUTEX_REQUEUE,
  FUTEX_TRYLOCK_PI,
  FUTEX_UNLOCK_PI,
  FUTEX_WAIT,
  FUTEX_WAITV_MAX,
  FUTEX_WAIT_BITSET,
  FUTEX_WAIT_REQUEUE_PI,
  FUTEX_WAKE,
  FUTEX_WAKE_BITSET,
  FUTEX_WAKE_OP,
  FutexWaitv,
  Timespec,
  isErrno,
} from "@stratos/abi";
import { loadDuration } from "../event/wait-deadline.ts";
import {
  futexRequeue,
  futexWait,
  futexWaitMany,
  futexWake,
  futexWakeOp,
  type FutexWord,
  keyOf,
} from "../task/futex.ts";
import { piLock, piTryLock, piUnlock } from "../task/pi-futex.ts";
import { requeuePi, waitRequeuePi } from "../task/requeue-pi.ts";
import type { Task } from "../task/task.ts";
import { writeTaskRobustList } from "../task/robust-list.ts";
import { toMonotonic } from "../task/clocks.ts";
import { getU64 } from "../ground/words.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** @see futex(2) */
function futex(
  task: Task,
  address: number,
  operation: number,
  value: number,
  timeout: number,
  second: number,
  third: number,
): number {
  value = value >>> 0;
  const command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const isRealtime = (operation & FUTEX_CLOCK_REALTIME) !== 0;
  const refused = checkArguments(task, operation, value, timeout, third);
  if (refused < 0) return refused;
  if (address % 4 !== 0) return -EINVAL;
  // A word that may be shared is known by its page, so that has to be there; a private one by its address.
  const isPrivate = (operation & FUTEX_PRIVATE_FLAG) !== 0;
  const { space } = task;
  if (!isPrivate) {
    if (task.space.loadU32(address) < 0) return -EFAULT;
    if (command >= FUTEX_REQUEUE && command <= FUTEX_WAKE_OP && task.space.loadU32(second) < 0) return -EFAULT;
  }
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET: {
      let deadline = Infinity;
      if (task.syscallState === null && timeout !== 0) {
        const duration = loadDuration(task.space, timeout);
        if (duration < 0) return duration;
        deadline = command === FUTEX_WAIT ? task.kernel.now() + duration : absoluteDeadline(task, timeout, isRealtime);
      }
      const bitset = command === FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : third >>> 0;
      return futexWait(task, address, value, bitset, deadline, isPrivate);
    }
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET: {
      // Who waits for such a mutex is woken by who gives it back.
      const { piFutexes } = task.kernel;
      if (piFutexes.size > 0 && piFutexes.has(keyOf(space, address, isPrivate))) return -EINVAL;
      const bitset = command === FUTEX_WAKE ? FUTEX_BITSET_MATCH_ANY : third >>> 0;
      return futexWake(space, address, value | 0, bitset, isPrivate);
    }
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      if (command === FUTEX_CMP_REQUEUE) {
        const now = task.space.loadU32(address);
        if (now < 0) return -EFAULT;
        if (now !== third >>> 0) return -EAGAIN;
      }
      const source = keyOf(space, address, isPrivate);
      const target = keyOf(space, second, isPrivate);
      const done = futexRequeue(space, source, target, { wake: value | 0, move: timeout | 0 });
      if (isErrno(done)) return done;
      return command === FUTEX_CMP_REQUEUE ? done.woken + done.moved : done.woken;
    }
    case FUTEX_WAIT_REQUEUE_PI: {
      let deadline = Infinity;
      if (task.syscallState === null && timeout !== 0) deadline = absoluteDeadline(task, timeout, isRealtime);
      return waitRequeuePi(task, address, value, second, deadline, isPrivate);
    }
    case FUTEX_CMP_REQUEUE_PI:
      // The one that is woken is to be given the mutex; there cannot be two.
      if (value !== 1 || (timeout | 0) < 0) return -EINVAL;
      return requeuePi(task, address, second, timeout | 0, third >>> 0, isPrivate);
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: {
      let deadline = Infinity;
      if (task.syscallState === null && timeout !== 0)
        deadline = absoluteDeadline(task, timeout, command === FUTEX_LOCK_PI || isRealtime);
      return piLock(task, address, deadline, isPrivate);
    }
    case FUTEX_TRYLOCK_PI:
      return piTryLock(task, address, isPrivate);
    case FUTEX_UNLOCK_PI:
      return piUnlock(task, address, isPrivate);
    case FUTEX_WAKE_OP:
      return futexWakeOp(space, address, second, { first: value | 0, second: timeout | 0 }, third | 0, isPrivate);
    default:
      return -ENOSYS;
  }
}

/** What is told before the word is looked at (kernel/futex/syscalls.c, do_futex): 0, −EFAULT, −EINVAL, −ENOSYS. */
function checkArguments(task: Task, operation: number, value: number, timeout: number, third: number): number {
  const command = operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
  const isClockRefused = (operation & FUTEX_CLOCK_REALTIME) !== 0 && !CHOOSES_CLOCK.has(command);
  if (isClockRefused && !TAKES_TIMEOUT.has(command)) return -ENOSYS;
  switch (command) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2: {
      const duration = timeout === 0 || task.syscallState !== null ? 0 : loadDuration(task.space, timeout);
      if (duration < 0) return duration;
      if (isClockRefused) return -ENOSYS;
      return command === FUTEX_WAIT_BITSET && third >>> 0 === 0 ? -EINVAL : 0;
    }
    case FUTEX_WAKE_BITSET:
      return third >>> 0 === 0 ? -EINVAL : 0;
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
      return (value | 0) < 0 || (timeout | 0) < 0 ? -EINVAL : 0;
    case FUTEX_WAKE:
    case FUTEX_WAKE_OP:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_UNLOCK_PI:
    case FUTEX_CMP_REQUEUE_PI:
      return 0;
    default:
      return -ENOSYS;
  }
}

const WAITS: readonly number[] = [FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI];
const TAKES_TIMEOUT: ReadonlySet<number> = new Set([...WAITS, FUTEX_LOCK_PI, FUTEX_LOCK_PI2]);
/** Commands that FUTEX_CLOCK_REALTIME may go with. */
const CHOOSES_CLOCK: ReadonlySet<number> = new Set([FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_LOCK_PI2]);

/** An absolute timespec on the chosen clock, as monotonic nanoseconds. */
function absoluteDeadline(task: Task, address: number, isRealtime: boolean): number {
  const seconds = task.space.loadU64(address + Timespec.offset.tv_sec);
  const nanoseconds = task.space.loadU64(address + Timespec.offset.tv_nsec);
  return toMonotonic(task, isRealtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, seconds, nanoseconds);
}

/** Flags of futex_wake and its siblings of Linux 6.7, and of futex_waitv: words of 32 bits are all that is there. */
function checkWord(address: number, flags: number, mask: number): number {
  if ((flags & ~(FUTEX2_SIZE_MASK | FUTEX2_PRIVATE)) !== 0 || (flags & FUTEX2_SIZE_MASK) !== FUTEX2_SIZE_U32)
    return -EINVAL;
  return address % 4 !== 0 || !(mask >= 0 && mask <= FUTEX_BITSET_MATCH_ANY) ? -EINVAL : 0;
}

/** The absolute time at `address` on the clock: −EFAULT, −EINVAL. */
function loadDeadline(task: Task, address: number, clock: number): number {
  if (clock !== CLOCK_MONOTONIC && clock !== CLOCK_REALTIME) return -EINVAL;
  const time = loadDuration(task.space, address);
  return time < 0 ? time : absoluteDeadline(task, address, clock === CLOCK_REALTIME);
}

function futexWait2(
  task: Task,
  address: number,
  value: number,
  mask: number,
  flags: number,
  timeout: number,
  clock: number,
): number {
  const bad = checkWord(address, flags, mask);
  if (bad < 0) return bad;
  if (!(value >= 0 && value <= FUTEX_BITSET_MATCH_ANY)) return -EINVAL;
  let deadline = Infinity;
  if (task.syscallState === null && timeout !== 0) {
    deadline = loadDeadline(task, timeout, clock | 0);
    if (deadline < 0) return deadline;
  }
  return futexWait(task, address, value, mask, deadline, (flags & FUTEX2_PRIVATE) !== 0);
}

function futexWake2(task: Task, address: number, mask: number, count: number, flags: number): number {
  const bad = checkWord(address, flags, mask);
  if (bad < 0) return bad;
  if (mask === 0) return -EINVAL;
  // This call counts as it says, unlike FUTEX_WAKE (FLAGS_STRICT).
  return count === 0 ? 0 : futexWake(task.space, address, count | 0, mask, (flags & FUTEX2_PRIVATE) !== 0);
}

/** `struct futex_waitv` at `address`: −EFAULT, −EINVAL. */
function loadWaiter(task: Task, address: number): FutexWord | number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, FutexWaitv.size) < 0) return -EFAULT;
  const word = getU64(view, FutexWaitv.offset.uaddr);
  const value = getU64(view, FutexWaitv.offset.val);
  if (view.getUint32(FutexWaitv.offset._reserved, true) !== 0 || value > 0xffffffff) return -EINVAL;
  const flags = view.getUint32(FutexWaitv.offset.flags, true);
  const bad = checkWord(word, flags, FUTEX_BITSET_MATCH_ANY);
  return bad < 0 ? bad : { address: word, value, isPrivate: (flags & FUTEX2_PRIVATE) !== 0 };
}

/** futex_waitv(2): index of a word that was woken; −EAGAIN, −EFAULT, −EINVAL, −ETIMEDOUT. */
function futexWaitVector(
  task: Task,
  address: number,
  count: number,
  flags: number,
  timeout: number,
  clock: number,
): number {
  if (flags !== 0 || !(count > 0 && count <= FUTEX_WAITV_MAX) || address === 0) return -EINVAL;
  if (task.syscallState !== null) return futexWaitMany(task, [], Infinity);
  let deadline = Infinity;
  if (timeout !== 0) {
    deadline = loadDeadline(task, timeout, clock | 0);
    if (deadline < 0) return deadline;
  }
  const words: FutexWord[] = [];
  for (let index = 0; index < count; index++) {
    const word = loadWaiter(task, address + index * FutexWaitv.size);
    if (isErrno(word)) return word;
    words.push(word);
  }
  return futexWaitMany(task, words, deadline);
}

/** futex_requeue: two waiters name the words; what the first holds is compared. */
function futexRequeue2(task: Task, waiters: number, flags: number, wake: number, move: number): number {
  if (flags !== 0 || (wake | 0) < 0 || (move | 0) < 0) return -EINVAL;
  const from = loadWaiter(task, waiters);
  if (isErrno(from)) return from;
  const to = loadWaiter(task, waiters + FutexWaitv.size);
  if (isErrno(to)) return to;
  const now = task.space.loadU32(from.address);
  if (now < 0) return -EFAULT;
  if (now !== from.value) return -EAGAIN;
  const { space } = task;
  const source = keyOf(space, from.address, from.isPrivate);
  const target = keyOf(space, to.address, to.isPrivate);
  const done = futexRequeue(space, source, target, { wake: wake | 0, move: move | 0 });
  return isErrno(done) ? done : done.woken + done.moved;
}

function isRequeueWait(operation: number): boolean {
  return (operation & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) === FUTEX_WAIT_REQUEUE_PI;
}

export const futexCalls: SyscallTable = {
  futex_wait: { run: futexWait2 },
  futex_wake: { run: futexWake2 },
  futex_waitv: { run: futexWaitVector },
  futex_requeue: { run: futexRequeue2 },
  futex: {
    run: futex,
    // A wait that was moved to its mutex: the word has changed meanwhile.
    interrupted: (_task, _address, operation) => (isRequeueWait(operation) ? -EAGAIN : -EINTR),
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
