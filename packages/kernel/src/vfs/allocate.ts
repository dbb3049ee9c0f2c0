/** What fallocate(2) and madvise(2), MADV_REMOVE, do to a file once the caller was checked. */
import { EPERM, F_SEAL_FUTURE_WRITE, F_SEAL_GROW, F_SEAL_WRITE, FALLOC_FL_PUNCH_HOLE } from "@stratos/abi";
import type { Inode } from "./inode.ts";
import { notifyInode } from "./inotify-marks.ts";
import type { Path } from "./path.ts";
import type { VfsKernel } from "./vfs-kernel.ts";
import { markInodeDirty } from "./write-back.ts";

/** May the range be allocated or punched? 0, or −EPERM as its seals say (fcntl(2), F_ADD_SEALS). */
export function checkAllocationSeals(inode: Inode, mode: number, end: number): number {
  if (inode.seals <= 0) return 0;
  const punches = (mode & FALLOC_FL_PUNCH_HOLE) !== 0;
  const refusing = punches ? F_SEAL_WRITE | F_SEAL_FUTURE_WRITE : end > inode.size ? F_SEAL_GROW : 0;
  return (inode.seals & refusing) !== 0 ? -EPERM : 0;
}

/** As `Inode.allocate`; when all is done, those who watch the file are told, and its pages are written back. */
export function allocateRange(
  kernel: VfsKernel,
  inode: Inode,
  path: Path | null,
  range: { mode: number; offset: number; length: number },
): number {
  const { mode, offset, length } = range;
  const done = inode.allocate(mode, offset, length, kernel.vfs.now());
  if (done < 0 || (done > 0 && done < length)) return done;
  inode.version++;
  markInodeDirty(kernel, inode);
  if (kernel.vfs.watchCount > 0) notifyInode(kernel, inode, path, "modify");
  return length;
}
