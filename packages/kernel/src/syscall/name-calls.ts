import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  CAP_DAC_READ_SEARCH,
  EBADF,
  EINVAL,
  ENOENT,
  EPERM,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  isErrno,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import {
  linkPaths,
  makeDirectory,
  makeNode,
  makeSymlink,
  removeDirectory,
  removeFile,
  renameName,
} from "../vfs/name-changes.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

function mkdirat(task: Task, dirfd: number, pathAddress: number, mode: number): number {
  const path = loadPath(task, pathAddress);
  return isErrno(path) ? path : makeDirectory(task, dirfd, path, mode);
}

function mknodat(task: Task, dirfd: number, pathAddress: number, mode: number, device: number): number {
  const kind = mode & S_IFMT;
  if (kind === S_IFDIR) return -EPERM;
  if (kind !== 0 && kind !== S_IFREG && kind !== S_IFIFO && kind !== S_IFSOCK && kind !== S_IFCHR && kind !== S_IFBLK)
    return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const made = makeNode(task, dirfd, path, (kind === 0 ? S_IFREG : kind) | (mode & 0o7777), device >>> 0);
  return isErrno(made) ? made : 0;
}

function unlinkat(task: Task, dirfd: number, pathAddress: number, flags: number): number {
  if ((flags & ~AT_REMOVEDIR) !== 0) return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  return (flags & AT_REMOVEDIR) !== 0 ? removeDirectory(task, dirfd, path) : removeFile(task, dirfd, path);
}

function symlinkat(task: Task, targetAddress: number, dirfd: number, pathAddress: number): number {
  const target = loadPath(task, targetAddress);
  if (isErrno(target)) return target;
  if (target === "") return -ENOENT;
  const path = loadPath(task, pathAddress);
  return isErrno(path) ? path : makeSymlink(task, target, dirfd, path);
}

function linkat(
  task: Task,
  oldDirfd: number,
  oldAddress: number,
  newDirfd: number,
  newAddress: number,
  flags: number,
): number {
  if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const oldPath = loadPath(task, oldAddress);
  if (isErrno(oldPath)) return oldPath;
  if ((flags & AT_EMPTY_PATH) !== 0 && oldDirfd !== AT_FDCWD && !oldPath.startsWith("/")) {
    const file = task.files.get(oldDirfd);
    if (file === undefined) return -EBADF;
    // Who opened the file needs no right besides (fs/namei.c, path_init).
    const opener = file.openedBy;
    if (opener !== task.credentials && !isCapable(task.credentials, CAP_DAC_READ_SEARCH, opener?.userNamespace))
      return -ENOENT;
  }
  const newPath = loadPath(task, newAddress);
  if (isErrno(newPath)) return newPath;
  return linkPaths(
    task,
    oldDirfd,
    oldPath,
    newDirfd,
    newPath,
    ((flags & AT_SYMLINK_FOLLOW) !== 0 ? 0 : AT_SYMLINK_NOFOLLOW) | (flags & AT_EMPTY_PATH),
  );
}

function renameat2(
  task: Task,
  oldDirfd: number,
  oldAddress: number,
  newDirfd: number,
  newAddress: number,
  flags: number,
): number {
  return renameName(task, oldDirfd, loadPath(task, oldAddress), newDirfd, loadPath(task, newAddress), flags);
}

export const nameCalls: SyscallTable = {
  mkdirat: { run: (task, dirfd, path, mode) => mkdirat(task, dirfd | 0, path, mode & 0o7777) },
  mknodat: {
    run: (task, dirfd, path, mode, device) => mknodat(task, dirfd | 0, path, mode & 0xffff, device),
    gaps: "FIFOs, sockets (bind as well) and devices are not made in shared folders (EPERM)",
  },
  unlinkat: { run: (task, dirfd, path, flags) => unlinkat(task, dirfd | 0, path, flags | 0) },
  symlinkat: { run: (task, target, dirfd, path) => symlinkat(task, target, dirfd | 0, path) },
  linkat: {
    run: (task, oldDirfd, oldPath, newDirfd, newPath, flags) =>
      linkat(task, oldDirfd | 0, oldPath, newDirfd | 0, newPath, flags | 0),
  },
  renameat: {
    run: (task, oldDirfd, oldPath, newDirfd, newPath) =>
      renameat2(task, oldDirfd | 0, oldPath, newDirfd | 0, newPath, 0),
  },
  renameat2: {
    run: (task, oldDirfd, oldPath, newDirfd, newPath, flags) =>
      renameat2(task, oldDirfd | 0, oldPath, newDirfd | 0, newPath, flags | 0),
    gaps: "RENAME_WHITEOUT on tmpfs and AegisFS alone",
  },
};
