/** Making things durable, hints about access, and calls that this kernel answers with their documented errno. */
import {
  Cachestat,
  CachestatRange,
  EBADF,
  EFAULT,
  EINVAL,
  EPERM,
  ESPIPE,
  O_PATH,
  PAGE_SIZE,
  POSIX_FADV_DONTNEED,
  SYNC_FILE_RANGE_WAIT_AFTER,
  SYNC_FILE_RANGE_WAIT_BEFORE,
  SYNC_FILE_RANGE_WRITE,
  S_IFIFO,
  S_IFMT,
  isErrno,
} from "@stratos/abi";
import { WRITE_PORTION } from "../frames/page-cache.ts";
import { mayLearnOfCache } from "../security/permission.ts";
import { A1, A2 } from "../task/hart-registers.ts";
import type { Task } from "../task/task.ts";
import { pathOfFile } from "../vfs/anonymous-file.ts";
import { syncFilesInPieces, syncInPieces } from "../vfs/write-back.ts";
import { FILE_SIZE_MAX } from "../vfs/content-change.ts";
import { DirectoryFile } from "../vfs/directory-file.ts";
import { RegularFile } from "../vfs/regular-file.ts";
import { stateOf } from "../ground/call-state.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import type { Inode } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { EXACT_END, put64 } from "../ground/words.ts";
import { absent, type SyscallTable } from "./syscall-table.ts";
import { shownOn } from "../vfs/mount.ts";

function opened(task: Task, fd: number): OpenFile | number {
  const file = task.files.get(fd | 0);
  return file === undefined || (file.flags & O_PATH) !== 0 ? -EBADF : file;
}

function fsync(task: Task, fd: number, dataOnly: boolean): number {
  const file = opened(task, fd);
  if (isErrno(file)) return file;
  const isInPieces = file instanceof DirectoryFile || (file instanceof RegularFile && file.inode.pages?.backing);
  return isInPieces ? syncInPieces(task, file.inode!, dataOnly) : file.sync(dataOnly);
}

function syncfs(task: Task, fd: number): number {
  const file = opened(task, fd);
  return isErrno(file) ? file : syncFilesInPieces(task, pathOfFile(task.kernel, file).mount.fileSystem);
}

const SYNC_FILE_RANGE_FLAGS = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;

function syncFileRange(task: Task, fd: number, offset: number, length: number, flags: number): number {
  const file = opened(task, fd);
  if (isErrno(file)) return file;
  if ((flags & ~SYNC_FILE_RANGE_FLAGS) !== 0 || offset < 0 || length < 0) return -EINVAL;
  // It ends before 2^63: what is exact is compared with the room behind the other one.
  const { hart } = task.kernel;
  const room = hart.roomBehind(A1, offset);
  const place = offset < EXACT_END ? offset : 2 ** 63 - room;
  if (length < EXACT_END ? length >= room : place >= hart.roomBehind(A2, length)) return -EINVAL;
  const inode = file.inode;
  if (inode === null || (!inode.isRegular && !inode.isDirectory && !inode.isSymlink)) return -ESPIPE;
  if ((flags & SYNC_FILE_RANGE_WRITE) === 0 || !inode.isRegular) return 0;
  // The file's pages in order of their age: some now, the rest when the kernel writes back by itself, as Linux begins
  // the writing only.
  return Math.min(0, inode.pages?.writePortion(inode.size, WRITE_PORTION) ?? 0);
}

/** posix_fadvise(2): 0; −EBADF, −EINVAL, −ESPIPE. Of the hints one is acted on. */
function fadvise(task: Task, fd: number, offset: number, length: number, advice: number): number {
  const file = opened(task, fd);
  if (isErrno(file)) return file;
  if (file.inode !== null && (file.inode.mode & S_IFMT) === S_IFIFO) return -ESPIPE;
  if (length < 0 || advice < 0 || advice > 5) return -EINVAL;
  const inode = file.contentInode;
  return advice === POSIX_FADV_DONTNEED && inode?.pages?.backing ? giveUpPages(task, inode, offset, length) : 0;
}

/**
 * POSIX_FADV_DONTNEED: what is dirty for the longest is written; clean pages of the range that nobody maps go, but for
 * one of which the range has a part only (Linux mm/fadvise.c).
 */
function giveUpPages(task: Task, { pages, size }: Inode, offset: number, length: number): number {
  const { work } = task.kernel;
  work.mayPause = true;
  const end = length === 0 ? Infinity : offset + length;
  const last = end === size ? Math.ceil(end / PAGE_SIZE) : Math.floor(end / PAGE_SIZE);
  const begun = stateOf(task, "count");
  // What could not be written stays dirty, and fsync(2) tells.
  if (begun === null) pages!.writePortion(size, WRITE_PORTION);
  const first = begun?.count ?? Math.max(0, Math.ceil(offset / PAGE_SIZE));
  const reached = pages!.giveUp(first, last, work);
  if (reached >= last) return 0;
  task.syscallState = { kind: "count", count: reached };
  return UNFINISHED;
}

function readahead(task: Task, fd: number): number {
  const file = opened(task, fd);
  if (isErrno(file)) return file;
  if (!file.isReadable) return -EBADF;
  return file.inode?.isRegular === true ? 0 : -EINVAL;
}

/**
 * cachestat(2): 0; −EBADF, −EFAULT, −EINVAL (flags), −EPERM (who can't write it learns nothing of what others read).
 * Files without pages have none in the cache; what was evicted isn't remembered.
 */
function cachestat(task: Task, fd: number, range: number, into: number, flags: number): number {
  const file = opened(task, fd);
  if (isErrno(file)) return file;
  const offset = task.space.loadU64(range + CachestatRange.offset.off),
    length = task.space.loadU64(range + CachestatRange.offset.len);
  if (offset === -EFAULT || length === -EFAULT) return -EFAULT;
  const pages = file.contentInode?.pages ?? null;
  const shown = file.inode === null ? null : shownOn(file.path?.mount ?? null, file.inode);
  if (!file.isWritable && shown !== null && !mayLearnOfCache(task.credentials, shown)) return -EPERM;
  if (flags !== 0) return -EINVAL;
  let cached = 0,
    dirty = 0;
  const last = length <= 0 || offset + length > FILE_SIZE_MAX ? Infinity : Math.ceil((offset + length) / PAGE_SIZE);
  pages?.forEach(Math.floor(offset / PAGE_SIZE), last, (index) => {
    cached++;
    if (pages.isDirty(index)) dirty++;
  });
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, Cachestat.size);
  put64(view, Cachestat.offset.nr_cache, cached);
  put64(view, Cachestat.offset.nr_dirty, dirty);
  return task.space.copyOut(into, u8, 0, Cachestat.size);
}

export const syncCalls: SyscallTable = {
  cachestat: {
    run: (task, fd, range, into, flags) => cachestat(task, fd, range, into, flags | 0),
    gaps: "pages that were evicted are counted as none",
  },
  sync: { run: (task) => (syncFilesInPieces(task, null) === UNFINISHED ? UNFINISHED : 0) },
  syncfs: { run: syncfs },
  fsync: { run: (task, fd) => fsync(task, fd, false) },
  fdatasync: { run: (task, fd) => fsync(task, fd, true) },
  sync_file_range: {
    run: (task, fd, offset, length, flags) => syncFileRange(task, fd, offset, length, flags | 0),
    gaps: "begins with the 256 pages that are dirty for the longest, whatever the range",
  },
  fadvise64: {
    run: (task, fd, offset, length, advice) => fadvise(task, fd, offset, length, advice | 0),
    gaps: "POSIX_FADV_DONTNEED writes the 256 pages that are dirty for the longest; other hints change nothing",
  },
  readahead: { run: readahead, gaps: "a hint that changes nothing" },
  ...absent("there are no quotas but those of AegisFS, which `stratos fs quota` sets", ["quotactl", "quotactl_fd"]),
  ...absent("no swap: memory is what `--memory` gives", ["swapon", "swapoff"]),
  ...absent("Linux has it no more, or never had it built", ["lookup_dcookie", "nfsservctl"]),
};
