import type { Kernel } from "../kernel-state.ts";
import { evictInode } from "./inode-lifetime.ts";
import type { FileSystem } from "./file-system.ts";
import type { Inode } from "./inode.ts";

/**
 * Write-back of what was changed in memory. Order for each inode: pages, then attributes (so that a size on disk never covers unwritten
 * pages), then, for the sync calls, the file system's own commit.
 */

/** To be called after each change made in place to pages, size or times of an inode whose file system stores them. */
export function markInodeDirty(kernel: Kernel, inode: Inode): void {
  if (inode.isDirty) return;
  inode.isDirty = true;
  kernel.vfs.dirty.add(inode);
}

/** Writes one inode: 0, or the first error (EIO, ENOSPC); what failed stays dirty. */
export function writeBackInode(kernel: Kernel, inode: Inode): number {
  if (inode.isEvicted) {
    kernel.vfs.dirty.delete(inode);
    inode.isDirty = false;
    return 0;
  }
  let failure = inode.pages?.writeBack(inode.size) ?? 0;
  const stored = inode.storeAttributes();
  if (failure >= 0) failure = stored;
  if (failure < 0) return failure;
  inode.isDirty = false;
  kernel.vfs.dirty.delete(inode);
  if (inode.users === 0 && inode.cachedNames === 0) evictInode(inode);
  return 0;
}

/** The kernel's main loop calls this now and then (Linux: every 5 s, dirty_writeback_centisecs) and before it stops. */
export function writeBackAll(kernel: Kernel): number {
  kernel.disks.writeBack();
  let failure = 0;
  for (const inode of [...kernel.vfs.dirty]) {
    const failed = writeBackInode(kernel, inode);
    if (failed < 0) failure = failed;
  }
  return failure;
}

/** fsync(2), fdatasync(2). */
export function syncInode(kernel: Kernel, inode: Inode, dataOnly: boolean): number {
  if (inode.isDirty || inode.pages?.hasDirty === true) {
    const failed = writeBackInode(kernel, inode);
    if (failed < 0) return failed;
  }
  return inode.sync(dataOnly);
}

/** syncfs(2). */
export function syncFileSystem(kernel: Kernel, fileSystem: FileSystem): number {
  let failure = 0;
  for (const inode of [...kernel.vfs.dirty]) {
    if (inode.fileSystem !== fileSystem) continue;
    const failed = writeBackInode(kernel, inode);
    if (failed < 0) failure = failed;
  }
  const failed = fileSystem.sync();
  return failure < 0 ? failure : failed;
}

/**
 * sync(2). The newest file system comes first: the device that it is on may be a file of an older one.
 * @param except  a file system that nobody will read any more
 */
export function syncAll(kernel: Kernel, except: FileSystem | null = null): void {
  for (const fileSystem of [...kernel.vfs.roots.keys()].reverse()) {
    kernel.disks.writeBack();
    if (fileSystem !== except) syncFileSystem(kernel, fileSystem);
  }
  for (const inode of [...kernel.vfs.dirty]) if (inode.fileSystem !== except) writeBackInode(kernel, inode);
}
