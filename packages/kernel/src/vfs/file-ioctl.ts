import { EBADF, EINVAL, ENOTTY, EOPNOTSUPP, EXDEV, FICLONE, FICLONERANGE, FIDEDUPERANGE, FIGETBSZ, FS_IOC_FIEMAP, FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from "@stratos/abi";
import type { Task } from "../task/task.ts";
import type { OpenFile } from "./open-file.ts";

/** ioctls of regular files and directories (ioctl_list(2)). What the file system can't do is EOPNOTSUPP, which callers such as cp expect. */
export function fileIoctl(task: Task, file: OpenFile, command: number, argument: number): number {
  const inode = file.inode;
  switch (command) {
    case FICLONE:
    case FICLONERANGE: {
      const sourceFd = command === FICLONE ? argument | 0 : task.space.loadU64(argument);
      if (sourceFd < 0) return sourceFd === -EBADF ? -EBADF : sourceFd;
      const source = task.files.get(sourceFd);
      if (source === undefined || !source.isReadable || !file.isWritable) return -EBADF;
      if (source.inode === null || inode === null || source.inode.fileSystem !== inode.fileSystem) return -EXDEV;
      return source.inode.isRegular && inode.isRegular ? -EOPNOTSUPP : -EINVAL;
    }
    case FIDEDUPERANGE:
    case FS_IOC_FIEMAP:
      return -EOPNOTSUPP;
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
      return -ENOTTY;
    case FIGETBSZ:
      return task.space.storeU32(argument, inode?.fileSystem.usage().blockSize ?? 4096);
    default:
      return -ENOTTY;
  }
}
