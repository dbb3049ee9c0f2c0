import {
  EEXIST,
  EFAULT,
  EINVAL,
  ELOOP,
  ENOENT,
  ENOSPC,
  EPERM,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLONESHOT,
  EPOLLWAKEUP,
  EpollEvent,
  O_RDWR,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDBAND,
  POLLRDNORM,
  POLLWRBAND,
  POLLWRNORM,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { UserMemory } from "../ground/user-memory.ts";
import { WaitQueue, type Waiter } from "../ground/wait-queue.ts";
import { hex64 } from "../ground/words.ts";
import { OpenFile, type DescriptionObserver } from "../vfs/open-file.ts";
import { PositionlessFile } from "../vfs/positionless-file.ts";

/** Items of all instances of a machine; the kernel. */
interface EpollUsage {
  epollItems: number;
}

/**
 * epoll(7). An item watches one (descriptor, description) pair and stands permanently in the description's wait queue.
 * A wake-up puts it on the ready list; whoever waits then asks the file itself, so the list may hold items that are
 * ready no more.
 *
 * Callers of epoll_wait wait apart from those who poll the epoll file: an event wakes one of them, and whoever
 * leaves something on the list wakes the next,
 * so that a level-triggered event finds every waiter in turn and an edge-triggered one a single waiter (epoll(7)).
 *
 * Level-triggered items go back to the end of the list after each report, edge-triggered ones leave it, one-shot ones
 * are disarmed. Invariant: an item whose file is ready, and that has not been reported since, is on the list.
 */
export class EpollFile extends PositionlessFile {
  #items = new Map<OpenFile, Map<number, EpollItem>>();
  /** In order of becoming ready. */
  #ready = new Set<EpollItem>();
  /** Pollers of this file, and epoll files that watch it. */
  #queue = new WaitQueue();
  /** Tasks in epoll_wait. */
  readonly callers = new WaitQueue();
  #usage: EpollUsage;

  constructor(usage: EpollUsage = { epollItems: 0 }) {
    super(O_RDWR, null, null);
    this.#usage = usage;
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override get description(): string {
    return "anon_inode:[eventpoll]";
  }

  override poll(): number {
    for (const item of this.#ready) {
      if (item.currentEvents() !== 0) return POLLIN | POLLRDNORM;
      this.#ready.delete(item);
    }
    return 0;
  }

  /** proc_pid_fdinfo(5); of an interest list that is longer, the first ITEMS_SHOWN. */
  override details(): string {
    let text = "";
    let left = ITEMS_SHOWN;
    this.forEachItem((item) => {
      if (left-- <= 0) return;
      const fd = String(item.fd).padStart(8);
      const events = ((item.events | POLLERR | POLLHUP) >>> 0).toString(16).padStart(8);
      const { file } = item;
      text +=
        `tfd: ${fd} events: ${events} data: ${hex64(item.dataLow, item.dataHigh).padStart(16)}  pos:${file.position} ` +
        `ino:${(file.inode?.ino ?? 0).toString(16)} sdev:${(file.inode?.fileSystem.device ?? 0).toString(16)}\n`;
    });
    return text;
  }

  /** kcmp(2): what the item of rank `rank` among those made for descriptor `fd` watches; −ENOENT. */
  fileAt(fd: number, rank: number): OpenFile | number {
    let left = rank;
    for (const [file, byFd] of this.#items) if (byFd.has(fd) && left-- === 0) return file;
    return -ENOENT;
  }

  /** Each item. */
  forEachItem(visit: (item: EpollItem) => void): void {
    for (const byFd of this.#items.values()) for (const item of byFd.values()) visit(item);
  }

  /**
   * EPOLL_CTL_ADD.
   * @returns 0; −EPERM the file can't be waited for; −EINVAL itself, or a bad EPOLLEXCLUSIVE; −ELOOP a circle or too
   *   deep; −EEXIST; −ENOSPC too many items
   */
  add(fd: number, file: OpenFile, events: number, dataLow: number, dataHigh: number): number {
    const queue = file.waitQueue;
    if (queue === null) return -EPERM;
    if (file === this) return -EINVAL;
    if ((events & EPOLLEXCLUSIVE) !== 0 && ((events & ~EXCLUSIVE_BITS) !== 0 || file instanceof EpollFile))
      return -EINVAL;
    if (this.#items.get(file)?.has(fd)) return -EEXIST;
    if (this.#usage.epollItems >= ITEMS_MAX) return -ENOSPC;
    if (file instanceof EpollFile && (file.#reaches(this, 1) || file.#depth() + this.#depthAbove() > NESTS_MAX))
      return -ELOOP;

    const item = new EpollItem(this, fd, file, queue, events, dataLow, dataHigh);
    let byFd = this.#items.get(file);
    if (byFd === undefined) this.#items.set(file, (byFd = new Map()));
    byFd.set(fd, item);
    this.#usage.epollItems++;
    queue.add(item);
    (file.observers ??= new Set()).add(item);
    this.#arm(item);
    return 0;
  }

  /** EPOLL_CTL_MOD: 0, −EPERM, −ENOENT, or −EINVAL for an exclusive item. */
  modify(fd: number, file: OpenFile, events: number, dataLow: number, dataHigh: number): number {
    if (file.waitQueue === null) return -EPERM;
    if (file === this) return -EINVAL;
    const item = this.#items.get(file)?.get(fd);
    if ((events & EPOLLEXCLUSIVE) !== 0 || (item !== undefined && (item.events & EPOLLEXCLUSIVE) !== 0)) return -EINVAL;
    if (item === undefined) return -ENOENT;
    item.events = events;
    item.isArmed = true;
    item.dataLow = dataLow;
    item.dataHigh = dataHigh;
    this.#arm(item);
    return 0;
  }

  /** EPOLL_CTL_DEL: 0, −EPERM or −ENOENT. */
  remove(fd: number, file: OpenFile): number {
    if (file.waitQueue === null) return -EPERM;
    if (file === this) return -EINVAL;
    const item = this.#items.get(file)?.get(fd);
    if (item === undefined) return -ENOENT;
    this.#drop(item);
    return 0;
  }

  /**
   * Takes what is ready, at most `most`, into an array of struct epoll_event. What the array has no memory for keeps
   * its turn; the padding of an entry is left as it is. Source: Linux fs/eventpoll.c ep_send_events.
   * @returns number of events stored; −EFAULT the first one can't be
   */
  collect(memory: UserMemory, address: number, most: number): number {
    let count = 0;
    // Items that go back to the end of the list must not be met again: stop after the last that was there at first.
    for (let left = this.#ready.size; left > 0 && count < most; left--) {
      const item = this.#ready.values().next().value!;
      const events = item.currentEvents();
      if (events === 0) {
        this.#ready.delete(item);
        continue;
      }
      const entry = address + count * EpollEvent.size;
      if (
        memory.storeU32(entry + EpollEvent.offset.events, events) < 0 ||
        memory.storeU32(entry + EpollEvent.offset.data, item.dataLow) < 0 ||
        memory.storeU32(entry + EpollEvent.offset.data + 4, item.dataHigh) < 0
      )
        return count > 0 ? count : -EFAULT;
      item.file.eventsTold(events);
      count++;
      this.#ready.delete(item);
      if ((item.events & EPOLLONESHOT) !== 0) item.isArmed = false;
      else if ((item.events & EPOLLET) === 0) this.#ready.add(item);
    }
    return count;
  }

  /**
   * Before `collect`, where programs of the machine serve files: those that may be ready are asked for.
   * @returns 0; BLOCKED: the call comes again
   */
  askReady(): number {
    for (const { file, interest } of this.#ready) {
      const asking = interest === 0 ? 0 : file.askPoll(interest, true);
      if (asking < 0) return asking;
    }
    return 0;
  }

  /** Called by an item whose file woke its queue. @returns whether somebody waited for it */
  itemWoken(item: EpollItem): boolean {
    this.#ready.add(item);
    const isWatched = !this.#queue.isEmpty;
    this.#queue.wakeAll(POLLIN);
    return this.callers.wake(1, POLLIN) > 0 || isWatched;
  }

  /** A caller goes on and leaves what may still be ready to the next. */
  passOn(): void {
    if (!this.callers.isEmpty && this.poll() !== 0) this.callers.wake(1, POLLIN);
  }

  itemClosed(item: EpollItem): void {
    this.#drop(item);
  }

  #arm(item: EpollItem): void {
    if (item.currentEvents() !== 0) this.itemWoken(item);
  }

  #drop(item: EpollItem): void {
    const byFd = this.#items.get(item.file);
    if (byFd?.get(item.fd) !== item) return;
    byFd.delete(item.fd);
    if (byFd.size === 0) this.#items.delete(item.file);
    this.#usage.epollItems--;
    this.#ready.delete(item);
    item.queue.remove(item);
    item.file.observers?.delete(item);
  }

  /** Is `target` below this one? Bound: the nesting that `add` lets through. */
  #reaches(target: EpollFile, depth: number): boolean {
    if (depth > NESTS_MAX + 1) return true;
    for (const file of this.#items.keys()) {
      if (file === target || (file instanceof EpollFile && file.#reaches(target, depth + 1))) return true;
    }
    return false;
  }

  /** Levels of epoll files from here down, this one included. */
  #depth(): number {
    let deepest = 0;
    for (const file of this.#items.keys()) if (file instanceof EpollFile) deepest = Math.max(deepest, file.#depth());
    return deepest + 1;
  }

  /** Levels of epoll files that watch this one. */
  #depthAbove(): number {
    let highest = 0;
    if (this.observers !== null)
      for (const observer of this.observers)
        if (observer instanceof EpollItem) highest = Math.max(highest, observer.epoll.#depthAbove() + 1);
    return highest;
  }

  protected override dispose(): void {
    for (const byFd of [...this.#items.values()]) for (const item of [...byFd.values()]) this.#drop(item);
  }

  static {
    stateClass("EpollFile", this, {
      save: (it) => ({ items: it.#items, ready: it.#ready, queue: it.#queue, usage: it.#usage }),
      load: (it, from) => ({ items: it.#items, ready: it.#ready, queue: it.#queue, usage: it.#usage } = from),
    });
  }
}

const ITEMS_SHOWN = 4096;
/** EP_MAX_NESTS: how many epoll files may stand below one another. */
const NESTS_MAX = 4;
/** /proc/sys/fs/epoll/max_user_watches, for all instances together. */
export const ITEMS_MAX = 1 << 18;
/** What may stand beside EPOLLEXCLUSIVE. Source: Linux fs/eventpoll.c EPOLLEXCLUSIVE_OK_BITS. */
const EXCLUSIVE_BITS = POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;
/** Bits of `events` that are orders, not conditions. */
const PRIVATE_BITS = EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE;

/** One entry of an interest list. */
class EpollItem implements Waiter, DescriptionObserver {
  readonly epoll: EpollFile;
  readonly fd: number;
  readonly file: OpenFile;
  readonly queue: WaitQueue;
  events: number;
  dataLow: number;
  dataHigh: number;
  /** False after a one-shot item was reported, until EPOLL_CTL_MOD. */
  isArmed = true;

  constructor(
    epoll: EpollFile,
    fd: number,
    file: OpenFile,
    queue: WaitQueue,
    events: number,
    dataLow: number,
    dataHigh: number,
  ) {
    this.epoll = epoll;
    this.fd = fd;
    this.file = file;
    this.queue = queue;
    this.events = events;
    this.dataLow = dataLow;
    this.dataHigh = dataHigh;
  }

  get interest(): number {
    return this.isArmed ? (this.events & ~PRIVATE_BITS) | POLLERR | POLLHUP : 0;
  }

  currentEvents(): number {
    const interest = this.interest;
    return interest === 0 ? 0 : this.file.poll() & interest;
  }

  /** EPOLLEXCLUSIVE: of several epoll files on one description, one is told, if one has a caller. */
  get isExclusive(): boolean {
    return (this.events & EPOLLEXCLUSIVE) !== 0;
  }

  wake(_queue: WaitQueue, events: number): boolean {
    // Who names POLLIN means its band forms, too.
    const named =
      events |
      ((events & POLLIN) !== 0 ? POLLRDNORM | POLLRDBAND : 0) |
      ((events & POLLOUT) !== 0 ? POLLWRNORM | POLLWRBAND : 0);
    return (this.interest & named) !== 0 && this.epoll.itemWoken(this);
  }

  descriptionClosed(): void {
    this.epoll.itemClosed(this);
  }

  static {
    stateClass("EpollItem", this);
  }
}
