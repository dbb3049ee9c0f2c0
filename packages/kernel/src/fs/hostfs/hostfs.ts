import { EROFS, V9FS_MAGIC, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostFileTree, HostStat } from "@stratos/host";
import { FileSystem, type FileSystemUsage } from "../../vfs/file-system.ts";
import { HostInode } from "./host-inode.ts";
import type { FsKernel } from "../fs-kernel.ts";

/** Inodes nobody uses are forgotten above this number. */
const INODES_MAX = 16384;

/**
 * A folder of the host, passed through (`-v HOST:GUEST`). The host's files are the truth: names are looked up there
 * each time, reads and writes go straight through; pages are kept for mappings only. Owners are as the port shows them.
 */
export class HostFs extends FileSystem {
  readonly type = "hostfs";
  readonly kernel: FsKernel;
  readonly tree: HostFileTree;
  readonly root: HostInode;
  /** Nobody else changes the folder: names may be cached and file content lives in the page cache. */
  readonly isPrivate: boolean;
  /** By the host's inode number, so that hard links are one file. */
  #inodes = new Map<number, HostInode>();
  /** How many it takes to look for those that nobody uses: where most are used, that is not done for each new one. */
  #pruneAt = INODES_MAX;

  constructor(kernel: FsKernel, tree: HostFileTree, options: { isPrivate?: boolean } = {}) {
    super(kernel.allocateDevice());
    this.kernel = kernel;
    this.tree = tree;
    this.isPrivate = options.isPrivate === true;
    this.readOnly = tree.readOnly;
    const stat = tree.lstat("");
    const fallback: HostStat = {
      ino: 1,
      mode: 0o040755,
      nlink: 2,
      uid: 0,
      gid: 0,
      size: 0,
      rdev: 0,
      atimeMs: 0,
      mtimeMs: 0,
      ctimeMs: 0,
      blocks: 0,
    };
    this.root = new HostInode(this, null, "", isErrno(stat) ? fallback : stat);
    this.#inodes.set(this.root.ino, this.root);
  }

  /** What the host gave to be read stays so. */
  override setReadOnly(on: boolean): number {
    return !on && this.tree.readOnly ? -EROFS : super.setReadOnly(on);
  }

  /** The one inode for a host file, known from now on under `parent` and `name`. */
  inodeFor(parent: HostInode, name: string, stat: HostStat): HostInode {
    let inode = this.#inodes.get(stat.ino);
    // A folder that was mounted on one below itself would lie in itself: it is shown there as one of its own.
    if (inode?.isDirectory === true && inode !== this.root && inode.holds(parent))
      return new HostInode(this, parent, name, stat);
    // A number used again for another kind of file is another file.
    if (inode !== undefined && ((inode.mode ^ stat.mode) & 0o170000) === 0 && !inode.isEvicted) {
      if (inode !== this.root) inode.moveTo(parent, name);
      inode.apply(stat);
      inode.markFound();
      return inode;
    }
    if (this.#inodes.size >= this.#pruneAt) this.#prune();
    inode = new HostInode(this, parent, name, stat);
    inode.markFound();
    this.#inodes.set(stat.ino, inode);
    return inode;
  }

  forget(inode: HostInode): void {
    if (this.#inodes.get(inode.ino) === inode && inode !== this.root) this.#inodes.delete(inode.ino);
  }

  #prune(): void {
    for (const inode of this.#inodes.values()) {
      if (
        inode.users > 0 ||
        inode.cachedNames > 0 ||
        inode.isDirty ||
        inode.pages?.hasDirty === true ||
        inode === this.root
      )
        continue;
      inode.close();
      inode.pages?.dispose();
      this.#inodes.delete(inode.ino);
    }
    this.#pruneAt = Math.max(INODES_MAX, 2 * this.#inodes.size);
  }

  usage(): FileSystemUsage {
    const { blockSize, blocks, blocksFree, files, filesFree } = this.tree.usage() ?? {
      blockSize: 4096,
      blocks: 0,
      blocksFree: 0,
      files: 0,
      filesFree: 0,
    };
    return { magic: V9FS_MAGIC, blockSize, blocks, blocksFree, files, filesFree, nameMax: 255 };
  }

  override sync(): number {
    let failure = 0;
    for (const inode of this.#inodes.values()) {
      const failed = inode.sync();
      if (failed < 0) failure = failed;
    }
    return failure;
  }

  override shutdown(): void {
    for (const inode of this.#inodes.values()) {
      inode.close();
      inode.pages?.dispose();
    }
    this.#inodes.clear();
  }

  static {
    stateClass("HostFs", this, {
      save: (it) => ({ inodes: it.#inodes, pruneAt: it.#pruneAt }),
      load: (it, from) => ({ inodes: it.#inodes, pruneAt: it.#pruneAt } = from),
    });
  }
}
