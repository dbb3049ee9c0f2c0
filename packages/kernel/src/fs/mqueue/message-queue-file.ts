/**
 * An open message queue. A message that somebody waits for is written to him when it is sent, and room that comes is
 * for who waits to send, so that nobody is before them (Linux ipc/mqueue.c, pipelined_send and pipelined_receive). Read
 * first: mqueue.ts and mq_overview(7).
 */
import {
  EAGAIN,
  EBADF,
  EFAULT,
  EINVAL,
  EMSGSIZE,
  ETIMEDOUT,
  NOTIFY_REMOVED,
  NOTIFY_WOKENUP,
  O_NONBLOCK,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  SI_MESGQ,
} from "@stratos/abi";
import { byteStringOf, stateClass } from "@stratos/base";
import { sendSignalToProcess } from "../../signal/send-signal.ts";
import { stateOf } from "../../ground/call-state.ts";
import { BLOCKED, served, type WaitQueue } from "../../ground/wait-queue.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import type { Message, MessageCaller, MessageQueueInode, MessageWait } from "./mqueue.ts";
import type { FsCaller } from "../fs-kernel.ts";

export class MessageQueueFile extends OpenFile {
  declare readonly inode: MessageQueueInode;

  constructor(flags: number, inode: MessageQueueInode, path: Path) {
    super(flags, inode, path);
  }

  override get waitQueue(): WaitQueue {
    return this.inode.queue;
  }

  override poll(): number {
    const { inode } = this;
    return (inode.messages.length > 0 ? POLLIN | POLLRDNORM : 0) | (inode.isFull ? 0 : POLLOUT | POLLWRNORM);
  }

  /** mq_timedsend(2): 0; −EAGAIN, −EBADF, −EFAULT, −EMSGSIZE, −ETIMEDOUT. */
  send(task: MessageCaller, address: number, length: number, priority: number, deadlineNs: number): number {
    const { inode } = this;
    const before = stateOf(task, "mq");
    if (before?.isDone) return before.result;
    if (!this.isWritable) return -EBADF;
    if (!(length >= 0 && length <= inode.shape.messageSize)) return -EMSGSIZE;
    const message = readFrom(task, address, length, priority);
    if (message === null) return -EFAULT;
    if (inode.isFull) return this.#wait(task, inode.senders, { address, length, priority, deadlineNs });
    inode.senders.delete(task);
    inode.atime = inode.mtime = inode.ctime = inode.fileSystem.kernel.vfs.now();
    const receiver = inode.takeFirst(inode.receivers);
    if (receiver !== null) {
      const wait = stateOf(receiver, "mq")!;
      finish(receiver, wait, writeTo(receiver, message, wait.address, wait.priority));
      return 0;
    }
    inode.insert(message);
    if (inode.messages.length === 1) this.#announce(task);
    inode.queue.wakeAll(POLLIN | POLLRDNORM);
    return 0;
  }

  /** mq_timedreceive(2): the message's length; −EAGAIN, −EBADF, −EFAULT, −EMSGSIZE, −ETIMEDOUT. */
  receive(task: MessageCaller, address: number, length: number, priority: number, deadlineNs: number): number {
    const { inode } = this;
    const before = stateOf(task, "mq");
    if (before?.isDone) return before.result;
    if (!this.isReadable) return -EBADF;
    if (!(length >= inode.shape.messageSize)) return -EMSGSIZE;
    const message = inode.messages.shift();
    if (message === undefined) return this.#wait(task, inode.receivers, { address, length, priority, deadlineNs });
    inode.receivers.delete(task);
    inode.atime = inode.mtime = inode.ctime = inode.fileSystem.kernel.vfs.now();
    this.#fill();
    inode.queue.wakeAll(POLLOUT | POLLWRNORM);
    return writeTo(task, message, address, priority);
  }

  /** There is room: for who waits to send, unless what it would send can't be read any more. */
  #fill(): void {
    const { inode } = this;
    for (;;) {
      const sender = inode.takeFirst(inode.senders);
      if (sender === null) return;
      const wait = stateOf(sender, "mq")!;
      const message = readFrom(sender, wait.address, wait.length, wait.priority);
      finish(sender, wait, message === null ? -EFAULT : 0);
      if (message === null) continue;
      inode.insert(message);
      inode.queue.wakeAll(POLLIN | POLLRDNORM);
      return;
    }
  }

  #wait(
    task: MessageCaller,
    waits: Map<MessageCaller, MessageWait>,
    call: Pick<MessageWait, "address" | "length" | "priority" | "deadlineNs">,
  ): number {
    if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
    const state = stateOf(task, "mq") ?? { kind: "mq", ...call, isDone: false, result: 0 };
    task.syscallState = state;
    if (task.kernel.now() >= state.deadlineNs) {
      waits.delete(task);
      return -ETIMEDOUT;
    }
    if (waits.get(task) !== state) {
      waits.delete(task);
      waits.set(task, state);
    }
    task.waitOn(this.inode.queue);
    if (state.deadlineNs !== Infinity) task.waitUntil(state.deadlineNs);
    return BLOCKED;
  }

  /** Tells who asked for it, once (mq_notify(2)). */
  #announce(sender: MessageCaller): void {
    const { notification } = this.inode;
    if (notification === null) return;
    this.inode.notification = null;
    const { owner, info, cookie } = notification;
    if (info !== null && info.signal !== 0)
      sendSignalToProcess(owner, { ...info, code: SI_MESGQ, pid: sender.pid, uid: sender.credentials.uid });
    if (cookie !== null) cookie.socket.deliver(withState(cookie.bytes, NOTIFY_WOKENUP));
  }

  /** Ends the registration of a process, if it has one. */
  cancelNotification(owner: unknown): void {
    const { notification } = this.inode;
    if (notification === null || notification.owner !== owner) return;
    this.inode.notification = null;
    notification.cookie?.socket.deliver(withState(notification.cookie.bytes, NOTIFY_REMOVED));
  }

  /** Closing any descriptor of the queue ends the process's registration, as Linux has it (mqueue_flush_file). */
  override onDescriptorClose(task: FsCaller): number {
    this.cancelNotification(task.group);
    return 0;
  }

  override hasIterator(isWrite: boolean): boolean {
    return isWrite;
  }

  /** The queue's state in words (mq_overview(7), "Mounting the message queue filesystem"). */
  override read(task: FsCaller, to: IoCursor, offset: number): number {
    const at = offset < 0 ? this.position : offset;
    const { notification } = this.inode;
    const kind = notification === null ? 0 : notification.info !== null ? 0 : notification.cookie !== null ? 2 : 1;
    const fields = [
      ["QSIZE", this.inode.queuedBytes, 10],
      ["NOTIFY", kind, 5],
      ["SIGNO", notification?.info?.signal ?? 0, 5],
      ["NOTIFY_PID", task.group.pidNamespace.idOf(notification?.owner.pid ?? 0), 6],
    ] as const;
    const text = byteStringOf(
      `${fields.map(([name, value, width]) => `${name}:${String(value).padEnd(width)}`).join(" ")}\n`,
    );
    const count = Math.min(to.remaining, text.length - at);
    if (count <= 0) return 0;
    const moved = to.put(text, at, count);
    if (moved > 0 && offset < 0) this.position += moved;
    return moved;
  }

  /** Only the text that `read` gives has a position. */
  override seek(offset: number, whence: number): number {
    const target =
      whence === 0 ? offset : whence === 1 ? this.position + offset : whence === 2 ? this.inode.size + offset : -1;
    if (target < 0 || target > Number.MAX_SAFE_INTEGER) return -EINVAL;
    this.position = target;
    return target;
  }

  static {
    stateClass("MessageQueueFile", this);
  }
}

/** Null: it can't be read. */
function readFrom({ space }: MessageCaller, address: number, length: number, priority: number): Message | null {
  const bytes = new Uint8Array(length);
  return space.copyIn(address, bytes, 0, length) < 0 ? null : { priority, bytes };
}

/** @returns the message's length; −EFAULT */
function writeTo({ space }: MessageCaller, message: Message, address: number, priorityAddress: number): number {
  const { bytes, priority } = message;
  if (priorityAddress !== 0 && space.storeU32(priorityAddress, priority) < 0) return -EFAULT;
  return space.copyOut(address, bytes, 0, bytes.length) < 0 ? -EFAULT : bytes.length;
}

function finish(task: MessageCaller, wait: MessageWait, result: number): void {
  wait.isDone = true;
  wait.result = result;
  served(task);
}

function withState(cookie: Uint8Array, state: number): Uint8Array {
  const bytes = cookie.slice();
  bytes[bytes.length - 1] = state;
  return bytes;
}
