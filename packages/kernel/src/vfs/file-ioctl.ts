import {
  CAP_SYS_ADMIN,
  CAP_SYS_RAWIO,
  EBADF,
  EFBIG,
  EINVAL,
  EISDIR,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  EXDEV,
  FICLONE,
  FICLONERANGE,
  FIBMAP,
  FIDEDUPERANGE,
  FIFREEZE,
  FIGETBSZ,
  FIOQSIZE,
  FITHAW,
  FS_IMMUTABLE_FL,
  FS_IOC_FIEMAP,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
  FileCloneRange,
  O_APPEND,
  O_PATH,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import type { Inode } from "./inode.ts";
import type { OpenFile } from "./open-file.ts";
import { flagsIoctl } from "./file-flags-ioctl.ts";
import { mapExtents } from "./fiemap.ts";
import { clipToLimits, contentChanged } from "./content-change.ts";
import type { Caller } from "./vfs-kernel.ts";
import { drainInPieces } from "./write-back.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";

/** `dest_count` of `struct file_dedupe_range`. */
const DEST_COUNT_AT = 16;

/** ioctl_ficlonerange(2). */
function cloneInto(
  task: Caller,
  source: Inode,
  file: OpenFile,
  { sourceOffset, length, offset }: { sourceOffset: number; length: number; offset: number },
): number {
  const inode = file.inode!;
  // Negative: not an address, or a number that no file reaches.
  if (sourceOffset < 0 || length < 0 || offset < 0) return -EINVAL;
  if ((inode.fileFlags & FS_IMMUTABLE_FL) !== 0) return -EPERM;
  // 0: up to the end of the source.
  const count = length === 0 ? Math.max(0, Number(source.statSize()) - sourceOffset) : length;
  const clipped = clipToLimits(task, offset, count);
  if (clipped < count) return clipped < 0 ? clipped : -EFBIG;
  // The file system shares what it has.
  if (drainInPieces(task, source) === UNFINISHED || drainInPieces(task, inode) === UNFINISHED) return UNFINISHED;
  const result = inode.takeRange(source, sourceOffset, offset, count, true, task.kernel.vfs.now());
  if (result < 0) return result;
  contentChanged(task, inode, file.path);
  return 0;
}

/**
 * ioctls of regular files and directories (ioctl_list(2)). What the file system can't do is EOPNOTSUPP, which callers
 * such as cp expect.
 */
export function fileIoctl(task: Caller, file: OpenFile, command: number, argument: number): number {
  const inode = file.inode;
  switch (command) {
    case FICLONE:
    case FICLONERANGE: {
      const given = command === FICLONE ? 0 : task.space.loadU32(argument);
      if (given < 0) return given;
      const source = task.files.get((command === FICLONE ? argument : given) | 0);
      if (source === undefined || (source.flags & O_PATH) !== 0) return -EBADF;
      if (source.inode === null || inode === null) return -EINVAL;
      if (source.inode.fileSystem !== inode.fileSystem) return -EXDEV;
      if (!source.inode.isRegular || !inode.isRegular)
        return source.inode.isDirectory || inode.isDirectory ? -EISDIR : -EINVAL;
      if (!source.isReadable || !file.isWritable || (file.flags & O_APPEND) !== 0) return -EBADF;
      const range = { sourceOffset: 0, length: 0, offset: 0 };
      if (command === FICLONERANGE) {
        range.sourceOffset = task.space.loadU64(argument + FileCloneRange.offset.src_offset);
        range.length = task.space.loadU64(argument + FileCloneRange.offset.src_length);
        range.offset = task.space.loadU64(argument + FileCloneRange.offset.dest_offset);
      }
      return cloneInto(task, source.inode, file, range);
    }
    case FIDEDUPERANGE: {
      const count = task.space.loadU32(argument + DEST_COUNT_AT);
      if (count < 0) return count;
      if (!file.isReadable || inode === null) return -EINVAL;
      return inode.isDirectory ? -EISDIR : inode.isRegular ? -EOPNOTSUPP : -EINVAL;
    }
    // Nothing can be frozen, so that ostree and others are content with syncfs(2) (fs/ioctl.c, ioctl_fsfreeze).
    case FIFREEZE:
    case FITHAW:
      if (!isCapable(task.credentials, CAP_SYS_ADMIN)) return -EPERM;
      return command === FIFREEZE ? -EOPNOTSUPP : -EINVAL;
    case FIOQSIZE: {
      if (inode === null || !(inode.isDirectory || inode.isRegular)) return -ENOTTY;
      return task.space.storeU64(argument, inode.blocks * 512);
    }
    // No file tells the blocks of a device that it lies on.
    case FIBMAP: {
      if (inode === null || !inode.isRegular) return -ENOTTY;
      if (!isCapable(task.credentials, CAP_SYS_RAWIO)) return -EPERM;
      const block = task.space.loadU32(argument);
      return block < 0 ? block : -EINVAL;
    }
    case FS_IOC_FIEMAP:
      return inode === null ? -EOPNOTSUPP : mapExtents(task, inode, argument);
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
    case FS_IOC_FSGETXATTR:
    case FS_IOC_FSSETXATTR:
      return inode === null ? -ENOTTY : flagsIoctl(task, file, file.shownInode!, command, argument);
    case FIGETBSZ:
      return task.space.storeU32(argument, inode?.fileSystem.usage().blockSize ?? 4096);
    default:
      return -ENOTTY;
  }
}
