/**
 * Times of an inode: 32 bits of seconds, and behind the old inode two more of them with nanoseconds (fs/ext4/ext4.h,
 * EXT4_EPOCH_BITS).
 */
import type { Time } from "../../vfs/inode.ts";

const OLD_SIZE = 128;
const EXTRA_SIZE_AT = 0x80;
/** Where the seconds lie, and what extends them. */
const PLACES = { atime: [0x08, 0x8c], ctime: [0x0c, 0x84], mtime: [0x10, 0x88], btime: [0x90, 0x94] } as const;

type Field = keyof typeof PLACES;

function has(view: DataView, place: number): boolean {
  if (place < OLD_SIZE) return true;
  return view.byteLength > OLD_SIZE && OLD_SIZE + view.getUint16(EXTRA_SIZE_AT, true) >= place + 4;
}

export function readTime(view: DataView, field: Field): Time {
  const [low, extra] = PLACES[field];
  if (!has(view, low)) return { seconds: 0, nanoseconds: 0 };
  const more = has(view, extra) ? view.getUint32(extra, true) : 0;
  return { seconds: view.getInt32(low, true) + (more & 3) * 2 ** 32, nanoseconds: Math.min(more >>> 2, 999_999_999) };
}

export function writeTime(view: DataView, field: Field, { seconds, nanoseconds }: Time): void {
  const [low, extra] = PLACES[field];
  if (!has(view, low)) return;
  const isExtended = has(view, extra);
  // As Linux: what doesn't fit is the nearest that does.
  const kept = Math.max(-(2 ** 31), Math.min(seconds, isExtended ? 2 ** 34 - 2 ** 31 - 1 : 2 ** 31 - 1));
  view.setInt32(low, kept | 0, true);
  const epoch = Math.floor((kept + 2 ** 31) / 2 ** 32) & 3;
  if (isExtended) view.setUint32(extra, ((nanoseconds << 2) | epoch) >>> 0, true);
}
