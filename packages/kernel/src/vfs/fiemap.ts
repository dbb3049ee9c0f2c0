import {
  EBADR,
  EFAULT,
  EINVAL,
  ENXIO,
  EOPNOTSUPP,
  FIEMAP_EXTENT_LAST,
  FIEMAP_EXTENT_UNKNOWN,
  FIEMAP_EXTENT_UNWRITTEN,
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
 * FS_IOC_FIEMAP: where a file's data lies in the file, and room that fallocate(2) holds for it (unwritten). Where it
 * lies on the device isn't said (FIEMAP_EXTENT_UNKNOWN): it moves when it is written, and may be compressed.
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
  const end = length < 0 ? Infinity : start + length;
  let mapped = 0;
  for (let at = start; mapped < EXTENTS_MAX && (room === 0 || mapped < room);) {
    if (!findExtent(inode, at) || EXTENT.start >= end) break;
    at = Math.ceil(EXTENT.end / PAGE_SIZE) * PAGE_SIZE;
    if (room > 0) {
      const place = argument + Fiemap.offset.fm_extents + mapped * FiemapExtent.size;
      const failed = storeExtent(task, place, inode);
      if (failed < 0) return failed;
    }
    mapped++;
  }
  return space.storeU32(argument + Fiemap.offset.fm_mapped_extents, mapped);
}

/** The extent that was found last. */
const EXTENT = { start: 0, end: 0, isUnwritten: false };

/** Finds the next extent: data, or room that is held for it, which may lie beyond the file's end. */
function findExtent(inode: Inode, at: number): boolean {
  const data = at < inode.size ? inode.seekData(at) : -ENXIO;
  const held = inode.seekUnwritten(at);
  EXTENT.isUnwritten = held >= 0 && (data < 0 || held < data);
  if (EXTENT.isUnwritten) {
    EXTENT.start = held;
    EXTENT.end = inode.unwrittenEnd(held);
    return EXTENT.end > held;
  }
  if (data < 0) return false;
  EXTENT.start = data;
  EXTENT.end = inode.seekHole(data);
  return EXTENT.end > data;
}

function storeExtent(task: Caller, address: number, inode: Inode): number {
  const { start, end, isUnwritten } = EXTENT;
  // The last block is a whole one, however much of it is the file's.
  const wholeEnd = Math.ceil(end / PAGE_SIZE) * PAGE_SIZE;
  let flags = FIEMAP_EXTENT_UNKNOWN | (isUnwritten ? FIEMAP_EXTENT_UNWRITTEN : 0);
  if (!findExtent(inode, wholeEnd)) flags |= FIEMAP_EXTENT_LAST;
  bytes.fill(0);
  put64(view, FiemapExtent.offset.fe_logical, start);
  put64(view, FiemapExtent.offset.fe_length, wholeEnd - start);
  view.setUint32(FiemapExtent.offset.fe_flags, flags, true);
  return task.space.copyOut(address, bytes, 0, FiemapExtent.size);
}
