/** Mounts: mount(2), umount2(2), pivot_root(2), and by descriptors fsopen(2) and what goes with it. */
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_NO_AUTOMOUNT,
  AT_RECURSIVE,
  AT_SYMLINK_NOFOLLOW,
  CAP_SYS_ADMIN,
  E2BIG,
  EBADF,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOTDIR,
  EOPNOTSUPP,
  EPERM,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_CREATE_EXCL,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_BINARY,
  FSCONFIG_SET_FD,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_PATH,
  FSCONFIG_SET_PATH_EMPTY,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  FSPICK_CLOEXEC,
  FSPICK_EMPTY_PATH,
  FSPICK_NO_AUTOMOUNT,
  FSPICK_SYMLINK_NOFOLLOW,
  MNT_DETACH,
  MNT_EXPIRE,
  MNT_FORCE,
  MOUNT_ATTR_IDMAP,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MOUNT_ATTR__ATIME,
  MOVE_MOUNT_BENEATH,
  MOVE_MOUNT_F_AUTOMOUNTS,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_F_SYMLINKS,
  MOVE_MOUNT_SET_GROUP,
  MOVE_MOUNT_T_AUTOMOUNTS,
  MOVE_MOUNT_T_EMPTY_PATH,
  MOVE_MOUNT_T_SYMLINKS,
  MS_BIND,
  MS_MOVE,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_RELATIME,
  MS_REMOUNT,
  MS_SHARED,
  MS_SLAVE,
  MS_STRICTATIME,
  MS_UNBINDABLE,
  MountAttr,
  OPEN_TREE_CLONE,
  O_CLOEXEC,
  O_PATH,
  PAGE_SIZE,
  UMOUNT_NOFOLLOW,
  isErrno,
} from "@stratos/abi";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { get64 } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { UserNamespace } from "../security/user-namespace.ts";
import type { Task } from "../task/task.ts";
import { pathOfFile } from "../vfs/anonymous-file.ts";
import { ConfigurationFile, type OptionValue } from "../vfs/configuration-context.ts";
import { copyDetached } from "../vfs/detached-mount.ts";
import { changeAttributes, type MountChange } from "../vfs/mount-attributes.ts";
import { parseMountOptions } from "../vfs/mount-options.ts";
import { mountFileSystem, pivotRoot, unmount } from "../vfs/mounting.ts";
import { handlesFiles } from "../security/landlock.ts";
import { NamespaceInode } from "../vfs/namespace-file.ts";
import { moveMount, shareWith } from "../vfs/move-mount.ts";
import { lookupPath } from "../vfs/path-walk.ts";
import { PathOnlyFile } from "../vfs/path-only-file.ts";
import type { Path } from "../vfs/path.ts";
import { installFile } from "./open-calls.ts";
import { loadPath } from "./path-argument.ts";
import type { SyscallTable } from "./syscall-table.ts";

/** May the caller change the mounts that it sees? */
function mayMount(task: Task): boolean {
  return isCapable(task.credentials, CAP_SYS_ADMIN, task.fs.namespace.owner);
}

/** Who has given up a right to files changes no mounts, which could show them elsewhere (landlock(7)). */
function isConfined({ credentials: { landlock } }: Task): boolean {
  return landlock !== null && handlesFiles(landlock);
}

/** Nobody goes there: no right to search it is needed. */
function folderAt(task: Task, path: string): Path | number {
  const place = lookupPath(task, AT_FDCWD, path, 0);
  return isErrno(place) || place.dentry.inode!.isDirectory ? place : -ENOTDIR;
}

function pivot(task: Task, newAddress: number, oldAddress: number): number {
  if (!mayMount(task)) return -EPERM;
  const newPath = loadPath(task, newAddress);
  if (isErrno(newPath)) return newPath;
  const newRoot = folderAt(task, newPath);
  if (isErrno(newRoot)) return newRoot;
  const oldPath = loadPath(task, oldAddress);
  if (isErrno(oldPath)) return oldPath;
  const putOld = folderAt(task, oldPath);
  if (isErrno(putOld)) return putOld;
  return isConfined(task) ? -EPERM : pivotRoot(task, newRoot, putOld);
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
  if (!mayMount(task) || isConfined(task)) return -EPERM;
  let sourcePath: Path | null = null;
  if ((wanted & MS_REMOUNT) === 0 && (wanted & (MS_BIND | PROPAGATION | MS_MOVE)) === 0) {
    if (typeAddress === 0) return -EINVAL;
  } else if ((wanted & MS_REMOUNT) === 0 && ((wanted & MS_BIND) !== 0 || (wanted & PROPAGATION) === 0)) {
    // fs/namespace.c, do_loopback, do_move_mount_old
    if (source === "") return -EINVAL;
    const found = lookupPath(task, AT_FDCWD, source, 0);
    if (isErrno(found)) return found;
    sourcePath = found;
  }
  return mountFileSystem(task, place, {
    source,
    sourcePath,
    type,
    flags: wanted,
    options: parseMountOptions(options),
  });
}

const PROPAGATION = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

function umount2(task: Task, pathAddress: number, flags: number): number {
  if ((flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW)) !== 0) return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  // The way of this call itself is no use of the mount.
  const expiring = task.fs.namespace.mounts.filter((mount) => mount.isExpiring);
  const place = lookupPath(task, AT_FDCWD, path, (flags & UMOUNT_NOFOLLOW) !== 0 ? AT_SYMLINK_NOFOLLOW : 0);
  if (isErrno(place)) return place;
  if (expiring.includes(place.mount)) place.mount.isExpiring = true;
  if (place.dentry === place.mount.root && isConfined(task)) return -EPERM;
  return unmount(task, place, flags);
}

/** Names, keys and values: with their NUL no longer than this (fs/fsopen.c). */
const FSCONFIG_TEXT_MAX = 256;
const FSCONFIG_BINARY_MAX = 1024 * 1024;

function fsopen(task: Task, nameAddress: number, flags: number): number {
  if (!mayMount(task)) return -EPERM;
  if ((flags & ~FSOPEN_CLOEXEC) !== 0) return -EINVAL;
  const name = loadText(task, nameAddress, PAGE_SIZE);
  if (isErrno(name)) return name;
  if (!task.kernel.vfs.types.has(name)) return -ENODEV;
  return installFile(task, new ConfigurationFile(task.kernel, name, null), (flags & FSOPEN_CLOEXEC) !== 0);
}

/** −EINVAL for what is too long (mm/util.c, strndup_user). */
function loadText(task: Task, address: number, most: number): string | number {
  const text = task.space.loadString(address, most);
  return isErrno(text) && text !== -EFAULT ? -EINVAL : text;
}

function fspick(task: Task, dirfd: number, pathAddress: number, flags: number): number {
  if (!mayMount(task)) return -EPERM;
  const known = FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT | FSPICK_EMPTY_PATH;
  if ((flags & ~known) !== 0) return -EINVAL;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const place = lookupPath(
    task,
    dirfd,
    path,
    ((flags & FSPICK_SYMLINK_NOFOLLOW) !== 0 ? AT_SYMLINK_NOFOLLOW : 0) |
      ((flags & FSPICK_EMPTY_PATH) !== 0 ? AT_EMPTY_PATH : 0),
  );
  if (isErrno(place)) return place;
  const { fileSystem, root } = place.mount;
  if (place.dentry !== root || !task.kernel.vfs.types.has(fileSystem.type)) return -EINVAL;
  const file = new ConfigurationFile(task.kernel, fileSystem.type, fileSystem);
  return installFile(task, file, (flags & FSPICK_CLOEXEC) !== 0);
}

/** What fsopen(2) or fspick(2) gave: −EBADF, −EINVAL. */
function configurationAt(task: Task, fd: number): ConfigurationFile | number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  return file instanceof ConfigurationFile ? file : -EINVAL;
}

function fsconfig(task: Task, fd: number, command: number, key: number, value: number, aux: number): number {
  if (fd < 0) return -EINVAL;
  const refused = checkShape(command, key !== 0, value !== 0, aux);
  if (refused < 0) return refused;
  const file = configurationAt(task, fd);
  if (isErrno(file)) return file;
  if (command >= FSCONFIG_CMD_CREATE) {
    if (command === FSCONFIG_CMD_RECONFIGURE) return isConfined(task) ? -EPERM : file.reconfigure(task);
    return file.create(task, command === FSCONFIG_CMD_CREATE_EXCL);
  }
  const name = loadText(task, key, FSCONFIG_TEXT_MAX);
  if (isErrno(name)) return name;
  const given = optionValue(task, command, value, aux);
  return isErrno(given) ? given : file.set(name, given);
}

/** Which arguments a command has (fs/fsopen.c, fsconfig). */
function checkShape(command: number, hasKey: boolean, hasValue: boolean, aux: number): number {
  switch (command) {
    case FSCONFIG_SET_FLAG:
      return hasKey && !hasValue && aux === 0 ? 0 : -EINVAL;
    case FSCONFIG_SET_STRING:
      return hasKey && hasValue && aux === 0 ? 0 : -EINVAL;
    case FSCONFIG_SET_BINARY:
      return hasKey && hasValue && aux > 0 && aux <= FSCONFIG_BINARY_MAX ? 0 : -EINVAL;
    case FSCONFIG_SET_PATH:
    case FSCONFIG_SET_PATH_EMPTY:
      return hasKey && hasValue && (aux === AT_FDCWD || aux >= 0) ? 0 : -EINVAL;
    case FSCONFIG_SET_FD:
      return hasKey && !hasValue && aux >= 0 ? 0 : -EINVAL;
    case FSCONFIG_CMD_CREATE:
    case FSCONFIG_CMD_CREATE_EXCL:
    case FSCONFIG_CMD_RECONFIGURE:
      return !hasKey && !hasValue && aux === 0 ? 0 : -EINVAL;
    default:
      return -EOPNOTSUPP;
  }
}

function optionValue(task: Task, command: number, value: number, aux: number): OptionValue | number {
  if (command === FSCONFIG_SET_FLAG) return { kind: "flag" };
  if (command === FSCONFIG_SET_FD) return task.files.get(aux) === undefined ? -EBADF : { kind: "other" };
  if (command === FSCONFIG_SET_BINARY) return { kind: "other" };
  const text = command === FSCONFIG_SET_STRING ? loadText(task, value, FSCONFIG_TEXT_MAX) : loadPath(task, value);
  if (isErrno(text)) return text;
  return command === FSCONFIG_SET_STRING ? { kind: "string", text } : { kind: "other" };
}

const ATTRIBUTE_FLAGS: readonly (readonly [attribute: number, flag: number])[] = [
  [MOUNT_ATTR_RDONLY, MS_RDONLY],
  [MOUNT_ATTR_NOSUID, MS_NOSUID],
  [MOUNT_ATTR_NODEV, MS_NODEV],
  [MOUNT_ATTR_NOEXEC, MS_NOEXEC],
  [MOUNT_ATTR_NODIRATIME, MS_NODIRATIME],
  [MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW],
];
const ATTRIBUTES_KNOWN = ATTRIBUTE_FLAGS.reduce((all, [attribute]) => all | attribute, MOUNT_ATTR__ATIME);

/** MS_* for MOUNT_ATTR_* but for access times. */
function flagsOf(attributes: number): number {
  return ATTRIBUTE_FLAGS.reduce((all, [attribute, flag]) => ((attributes & attribute) !== 0 ? all | flag : all), 0);
}

/** MS_* for MOUNT_ATTR__ATIME; null: no such setting. @param strict  what stands for keeping each access time */
function accessTimesOf(attributes: number, strict: number): number | null {
  switch (attributes & MOUNT_ATTR__ATIME) {
    case MOUNT_ATTR_RELATIME:
      return MS_RELATIME;
    case MOUNT_ATTR_NOATIME:
      return MS_NOATIME;
    case MOUNT_ATTR_STRICTATIME:
      return strict;
    default:
      return null;
  }
}

function fsmount(task: Task, fd: number, flags: number, attributes: number): number {
  if (!mayMount(task)) return -EPERM;
  const times = accessTimesOf(attributes, MS_STRICTATIME);
  if ((flags & ~FSMOUNT_CLOEXEC) !== 0 || (attributes & ~ATTRIBUTES_KNOWN) !== 0 || times === null) return -EINVAL;
  const file = configurationAt(task, fd);
  if (isErrno(file)) return file;
  const mount = file.mount(task, flagsOf(attributes) | times);
  return isErrno(mount) ? mount : installFile(task, mount, (flags & FSMOUNT_CLOEXEC) !== 0);
}

function openTree(task: Task, dirfd: number, pathAddress: number, flags: number): number {
  const known = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | OPEN_TREE_CLONE | O_CLOEXEC;
  if ((flags & ~known) !== 0 || (flags & (AT_RECURSIVE | OPEN_TREE_CLONE)) === AT_RECURSIVE) return -EINVAL;
  if ((flags & OPEN_TREE_CLONE) !== 0 && !mayMount(task)) return -EPERM;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const place = lookupPath(task, dirfd, path, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  if (isErrno(place)) return place;
  const file =
    (flags & OPEN_TREE_CLONE) === 0
      ? new PathOnlyFile(0, place)
      : copyDetached(task, place, (flags & AT_RECURSIVE) !== 0);
  return isErrno(file) ? file : installFile(task, file, (flags & O_CLOEXEC) !== 0);
}

const MOVE_MOUNT_KNOWN =
  MOVE_MOUNT_F_SYMLINKS |
  MOVE_MOUNT_F_AUTOMOUNTS |
  MOVE_MOUNT_F_EMPTY_PATH |
  MOVE_MOUNT_T_SYMLINKS |
  MOVE_MOUNT_T_AUTOMOUNTS |
  MOVE_MOUNT_T_EMPTY_PATH |
  MOVE_MOUNT_SET_GROUP |
  MOVE_MOUNT_BENEATH;

function moveMountCall(
  task: Task,
  fromFd: number,
  fromAddress: number,
  toFd: number,
  toAddress: number,
  flags: number,
): number {
  if (!mayMount(task)) return -EPERM;
  const both = MOVE_MOUNT_SET_GROUP | MOVE_MOUNT_BENEATH;
  if ((flags & ~MOVE_MOUNT_KNOWN) !== 0 || (flags & both) === both) return -EINVAL;
  const to = placeToMove(
    task,
    toFd,
    toAddress,
    (flags & MOVE_MOUNT_T_SYMLINKS) !== 0,
    (flags & MOVE_MOUNT_T_EMPTY_PATH) !== 0,
  );
  if (isErrno(to)) return to;
  const from = placeToMove(
    task,
    fromFd,
    fromAddress,
    (flags & MOVE_MOUNT_F_SYMLINKS) !== 0,
    (flags & MOVE_MOUNT_F_EMPTY_PATH) !== 0,
  );
  if (isErrno(from)) return from;
  if ((flags & MOVE_MOUNT_SET_GROUP) !== 0) return shareWith(task, from, to);
  if (isConfined(task)) return -EPERM;
  return moveMount(task, from, to, (flags & MOVE_MOUNT_BENEATH) !== 0);
}

function placeToMove(task: Task, fd: number, address: number, follows: boolean, mayBeEmpty: boolean): Path | number {
  const path = address === 0 && mayBeEmpty ? "" : loadPath(task, address);
  if (isErrno(path)) return path;
  if (path === "" && mayBeEmpty && fd !== AT_FDCWD) {
    const file = task.files.get(fd);
    return file === undefined ? -EBADF : pathOfFile(task.kernel, file);
  }
  return lookupPath(task, fd, path, (follows ? 0 : AT_SYMLINK_NOFOLLOW) | (mayBeEmpty ? AT_EMPTY_PATH : 0));
}

function mountSetattr(
  task: Task,
  dirfd: number,
  pathAddress: number,
  flags: number,
  attributes: number,
  size: number,
): number {
  if ((flags & ~(AT_EMPTY_PATH | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT)) !== 0) return -EINVAL;
  const change = loadChange(task, attributes, size, (flags & AT_RECURSIVE) !== 0, false);
  if (change === null || isErrno(change)) return change ?? 0;
  const path = loadPath(task, pathAddress);
  if (isErrno(path)) return path;
  const place = lookupPath(task, dirfd, path, flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
  return isErrno(place) ? place : changeAttributes(task, place, change);
}

/** open_tree_attr(2): open_tree(2), and mount_setattr(2) of what it opens. */
function openTreeAttr(
  task: Task,
  dirfd: number,
  path: number,
  flags: number,
  attributes: number,
  size: number,
): number {
  if (attributes === 0 && size !== 0) return -EINVAL;
  if (attributes === 0) return openTree(task, dirfd, path, flags);
  const fd = openTree(task, dirfd, path, flags);
  if (fd < 0) return fd;
  const isNew = (flags & OPEN_TREE_CLONE) !== 0;
  const change = loadChange(task, attributes, size, (flags & AT_RECURSIVE) !== 0, isNew);
  const refused =
    change === null || isErrno(change) ? (change ?? 0) : changeAttributes(task, task.files.get(fd)!.path!, change);
  if (refused < 0) task.files.close(task, fd);
  return refused < 0 ? refused : fd;
}

/** `struct mount_attr` (mount_setattr(2)); null: nothing is to change. @param isNew  nobody has seen the mounts */
function loadChange(
  task: Task,
  address: number,
  size: number,
  isWhole: boolean,
  isNew: boolean,
): MountChange | null | number {
  if (size > PAGE_SIZE) return -E2BIG;
  if (size < MountAttr.size) return -EINVAL;
  if (!mayMount(task)) return -EPERM;
  const { u8, view } = task.kernel.scratch;
  const failed = copyExtensible(task.space, address, u8, size, MountAttr.size);
  if (failed < 0) return failed;
  const set = get64(view, MountAttr.offset.attr_set),
    clear = get64(view, MountAttr.offset.attr_clr),
    propagation = get64(view, MountAttr.offset.propagation);
  if (set === 0 && clear === 0 && propagation === 0) return null;
  if (![0, MS_SHARED, MS_PRIVATE, MS_SLAVE, MS_UNBINDABLE].includes(propagation)) return -EINVAL;
  const known = ATTRIBUTES_KNOWN | MOUNT_ATTR_IDMAP;
  if ([set, clear].some((bits) => bits < 0 || bits > 0x7fffffff || (bits & ~known) !== 0)) return -EINVAL;
  const clearsTimes = (clear & MOUNT_ATTR__ATIME) !== 0;
  if (clearsTimes ? (clear & MOUNT_ATTR__ATIME) !== MOUNT_ATTR__ATIME : (set & MOUNT_ATTR__ATIME) !== 0) return -EINVAL;
  const times = clearsTimes ? accessTimesOf(set, 0) : 0;
  if (times === null) return -EINVAL;
  const owners = ownersToShow(task, set, clear, get64(view, MountAttr.offset.userns_fd), isNew);
  if (isErrno(owners)) return owners;
  return {
    set: flagsOf(set) | times,
    clear: flagsOf(clear) | (clearsTimes ? MS_RELATIME | MS_NOATIME : 0),
    propagation,
    isWhole,
    owners,
    isNew,
  };
}

/** MOUNT_ATTR_IDMAP (fs/namespace.c, build_mount_idmapped). @returns −EBADF, −EINVAL, −EPERM */
function ownersToShow(
  task: Task,
  set: number,
  clear: number,
  fd: number,
  isNew: boolean,
): MountChange["owners"] | number {
  if (((set | clear) & MOUNT_ATTR_IDMAP) === 0) return null;
  if ((clear & MOUNT_ATTR_IDMAP) !== 0 && !isNew) return -EINVAL;
  if ((set & MOUNT_ATTR_IDMAP) === 0) return "none";
  if (fd < 0 || fd > 0x7fffffff) return -EINVAL;
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  const namespace = file.inode instanceof NamespaceInode ? file.inode.namespace : null;
  if (!(namespace instanceof UserNamespace)) return -EINVAL;
  // A map that leaves all as it is says that there is none.
  const mayShow = namespace.parent !== null && isCapable(task.credentials, CAP_SYS_ADMIN, namespace);
  return mayShow ? namespace : -EPERM;
}

export const mountCalls: SyscallTable = {
  mount: {
    run: (task, source, target, type, flags, data) => mount(task, source, target, type, flags | 0, data),
    gaps:
      "on a device AegisFS, ext2, ext3 and ext4 are mounted (not with inline_data, encrypt, casefold, " +
      "ea_inode, bigalloc, quota or verity, nor with blocks above 4 KiB; folders of more than 16,384 blocks " +
      "and files in more than a million pieces are EUCLEAN), and no journal is written; ISO 9660 " +
      "(without zisofs) and FAT are only read (EROFS); files " +
      "of a FUSE server are read and written by requests alone, without a cache, what is mapped is read in " +
      "anew with the next mapping (after an opening without KEEP_CACHE, or when size or time are others or the " +
      "server says so), and what shared mappings write is stored by msync(2), fsync(2), close(2), munmap(2) " +
      "and the end of a process, and by sync(2) and after a time without waiting for it, its lists of acl(5) " +
      "and file capabilities are only handed on, STATX is not asked for, an epoll instance within another one " +
      "and aio tell what the server said last of events (POLL), what it stores (NOTIFY_STORE) it gets back, up " +
      "to 4 MiB, and readers ask it, and it is no layer of an overlay; " +
      "overlays have no redirect_dir, metacopy, index, nfs_export, verity, data-only layers and " +
      "ID-mapped layers (EINVAL), " +
      "the upper layer lies on tmpfs or AegisFS, and a copied file has another number when the overlay is " +
      "mounted anew; cgroup2 has the controllers cpuset (of harts; no partitions), cpu, memory and pids, " +
      "and charges private pages alone to a group; memory.min, low, high and swap.max are kept and shown; " +
      "nobody measures pressure (/proc/pressure and files `*.pressure` are not there); 2,048 groups, 128 deep (EAGAIN)",
  },
  umount2: { run: (task, path, flags) => umount2(task, path, flags | 0) },
  pivot_root: { run: pivot },
  fsopen: { run: (task, name, flags) => fsopen(task, name, flags | 0) },
  fsconfig: {
    run: (task, fd, command, key, value, aux) => fsconfig(task, fd | 0, command >>> 0, key, value, aux | 0),
    gaps:
      "no option takes a path, a descriptor or bytes; `sync`, `dirsync`, `mand` and `lazytime` are shown, and " +
      "change nothing else",
  },
  fsmount: { run: (task, fd, flags, attributes) => fsmount(task, fd | 0, flags | 0, attributes | 0) },
  fspick: { run: (task, dirfd, path, flags) => fspick(task, dirfd | 0, path, flags | 0) },
  open_tree: { run: (task, dirfd, path, flags) => openTree(task, dirfd | 0, path, flags | 0) },
  open_tree_attr: {
    run: (task, dirfd, path, flags, attributes, size) =>
      openTreeAttr(task, dirfd | 0, path, flags | 0, attributes, size),
  },
  move_mount: {
    run: (task, fromFd, from, toFd, to, flags) => moveMountCall(task, fromFd | 0, from, toFd | 0, to, flags | 0),
  },
  mount_setattr: {
    run: (task, dirfd, path, flags, attributes, size) =>
      mountSetattr(task, dirfd | 0, path, flags | 0, attributes, size),
  },
};
