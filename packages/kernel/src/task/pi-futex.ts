/**
 * Futexes with priority inheritance (futex(2), "Priority-inheritance futexes"): the word holds its owner's thread id,
 * the kernel hands it from owner to owner, and whoever holds it runs with the highest priority of those that wait. Read
 * first: futex.ts.
 *
 * As one call runs at a time, taking the word and joining the queue is one step; nobody sees what is between.
 *
 * A program may write anything into its word. While somebody waits, the kernel's record says who the owner is, and a
 * word that names another is refused (attach_to_pi_state in Linux's kernel/futex/pi.c). Each waiter has one word and
 * each word one owner, and nobody joins behind itself or becomes an owner while it waits: so no chain is a circle.
 */
import {
  EAGAIN,
  EDEADLK,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  ETIMEDOUT,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  isErrno,
} from "@stratos/abi";
import { assert, stateConstant } from "@stratos/base";
import { keyOf } from "./futex.ts";
import type { PiFutex } from "./kernel-state.ts";
import type { Task } from "./task.ts";
import type { TaskObserver } from "./task-observer.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { BLOCKED_RESTART } from "../ground/wait-queue.ts";

/** FUTEX_LOCK_PI and FUTEX_LOCK_PI2: 0; −EDEADLK, −EFAULT, −EINVAL, −ESRCH, −ETIMEDOUT. */
export function piLock(task: Task, address: number, deadlineNs: number, isPrivate: boolean): number {
  if (stateOf(task, "pi-futex") === null) {
    const key = keyOf(task.space, address, isPrivate);
    const taken = take(task, address, key);
    if (taken !== MUST_WAIT) return taken;
    const wait = join(task, address, key, deadlineNs);
    if (isErrno(wait)) return wait;
  }
  return piWait(task, BLOCKED_RESTART);
}

/** FUTEX_TRYLOCK_PI: 0; −EAGAIN when another holds it, and as for piLock. */
export function piTryLock(task: Task, address: number, isPrivate: boolean): number {
  const taken = take(task, address, keyOf(task.space, address, isPrivate));
  return taken === MUST_WAIT ? -EAGAIN : taken;
}

/**
 * For a task that waits: makes it the owner, or queues it.
 *
 * @param key  identity of the word
 * @param othersFollow  the word tells at once that others wait
 * @returns 0: the mutex is its own; MUST_WAIT; or as piLock, and then it waits as before
 */
export function piLockFor(
  waiter: Task,
  { address, key }: { readonly address: number; readonly key: string },
  deadlineNs: number,
  othersFollow: boolean,
): number {
  const { space } = waiter;
  const taken = take(waiter, address, key);
  if (taken < 0) return taken;
  if (taken === MUST_WAIT) {
    const wait = join(waiter, address, key, deadlineNs);
    return isErrno(wait) ? wait : MUST_WAIT;
  }
  if (othersFollow) space.storeU32(address, (space.loadU32(address) | FUTEX_WAITERS) >>> 0);
  waiter.syscallState = { kind: "pi-futex", key, address, isOwner: true, deadlineNs };
  return 0;
}

export const MUST_WAIT = 1;

/** Makes the task the owner if there is none: 0, MUST_WAIT, −EDEADLK, −EFAULT, −EINVAL when it names another. */
function take(task: Task, address: number, key: string): number {
  const { space } = task;
  const value = space.loadU32(address);
  if (value < 0) return -EFAULT;
  const owner = value & FUTEX_TID_MASK;
  if (owner === task.ownTid) return -EDEADLK;
  const present = task.kernel.piFutexes.get(key);
  if (present !== undefined) return present.owner === namedBy(task, value) ? MUST_WAIT : -EINVAL;
  if (owner !== 0) return MUST_WAIT;
  // A dead owner's mark stays: the next one is told (pthread_mutex_lock(3), EOWNERDEAD).
  return space.storeU32(address, ((value & FUTEX_OWNER_DIED) | task.ownTid) >>> 0) < 0 ? -EFAULT : 0;
}

/** The task whose number the word holds. */
function namedBy(task: Task, value: number): Task | undefined {
  return task.kernel.tasks.taskIn(task.group.pidNamespace, value & FUTEX_TID_MASK);
}

/** Queues the task behind the owner that the word names, who inherits its priority. */
function join(task: Task, address: number, key: string, deadlineNs: number): StateOf<"pi-futex"> | number {
  const { space } = task;
  const value = space.loadU32(address);
  if (value < 0) return -EFAULT;
  const table = task.kernel.piFutexes;
  const owner = namedBy(task, value);
  if (owner === undefined || owner.state === "X" || owner.state === "Z") return -ESRCH;
  let depth = 0;
  for (let holder: Task | undefined = owner; holder !== undefined; holder = ownerOfAwaited(holder))
    if (holder === task || ++depth > CHAIN_MAX) return -EDEADLK;
  if (space.storeU32(address, (value | FUTEX_WAITERS) >>> 0) < 0) return -EFAULT;
  const present = table.get(key);
  if (present === undefined) table.set(key, { owner, waiters: [task] });
  else present.waiters.push(task);
  const wait: StateOf<"pi-futex"> = { kind: "pi-futex", key, address, isOwner: false, deadlineNs };
  task.syscallState = wait;
  inherit(owner);
  return wait;
}

/** Owners that follow upon each other; more are refused (max_lock_depth in Linux's kernel/locking/rtmutex_api.c). */
const CHAIN_MAX = 1024;

/** The word that a task waits for. */
function awaitedBy(task: Task): PiFutex | undefined {
  const wait = stateOf(task, "pi-futex");
  return wait?.isOwner === false ? task.kernel.piFutexes.get(wait.key) : undefined;
}

function ownerOfAwaited(task: Task): Task | undefined {
  return awaitedBy(task)?.owner;
}

/** Goes on with the wait that the task has begun. @param blocked  what a handler does to it: BLOCKED_… */
export function piWait(task: Task, blocked: number): number {
  const wait = stateOf(task, "pi-futex")!;
  if (wait.isOwner) return 0;
  if (task.kernel.now() >= wait.deadlineNs) {
    leave(task, wait.key);
    return -ETIMEDOUT;
  }
  if (wait.deadlineNs !== Infinity) task.waitUntil(wait.deadlineNs);
  return blocked;
}

function leave(task: Task, key: string): void {
  const table = task.kernel.piFutexes;
  const futex = table.get(key);
  const at = futex?.waiters.indexOf(task) ?? -1;
  if (futex === undefined || at < 0) return;
  futex.waiters.splice(at, 1);
  if (futex.waiters.length === 0) table.delete(key);
  inherit(futex.owner);
}

export const piFutexObserver = stateConstant<TaskObserver>("piFutexObserver", {
  callInterrupted: forgetPiWait,
  taskEnds: forgetPiWait,
  leavesMemory: releasePiFutexes,
});

/** A task that waits for a PI futex ends, or a handler interrupts it. */
function forgetPiWait(task: Task): void {
  const wait = stateOf(task, "pi-futex");
  if (wait?.isOwner === false) leave(task, wait.key);
}

/** FUTEX_UNLOCK_PI: 0; −EFAULT, −EPERM when the word names another than the caller, −EINVAL when it lies. */
export function piUnlock(task: Task, address: number, isPrivate: boolean): number {
  const value = task.space.loadU32(address);
  if (value < 0) return -EFAULT;
  if ((value & FUTEX_TID_MASK) !== task.ownTid) return -EPERM;
  const key = keyOf(task.space, address, isPrivate);
  const futex = task.kernel.piFutexes.get(key);
  if (futex === undefined) return task.space.storeU32(address, 0) < 0 ? -EFAULT : 0;
  if (futex.owner !== task) return -EINVAL;
  return handOver(task, { key, futex }, 0);
}

/**
 * The word goes to the waiter of the highest priority, the one that waited longest among equals. @param mark
 * FUTEX_OWNER_DIED or 0
 */
function handOver(from: Task, { key, futex }: { key: string; futex: PiFutex }, mark: number): number {
  const { waiters } = futex;
  let best = waiters[0]!;
  for (const waiter of waiters) if (waiter.effectivePriority > best.effectivePriority) best = waiter;
  waiters.splice(waiters.indexOf(best), 1);
  if (waiters.length === 0) from.kernel.piFutexes.delete(key);
  const wait = stateOf(best, "pi-futex");
  assert(wait !== null, "who stands in a word's queue waits for it");
  const stored = best.space.storeU32(
    wait.address,
    (best.ownTid | mark | (waiters.length > 0 ? FUTEX_WAITERS : 0)) >>> 0,
  );
  futex.owner = best;
  wait.isOwner = true;
  inherit(from);
  inherit(best);
  best.endWait("queue");
  return stored < 0 ? -EFAULT : 0;
}

/**
 * A task ends or starts a program: what it owns goes on to who waits for it, marked (exit_pi_state_list in Linux's
 * kernel/futex/pi.c).
 */
function releasePiFutexes(task: Task): void {
  for (const [key, futex] of [...task.kernel.piFutexes])
    if (futex.owner === task) handOver(task, { key, futex }, FUTEX_OWNER_DIED);
}

/**
 * Priority of a task: its own, or that of the most urgent one which waits for something it owns. Follows chains of
 * owners.
 */
export function inherit(task: Task): void {
  const table = task.kernel.piFutexes;
  let next: Task | undefined = task;
  // Chains that join one after the other may be longer together: beyond CHAIN_MAX nobody inherits.
  for (let depth = 0; next !== undefined && depth < CHAIN_MAX; depth++) {
    let priority = next.realtimePriority;
    for (const { owner, waiters } of table.values())
      if (owner === next) for (const waiter of waiters) priority = Math.max(priority, waiter.effectivePriority);
    if (priority === next.effectivePriority) return;
    next.effectivePriority = priority;
    next.kernel.scheduler.reorder(next);
    next = ownerOfAwaited(next);
  }
}
