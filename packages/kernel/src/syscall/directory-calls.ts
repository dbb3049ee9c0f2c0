import {
  AT_FDCWD,
  CAP_SYS_CHROOT,
  EBADF,
  EFAULT,
  EINVAL,
  ENAMETOOLONG,
  ENOENT,
  ENOTDIR,
  EPERM,
  ERANGE,
  LinuxDirent64,
  O_PATH,
  PAGE_SIZE,
  PATH_MAX,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { isCapable } from "../security/credentials.ts";
import { MAY_EXEC } from "../security/permission.ts";
import type { Task } from "../task/task.ts";
import { mayRead } from "../vfs/fanotify-marks.ts";
import { notifyFile } from "../vfs/file-events.ts";
import { pathName, pathNameBelow } from "../vfs/path-name.ts";
import { lookupDirectory } from "../vfs/path-walk.ts";
import { get64, put64 } from "../ground/words.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** What one getdents64 call fills at most; programs ask for 32 KiB. */
const DIRENTS_MAX = 65536;
const bytes = new Uint8Array(DIRENTS_MAX);
const view = new DataView(bytes.buffer);
let filled = 0;
let capacity = 0;
let lastEntry = 0;

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
  const refused = mayRead(task, file);
  if (refused < 0) return refused;
  const before = file.position;
  filled = 0;
  // Linux counts what is left in an int: above 2^31 − 1 no entry fits.
  capacity = Math.min(count | 0, DIRENTS_MAX);
  const failed = file.readDirectory(task, emitEntry);
  const { kernel } = task;
  if (failed >= 0 && file.inode !== null && kernel.vfs.watchCount > 0) notifyFile(kernel, file, "access");
  if (filled === 0) return failed < 0 ? failed : capacity < 0 ? -EINVAL : 0;
  if (task.space.copyOut(address, bytes, 0, filled) === 0) return filled;
  // What lies before the end of the writable memory is returned (fs/readdir.c, filldir64).
  const kept = entriesBefore(writableBytes(task, address));
  file.position = kept === 0 ? before : get64(view, lastEntry + LinuxDirent64.offset.d_off);
  return kept === 0 ? -EFAULT : kept;
}

/** How many of the `filled` bytes from `address` on the caller may write, up to the first page that it may not. */
function writableBytes(task: Task, address: number): number {
  let bytesTo = 0;
  while (bytesTo < filled && task.space.translate(address + bytesTo, true) >= 0)
    bytesTo += PAGE_SIZE - ((address + bytesTo) % PAGE_SIZE);
  return bytesTo;
}

/** Bytes of the entries that end within `most`; where the last of them begins is left in `lastEntry`. */
function entriesBefore(most: number): number {
  let at = 0;
  for (;;) {
    const end = at + view.getUint16(at + LinuxDirent64.offset.d_reclen, true);
    if (end > most) return at;
    lastEntry = at;
    at = end;
  }
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
  const refused = file.inode.askAccess(task, MAY_EXEC, file.path.mount);
  if (refused < 0) return refused;
  task.fs.setCwd(file.path);
  return 0;
}

function getcwd(task: Task, address: number, size: number): number {
  const { cwd, root } = task.fs;
  if (cwd.dentry.isUnlinked) return -ENOENT;
  const name = pathNameBelow(cwd, root) ?? `(unreachable)${pathName(cwd, root)}`;
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

export const directoryCalls: SyscallTable = {
  getdents64: { run: (task, fd, buffer, count) => getdents64(task, fd | 0, buffer, count >>> 0) },
  chdir: { run: chdir },
  fchdir: { run: (task, fd) => fchdir(task, fd | 0) },
  getcwd: { run: (task, buffer, size) => getcwd(task, buffer, size) },
  chroot: { run: chroot },
};
