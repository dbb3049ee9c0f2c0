/**
 * System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2). A message that somebody waits for is written to
 * him when it is sent, so that nothing which happens to the queue before he runs takes it from him. Read first:
 * ipc-table.ts.
 */
import type { UserNamespace } from "../security/user-namespace.ts";
import {
  CAP_SYS_RESOURCE,
  E2BIG,
  EACCES,
  EAGAIN,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOMSG,
  EPERM,
  IPC_INFO,
  IPC_NOWAIT,
  IPC_RMID,
  IPC_SET,
  IPC_STAT,
  MSGMAX,
  MSGMNB,
  MSGMNI,
  MSGSEG,
  MSGSSZ,
  MSG_COPY,
  MSG_EXCEPT,
  MSG_INFO,
  MSG_NOERROR,
  MSG_STAT,
  MSG_STAT_ANY,
  Msginfo,
  MsqidDs,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { EXACT_END, put64 } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { identityOf } from "../ground/identity.ts";
import { BLOCKED_EINTR, served } from "../ground/wait-queue.ts";
import type { IpcMemory } from "./ipc-memory.ts";
import { ALTER, IpcObject, IpcTable, READ } from "./ipc-table.ts";
import type { IpcCaller } from "./ipc-kernel.ts";

/** The register of msgrcv's fourth argument (RISC-V psABI §1). */
const A3 = 13;
/** What the machine allows at most: a message is copied at once. */
export const MSGMAX_MOST = 1 << 20;
/** Of the host, for a message beside its text. */
const MESSAGE_BYTES = 128;

/** `bytes` begins with the type as the sender wrote it: a long, of which a double would lose some. */
interface Message {
  bytes: Uint8Array;
}

/** A long: words, the high one signed. */
interface Long {
  high: number;
  low: number;
}

const ZERO: Readonly<Long> = { high: 0, low: 0 };

type Reception = StateOf<"msgrcv">;

class MessageQueue extends IpcObject {
  readonly messages: Message[] = [];
  /** Who is blocked in msgrcv, as long as its state names the queue; the first is who waits for the longest. */
  readonly receivers = new Set<IpcCaller>();
  /** Bytes of text in `messages`, and how many there may be. */
  length = 0;
  capacity = MSGMNB;
  sentAt = 0;
  receivedAt = 0;
  lastSender = 0;
  lastReceiver = 0;

  static {
    stateClass("ipc.MessageQueue", this);
  }
}

export class MessageQueues {
  readonly table: IpcTable<MessageQueue>;
  /** /proc/sys/kernel/msgmax and msgmnb: bytes of a message, and of a new queue. */
  maximumMessage = MSGMAX;
  maximumQueue = MSGMNB;

  #memory: IpcMemory;

  /** @param owner  of the IPC namespace */
  constructor(memory: IpcMemory, owner: UserNamespace) {
    this.#memory = memory;
    this.table = new IpcTable<MessageQueue>(MSGMNI, owner);
  }

  /** The namespace ends. */
  end(): void {
    for (const queue of [...this.table.objects()]) this.#remove(queue);
  }

  #remove(queue: MessageQueue): void {
    this.table.remove(queue);
    this.#memory.give(queue);
  }

  get(task: IpcCaller, key: number, flags: number): number {
    const { credentials, kernel } = task;
    return this.table.obtain(
      { key, flags, credentials },
      () => 0,
      () => {
        const queue = new MessageQueue(key, flags, credentials, kernel.realtime().seconds);
        queue.capacity = this.maximumQueue;
        return queue;
      },
    );
  }

  /** The queue, also after a wait: by then its identifier may be another's. */
  #queue(id: number, wait: { readonly queue: number } | null): MessageQueue | number {
    return wait === null ? this.table.find(id) : this.table.awaited(id, wait.queue);
  }

  /** msgsnd(2): 0; −EACCES, −EAGAIN, −EFAULT, −EIDRM, −EINVAL, −ENOMEM. */
  send(task: IpcCaller, id: number, address: number, size: number, flags: number): number {
    if (!(size >= 0 && size <= this.maximumMessage) || id < 0) return -EINVAL;
    const bytes = new Uint8Array(8 + size);
    if (task.space.copyIn(address, bytes, 0, bytes.length) < 0) return -EFAULT;
    if (order(bytes, ZERO) <= 0) return -EINVAL;
    const queue = this.#queue(id, stateOf(task, "msg"));
    if (isErrno(queue)) return queue;
    if (!queue.permits(task.credentials, ALTER)) return -EACCES;
    if (queue.length + size > queue.capacity || queue.messages.length + 1 > queue.capacity) {
      if ((flags & IPC_NOWAIT) !== 0) return -EAGAIN;
      task.syscallState ??= { kind: "msg", queue: identityOf(task.kernel, queue) };
      task.waitOn(queue.queue);
      return BLOCKED_EINTR;
    }
    const message = { bytes };
    if (!isGiven(message, queue)) {
      if (!this.#memory.take(queue, size + MESSAGE_BYTES)) return -ENOMEM;
      queue.messages.push(message);
      queue.length += size;
    }
    queue.lastSender = task.pid;
    queue.sentAt = task.kernel.realtime().seconds;
    return 0;
  }

  /** msgrcv(2): length of the text; −E2BIG, −EACCES, −EFAULT, −EIDRM, −EINVAL, −ENOMSG. */
  receive(task: IpcCaller, id: number, address: number, size: number, type: number, flags: number): number {
    if (!(size >= 0) || id < 0) return -EINVAL;
    const before = stateOf(task, "msgrcv");
    if (before?.isDone) return before.result;
    const isCopy = (flags & MSG_COPY) !== 0;
    if (isCopy && ((flags & MSG_EXCEPT) !== 0 || (flags & IPC_NOWAIT) === 0)) return -EINVAL;
    // Linux makes the copy from what lies there (ipc/msg.c, prepare_copy).
    const room = Math.min(size, this.maximumMessage);
    if (isCopy && task.space.copyIn(address, new Uint8Array(room), 0, room) < 0) return -EFAULT;
    const queue = this.#queue(id, before);
    if (isErrno(queue)) return queue;
    if (!queue.permits(task.credentials, READ)) return -EACCES;
    const at = isCopy
      ? type < queue.messages.length
        ? type
        : -1
      : select(queue.messages, wantedBy(task, type), (flags & MSG_EXCEPT) !== 0);
    const message = queue.messages[at];
    if (message === undefined) {
      if ((flags & IPC_NOWAIT) !== 0) return -ENOMSG;
      if (before === null) {
        const wanted = { queue: identityOf(task.kernel, queue), address, size, type, flags };
        task.syscallState = { kind: "msgrcv", ...wanted, isDone: false, result: 0 };
        // Another wait of its may have ended by a signal.
        queue.receivers.delete(task);
        queue.receivers.add(task);
      }
      task.waitOn(queue.queue);
      return BLOCKED_EINTR;
    }
    const length = message.bytes.length - 8;
    if (length > size && (flags & MSG_NOERROR) === 0) return -E2BIG;
    // A copy is whole, even with MSG_NOERROR (ipc/msgutil.c, copy_msg).
    if (isCopy && length > room) return -EINVAL;
    const result = writeTo(task, message, address, size);
    if (isCopy) return result;
    // Also one that can't be written (ipc/msg.c, do_msgrcv).
    queue.messages.splice(at, 1);
    queue.length -= length;
    queue.receivers.delete(task);
    this.#memory.give(queue, length + MESSAGE_BYTES);
    queue.lastReceiver = task.pid;
    queue.receivedAt = task.kernel.realtime().seconds;
    queue.queue.wakeAll();
    return result;
  }

  /** msgctl(2). */
  control(task: IpcCaller, id: number, command: number, address: number): number {
    const { credentials, space } = task;
    if (id < 0 || command < 0) return -EINVAL;
    if (command === IPC_INFO || command === MSG_INFO) return this.#describeLimits(task, command, address);
    const queue = command === MSG_STAT || command === MSG_STAT_ANY ? this.table.at(id) : this.table.find(id);
    if (isErrno(queue)) return queue;
    switch (command) {
      case IPC_RMID:
        if (!queue.isControlledBy(credentials)) return -EPERM;
        this.#remove(queue);
        return 0;
      case IPC_SET: {
        const capacity = space.loadU64(address + MsqidDs.offset.msg_qbytes);
        if (capacity === -EFAULT) return -EFAULT;
        if (!queue.isControlledBy(credentials)) return -EPERM;
        if (capacity > this.maximumQueue && !isCapable(credentials, CAP_SYS_RESOURCE)) return -EPERM;
        const changed = queue.change(space, credentials, address, task.kernel.realtime().seconds);
        if (changed < 0) return changed;
        queue.capacity = capacity;
        queue.queue.wakeAll();
        return 0;
      }
      case IPC_STAT:
      case MSG_STAT:
      case MSG_STAT_ANY: {
        if (command !== MSG_STAT_ANY && !queue.permits(credentials, READ)) return -EACCES;
        const view = new DataView(new ArrayBuffer(MsqidDs.size));
        queue.describe(view, credentials.userNamespace);
        const { pidNamespace } = task.group;
        put64(view, MsqidDs.offset.msg_stime, queue.sentAt);
        put64(view, MsqidDs.offset.msg_rtime, queue.receivedAt);
        put64(view, MsqidDs.offset.msg_ctime, queue.changedAt);
        put64(view, MsqidDs.offset.msg_cbytes, queue.length);
        put64(view, MsqidDs.offset.msg_qnum, queue.messages.length);
        put64(view, MsqidDs.offset.msg_qbytes, queue.capacity);
        view.setUint32(MsqidDs.offset.msg_lspid, pidNamespace.idOf(queue.lastSender), true);
        view.setUint32(MsqidDs.offset.msg_lrpid, pidNamespace.idOf(queue.lastReceiver), true);
        return space.copyOut(address, new Uint8Array(view.buffer), 0, MsqidDs.size) < 0
          ? -EFAULT
          : command === IPC_STAT
            ? 0
            : queue.id;
      }
      default:
        return -EINVAL;
    }
  }

  #describeLimits(task: IpcCaller, command: number, address: number): number {
    let messages = 0;
    let bytes = 0;
    for (const queue of this.table.objects()) {
      messages += queue.messages.length;
      bytes += queue.length;
    }
    const isUsage = command === MSG_INFO;
    const view = new DataView(new ArrayBuffer(Msginfo.size));
    const pool = (this.table.most * this.maximumQueue) / 1024;
    view.setInt32(Msginfo.offset.msgpool, isUsage ? this.table.count : pool, true);
    view.setInt32(Msginfo.offset.msgmap, isUsage ? messages : this.maximumQueue, true);
    view.setInt32(Msginfo.offset.msgmax, this.maximumMessage, true);
    view.setInt32(Msginfo.offset.msgmnb, this.maximumQueue, true);
    view.setInt32(Msginfo.offset.msgmni, this.table.most, true);
    view.setInt32(Msginfo.offset.msgssz, MSGSSZ, true);
    view.setInt32(Msginfo.offset.msgtql, isUsage ? bytes : this.maximumQueue, true);
    view.setUint16(Msginfo.offset.msgseg, MSGSEG, true);
    const stored = task.space.copyOut(address, new Uint8Array(view.buffer), 0, Msginfo.size);
    return stored < 0 ? -EFAULT : this.table.highestIndex;
  }

  /** /proc/sysvipc/msg. */
  describe(reader: IpcCaller): string {
    const { pidNamespace } = reader.group;
    const pad = (value: number, width: number): string => String(value).padStart(width);
    let text =
      "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      " +
      "rtime      ctime\n";
    for (const queue of this.table.objects()) {
      text +=
        `${pad(queue.key, 10)} ${pad(queue.id, 10)}  ${queue.mode.toString(8).padStart(4)}  ` +
        `${pad(queue.length, 10)} ${pad(queue.messages.length, 10)} ${pad(pidNamespace.idOf(queue.lastSender), 5)} ` +
        `${pad(pidNamespace.idOf(queue.lastReceiver), 5)} ${queue.describeOwners(reader.credentials.userNamespace)} ` +
        `${pad(queue.sentAt, 10)} ${pad(queue.receivedAt, 10)} ${pad(queue.changedAt, 10)}\n`;
    }
    return text;
  }

  static {
    stateClass("MessageQueues", this, {
      save: (it) => ({ memory: it.#memory }),
      load: (it, from) => ({ memory: it.#memory } = from),
    });
  }
}

/** @returns the bytes of text that were written; −EFAULT */
function writeTo({ space }: IpcCaller, { bytes }: Message, address: number, size: number): number {
  const count = Math.min(bytes.length - 8, size);
  return space.copyOut(address, bytes, 0, 8 + count) < 0 ? -EFAULT : count;
}

/**
 * Gives the message to the first who waits for one like it; those for whom it is too long are told so (Linux ipc/msg.c,
 * pipelined_send).
 */
function isGiven(message: Message, queue: MessageQueue): boolean {
  const { receivers } = queue;
  for (const task of receivers) {
    const { work } = task.kernel;
    // They will look for themselves.
    if (work.isUsed) {
      queue.queue.wakeAll();
      return false;
    }
    work.charge(1);
    const wait = receptionOf(task, queue);
    if (wait === null) {
      receivers.delete(task);
      continue;
    }
    // He will look for himself, with the registers that have all of it.
    if (!isExact(wait.type)) {
      queue.queue.wakeAll();
      return false;
    }
    if (select([message], longOf(wait.type), (wait.flags & MSG_EXCEPT) !== 0) < 0) continue;
    const fits = message.bytes.length - 8 <= wait.size || (wait.flags & MSG_NOERROR) !== 0;
    receivers.delete(task);
    wait.isDone = true;
    wait.result = fits ? writeTo(task, message, wait.address, wait.size) : -E2BIG;
    served(task);
    if (!fits) continue;
    queue.lastReceiver = task.pid;
    queue.receivedAt = task.kernel.realtime().seconds;
    return true;
  }
  return false;
}

/** What it waits for, unless a signal or an end took it away. */
function receptionOf(task: IpcCaller, queue: MessageQueue): Reception | null {
  const wait = stateOf(task, "msgrcv");
  return wait?.queue === queue.identity && !wait.isDone && task.state !== "X" && task.state !== "Z" ? wait : null;
}

/**
 * Index of the message that msgrcv(2)'s msgtyp asks for: any, one of a type (or not), or the lowest type up to a bound.
 */
function select(messages: readonly Message[], type: Long, isExcept: boolean): number {
  if (type.high === 0 && type.low === 0) return messages.length > 0 ? 0 : -1;
  if (type.high >= 0) return messages.findIndex(({ bytes }) => (order(bytes, type) === 0) !== isExcept);
  const most = negated(type);
  let best = -1;
  messages.forEach(({ bytes }, index) => {
    const step = order(bytes, most);
    if (step > 0 || (step === 0 && best >= 0)) return;
    best = index;
    most.high = highOf(bytes);
    most.low = lowOf(bytes);
  });
  return best;
}

/** @returns below, at or above 0 as the type that the bytes begin with is below, at or above the other */
function order(bytes: Uint8Array, { high, low }: Long): number {
  return highOf(bytes) - high || lowOf(bytes) - low;
}

function lowOf(bytes: Uint8Array): number {
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
}

function highOf(bytes: Uint8Array): number {
  return bytes[4]! | (bytes[5]! << 8) | (bytes[6]! << 16) | (bytes[7]! << 24);
}

/** Of the lowest there is no other: the highest stands for it (ipc/msg.c, convert_mode). */
function negated({ high, low }: Long): Long {
  if (high === -(2 ** 31) && low === 0) return { high: 2 ** 31 - 1, low: 2 ** 32 - 1 };
  return { high: (low === 0 ? -high : ~high) | 0, low: -low >>> 0 };
}

function isExact(value: number): boolean {
  return value < EXACT_END && value >= -EXACT_END;
}

function longOf(value: number): Long {
  return { high: Math.floor(value / 2 ** 32), low: value >>> 0 };
}

/** @param type  of the call under way, as a double */
function wantedBy(task: IpcCaller, type: number): Long {
  if (isExact(type)) return longOf(type);
  const words = new Uint32Array(2);
  task.kernel.hart.copyWords(A3, words, 0);
  return { high: words[1]! | 0, low: words[0]! };
}
