/**
 * What the blocks of XFS have in common: numbers are big-endian, and each block says where it lies, whose it is and in
 * which volume, under a CRC32C (which alone is little-endian). Source: Linux fs/xfs/libxfs/xfs_format.h and
 * xfs_da_format.h.
 */
import { crc32c } from "@stratos/base";
import { viewOf, writeU64 } from "../disk/disk.ts";

/** Where a kind of block keeps its own address, its volume, its owner and its checksum. */
interface Seal {
  readonly address: number;
  readonly uuid: number;
  readonly owner: number;
  readonly ownerBytes: 4 | 8;
  readonly crc: number;
}

export const SEAL = {
  /** trees of a group: free space, inodes */
  groupTree: { address: 16, uuid: 32, owner: 48, ownerBytes: 4, crc: 52 },
  /** trees of a file's extents */
  fileTree: { address: 24, uuid: 40, owner: 56, ownerBytes: 8, crc: 64 },
  /** names in folders, and where these have room */
  directory: { address: 8, uuid: 24, owner: 40, ownerBytes: 8, crc: 4 },
  /** hashes of names and of attributes */
  hashed: { address: 16, uuid: 32, owner: 48, ownerBytes: 8, crc: 12 },
  /** a symbolic link's target, an attribute's value */
  remote: { address: 40, uuid: 16, owner: 32, ownerBytes: 8, crc: 12 },
} as const satisfies Readonly<Record<string, Seal>>;

interface Identity {
  /** bytes from the disk's beginning */
  readonly address: number;
  readonly uuid: Uint8Array;
  /** an inode's number, or a group's */
  readonly owner: number;
}

/** Says in a block where and whose it is, and seals it. */
export function sealBlock(bytes: Uint8Array, seal: Seal, { address, uuid, owner }: Identity): Uint8Array {
  const view = viewOf(bytes);
  writeU64(view, seal.address, address / 512, false);
  bytes.set(uuid, seal.uuid);
  if (seal.ownerBytes === 4) view.setUint32(seal.owner, owner);
  else writeU64(view, seal.owner, owner, false);
  return sealCrc(bytes, seal.crc);
}

/** The checksum of all bytes, itself counted as zero. */
export function sealCrc(bytes: Uint8Array, at: number): Uint8Array {
  const view = viewOf(bytes);
  view.setUint32(at, 0);
  view.setUint32(at, crc32c(bytes), true);
  return bytes;
}

/** As few pieces of at most `most` as there can be, of like sizes: blocks of a tree are to be half full at least. */
export function likePieces<T>(all: readonly T[], most: number): T[][] {
  const count = Math.ceil(all.length / most);
  return Array.from({ length: count }, (_, index) =>
    all.slice(Math.floor((index * all.length) / count), Math.floor(((index + 1) * all.length) / count)),
  );
}

/** `xfs_da_hashname`: names of files and of attributes are found by it. */
export function nameHash(name: string): number {
  let hash = 0,
    at = 0;
  const rotated = (bits: number): number => (hash << bits) | (hash >>> (32 - bits));
  const byte = (index: number): number => name.charCodeAt(at + index);
  for (; at + 4 <= name.length; at += 4)
    hash = (byte(0) << 21) ^ (byte(1) << 14) ^ (byte(2) << 7) ^ byte(3) ^ rotated(28);
  switch (name.length - at) {
    case 3:
      hash = (byte(0) << 14) ^ (byte(1) << 7) ^ byte(2) ^ rotated(21);
      break;
    case 2:
      hash = (byte(0) << 7) ^ byte(1) ^ rotated(14);
      break;
    case 1:
      hash = byte(0) ^ rotated(7);
      break;
    default:
      break;
  }
  return hash >>> 0;
}
