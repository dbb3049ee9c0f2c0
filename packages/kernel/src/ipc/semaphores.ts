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
  ERANGE,
  EPERM,
  ENOMEM,
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
import { BLOCKED_EINTR } from "../ground/wait-queue.ts";
import { ALTER, IpcObject, IpcTable, READ } from "./ipc-table.ts";
import type { IpcCaller, IpcKernel, UndoList } from "./ipc-kernel.ts";
import { identityOf } from "../ground/identity.ts";
import { alters, controlOne, noteBlocked, perform, serveWaits, transferAll } from "./semaphore-operations.ts";

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
    if (id < 0) return -EINVAL;
    if (command === SETVAL && ((argument | 0) < 0 || (argument | 0) > SEMVMX)) return -ERANGE;
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
