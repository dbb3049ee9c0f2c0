import {
  EBADR,
  EFAULT,
  EINVAL,
  EOPNOTSUPP,
  FIEMAP_EXTENT_LAST,
  FIEMAP_EXTENT_UNKNOWN,
  FIEMAP_FLAG_SYNC,
  Fiemap,
  FiemapExtent,
  PAGE_SIZE,
} from "@stratos/abi";
import { put64 } from "../ground/words.ts";
import type { Inode } from "./inode.ts";
import { writeBackInode } from "./write-back.ts";
import type { Caller } from "./vfs-kernel.ts";

/** Extents of one call; a caller goes on behind the last, which doesn't bear FIEMAP_EXTENT_LAST. */
const EXTENTS_MAX = 1024;
const bytes = new Uint8Array(FiemapExtent.size);
const view = new DataView(bytes.buffer);

/**
 * FS_IOC_FIEMAP: where a file's data lies in the file. Where it lies on the device isn't said (FIEMAP_EXTENT_UNKNOWN):
 * it moves when it is written, and may be compressed.
 * @returns 0; −EOPNOTSUPP; −EINVAL no length; −EBADR a flag that isn't known, which is left in `fm_flags`; −EFAULT
 */
export function mapExtents(task: Caller, inode: Inode, argument: number): number {
  const { space } = task;
  if (!inode.hasExtents || !inode.isRegular) return -EOPNOTSUPP;
  const start = space.loadU64(argument + Fiemap.offset.fm_start),
    length = space.loadU64(argument + Fiemap.offset.fm_length);
  const flags = space.loadU32(argument + Fiemap.offset.fm_flags),
    room = space.loadU32(argument + Fiemap.offset.fm_extent_count);
  if (start === -EFAULT || length === -EFAULT || flags < 0 || room < 0) return -EFAULT;
  if (length === 0 || start < 0) return -EINVAL;
  if ((flags & ~FIEMAP_FLAG_SYNC) !== 0) {
    const failed = space.storeU32(argument + Fiemap.offset.fm_flags, flags & ~FIEMAP_FLAG_SYNC);
    return failed < 0 ? failed : -EBADR;
  }
  const stored = writeBackInode(task.kernel, inode);
  if (stored < 0) return stored;
  // A length of all ones: to the end.
  const end = length < 0 ? inode.size : Math.min(inode.size, start + length);
  let mapped = 0;
  for (let at = start; at < end && mapped < EXTENTS_MAX && (room === 0 || mapped < room);) {
    const data = inode.seekData(at);
    if (data < 0 || data >= end) break;
    const hole = inode.seekHole(data);
    if (hole < 0) return hole;
    if (room > 0) {
      const failed = storeExtent(
        task,
        argument + Fiemap.offset.fm_extents + mapped * FiemapExtent.size,
        inode,
        data,
        hole,
      );
      if (failed < 0) return failed;
    }
    mapped++;
    at = hole;
  }
  return space.storeU32(argument + Fiemap.offset.fm_mapped_extents, mapped);
}

function storeExtent(task: Caller, address: number, inode: Inode, data: number, hole: number): number {
  const isLast = hole >= inode.size || inode.seekData(hole) < 0;
  bytes.fill(0);
  put64(view, FiemapExtent.offset.fe_logical, data);
  // The last block is a whole one, however much of it is the file's.
  put64(view, FiemapExtent.offset.fe_length, Math.ceil(hole / PAGE_SIZE) * PAGE_SIZE - data);
  view.setUint32(FiemapExtent.offset.fe_flags, FIEMAP_EXTENT_UNKNOWN | (isLast ? FIEMAP_EXTENT_LAST : 0), true);
  return task.space.copyOut(address, bytes, 0, FiemapExtent.size);
}
