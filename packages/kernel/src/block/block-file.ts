import { EINVAL, ENOSPC, EPERM, O_DIRECT, O_DSYNC, O_EXCL, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { PageCache } from "../frames/page-cache.ts";
import type { Inode } from "../vfs/inode.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { touchAccessTime } from "../vfs/access-time.ts";
import { notifyFile } from "../vfs/file-events.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { putPages, readPages } from "../vfs/regular-file.ts";
import { boundDirty, markInodeDirty, syncInode, takenAtOnce } from "../vfs/write-back.ts";
import { blockIoctl } from "./block-ioctl.ts";
import { closeDevice, openDevice } from "./device-users.ts";
import type { BlockInode } from "./block-inode.ts";
import type { BlockCaller, BlockKernel } from "./block-kernel.ts";
import { seekTarget } from "../vfs/seek-target.ts";

/** An open block device node: the node's attributes, the device's content. */
export class BlockFile extends OpenFile {
  #kernel: BlockKernel;
  readonly device: BlockInode;
  declare readonly inode: Inode;

  /** @param flags  O_EXCL: nobody else may have it so, nor mount it */
  constructor(kernel: BlockKernel, device: BlockInode, flags: number, inode: Inode, path: Path) {
    super(flags & ~O_EXCL, inode, path);
    this.#kernel = kernel;
    this.device = device;
    openDevice(device, (flags & O_EXCL) !== 0 ? this : null);
  }

  override get contentInode(): Inode {
    return this.device;
  }

  override read(_task: BlockCaller, to: IoCursor, offset: number): number {
    const at = offset < 0 ? this.position : offset;
    const done = readPages(this.#kernel, this.device, to, at);
    if (done > 0) {
      if (offset < 0) this.position = at + done;
      touchAccessTime(this.#kernel, this.inode, this.path);
      if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, "access");
    }
    return done;
  }

  /** A write ends at the device's end; one that begins there is −ENOSPC. −EPERM: the device is read-only. */
  override write(_task: BlockCaller, from: IoCursor, offset: number): number {
    const { device } = this;
    const at = offset < 0 ? this.position : offset;
    if (device.isReadOnly) return -EPERM;
    if (from.remaining === 0) return 0;
    if (at >= device.size) return -ENOSPC;
    const count = Math.min(from.remaining, device.size - at);
    const taken = Math.min(count, takenAtOnce(this.#kernel, device) * PAGE_SIZE);
    const done = putPages(this.#kernel, device, from, at, taken);
    if (done <= 0) return done;
    if (taken < count) this.#kernel.work.cut();
    if (offset < 0) this.position = at + done;
    // By the node's times blkid(8) knows whether what it remembers of the device still holds.
    this.inode.mtime = this.inode.ctime = this.#kernel.vfs.now();
    markInodeDirty(this.#kernel, this.inode);
    markInodeDirty(this.#kernel, device);
    // The last close stores what is left.
    boundDirty(this.#kernel, device);
    if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, "modify");
    if ((this.flags & (O_DSYNC | O_DIRECT)) !== 0) {
      const failed = syncInode(this.#kernel, device, true);
      if (failed < 0) return failed;
    }
    return done;
  }

  override seek(offset: number, whence: number): number {
    const target = seekTarget({ position: this.position, size: this.device.size }, offset, whence);
    if (target < 0 || target > this.device.size) return -EINVAL;
    this.position = target;
    return target;
  }

  override mapping(): PageCache {
    return this.device.pages;
  }

  override sync(dataOnly: boolean): number {
    return syncInode(this.#kernel, this.device, dataOnly);
  }

  override ioctl(task: BlockCaller, command: number, argument: number): number {
    return blockIoctl(task, this, command, argument);
  }

  protected override dispose(): void {
    if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, this.isWritable ? "close-write" : "close");
    closeDevice(this.#kernel, this.device, this);
  }

  static {
    stateClass("BlockFile", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}
