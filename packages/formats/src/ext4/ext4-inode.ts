/** Inodes of ext4. Source: Linux Documentation/filesystems/ext4/inodes.rst; fs/ext4/ext4.h, `struct ext4_inode`. */
import { viewOf } from "../disk/disk.ts";
import { checksum, checksumU32 } from "./ext4-superblock.ts";

export const INODE_SIZE = 256;
/**
 * What lies between the old inode of 128 bytes and the attributes: enough for times of 34 + 30 bits and the project.
 */
export const EXTRA_SIZE = 32;
export const INODE_FLAG = {
  index: 0x1000,
  hugeFile: 0x40000,
  extents: 0x80000,
  eaInode: 0x200000,
  inlineData: 0x10000000,
} as const;
/** i_block: fifteen words that hold block numbers, the root of the extent tree, a short link's target or a device. */
export const BLOCK_AREA = 0x28;
export const BLOCK_AREA_SIZE = 60;

export interface Inode {
  /** type and permissions */
  mode: number;
  uid: number;
  gid: number;
  size: number;
  linkCount: number;
  /** seconds since 1970, with a fraction */
  mtime: number;
  flags: number;
  generation: number;
  /** in 512 bytes */
  sectorCount: number;
  /** block of the extended attributes that found no room in the inode; 0: none */
  attributeBlock: number;
  /** the block area, {@link BLOCK_AREA_SIZE} bytes */
  blockArea: Uint8Array;
  /** extended attributes behind the fields, as they are on disk */
  attributes: Uint8Array;
}

export function parseInode(bytes: Uint8Array, blockSize: number): Inode {
  const view = viewOf(bytes);
  const extra = bytes.length > 128 ? view.getUint16(0x80, true) : 0;
  const has = (field: number): boolean => bytes.length > 128 && 128 + extra >= field + 4 && field + 4 <= bytes.length;
  const flags = view.getUint32(0x20, true);
  const mode = view.getUint16(0, true);
  const isSized = (mode & 0xf000) === 0x8000 || (mode & 0xf000) === 0x4000;
  const sectors = view.getUint32(0x1c, true) + view.getUint16(0x74, true) * 2 ** 32;
  const seconds = view.getInt32(0x10, true),
    more = has(0x88) ? view.getUint32(0x88, true) : 0;
  return {
    mode,
    uid: view.getUint16(2, true) + view.getUint16(0x78, true) * 65536,
    gid: view.getUint16(0x18, true) + view.getUint16(0x7a, true) * 65536,
    size: view.getUint32(4, true) + (isSized ? view.getUint32(0x6c, true) * 2 ** 32 : 0),
    linkCount: view.getUint16(0x1a, true),
    mtime: seconds + (more & 3) * 2 ** 32 + (more >>> 2) / 1e9,
    flags,
    generation: view.getUint32(0x64, true),
    sectorCount: (flags & INODE_FLAG.hugeFile) !== 0 ? sectors * (blockSize / 512) : sectors,
    attributeBlock: view.getUint32(0x68, true) + view.getUint16(0x76, true) * 2 ** 32,
    blockArea: bytes.slice(BLOCK_AREA, BLOCK_AREA + BLOCK_AREA_SIZE),
    attributes: bytes.length > 128 && 128 + extra <= bytes.length ? bytes.slice(128 + extra) : new Uint8Array(0),
  };
}

/**
 * Writes the fields of an inode into its place in the table, which keeps what is not ours (other times, the version).
 */
export function encodeInode(inode: Inode, bytes: Uint8Array): void {
  const view = viewOf(bytes);
  view.setUint16(0, inode.mode, true);
  view.setUint16(2, inode.uid & 0xffff, true);
  view.setUint32(4, inode.size % 2 ** 32, true);
  view.setUint16(0x18, inode.gid & 0xffff, true);
  view.setUint16(0x1a, inode.linkCount, true);
  view.setUint32(0x1c, inode.sectorCount % 2 ** 32, true);
  view.setUint32(0x20, inode.flags, true);
  bytes.set(inode.blockArea, BLOCK_AREA);
  view.setUint32(0x64, inode.generation, true);
  view.setUint32(0x68, inode.attributeBlock % 2 ** 32, true);
  view.setUint32(0x6c, Math.floor(inode.size / 2 ** 32), true);
  view.setUint16(0x74, Math.floor(inode.sectorCount / 2 ** 32), true);
  view.setUint16(0x76, Math.floor(inode.attributeBlock / 2 ** 32), true);
  view.setUint16(0x78, inode.uid >>> 16, true);
  view.setUint16(0x7a, inode.gid >>> 16, true);
  if (bytes.length > 128) {
    if (view.getUint16(0x80, true) === 0) view.setUint16(0x80, EXTRA_SIZE, true);
    const extra = view.getUint16(0x80, true);
    const seconds = Math.floor(inode.mtime);
    const more =
      ((Math.floor((seconds + 2 ** 31) / 2 ** 32) & 3) | (Math.floor((inode.mtime - seconds) * 1e9) << 2)) >>> 0;
    for (const [low, high] of [
      [0x08, 0x8c],
      [0x0c, 0x84],
      [0x10, 0x88],
      [0x90, 0x94],
    ] as const) {
      if (low < 128 || 128 + extra >= low + 4) view.setUint32(low, seconds % 2 ** 32, true);
      if (128 + extra >= high + 4) view.setUint32(high, more, true);
    }
    bytes.set(inode.attributes.subarray(0, bytes.length - 128 - extra), 128 + extra);
  } else for (const field of [0x08, 0x0c, 0x10]) view.setUint32(field, Math.floor(inode.mtime), true);
}

/** What the checksums of an inode, its folders and its extents begin with. */
export function inodeSeed(seed: number, ino: number, generation: number): number {
  return checksumU32(checksumU32(seed, ino), generation);
}

/** Sets the checksum of an inode (its low half in the old part, its high half behind). */
export function sealInode(bytes: Uint8Array, seed: number, ino: number): void {
  const view = viewOf(bytes);
  const hasHigh = bytes.length > 128 && view.getUint16(0x80, true) >= 4;
  view.setUint16(0x7c, 0, true);
  if (hasHigh) view.setUint16(0x82, 0, true);
  const sum = checksum(inodeSeed(seed, ino, view.getUint32(0x64, true)), bytes);
  view.setUint16(0x7c, sum & 0xffff, true);
  if (hasHigh) view.setUint16(0x82, sum >>> 16, true);
}

/**
 * A device's number in the block area (include/linux/kdev_t.h: the old form when it fits, else the new one in the
 * second word).
 */
export function deviceArea(major: number, minor: number): Uint8Array {
  const area = new Uint8Array(BLOCK_AREA_SIZE);
  const view = viewOf(area);
  if (major < 256 && minor < 256) view.setUint32(0, (major << 8) | minor, true);
  else view.setUint32(4, ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, true);
  return area;
}

export function deviceOf(area: Uint8Array): { major: number; minor: number } {
  const view = viewOf(area);
  const old = view.getUint32(0, true),
    device = view.getUint32(4, true);
  if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
  return { major: (device >>> 8) & 0xfff, minor: ((device & 0xff) | ((device >>> 12) & 0xfff00)) >>> 0 };
}
