/** An inode as it lies on the disk: its fields, by their places (fs/ext4/ext4.h, `struct ext4_inode`). */
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { BLOCK_AREA, BLOCK_AREA_SIZE, deviceArea, EXTRA_SIZE, INODE_FLAG, viewOf } from "@stratos/formats/ext4";
import { majorOf, minorOf } from "../../vfs/device-registry.ts";
import type { NewInode } from "../../vfs/inode.ts";
import { writeTime } from "./ext4-times.ts";

export const FIELD = {
  mode: 0x00,
  uidLow: 0x02,
  sizeLow: 0x04,
  deleted: 0x14,
  gidLow: 0x18,
  links: 0x1a,
  sectorsLow: 0x1c,
  flags: 0x20,
  generation: 0x64,
  attributesLow: 0x68,
  sizeHigh: 0x6c,
  sectorsHigh: 0x74,
  attributesHigh: 0x76,
  uidHigh: 0x78,
  gidHigh: 0x7a,
  extraSize: 0x80,
} as const;

const OLD_SIZE = 128;

export function flagsOf(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(FIELD.flags, true);
}

export function setFlags(bytes: Uint8Array, flags: number): void {
  viewOf(bytes).setUint32(FIELD.flags, flags >>> 0, true);
}

export function hasExtents(bytes: Uint8Array): boolean {
  return (flagsOf(bytes) & INODE_FLAG.extents) !== 0;
}

export function generationOf(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(FIELD.generation, true);
}

/** Block numbers, the root of an extent tree, a short link's target or a device. */
export function areaOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(BLOCK_AREA, BLOCK_AREA + BLOCK_AREA_SIZE);
}

/** The block of attributes that found no room in the inode; 0: none. */
export function attributeBlockOf(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  return view.getUint32(FIELD.attributesLow, true) + view.getUint16(FIELD.attributesHigh, true) * 2 ** 32;
}

export function setAttributeBlock(bytes: Uint8Array, block: number): void {
  const view = viewOf(bytes);
  view.setUint32(FIELD.attributesLow, block % 2 ** 32, true);
  view.setUint16(FIELD.attributesHigh, Math.floor(block / 2 ** 32), true);
}

/** Bytes behind the fields, where attributes lie. */
export function tailOf(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= OLD_SIZE) return new Uint8Array(0);
  const start = OLD_SIZE + viewOf(bytes).getUint16(FIELD.extraSize, true);
  return bytes.subarray(Math.min(start, bytes.length));
}

/** Type, permissions and owners. */
export function putRights(view: DataView, { mode, uid, gid }: Pick<NewInode, "mode" | "uid" | "gid">): void {
  view.setUint16(FIELD.mode, mode, true);
  view.setUint16(FIELD.uidLow, uid & 0xffff, true);
  view.setUint16(FIELD.uidHigh, uid >>> 16, true);
  view.setUint16(FIELD.gidLow, gid & 0xffff, true);
  view.setUint16(FIELD.gidHigh, gid >>> 16, true);
}

/** Bytes of a new inode. @param size  of inodes */
export function newInodeBytes(
  size: number,
  attributes: NewInode,
  fields: { flags: number; generation: number; area: Uint8Array },
): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  const kind = attributes.mode & S_IFMT;
  putRights(view, attributes);
  view.setUint16(FIELD.links, 1, true);
  view.setUint32(FIELD.generation, fields.generation, true);
  if (size > 128) view.setUint16(FIELD.extraSize, EXTRA_SIZE, true);
  for (const field of ["atime", "mtime", "ctime", "btime"] as const) writeTime(view, field, attributes.now);
  const isDevice = kind === S_IFCHR || kind === S_IFBLK;
  const hasArea = kind === S_IFREG || kind === S_IFDIR || kind === S_IFLNK;
  if (isDevice) bytes.set(deviceArea(majorOf(attributes.rdev), minorOf(attributes.rdev)), BLOCK_AREA);
  else if (hasArea) bytes.set(fields.area, BLOCK_AREA);
  view.setUint32(FIELD.flags, hasArea ? fields.flags : 0, true);
  return bytes;
}
