/**
 * Condition variables of mutexes with priority inheritance (futex(2), FUTEX_WAIT_REQUEUE_PI, FUTEX_CMP_REQUEUE_PI): who
 * waits for the one word says which mutex it wants to have then, and is moved to that one's queue, or is given it, by
 * who signals. Read first: futex.ts, pi-futex.ts.
 */
import { EAGAIN, EFAULT, EINVAL, ETIMEDOUT } from "@stratos/abi";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED_EINTR, BLOCKED_RESTART } from "../ground/wait-queue.ts";
import { enqueue, forget, keyOf } from "./futex.ts";
import { MUST_WAIT, piLockFor, piWait } from "./pi-futex.ts";
import type { Task } from "./task.ts";

/**
 * FUTEX_WAIT_REQUEUE_PI: 0 when the caller owns the mutex; −EAGAIN, −EFAULT, −EINVAL, −ETIMEDOUT. A handler that comes
 * once it was moved ends the call with −EAGAIN: the word has changed.
 */
export function waitRequeuePi(
  task: Task,
  address: number,
  expected: number,
  mutex: number,
  deadlineNs: number,
  isPrivate: boolean,
): number {
  if (stateOf(task, "pi-futex") !== null) return piWait(task, BLOCKED_EINTR);
  let wait = stateOf(task, "requeue-pi");
  if (wait === null) {
    const { space } = task;
    if (address === mutex || mutex % 4 !== 0) return -EINVAL;
    const value = space.loadU32(address);
    if (value < 0 || space.loadU32(mutex) < 0) return -EFAULT;
    if (value !== expected) return -EAGAIN;
    const [key, mutexKey] = [keyOf(space, address, isPrivate), keyOf(space, mutex, isPrivate)];
    if (key === mutexKey) return -EINVAL;
    wait = { kind: "requeue-pi", key, mutex, mutexKey, deadlineNs };
    enqueue(task, key);
    task.syscallState = wait;
  }
  if (task.kernel.now() >= wait.deadlineNs) {
    forget(task, wait.key);
    return -ETIMEDOUT;
  }
  if (wait.deadlineNs !== Infinity) task.waitUntil(wait.deadlineNs);
  return BLOCKED_RESTART;
}

/**
 * FUTEX_CMP_REQUEUE_PI: the first waiter is given the mutex if that is free, up to `most` others queue for it.
 *
 * @returns how many were moved or given it; −EAGAIN, −EFAULT, −EINVAL where one waits otherwise or for another mutex,
 *   and as for piLock
 */
export function requeuePi(
  { kernel, space }: Task,
  address: number,
  mutex: number,
  most: number,
  expected: number,
  isPrivate: boolean,
): number {
  if (mutex % 4 !== 0) return -EINVAL;
  const value = space.loadU32(address);
  if (value < 0 || space.loadU32(mutex) < 0) return -EFAULT;
  const [key, mutexKey] = [keyOf(space, address, isPrivate), keyOf(space, mutex, isPrivate)];
  if (key === mutexKey) return -EINVAL;
  if (value !== expected) return -EAGAIN;
  let count = 0;
  for (const each of [...(kernel.futexes.get(key) ?? [])]) {
    if (count > most) break;
    const wait = stateOf(each, "requeue-pi");
    if (wait?.mutexKey !== mutexKey) return -EINVAL;
    // Only tasks wait so.
    const waiter = each as Task;
    const taken = piLockFor(waiter, { address: wait.mutex, key: mutexKey }, wait.deadlineNs, most > 0);
    if (taken < 0) return taken;
    forget(waiter, key);
    count++;
    if (taken === MUST_WAIT) waiter.blockedKind = BLOCKED_EINTR;
    else waiter.endWait("queue");
  }
  return count;
}
