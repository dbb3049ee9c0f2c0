/** What a write may add to a regular file, and what changes of the file by it: all who write content ask here. */
import { EFBIG, PAGE_SIZE, SIGXFSZ, RLIMIT_FSIZE } from "@stratos/abi";
import { EXACT_END } from "../ground/words.ts";
import { FILE_CAPABILITIES } from "../security/file-capabilities.ts";
import { modeAfterWrite } from "../security/permission.ts";
import { sendSignalToSelf } from "../signal/send-signal.ts";
import type { Inode } from "./inode.ts";
import { shownOn } from "./mount.ts";
import type { Path } from "./path.ts";
import { markInodeDirty } from "./write-back.ts";
import type { Caller } from "./vfs-kernel.ts";

/**
 * Largest file, as `s_maxbytes` of a file system in Linux: offsets are exact numbers
 * (docs/decisions/0013-largest-file.md).
 */
export const FILE_SIZE_MAX = EXACT_END - PAGE_SIZE;
/** RLIMIT_FSIZE (setrlimit(2)) and the largest offset. */
export function clipToLimits(task: Caller, at: number, count: number): number {
  const limit = task.group.limits[RLIMIT_FSIZE]!.soft;
  if (at + count > limit) {
    if (at >= limit) {
      sendSignalToSelf(task, SIGXFSZ);
      return -EFBIG;
    }
    count = limit - at;
  }
  if (at + count > FILE_SIZE_MAX) {
    if (at >= FILE_SIZE_MAX) return -EFBIG;
    count = FILE_SIZE_MAX - at;
  }
  return count;
}

/** A file that is written, or changes hands, gives nobody capabilities any more (capabilities(7)). */
export function dropFileCapabilities(inode: Inode): void {
  // A search for each write would be dear: once is enough.
  if (!inode.isRegular || inode.hasNoCapabilities) return;
  inode.removeXattr(FILE_CAPABILITIES);
  inode.hasNoCapabilities = true;
}

/** After a write: times, version, set-ID bits, write-back. @param path  by which it was written; null: by none */
export function contentChanged(task: Caller, inode: Inode, path: Path | null): void {
  const kernel = task.kernel;
  const now = kernel.vfs.now();
  inode.mtime = now;
  inode.ctime = now;
  inode.version++;
  const mode = modeAfterWrite(task.credentials, shownOn(path?.mount ?? null, inode));
  if (mode !== null) inode.setAttributes({ mode, ctime: now });
  dropFileCapabilities(inode);
  if (!inode.isDirty) markInodeDirty(kernel, inode);
}
