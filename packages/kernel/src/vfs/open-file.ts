import {
  F_OWNER_TID,
  EINVAL,
  ENODEV,
  ENOTDIR,
  ENOTTY,
  EOPNOTSUPP,
  ESPIPE,
  O_ACCMODE,
  O_PATH,
  O_RDWR,
  O_WRONLY,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  SEEK_CUR,
  S_IFBLK,
  S_IFMT,
} from "@stratos/abi";
import type { PageCache } from "../frames/page-cache.ts";
import type { Credentials } from "../security/credentials.ts";
import type { WaitQueue } from "../ground/wait-queue.ts";
import type { Inode } from "./inode.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import type { Path } from "./path.ts";
import type { Caller } from "./vfs-kernel.ts";
import { dropLocksOf, type FoundLock, type LockOwner, type RangeLock } from "./held-locks.ts";

/** Told when a description is gone (epoll(7): it then leaves every interest list by itself). */
export interface DescriptionObserver {
  descriptionClosed(file: OpenFile): void;
}

/**
 * An open file description (open(2)): what file descriptors point to, shared by dup and fork. Subclasses are the kinds
 * of file: regular files, directories, pipes, ttys, sockets, eventfds …
 *
 * Integer results are ≥ 0 or a negated errno, BLOCKED or BLOCKED_EINTR (ground/wait-queue.ts) after
 * `task.waitOn(queue)`.
 */
export abstract class OpenFile implements LockOwner {
  /** O_* as fcntl(F_GETFL) shows them: access mode, O_APPEND, O_NONBLOCK … */
  flags: number;
  /** File offset in bytes, where the kind has one. */
  position = 0;
  /** Null for what has no name (pipes, sockets, eventfds, memfds). */
  readonly path: Path | null;
  /** Null only for anonymous kinds without an inode of their own; fstat then shows `anonymousMode`. */
  readonly inode: Inode | null;
  /** Descriptors and other holders (in-flight SCM_RIGHTS, mappings). */
  references = 1;
  /** fcntl(F_SETOWN): number of who gets SIGIO and SIGURG (file-owner.ts). */
  owner = 0;
  /** F_OWNER_TID: `owner` is a thread, which alone is told; F_OWNER_PID, F_OWNER_PGRP. */
  ownerType: number = F_OWNER_TID;
  /** The open that made this description made the file, too (F_CREATED_QUERY). */
  isCreated = false;
  /** Opened for a listener of fanotify(7): what is done by way of it is told to nobody, and nobody is asked. */
  isSilent = false;
  /** Of who opened it by a path: a name for it is theirs to make (linkat(2), AT_EMPTY_PATH). */
  openedBy: Credentials | null = null;
  /** LANDLOCK_ACCESS_FS_TRUNCATE and IOCTL_DEV, where who opened it had given these up: by way of it nobody may. */
  landlockRefused = 0;
  /** Of who called F_SETOWN: whom they may signal. */
  ownerCredentials: Credentials | null = null;
  /** Its process, which may always signal itself. */
  ownerNamedBy = 0;
  /** fcntl(F_SETSIG); 0: SIGIO. */
  ioSignal = 0;
  /** Sends the signals of O_ASYNC; null without it. */
  asyncNotification: { stop(): void } | null = null;
  /** fcntl(F_NOTIFY) of a folder. */
  directoryNotification: { extend(flags: number): void; stop(): void } | null = null;
  /** Epoll items on this description; null while there are none. */
  observers: Set<DescriptionObserver> | null = null;
  /** An inode made up for a kind without one of its own (anonymous-file.ts). */
  anonymousInode: Inode | null = null;
  /** Who waits for a range lock that is to be this description's (file-locks.ts). */
  rangeWait: LockOwner["rangeWait"] = null;
  identity = 0;

  constructor(flags: number, inode: Inode | null, path: Path | null) {
    this.flags = flags;
    this.inode = inode;
    this.path = path;
    path?.retain();
    countWriter(this, 1);
  }

  /** The file as its name shows it: of a stacked file system another inode than the one with the content. */
  get shownInode(): Inode | null {
    const named = this.path?.dentry.inode ?? null;
    return named !== null && named.isStacked ? named : this.inode;
  }

  get isReadable(): boolean {
    return (this.flags & O_WRONLY) === 0;
  }

  /** Mode 3 is for neither, but for ioctl(2) (open(2), "File access mode"). */
  get isWritable(): boolean {
    const access = this.flags & O_ACCMODE;
    return access === O_WRONLY || access === O_RDWR;
  }

  /**
   * @param offset  byte offset (pread), or −1: at `position`, which moves
   * @returns bytes put to `to`; 0 at the end of the file
   */
  read(task: Caller, to: IoCursor, offset: number): number {
    return -EINVAL;
  }

  write(task: Caller, from: IoCursor, offset: number): number {
    return -EINVAL;
  }

  /** Does it take RWF_NOWAIT (preadv2(2); Linux's FMODE_NOWAIT)? */
  get mayNotWait(): boolean {
    return true;
  }

  /** Does Linux read or write it by iterators, so that it takes RWF_* (preadv2(2))? */
  hasIterator(_isWrite: boolean): boolean {
    return true;
  }

  /** Readiness now, as POLL* bits; plain files are always ready (Linux's DEFAULT_POLLMASK). */
  poll(): number {
    return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
  }

  /**
   * Before `poll`, where a program of the machine is asked for it (fs/fuse).
   * @param events  POLL* that are wanted
   * @param waits  who asks will wait when there is none
   * @returns 0: `poll` knows it; BLOCKED: the call comes again
   */
  askPoll(events: number, waits: boolean): number {
    return 0;
  }

  /** A caller of poll(2), select(2) or epoll_wait(2) was told of `events`: an event that is told once is over. */
  eventsTold(_events: number): void {}

  /** Woken when `poll()` may have changed; null when it never does. */
  get waitQueue(): WaitQueue | null {
    return null;
  }

  /**
   * What O_ASYNC listens to: `waitQueue` of pipes, sockets, terminals, inotify and random devices; null for the kinds
   * that send no SIGIO. A signalfd among them would answer each signal with the next.
   *
   * @see Linux `file_operations.fasync`
   */
  get asyncQueue(): WaitQueue | number | null {
    return null;
  }

  /** @param argument  usually a user address */
  ioctl(task: Caller, command: number, argument: number): number {
    return -ENOTTY;
  }

  /** fcntl(F_SETLK), where others than the kernel keep the locks of the file; null: it does itself (file-locks.ts). */
  lockRange(task: Caller, wanted: RangeLock, mayWait: boolean): number | null {
    return null;
  }

  /** The same for F_GETLK, … */
  findLock(task: Caller, wanted: RangeLock): FoundLock | number | null {
    return null;
  }

  /** … and for flock(2). @param kind  LOCK_SH, LOCK_EX or 0 (unlock) */
  lockWhole(task: Caller, kind: number, mayWait: boolean): number | null {
    return null;
  }

  seek(offset: number, whence: number): number {
    return -ESPIPE;
  }

  /** A regular file or a block device: no signal ends a transfer half-way, and what was cut goes on (signal(7)). */
  get isOnDisk(): boolean {
    const { inode } = this;
    return inode !== null && (inode.isRegular || (inode.mode & S_IFMT) === S_IFBLK);
  }

  /** Bytes that one read or write may have, which moves a whole message; 0: bytes come and go as they like. */
  get messageMost(): number {
    return 0;
  }

  /** May it be read or written at a place of one's choice (pread(2), ESPIPE)? */
  get hasPositions(): boolean {
    return this.seek(0, SEEK_CUR) !== -ESPIPE;
  }

  /**
   * copy_file_range(2) by the file system, where that is by descriptions.
   * @returns bytes; −EOPNOTSUPP: they are read and written
   */
  copyRange(source: OpenFile, from: number, to: number, length: number): number {
    return -EOPNOTSUPP;
  }

  /**
   * getdents64: calls `emit` from `position` on; it returns false when its buffer is full. The entry that was refused
   * is emitted again next time.
   */
  readDirectory(
    task: Caller,
    emit: (name: string, ino: number, type: number, nextPosition: number) => boolean,
  ): number {
    return -ENOTDIR;
  }

  /** Whose bytes read, write and mmap see: the file itself but for a node of a device. */
  get contentInode(): Inode | null {
    return this.inode;
  }

  /**
   * Pages for mmap of so many bytes from `offset` on; null: zeroed memory, as without a file; −ENODEV when the kind
   * cannot be mapped.
   */
  mapping(offset?: number, length?: number): PageCache | null | number {
    return this.inode?.pages ?? -ENODEV;
  }

  /** May a mapping of it be shared (MAP_SHARED)? */
  get isSharable(): boolean {
    return true;
  }

  /** Which of them a mapping at `offset` begins with: others may be the same. */
  mappedFrom(offset: number): number {
    return offset;
  }

  /** May it be given away (SCM_RIGHTS), and stand in a ring's table? Not a ring, which would hold itself. */
  get isPassable(): boolean {
    return true;
  }

  sync(dataOnly: boolean): number {
    return -EINVAL;
  }

  /** munmap(2) and the end of a process wait for that. @returns 0, a negated errno; BLOCKED: it comes again */
  beforeUnmap(): number {
    return 0;
  }

  /** close(2) waits for that before the descriptor is gone. @returns 0, a negated errno; BLOCKED: it comes again */
  beforeClose(): number {
    return 0;
  }

  /** Called by close(2) of each descriptor (POSIX locks, flush); errors are reported to the caller. */
  onDescriptorClose(task: Caller): number {
    return 0;
  }

  /** The last reference is gone. */
  protected dispose(): void {}

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references > 0) return;
    if (closing.depth === NESTED_CLOSES_MAX) {
      closing.later.push(this);
      return;
    }
    closing.depth++;
    this.#close();
    closing.depth--;
    while (closing.depth === 0 && closing.later.length > 0) {
      closing.depth++;
      closing.later.pop()!.#close();
      closing.depth--;
    }
  }

  #close(): void {
    this.asyncNotification?.stop();
    this.directoryNotification?.stop();
    if (this.observers !== null) for (const observer of [...this.observers]) observer.descriptionClosed(this);
    countWriter(this, -1);
    const { shownInode } = this;
    if (shownInode !== null && shownInode.locks !== null) dropLocksOf(this, shownInode);
    this.dispose();
    this.path?.release();
  }

  /** Lines of /proc/PID/fdinfo/N that only this kind has, each ended. */
  details(task: Caller): string {
    return "";
  }

  /** What /proc/PID/fd/N shows for a file without a name, such as `pipe:[12]`. */
  get description(): string {
    return "anon_inode:[file]";
  }
}

/** Closes within closes: deep enough for what is held in the ordinary way, and no stack. */
const NESTED_CLOSES_MAX = 16;
/**
 * A file may be the last to hold another, in its queue of messages or its requests, and so on for thousands: beyond
 * some, the outermost close does what is left (Linux: delayed_fput). Between two calls there is nothing in it.
 */
const closing = { depth: 0, later: [] as OpenFile[] };

/** Plain files that are open to be written keep their mount from becoming read-only (fs/open.c, do_dentry_open). */
function countWriter({ flags, path, inode }: OpenFile, change: number): void {
  const access = flags & O_ACCMODE;
  if (access === 0 || access === O_ACCMODE || (flags & O_PATH) !== 0 || path === null || inode?.isRegular !== true)
    return;
  path.mount.writers += change;
  path.mount.fileSystem.writers += change;
}
