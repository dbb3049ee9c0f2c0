import {
  EAGAIN,
  EEXIST,
  EINVAL,
  EMFILE,
  ENOSPC,
  FIONREAD,
  IN_ALL_EVENTS,
  IN_EXCL_UNLINK,
  IN_IGNORED,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONESHOT,
  IN_Q_OVERFLOW,
  InotifyEvent,
  O_NONBLOCK,
  POLLIN,
  POLLRDNORM,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { BLOCKED, WaitQueue } from "../../ground/wait-queue.ts";
import type { InotifyMark } from "../../vfs/inotify-mark.ts";
import { addMark, removeMark } from "../../vfs/file-events.ts";
import type { Inode } from "../../vfs/inode.ts";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import { PositionlessFile } from "../../vfs/positionless-file.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";
import type { WatchOwner } from "../watch-limits.ts";

/** What a watch is asked for; other bits are the marks' own. */
const KNOWN_BITS = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT | IN_MASK_ADD | IN_MASK_CREATE;

interface Event {
  watch: number;
  mask: number;
  cookie: number;
  name: string;
}

class Watch implements InotifyMark {
  readonly id: number;
  readonly inode: Inode;
  #file: InotifyFile;
  mask: number;

  get isOnlyLinked(): boolean {
    return (this.mask & IN_EXCL_UNLINK) !== 0;
  }

  constructor(file: InotifyFile, id: number, inode: Inode, mask: number) {
    this.#file = file;
    this.id = id;
    this.inode = inode;
    this.mask = mask;
  }

  notify(mask: number, cookie: number, name: string): void {
    this.#file.queueEvent(this, mask, cookie, name);
  }

  /** The watched file lost its last name and user. */
  ignored(): void {
    this.#file.dropWatch(this);
  }

  static {
    stateClass("Watch", this, {
      save: (it) => ({ file: it.#file }),
      load: (it, from) => ({ file: it.#file } = from),
    });
  }
}

/**
 * inotify(7): a queue of what happened to watched files. A watch holds its inode as a user. Bounds: WatchLimits; what
 * comes beyond is IN_Q_OVERFLOW, ENOSPC and EMFILE.
 */
export class InotifyFile extends PositionlessFile {
  #kernel: FsKernel;
  /** Whose limits it counts against. */
  #user: WatchOwner;
  #eventsMost: number;
  #watches = new Map<number, Watch>();
  #byInode = new Map<Inode, Watch>();
  #events: Event[] = [];
  #queue = new WaitQueue();
  #nextWatch = 1;
  #bytes = new Uint8Array(InotifyEvent.size + 272);
  #view = new DataView(this.#bytes.buffer);

  private constructor(kernel: FsKernel, user: WatchOwner, flags: number) {
    super(flags, null, null);
    this.#kernel = kernel;
    this.#user = user;
    this.#eventsMost = kernel.inotifyLimits.maximumEvents;
  }

  /** inotify_init1(2): −EMFILE when the user has enough of them. */
  static create(task: FsCaller, flags: number): InotifyFile | number {
    const { kernel, credentials } = task;
    const user = { userNamespace: credentials.userNamespace, uid: credentials.euid };
    return kernel.inotifyLimits.addInstance(user) ? new InotifyFile(kernel, user, flags) : -EMFILE;
  }

  /** inotify_add_watch(2): the watch's number; −EEXIST (IN_MASK_CREATE), −ENOSPC. */
  add(inode: Inode, mask: number): number {
    mask &= KNOWN_BITS;
    const present = this.#byInode.get(inode);
    if (present !== undefined) {
      if ((mask & IN_MASK_CREATE) !== 0) return -EEXIST;
      present.mask = (mask & IN_MASK_ADD) !== 0 ? present.mask | mask : mask;
      return present.id;
    }
    if (!this.#kernel.inotifyLimits.addWatch(this.#user)) return -ENOSPC;
    const watch = new Watch(this, this.#nextWatch++, inode, mask);
    this.#watches.set(watch.id, watch);
    this.#byInode.set(inode, watch);
    addMark(this.#kernel, inode, watch);
    return watch.id;
  }

  /** inotify_rm_watch(2): 0 or −EINVAL. */
  remove(id: number): number {
    const watch = this.#watches.get(id);
    if (watch === undefined) return -EINVAL;
    this.dropWatch(watch);
    return 0;
  }

  dropWatch(watch: Watch): void {
    if (!this.#watches.has(watch.id)) return;
    this.#detach(watch);
    this.#push({ watch: watch.id, mask: IN_IGNORED, cookie: 0, name: "" });
  }

  #detach(watch: Watch): void {
    this.#watches.delete(watch.id);
    this.#kernel.inotifyLimits.removeWatch(this.#user);
    const { inode } = watch;
    this.#byInode.delete(inode);
    removeMark(this.#kernel, inode, watch);
    if (inode.users === 0) inode.evictUnused();
  }

  queueEvent(watch: Watch, mask: number, cookie: number, name: string): void {
    this.#push({ watch: watch.id, mask, cookie, name });
    if ((watch.mask & IN_ONESHOT) !== 0) this.dropWatch(watch);
  }

  #push(event: Event): void {
    const events = this.#events;
    const last = events.at(-1);
    // Equal neighbours are one event (inotify(7)).
    if (
      last !== undefined &&
      last.watch === event.watch &&
      last.mask === event.mask &&
      last.cookie === event.cookie &&
      last.name === event.name
    )
      return;
    const limits = this.#kernel.inotifyLimits;
    const isLost = events.length >= this.#eventsMost || limits.isFull;
    if (isLost && last?.mask === IN_Q_OVERFLOW) return;
    events.push(isLost ? { watch: -1, mask: IN_Q_OVERFLOW, cookie: 0, name: "" } : event);
    limits.events++;
    this.#queue.wakeAll();
  }

  override hasIterator(_isWrite: boolean): boolean {
    return false;
  }

  override read(task: FsCaller, to: IoCursor): number {
    if (this.#events.length === 0) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(this.#queue);
      return BLOCKED;
    }
    // What was put leaves the queue at once: it may have thousands.
    let taken = 0;
    const done = this.#putEvents(task, to, () => taken++);
    this.#events.splice(0, taken);
    this.#kernel.inotifyLimits.events -= taken;
    return done;
  }

  #putEvents(task: FsCaller, to: IoCursor, took: () => void): number {
    let done = 0,
      count = 0;
    for (const event of this.#events) {
      const size = sizeOf(event);
      // A buffer too small for the next event is EINVAL when nothing fitted yet.
      if (to.remaining < size) return done > 0 ? done : -EINVAL;
      if (task.kernel.work.isUsed) return done;
      this.#bytes.fill(0);
      this.#view.setInt32(InotifyEvent.offset.wd, event.watch, true);
      this.#view.setUint32(InotifyEvent.offset.mask, event.mask >>> 0, true);
      this.#view.setUint32(InotifyEvent.offset.cookie, event.cookie, true);
      this.#view.setUint32(InotifyEvent.offset.len, size - InotifyEvent.size, true);
      for (let index = 0; index < event.name.length; index++)
        this.#bytes[InotifyEvent.size + index] = event.name.charCodeAt(index);
      const moved = putWhole(to, this.#bytes, 0, size);
      took();
      // Those before it are lost, too (fs/notify/inotify/inotify_user.c, inotify_read).
      if (moved < 0) return moved;
      // An event costs a fraction of a unit.
      if ((++count & 3) === 0) task.kernel.work.charge(1);
      done += size;
    }
    return done;
  }

  override poll(): number {
    return this.#events.length > 0 ? POLLIN | POLLRDNORM : 0;
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override get asyncQueue(): WaitQueue {
    return this.#queue;
  }

  override ioctl(task: FsCaller, command: number, argument: number): number {
    if (command !== FIONREAD) return super.ioctl(task, command, argument);
    let total = 0;
    for (const event of this.#events) total += sizeOf(event);
    return task.space.storeU32(argument, total);
  }

  override details(): string {
    return [...this.#watches.values()]
      .reverse()
      .map(
        (watch) =>
          `inotify wd:${watch.id.toString(16)} ino:${watch.inode.ino.toString(16)} ` +
          `sdev:${watch.inode.fileSystem.device.toString(16)} ` +
          `mask:${((watch.mask & (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT)) >>> 0).toString(16)} ignored_mask:0\n`,
      )
      .join("");
  }

  protected override dispose(): void {
    for (const watch of [...this.#watches.values()]) this.#detach(watch);
    this.#kernel.inotifyLimits.events -= this.#events.length;
    this.#kernel.inotifyLimits.removeInstance(this.#user);
  }

  override get description(): string {
    return "anon_inode:inotify";
  }

  static {
    stateClass("InotifyFile", this, {
      save: (it) => ({
        kernel: it.#kernel,
        user: it.#user,
        eventsMost: it.#eventsMost,
        watches: it.#watches,
        byInode: it.#byInode,
        events: it.#events,
        queue: it.#queue,
        nextWatch: it.#nextWatch,
        bytes: it.#bytes,
        view: it.#view,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          user: it.#user,
          eventsMost: it.#eventsMost,
          watches: it.#watches,
          byInode: it.#byInode,
          events: it.#events,
          queue: it.#queue,
          nextWatch: it.#nextWatch,
          bytes: it.#bytes,
          view: it.#view,
        } = from),
    });
  }
}

function sizeOf(event: Event): number {
  return event.name === "" ? InotifyEvent.size : InotifyEvent.size + ((event.name.length + 1 + 15) & ~15);
}
