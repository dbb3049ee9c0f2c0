/**
 * What btrfs has on disk: keys, and the records that trees hold. Source: Linux include/uapi/linux/btrfs_tree.h;
 * fs/btrfs/tree-checker.c.
 */
import { byteStringOf, crc32c } from "@stratos/base";
import { viewOf, writeU64 } from "../disk/disk.ts";
import { uuidBytes } from "../gpt/guid.ts";
import type { FileEntry, FileKind } from "../tree/file-tree.ts";

export const SECTOR_SIZE = 4096;
export const NODE_SIZE = 16384;
export const SUPERBLOCK_SIZE = 4096;
/** Copies of the superblock. Nothing else lies in the 64 KiB from such a place on. */
export const SUPERBLOCK_PLACES = [64 << 10, 64 << 20, 256 * 2 ** 30] as const;
export const STRIPE_SIZE = 64 << 10;
/** All is written in one transaction of this number. */
export const GENERATION = 7;
export const DEVICE = 1;

/** Trees, and places in them that no file has. Negative ones count back from 2^64, as they are meant to come last. */
export const Tree = {
  root: 1,
  extent: 2,
  chunk: 3,
  device: 4,
  files: 5,
  rootDirectory: 6,
  checksum: 7,
  freeSpace: 10,
  dataRelocation: -9,
  firstVolume: 256,
} as const;
export const FIRST_CHUNK = 256;
export const ROOT_INODE = 256;
export const CHECKSUMS = -10;
export const LAST = -1;

export const Item = {
  inode: 1,
  inodeRef: 12,
  xattr: 24,
  directory: 84,
  directoryIndex: 96,
  extentData: 108,
  checksum: 128,
  root: 132,
  rootBackref: 144,
  rootRef: 156,
  extent: 168,
  metadata: 169,
  treeBlockRef: 176,
  extentDataRef: 178,
  blockGroup: 192,
  freeSpaceInfo: 198,
  freeSpaceExtent: 199,
  deviceExtent: 204,
  device: 216,
  chunk: 228,
} as const;

export const BlockGroup = { data: 1, system: 2, metadata: 4 } as const;
const EXTENT_DATA = 1,
  EXTENT_TREE_BLOCK = 2;
const VOLUME_READ_ONLY = 1;

const FILE_TYPE: Readonly<Record<Exclude<FileKind, "hardLink">, number>> = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  symlink: 7,
};
const TYPE_XATTR = 8;
const MODE: Readonly<Record<Exclude<FileKind, "hardLink">, number>> = {
  file: 0o100000,
  directory: 0o040000,
  character: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  symlink: 0o120000,
};
/** The flags and limits of the volume's record are to be believed. */
const INODE_ROOT_ITEM_INIT = 0x80000000;
const KEY_SIZE = 17;

export interface Key {
  readonly objectid: number;
  readonly type: number;
  readonly offset: number;
}
export interface TreeItem {
  readonly key: Key;
  readonly data: Uint8Array;
}

export function compareKeys(left: Key, right: Key): number {
  return (
    unsigned(left.objectid) - unsigned(right.objectid) ||
    left.type - right.type ||
    unsigned(left.offset) - unsigned(right.offset)
  );
}

/** Where a number stands in the order of unsigned ones; exact enough, as no key lies between 2^53 and 2^64 - 11. */
function unsigned(value: number): number {
  return value < 0 ? 2 ** 60 - 1000 + value : value;
}

/** A number of 64 bits; negative ones count back from 2^64. */
export function putU64(view: DataView, at: number, value: number): void {
  if (value >= 0) return writeU64(view, at, value);
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, 0xffffffff, true);
}

export function putKey(view: DataView, at: number, { objectid, type, offset }: Key): void {
  putU64(view, at, objectid);
  view.setUint8(at + 8, type);
  putU64(view, at + 9, offset);
}

/** A record of numbers of 64 bits. */
function longs(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 8),
    view = viewOf(bytes);
  values.forEach((value, index) => putU64(view, index * 8, value));
  return bytes;
}

/** Hash of a name, by which folders find it: CRC-32C from ~1 on, not inverted (`btrfs_name_hash`). */
export function nameHash(name: string): number {
  return ~crc32c(byteStringOf(name), 0, name.length, 1) >>> 0;
}

interface InodeFields {
  readonly size: number;
  readonly bytes: number;
  readonly links: number;
}

export function inodeItem(entry: FileEntry, { size, bytes: used, links }: InodeFields): Uint8Array {
  const bytes = new Uint8Array(160),
    view = viewOf(bytes);
  writeU64(view, 0, GENERATION);
  writeU64(view, 8, GENERATION);
  writeU64(view, 16, size);
  writeU64(view, 24, used);
  view.setUint32(40, links, true);
  view.setUint32(44, entry.uid, true);
  view.setUint32(48, entry.gid, true);
  view.setUint32(52, MODE[entry.kind as "file"] | (entry.mode & 0o7777), true);
  // As Linux has it in memory: 12 bits and 20.
  if (entry.kind === "character" || entry.kind === "block")
    writeU64(view, 56, entry.deviceMajor * 2 ** 20 + entry.deviceMinor);
  const seconds = Math.floor(entry.mtime),
    nanoseconds = Math.min(Math.round((entry.mtime - seconds) * 1e9), 999_999_999);
  for (let at = 112; at < 160; at += 12) {
    view.setBigInt64(at, BigInt(seconds), true);
    view.setUint32(at + 8, nanoseconds, true);
  }
  return bytes;
}

/** One name of an inode; those in one folder stand behind one another in one item. */
export function inodeRef(index: number, name: string): Uint8Array {
  const bytes = new Uint8Array(10 + name.length),
    view = viewOf(bytes);
  writeU64(view, 0, index);
  view.setUint16(8, name.length, true);
  bytes.set(byteStringOf(name), 10);
  return bytes;
}

/** What a folder says of a name. @param location  the inode, or the root of a volume */
export function directoryItem(name: string, location: Key, kind: Exclude<FileKind, "hardLink">): Uint8Array {
  return namedItem(name, location, FILE_TYPE[kind], "");
}

export function xattrItem(name: string, value: string): Uint8Array {
  return namedItem(name, { objectid: 0, type: 0, offset: 0 }, TYPE_XATTR, value);
}

function namedItem(name: string, location: Key, type: number, value: string): Uint8Array {
  const bytes = new Uint8Array(30 + name.length + value.length),
    view = viewOf(bytes);
  putKey(view, 0, location);
  writeU64(view, KEY_SIZE, GENERATION);
  view.setUint16(25, value.length, true);
  view.setUint16(27, name.length, true);
  bytes[29] = type;
  bytes.set(byteStringOf(name), 30);
  bytes.set(byteStringOf(value), 30 + name.length);
  return bytes;
}

/** Compression as an extent's record names it. */
export const EXTENT_PLAIN = 0,
  EXTENT_ZSTD = 3;

export function inlineExtent(content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(21 + content.length),
    view = viewOf(bytes);
  writeU64(view, 0, GENERATION);
  writeU64(view, 8, content.length);
  bytes.set(content, 21);
  return bytes;
}

export function regularExtent(extent: {
  place: number;
  diskBytes: number;
  bytes: number;
  compression: number;
}): Uint8Array {
  const bytes = new Uint8Array(53),
    view = viewOf(bytes);
  writeU64(view, 0, GENERATION);
  writeU64(view, 8, extent.bytes);
  bytes[16] = extent.compression;
  bytes[20] = 1;
  writeU64(view, 21, extent.place);
  writeU64(view, 29, extent.diskBytes);
  writeU64(view, 45, extent.bytes);
  return bytes;
}

interface VolumeFields {
  readonly place: number;
  readonly level: number;
  readonly usedBytes: number;
  /** volumes have a root folder, and may have a UUID */
  readonly isVolume: boolean;
  readonly uuid?: string;
  readonly parentUuid?: string;
  readonly readOnly?: boolean;
  readonly time: number;
}

/** Where a tree is. */
export function rootItem(fields: VolumeFields): Uint8Array {
  const bytes = new Uint8Array(439),
    view = viewOf(bytes);
  // The inode that stands here has been a formality since the beginning.
  writeU64(view, 0, 1);
  writeU64(view, 16, 3);
  writeU64(view, 24, NODE_SIZE);
  view.setUint32(40, 1, true);
  view.setUint32(52, 0o40755, true);
  if (fields.isVolume) writeU64(view, 64, INODE_ROOT_ITEM_INIT);
  writeU64(view, 160, GENERATION);
  writeU64(view, 168, fields.isVolume ? ROOT_INODE : 0);
  writeU64(view, 176, fields.place);
  writeU64(view, 192, fields.usedBytes);
  writeU64(view, 208, fields.readOnly === true ? VOLUME_READ_ONLY : 0);
  view.setUint32(216, 1, true);
  bytes[238] = fields.level;
  writeU64(view, 239, GENERATION);
  if (fields.uuid !== undefined) bytes.set(uuidBytes(fields.uuid), 247);
  if (fields.parentUuid !== undefined) bytes.set(uuidBytes(fields.parentUuid), 263);
  if (fields.isVolume) {
    writeU64(view, 295, GENERATION);
    writeU64(view, 303, GENERATION);
    for (const at of [327, 339]) writeU64(view, at, Math.max(0, Math.floor(fields.time)));
  }
  return bytes;
}

/** A volume's name in the folder of another: said at both ends. */
export function rootRef(folder: number, index: number, name: string): Uint8Array {
  const bytes = new Uint8Array(18 + name.length),
    view = viewOf(bytes);
  writeU64(view, 0, folder);
  writeU64(view, 8, index);
  view.setUint16(16, name.length, true);
  bytes.set(byteStringOf(name), 18);
  return bytes;
}

/** A block of a tree as the extent tree knows it. */
export function metadataItem(owner: number): Uint8Array {
  const bytes = new Uint8Array(33),
    view = viewOf(bytes);
  writeU64(view, 0, 1);
  writeU64(view, 8, GENERATION);
  writeU64(view, 16, EXTENT_TREE_BLOCK);
  bytes[24] = Item.treeBlockRef;
  putU64(view, 25, owner);
  return bytes;
}

export interface DataReference {
  readonly volume: number;
  readonly ino: number;
  readonly offset: number;
}

const DATA_REF_SIZE = 29;
/** More users of one extent than this are not noted beside it; a writer makes a copy instead. */
export const DATA_REFS_MAX = 64;

/**
 * An extent of content, and who uses it. Users are in the order of their hashes, the largest first
 * (`lookup_inline_extent_backref`).
 */
export function dataExtentItem(users: readonly DataReference[]): Uint8Array {
  const bytes = new Uint8Array(24 + users.length * DATA_REF_SIZE),
    view = viewOf(bytes);
  writeU64(view, 0, users.length);
  writeU64(view, 8, GENERATION);
  writeU64(view, 16, EXTENT_DATA);
  const sorted = users.map((user) => ({ user, hash: referenceHash(user) })).sort((a, b) => (a.hash < b.hash ? 1 : -1));
  sorted.forEach(({ user }, index) => {
    const at = 24 + index * DATA_REF_SIZE;
    bytes[at] = Item.extentDataRef;
    putU64(view, at + 1, user.volume);
    putU64(view, at + 9, user.ino);
    writeU64(view, at + 17, user.offset);
    view.setUint32(at + 25, 1, true);
  });
  return bytes;
}

/** `hash_extent_data_ref`. */
function referenceHash({ volume, ino, offset }: DataReference): bigint {
  const rest = longs(ino, offset);
  const high = ~crc32c(longs(volume)) >>> 0,
    low = ~crc32c(rest) >>> 0;
  return (BigInt(high) << 31n) ^ BigInt(low);
}

export function blockGroupItem(used: number, type: number): Uint8Array {
  return longs(used, FIRST_CHUNK, type);
}

export function freeSpaceInfo(count: number): Uint8Array {
  const bytes = new Uint8Array(8);
  viewOf(bytes).setUint32(0, count, true);
  return bytes;
}

export interface Chunk {
  readonly start: number;
  readonly size: number;
  readonly type: number;
}

/** Each chunk lies on the disk where it lies in the volume's own space. */
export function chunkItem({ start, size, type }: Chunk, deviceUuid: string): Uint8Array {
  const bytes = new Uint8Array(80),
    view = viewOf(bytes);
  writeU64(view, 0, size);
  writeU64(view, 8, Tree.extent);
  writeU64(view, 16, STRIPE_SIZE);
  writeU64(view, 24, type);
  view.setUint32(32, STRIPE_SIZE, true);
  view.setUint32(36, STRIPE_SIZE, true);
  view.setUint32(40, SECTOR_SIZE, true);
  view.setUint16(44, 1, true);
  view.setUint16(46, 1, true);
  writeU64(view, 48, DEVICE);
  writeU64(view, 56, start);
  bytes.set(uuidBytes(deviceUuid), 64);
  return bytes;
}

export function deviceExtentItem({ start, size }: Chunk, chunkTreeUuid: string): Uint8Array {
  const bytes = new Uint8Array(48);
  bytes.set(longs(Tree.chunk, FIRST_CHUNK, start, size));
  bytes.set(uuidBytes(chunkTreeUuid), 32);
  return bytes;
}

export function deviceItem(device: { size: number; used: number; uuid: string; volumeUuid: string }): Uint8Array {
  const bytes = new Uint8Array(98),
    view = viewOf(bytes);
  bytes.set(longs(DEVICE, device.size, device.used));
  view.setUint32(24, SECTOR_SIZE, true);
  view.setUint32(28, SECTOR_SIZE, true);
  view.setUint32(32, SECTOR_SIZE, true);
  bytes.set(uuidBytes(device.uuid), 66);
  bytes.set(uuidBytes(device.volumeUuid), 82);
  return bytes;
}

interface SuperblockFields {
  readonly uuid: string;
  readonly label: string;
  readonly size: number;
  readonly used: number;
  readonly root: { readonly place: number; readonly level: number };
  readonly chunkRoot: { readonly place: number; readonly level: number };
  readonly deviceItem: Uint8Array;
  readonly systemChunk: Chunk;
  readonly deviceUuid: string;
  readonly hasZstd: boolean;
}

/**
 * mixed back references, large tree blocks, many links of one name, small records of tree blocks, no records for holes
 */
const INCOMPAT = 0x1 | 0x20 | 0x40 | 0x100 | 0x200;
const INCOMPAT_ZSTD = 0x10;
/** there is a free space tree, and it is right */
const COMPAT_READ_ONLY = 0x1 | 0x2;

/** @param place  where this copy lies */
export function superblock(fields: SuperblockFields, place: number): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK_SIZE),
    view = viewOf(bytes);
  bytes.set(uuidBytes(fields.uuid), 32);
  writeU64(view, 48, place);
  writeU64(view, 56, 1);
  bytes.set(byteStringOf("_BHRfS_M"), 64);
  writeU64(view, 72, GENERATION);
  writeU64(view, 80, fields.root.place);
  writeU64(view, 88, fields.chunkRoot.place);
  writeU64(view, 112, fields.size);
  writeU64(view, 120, fields.used);
  writeU64(view, 128, Tree.rootDirectory);
  writeU64(view, 136, 1);
  view.setUint32(144, SECTOR_SIZE, true);
  view.setUint32(148, NODE_SIZE, true);
  view.setUint32(152, NODE_SIZE, true);
  view.setUint32(156, SECTOR_SIZE, true);
  view.setUint32(160, KEY_SIZE + 80, true);
  writeU64(view, 164, GENERATION);
  writeU64(view, 180, COMPAT_READ_ONLY);
  writeU64(view, 188, INCOMPAT | (fields.hasZstd ? INCOMPAT_ZSTD : 0));
  bytes[198] = fields.root.level;
  bytes[199] = fields.chunkRoot.level;
  bytes.set(fields.deviceItem, 201);
  bytes.set(byteStringOf(fields.label.slice(0, 255)), 299);
  putKey(view, 811, { objectid: FIRST_CHUNK, type: Item.chunk, offset: fields.systemChunk.start });
  bytes.set(chunkItem(fields.systemChunk, fields.deviceUuid), 811 + KEY_SIZE);
  seal(bytes);
  return bytes;
}

/** Puts the checksum in front of a superblock or a tree's block. */
export function seal(bytes: Uint8Array): void {
  viewOf(bytes).setUint32(0, crc32c(bytes, 32), true);
}
