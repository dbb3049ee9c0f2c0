/** What fallocate(2) and madvise(2), MADV_REMOVE, do to a file once the caller was checked. */
import { EPERM, F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_WRITE, FALLOC_FL_PUNCH_HOLE } from "@stratos/abi";
import { contentChanged } from "./content-change.ts";
import type { Inode } from "./inode.ts";
import { notifyInode } from "./file-events.ts";
import type { OpenFile } from "./open-file.ts";
import type { Caller } from "./vfs-kernel.ts";

/** May the range be allocated or punched? 0, or −EPERM as its seals say (fcntl(2), F_ADD_SEALS). */
export function checkAllocationSeals(inode: Inode, mode: number, end: number): number {
  if (inode.seals <= 0) return 0;
  const punches = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
  const refusing = punches ? F_SEAL_WRITE | F_SEAL_FUTURE_WRITE : end > inode.size ? F_SEAL_GROW : 0;
  return (inode.seals & refusing) !== 0 ? -EPERM : 0;
}

/**
 * As `Inode.allocate`; when all is done, the file was changed as by a write (fs/open.c, file_modified) and those who
 * watch it are told.
 */
export function allocateRange(
  task: Caller,
  inode: Inode,
  file: OpenFile,
  range: { mode: number; offset: number; length: number },
): number {
  const { mode, offset, length } = range;
  const { kernel } = task;
  const { path } = file;
  const done = inode.allocate(mode, offset, length, kernel.vfs.now(), file);
  if (done < 0 || (done > 0 && done < length)) return done;
  contentChanged(task, inode, path);
  if (kernel.vfs.watchCount > 0) notifyInode(kernel, inode, path, "modify");
  return length;
}
