import {
  EFAULT,
  EINVAL,
  EIO,
  ENODEV,
  ENOSYS,
  EOPNOTSUPP,
  O_APPEND,
  PAGE_SIZE,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  SEEK_DATA,
  SEEK_HOLE,
  isErrno,
} from "@stratos/abi";
import {
  FUSE_COPY_FILE_RANGE,
  FUSE_FLUSH,
  FUSE_LSEEK,
  FUSE_POLL,
  FUSE_POLL_SCHEDULE_NOTIFY,
  FUSE_READ,
  FUSE_WRITE,
  FOPEN_DIRECT_IO,
  FOPEN_NOFLUSH,
  FuseCopyFileRangeIn,
  FuseFlushIn,
  FuseLseekIn,
  FuseLseekOut,
  FusePollIn,
  FusePollOut,
  FuseReadIn,
  FuseWriteIn,
  FuseWriteOut,
} from "@stratos/abi/fuse";
import { stateClass } from "@stratos/base";
import { isInRanges } from "../../frames/memory-account.ts";
import { PageCache } from "../../frames/page-cache.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { identityOf } from "../../ground/identity.ts";
import { BLOCKED, WaitQueue } from "../../ground/wait-queue.ts";
import { getU64, viewOf } from "../../ground/words.ts";
import { clipToLimits, FILE_SIZE_MAX } from "../../vfs/content-change.ts";
import { notifyFile } from "../../vfs/file-events.ts";
import type { FoundLock, RangeLock } from "../../vfs/held-locks.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { seekInode } from "../../vfs/regular-file.ts";
import type { FsCaller } from "../fs-kernel.ts";
import type { FuseHandle } from "./fuse-handle.ts";
import { servedIoctl } from "./fuse-ioctl.ts";
import { findServedRange, lockOwnerOf, setServedFlock, setServedRange } from "./fuse-locks.ts";
import { type FuseRequest, HEADER_SIZE, keyOf, message, putOpaque } from "./fuse-request.ts";
import type { ServedNode } from "./served-node.ts";
import { awaitArrivals, overlayWritten, postWritten, storeWritten } from "./store-written.ts";

/** Bytes that one mapping reads in at most: they stay in memory while the file is used. */
const MAPPED_MAX = 2 ** 30;
/** Of a call that asks the server nothing after it has stored what mappings wrote. */
const NOTHING_NEXT = 0;
/** What a file is ready for whose server knows nothing of that (Linux's DEFAULT_POLLMASK). */
const ALWAYS_READY = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
/** Bytes that a server is asked at once to copy (fs/fuse/file.c, `__fuse_copy_file_range`). */
const COPIED_MAX = 0xfffff000;

/**
 * An open file of a server. Each read and write is a request, or several; a mapping has a copy of the content, which is
 * read in before it is made, since a page fault can't wait for a program.
 */
export class FuseFile extends OpenFile {
  declare readonly inode: ServedNode;
  readonly handle: FuseHandle;
  /** Who waits for an event of it. */
  readonly pollers = new WaitQueue();
  /** What it is ready for, as the server has said last. */
  revents = ALWAYS_READY;
  /** Answers to older requests than that are what it was ready for before the server told that this changed. */
  noticedAt = 0;

  constructor(flags: number, inode: ServedNode, path: Path, handle: FuseHandle) {
    super(flags, inode, path);
    this.handle = handle;
    handle.retain();
    inode.handles.add(handle);
    inode.fileSystem.kernel.vfs.servedFiles++;
    inode.descriptions++;
    if (this.isWritable) inode.writers++;
  }

  override get mayNotWait(): boolean {
    return false;
  }

  override read(_task: FsCaller, to: IoCursor, offset: number): number {
    const { inode } = this;
    const { kernel, connection } = inode.fileSystem;
    const at = offset < 0 ? this.position : offset;
    const asked: FuseRequest[] = [];
    let done = 0;
    let failure = 0;
    while (to.remaining > 0) {
      const size = Math.min(connection.readSize, to.remaining);
      const answer = this.#askRead(at + done, size);
      if (isErrno(answer)) {
        if (answer <= BLOCKED) return answer;
        failure = answer;
        break;
      }
      asked.push(answer);
      overlayWritten(inode, at + done, answer.reply);
      const got = answer.reply.length;
      const moved = got === 0 ? 0 : to.put(answer.reply, 0, got);
      if (moved < 0) {
        failure = moved;
        break;
      }
      done += moved;
      kernel.work.charge(1 + (moved >> 12));
      if (moved < size) break;
      if (to.remaining > 0 && kernel.work.mayPause) {
        kernel.work.isCut = true;
        break;
      }
    }
    for (const answer of asked) connection.used(answer);
    if (done === 0 && failure < 0) return failure;
    if (offset < 0) this.position = at + done;
    if (done > 0 && kernel.vfs.watchCount > 0) notifyFile(kernel, this, "access");
    return done;
  }

  #askRead(offset: number, size: number): FuseRequest | number {
    const { fh } = this.handle;
    const make = (): Uint8Array => message(FuseReadIn, { offset, size, flags: this.flags }, fh);
    const answer = this.inode.ask(FUSE_READ, `${keyOf(fh)} ${offset} ${size}`, make, 0, size);
    if (!isErrno(answer)) answer.isTaken = true;
    return answer;
  }

  override write(task: FsCaller, from: IoCursor, offset: number): number {
    const { inode } = this;
    const { kernel, connection } = inode.fileSystem;
    const isAppend = (this.flags & O_APPEND) !== 0;
    const waits = awaitArrivals(inode, FUSE_WRITE);
    if (waits < 0) return waits;
    const at = isAppend ? inode.size : offset < 0 ? this.position : offset;
    const count = clipToLimits(task, at, from.remaining);
    if (count <= 0) return count;
    const asked: FuseRequest[] = [];
    let done = 0;
    let failure = 0;
    while (done < count) {
      const size = Math.min(connection.writeSize, count - done);
      const answer = this.#askWrite(at + done, size, isAppend, from);
      if (isErrno(answer)) {
        if (answer <= BLOCKED) return answer;
        failure = answer;
        break;
      }
      asked.push(answer);
      const put = viewOf(answer.reply).getUint32(FuseWriteOut.offset.size, true);
      if (put > size || put === 0) {
        failure = -EIO;
        break;
      }
      done += put;
      kernel.work.charge(1 + (put >> 12));
      if (put < size) break;
      if (done < count && kernel.work.mayPause) {
        kernel.work.isCut = true;
        break;
      }
    }
    let place = at;
    for (const answer of asked) {
      this.#updatePages(place, answer);
      place += viewOf(answer.reply).getUint32(FuseWriteOut.offset.size, true);
      connection.used(answer);
    }
    if (done === 0) return failure;
    if (offset < 0) this.position = at + done;
    if (at + done > inode.size) inode.size = at + done;
    inode.isChanged();
    inode.version++;
    if (kernel.vfs.watchCount > 0) notifyFile(kernel, this, "modify");
    return done;
  }

  #askWrite(offset: number, size: number, isAppend: boolean, from: IoCursor): FuseRequest | number {
    const { fh } = this.handle;
    let isMade = false;
    const make = (): Uint8Array | number => {
      const bytes = message(FuseWriteIn, { offset, size, flags: this.flags }, fh, new Uint8Array(size));
      const taken = from.take(bytes, bytes.length - size, size);
      isMade = true;
      return taken === size ? bytes : taken < 0 ? taken : -EFAULT;
    };
    // How much is left tells the pieces apart: the end of the file moves with them.
    const key = `${keyOf(fh)} ${isAppend ? "end" : offset} ${from.remaining}`;
    const answer = this.inode.ask(FUSE_WRITE, key, make, FuseWriteOut.size);
    if (!isErrno(answer)) answer.isTaken = true;
    if (!isMade) from.skip(Math.min(size, from.remaining));
    return answer;
  }

  /** What was written is what mappings see, and what the server has stored. */
  #updatePages(start: number, { bytes, reply, unique }: FuseRequest): void {
    const { inode } = this;
    const from = HEADER_SIZE + FuseWriteIn.size;
    const written = bytes.subarray(from, from + viewOf(reply).getUint32(FuseWriteOut.offset.size, true));
    inode.changePages(start, written, unique);
    inode.fileSystem.stored?.update(keyOf(inode.node), start, written);
  }

  override seek(offset: number, whence: number): number {
    if (whence === SEEK_DATA || whence === SEEK_HOLE) {
      const found = this.#askSeek(offset, whence);
      if (found !== -ENOSYS) return found;
    }
    if (whence >= 2) {
      const failed = this.inode.refresh(this.handle);
      if (failed < 0) return failed;
    }
    return seekInode(this, this.inode, offset, whence);
  }

  /** @returns the place; −ENXIO; −ENOSYS the server has no LSEEK, and all is data */
  #askSeek(offset: number, whence: number): number {
    const { fh } = this.handle;
    const make = (): Uint8Array => message(FuseLseekIn, { offset, whence }, fh);
    const answer = this.inode.ask(FUSE_LSEEK, `${keyOf(fh)} ${offset} ${whence}`, make, FuseLseekOut.size);
    if (isErrno(answer)) return answer;
    answer.isTaken = true;
    const found = getU64(viewOf(answer.reply), FuseLseekOut.offset.offset);
    if (found > FILE_SIZE_MAX) return -EINVAL;
    this.position = found;
    return found;
  }

  /** By the server, where both files are its own. */
  override copyRange(source: OpenFile, from: number, to: number, length: number): number {
    const { inode, handle } = this;
    const { kernel, connection, stored } = inode.fileSystem;
    if (!(source instanceof FuseFile) || source.inode.fileSystem !== inode.fileSystem) return -EOPNOTSUPP;
    if (connection.unsupported.has(FUSE_COPY_FILE_RANGE)) return -EOPNOTSUPP;
    const key = `${keyOf(source.handle.fh)} ${from} ${keyOf(handle.fh)} ${to} ${length}`;
    // The server copies what it has: it gets what mappings have written first.
    if (!connection.isAnswered(source.inode.node, FUSE_COPY_FILE_RANGE, key))
      for (const node of [source.inode, inode]) {
        const waits = storeWritten(node, NOTHING_NEXT, "");
        if (waits < 0) return waits;
      }
    const make = (): Uint8Array => {
      const values = { off_in: from, off_out: to, len: Math.min(length, COPIED_MAX) };
      const bytes = message(FuseCopyFileRangeIn, values);
      const { offset } = FuseCopyFileRangeIn;
      putOpaque(viewOf(bytes), HEADER_SIZE + offset.fh_in, source.handle.fh);
      putOpaque(viewOf(bytes), HEADER_SIZE + offset.nodeid_out, inode.node);
      putOpaque(viewOf(bytes), HEADER_SIZE + offset.fh_out, handle.fh);
      return bytes;
    };
    const answer = source.inode.ask(FUSE_COPY_FILE_RANGE, key, make, FuseWriteOut.size);
    if (isErrno(answer)) return answer === -ENOSYS ? -EOPNOTSUPP : answer;
    answer.isTaken = true;
    const done = viewOf(answer.reply).getUint32(FuseWriteOut.offset.size, true);
    if (done > length) return -EIO;
    connection.used(answer);
    stored?.drop(keyOf(inode.node), to, to + done);
    if (to + done > inode.size) inode.size = to + done;
    inode.isChanged();
    inode.loadedAs = "";
    inode.version++;
    if (done > 0 && kernel.vfs.watchCount > 0) {
      notifyFile(kernel, source, "access");
      notifyFile(kernel, this, "modify");
    }
    return done;
  }

  override lockRange(task: FsCaller, wanted: RangeLock, mayWait: boolean): number | null {
    return this.inode.fileSystem.connection.locksRanges ? setServedRange(task, this, wanted, mayWait) : null;
  }

  override findLock(task: FsCaller, wanted: RangeLock): FoundLock | number | null {
    return this.inode.fileSystem.connection.locksRanges ? findServedRange(task, this, wanted) : null;
  }

  override lockWhole(task: FsCaller, kind: number, mayWait: boolean): number | null {
    return this.inode.fileSystem.connection.locksFiles ? setServedFlock(task, this, kind, mayWait) : null;
  }

  override get waitQueue(): WaitQueue {
    return this.pollers;
  }

  override poll(): number {
    return this.revents;
  }

  /** Asks the server (fs/fuse/file.c, `fuse_file_poll`). */
  override askPoll(events: number, waits: boolean): number {
    const { inode, handle, pollers } = this;
    const { connection, kernel } = inode.fileSystem;
    if (connection.unsupported.has(FUSE_POLL)) {
      this.revents = ALWAYS_READY;
      return 0;
    }
    const kh = identityOf(kernel, this);
    const make = (): Uint8Array => {
      const isWaiting = waits || connection.hasPolled || !pollers.isEmpty;
      if (isWaiting) connection.polled.set(kh, this);
      return message(FusePollIn, { kh, flags: isWaiting ? FUSE_POLL_SCHEDULE_NOTIFY : 0, events }, handle.fh);
    };
    const key = `${kh} ${events}`;
    let answer = inode.ask(FUSE_POLL, key, make, FusePollOut.size);
    // Nothing was there, and that has changed since.
    if (!isErrno(answer) && answer.unique < this.noticedAt && (reventsOf(answer) & events) === 0) {
      connection.used(answer);
      answer = inode.ask(FUSE_POLL, key, make, FusePollOut.size);
    }
    if (!isErrno(answer)) {
      answer.isTaken = true;
      this.revents = reventsOf(answer);
    } else if (answer <= BLOCKED) return answer;
    else this.revents = answer === -ENOSYS ? ALWAYS_READY : POLLERR;
    return 0;
  }

  /** FUSE_NOTIFY_POLL; or the server is gone. */
  pollNoticed(): void {
    this.noticedAt = this.inode.fileSystem.connection.nextUnique;
    // Whoever looks asks first; an item of epoll(7) stays among those that may be ready.
    this.revents = ALWAYS_READY;
    this.pollers.wakeAll();
  }

  override sync(dataOnly: boolean): number {
    return this.inode.syncBy(this.handle, dataOnly);
  }

  override ioctl(task: FsCaller, command: number, argument: number): number {
    return servedIoctl(task, this, command, argument);
  }

  override get isSharable(): boolean {
    return (this.handle.openFlags & FOPEN_DIRECT_IO) === 0;
  }

  /** Reads in what is to be mapped, as it is now, and what others have mapped of it. */
  override mapping(offset = 0, length = Infinity): PageCache | number {
    const { inode } = this;
    const { kernel } = inode.fileSystem;
    if (!this.isReadable) return -ENODEV;
    const failed = inode.refresh();
    if (failed < 0) return failed;
    const pages = (inode.pages ??= new PageCache(kernel.memory, null));
    const renewed = this.#renew(pages);
    if (renewed < 0) return renewed;
    const end = Math.min(inode.size, offset + length);
    if (end - offset > MAPPED_MAX) return -ENODEV;
    for (let at = offset; at < end;) {
      const index = Math.floor(at / PAGE_SIZE);
      if (pages.peek(index) !== 0) {
        at = (index + 1) * PAGE_SIZE;
        continue;
      }
      const read = this.#readIn(pages, index, Math.ceil(end / PAGE_SIZE), false);
      if (read < 0) return read;
      at = (index + read) * PAGE_SIZE;
    }
    return pages;
  }

  /**
   * The content is another than the one that was read in: what is mapped of it is read in anew, and the rest goes. How
   * far it has come is told by `loadedAs`, so that it goes on from there, whoever does. A call that reads already ends
   * with what it began with, else who changes the file all the time would hold it up for ever: the next one renews it.
   */
  #renew(pages: PageCache): number {
    const { inode } = this;
    const { kernel, connection } = inode.fileSystem;
    const now = `${inode.size} ${inode.mtime.seconds} ${inode.mtime.nanoseconds}`;
    const [size, seconds, nanoseconds, reached] = inode.loadedAs.split(" ");
    const loaded = `${size} ${seconds} ${nanoseconds}`;
    const isReading = connection.askedOf(inode.node, FUSE_READ) !== null;
    if (reached === undefined && (isReading || loaded === now)) return 0;
    const isBegun = reached !== undefined && (isReading || loaded === now);
    const state = isBegun ? loaded : now;
    const ranges = kernel.memory.mappings?.mappedRanges(pages) ?? [];
    let next = isBegun ? Number(reached) : 0;
    if (!isBegun) {
      const others: number[] = [];
      pages.forEach(0, Infinity, (index) => {
        if (!isInRanges(ranges, index) && inode.written?.isOnItsWay(index) !== true) others.push(index);
      });
      for (const index of others) pages.drop(index);
      inode.loadedAs = `${state} 0`;
    }
    const pagesOfFile = Math.ceil(inode.size / PAGE_SIZE);
    for (const range of ranges) {
      const end = Math.min(range.end, pagesOfFile);
      for (next = Math.max(next, range.first); next < end;) {
        const read = this.#readIn(pages, next, end, true);
        if (read < 0) return read;
        next += read;
        inode.loadedAs = `${state} ${next}`;
      }
    }
    inode.loadedAs = state;
    return 0;
  }

  /**
   * Pages up to `end`, as many as come in one message.
   *
   * @param isAnew  pages that are there are what they were before
   * @returns how many
   */
  #readIn(pages: PageCache, first: number, end: number, isAnew: boolean): number {
    const { connection } = this.inode.fileSystem;
    const count = Math.min(Math.floor(connection.readSize / PAGE_SIZE), end - first);
    const start = first * PAGE_SIZE;
    const answer = this.#askRead(start, Math.min(count * PAGE_SIZE, this.inode.size - start));
    if (isErrno(answer)) return answer;
    const loaded = this.#load(pages, first, count, answer, isAnew);
    connection.used(answer);
    return loaded < 0 ? loaded : count;
  }

  /** Zeros where the server has given less than there was said to be. @param isAnew  as `readIn` */
  #load(pages: PageCache, first: number, count: number, answer: FuseRequest, isAnew: boolean): number {
    const { written, fileSystem } = this.inode;
    const { kernel } = fileSystem;
    const bytes = answer.reply;
    const memory = kernel.physical.u8;
    for (let index = 0; index < count; index++) {
      const page = first + index;
      const isThere = pages.peek(page) !== 0;
      if (isThere && (!isAnew || written?.isNewer(page, answer.unique) === true)) continue;
      const content = bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
      kernel.work.charge(1);
      if (isThere && isSame(memory.subarray(pages.peek(page) * PAGE_SIZE), content)) continue;
      const frame = pages.frameForOverwrite(page);
      if (frame < 0) return frame;
      memory.set(content, frame * PAGE_SIZE);
      if (!isThere) continue;
      memory.fill(0, frame * PAGE_SIZE + content.length, (frame + 1) * PAGE_SIZE);
      pages.notifyChange(page);
    }
    return 0;
  }

  override beforeClose(): number {
    const { handle } = this;
    if ((handle.openFlags & FOPEN_NOFLUSH) !== 0) return 0;
    const key = String(keyOf(handle.fh));
    const stored = storeWritten(this.inode, FUSE_FLUSH, key);
    if (stored < 0) return stored;
    const { caller } = this.inode.fileSystem.connection;
    const owner = caller === null ? 0 : lockOwnerOf(caller, caller.files);
    const make = (): Uint8Array => message(FuseFlushIn, { lock_owner: owner }, handle.fh);
    const answer = this.inode.ask(FUSE_FLUSH, key, make, 0);
    return isErrno(answer) && answer !== -ENOSYS ? answer : 0;
  }

  /** The server has what was written once the mapping is gone (fs/fuse/file.c, fuse_vma_close). */
  override beforeUnmap(): number {
    return this.isWritable ? storeWritten(this.inode, NOTHING_NEXT, "") : 0;
  }

  override onDescriptorClose(task: FsCaller): number {
    const { connection } = this.inode.fileSystem;
    const { handle, inode } = this;
    if ((handle.openFlags & FOPEN_NOFLUSH) !== 0) return 0;
    const isFlushed = connection.isAnswered(inode.node, FUSE_FLUSH, String(keyOf(handle.fh)));
    if (!isFlushed && inode.refused >= 0) handle.postFlush(lockOwnerOf(task, task.files));
    return 0;
  }

  protected override dispose(): void {
    const { inode, handle } = this;
    const { kernel } = inode.fileSystem;
    inode.descriptions--;
    if (this.isWritable) {
      inode.writers--;
      postWritten(inode, handle, true);
    }
    inode.handles.delete(handle);
    inode.fileSystem.connection.polled.delete(this.identity);
    kernel.vfs.servedFiles--;
    handle.release();
    if (kernel.vfs.watchCount > 0) notifyFile(kernel, this, this.isWritable ? "close-write" : "close");
  }

  static {
    stateClass("FuseFile", this);
  }
}

function reventsOf({ reply }: FuseRequest): number {
  return viewOf(reply).getUint32(FusePollOut.offset.revents, true) & 0xffff;
}

/** Is a page what it would be, zeros behind the content included? */
function isSame(page: Uint8Array, content: Uint8Array): boolean {
  for (let at = 0; at < PAGE_SIZE; at++) if (page[at] !== (content[at] ?? 0)) return false;
  return true;
}

/** What the server knows the open file by; null: it is none of a server. */
export function handleOf(file: OpenFile | null): FuseHandle | null {
  return file instanceof FuseFile ? file.handle : null;
}
