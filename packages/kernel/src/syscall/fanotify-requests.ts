/** fanotify_init(2), fanotify_mark(2): their checks, in Linux's order (fs/notify/fanotify/fanotify_user.c). */
import {
  AT_SYMLINK_NOFOLLOW,
  CAP_SYS_ADMIN,
  EBADF,
  EINVAL,
  EISDIR,
  ENODEV,
  ENOTDIR,
  EOPNOTSUPP,
  EPERM,
  FAN_CLASS_CONTENT,
  FAN_CLASS_PRE_CONTENT,
  FAN_CLOEXEC,
  FAN_EVENT_ON_CHILD,
  FAN_FS_ERROR,
  FAN_MARK_ADD,
  FAN_MARK_DONT_FOLLOW,
  FAN_MARK_EVICTABLE,
  FAN_MARK_FILESYSTEM,
  FAN_MARK_FLUSH,
  FAN_MARK_IGNORE,
  FAN_MARK_IGNORED_MASK,
  FAN_MARK_IGNORED_SURV_MODIFY,
  FAN_MARK_MOUNT,
  FAN_MARK_ONLYDIR,
  FAN_MARK_REMOVE,
  FAN_NONBLOCK,
  FAN_RENAME,
  FAN_REPORT_DIR_FID,
  FAN_REPORT_FID,
  FAN_REPORT_NAME,
  FAN_REPORT_PIDFD,
  FAN_REPORT_TARGET_FID,
  FAN_REPORT_TID,
  FAN_UNLIMITED_MARKS,
  FAN_UNLIMITED_QUEUE,
  O_ACCMODE,
  O_APPEND,
  O_CLOEXEC,
  O_DSYNC,
  O_LARGEFILE,
  O_NOATIME,
  O_NONBLOCK,
  O_SYNC,
  isErrno,
} from "@stratos/abi";
import { DESCRIPTOR_EVENTS, ALL_EVENTS, EVENT_FLAGS, FID_BITS, NAME_EVENTS } from "../fs/fanotify/fanotify-event.ts";
import { FanotifyFile } from "../fs/fanotify/fanotify-file.ts";
import { isCapable } from "../security/credentials.ts";
import { checkAccess, MAY_READ } from "../security/permission.ts";
import type { Task } from "../task/task.ts";
import { pathOfFile } from "../vfs/anonymous-file.ts";
import { PERMISSIONS } from "../vfs/fanotify-mark.ts";
import type { Marked } from "../vfs/fanotify-marks.ts";
import { lookupPath } from "../vfs/path-walk.ts";
import type { Path } from "../vfs/path.ts";
import { installFile } from "./open-calls.ts";
import { loadPath } from "./path-argument.ts";
import { shownOn } from "../vfs/mount.ts";

const CLASSES = FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT;
/** What takes CAP_SYS_ADMIN. */
const ADMIN_FLAGS = CLASSES | FAN_REPORT_TID | FAN_REPORT_PIDFD | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS;
const INIT_FLAGS = ADMIN_FLAGS | FID_BITS | FAN_CLOEXEC | FAN_NONBLOCK;
const FILE_FLAGS = O_ACCMODE | O_APPEND | O_NONBLOCK | O_SYNC | O_DSYNC | O_CLOEXEC | O_LARGEFILE | O_NOATIME;

export function initFanotify(task: Task, flags: number, fileFlags: number): number {
  const isUnprivileged = !isCapable(task.credentials, CAP_SYS_ADMIN);
  const fid = flags & FID_BITS;
  if (isUnprivileged && ((flags & ADMIN_FLAGS) !== 0 || fid === 0)) return -EPERM;
  if ((flags & ~INIT_FLAGS) !== 0) return -EINVAL;
  if ((flags & FAN_REPORT_PIDFD) !== 0 && (flags & FAN_REPORT_TID) !== 0) return -EINVAL;
  if ((fileFlags & ~FILE_FLAGS) !== 0 || (fileFlags & O_ACCMODE) === O_ACCMODE) return -EINVAL;
  if (fid !== 0 && (flags & CLASSES) !== 0) return -EINVAL;
  if ((fid & FAN_REPORT_NAME) !== 0 && (fid & FAN_REPORT_DIR_FID) === 0) return -EINVAL;
  const forTarget = FAN_REPORT_NAME | FAN_REPORT_FID;
  if ((fid & FAN_REPORT_TARGET_FID) !== 0 && (fid & forTarget) !== forTarget) return -EINVAL;
  if ((flags & CLASSES) === CLASSES) return -EINVAL;
  const file = FanotifyFile.create(task, flags, fileFlags | O_LARGEFILE, isUnprivileged);
  return isErrno(file) ? file : installFile(task, file, (flags & FAN_CLOEXEC) !== 0);
}

const COMMANDS = FAN_MARK_ADD | FAN_MARK_REMOVE | FAN_MARK_FLUSH;
const TYPES = FAN_MARK_MOUNT | FAN_MARK_FILESYSTEM;
const IGNORES = FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORE;
const MARK_FLAGS =
  COMMANDS |
  TYPES |
  IGNORES |
  FAN_MARK_DONT_FOLLOW |
  FAN_MARK_ONLYDIR |
  FAN_MARK_IGNORED_SURV_MODIFY |
  FAN_MARK_EVICTABLE;

export function markFanotify(
  task: Task,
  fd: number,
  flags: number,
  events: number,
  dirfd: number,
  pathAddress: number,
): number {
  let mask = events | 0;
  if (events !== mask >>> 0 || (flags & ~MARK_FLAGS) !== 0) return -EINVAL;
  const type = flags & TYPES,
    command = flags & COMMANDS;
  if (type === TYPES) return -EINVAL;
  if (command === FAN_MARK_FLUSH) {
    if ((flags & ~(TYPES | FAN_MARK_FLUSH)) !== 0) return -EINVAL;
  } else if ((command !== FAN_MARK_ADD && command !== FAN_MARK_REMOVE) || mask === 0) return -EINVAL;
  if ((mask & ~(ALL_EVENTS | EVENT_FLAGS)) !== 0 || (flags & IGNORES) === IGNORES) return -EINVAL;
  // An older ignore mask has no flags, whatever is asked for.
  let kept = 0;
  if ((flags & FAN_MARK_IGNORED_MASK) !== 0) {
    mask &= ~EVENT_FLAGS;
    kept = EVENT_FLAGS;
  }
  const file = task.files.get(fd);
  if (file === undefined) return -EBADF;
  if (!(file instanceof FanotifyFile)) return -EINVAL;
  const refused = mayMark(task, file, flags, type, mask);
  if (refused < 0) return refused;
  if (command === FAN_MARK_FLUSH) {
    file.flush(type === FAN_MARK_MOUNT ? "mount" : type === FAN_MARK_FILESYSTEM ? "fileSystem" : "inode");
    return 0;
  }
  const place = findPlace(task, dirfd, pathAddress, flags);
  if (isErrno(place)) return place;
  const unfit = mayBeMarked(file, place, flags, type, mask);
  if (unfit < 0) return unfit;
  const inode = place.dentry.inode!;
  const marked: Marked = type === FAN_MARK_MOUNT ? place.mount : type === 0 ? inode : inode.fileSystem;
  const isInode = type === 0;
  if (command === FAN_MARK_ADD && (flags & IGNORES) !== 0 && (flags & FAN_MARK_IGNORED_SURV_MODIFY) === 0) {
    if ((flags & FAN_MARK_IGNORE) !== 0 && (!isInode || inode.isDirectory)) return isInode ? -EISDIR : -EINVAL;
    // Whoever has it open to be written would end the mask at once.
    if (isInode && inode.writers > 0) return 0;
  }
  if (!isInode || !inode.isDirectory) {
    mask &= ~FAN_EVENT_ON_CHILD;
    kept |= FAN_EVENT_ON_CHILD;
    if ((file.fidBits & FAN_REPORT_DIR_FID) !== 0 && command === FAN_MARK_ADD && (flags & IGNORES) === 0)
      mask |= FAN_EVENT_ON_CHILD;
  }
  return command === FAN_MARK_ADD ? file.add(marked, mask, flags) : file.remove(marked, mask, flags, kept);
}

/** May this listener have such a mark? */
function mayMark(task: Task, file: FanotifyFile, flags: number, type: number, mask: number): number {
  const isAdmin = isCapable(task.credentials, CAP_SYS_ADMIN) && !file.isUnprivileged;
  if (!isAdmin && type !== 0) return -EPERM;
  if ((mask & PERMISSIONS) !== 0 && file.rank === 0) return -EINVAL;
  if ((mask & FAN_FS_ERROR) !== 0 && type !== FAN_MARK_FILESYSTEM) return -EINVAL;
  if ((flags & FAN_MARK_EVICTABLE) !== 0 && type !== 0) return -EINVAL;
  // What says too little to open a file wants handles, and to tell by which mount it was.
  const { fidBits } = file;
  const isOfHandles = (mask & ~(DESCRIPTOR_EVENTS | EVENT_FLAGS)) !== 0;
  if (isOfHandles && (fidBits === 0 || type === FAN_MARK_MOUNT)) return -EINVAL;
  return (mask & FAN_RENAME) !== 0 && (fidBits & FAN_REPORT_NAME) === 0 ? -EINVAL : 0;
}

/** The file to be marked, which the caller must be able to read. @param address  0: that of the descriptor */
function findPlace(task: Task, dirfd: number, address: number, flags: number): Path | number {
  let place: Path | number;
  if (address === 0) {
    const file = task.files.get(dirfd);
    if (file === undefined) return -EBADF;
    place = pathOfFile(task.kernel, file);
  } else {
    const path = loadPath(task, address);
    if (isErrno(path)) return path;
    place = lookupPath(task, dirfd, path, (flags & FAN_MARK_DONT_FOLLOW) !== 0 ? AT_SYMLINK_NOFOLLOW : 0);
  }
  if (isErrno(place)) return place;
  const inode = place.dentry.inode!;
  if ((flags & FAN_MARK_ONLYDIR) !== 0 && !inode.isDirectory) return -ENOTDIR;
  const denied = checkAccess(task.credentials, shownOn(place.mount, inode), MAY_READ);
  return denied < 0 ? denied : place;
}

/** Can what is there tell such events, and be named in them? */
function mayBeMarked(file: FanotifyFile, place: Path, flags: number, type: number, mask: number): number {
  const inode = place.dentry.inode!;
  const { fileSystem } = inode;
  if ((flags & FAN_MARK_ADD) !== 0) {
    if ((mask & PERMISSIONS) !== 0 && fileSystem.type === "proc") return -EINVAL;
    // Files without names, of which no program may see all.
    if (type !== 0 && place.mount.namespace === null && place.mount.lingers === null) return -EINVAL;
    const isStrict =
      (file.fidBits & FAN_REPORT_TARGET_FID) !== 0 || (mask & FAN_RENAME) !== 0 || (flags & FAN_MARK_IGNORE) !== 0;
    if (isStrict && type === 0 && !inode.isDirectory && (mask & (NAME_EVENTS | EVENT_FLAGS)) !== 0) return -ENOTDIR;
  }
  if (file.fidBits === 0) return 0;
  if (fileSystem.device === 0) return -ENODEV;
  return type !== 0 && fileSystem.generationOf(fileSystem.root) === -EOPNOTSUPP ? -EOPNOTSUPP : 0;
}
