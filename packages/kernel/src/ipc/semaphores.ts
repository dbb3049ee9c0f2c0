/**
 * System V semaphores: semget(2), semop(2), semctl(2). What waits is done by whoever makes it possible, in the order of
 * arrival, so that nothing which happens to the set before the waiters run takes it from them (`serveWaits`). Read
 * first: ipc-table.ts.
 */
import type { UserNamespace } from "../security/user-namespace.ts";
import {
  E2BIG,
  EACCES,
  EAGAIN,
  EFAULT,
  EFBIG,
  EINVAL,
  EPERM,
  ENOMEM,
  ERANGE,
  GETALL,
  GETNCNT,
  GETPID,
  GETVAL,
  GETZCNT,
  IPC_INFO,
  IPC_NOWAIT,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  SEMMNI,
  SEMMNS,
  SEMMSL,
  SEMOPM,
  SEMUSZ,
  SEMVMX,
  SEM_INFO,
  SEM_STAT,
  SEM_STAT_ANY,
  SEM_UNDO,
  SETALL,
  SETVAL,
  Sembuf,
  SemidDs,
  Seminfo,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { loadDuration } from "../event/wait-deadline.ts";
import { put64 } from "../ground/words.ts";
import type { Credentials } from "../security/credentials.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { BLOCKED_EINTR, served } from "../ground/wait-queue.ts";
import { ALTER, IpcObject, IpcTable, READ } from "./ipc-table.ts";
import type { IpcCaller, IpcKernel, UndoList } from "./ipc-kernel.ts";
import { identityOf } from "../ground/identity.ts";

type Wait = StateOf<"semop">;

class SemaphoreSet extends IpcObject {
  readonly values: Int32Array;
  /** Process that changed each last. */
  readonly pids: Int32Array;
  /** Time of the last semop; 0 when there was none. */
  operatedAt = 0;
  /** Who is blocked in semop, as long as its state names the set; the first is who waits for the longest. */
  readonly waits = new Set<IpcCaller>();
  /** SEM_UNDO: what the end of a list's last task adds to the values. */
  readonly undo = new Map<UndoList, Int32Array>();

  constructor(key: number, flags: number, owner: Credentials, now: number, count: number) {
    super(key, flags, owner, now);
    this.values = new Int32Array(count);
    this.pids = new Int32Array(count);
  }

  static {
    stateClass("SemaphoreSet", this);
  }
}

/** Of the host, for a semaphore: its value, and who changed it last. */
const SEMAPHORE_BYTES = 8;

export class Semaphores {
  readonly table: IpcTable<SemaphoreSet>;
  #kernel: IpcKernel;

  /** @param owner  of the IPC namespace */
  constructor(kernel: IpcKernel, owner: UserNamespace) {
    this.#kernel = kernel;
    this.table = new IpcTable<SemaphoreSet>(SEMMNI, owner);
    kernel.taskObservers.add(this);
  }

  /** The namespace ends. */
  end(): void {
    for (const set of [...this.table.objects()]) this.#remove(set);
    this.#kernel.taskObservers.delete(this);
  }

  #remove(set: SemaphoreSet): void {
    this.table.remove(set);
    this.#kernel.ipcMemory.give(set);
  }

  taskEnded(task: IpcCaller): void {
    if (task.ipc.semaphores === this) this.leaveUndo(task);
  }

  /** The task has no part in its list any more: with the last one, what SEM_UNDO noted is done (semop(2)). */
  leaveUndo(task: IpcCaller): void {
    const list = task.semaphoreUndo;
    if (--list.users > 0 || this.table.count === 0) return;
    for (const set of this.table.objects()) {
      const changes = set.undo.get(list);
      if (changes === undefined) continue;
      set.undo.delete(list);
      this.#kernel.ipcMemory.give(set, changes.byteLength);
      changes.forEach((change, index) => {
        if (change === 0) return;
        set.values[index] = Math.max(0, Math.min(SEMVMX, set.values[index]! + change));
        set.pids[index] = task.pid;
      });
      serveWaits(set, this.#kernel);
    }
  }

  /** semget(2): −EINVAL for the count, and as IpcTable.obtain. */
  get(task: IpcCaller, key: number, count: number, flags: number): number {
    if (count < 0 || count > SEMMSL) return -EINVAL;
    return this.table.obtain(
      { key, flags, credentials: task.credentials },
      (set) => (count > set.values.length ? -EINVAL : 0),
      () => {
        if (count === 0) return -EINVAL;
        const set = new SemaphoreSet(key, flags, task.credentials, task.kernel.realtime().seconds, count);
        return this.#kernel.ipcMemory.take(set, count * SEMAPHORE_BYTES) ? set : -ENOMEM;
      },
    );
  }

  /**
   * semtimedop(2): all operations at once or none. −E2BIG, −EACCES, −EAGAIN, −EFAULT, −EFBIG, −EIDRM, −EINVAL, −ERANGE.
   */
  operate(task: IpcCaller, id: number, address: number, count: number, timeout: number): number {
    let wait = stateOf(task, "semop");
    if (wait === null) {
      const begun = this.#begin(task, id, address, count, timeout);
      if (isErrno(begun)) return begun;
      wait = begun;
    }
    if (wait.isDone) return wait.result;
    const set = this.table.awaited(id, wait.set);
    if (isErrno(set)) return set;
    const done = perform(task, set, wait.operations);
    if (done <= 0) {
      set.waits.delete(task);
      if (done === 0 && alters(wait)) serveWaits(set, this.#kernel);
      return done;
    }
    const { flags } = noteBlocked(set, wait, done - 1);
    if ((flags & IPC_NOWAIT) !== 0 || task.kernel.now() >= wait.deadlineNs) {
      set.waits.delete(task);
      return -EAGAIN;
    }
    if (task.syscallState !== wait) {
      // Another wait of its may have ended by a signal.
      set.waits.delete(task);
      set.waits.add(task);
      task.syscallState = wait;
    }
    task.waitOn(set.queue);
    if (wait.deadlineNs !== Infinity) task.waitUntil(wait.deadlineNs);
    return BLOCKED_EINTR;
  }

  #begin(task: IpcCaller, id: number, address: number, count: number, timeout: number): Wait | number {
    if (count < 1) return -EINVAL;
    if (count > SEMOPM) return -E2BIG;
    const bytes = new Uint8Array(count * Sembuf.size);
    if (task.space.copyIn(address, bytes, 0, bytes.length) < 0) return -EFAULT;
    const duration = timeout === 0 ? Infinity : loadDuration(task.space, timeout);
    if (duration < 0) return duration;
    const view = new DataView(bytes.buffer);
    const operations = Array.from({ length: count }, (_, at) => ({
      index: view.getUint16(at * Sembuf.size + Sembuf.offset.sem_num, true),
      change: view.getInt16(at * Sembuf.size + Sembuf.offset.sem_op, true),
      flags: view.getInt16(at * Sembuf.size + Sembuf.offset.sem_flg, true),
    }));
    const set = this.table.find(id);
    if (isErrno(set)) return set;
    if (operations.some((operation) => operation.index >= set.values.length)) return -EFBIG;
    if (!set.permits(task.credentials, operations.some((operation) => operation.change !== 0) ? ALTER : READ))
      return -EACCES;
    return {
      kind: "semop",
      set: identityOf(task.kernel, set),
      operations,
      deadlineNs: duration === Infinity ? Infinity : task.kernel.now() + duration,
      blockedBy: 0,
      blockedAt: 0,
      isDone: false,
      result: 0,
    };
  }

  /** semctl(2). @param argument  `union semun`: a value or an address */
  control(task: IpcCaller, id: number, index: number, command: number, argument: number): number {
    const { credentials, space } = task;
    if (command === IPC_INFO || command === SEM_INFO) return this.#describeLimits(task, command, argument);
    const set = command === SEM_STAT || command === SEM_STAT_ANY ? this.table.at(id) : this.table.find(id);
    if (isErrno(set)) return set;
    const now = task.kernel.realtime().seconds;
    switch (command) {
      case IPC_RMID:
        if (!set.isControlledBy(credentials)) return -EPERM;
        this.#remove(set);
        return 0;
      case IPC_SET:
        return set.change(space, credentials, argument, now);
      case IPC_STAT:
      case SEM_STAT:
      case SEM_STAT_ANY: {
        if (command !== SEM_STAT_ANY && !set.permits(credentials, READ)) return -EACCES;
        const view = new DataView(new ArrayBuffer(SemidDs.size));
        set.describe(view, task.credentials.userNamespace);
        put64(view, SemidDs.offset.sem_otime, set.operatedAt);
        put64(view, SemidDs.offset.sem_ctime, set.changedAt);
        put64(view, SemidDs.offset.sem_nsems, set.values.length);
        return space.copyOut(argument, new Uint8Array(view.buffer), 0, SemidDs.size) < 0
          ? -EFAULT
          : command === IPC_STAT
            ? 0
            : set.id;
      }
      case GETALL:
      case SETALL:
        return transferAll(task, set, command, argument);
      case GETPID:
      case GETVAL:
      case GETNCNT:
      case GETZCNT:
      case SETVAL:
        return controlOne(task, set, index, command, argument | 0);
      default:
        return -EINVAL;
    }
  }

  #describeLimits(task: IpcCaller, command: number, address: number): number {
    let total = 0;
    for (const set of this.table.objects()) total += set.values.length;
    const isUsage = command === SEM_INFO;
    const view = new DataView(new ArrayBuffer(Seminfo.size));
    view.setInt32(Seminfo.offset.semmap, SEMMNS, true);
    view.setInt32(Seminfo.offset.semmni, SEMMNI, true);
    view.setInt32(Seminfo.offset.semmns, SEMMNS, true);
    view.setInt32(Seminfo.offset.semmnu, SEMMNS, true);
    view.setInt32(Seminfo.offset.semmsl, SEMMSL, true);
    view.setInt32(Seminfo.offset.semopm, SEMOPM, true);
    view.setInt32(Seminfo.offset.semume, SEMOPM, true);
    view.setInt32(Seminfo.offset.semusz, isUsage ? this.table.count : SEMUSZ, true);
    view.setInt32(Seminfo.offset.semvmx, SEMVMX, true);
    view.setInt32(Seminfo.offset.semaem, isUsage ? total : SEMVMX, true);
    const stored = task.space.copyOut(address, new Uint8Array(view.buffer), 0, Seminfo.size);
    return stored < 0 ? -EFAULT : this.table.highestIndex;
  }

  /** /proc/sysvipc/sem. */
  describe(reader: IpcCaller): string {
    const pad = (value: number, width: number): string => String(value).padStart(width);
    let text = "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n";
    for (const set of this.table.objects()) {
      text +=
        `${pad(set.key, 10)} ${pad(set.id, 10)}  ${set.mode.toString(8).padStart(4)} ${pad(set.values.length, 10)} ` +
        `${set.describeOwners(reader.credentials.userNamespace)} ${pad(set.operatedAt, 10)} ` +
        `${pad(set.changedAt, 10)}\n`;
    }
    return text;
  }

  static {
    stateClass("Semaphores", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}

/** @returns 0 when all were done; −ENOMEM, −ERANGE, or 1 + the operation that must wait: then nothing was changed */
function perform(task: IpcCaller, set: SemaphoreSet, operations: Wait["operations"]): number {
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
function noteBlocked(set: SemaphoreSet, wait: Wait, at: number): Wait["operations"][number] {
  const operation = wait.operations[at]!;
  wait.blockedBy = at;
  wait.blockedAt = set.values[operation.index]!;
  return operation;
}

function alters(wait: Wait): boolean {
  return wait.operations.some((operation) => operation.change !== 0);
}

/** What it waits with, unless a signal or an end took it away. */
function waitOf(set: SemaphoreSet, task: IpcCaller): Wait | null {
  const wait = stateOf(task, "semop");
  return wait?.set === set.identity && !wait.isDone && task.state !== "X" && task.state !== "Z" ? wait : null;
}

/**
 * Does what waits and is possible now that values have changed: first of those that wait for zeros alone, then of the
 * others, each time from the beginning (Linux ipc/sem.c, do_smart_update). Beyond the work of a call, which the number
 * of waiters bounds no more, the others are woken to look for themselves.
 */
function serveWaits(set: SemaphoreSet, { work }: IpcKernel): void {
  while (set.waits.size > 0) {
    if (work.isUsed) return set.queue.wakeAll();
    work.charge(1 + (set.waits.size >> 6));
    if (!serveOnce(set, false, work) && !serveOnce(set, true, work)) return;
  }
}

/** @returns whether values have changed */
function serveOnce(set: SemaphoreSet, isAltering: boolean, work: IpcKernel["work"]): boolean {
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

function transferAll(task: IpcCaller, set: SemaphoreSet, command: number, address: number): number {
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

function controlOne(task: IpcCaller, set: SemaphoreSet, index: number, command: number, value: number): number {
  if (command === SETVAL && (value < 0 || value > SEMVMX)) return -ERANGE;
  if (!set.permits(task.credentials, command === SETVAL ? ALTER : READ)) return -EACCES;
  if (index < 0 || index >= set.values.length) return -EINVAL;
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

function valuesWereSet(task: IpcCaller, set: SemaphoreSet): void {
  set.changedAt = task.kernel.realtime().seconds;
  serveWaits(set, task.kernel);
}

function countWaits(set: SemaphoreSet, matches: (operation: Wait["operations"][number]) => boolean): number {
  let count = 0;
  for (const task of set.waits) {
    const wait = waitOf(set, task);
    if (wait === null) set.waits.delete(task);
    else if (matches(wait.operations[wait.blockedBy]!)) count++;
  }
  return count;
}
