/**
 * What is done with a set of semaphores: operations, all at once or none, and what waits and has become possible. Read
 * first: semaphores.ts.
 */
import {
  EACCES,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOMEM,
  ERANGE,
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  IPC_NOWAIT,
  SEMVMX,
  SEM_UNDO,
  SETALL,
  SETVAL,
} from "@stratos/abi";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { served } from "../ground/wait-queue.ts";
import type { IpcCaller, IpcKernel, UndoList } from "./ipc-kernel.ts";
import { ALTER, type IpcObject, READ } from "./ipc-table.ts";

type Wait = StateOf<"semop">;

/** A set, with what its semaphores have (semaphores.ts). */
interface WaitedSet extends IpcObject {
  readonly values: Int32Array;
  readonly pids: Int32Array;
  operatedAt: number;
  readonly waits: Set<IpcCaller>;
  readonly undo: Map<UndoList, Int32Array>;
}

/** @returns 0 when all were done; −ENOMEM, −ERANGE, or 1 + the operation that must wait: then nothing was changed */
export function perform(task: IpcCaller, set: WaitedSet, operations: Wait["operations"]): number {
  const { values } = set;
  const isUndone = operations.some((operation) => (operation.flags & SEM_UNDO) !== 0);
  task.semaphoreUndo.isMade ||= isUndone;
  const noted = set.undo.get(task.semaphoreUndo);
  const adjustments = isUndone ? (noted ?? new Int32Array(values.length)) : null;
  let at = 0,
    result = 0;
  for (; at < operations.length && result === 0; at++) {
    const { index, change, flags } = operations[at]!;
    const value = values[index]! + change;
    const adjustment = (flags & SEM_UNDO) === 0 ? 0 : adjustments![index]! - change;
    if (change === 0 ? value !== 0 : value < 0) result = at + 1;
    else if (value > SEMVMX || adjustment < -SEMVMX - 1 || adjustment > SEMVMX) result = -ERANGE;
    else {
      values[index] = value;
      if ((flags & SEM_UNDO) !== 0) adjustments![index] = adjustment;
      continue;
    }
    break;
  }
  if (result === 0 && adjustments !== null && noted === undefined) {
    if (task.kernel.ipcMemory.take(set, adjustments.byteLength)) set.undo.set(task.semaphoreUndo, adjustments);
    else result = -ENOMEM;
  }
  if (result !== 0) {
    while (--at >= 0) {
      const { index, change, flags } = operations[at]!;
      values[index]! -= change;
      if ((flags & SEM_UNDO) !== 0) adjustments![index]! += change;
    }
    return result;
  }
  for (const { index } of operations) set.pids[index] = task.pid;
  set.operatedAt = task.kernel.realtime().seconds;
  return 0;
}

/** Which operation it is that must wait. */
export function noteBlocked(set: WaitedSet, wait: Wait, at: number): Wait["operations"][number] {
  const operation = wait.operations[at]!;
  wait.blockedBy = at;
  wait.blockedAt = set.values[operation.index]!;
  return operation;
}

export function alters(wait: Wait): boolean {
  return wait.operations.some((operation) => operation.change !== 0);
}

/** What it waits with, unless a signal or an end took it away. */
function waitOf(set: WaitedSet, task: IpcCaller): Wait | null {
  const wait = stateOf(task, "semop");
  return wait?.set === set.identity && !wait.isDone && task.state !== "X" && task.state !== "Z" ? wait : null;
}

/**
 * Does what waits and is possible now that values have changed: first of those that wait for zeros alone, then of the
 * others, each time from the beginning (Linux ipc/sem.c, do_smart_update). Beyond the work of a call, which the number
 * of waiters bounds no more, the others are woken to look for themselves.
 */
export function serveWaits(set: WaitedSet, { work }: IpcKernel): void {
  while (set.waits.size > 0) {
    if (work.isUsed) return set.queue.wakeAll();
    work.charge(1 + (set.waits.size >> 6));
    if (!serveOnce(set, false, work) && !serveOnce(set, true, work)) return;
  }
}

/** @returns whether values have changed */
function serveOnce(set: WaitedSet, isAltering: boolean, work: IpcKernel["work"]): boolean {
  for (const task of set.waits) {
    const wait = waitOf(set, task);
    if (wait === null) {
      set.waits.delete(task);
      continue;
    }
    // Of a wait for one value, nothing else can have changed what it must wait for.
    const { index } = wait.operations[wait.blockedBy]!;
    if (set.values[index] === wait.blockedAt || alters(wait) !== isAltering) continue;
    work.charge(1 + (wait.operations.length >> 5));
    let result = perform(task, set, wait.operations);
    if (result > 0) {
      if ((noteBlocked(set, wait, result - 1).flags & IPC_NOWAIT) === 0) continue;
      result = -EAGAIN;
    }
    set.waits.delete(task);
    wait.isDone = true;
    wait.result = result;
    served(task);
    if (result === 0 && isAltering) return true;
  }
  return false;
}

export function transferAll(task: IpcCaller, set: WaitedSet, command: number, address: number): number {
  if (!set.permits(task.credentials, command === SETALL ? ALTER : READ)) return -EACCES;
  if (command === GETALL) {
    const values = Uint16Array.from(set.values);
    return task.space.copyOut(address, new Uint8Array(values.buffer), 0, values.byteLength) < 0 ? -EFAULT : 0;
  }
  const values = new Uint16Array(set.values.length);
  if (task.space.copyIn(address, new Uint8Array(values.buffer), 0, values.byteLength) < 0) return -EFAULT;
  if (values.some((value) => value > SEMVMX)) return -ERANGE;
  set.values.set(values);
  set.pids.fill(task.pid);
  for (const changes of set.undo.values()) task.kernel.ipcMemory.give(set, changes.byteLength);
  set.undo.clear();
  valuesWereSet(task, set);
  return 0;
}

export function controlOne(task: IpcCaller, set: WaitedSet, index: number, command: number, value: number): number {
  const isThere = index >= 0 && index < set.values.length;
  // Who sets one is told of its number first (ipc/sem.c, semctl_setval and semctl_main).
  if (command === SETVAL && !isThere) return -EINVAL;
  if (!set.permits(task.credentials, command === SETVAL ? ALTER : READ)) return -EACCES;
  if (!isThere) return -EINVAL;
  switch (command) {
    case GETPID:
      return task.group.pidNamespace.idOf(set.pids[index]!);
    case GETVAL:
      return set.values[index]!;
    case GETNCNT:
      return countWaits(set, (operation) => operation.index === index && operation.change < 0);
    case GETZCNT:
      return countWaits(set, (operation) => operation.index === index && operation.change === 0);
    default:
      set.values[index] = value;
      set.pids[index] = task.pid;
      for (const changes of set.undo.values()) changes[index] = 0;
      valuesWereSet(task, set);
      return 0;
  }
}

function valuesWereSet(task: IpcCaller, set: WaitedSet): void {
  set.changedAt = task.kernel.realtime().seconds;
  serveWaits(set, task.kernel);
}

function countWaits(set: WaitedSet, matches: (operation: Wait["operations"][number]) => boolean): number {
  let count = 0;
  for (const task of set.waits) {
    const wait = waitOf(set, task);
    if (wait === null) set.waits.delete(task);
    else if (matches(wait.operations[wait.blockedBy]!)) count++;
  }
  return count;
}
