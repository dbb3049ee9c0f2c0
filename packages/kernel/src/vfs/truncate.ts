import { EFBIG, EINVAL, EISDIR, EPERM, F_SEAL_GROW, F_SEAL_SHRINK, SIGXFSZ, RLIMIT_FSIZE } from "@stratos/abi";
import { UNFINISHED } from "../ground/wait-queue.ts";
import { isKept, modeAfterWrite } from "../security/permission.ts";
import { sendSignalToSelf } from "../signal/send-signal.ts";
import { notifyInode } from "./file-events.ts";
import type { Inode } from "./inode.ts";
import { shownOn } from "./mount.ts";
import type { OpenFile } from "./open-file.ts";
import type { Path } from "./path.ts";
import { dropFileCapabilities, FILE_SIZE_MAX } from "./content-change.ts";
import type { Caller } from "./vfs-kernel.ts";

/**
 * Sets the size of a regular file (truncate(2)), in an overlay of that in the upper layer: mappings beyond it are cut
 * first, then pages dropped, then the file system told.
 * @param by  the open file that it is asked of (ftruncate(2)); null: none
 * @param tells  who watches it hears of it now; else the caller tells them
 * @returns 0, −EINVAL, −EISDIR, −EFBIG (with SIGXFSZ beyond RLIMIT_FSIZE), −EPERM (sealed), −ENOMEM, −ENOSPC, −EIO;
 *   UNFINISHED
 */
export function truncateInode(
  task: Caller,
  shown: Inode,
  size: number,
  path: Path | null,
  by: OpenFile | null = null,
  tells = true,
): number {
  if (shown.isDirectory) return -EISDIR;
  if (!shown.isRegular || size < 0) return -EINVAL;
  if (isKept(shown)) return -EPERM;
  const brought = shown.copyUp(size);
  if (brought < 0) return brought;
  const inode = shown.content;
  if (size > FILE_SIZE_MAX) return -EFBIG;
  if (inode.seals > 0) {
    if (size < inode.size && (inode.seals & F_SEAL_SHRINK) !== 0) return -EPERM;
    if (size > inode.size && (inode.seals & F_SEAL_GROW) !== 0) return -EPERM;
  }
  const kernel = task.kernel;
  if (size > inode.size && size > task.group.limits[RLIMIT_FSIZE]!.soft) {
    sendSignalToSelf(task, SIGXFSZ);
    return -EFBIG;
  }
  const now = kernel.vfs.now();
  if (size < inode.size) {
    kernel.work.mayPause = true;
    task.syscallState = kernel.fileShrinks(inode, size, task.syscallState);
    if (task.syscallState !== null) return UNFINISHED;
    kernel.work.mayPause = false;
  }
  const isSame = size === inode.size;
  const failed = inode.truncate(size, now, by);
  if (failed < 0) return failed;
  // Times change also when the length does not (fs/open.c, do_truncate).
  if (isSame) inode.setAttributes({ mtime: now, ctime: now });
  inode.version++;
  const mode = modeAfterWrite(task.credentials, shownOn(path?.mount ?? null, inode));
  if (mode !== null) inode.setAttributes({ mode, ctime: now });
  dropFileCapabilities(inode);
  if (tells && kernel.vfs.watchCount > 0) notifyInode(kernel, shown, path, "truncate");
  return 0;
}
