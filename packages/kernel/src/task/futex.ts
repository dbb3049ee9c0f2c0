/**
 * Futexes (futex(2)). A waiter is keyed by the word's identity: the page of the file or shared memory for a shared
 * mapping, else the address space and the address; with FUTEX_PRIVATE_FLAG always these, as another word (kernel/futex
 * of Linux, get_futex_key). Waiters of one key (`kernel.futexes`) stand in the order they came,
 * real-time tasks first.
 */
import {
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOSYS,
  ETIMEDOUT,
  FUTEX_BITSET_MATCH_ANY,
  FUTEX_OWNER_DIED,
  FUTEX_TID_MASK,
  FUTEX_WAITERS,
  RobustListHead,
} from "@stratos/abi";
import { stateConstant } from "@stratos/base";
import type { AddressSpace } from "../mm/address-space.ts";
import type { Task } from "./task.ts";
import type { TaskObserver } from "./task-observer.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { BLOCKED, BLOCKED_EINTR } from "../ground/wait-queue.ts";
import type { FutexWaiter, MmKernel } from "../mm/mm-kernel.ts";
import { identityOf } from "../ground/identity.ts";

/** The identity of a word: two mappings of one page have one, unless it `isPrivate`. */
export function keyOf(space: AddressSpace, address: number, isPrivate: boolean): string {
  if (isPrivate) return `${identityOf(space.kernel, space)}.${address}`;
  const area = space.areaAt(address);
  if (area?.isShared && area.pages !== null)
    return `${identityOf(space.kernel, area.pages)}+${area.offset + address - area.start}`;
  return `${identityOf(space.kernel, space)}:${address}`;
}

/** @param deadlineNs  monotonic; Infinity: for ever */
export function futexWait(
  task: Task,
  address: number,
  expected: number,
  bitset: number,
  deadlineNs: number,
  isPrivate: boolean,
): number {
  if (bitset === 0) return -EINVAL;
  let wait = stateOf(task, "futex");
  if (wait === null) {
    const value = task.space.loadU32(address);
    if (value < 0) return -EFAULT;
    if (value !== expected) return -EAGAIN;
    wait = { kind: "futex", key: keyOf(task.space, address, isPrivate), bitset, isWoken: false, deadlineNs };
    enqueue(task, wait.key);
    task.syscallState = wait;
  }
  if (wait.isWoken) return 0;
  if (task.kernel.now() >= wait.deadlineNs) {
    forget(task, wait.key);
    return -ETIMEDOUT;
  }
  if (wait.deadlineNs === Infinity) return BLOCKED;
  // A wait with a time limit is never restarted after a handler (signal(7)).
  task.waitUntil(wait.deadlineNs);
  return BLOCKED_EINTR;
}

/** A task, or a request of io_uring(7). */
type Waiting = FutexWaiter & { readonly kernel: Pick<MmKernel, "futexes"> };

export function enqueue(task: Waiting, key: string): void {
  const table = task.kernel.futexes;
  const queue = table.get(key);
  if (queue === undefined) table.set(key, new Set([task]));
  else insert(queue, task);
}

/** Behind those that came before, but real-time tasks stand before others, the most urgent first. */
function insert(queue: Set<FutexWaiter>, task: FutexWaiter): void {
  const behind: FutexWaiter[] = [];
  if (task.realtimePriority > 0)
    for (const other of queue) if (other.realtimePriority < task.realtimePriority) behind.push(other);
  for (const other of behind) queue.delete(other);
  queue.add(task);
  for (const other of behind) queue.add(other);
}

/** A word of futex_waitv(2), and what it is to hold. */
export interface FutexWord {
  readonly address: number;
  readonly value: number;
  readonly isPrivate: boolean;
}

/**
 * Waits for any of several words (futex_waitv(2)); all of them are compared first.
 * @returns the index of a word that was woken
 */
export function futexWaitMany(task: Task, words: readonly FutexWord[], deadlineNs: number): number {
  let wait = stateOf(task, "futexes");
  if (wait === null) {
    for (const { address, value } of words) {
      const now = task.space.loadU32(address);
      if (now < 0) return -EFAULT;
      if (now !== value) return -EAGAIN;
    }
    wait = {
      kind: "futexes",
      keys: words.map(({ address, isPrivate }) => keyOf(task.space, address, isPrivate)),
      woken: -1,
      deadlineNs,
    };
    for (const key of wait.keys) enqueue(task, key);
    task.syscallState = wait;
  }
  const { woken } = wait;
  if (woken >= 0 || task.kernel.now() >= wait.deadlineNs) {
    for (const key of wait.keys) forget(task, key);
    return woken >= 0 ? woken : -ETIMEDOUT;
  }
  if (wait.deadlineNs !== Infinity) task.waitUntil(wait.deadlineNs);
  return BLOCKED_EINTR;
}

export const futexObserver = stateConstant<TaskObserver>("futexObserver", {
  callInterrupted: forgetFutexWait,
  taskEnds: forgetFutexWait,
  leavesMemory: exitRobustList,
});

/**
 * Takes it out of its queue, if it waits for a futex: it ends, or a handler interrupts the call, be it to restart
 * later.
 */
export function forgetFutexWait(waiter: Waiting): void {
  const state = waiter.syscallState;
  if (state?.kind === "futex" || state?.kind === "requeue-pi") forget(waiter, state.key);
  else if (state?.kind === "futexes") for (const key of state.keys) forget(waiter, key);
}

/**
 * Was the task given what it waits for? A handler that comes just then finds the call done: a wake-up that another
 * counts on would be lost, and a mutex locked once more.
 *
 * @returns what the call then returns; −1: no
 */
export function givenByFutex({ syscallState }: Task): number {
  switch (syscallState?.kind) {
    case "futex":
      return syscallState.isWoken ? 0 : -1;
    case "futexes":
      return syscallState.woken;
    case "pi-futex":
      return syscallState.isOwner ? 0 : -1;
    default:
      return -1;
  }
}

export function forget(task: Waiting, key: string): void {
  const table = task.kernel.futexes;
  const queue = table.get(key);
  if (queue?.delete(task) && queue.size === 0) table.delete(key);
}

const WAITS_FOR_OTHERS = 0,
  WOKEN = 1,
  HAS_LEFT = 2,
  WANTS_MUTEX = 3;

/**
 * Tells who stands in a word's queue that it was woken.
 *
 * @param bitset  what the waker and it must have in common
 * @returns WOKEN, WAITS_FOR_OTHERS (the bitsets have nothing in common), HAS_LEFT (it waits for the word no longer),
 *   WANTS_MUTEX (only requeue-pi.ts wakes it)
 */
function tellWoken({ state, syscallState }: FutexWaiter, key: string, bitset: number): number {
  if (state === "X" || state === "Z") return HAS_LEFT;
  if (syscallState?.kind === "futex" && syscallState.key === key) {
    if ((syscallState.bitset & bitset) === 0) return WAITS_FOR_OTHERS;
    syscallState.isWoken = true;
    return WOKEN;
  }
  if (syscallState?.kind === "requeue-pi" && syscallState.key === key) return WANTS_MUTEX;
  if (syscallState?.kind !== "futexes") return HAS_LEFT;
  const index = syscallState.keys.indexOf(key);
  if (index < 0) return HAS_LEFT;
  // The same word may stand there again.
  syscallState.keys[index] = "";
  if (syscallState.woken < 0 || index < syscallState.woken) syscallState.woken = index;
  return WOKEN;
}

/** Of the words that it waits for, is this another time one? Each counts for itself. */
function standsAgain({ syscallState }: FutexWaiter, key: string): boolean {
  return syscallState?.kind === "futexes" && syscallState.keys.includes(key);
}

/** @returns how many were woken; −EINVAL where one wants a mutex with priority inheritance */
export function futexWake(
  space: AddressSpace,
  address: number,
  count: number,
  bitset: number,
  isPrivate: boolean,
): number {
  const { futexes } = space.kernel;
  return futexes.size === 0 ? 0 : wake(space, keyOf(space, address, isPrivate), count, bitset);
}

function wake(space: AddressSpace, key: string, count: number, bitset: number): number {
  const table = space.kernel.futexes;
  const queue = table.get(key);
  if (queue === undefined) return 0;
  let woken = 0;
  // Linux counts once it has woken one (futex_wake).
  const most = Math.max(1, count);
  for (const waiter of queue) {
    const told = tellWoken(waiter, key, bitset);
    if (told === WANTS_MUTEX) return -EINVAL;
    if (told === WAITS_FOR_OTHERS) continue;
    if (told === HAS_LEFT || !standsAgain(waiter, key)) queue.delete(waiter);
    if (told === HAS_LEFT) continue;
    waiter.endWait("queue");
    if (++woken >= most) break;
  }
  if (queue.size === 0) table.delete(key);
  space.kernel.work.charge(woken >> 5);
  return woken;
}

/**
 * Wakes some and moves some of the others to another word; −EINVAL as for futexWake.
 *
 * @param source, target  identities of the words
 */
export function futexRequeue(
  space: AddressSpace,
  source: string,
  target: string,
  limits: { wake: number; move: number },
): { woken: number; moved: number } | number {
  const woken = limits.wake === 0 ? 0 : wake(space, source, limits.wake, 0xffffffff);
  if (woken < 0) return woken;
  const table = space.kernel.futexes;
  const queue = table.get(source);
  let moved = 0;
  if (queue !== undefined && source !== target) {
    let other = table.get(target);
    if (other === undefined) table.set(target, (other = new Set()));
    for (const waiter of queue) {
      if (moved >= limits.move) break;
      if (stateOf(waiter, "requeue-pi")?.key === source) return -EINVAL;
      const isMoved = waitElsewhere(waiter, source, target);
      if (!standsAgain(waiter, source)) queue.delete(waiter);
      if (!isMoved) continue;
      insert(other, waiter);
      moved++;
    }
    if (queue.size === 0) table.delete(source);
    if (other.size === 0) table.delete(target);
    space.kernel.work.charge(moved >> 5);
  }
  return { woken, moved };
}

/** @returns false: it waits for the first word no longer */
function waitElsewhere({ syscallState }: FutexWaiter, from: string, to: string): boolean {
  if (syscallState?.kind === "futex" && syscallState.key === from) {
    syscallState.key = to;
    return true;
  }
  const index = syscallState?.kind === "futexes" ? syscallState.keys.indexOf(from) : -1;
  if (index >= 0) (syscallState as StateOf<"futexes">).keys[index] = to;
  return index >= 0;
}

/** FUTEX_WAKE_OP: changes the second word, wakes on the first, and on the second if its old value compares. */
export function futexWakeOp(
  space: AddressSpace,
  first: number,
  second: number,
  counts: { first: number; second: number },
  encoded: number,
  isPrivate: boolean,
): number {
  const old = space.loadU32(second);
  if (old < 0) return -EFAULT;
  const operation = (encoded >>> 28) & 15;
  const comparison = (encoded >>> 24) & 15;
  let argument = (encoded << 8) >> 20;
  const against = (encoded << 20) >> 20;
  if ((operation & 8) !== 0) argument = 1 << (argument & 31);
  let value: number;
  switch (operation & 7) {
    case 0:
      value = argument;
      break;
    case 1:
      value = (old + argument) | 0;
      break;
    case 2:
      value = old | argument;
      break;
    case 3:
      value = old & ~argument;
      break;
    case 4:
      value = old ^ argument;
      break;
    default:
      return -ENOSYS;
  }
  if (space.storeU32(second, value >>> 0) < 0) return -EFAULT;
  const signed = old | 0;
  let holds: boolean;
  switch (comparison) {
    case 0:
      holds = signed === against;
      break;
    case 1:
      holds = signed !== against;
      break;
    case 2:
      holds = signed < against;
      break;
    case 3:
      holds = signed <= against;
      break;
    case 4:
      holds = signed > against;
      break;
    case 5:
      holds = signed >= against;
      break;
    default:
      return -ENOSYS;
  }
  const woken = futexWake(space, first, counts.first, FUTEX_BITSET_MATCH_ANY, isPrivate);
  if (woken < 0 || !holds) return woken;
  const others = futexWake(space, second, counts.second, FUTEX_BITSET_MATCH_ANY, isPrivate);
  return others < 0 ? others : woken + others;
}

/**
 * Marks the robust mutexes that a thread holds which ends or starts a program, and wakes a waiter of each
 * (set_robust_list(2); exit_robust_list in Linux's kernel/futex/core.c). The list is in user memory, so it may be wrong
 * or circular: at most 2048 entries are looked at, as in Linux, and no more once they have faulted in as many pages as
 * a call may; what a thread has locked it has touched.
 */
function exitRobustList(task: Task): void {
  const head = task.robustList;
  if (head === 0 || task.space.users === 0) return;
  task.robustList = 0;
  const { space } = task;
  let entry = space.loadU64(head + RobustListHead.offset.list);
  // A small signed distance from a list entry to its futex word.
  const offset = space.loadU32(head + RobustListHead.offset.futex_offset);
  const pending = space.loadU64(head + RobustListHead.offset.list_op_pending);
  if (entry < 0 || offset < 0 || pending < 0) return;
  const signedOffset = offset | 0;
  const { work } = task.kernel;
  const most = work.spent + work.limit;
  // The lowest bit of an entry's address says that its word inherits priorities.
  for (let count = 0; entry - (entry % 2) !== head && count < 2048 && work.spent < most; count++) {
    const at = entry - (entry % 2);
    const next = space.loadU64(at);
    if (at !== pending - (pending % 2) && !handleDeath(task, at + signedOffset, entry % 2 === 1, false)) return;
    if (next < 0) return;
    entry = next;
  }
  if (pending > 0) handleDeath(task, pending - (pending % 2) + signedOffset, pending % 2 === 1, true);
}

/** @param isPending  the thread was about to lock or unlock it. Returns false when there is no such word. */
function handleDeath(task: Task, address: number, isPi: boolean, isPending: boolean): boolean {
  const { space } = task;
  const value = address % 4 === 0 ? space.loadU32(address) : -EFAULT;
  if (value < 0) return false;
  const owner = value & FUTEX_TID_MASK;
  // Unlocked already, but nobody woken: who waits must look at it again.
  if (isPending && !isPi && owner === 0) futexWake(space, address, 1, FUTEX_BITSET_MATCH_ANY, false);
  if (owner !== task.ownTid) return true;
  if (space.storeU32(address, ((value & FUTEX_WAITERS) | FUTEX_OWNER_DIED) >>> 0) < 0) return false;
  // Waiters of one with inheritance are woken by who hands it over (pi-futex.ts).
  if (!isPi && (value & FUTEX_WAITERS) !== 0) futexWake(space, address, 1, FUTEX_BITSET_MATCH_ANY, false);
  return true;
}
