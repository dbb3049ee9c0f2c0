import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EBADF,
  EINVAL,
  ENOTDIR,
  IN_DONT_FOLLOW,
  IN_MASK_ADD,
  IN_MASK_CREATE,
  IN_ONLYDIR,
  O_CLOEXEC,
  O_NONBLOCK,
  isErrno,
} from "@stratos/abi";
import { InotifyFile } from "../fs/inotify/inotify-file.ts";
import { checkAccess, MAY_READ } from "../security/permission.ts";
import type { Task } from "../task/task.ts";
import { lookupPath } from "../vfs/path-walk.ts";
import { installFile } from "./open-calls.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";
import { shownOn } from "../vfs/mount.ts";

function init(task: Task, flags: number): number {
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) !== 0) return -EINVAL;
  const file = InotifyFile.create(task, flags & O_NONBLOCK);
  return isErrno(file) ? file : installFile(task, file, (flags & O_CLOEXEC) !== 0);
}

/** One of them must be there, be it one that no event has (ALL_INOTIFY_BITS in Linux). */
const VALID_BITS = 0xf700efff;

function addWatch(task: Task, fd: number, pathAddress: number, mask: number): number {
  if ((mask & VALID_BITS) === 0) return -EINVAL;
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if ((mask & IN_MASK_ADD) !== 0 && (mask & IN_MASK_CREATE) !== 0) return -EINVAL;
  if (!(file instanceof InotifyFile)) return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const place = lookupPath(task, AT_FDCWD, path, (mask & IN_DONT_FOLLOW) !== 0 ? AT_SYMLINK_NOFOLLOW : 0);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  if ((mask & IN_ONLYDIR) !== 0 && !inode.isDirectory) return -ENOTDIR;
  const denied = checkAccess(task.credentials, shownOn(place.mount, inode), MAY_READ);
  return denied < 0 ? denied : file.add(inode, mask);
}

function removeWatch(task: Task, fd: number, watch: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  return file instanceof InotifyFile ? file.remove(watch) : -EINVAL;
}

export const inotifyCalls: SyscallTable = {
  inotify_init1: { run: (task, flags) => init(task, flags | 0) },
  inotify_add_watch: {
    run: (task, fd, path, mask) => addWatch(task, fd | 0, path, mask | 0),
    gaps: "changes that the host makes to shared folders are not seen",
  },
  inotify_rm_watch: { run: (task, fd, watch) => removeWatch(task, fd | 0, watch | 0) },
};
