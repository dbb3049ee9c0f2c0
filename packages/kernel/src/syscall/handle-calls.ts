/**
 * name_to_handle_at(2), open_by_handle_at(2): numbers that lead to a file whatever its names are, for servers of files.
 */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_HANDLE_CONNECTABLE,
  AT_HANDLE_FID,
  AT_HANDLE_MNT_ID_UNIQUE,
  AT_SYMLINK_FOLLOW,
  AT_SYMLINK_NOFOLLOW,
  CAP_DAC_READ_SEARCH,
  EBADF,
  EFAULT,
  EINVAL,
  ELOOP,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  ESTALE,
  FileHandle,
  MAX_HANDLE_SZ,
  O_CLOEXEC,
  O_PATH,
  isErrno,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { pathOfFile } from "../vfs/anonymous-file.ts";
import { Dentry, isBelow } from "../vfs/dentry.ts";
import { cachedNameOf, lookupChild } from "../vfs/dentry-cache.ts";
import { generationIn, HANDLE_BYTES_MAX, HANDLE_INODE, handleBytesOf, putHandle } from "../vfs/file-handle.ts";
import type { Inode } from "../vfs/inode.ts";
import { uniqueIdOf } from "../vfs/mount-names.ts";
import { openExisting } from "../vfs/open.ts";
import { PathOnlyFile } from "../vfs/path-only-file.ts";
import { lookupPath } from "../vfs/path-walk.ts";
import { Path } from "../vfs/path.ts";
import { installFile } from "./open-calls.ts";
import { loadPath } from "./path-argument.ts";
import { getU64 } from "../ground/words.ts";
import type { SyscallTable } from "./syscall-table.ts";

const FLAGS = AT_SYMLINK_FOLLOW | AT_EMPTY_PATH | AT_HANDLE_FID | AT_HANDLE_MNT_ID_UNIQUE | AT_HANDLE_CONNECTABLE;
const bytes = new Uint8Array(FileHandle.size + HANDLE_BYTES_MAX);
const view = new DataView(bytes.buffer);

/**
 * @returns 0; −EOVERFLOW: there is no room, and `handle_bytes` says how much it takes; −EOPNOTSUPP: files of that file
 * system have no handles
 */
function nameToHandle(
  task: Task,
  dirfd: number,
  pathAddress: number,
  handle: number,
  mountId: number,
  flags: number,
): number {
  if ((flags & ~FLAGS) !== 0) return -EINVAL;
  if ((flags & AT_HANDLE_CONNECTABLE) !== 0 && (flags & (AT_HANDLE_FID | AT_EMPTY_PATH)) !== 0) return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const followed = (flags & AT_SYMLINK_FOLLOW) !== 0 ? 0 : AT_SYMLINK_NOFOLLOW;
  const place = lookupPath(task, dirfd, path, (flags & AT_EMPTY_PATH) | followed);
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  let generation = inode.fileSystem.generationOf(inode);
  if (generation === -EOPNOTSUPP && (flags & AT_HANDLE_FID) !== 0) generation = 0;
  if (generation < 0) return generation;
  const room = task.space.loadU32(handle);
  if (room < 0) return -EFAULT;
  if (room > MAX_HANDLE_SZ) return -EINVAL;
  putHandle(view, 0, inode.ino, generation);
  const size = handleBytesOf(generation);
  const fits = room >= size;
  const stored =
    (flags & AT_HANDLE_MNT_ID_UNIQUE) !== 0
      ? task.space.storeU64(mountId, uniqueIdOf(place.mount))
      : task.space.storeU32(mountId, place.mount.id);
  if (stored < 0 || task.space.copyOut(handle, bytes, 0, FileHandle.size + (fits ? size : 0)) < 0) {
    return -EFAULT;
  }
  return fits ? 0 : -EOVERFLOW;
}

/** @returns a descriptor; −ESTALE: no file of that file system has the handle (any more) */
function openByHandle(task: Task, mountFd: number, handle: number, flags: number): number {
  const length = task.space.loadU32(handle);
  if (length < 0 || task.space.loadU32(handle + FileHandle.offset.handle_type) < 0) return -EFAULT;
  if (length === 0 || length > MAX_HANDLE_SZ) return -EINVAL;
  let anchor = task.fs.cwd;
  if (mountFd !== AT_FDCWD) {
    const file = task.files.get(mountFd);
    if (file === undefined) return -EBADF;
    anchor = pathOfFile(task.kernel, file);
  }
  // It passes by the permissions of every folder that leads there.
  if (!isCapable(task.credentials, CAP_DAC_READ_SEARCH)) return -EPERM;
  if (task.space.copyIn(handle, bytes, 0, FileHandle.size + Math.min(length, HANDLE_BYTES_MAX)) < 0) return -EFAULT;
  const generation = generationIn(view);
  if (generation === null) return -ESTALE;
  const { fileSystem, root } = anchor.mount;
  const inode = fileSystem.inodeByNumber(getU64(view, HANDLE_INODE), generation);
  if (isErrno(inode)) return -ESTALE;
  let dentry = root;
  if (inode !== root.inode) dentry = cachedNameOf(inode, root) ?? knownName(task, inode, root) ?? withoutName(inode);
  const place = new Path(anchor.mount, dentry);
  if ((flags & O_PATH) !== 0) return installFile(task, new PathOnlyFile(flags, place), (flags & O_CLOEXEC) !== 0);
  if (inode.isSymlink) return -ELOOP;
  const file = openExisting(task, place, flags);
  return isErrno(file) ? file : installFile(task, file, (flags & O_CLOEXEC) !== 0);
}

/** Where its file system says that it is, if that is below `root`. */
function knownName({ kernel }: Task, inode: Inode, root: Dentry): Dentry | null {
  const names = inode.fileSystem.namesOf(inode);
  if (names === null) return null;
  let at = kernel.vfs.roots.get(inode.fileSystem)!.dentry;
  for (const name of names) {
    const child = lookupChild(kernel, at, name);
    if (isErrno(child) || child.inode === null) return null;
    at = child;
  }
  return at.inode === inode && isBelow(at, root) ? at : null;
}

/** No folder is known to have it: as one that was unlinked. */
function withoutName(inode: Inode): Dentry {
  const dentry = new Dentry(`#${inode.ino}`, null, inode);
  dentry.isDetached = true;
  return dentry;
}

export const handleCalls: SyscallTable = {
  name_to_handle_at: {
    run: (task, dirfd, path, handle, mountId, flags) => nameToHandle(task, dirfd | 0, path, handle, mountId, flags | 0),
    gaps: "on tmpfs, AegisFS, ext4 and cgroup2; the others have handles with AT_HANDLE_FID alone",
  },
  open_by_handle_at: {
    run: (task, mountFd, handle, flags) => openByHandle(task, mountFd | 0, handle, flags | 0),
    gaps: "what no name in memory leads to has no place in the tree: `..` of such a folder leads nowhere else",
  },
};
