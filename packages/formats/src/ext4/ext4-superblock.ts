/**
 * The superblock, the group descriptors, and the checksums of ext4. Source: Linux Documentation/filesystems/ext4,
 * "Global Structures" and "Checksums"; fs/ext4/ext4.h. All numbers are little-endian.
 *
 *     group 0:  1024 zero bytes · superblock · group descriptors · block bitmap · inode bitmap · inode table · data
 *     group n:  (copies of both in groups 1 and the powers of 3, 5 and 7) · bitmaps · inode table · data
 */
import { crc32c } from "@stratos/base";
import { viewOf } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";

export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_SIZE = 1024;
export const EXT4_MAGIC = 0xef53;
export const ROOT_INODE = 2;
export const RESIZE_INODE = 7;
export const JOURNAL_INODE = 8;
export const FIRST_INODE = 11;

export const COMPAT = { hasJournal: 0x4, extAttr: 0x8, resizeInode: 0x10, dirIndex: 0x20 } as const;
export const INCOMPAT = {
  compression: 0x1,
  filetype: 0x2,
  recover: 0x4,
  journalDevice: 0x8,
  metaBg: 0x10,
  extents: 0x40,
  bit64: 0x80,
  mmp: 0x100,
  flexBg: 0x200,
  eaInode: 0x400,
  csumSeed: 0x2000,
  largeDir: 0x4000,
  inlineData: 0x8000,
  encrypt: 0x10000,
  casefold: 0x20000,
} as const;
export const RO_COMPAT = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  hugeFile: 0x8,
  gdtCsum: 0x10,
  dirNlink: 0x20,
  extraIsize: 0x40,
  quota: 0x100,
  bigalloc: 0x200,
  metadataCsum: 0x400,
  orphanPresent: 0x10000,
} as const;

export interface Superblock {
  readonly blockSize: number;
  readonly blockCount: number;
  readonly inodeCount: number;
  readonly firstDataBlock: number;
  readonly blocksPerGroup: number;
  readonly inodesPerGroup: number;
  readonly inodeSize: number;
  readonly descriptorSize: number;
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;
  readonly groupCount: number;
  readonly firstMetaGroup: number;
  readonly uuid: Uint8Array;
  readonly label: string;
  /** begins each checksum of metadata; meaningless without metadata_csum */
  readonly checksumSeed: number;
  readonly raw: Uint8Array;
}

/** `crc32c_le` of Linux: neither inverted before nor after. */
export function checksum(crc: number, bytes: Uint8Array, start = 0, end = bytes.length): number {
  return ~crc32c(bytes, start, end, ~crc >>> 0) >>> 0;
}

const word = new Uint8Array(8);
const wordView = new DataView(word.buffer);

/** The checksum continued over a little-endian number of 4 bytes. */
export function checksumU32(crc: number, value: number): number {
  wordView.setUint32(0, value, true);
  return checksum(crc, word, 0, 4);
}

export function checksumU64(crc: number, value: number): number {
  wordView.setUint32(0, value % 2 ** 32, true);
  wordView.setUint32(4, Math.floor(value / 2 ** 32), true);
  return checksum(crc, word, 0, 8);
}

/** @throws FormatError when there is no ext2, 3 or 4, or it is damaged */
export function parseSuperblock(raw: Uint8Array, diskSize: number): Superblock {
  const view = viewOf(raw);
  if (view.getUint16(0x38, true) !== EXT4_MAGIC) throw new FormatError("not an ext4 file system");
  const bad = (what: string): never => {
    throw new FormatError(`the ext4 superblock is damaged: ${what}`);
  };
  const incompat = view.getUint32(0x60, true),
    roCompat = view.getUint32(0x64, true);
  const uuid = raw.slice(0x68, 0x78);
  if ((roCompat & RO_COMPAT.metadataCsum) !== 0 && checksum(0xffffffff, raw, 0, 0x3fc) !== view.getUint32(0x3fc, true))
    bad("its checksum is wrong");
  const logBlock = view.getUint32(0x18, true);
  if (logBlock > 6) bad(`blocks of 2^${logBlock + 10} bytes`);
  const blockSize = 1024 << logBlock;
  const is64 = (incompat & INCOMPAT.bit64) !== 0;
  const blockCount = view.getUint32(0x04, true) + (is64 ? view.getUint32(0x150, true) * 2 ** 32 : 0);
  const firstDataBlock = view.getUint32(0x14, true);
  const blocksPerGroup = view.getUint32(0x20, true),
    inodesPerGroup = view.getUint32(0x28, true);
  const inodeSize = view.getUint32(0x4c, true) === 0 ? 128 : view.getUint16(0x58, true);
  const descriptorSize = is64 ? view.getUint16(0xfe, true) : 32;
  if (blockCount * blockSize > diskSize) bad(`${blockCount} blocks, more than its disk has`);
  if (blocksPerGroup === 0 || blocksPerGroup > blockSize * 8 || inodesPerGroup === 0 || inodesPerGroup > blockSize * 8)
    bad("impossible group sizes");
  if (inodeSize < 128 || inodeSize > blockSize || (inodeSize & (inodeSize - 1)) !== 0)
    bad(`inodes of ${inodeSize} bytes`);
  if (descriptorSize < 32 || descriptorSize > blockSize || descriptorSize % 8 !== 0)
    bad(`group descriptors of ${descriptorSize} bytes`);
  if (firstDataBlock >= blockCount) bad("its first block is beyond its last");
  const groupCount = Math.ceil((blockCount - firstDataBlock) / blocksPerGroup);
  const inodeCount = view.getUint32(0, true);
  if (inodeCount > groupCount * inodesPerGroup) bad(`${inodeCount} inodes`);
  let end = 0x78;
  while (end < 0x88 && raw[end] !== 0) end++;
  return {
    blockSize,
    blockCount,
    inodeCount,
    firstDataBlock,
    blocksPerGroup,
    inodesPerGroup,
    inodeSize,
    descriptorSize,
    compat: view.getUint32(0x5c, true),
    incompat,
    roCompat,
    groupCount,
    firstMetaGroup: view.getUint32(0x104, true),
    uuid,
    label: String.fromCharCode(...raw.subarray(0x78, end)),
    checksumSeed: (incompat & INCOMPAT.csumSeed) !== 0 ? view.getUint32(0x270, true) : checksum(0xffffffff, uuid),
    raw,
  };
}

/** Whether a group has a copy of superblock and descriptors, under sparse_super. */
export function hasBackup(group: number): boolean {
  if (group <= 1) return true;
  for (const base of [3, 5, 7]) {
    let power = base;
    while (power < group) power *= base;
    if (power === group) return true;
  }
  return false;
}

/** Sets the checksum that a group descriptor carries over itself. */
export function sealDescriptor(descriptor: Uint8Array, group: number, seed: number): void {
  const view = viewOf(descriptor);
  view.setUint16(0x1e, 0, true);
  view.setUint16(0x1e, checksum(checksumU32(seed, group), descriptor) & 0xffff, true);
}

/** The same without metadata_csum, for uninit_bg: a CRC-16 (`ext4_group_desc_csum`). */
export function sealDescriptor16(descriptor: Uint8Array, group: number, uuid: Uint8Array): void {
  const number = new Uint8Array(4);
  viewOf(number).setUint32(0, group, true);
  let crc = crc16(crc16(0xffff, uuid, 0, 16), number, 0, 4);
  crc = crc16(crc, descriptor, 0, 0x1e);
  if (descriptor.length > 32) crc = crc16(crc, descriptor, 0x20, descriptor.length);
  viewOf(descriptor).setUint16(0x1e, crc, true);
}

/** Polynomial x¹⁶ + x¹⁵ + x² + 1, reflected (lib/crc16.c). */
function crc16(crc: number, bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    crc ^= bytes[at]!;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) !== 0 ? (crc >>> 1) ^ 0xa001 : crc >>> 1;
  }
  return crc;
}

/** Sets the superblock's own checksum. */
export function sealSuperblock(raw: Uint8Array): void {
  viewOf(raw).setUint32(0x3fc, checksum(0xffffffff, raw, 0, 0x3fc), true);
}

/** A group descriptor's places, whichever its size. */
export function descriptorPlaces(descriptor: Uint8Array): {
  blockBitmap: number;
  inodeBitmap: number;
  inodeTable: number;
} {
  const view = viewOf(descriptor);
  const place = (low: number, high: number): number =>
    view.getUint32(low, true) + (descriptor.length >= 64 ? view.getUint32(high, true) * 2 ** 32 : 0);
  return { blockBitmap: place(0, 0x20), inodeBitmap: place(4, 0x24), inodeTable: place(8, 0x28) };
}
