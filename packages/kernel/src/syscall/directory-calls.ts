import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CAP_SYS_ADMIN,
  CAP_SYS_CHROOT,
  EACCES,
  EBADF,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  ERANGE,
  LinuxDirent64,
  MS_BIND,
  MS_MOVE,
  MS_REMOUNT,
  O_PATH,
  PATH_MAX,
  UMOUNT_NOFOLLOW,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { isCapable } from "../security/credentials.ts";
import { checkAccess, MAY_EXEC } from "../security/permission.ts";
import type { Task } from "../task/task.ts";
import { mountFileSystem, pivotRoot, unmount } from "../vfs/mounting.ts";
import { pathNameBelow } from "../vfs/path-name.ts";
import { lookupDirectory, lookupPath } from "../vfs/path-walk.ts";
import type { Path } from "../vfs/path.ts";
import { put64 } from "../ground/words.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** What one getdents64 call fills at most; programs ask for 32 KiB. */
const DIRENTS_MAX = 65536;
const bytes = new Uint8Array(DIRENTS_MAX);
const view = new DataView(bytes.buffer);
let filled = 0;
let capacity = 0;

function emitEntry(name: string, ino: number, type: number, nextPosition: number): boolean {
  const length = (LinuxDirent64.offset.d_name + name.length + 1 + 7) & ~7;
  if (filled + length > capacity) {
    capacity = -1;
    return false;
  }
  put64(view, filled + LinuxDirent64.offset.d_ino, ino);
  put64(view, filled + LinuxDirent64.offset.d_off, nextPosition);
  view.setUint16(filled + LinuxDirent64.offset.d_reclen, length, true);
  bytes[filled + LinuxDirent64.offset.d_type] = type;
  let at = filled + LinuxDirent64.offset.d_name;
  for (let index = 0; index < name.length; index++) bytes[at++] = name.charCodeAt(index);
  filled += length;
  while (at < filled) bytes[at++] = 0;
  return true;
}

function getdents64(task: Task, fd: number, address: number, count: number): number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  const before = file.position;
  filled = 0;
  capacity = Math.min(count, DIRENTS_MAX);
  const failed = file.readDirectory(task, emitEntry);
  if (filled === 0) return failed < 0 ? failed : capacity < 0 ? -EINVAL : 0;
  const stored = task.space.copyOut(address, bytes, 0, filled);
  if (stored < 0) {
    file.position = before;
    return stored;
  }
  return filled;
}

function chdir(task: Task, pathAddress: number): number {
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const place = lookupDirectory(task, AT_FDCWD, path);
  if (isErrno(place)) return place;
  task.fs.setCwd(place);
  return 0;
}

function fchdir(task: Task, fd: number): number {
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if (file.path === null || file.inode?.isDirectory !== true) return -ENOTDIR;
  if (checkAccess(task.credentials, file.inode, MAY_EXEC) < 0) return -EACCES;
  task.fs.setCwd(file.path);
  return 0;
}

function getcwd(task: Task, address: number, size: number): number {
  const { cwd, root } = task.fs;
  if (cwd.dentry.isDetached) return -ENOENT;
  const name = pathNameBelow(cwd, root) ?? "(unreachable)/";
  if (name.length + 1 > PATH_MAX) return -ENAMETOOLONG;
  if (size >= 0 && name.length + 1 > size) return -ERANGE; // below 0: 2^63 and more
  const text = byteStringOf(`${name}\0`);
  const stored = task.space.copyOut(address, text, 0, text.length);
  return stored < 0 ? stored : text.length;
}

function chroot(task: Task, pathAddress: number): number {
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const place = lookupDirectory(task, AT_FDCWD, path);
  if (isErrno(place)) return place;
  if (!isCapable(task.credentials, CAP_SYS_CHROOT, task.credentials.userNamespace)) return -EPERM;
  task.fs.setRoot(place);
  return 0;
}

function pivot(task: Task, newAddress: number, oldAddress: number): number {
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, task.fs.namespace.owner)) return -EPERM;
  const newPath = loadPath(task, newAddress);
  if (isErrno(newPath)) return newPath;
  const oldPath = loadPath(task, oldAddress);
  if (isErrno(oldPath)) return oldPath;
  const newRoot = lookupDirectory(task, AT_FDCWD, newPath);
  if (isErrno(newRoot)) return newRoot;
  const putOld = lookupDirectory(task, AT_FDCWD, oldPath);
  return isErrno(putOld) ? putOld : pivotRoot(task, newRoot, putOld);
}

/** A string argument that may be a null pointer: "". */
function optionalString(task: Task, address: number): string | number {
  return address === 0 ? "" : task.space.loadString(address, 4096);
}

function mount(
  task: Task,
  sourceAddress: number,
  targetAddress: number,
  typeAddress: number,
  flags: number,
  data: number,
): number {
  const source = optionalString(task, sourceAddress);
  if (isErrno(source)) return source;
  const target = loadPath(task, targetAddress);
  if (isErrno(target)) return target;
  const type = optionalString(task, typeAddress);
  if (isErrno(type)) return type;
  const options = optionalString(task, data);
  if (isErrno(options)) return options === -EFAULT ? options : -EINVAL;
  // Magic number of old callers (mount(2), MS_MGC_VAL).
  const wanted = (flags & 0xffff0000) === (0xc0ed0000 | 0) ? flags & 0xffff : flags;
  const place = lookupPath(task, AT_FDCWD, target, 0);
  if (isErrno(place)) return place;
  if (!isCapable(task.credentials, CAP_SYS_ADMIN, task.fs.namespace.owner)) return -EPERM;
  let sourcePath: Path | null = null;
  if ((wanted & MS_REMOUNT) === 0 && (wanted & (MS_BIND | MS_MOVE)) !== 0) {
    const found = lookupPath(task, AT_FDCWD, source, 0);
    if (isErrno(found)) return found;
    sourcePath = found;
  }
  return mountFileSystem(task, place, { source, sourcePath, type, flags: wanted, options });
}

function umount2(task: Task, pathAddress: number, flags: number): number {
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  // The way of this call itself is no use of the mount.
  const expiring = task.fs.namespace.mounts.filter((mount) => mount.isExpiring);
  const place = lookupPath(task, AT_FDCWD, path, (flags & UMOUNT_NOFOLLOW) !== 0 ? AT_SYMLINK_NOFOLLOW : 0);
  if (isErrno(place)) return place;
  if (expiring.includes(place.mount)) place.mount.isExpiring = true;
  return unmount(task, place, flags);
}

export const directoryCalls: SyscallTable = {
  getdents64: { run: (task, fd, buffer, count) => getdents64(task, fd | 0, buffer, count >>> 0) },
  chdir: { run: chdir },
  fchdir: { run: (task, fd) => fchdir(task, fd | 0) },
  getcwd: { run: (task, buffer, size) => getcwd(task, buffer, size) },
  chroot: { run: chroot },
  pivot_root: { run: pivot },
  mount: {
    run: (task, source, target, type, flags, data) => mount(task, source, target, type, flags | 0, data),
    gaps: "on a device AegisFS alone is mounted",
  },
  umount2: { run: (task, path, flags) => umount2(task, path, flags | 0) },
};
