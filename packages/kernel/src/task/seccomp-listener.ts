/**
 * Listeners of seccomp(2) filters (seccomp_unotify(2)): a call for which a filter says SECCOMP_RET_USER_NOTIF waits
 * until whoever holds the listener has answered for it, or has let it go ahead. Read first: security/seccomp.ts.
 */
import {
  EBADF,
  EBUSY,
  EFAULT,
  EINPROGRESS,
  EINVAL,
  EMFILE,
  ENOENT,
  ENOSYS,
  O_CLOEXEC,
  O_RDWR,
  PAGE_SIZE,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  RLIMIT_NOFILE,
  SECCOMP_ADDFD_FLAG_SEND,
  SECCOMP_ADDFD_FLAG_SETFD,
  SECCOMP_IOCTL_NOTIF_ADDFD,
  SECCOMP_IOCTL_NOTIF_ID_VALID,
  SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR,
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  SECCOMP_IOCTL_NOTIF_SET_FLAGS,
  SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP,
  SECCOMP_USER_NOTIF_FLAG_CONTINUE,
  SeccompNotif,
  SeccompNotifAddfd,
  SeccompNotifResp,
} from "@stratos/abi";
import { stateClass, stateConstant } from "@stratos/base";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { IOC_DIRECTION_MASK, IOC_SIZE_MASK, sizeOfRequest } from "../ground/request-number.ts";
import { BLOCKED, BLOCKED_KILLABLE, NO_RETURN, WaitQueue } from "../ground/wait-queue.ts";
import { put64 } from "../ground/words.ts";
import type { BpfFilter } from "../security/bpf-filter.ts";
import { OpenFile } from "../vfs/open-file.ts";
import { A0 } from "./hart-registers.ts";
import type { Kernel } from "./kernel-state.ts";
import type { TaskObserver } from "./task-observer.ts";
import type { Task } from "./task.ts";

const bytes = new Uint8Array(SeccompNotif.size);
const view = new DataView(bytes.buffer);

/** A call that waits for a listener's answer. */
class SeccompNotification {
  readonly id: number;
  readonly caller: Task;
  readonly listener: SeccompListener;
  /** Words of `struct seccomp_data`. */
  readonly data: Uint32Array;
  state: "new" | "told" | "answered" = "new";
  /** The answer: what a0 is to be, or that the call goes ahead. */
  low = 0;
  high = 0;
  goesAhead = false;
  readonly queue = new WaitQueue();

  constructor(id: number, caller: Task, listener: SeccompListener, data: Uint32Array) {
    this.id = id;
    this.caller = caller;
    this.listener = listener;
    this.data = data;
  }

  answer(low: number, high: number): void {
    this.state = "answered";
    this.low = low;
    this.high = high;
    this.queue.wakeAll();
  }

  static {
    stateClass("SeccompNotification", this);
  }
}

/** What SECCOMP_FILTER_FLAG_NEW_LISTENER gives. Bound: one notification for each task. */
export class SeccompListener extends OpenFile {
  #kernel: Kernel;
  #filter: BpfFilter;
  /** SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV: a call that was told is interrupted by SIGKILL alone. */
  #isKillable: boolean;
  #waiting = new Map<number, SeccompNotification>();
  #queue = new WaitQueue();
  #nextId = 1;

  constructor(kernel: Kernel, filter: BpfFilter, isKillable: boolean) {
    super(O_RDWR, null, null);
    this.#kernel = kernel;
    this.#filter = filter;
    this.#isKillable = isKillable;
    filter.listener = this;
  }

  /** The task on the hart begins a call: it waits. @returns BLOCKED */
  notify(task: Task, data: Uint32Array): number {
    const notification = new SeccompNotification(this.#nextId++, task, this, data);
    this.#waiting.set(notification.id, notification);
    task.notification = notification;
    task.waitOn(notification.queue);
    this.#queue.wakeAll();
    return BLOCKED;
  }

  forget({ id }: SeccompNotification): void {
    this.#waiting.delete(id);
    // A call that is told no more changes what can be received.
    this.#queue.wakeAll();
  }

  /** One task less has the filter: the last one's end is told. */
  userLeft(): void {
    if (!this.#hasUsers) this.#queue.wakeAll();
  }

  get #hasUsers(): boolean {
    for (const { state, seccomp } of this.#kernel.tasks.tasks.values())
      if (state !== "Z" && state !== "X" && seccomp?.filters.includes(this.#filter) === true) return true;
    return false;
  }

  override poll(): number {
    let ready = 0;
    for (const { state } of this.#waiting.values())
      if (state === "new") ready |= POLLIN | POLLRDNORM;
      else if (state === "told") ready |= POLLOUT | POLLWRNORM;
    return this.#hasUsers ? ready : ready | POLLHUP;
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override ioctl(task: Task, command: number, argument: number): number {
    const request = command >>> 0;
    if (((request ^ SECCOMP_IOCTL_NOTIF_ADDFD) & ~(IOC_SIZE_MASK | IOC_DIRECTION_MASK)) === 0)
      return this.#addFile(task, argument, sizeOfRequest(request));
    switch (request) {
      case SECCOMP_IOCTL_NOTIF_RECV:
        return this.#receive(task, argument);
      case SECCOMP_IOCTL_NOTIF_SEND:
        return this.#send(task, argument);
      case SECCOMP_IOCTL_NOTIF_ID_VALID:
      case SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR: {
        const id = task.space.loadU64(argument);
        return id < 0 ? -EFAULT : this.#waiting.get(id)?.state === "told" ? 0 : -ENOENT;
      }
      // Harts take turns here: who is woken runs next on the same one, whatever is asked for.
      case SECCOMP_IOCTL_NOTIF_SET_FLAGS:
        return (argument & ~SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) === 0 ? 0 : -EINVAL;
      default:
        return -EINVAL;
    }
  }

  /** SECCOMP_IOCTL_NOTIF_RECV: 0; −EINVAL: the room is not zero; −ENOENT: nobody has the filter any more. */
  #receive(task: Task, address: number): number {
    if (task.space.copyIn(address, bytes, 0, SeccompNotif.size) < 0) return -EFAULT;
    if (bytes.some((byte) => byte !== 0)) return -EINVAL;
    for (const notification of this.#waiting.values()) {
      if (notification.state !== "new") continue;
      const { id, caller, data } = notification;
      put64(view, SeccompNotif.offset.id, id);
      view.setUint32(SeccompNotif.offset.pid, task.group.pidNamespace.idOf(caller.tid), true);
      for (const [index, word] of data.entries()) view.setUint32(SeccompNotif.offset.data + index * 4, word, true);
      if (task.space.copyOut(address, bytes, 0, SeccompNotif.size) < 0) return -EFAULT;
      notification.state = "told";
      if (this.#isKillable && caller.state === "S") caller.blockedKind = BLOCKED_KILLABLE;
      this.#queue.wakeAll();
      return 0;
    }
    if (!this.#hasUsers) return -ENOENT;
    task.waitOn(this.#queue);
    return BLOCKED;
  }

  /** SECCOMP_IOCTL_NOTIF_SEND: 0, −EINPROGRESS, −ENOENT. */
  #send(task: Task, address: number): number {
    if (task.space.copyIn(address, bytes, 0, SeccompNotifResp.size) < 0) return -EFAULT;
    const id = idIn(view),
      low = view.getUint32(SeccompNotifResp.offset.val, true),
      high = view.getUint32(SeccompNotifResp.offset.val + 4, true),
      error = view.getInt32(SeccompNotifResp.offset.error, true),
      flags = view.getUint32(SeccompNotifResp.offset.flags, true);
    if ((flags & ~SECCOMP_USER_NOTIF_FLAG_CONTINUE) !== 0) return -EINVAL;
    const goesAhead = flags !== 0;
    if (goesAhead && (error !== 0 || low !== 0 || high !== 0)) return -EINVAL;
    const notification = this.#waiting.get(id);
    if (notification === undefined) return -ENOENT;
    if (notification.state !== "told") return -EINPROGRESS;
    notification.goesAhead = goesAhead;
    notification.answer(error === 0 ? low : error >>> 0, error === 0 ? high : error < 0 ? 0xffffffff : 0);
    return 0;
  }

  /**
   * SECCOMP_IOCTL_NOTIF_ADDFD: a descriptor of the caller's; −E2BIG, −EBADF, −EINPROGRESS, −EMFILE, −ENOENT.
   *
   * @param size  of the record as the caller knows it
   */
  #addFile(task: Task, address: number, size: number): number {
    if (size < SeccompNotifAddfd.size || size >= PAGE_SIZE) return -EINVAL;
    const { u8, view: record } = this.#kernel.scratch;
    const failed = copyExtensible(task.space, address, u8, size, SeccompNotifAddfd.size);
    if (failed < 0) return failed;
    const id = idIn(record),
      flags = record.getUint32(SeccompNotifAddfd.offset.flags, true),
      source = record.getInt32(SeccompNotifAddfd.offset.srcfd, true),
      target = record.getInt32(SeccompNotifAddfd.offset.newfd, true),
      fileFlags = record.getUint32(SeccompNotifAddfd.offset.newfd_flags, true);
    if ((fileFlags & ~O_CLOEXEC) !== 0) return -EINVAL;
    if ((flags & ~(SECCOMP_ADDFD_FLAG_SETFD | SECCOMP_ADDFD_FLAG_SEND)) !== 0) return -EINVAL;
    const replaces = (flags & SECCOMP_ADDFD_FLAG_SETFD) !== 0;
    if (target !== 0 && !replaces) return -EINVAL;
    const file = task.files.get(source);
    if (file === undefined) return -EBADF;
    const notification = this.#waiting.get(id);
    if (notification === undefined) return -ENOENT;
    if (notification.state !== "told") return notification.state === "answered" ? -EBUSY : -EINPROGRESS;
    const { caller } = notification;
    const limit = caller.group.limits[RLIMIT_NOFILE]!.soft,
      closeOnExec = (fileFlags & O_CLOEXEC) !== 0;
    let fd = target;
    if (!replaces) fd = caller.files.install(file.retain(), closeOnExec, 0, limit);
    else if (target < 0 || target >= limit) return -EBADF;
    else if (!caller.files.canHold(target)) return -EMFILE;
    else caller.files.installAt(caller, target, file.retain(), closeOnExec);
    if (fd >= 0 && (flags & SECCOMP_ADDFD_FLAG_SEND) !== 0) notification.answer(fd, 0);
    return fd;
  }

  /** Nobody answers any more: the calls fail. */
  protected override dispose(): void {
    this.#filter.listener = null;
    for (const notification of this.#waiting.values())
      if (notification.state !== "answered") notification.answer(-ENOSYS >>> 0, 0xffffffff);
    this.#waiting.clear();
  }

  override get description(): string {
    return "anon_inode:seccomp notify";
  }

  static {
    stateClass("SeccompListener", this, {
      save: (it) => ({
        kernel: it.#kernel,
        filter: it.#filter,
        isKillable: it.#isKillable,
        waiting: it.#waiting,
        queue: it.#queue,
        nextId: it.#nextId,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          filter: it.#filter,
          isKillable: it.#isKillable,
          waiting: it.#waiting,
          queue: it.#queue,
          nextId: it.#nextId,
        } = from),
    });
  }
}

/** The id with which a record begins; −1: none that was ever given. */
function idIn(record: DataView): number {
  const id = record.getBigUint64(0, true);
  return id <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(id) : -1;
}

/**
 * The call of the task on the hart, which waits for an answer, is executed again.
 *
 * @returns 0: it goes ahead; NO_RETURN: it is over, with its result in a0; BLOCKED, BLOCKED_KILLABLE
 */
export function answerOf(task: Task): number {
  const notification = task.notification as SeccompNotification;
  if (notification.state !== "answered") {
    task.waitOn(notification.queue);
    return task.blockedKind === BLOCKED_KILLABLE ? BLOCKED_KILLABLE : BLOCKED;
  }
  forgetNotification(task);
  if (notification.goesAhead) return 0;
  const { hart } = task.kernel;
  hart.setWords(A0, notification.low, notification.high);
  hart.pc = hart.pc + 4;
  return NO_RETURN;
}

function forgetNotification(task: Task): void {
  const notification = task.notification as SeccompNotification | null;
  if (notification === null) return;
  task.notification = null;
  notification.listener.forget(notification);
}

export const seccompObserver = stateConstant<TaskObserver>("seccompObserver", {
  callInterrupted: forgetNotification,
  taskEnds: (task) => {
    forgetNotification(task);
    for (const { listener } of task.seccomp?.filters ?? []) (listener as SeccompListener | null)?.userLeft();
  },
});
