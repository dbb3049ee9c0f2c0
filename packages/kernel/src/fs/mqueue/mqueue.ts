/**
 * POSIX message queues as a file system (mq_overview(7)): one instance for the machine, which mq_open(2) reaches
 * whether it is mounted or not. Read next: message-queue-file.ts, what a descriptor does; syscall/mqueue-calls.ts.
 */
import {
  CAP_SYS_RESOURCE,
  EACCES,
  EINVAL,
  EMFILE,
  ENOENT,
  ENOSPC,
  MQUEUE_MAGIC,
  RLIMIT_MSGQUEUE,
  S_IFDIR,
  S_IFREG,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isCapable } from "../../security/credentials.ts";
import type { UserNamespace } from "../../security/user-namespace.ts";
import type { SignalInfo } from "../../signal/pending-signals.ts";
import type { StateOf } from "../../ground/call-state.ts";
import { type ServedCall, WaitQueue } from "../../ground/wait-queue.ts";
import { Dentry } from "../../vfs/dentry.ts";
import { FileSystem, type FileSystemType, type FileSystemUsage, simpleUsage } from "../../vfs/file-system.ts";
import { Inode, type NewInode, type Time } from "../../vfs/inode.ts";
import { Mount } from "../../vfs/mount.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { MessageQueueFile } from "./message-queue-file.ts";
import type { Caller } from "../../vfs/vfs-kernel.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import type { SignalProcess } from "../../signal/signal-target.ts";

/** What reading a queue may give at most; stat(2) shows it as the size. Source: Linux ipc/mqueue.c, FILENT_SIZE. */
const STATUS_SIZE = 80;
/** `struct msg_msg` and a priority's tree node, which count towards RLIMIT_MSGQUEUE (getrlimit(2)). */
const MESSAGE_OVERHEAD = 48,
  NODE_OVERHEAD = 48;
/** HARD_MSGMAX, HARD_MSGSIZEMAX: bounds for those with CAP_SYS_RESOURCE. */
const MESSAGES_MAX_HARD = 65536,
  MESSAGE_SIZE_MAX_HARD = 16 << 20;
export const PRIORITIES = 32768;

/** /proc/sys/fs/mqueue. */
export interface MqueueLimits {
  messages: number;
  messageSize: number;
  messagesDefault: number;
  messageSizeDefault: number;
  queues: number;
}

export interface QueueShape {
  messages: number;
  messageSize: number;
}

/** Who is told of a message that comes to an empty queue (mq_notify(2)); null: nobody. */
export interface Notification {
  owner: SignalProcess;
  info: SignalInfo | null;
  cookie: { bytes: Uint8Array; socket: { deliver(bytes: Uint8Array): unknown } } | null;
}

export class MqueueFileSystem extends FileSystem {
  readonly type = "mqueue";
  readonly kernel: FsKernel;
  readonly root: MqueueRoot;
  readonly limits: MqueueLimits = {
    messages: 10,
    messageSize: 8192,
    messagesDefault: 10,
    messageSizeDefault: 8192,
    queues: 256,
  };
  queues = 0;
  /** Its namespace is gone; a mount of it may be left, on which nothing is made any more (ipc_namespaces(7)). */
  hasEnded = false;
  /** Bytes that each user's queues may take together (RLIMIT_MSGQUEUE); a queue gives its part back when it is gone. */
  readonly bytesByUser = new Map<number, number>();
  /** Through which mq_open(2) sees the queues; in no namespace. */
  readonly mount: Mount;
  #lastIno = 1;

  constructor(kernel: FsKernel) {
    super(kernel.allocateDevice());
    this.kernel = kernel;
    this.root = new MqueueRoot(this);
    this.mount = new Mount(0, this, new Dentry("/", null, this.root), null, null, 0, "mqueue");
  }

  allocateIno(): number {
    return ++this.#lastIno;
  }

  usage(): FileSystemUsage {
    return simpleUsage(MQUEUE_MAGIC);
  }

  /**
   * A queue of this shape for the task, not named yet: −EINVAL for a shape beyond the limits, −ENOSPC too many queues,
   * −EMFILE above RLIMIT_MSGQUEUE.
   */
  createQueue(task: Caller, shape: QueueShape | null, attributes: NewInode): MessageQueueInode | number {
    const { limits } = this;
    const isPrivileged = isCapable(task.credentials, CAP_SYS_RESOURCE);
    if (this.queues >= limits.queues && !isPrivileged) return -ENOSPC;
    const { messages, messageSize } = shape ?? {
      messages: Math.min(limits.messagesDefault, limits.messages),
      messageSize: Math.min(limits.messageSizeDefault, limits.messageSize),
    };
    if (!(messages > 0 && messageSize > 0)) return -EINVAL;
    if (
      messages > (isPrivileged ? MESSAGES_MAX_HARD : limits.messages) ||
      messageSize > (isPrivileged ? MESSAGE_SIZE_MAX_HARD : limits.messageSize)
    )
      return -EINVAL;
    const bytes = messages * (MESSAGE_OVERHEAD + messageSize) + Math.min(messages, PRIORITIES) * NODE_OVERHEAD;
    const user = task.credentials.uid;
    const used = (this.bytesByUser.get(user) ?? 0) + bytes;
    if (used > task.group.limits[RLIMIT_MSGQUEUE]!.soft) return -EMFILE;
    this.bytesByUser.set(user, used);
    this.queues++;
    return new MessageQueueInode(this, attributes, { messages, messageSize }, { user, bytes });
  }

  static {
    stateClass("MqueueFileSystem", this, {
      save: (it) => ({ lastIno: it.#lastIno }),
      load: (it, from) => ({ lastIno: it.#lastIno } = from),
    });
  }
}

class MqueueRoot extends Inode {
  declare readonly fileSystem: MqueueFileSystem;
  #entries = new Map<string, MessageQueueInode>();
  constructor(fileSystem: MqueueFileSystem) {
    super(fileSystem, 1, S_IFDIR | 0o1777, 0, 0, fileSystem.kernel.vfs.now());
    this.nlink = 2;
  }

  override get cachesNames(): boolean {
    return false;
  }

  override lookup(name: string): Inode | number {
    return this.#entries.get(name) ?? -ENOENT;
  }

  /** `touch /dev/mqueue/name` makes a queue of the default shape. */
  override create(name: string, attributes: NewInode): Inode | number {
    const { current } = this.fileSystem.kernel.scheduler;
    // ipc/mqueue.c, mqueue_create_attr
    if (this.fileSystem.hasEnded) return -EACCES;
    if ((attributes.mode & 0o170000) !== S_IFREG || current === null) return -EINVAL;
    const queue = this.fileSystem.createQueue(current, null, attributes);
    if (!isErrno(queue)) this.name(name, queue);
    return queue;
  }

  name(name: string, queue: MessageQueueInode): void {
    this.#entries.set(name, queue);
    this.mtime = this.ctime = this.fileSystem.kernel.vfs.now();
  }

  override unlink(name: string, inode: Inode, now: Time): number {
    this.#entries.delete(name);
    this.mtime = this.ctime = now;
    inode.nlink = 0;
    inode.ctime = now;
    return 0;
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    // Inode numbers only grow, and so does the order of insertion: a cursor is the number of the last entry given.
    for (const [name, queue] of this.#entries)
      if (queue.ino > cursor && !emit(name, queue.ino, S_IFREG >> 12, queue.ino)) break;
    return 0;
  }

  static {
    stateClass("MqueueRoot", this, {
      save: (it) => ({ entries: it.#entries }),
      load: (it, from) => ({ entries: it.#entries } = from),
    });
  }
}

export type MessageWait = StateOf<"mq">;

/** Who sends and receives. */
export interface MessageCaller extends Omit<FsCaller, "endWait" | "blockedKind">, ServedCall {
  readonly effectivePriority: number;
}

export interface Message {
  priority: number;
  bytes: Uint8Array;
}

/** Messages by priority, oldest first among equals. Bound: `shape.messages` of `shape.messageSize` bytes. */
export class MessageQueueInode extends Inode {
  declare readonly fileSystem: MqueueFileSystem;
  readonly shape: QueueShape;
  readonly messages: Message[] = [];
  /** Senders, receivers and pollers. */
  readonly queue = new WaitQueue();
  /** Who is blocked in mq_receive and mq_send, with what it keeps: a wait that ended otherwise has other state. */
  readonly receivers = new Map<MessageCaller, MessageWait>();
  readonly senders = new Map<MessageCaller, MessageWait>();
  notification: Notification | null = null;
  #charge: { user: number; bytes: number };

  constructor(
    fileSystem: MqueueFileSystem,
    attributes: NewInode,
    shape: QueueShape,
    charge: { user: number; bytes: number },
  ) {
    super(fileSystem, fileSystem.allocateIno(), attributes.mode, attributes.uid, attributes.gid, attributes.now);
    this.size = STATUS_SIZE;
    this.shape = shape;
    this.#charge = charge;
  }

  override open(_task: FsCaller, flags: number, path: Path): OpenFile {
    return new MessageQueueFile(flags, this, path);
  }

  override truncate(): number {
    return 0;
  }

  get queuedBytes(): number {
    return this.messages.reduce((sum, message) => sum + message.bytes.length, 0);
  }

  get isFull(): boolean {
    return this.messages.length >= this.shape.messages;
  }

  insert(message: Message): void {
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1]!.priority < message.priority) at--;
    this.messages.splice(at, 0, message);
  }

  /** Takes who is to be served next off its list: of those with the highest priority, who waits for the longest. */
  takeFirst(waits: Map<MessageCaller, MessageWait>): MessageCaller | null {
    let first: MessageCaller | null = null;
    for (const [task, wait] of waits) {
      this.fileSystem.kernel.work.charge(1);
      if (task.state === "X" || task.state === "Z" || task.syscallState !== wait) waits.delete(task);
      else if (first === null || task.effectivePriority > first.effectivePriority) first = task;
    }
    if (first !== null) waits.delete(first);
    return first;
  }

  override evict(): void {
    const { bytesByUser } = this.fileSystem;
    const { user, bytes } = this.#charge;
    const left = bytesByUser.get(user)! - bytes;
    if (left > 0) bytesByUser.set(user, left);
    else bytesByUser.delete(user);
    this.fileSystem.queues--;
    this.messages.length = 0;
  }

  static {
    stateClass("MessageQueueInode", this, {
      save: (it) => ({ charge: it.#charge }),
      load: (it, from) => ({ charge: it.#charge } = from),
    });
  }
}

/** What each IPC namespace has of its own (ipc_namespaces(7)). */
interface MqueueHolder {
  readonly owner: UserNamespace;
  /** Null: nobody has asked for it yet. */
  mqueue: MqueueFileSystem | null;
}

/** Who uses message queues. */
interface MqueueCaller extends FsCaller {
  readonly ipc: MqueueHolder;
}

export function mqueueOf(caller: MqueueCaller): MqueueFileSystem {
  return (caller.ipc.mqueue ??= new MqueueFileSystem(caller.kernel));
}

export const mqueueType: FileSystemType = {
  name: "mqueue",
  isVirtual: true,
  optionNames: [],
  userNamespace: (caller: MqueueCaller) => caller.ipc.owner,
  create: (kernel: FsKernel) => mqueueOf(kernel.scheduler.current as MqueueCaller),
};
