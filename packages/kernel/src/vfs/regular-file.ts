import {
  EINVAL,
  ENXIO,
  EPERM,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_GROW,
  F_SEAL_WRITE,
  FIONREAD,
  O_APPEND,
  O_DSYNC,
  O_NOATIME,
  PAGE_SIZE,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { WORK } from "../ground/call-work.ts";
import { touchAccessTime } from "./access-time.ts";
import { clipToLimits, contentChanged, FILE_SIZE_MAX } from "./content-change.ts";
import { fileIoctl } from "./file-ioctl.ts";
import { dropLease } from "./leases.ts";
import { notifyFile } from "./file-events.ts";
import type { Inode } from "./inode.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";
import { syncInode, writtenThroughAtOnce } from "./write-back.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

const ZEROES = new Uint8Array(PAGE_SIZE);

/** A regular file whose content lies in its page cache: read and write are copies between frames. */
export class RegularFile extends OpenFile {
  #kernel: VfsKernel;
  declare readonly inode: Inode;
  /** Keeps others from executing the file. What came without being opened does not (Linux: FMODE_WRITER). */
  #isWriter: boolean;

  /** Holds the inode itself when there is no path that does. */
  constructor(kernel: VfsKernel, flags: number, inode: Inode, path: Path | null, isOpened = true) {
    super(flags, inode, path);
    this.#kernel = kernel;
    this.#isWriter = isOpened && this.isWritable;
    if (path === null) inode.users++;
    inode.descriptions++;
    if (this.#isWriter) inode.writers++;
  }

  override get mayNotWait(): boolean {
    return this.inode.pages?.backing !== null;
  }

  /** What is memory alone waits for nothing, and yet Linux doesn't say so. */
  override read(task: Caller, to: IoCursor, offset: number): number {
    const at = offset < 0 ? this.position : offset;
    const wanted = to.remaining;
    const done = readPages(this.#kernel, this.inode, to, at);
    // Finding the end is an access, too.
    if (done >= 0 && wanted > 0 && (this.flags & O_NOATIME) === 0) touchAccessTime(this.#kernel, this.inode, this.path);
    if (done > 0) {
      if (offset < 0) this.position = at + done;
      if (this.inode.marks !== null || this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, "access");
    }
    return done;
  }

  override write(task: Caller, from: IoCursor, offset: number): number {
    const inode = this.inode;
    const at = (this.flags & O_APPEND) !== 0 ? inode.size : offset < 0 ? this.position : offset;
    const isThrough = (this.flags & O_DSYNC) !== 0;
    const most = isThrough ? writtenThroughAtOnce(this.#kernel, inode) : Infinity;
    const done = writePages(task, this, from, at, most);
    if (done > 0) {
      if (offset < 0) this.position = at + done;
      if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, "modify");
      if (isThrough) {
        const failed = syncInode(this.#kernel, inode, true);
        if (failed < 0) return failed;
      }
    }
    return done;
  }

  override seek(offset: number, whence: number): number {
    return seekInode(this, this.inode, offset, whence);
  }

  override sync(dataOnly: boolean): number {
    return syncInode(this.#kernel, this.inode, dataOnly);
  }

  override ioctl(task: Caller, command: number, argument: number): number {
    if (command === FIONREAD) return task.space.storeU32(argument, Math.max(0, this.inode.size - this.position) | 0);
    return fileIoctl(task, this, command, argument);
  }

  protected override dispose(): void {
    this.inode.descriptions--;
    if (this.#isWriter) this.inode.writers--;
    if (this.inode.leases !== null) dropLease(this.inode, this);
    if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, this.isWritable ? "close-write" : "close");
    if (this.path === null && --this.inode.users === 0) {
      this.inode.pages?.dispose();
      this.inode.evict();
    }
  }

  override get description(): string {
    return this.inode.endpoint !== null ? String((this.inode.endpoint as { name?: string }).name ?? "") : "";
  }

  static {
    stateClass("RegularFile", this, {
      save: (it) => ({ kernel: it.#kernel, isWriter: it.#isWriter }),
      load: (it, from) => ({ kernel: it.#kernel, isWriter: it.#isWriter } = from),
    });
  }
}

/**
 * Copies file bytes from `at` on, fewer when the call has used its work (ground/call-work.ts); returns how many, 0 at
 * the end, or −EIO, −ENOMEM, −EFAULT when none could be moved.
 */
export function readPages(kernel: VfsKernel, inode: Inode, to: IoCursor, at: number): number {
  const pages = inode.pages!;
  const { work } = kernel;
  const memory = kernel.physical.u8;
  const hasBacking = pages.backing !== null;
  const end = Math.min(inode.size, at + to.remaining);
  let position = at;
  while (position < end) {
    const within = position % PAGE_SIZE;
    const part = Math.min(PAGE_SIZE - within, end - position);
    const index = (position - within) / PAGE_SIZE;
    let moved: number;
    let frame = pages.peek(index);
    work.charge(1);
    if (frame === 0 && !hasBacking) moved = to.put(ZEROES, 0, part);
    else {
      if (frame === 0) {
        frame = pages.frame(index);
        work.charge(WORK.PAGE_READ);
        kernel.countStorage(PAGE_SIZE, 0);
      }
      if (frame < 0) return position > at ? position - at : frame;
      // The copy may fault user pages in and so reclaim clean pages: not this one.
      kernel.frames.retain(frame);
      moved = to.put(memory, frame * PAGE_SIZE + within, part);
      kernel.frames.release(frame);
    }
    if (moved < 0) return position > at ? position - at : moved;
    position += moved;
    if (moved < part || work.mustPause()) break;
  }
  return Math.max(0, position - at);
}

/**
 * Copies at most `most` bytes into the file at `at`, which grows when needed, fewer when the call has used its work;
 * returns how many or −EFBIG (with SIGXFSZ), −ENOSPC, −EIO, −EPERM (sealed) …
 */
function writePages(task: Caller, file: RegularFile, from: IoCursor, at: number, most: number): number {
  const { inode } = file;
  const kernel = task.kernel;
  let count = from.remaining;
  if (count > most) {
    count = most;
    kernel.work.cut();
  }
  if (count === 0) return 0;
  if (inode.seals > 0) {
    if ((inode.seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0) return -EPERM;
    if ((inode.seals & F_SEAL_GROW) !== 0) {
      // Linux asks page by page, and writes nothing of one that would grow the file (shmem_write_begin).
      if (at + count > inode.size) count = inode.size - (inode.size % PAGE_SIZE) - at;
      if (count <= 0) return -EPERM;
    }
  }
  count = clipToLimits(task, at, count);
  if (count < 0) return count;
  const refused = inode.prepareWrite(at, count);
  if (refused < 0) return refused;
  if (refused > 0) count = refused;
  const done = putPages(kernel, inode, from, at, count);
  if (done > 0) {
    contentChanged(task, inode, file.path);
    inode.fileSystem.balanceDirty(inode);
  }
  return done;
}

/**
 * Copies `count` bytes into the pages at `at`, without any check; the file's `size` grows with them. Returns how many,
 * or −ENOSPC, −EIO, −EFAULT, −ENOMEM …
 */
export function putPages(kernel: VfsKernel, inode: Inode, from: IoCursor, at: number, count: number): number {
  const pages = inode.pages!;
  const { work } = kernel;
  const memory = kernel.physical.u8;
  const end = at + count;
  if (at > inode.size && inode.size % PAGE_SIZE !== 0) {
    const failed = clearTail(kernel, inode, at);
    if (failed < 0) return failed;
  }
  let position = at;
  let failure = 0;
  while (position < end) {
    const within = position % PAGE_SIZE;
    const part = Math.min(PAGE_SIZE - within, end - position);
    const index = (position - within) / PAGE_SIZE;
    work.charge(1);
    const coversAll = within === 0 && (part === PAGE_SIZE || position + part >= inode.size);
    const isWhole = coversAll || position - within >= inode.size;
    if (pages.backing !== null) {
      const isFetched = !isWhole && pages.peek(index) === 0;
      if (isFetched) work.charge(WORK.PAGE_READ);
      kernel.countStorage(isFetched ? PAGE_SIZE : 0, pages.isDirty(index) ? 0 : PAGE_SIZE);
    }
    const frame = isWhole ? pages.frameForOverwrite(index) : pages.frameForWrite(index);
    if (frame < 0) {
      failure = frame;
      break;
    }
    kernel.frames.retain(frame);
    const moved = from.take(memory, frame * PAGE_SIZE + within, part);
    kernel.frames.release(frame);
    pages.markDirty(index);
    if (moved < 0) {
      failure = moved;
      break;
    }
    position += moved;
    if (position > inode.size) inode.size = position;
    if (moved < part || work.mustPause()) break;
  }
  return position === at ? failure : position - at;
}

/** A mapping may have written behind the end of the file; what becomes part of the file must be zero (mmap(2)). */
function clearTail(kernel: VfsKernel, inode: Inode, upTo: number): number {
  const within = inode.size % PAGE_SIZE;
  const last = (inode.size - within) / PAGE_SIZE;
  const frame = inode.pages!.peek(last);
  if (frame === 0 || kernel.frames.isLent(frame)) return 0;
  return inode.pages!.fill(last, within, Math.min(PAGE_SIZE, within + upTo - inode.size));
}

/** lseek(2) over an inode with a size. */
export function seekInode(file: OpenFile, inode: Inode, offset: number, whence: number): number {
  let target: number;
  switch (whence) {
    case SEEK_SET:
      target = offset;
      break;
    case SEEK_CUR:
      target = file.position + offset;
      break;
    case SEEK_END:
      target = Number(inode.statSize()) + offset;
      break;
    case SEEK_DATA:
    case SEEK_HOLE: {
      if (offset < 0 || offset >= inode.size) return -ENXIO;
      const found = whence === SEEK_DATA ? inode.seekData(offset) : inode.seekHole(offset);
      if (found < 0) return found;
      target = found;
      break;
    }
    default:
      return -EINVAL;
  }
  if (target < 0 || target > FILE_SIZE_MAX) return -EINVAL;
  file.position = target;
  return target;
}
