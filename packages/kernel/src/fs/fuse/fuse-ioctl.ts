/**
 * ioctl(2) of a server's files (fs/fuse/ioctl.c): what isn't the kernel's own is an IOCTL, whose command tells how many
 * bytes of the caller's memory go with it and come back. The flags of chattr(1) are asked for by a file opened for it.
 */
import {
  CAP_LINUX_IMMUTABLE,
  EFAULT,
  EINVAL,
  EIO,
  ENOMEM,
  ENOSYS,
  ENOTTY,
  EPERM,
  EROFS,
  FIBMAP,
  FIONREAD,
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_IOC_FIEMAP,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  FS_IOC_GETFLAGS,
  FS_IOC_GETFSSYSFSPATH,
  FS_IOC_GETFSUUID,
  FS_IOC_SETFLAGS,
  FS_XFLAG_APPEND,
  FS_XFLAG_IMMUTABLE,
  Fsxattr,
  O_RDONLY,
  PAGE_SIZE,
  isErrno,
} from "@stratos/abi";
import { FUSE_IOCTL, FUSE_IOCTL_DIR, FUSE_IOCTL_RETRY, FuseIoctlIn, FuseIoctlOut } from "@stratos/abi/fuse";
import { BLOCKED } from "../../ground/wait-queue.ts";
import { viewOf } from "../../ground/words.ts";
import { isCapable } from "../../security/credentials.ts";
import { ownsOrHasOver } from "../../security/permission.ts";
import { fileIoctl } from "../../vfs/file-ioctl.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { FsCaller } from "../fs-kernel.ts";
import type { FuseHandle } from "./fuse-handle.ts";
import { keyOf, message } from "./fuse-request.ts";
import type { ServedNode } from "./served-node.ts";

/** Parts of a command. Source: Linux include/uapi/asm-generic/ioctl.h. */
const IOC_WRITE = 1,
  IOC_READ = 2,
  SIZE_SHIFT = 16,
  SIZE_MASK = 0x3fff,
  DIRECTION_SHIFT = 30;

interface ServedFile extends OpenFile {
  readonly inode: ServedNode;
  readonly handle: FuseHandle;
}

/**
 * @returns what the server says; −ENOTTY it has none; −EIO a reply that isn't one; −ENOMEM more bytes than one of its
 * requests has; −EFAULT; those of FuseConnection.ask
 */
export function servedIoctl(task: FsCaller, file: ServedFile, command: number, argument: number): number {
  const { inode } = file;
  switch (command) {
    case FS_IOC_GETFLAGS:
    case FS_IOC_FSGETXATTR:
      return tellFlags(task, inode, command, argument);
    case FS_IOC_SETFLAGS:
    case FS_IOC_FSSETXATTR:
      return setFlags(task, file, command, argument);
    case FS_IOC_FIEMAP:
    case FS_IOC_GETFSUUID:
    case FS_IOC_GETFSSYSFSPATH:
      return fileIoctl(task, file, command, argument);
    case FIONREAD:
      if (inode.isRegular) return task.space.storeU32(argument, Math.max(0, inode.size - file.position) | 0);
      break;
    case FIBMAP:
      if (inode.isRegular) return fileIoctl(task, file, command, argument);
  }
  const size = (command >>> SIZE_SHIFT) & SIZE_MASK;
  const direction = command >>> DIRECTION_SHIFT;
  const given = (direction & IOC_WRITE) !== 0 ? size : 0;
  const taken = (direction & IOC_READ) !== 0 ? size : 0;
  const pages = Math.max(1, Math.ceil(size / PAGE_SIZE));
  if (pages > inode.fileSystem.connection.maxPages) return -ENOMEM;
  const data = (): Uint8Array | number => {
    const bytes = new Uint8Array(given);
    return given > 0 && task.space.copyIn(argument, bytes, 0, given) < 0 ? -EFAULT : bytes;
  };
  // A list of what it wants to read, which it may not, is a page.
  const room = Math.max(taken, PAGE_SIZE);
  const answer = ask(inode, { handle: file.handle, command, argument, taken }, data, 0, room);
  if (isErrno(answer)) return answer;
  const { result, bytes } = answer;
  if (bytes.length > taken) return -EIO;
  if (bytes.length > 0 && task.space.copyOut(argument, bytes, 0, bytes.length) < 0) return -EFAULT;
  return result;
}

/**
 * @param least  bytes of the reply behind its structure, at least
 * @returns what the server returns, and its bytes; a negated errno
 */
function ask(
  inode: ServedNode,
  what: { handle: FuseHandle; command: number; argument: number; taken: number },
  data: () => Uint8Array | number,
  least: number,
  most: number,
): { result: number; bytes: Uint8Array } | number {
  const { handle, command, argument, taken } = what;
  const make = (): Uint8Array | number => {
    const bytes = data();
    if (isErrno(bytes)) return bytes;
    const flags = handle.isDirectory ? FUSE_IOCTL_DIR : 0;
    const values = { flags, cmd: command, arg: argument, in_size: bytes.length, out_size: taken };
    return message(FuseIoctlIn, values, handle.fh, bytes);
  };
  const { size, offset } = FuseIoctlOut;
  const answer = inode.ask(FUSE_IOCTL, `${keyOf(handle.fh)} ${command} ${argument}`, make, size + least, size + most);
  if (isErrno(answer)) return answer === -ENOSYS ? -ENOTTY : answer;
  answer.isTaken = true;
  const view = viewOf(answer.reply);
  const result = view.getInt32(offset.result, true);
  if ((view.getUint32(offset.flags, true) & FUSE_IOCTL_RETRY) !== 0) return -EIO;
  // What would be taken for a call that waits is no answer.
  return {
    result: result === -ENOSYS ? -ENOTTY : result <= BLOCKED ? -EIO : result,
    bytes: answer.reply.subarray(size),
  };
}

/** As `ask`, by a file that is opened for it, with bytes of the kernel's own; a negative result is an error. */
function askOpened(inode: ServedNode, command: number, taken: number, given: Uint8Array): Uint8Array | number {
  if (!inode.isRegular && !inode.isDirectory) return -ENOTTY;
  const handle = inode.openHandle(O_RDONLY);
  if (isErrno(handle)) return handle;
  const answer = ask(inode, { handle, command, argument: 0, taken }, () => given, taken, taken);
  if (isErrno(answer)) return answer;
  return answer.result < 0 ? answer.result : answer.bytes;
}

const NOTHING = new Uint8Array(0);

function tellFlags(task: FsCaller, inode: ServedNode, command: number, argument: number): number {
  const size = command === FS_IOC_GETFLAGS ? 4 : Fsxattr.size;
  const answer = askOpened(inode, command, size, NOTHING);
  if (isErrno(answer)) return answer;
  const shown = new Uint8Array(size);
  // Behind its fields are bytes that nobody is told.
  shown.set(answer.subarray(0, command === FS_IOC_GETFLAGS ? size : Fsxattr.offset.fsx_cowextsize + 4));
  return task.space.copyOut(argument, shown, 0, size) < 0 ? -EFAULT : 0;
}

/** As vfs_fileattr_set: what it has is asked for first. */
function setFlags(task: FsCaller, file: ServedFile, command: number, argument: number): number {
  const { inode } = file;
  const given = new Uint8Array(command === FS_IOC_SETFLAGS ? 4 : Fsxattr.size);
  if (task.space.copyIn(argument, given, 0, given.length) < 0) return -EFAULT;
  if (file.path?.mount.isReadOnly === true) return -EROFS;
  const { credentials } = task;
  if (!ownsOrHasOver(credentials, inode)) return -EPERM;
  const before = askOpened(inode, FS_IOC_FSGETXATTR, Fsxattr.size, NOTHING);
  if (isErrno(before)) return before;
  const { offset } = Fsxattr;
  const old = viewOf(before),
    asked = viewOf(given);
  const wasKept = isKeptBy(old.getUint32(offset.fsx_xflags, true), FS_XFLAG_APPEND, FS_XFLAG_IMMUTABLE);
  const willBeKept =
    command === FS_IOC_SETFLAGS
      ? isKeptBy(asked.getUint32(0, true), FS_APPEND_FL, FS_IMMUTABLE_FL)
      : isKeptBy(asked.getUint32(offset.fsx_xflags, true), FS_XFLAG_APPEND, FS_XFLAG_IMMUTABLE);
  if (wasKept !== willBeKept && !isCapable(credentials, CAP_LINUX_IMMUTABLE)) return -EPERM;
  if (command === FS_IOC_FSSETXATTR) {
    const isMoved = old.getUint32(offset.fsx_projid, true) !== asked.getUint32(offset.fsx_projid, true);
    if (isMoved && credentials.userNamespace.parent !== null) return -EINVAL;
    given.fill(0, offset.fsx_cowextsize + 4);
  }
  const answer = askOpened(inode, command, 0, given);
  if (isErrno(answer)) return answer;
  inode.attributesUntil = 0;
  return 0;
}

/** Which of both it has: 0 to 3. */
function isKeptBy(flags: number, append: number, immutable: number): number {
  return ((flags & append) !== 0 ? 1 : 0) | ((flags & immutable) !== 0 ? 2 : 0);
}
