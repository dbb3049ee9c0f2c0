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
import { UNFINISHED } from "../ground/wait-queue.ts";
import { put64 } from "../ground/words.ts";
import type { Inode } from "./inode.ts";
import { drainInPieces, writeBackInode } from "./write-back.ts";
import type { Caller } from "./vfs-kernel.ts";

/** Extents of one call; a caller goes on behind the last, which doesn't bear FIEMAP_EXTENT_LAST. */
const EXTENTS_MAX = 1024;
const bytes = new Uint8Array(FiemapExtent.size);
const view = new DataView(bytes.buffer);

/**
 * FS_IOC_FIEMAP: where a file's data lies in the file, and room that fallocate(2) holds for it (unwritten). Where it
 * lies on the device AegisFS doesn't say (FIEMAP_EXTENT_UNKNOWN): it moves when it is written, and may be compressed.
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
  if (drainInPieces(task, inode) === UNFINISHED) return UNFINISHED;
  const stored = writeBackInode(task.kernel, inode);
  if (stored < 0) return stored;
  // A length of all ones: to the end.
  const end = length < 0 ? Infinity : start + length;
  let mapped = 0;
  EXTENT.data = dataFrom(inode, start);
  let has = findExtent(inode, start);
  for (; has > 0 && EXTENT.start < end && mapped < EXTENTS_MAX; mapped++) {
    if (room > 0 && mapped === room) break;
    const place = argument + Fiemap.offset.fm_extents + mapped * FiemapExtent.size;
    put64(view, FiemapExtent.offset.fe_logical, EXTENT.start);
    put64(view, FiemapExtent.offset.fe_length, EXTENT.end - EXTENT.start);
    put64(view, FiemapExtent.offset.fe_physical, EXTENT.place);
    const unknown = EXTENT.place === 0 ? FIEMAP_EXTENT_UNKNOWN : 0;
    const unwritten = EXTENT.isUnwritten ? FIEMAP_EXTENT_UNWRITTEN : 0;
    has = findExtent(inode, EXTENT.end);
    const last = has > 0 ? 0 : FIEMAP_EXTENT_LAST;
    view.setUint32(FiemapExtent.offset.fe_flags, unknown | unwritten | last, true);
    if (room > 0 && space.copyOut(place, bytes, 0, FiemapExtent.size) < 0) return -EFAULT;
  }
  return has < 0 ? has : space.storeU32(argument + Fiemap.offset.fm_mapped_extents, mapped);
}

/**
 * The extent that was found last; where it lies on the device (0: it isn't said), and where data begins then or later
 * (−ENXIO: nowhere).
 */
const EXTENT = { start: 0, end: 0, place: 0, isUnwritten: false, data: 0 };

function dataFrom(inode: Inode, at: number): number {
  return at < inode.size ? inode.seekData(at) : -ENXIO;
}

/**
 * Finds the next extent: data, or room that is held for it, which may lie beyond the file's end. It ends a page, or
 * where what follows lies elsewhere on the device.
 * @returns 1; 0 there is none; a negated errno
 */
function findExtent(inode: Inode, at: number): number {
  // What was found once is not looked for again: there may be much else before it.
  if (EXTENT.data >= 0 && EXTENT.data < at) EXTENT.data = dataFrom(inode, at);
  const { data } = EXTENT;
  if (data < 0 && data !== -ENXIO) return data;
  const held = inode.seekUnwritten(at, data < 0 ? Infinity : data);
  if (held < 0 && held !== -ENXIO) return held;
  EXTENT.isUnwritten = held >= 0;
  EXTENT.start = held >= 0 ? held : data;
  if (EXTENT.start < 0) return 0;
  const end = held >= 0 ? inode.unwrittenEnd(held) : inode.seekHole(data);
  const place = inode.placeOf(EXTENT.start);
  EXTENT.place = place?.at ?? 0;
  // The last block is a whole one, however much of it is the file's.
  EXTENT.end = place?.end ?? Math.ceil(end / PAGE_SIZE) * PAGE_SIZE;
  return end < 0 ? end : Number(end > EXTENT.start);
}
