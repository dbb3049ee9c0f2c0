/** POSIX message queues. Read first: fs/mqueue/mqueue.ts. */
import {
  CLOCK_REALTIME,
  EACCES,
  EBADF,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  MqAttr,
  NAME_MAX,
  NOTIFY_COOKIE_LEN,
  O_ACCMODE,
  O_CREAT,
  O_EXCL,
  O_NONBLOCK,
  PATH_MAX,
  RLIMIT_NOFILE,
  SIGEV_NONE,
  SIGEV_SIGNAL,
  SIGEV_THREAD,
  SI_MESGQ,
  S_IFREG,
  Sigevent,
  Timespec,
  isErrno,
} from "@stratos/abi";
import { loadDuration } from "../event/wait-deadline.ts";
import { MessageQueueFile } from "../fs/mqueue/message-queue-file.ts";
import {
  type MessageQueueInode,
  mqueueOf,
  type Notification,
  PRIORITIES,
  type QueueShape,
} from "../fs/mqueue/mqueue.ts";
import { checkAccess, checkSticky, MAY_READ, MAY_WRITE } from "../security/permission.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { isNetlink } from "../socket/netlink/is-netlink.ts";
import type { Task } from "../task/task.ts";
import { toMonotonic } from "../task/clocks.ts";
import { Dentry } from "../vfs/dentry.ts";
import type { Inode } from "../vfs/inode.ts";
import { Path } from "../vfs/path.ts";
import { get64, getU64, put64 } from "../ground/words.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** A queue's name, which the C library gives without its slash: −EFAULT, −ENAMETOOLONG, −ENOENT. */
function loadName(task: Task, address: number): string | number {
  const name = task.space.loadString(address, PATH_MAX);
  return name === "" ? -ENOENT : name;
}

/** The queue: −EACCES, −ENAMETOOLONG, −ENOENT (fs/namei.c, lookup_noperm; fs/libfs.c, simple_lookup). */
function find(task: Task, name: string): Inode | number {
  if (name.includes("/") || name === "." || name === "..") return -EACCES;
  return name.length > NAME_MAX ? -ENAMETOOLONG : mqueueOf(task).root.lookup(name);
}

/**
 * mq_open(2): a descriptor, closed on exec; −EACCES, −EEXIST, −EFAULT, −EINVAL, −EMFILE, −ENAMETOOLONG, −ENOENT,
 * −ENOSPC.
 */
function open(task: Task, nameAddress: number, flags: number, mode: number, shapeAddress: number): number {
  const { kernel, credentials } = task;
  let shape: QueueShape | null = null;
  if (shapeAddress !== 0) {
    const { u8, view } = kernel.scratch;
    if (task.space.copyIn(shapeAddress, u8, 0, MqAttr.size) < 0) return -EFAULT;
    shape = {
      messages: get64(view, MqAttr.offset.mq_maxmsg),
      messageSize: get64(view, MqAttr.offset.mq_msgsize),
    };
  }
  const name = loadName(task, nameAddress);
  if (isErrno(name)) return name;
  const limit = task.group.limits[RLIMIT_NOFILE]!.soft;
  if (!task.files.hasRoom(limit)) return -EMFILE;
  const fileSystem = mqueueOf(task);
  const found = find(task, name);
  let queue: MessageQueueInode;
  if (!isErrno(found)) {
    if ((flags & (O_CREAT | O_EXCL)) === (O_CREAT | O_EXCL)) return -EEXIST;
    if ((flags & O_ACCMODE) === O_ACCMODE) return -EINVAL;
    const wanted = [MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE][flags & O_ACCMODE]!;
    const refused = checkAccess(credentials, found, wanted);
    if (refused < 0) return refused;
    queue = found as MessageQueueInode;
  } else {
    if (found !== -ENOENT || (flags & O_CREAT) === 0) return found;
    const made = fileSystem.createQueue(task, shape, {
      mode: S_IFREG | (mode & 0o777 & ~task.fs.umask),
      uid: credentials.fsuid,
      gid: credentials.fsgid,
      rdev: 0,
      now: kernel.vfs.now(),
    });
    if (isErrno(made)) return made;
    fileSystem.root.name(name, made);
    queue = made;
  }
  const path = new Path(mqueueOf(task).mount, new Dentry(`/${name}`, null, queue));
  const file = new MessageQueueFile(flags & (O_ACCMODE | O_NONBLOCK), queue, path);
  const fd = task.files.install(file, true, 0, limit);
  // No queue is left behind.
  if (fd < 0 && isErrno(found)) remove(task, name, queue);
  return fd;
}

/** mq_unlink(2): 0; −ENOENT, −EPERM for a queue of another user, and as for names. */
function unlink(task: Task, nameAddress: number): number {
  const name = loadName(task, nameAddress);
  if (isErrno(name)) return name;
  const { root } = mqueueOf(task);
  const queue = find(task, name);
  if (isErrno(queue)) return queue;
  const refused = checkSticky(task.credentials, root, queue);
  if (refused < 0) return refused;
  remove(task, name, queue);
  return 0;
}

function remove(task: Task, name: string, queue: Inode): void {
  mqueueOf(task).root.unlink(name, queue, task.kernel.vfs.now());
  if (queue.users === 0) new Path(mqueueOf(task).mount, new Dentry(name, null, queue)).retain().release();
}

function queueAt(task: Task, fd: number): MessageQueueFile | number {
  const file = task.files.get(fd | 0);
  return file instanceof MessageQueueFile ? file : -EBADF;
}

/** The absolute CLOCK_REALTIME time at `address` as a monotonic deadline: −EFAULT, −EINVAL; Infinity without one. */
function loadDeadline(task: Task, address: number): number {
  if (address === 0) return Infinity;
  const time = loadDuration(task.space, address);
  if (time < 0) return time;
  const seconds = task.space.loadU64(address + Timespec.offset.tv_sec);
  const nanoseconds = task.space.loadU64(address + Timespec.offset.tv_nsec);
  return Math.max(0, toMonotonic(task, CLOCK_REALTIME, seconds, nanoseconds));
}

function timedSend(
  task: Task,
  fd: number,
  address: number,
  length: number,
  priority: number,
  timeAddress: number,
): number {
  // The deadline counts from the first execution of a call that waits (task.syscallState).
  const deadline = loadDeadline(task, timeAddress);
  if (deadline < 0) return deadline;
  if (priority >>> 0 >= PRIORITIES) return -EINVAL;
  const file = queueAt(task, fd);
  return isErrno(file) ? file : file.send(task, address, length, priority, deadline);
}

function timedReceive(
  task: Task,
  fd: number,
  address: number,
  length: number,
  priorityAddress: number,
  timeAddress: number,
): number {
  const deadline = loadDeadline(task, timeAddress);
  if (deadline < 0) return deadline;
  const file = queueAt(task, fd);
  return isErrno(file) ? file : file.receive(task, address, length, priorityAddress, deadline);
}

/** mq_notify(2): 0; −EBADF, −EBUSY when someone is registered, −EFAULT, −EINVAL. */
function notify(task: Task, fd: number, eventAddress: number): number {
  const { u8, view } = task.kernel.scratch;
  let notification: Notification | null = null;
  if (eventAddress !== 0) {
    if (task.space.copyIn(eventAddress, u8, 0, Sigevent.size) < 0) return -EFAULT;
    const signal = view.getInt32(Sigevent.offset.sigev_signo, true);
    const kind = view.getInt32(Sigevent.offset.sigev_notify, true);
    if (kind !== SIGEV_SIGNAL && kind !== SIGEV_NONE && kind !== SIGEV_THREAD) return -EINVAL;
    notification = { owner: task.group, info: null, cookie: null };
    if (kind === SIGEV_SIGNAL) {
      // 0 registers as well, and sends nothing.
      if (!(signal >= 0 && signal <= 64)) return -EINVAL;
      notification.info = signalInfo(signal, SI_MESGQ, {
        valueLow: view.getUint32(Sigevent.offset.sigev_value, true),
        valueHigh: view.getUint32(Sigevent.offset.sigev_value + 4, true),
      });
    } else if (kind === SIGEV_THREAD) {
      // The C library's thread listens at a netlink socket for its cookie.
      const cookieAddress = getU64(view, Sigevent.offset.sigev_value);
      const socket = task.files.get(signal);
      if (socket === undefined) return -EBADF;
      if (!isNetlink(socket)) return -EINVAL;
      const bytes = new Uint8Array(NOTIFY_COOKIE_LEN);
      if (task.space.copyIn(cookieAddress, bytes, 0, NOTIFY_COOKIE_LEN) < 0) return -EFAULT;
      notification.cookie = { bytes, socket };
    }
  }
  const file = queueAt(task, fd);
  if (isErrno(file)) return file;
  if (notification === null) file.cancelNotification(task.group);
  else if (file.inode.notification !== null && !file.inode.notification.owner.isZombie) return -EBUSY;
  else file.inode.notification = notification;
  return 0;
}

/** mq_getsetattr(2): 0; −EBADF, −EFAULT, −EINVAL for flags but O_NONBLOCK. */
function getSetAttributes(task: Task, fd: number, newAddress: number, oldAddress: number): number {
  const { u8, view } = task.kernel.scratch;
  let flags = -1;
  if (newAddress !== 0) {
    if (task.space.copyIn(newAddress, u8, 0, MqAttr.size) < 0) return -EFAULT;
    flags = get64(view, MqAttr.offset.mq_flags);
    if (flags !== 0 && flags !== O_NONBLOCK) return -EINVAL;
  }
  const file = queueAt(task, fd);
  if (isErrno(file)) return file;
  const { shape, messages } = file.inode;
  u8.fill(0, 0, MqAttr.size);
  put64(view, MqAttr.offset.mq_flags, file.flags & O_NONBLOCK);
  put64(view, MqAttr.offset.mq_maxmsg, shape.messages);
  put64(view, MqAttr.offset.mq_msgsize, shape.messageSize);
  put64(view, MqAttr.offset.mq_curmsgs, messages.length);
  if (flags >= 0) file.flags = (file.flags & ~O_NONBLOCK) | flags;
  return oldAddress === 0 ? 0 : task.space.copyOut(oldAddress, u8, 0, MqAttr.size);
}

export const mqueueCalls: SyscallTable = {
  mq_open: { run: (task, name, flags, mode, shape) => open(task, name, flags | 0, mode, shape) },
  mq_unlink: { run: unlink },
  mq_timedsend: { run: timedSend },
  mq_timedreceive: { run: timedReceive },
  mq_notify: { run: notify },
  mq_getsetattr: { run: getSetAttributes },
};
