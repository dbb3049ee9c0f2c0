/**
 * Futexes with priority inheritance (futex(2), "Priority-inheritance futexes"): the word holds its owner's thread id,
 * the kernel hands it from owner to owner, and whoever holds it runs with the highest priority of those that wait. Read
 * first: futex.ts.
 *
 * As one call runs at a time, taking the word and joining the queue is one step; nobody sees what is between.
 */
import {
  EAGAIN,
  EDEADLK,
  EFAULT,
  EPERM,
  ESRCH,
  ETIMEDOUT,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  isErrno,
} from "@stratos/abi";
import { stateConstant } from "@stratos/base";
import type { AddressSpace } from "../mm/address-space.ts";
import { keyOf } from "./futex.ts";
import type { Task } from "./task.ts";
import type { TaskObserver } from "./task-observer.ts";
import { BLOCKED_RESTART, WaitQueue, type CallState } from "../ground/wait-queue.ts";

/** Who waits for a word with an owner (`kernel.piFutexes`). */
export interface PiWaiter extends CallState {
  readonly kind: "pi-futex";
  task: Task;
  key: string;
  space: AddressSpace;
  address: number;
  owner: Task;
  isOwner: boolean;
  queue: WaitQueue;
  deadlineNs: number;
}

/** FUTEX_LOCK_PI and FUTEX_LOCK_PI2: 0; −EDEADLK, −EFAULT, −ESRCH, −ETIMEDOUT. */
export function piLock(task: Task, address: number, deadlineNs: number): number {
  const known = task.syscallState as PiWaiter | null;
  if (known !== null) return goOn(task, known);
  const taken = take(task, address);
  if (taken !== NOT_FREE) return taken;
  const waiter = join(task, address, deadlineNs);
  if (isErrno(waiter)) return waiter;
  task.syscallState = waiter;
  return goOn(task, waiter);
}

/** FUTEX_TRYLOCK_PI: 0; −EAGAIN when another holds it, and as for piLock. */
export function piTryLock(task: Task, address: number): number {
  const taken = take(task, address);
  return taken === NOT_FREE ? -EAGAIN : taken;
}

const NOT_FREE = 1;

/** Makes the task the owner if there is none: 0, NOT_FREE, −EDEADLK, −EFAULT. */
function take(task: Task, address: number): number {
  const { space } = task;
  const value = space.loadU32(address);
  if (value < 0) return -EFAULT;
  const owner = value & FUTEX_TID_MASK;
  if (owner === task.ownTid) return -EDEADLK;
  if (owner !== 0 || task.kernel.piFutexes.has(keyOf(space, address))) return NOT_FREE;
  // A dead owner's mark stays: the next one is told (pthread_mutex_lock(3), EOWNERDEAD).
  return space.storeU32(address, ((value & FUTEX_OWNER_DIED) | task.ownTid) >>> 0) < 0 ? -EFAULT : 0;
}

/** Queues the task behind the owner, who inherits its priority. */
function join(task: Task, address: number, deadlineNs: number): PiWaiter | number {
  const { space } = task;
  const value = space.loadU32(address);
  if (value < 0) return -EFAULT;
  const key = keyOf(space, address);
  const table = task.kernel.piFutexes;
  const others = table.get(key);
  const owner = task.kernel.tasks.taskIn(task.group.pidNamespace, value & FUTEX_TID_MASK);
  if (owner === undefined || owner.state === "X" || owner.state === "Z") return -ESRCH;
  for (let holder: Task | undefined = owner; holder !== undefined;) {
    if (holder === task) return -EDEADLK;
    const blockedOn: PiWaiter | null = waitOf(holder);
    holder = blockedOn?.owner;
  }
  if (space.storeU32(address, (value | FUTEX_WAITERS) >>> 0) < 0) return -EFAULT;
  const waiter: PiWaiter = {
    kind: "pi-futex",
    task,
    key,
    space,
    address,
    owner,
    isOwner: false,
    queue: new WaitQueue(),
    deadlineNs,
  };
  if (others === undefined) table.set(key, [waiter]);
  else others.push(waiter);
  inherit(owner);
  return waiter;
}

/** The PI futex that a task waits for. */
function waitOf(task: Task): PiWaiter | null {
  const state = task.syscallState?.kind === "pi-futex" ? (task.syscallState as PiWaiter) : null;
  return state?.isOwner === false ? state : null;
}

function goOn(task: Task, waiter: PiWaiter): number {
  if (waiter.isOwner) return 0;
  if (task.kernel.now() >= waiter.deadlineNs) {
    leave(waiter);
    return -ETIMEDOUT;
  }
  task.waitOn(waiter.queue);
  if (waiter.deadlineNs !== Infinity) task.waitUntil(waiter.deadlineNs);
  return BLOCKED_RESTART;
}

function leave(waiter: PiWaiter): void {
  const table = waiter.task.kernel.piFutexes;
  const list = table.get(waiter.key);
  const at = list?.indexOf(waiter) ?? -1;
  if (list === undefined || at < 0) return;
  list.splice(at, 1);
  if (list.length === 0) table.delete(waiter.key);
  inherit(waiter.owner);
}

export const piFutexObserver = stateConstant<TaskObserver>("piFutexObserver", {
  callInterrupted: forgetPiWait,
  taskEnds(task) {
    forgetPiWait(task);
    releasePiFutexes(task);
  },
});

/** A task that waits for a PI futex ends, or a handler interrupts it. */
function forgetPiWait(task: Task): void {
  const waiter = waitOf(task);
  if (waiter !== null) leave(waiter);
}

/**
 * Was the task given what it waits for? A handler that comes just then finds the call done (it must not lock once
 * more).
 */
export function ownsPiFutex(task: Task): boolean {
  return task.syscallState?.kind === "pi-futex" && (task.syscallState as PiWaiter).isOwner;
}

/** FUTEX_UNLOCK_PI: 0; −EFAULT, −EPERM when the caller isn't the owner. */
export function piUnlock(task: Task, address: number): number {
  const value = task.space.loadU32(address);
  if (value < 0) return -EFAULT;
  if ((value & FUTEX_TID_MASK) !== task.ownTid) return -EPERM;
  const list = task.kernel.piFutexes.get(keyOf(task.space, address));
  if (list === undefined) return task.space.storeU32(address, 0) < 0 ? -EFAULT : 0;
  return handOver(task, list, 0);
}

/**
 * The word goes to the waiter of the highest priority, the one that waited longest among equals. @param mark
 * FUTEX_OWNER_DIED or 0
 */
function handOver(from: Task, list: PiWaiter[], mark: number): number {
  let best = list[0]!;
  for (const waiter of list) if (waiter.task.effectivePriority > best.task.effectivePriority) best = waiter;
  list.splice(list.indexOf(best), 1);
  if (list.length === 0) from.kernel.piFutexes.delete(best.key);
  const stored = best.space.storeU32(
    best.address,
    (best.task.ownTid | mark | (list.length > 0 ? FUTEX_WAITERS : 0)) >>> 0,
  );
  for (const waiter of list) waiter.owner = best.task;
  best.isOwner = true;
  inherit(from);
  inherit(best.task);
  best.queue.wakeAll();
  return stored < 0 ? -EFAULT : 0;
}

/** A task ends: what it owns goes on to who waits for it, marked (exit_pi_state_list in Linux's kernel/futex/pi.c). */
function releasePiFutexes(task: Task): void {
  for (const list of [...task.kernel.piFutexes.values()])
    if (list[0]?.owner === task) handOver(task, list, FUTEX_OWNER_DIED);
}

const CHAIN_MAX = 1024;

/**
 * Priority of a task: its own, or that of the most urgent one which waits for something it owns. Follows chains of
 * owners.
 */
export function inherit(task: Task): void {
  const table = task.kernel.piFutexes;
  let next: Task | undefined = task;
  // A chain has no cycles (join refuses them); beyond CHAIN_MAX nobody inherits, as Linux follows none further
  // (max_lock_depth).
  for (let depth = 0; next !== undefined && depth < CHAIN_MAX; depth++) {
    let priority = next.realtimePriority;
    for (const list of table.values())
      if (list[0]!.owner === next)
        for (const waiter of list) priority = Math.max(priority, waiter.task.effectivePriority);
    if (priority === next.effectivePriority) return;
    next.effectivePriority = priority;
    next.kernel.scheduler.reorder(next);
    next = waitOf(next)?.owner;
  }
}
