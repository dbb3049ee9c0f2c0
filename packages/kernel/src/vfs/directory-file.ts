import { DT_DIR, EINVAL, EISDIR, O_NOATIME, SEEK_END } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { fileIoctl } from "./file-ioctl.ts";
import { notifyFile } from "./file-events.ts";
import type { Inode } from "./inode.ts";
import { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";
import { touchAccessTime } from "./access-time.ts";
import { syncInode } from "./write-back.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";
import { seekTarget } from "./seek-target.ts";

/** An open directory. Positions: 0 before ".", 1 before "..", then 2 + the file system's cursor. */
export class DirectoryFile extends OpenFile {
  #kernel: VfsKernel;
  declare readonly inode: Inode;
  declare readonly path: Path;

  constructor(kernel: VfsKernel, flags: number, inode: Inode, path: Path) {
    super(flags, inode, path);
    this.#kernel = kernel;
  }

  override hasIterator(_isWrite: boolean): boolean {
    return false;
  }

  override read(): number {
    return -EISDIR;
  }

  override readDirectory(
    _task: Caller,
    emit: (name: string, ino: number, type: number, nextPosition: number) => boolean,
  ): number {
    const inode = this.inode;
    const { listingRefused } = inode;
    if (listingRefused < 0) return listingRefused;
    if ((this.flags & O_NOATIME) === 0) touchAccessTime(this.#kernel, inode, this.path);
    if (this.position === 0) {
      if (!emit(".", inode.ino, DT_DIR, 1)) return 0;
      this.position = 1;
    }
    if (this.position === 1) {
      const { mount, dentry } = this.path;
      const above =
        dentry === mount.root ? (mount.mountPoint?.parent ?? mount.mountPoint ?? dentry) : (dentry.parent ?? dentry);
      if (!emit("..", above.inode?.ino ?? inode.ino, DT_DIR, 2)) return 0;
      this.position = 2;
    }
    return inode.list(this.position - 2, (name, ino, type, nextCursor) => {
      if (!emit(name, ino, type, nextCursor + 2)) return false;
      this.position = nextCursor + 2;
      return true;
    });
  }

  override seek(offset: number, whence: number): number {
    const { isMadeOnDemand } = this.inode.fileSystem;
    // A place in a listing is no distance from its end (fs/libfs.c, offset_dir_llseek).
    if (whence === SEEK_END && !isMadeOnDemand) return -EINVAL;
    const target = seekTarget({ position: this.position, size: 0 }, offset, whence);
    if (target < 0) return -EINVAL;
    this.position = target;
    return target;
  }

  override sync(dataOnly: boolean): number {
    return syncInode(this.#kernel, this.inode, dataOnly);
  }

  override ioctl(task: Caller, command: number, argument: number): number {
    return fileIoctl(task, this, command, argument);
  }

  protected override dispose(): void {
    if (this.#kernel.vfs.watchCount > 0) notifyFile(this.#kernel, this, "close");
  }

  static {
    stateClass("DirectoryFile", this, {
      save: (it) => ({ kernel: it.#kernel }),
      load: (it, from) => ({ kernel: it.#kernel } = from),
    });
  }
}
