/**
 * Write-back of what was changed in memory. Order for each inode: pages, then attributes (so that a size on disk
 * never covers unwritten pages), then, for the sync calls, the file system's own commit.
 */
import { O_DSYNC, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Reclaimable } from "../frames/memory-account.ts";
import { WRITE_PORTION } from "../frames/page-cache.ts";
import { CallWork, WORK, countBefore } from "../ground/call-work.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import type { FileSystem } from "./file-system.ts";
import type { Inode } from "./inode.ts";
import type { OpenFile } from "./open-file.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** To be called after each change made in place to pages, size or times of an inode whose file system stores them. */
export function markInodeDirty(kernel: VfsKernel, inode: Inode): void {
  if (inode.isDirty) return;
  inode.isDirty = true;
  kernel.vfs.dirty.add(inode);
}

/** Writes one inode: 0, or the first error (EIO, ENOSPC); what failed stays dirty. */
export function writeBackInode(kernel: VfsKernel, inode: Inode): number {
  const failed = inode.isEvicted ? 0 : (inode.pages?.writeBack(inode.size) ?? 0);
  return storeInode(kernel, inode, failed);
}

/** After its pages: the attributes. @param failed  of the pages */
function storeInode(kernel: VfsKernel, inode: Inode, failed: number): number {
  if (inode.isEvicted) {
    kernel.vfs.dirty.delete(inode);
    inode.isDirty = false;
    return 0;
  }
  const stored = inode.storeAttributes();
  const failure = failed < 0 ? failed : stored;
  if (failure < 0) return failure;
  inode.isDirty = false;
  kernel.vfs.dirty.delete(inode);
  if (inode.users === 0) inode.evictUnused();
  return 0;
}

/** How far a write-back in pieces is. */
export type WriteBack = StateOf<"write-back">;

/** Of all that is dirty now: what becomes dirty meanwhile is left for the next time. */
export function beginWriteBack(kernel: VfsKernel): WriteBack {
  return { kind: "write-back", pages: -1, inodes: kernel.vfs.dirty.size, failure: 0 };
}

/**
 * Writes as many pages of the inode as the work allows. @returns how many of `left` are left; the first error goes to
 * `failed`
 */
export function writeSomePages(inode: Inode, left: number, work: CallWork, failed: (error: number) => void): number {
  if (inode.pages === null) return 0;
  left = Math.min(left, inode.pages.dirtyCount);
  while (left > 0 && !work.mustPause()) {
    const most = Math.min(left, WRITE_PORTION);
    const error = inode.pages.writePortion(inode.size, most);
    if (error < 0) failed(error);
    work.charge(most * WORK.PAGE_READ);
    left -= most;
  }
  return left;
}

/**
 * One piece of a write-back. @param takes  the inodes that are meant
 * @returns where it goes on; `inodes` is 0 when it is done
 */
export function continueWriteBack(
  kernel: VfsKernel,
  from: WriteBack,
  takes: (inode: Inode) => boolean,
  work: CallWork,
): WriteBack {
  let { pages, inodes, failure } = from;
  for (const inode of kernel.vfs.dirty) {
    if (inodes === 0 || work.mustPause()) break;
    work.charge(1);
    let failed = 0;
    if (takes(inode)) {
      if (pages < 0) pages = inode.isEvicted ? 0 : (inode.pages?.dirtyCount ?? 0);
      pages = writeSomePages(inode, pages, work, (error) => (failed ||= error));
      if (failed === 0 && pages > 0) return { kind: "write-back", pages, inodes, failure };
      failed = storeInode(kernel, inode, failed);
      work.charge(WORK.PAGE_READ);
    }
    pages = -1;
    inodes--;
    if (failed < 0) failure = failed;
    // What stays dirty comes behind those that have not been looked at.
    kernel.vfs.dirty.putLast(inode);
  }
  return { kind: "write-back", pages, inodes: kernel.vfs.dirty.size === 0 ? 0 : inodes, failure };
}

/** Dirty pages of a file that is stored at once now and then, beyond which who writes to it stores older ones. */
const DIRTY_MAX = 4 * WRITE_PORTION;

/** After a write to such a file. */
export function boundDirty({ work }: VfsKernel, { pages, size }: Inode): void {
  if (pages === null || pages.backing === null || pages.dirtyCount <= DIRTY_MAX) return;
  pages.writePortion(size, WRITE_PORTION);
  work.charge(WRITE_PORTION * WORK.PAGE_READ);
}

/** Pages that such a file takes in one piece of a write: fewer than are stored after it. */
export function takenAtOnce({ work }: VfsKernel, { pages }: Inode): number {
  const { limit, mayPause } = work;
  if (!mayPause) return Infinity;
  return Math.max(Math.floor(limit / WORK.PAGE_READ / 2), Math.min(limit, DIRTY_MAX - pages!.dirtyCount));
}

/** Bytes of one piece of a write to a file that is opened O_DSYNC, as all of them are stored with it. */
export function writtenThroughAtOnce({ work: { limit, mayPause } }: VfsKernel, { pages }: Inode): number {
  const isStored = pages !== null && pages.backing !== null;
  return mayPause && isStored ? Math.floor((2 * limit) / WORK.PAGE_READ) * PAGE_SIZE : Infinity;
}

/** fsync(2), fdatasync(2). */
export function syncInode(kernel: VfsKernel, inode: Inode, dataOnly: boolean): number {
  if (inode.isDirty || inode.pages?.hasDirty === true) {
    const failed = writeBackInode(kernel, inode);
    if (failed < 0) return failed;
  }
  return inode.sync(dataOnly);
}

/**
 * Writes the dirty pages of a file that an operation wants the file system to know, in pieces: the operation itself
 * finds few.
 *
 * @returns 0, a negated errno, or UNFINISHED
 */
export function drainInPieces(task: Caller, inode: Inode): number {
  const { work } = task.kernel;
  if (inode.pages === null || inode.pages.backing === null) return 0;
  work.mayPause = true;
  let failed = 0;
  const rest = writeSomePages(inode, countBefore(task, inode.pages.dirtyCount), work, (error) => (failed ||= error));
  task.syscallState = failed === 0 && rest > 0 ? { kind: "count", count: rest } : null;
  if (task.syscallState !== null) return UNFINISHED;
  work.mayPause = false;
  return failed;
}

/**
 * Before a file gets the name of another one, or exchanges names with it: its pages, in pieces, where the file system
 * stores them together with the name. What cannot be written stays dirty, and is told by write-back.
 *
 * @returns 0 or UNFINISHED
 */
export function drainBeforeRename(task: Caller, inode: Inode, replaced: Inode, isExchange: boolean): number {
  if (!inode.fileSystem.storesBeforeReplacing) return 0;
  if (drainInPieces(task, inode) === UNFINISHED) return UNFINISHED;
  return isExchange && drainInPieces(task, replaced) === UNFINISHED ? UNFINISHED : 0;
}

/**
 * What waits of a file that is about to be synced, and of those that its file system stores with it, in pieces: the
 * sync itself finds few pages.
 *
 * @param left  pages of the file that is stored now, as the execution before left them; −1: none was begun
 * @returns pages that are still left; 0; the first error of the file itself
 */
export function drainBeforeSync({ kernel: { work } }: Caller, inode: Inode, left: number): number {
  const { fileSystem } = inode;
  // A program that serves it is waited for by the sync itself.
  if (fileSystem.isServed) return 0;
  work.mayPause = true;
  for (let other = fileSystem.nextBeforeSync(inode); other !== null; other = fileSystem.nextBeforeSync(inode)) {
    // Write-back tells what of it cannot be stored.
    left = writeSomePages(other, left < 0 ? (other.pages?.dirtyCount ?? 0) : left, work, () => {});
    if (left > 0) return left;
    left = -1;
    fileSystem.storedBeforeSync(other);
  }
  let failed = 0;
  left = writeSomePages(inode, left < 0 ? (inode.pages?.dirtyCount ?? 0) : left, work, (error) => (failed ||= error));
  return failed < 0 ? failed : left;
}

/** The same as \`syncInode\` for a file with many dirty pages, in pieces. @returns 0, a negated errno, or UNFINISHED */
export function syncInPieces(task: Caller, inode: Inode, dataOnly: boolean): number {
  const left = drainBeforeSync(task, inode, countBefore(task, -1));
  task.syscallState = left > 0 ? { kind: "count", count: left } : null;
  if (left > 0) return UNFINISHED;
  const failed = inode.isDirty ? storeInode(task.kernel, inode, left) : left;
  return failed < 0 ? failed : inode.sync(dataOnly);
}

/**
 * Before a write to a file that is opened O_DSYNC: what waits of it, as the write stores all that does.
 *
 * @param moved  bytes that executions before this one have written
 * @returns 0, a negated errno, or UNFINISHED
 */
export function drainWrittenThrough(task: Caller, file: OpenFile, moved: number): number {
  const inode = file.contentInode;
  if ((file.flags & O_DSYNC) === 0 || inode === null || !inode.isRegular) return 0;
  const left = drainBeforeSync(task, inode, stateOf(task, "drain")?.left ?? -1);
  task.syscallState = left > 0 ? { kind: "drain", left, moved } : null;
  if (left > 0) return UNFINISHED;
  // What comes next says so by itself.
  task.kernel.work.mayPause = false;
  return left;
}

/** Files of which access times may wait, as each stays in memory meanwhile. */
const ACCESSED_MAX = 1024;

/**
 * Is what waits for write-back nothing but times of access? They can wait until something else is written, until the
 * next sync(2), or until there are many (mount(8), lazytime).
 */
export function onlyAccessTimesWait({ vfs: { dirty } }: VfsKernel): boolean {
  if (dirty.size > ACCESSED_MAX) return false;
  for (const inode of dirty) if (!inode.isStoredButForAccess) return false;
  return true;
}

/** The kernel's main loop calls this before it stops. @returns 0, or an error of one of them */
export function writeBackAll(kernel: VfsKernel): number {
  return continueWriteBack(kernel, beginWriteBack(kernel), () => true, new CallWork(Infinity)).failure;
}

/** All of one file system at once, before it is unmounted. */
export function syncFileSystem(kernel: VfsKernel, fileSystem: FileSystem): number {
  const { failure } = continueWriteBack(
    kernel,
    beginWriteBack(kernel),
    (inode) => inode.fileSystem === fileSystem,
    new CallWork(Infinity),
  );
  const failed = fileSystem.sync();
  return failure < 0 ? failure : failed;
}

/**
 * What of one file system (null: of all) waits for write-back, in pieces. What fails stays dirty.
 *
 * @returns 0, the first error, or UNFINISHED
 */
export function storeInPieces(task: Caller, fileSystem: FileSystem | null): number {
  const storage = fileSystem?.storage;
  return storeSomeInPieces(task, (each) => storage === undefined || each === storage);
}

/** The same for file systems that are meant. */
export function storeSomeInPieces(task: Caller, isMeant: (fileSystem: FileSystem) => boolean): number {
  const { kernel } = task;
  const { work } = kernel;
  work.mayPause = true;
  // A piece of its own: whatever the call has done before, it comes further each time.
  const piece = work.piece();
  const reached = continueWriteBack(
    kernel,
    stateOf(task, "write-back") ?? beginWriteBack(kernel),
    (inode) => isMeant(inode.fileSystem),
    piece,
  );
  work.charge(piece.spent);
  if (piece.isCut) work.cut();
  task.syscallState = reached.inodes > 0 ? reached : null;
  return reached.inodes > 0 ? UNFINISHED : reached.failure;
}

/**
 * sync(2), syncfs(2), in pieces. @param fileSystem  null: all of them
 * @returns 0, a negated errno, or UNFINISHED
 */
export function syncFilesInPieces(task: Caller, fileSystem: FileSystem | null): number {
  const { kernel } = task;
  const failure = storeInPieces(task, fileSystem);
  if (failure === UNFINISHED) return UNFINISHED;
  let failed = 0;
  if (fileSystem !== null) failed = fileSystem.sync();
  // What a file system on a disk writes is content of another one's file.
  else if (kernel.disks.all.size > 0) syncAll(kernel);
  else for (const each of kernel.vfs.roots.keys()) each.sync();
  return failure < 0 ? failure : failed;
}

/**
 * Everything at once, before the machine is let go. The newest file system comes first: the device that it is on may be
 * a file of an older one.
 * @param except  a file system that nobody will read any more
 */
export function syncAll(kernel: VfsKernel, except: FileSystem | null = null): void {
  const { dirty } = kernel.vfs;
  // Else each of the file systems that are written would look at all of what isn't.
  if (except !== null) for (const inode of dirty) if (liesOn(inode.fileSystem, except)) dirty.delete(inode);
  for (const fileSystem of [...kernel.vfs.roots.keys()].reverse()) {
    kernel.disks.writeBack();
    if (!liesOn(fileSystem, except)) syncFileSystem(kernel, fileSystem);
  }
  for (const inode of [...dirty]) if (!liesOn(inode.fileSystem, except)) writeBackInode(kernel, inode);
}

/** Is what is written to the one stored by the other, or by files of the other that are disks? */
function liesOn(fileSystem: FileSystem, other: FileSystem | null): boolean {
  if (other === null) return false;
  for (let at: FileSystem | null = fileSystem; at !== null; at = at.mountDevice?.driver.beneath ?? null) {
    at = at.storage;
    if (at === other) return true;
  }
  return false;
}

/** Frames run short: writes some dirty pages, so that the caches that are asked after it can drop them. */
export class EarlyWriteBack implements Reclaimable {
  #kernel: VfsKernel;
  #isRunning = false;

  constructor(kernel: VfsKernel) {
    this.#kernel = kernel;
  }

  reclaim(_most: number): number {
    const kernel = this.#kernel;
    if (kernel.vfs.dirty.size === 0 || this.#isRunning) return 0;
    // Writing a disk that is a file takes frames of its own.
    this.#isRunning = true;
    continueWriteBack(kernel, beginWriteBack(kernel), () => true, kernel.work.piece());
    this.#isRunning = false;
    return 0;
  }

  static {
    stateClass("EarlyWriteBack", this, {
      save: (it) => ({ kernel: it.#kernel, isRunning: it.#isRunning }),
      load: (it, from) => ({ kernel: it.#kernel, isRunning: it.#isRunning } = from),
    });
  }
}
