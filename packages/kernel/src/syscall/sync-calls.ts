import { EBADF, EINVAL, EOPNOTSUPP, EPERM, ENOSYS, ESPIPE, O_PATH, S_IFIFO, S_IFMT } from "@stratos/abi";
import { CAP_SYS_ADMIN, isCapable } from "../security/credentials.ts";
import { WRITE_PORTION } from "../mm/page-cache.ts";
import type { Task } from "../task/task.ts";
import { pathOfFile } from "../vfs/anonymous-file.ts";
import { syncFilesInPieces, syncInPieces } from "../vfs/write-back.ts";
import { RegularFile } from "../vfs/regular-file.ts";
import { UNFINISHED } from "../task/wait-queue.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** Making things durable, hints about access, and calls that this kernel answers with their documented errno. */

function opened(task: Task, fd: number): OpenFile | number {
  const file = task.files.get(fd | 0);
  return file === undefined || (file.flags & O_PATH) !== 0 ? -EBADF : file;
}

function fsync(task: Task, fd: number, dataOnly: boolean): number {
  const file = opened(task, fd);
  if (typeof file === "number") return file;
  return file instanceof RegularFile && file.inode.pages?.backing ? syncInPieces(task, file.inode, dataOnly) : file.sync(dataOnly);
}

function syncfs(task: Task, fd: number): number {
  const file = opened(task, fd);
  return typeof file === "number" ? file : syncFilesInPieces(task, pathOfFile(task.kernel, file).mount.fileSystem);
}

const SYNC_FILE_RANGE_FLAGS = 7, SYNC_FILE_RANGE_WRITE = 2;

function syncFileRange(task: Task, fd: number, offset: number, length: number, flags: number): number {
  const file = opened(task, fd);
  if (typeof file === "number") return file;
  if ((flags & ~SYNC_FILE_RANGE_FLAGS) !== 0 || offset < 0 || length < 0) return -EINVAL;
  const inode = file.inode;
  if (inode === null || (!inode.isRegular && !inode.isDirectory && !inode.isSymlink)) return -ESPIPE;
  if ((flags & SYNC_FILE_RANGE_WRITE) === 0 || !inode.isRegular) return 0;
  // The file's pages in order of their age: some now, the rest when the kernel writes back by itself, as Linux begins the writing only.
  return Math.min(0, inode.pages?.writePortion(inode.size, WRITE_PORTION) ?? 0);
}

function fadvise(task: Task, fd: number, length: number, advice: number): number {
  const file = opened(task, fd);
  if (typeof file === "number") return file;
  if (file.inode !== null && (file.inode.mode & S_IFMT) === S_IFIFO) return -ESPIPE;
  return length < 0 || advice < 0 || advice > 5 ? -EINVAL : 0;
}

function readahead(task: Task, fd: number): number {
  const file = opened(task, fd);
  if (typeof file === "number") return file;
  if (!file.isReadable) return -EBADF;
  return file.inode?.isRegular === true ? 0 : -EINVAL;
}

export const syncCalls: SyscallTable = {
  sync: { run: (task) => (syncFilesInPieces(task, null) === UNFINISHED ? UNFINISHED : 0) },
  syncfs: { run: syncfs },
  fsync: { run: (task, fd) => fsync(task, fd, false) },
  fdatasync: { run: (task, fd) => fsync(task, fd, true) },
  sync_file_range: { run: (task, fd, offset, length, flags) => syncFileRange(task, fd, offset, length, flags | 0), gaps: "begins with the 256 pages that are dirty for the longest, whatever the range" },
  fadvise64: { run: (task, fd, _offset, length, advice) => fadvise(task, fd, length, advice | 0), gaps: "a hint that changes nothing" },
  readahead: { run: readahead, gaps: "a hint that changes nothing" },
  name_to_handle_at: { run: () => -EOPNOTSUPP, gaps: "no file handles: always EOPNOTSUPP" },
  open_by_handle_at: { run: () => -EPERM, gaps: "no file handles: always EPERM" },
  quotactl: { run: () => -ENOSYS, gaps: "no quotas: ENOSYS as a kernel built without them" },
  quotactl_fd: { run: () => -ENOSYS, gaps: "no quotas: ENOSYS as a kernel built without them" },
  acct: { run: (task) => (isCapable(task.credentials, CAP_SYS_ADMIN) ? -ENOSYS : -EPERM), gaps: "no process accounting" },
  swapon: { run: (task) => (isCapable(task.credentials, CAP_SYS_ADMIN) ? -EINVAL : -EPERM), gaps: "no swap" },
  swapoff: { run: (task) => (isCapable(task.credentials, CAP_SYS_ADMIN) ? -EINVAL : -EPERM), gaps: "no swap" },
  fanotify_init: { run: () => -ENOSYS, gaps: "ENOSYS" },
  fanotify_mark: { run: () => -ENOSYS, gaps: "ENOSYS" },
  io_uring_setup: { run: () => -ENOSYS, gaps: "ENOSYS" },
  io_uring_enter: { run: () => -ENOSYS, gaps: "ENOSYS" },
  io_uring_register: { run: () => -ENOSYS, gaps: "ENOSYS" },
  fsopen: { run: () => -ENOSYS, gaps: "ENOSYS: mount(2) does it" },
  fsconfig: { run: () => -ENOSYS, gaps: "ENOSYS: mount(2) does it" },
  fsmount: { run: () => -ENOSYS, gaps: "ENOSYS: mount(2) does it" },
  fspick: { run: () => -ENOSYS, gaps: "ENOSYS: mount(2) does it" },
  open_tree: { run: () => -ENOSYS, gaps: "ENOSYS: mount(2) does it" },
  move_mount: { run: () => -ENOSYS, gaps: "ENOSYS: mount(2) does it" },
  mount_setattr: { run: () => -ENOSYS, gaps: "ENOSYS: mount(2) does it" },
  statmount: { run: () => -ENOSYS, gaps: "ENOSYS: /proc/self/mountinfo tells it" },
  listmount: { run: () => -ENOSYS, gaps: "ENOSYS: /proc/self/mountinfo tells it" },
  cachestat: { run: () => -ENOSYS, gaps: "ENOSYS" },
  lookup_dcookie: { run: () => -ENOSYS, gaps: "ENOSYS" },
  nfsservctl: { run: () => -ENOSYS, gaps: "ENOSYS" },
};
