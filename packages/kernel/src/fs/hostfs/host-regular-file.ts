import { FIONREAD, O_APPEND, O_DSYNC, PAGE_SIZE, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostFile } from "@stratos/host";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { fileIoctl } from "../../vfs/file-ioctl.ts";
import type { Inode } from "../../vfs/inode.ts";
import { notifyFile } from "../../vfs/file-events.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { clipToLimits } from "../../vfs/content-change.ts";
import { seekInode } from "../../vfs/regular-file.ts";
import { dropLease } from "../../vfs/leases.ts";
import { syncInode, writeBackInode } from "../../vfs/write-back.ts";
import type { FsCaller, FsKernel } from "../fs-kernel.ts";

/** Bytes moved between the host and a cursor at a time. */
const staging = new Uint8Array(65536);
/** Units of work of one of them. */
const HOST_WORK = 32;

/** A file of the host (host-inode.ts). */
interface PassedThrough extends Inode {
  /** The host's open file, or a negated errno. */
  handle(forWriting: boolean): HostFile | number;
}

/** A regular file of a shared folder: reads and writes go to the host; pages that a mapping holds are kept equal. */
export class HostRegularFile extends OpenFile {
  #kernel: FsKernel;
  declare readonly inode: PassedThrough;

  constructor(kernel: FsKernel, flags: number, inode: PassedThrough, path: Path) {
    super(flags, inode, path);
    this.#kernel = kernel;
    inode.descriptions++;
    if (this.isWritable) inode.writers++;
  }

  override read(_task: FsCaller, to: IoCursor, offset: number): number {
    const file = this.inode.handle(false);
    if (isErrno(file)) return file;
    // What a mapping changed and nobody wrote back yet is newer than what the host has.
    if (this.inode.pages!.hasDirty) {
      const failed = writeBackInode(this.#kernel, this.inode);
      if (failed < 0) return failed;
    }
    const at = offset < 0 ? this.position : offset;
    let done = 0;
    const { work } = this.#kernel;
    while (to.remaining > 0) {
      const wanted = Math.min(staging.length, to.remaining);
      const got = file.read(at + done, staging, 0, wanted);
      if (got < 0) return done > 0 ? done : got;
      if (got === 0) break;
      const moved = to.put(staging, 0, got);
      if (moved < 0) {
        if (done === 0) return moved;
        break;
      }
      done += moved;
      work.charge(HOST_WORK);
      if (moved < got || got < wanted || work.mustPause()) break;
    }
    if (offset < 0) this.position = at + done;
    return done;
  }

  override write(task: FsCaller, from: IoCursor, offset: number): number {
    const inode = this.inode;
    const file = inode.handle(true);
    if (isErrno(file)) return file;
    const isAppend = (this.flags & O_APPEND) !== 0;
    if (isAppend) inode.refresh();
    const at = isAppend ? inode.size : offset < 0 ? this.position : offset;
    const count = clipToLimits(task, at, from.remaining);
    if (count < 0) return count;
    let done = 0;
    const { work } = this.#kernel;
    while (done < count) {
      const taken = from.take(staging, 0, Math.min(staging.length, count - done));
      if (taken < 0) {
        if (done === 0) return taken;
        break;
      }
      const put = file.write(at + done, staging, 0, taken, isAppend);
      if (put < 0) {
        if (done === 0) return put;
        break;
      }
      this.#updatePages(at + done, put);
      done += put;
      work.charge(HOST_WORK);
      if (put < taken || work.mustPause()) break;
    }
    if (offset < 0) this.position = at + done;
    if (at + done > inode.size) inode.size = at + done;
    inode.mtime = this.#kernel.vfs.now();
    inode.ctime = inode.mtime;
    inode.version++;
    if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, "modify");
    if ((this.flags & O_DSYNC) !== 0) {
      const failed = file.sync();
      if (failed < 0) return failed;
    }
    return done;
  }

  /** Copies what was just written from `staging` into the pages that mappings see. */
  #updatePages(start: number, length: number): void {
    const pages = this.inode.pages!;
    if (pages.pageCount === 0) return;
    const memory = this.#kernel.physical.u8;
    for (let at = start; at < start + length;) {
      const within = at % PAGE_SIZE;
      const part = Math.min(PAGE_SIZE - within, start + length - at);
      const index = (at - within) / PAGE_SIZE;
      const frame = pages.peek(index);
      if (frame > 0) {
        memory.set(staging.subarray(at - start, at - start + part), frame * PAGE_SIZE + within);
        pages.notifyChange(index);
      }
      at += part;
    }
  }

  override seek(offset: number, whence: number): number {
    if (whence >= 2) this.inode.refresh();
    return seekInode(this, this.inode, offset, whence);
  }

  override sync(dataOnly: boolean): number {
    return syncInode(this.#kernel, this.inode, dataOnly);
  }

  override ioctl(task: FsCaller, command: number, argument: number): number {
    if (command === FIONREAD) {
      this.inode.refresh();
      return task.space.storeU32(argument, Math.max(0, this.inode.size - this.position) | 0);
    }
    return fileIoctl(task, this, command, argument);
  }

  override onDescriptorClose(): number {
    return this.inode.pages!.hasDirty ? writeBackInode(this.#kernel, this.inode) : 0;
  }

  protected override dispose(): void {
    this.inode.descriptions--;
    if (this.isWritable) this.inode.writers--;
    if (this.inode.leases !== null) dropLease(this.inode, this);
    if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, this.isWritable ? "close-write" : "close");
  }

  static {
    stateClass("HostRegularFile", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}
