/** What EROFS has on disk. Source: Linux fs/erofs/erofs_fs.h; Documentation/filesystems/erofs.rst. */
import { byteStringOf, crc32c } from "@stratos/base";
import { viewOf, writeU64 } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { uuidBytes } from "../gpt/guid.ts";
import type { FileEntry, FileKind } from "../tree/file-tree.ts";

export const BLOCK_SIZE = 4096;
export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_SIZE = 128;
/** Inodes are counted in slots of so many bytes; an inode with owners and times in full takes two. */
export const SLOT_SIZE = 32;
export const INODE_SIZE = 64;
export const MAGIC = 0xe0f5e1e2;
/** A block of a file that is not there, in the list of its blocks. */
export const HOLE = 0xffffffff;

/**
 * Where content lies: in blocks that follow one another; packed, with an index in full or compact form; the same as the
 * first, but the end lies behind the inode; or in blocks that a list names.
 */
export const DataLayout = { flatPlain: 0, packed: 1, flatInline: 2, packedCompact: 3, chunkBased: 4 } as const;
export type DataLayout = (typeof DataLayout)[keyof typeof DataLayout];

export const COMPAT_CHECKSUM = 0x1;
const COMPAT_MTIME = 0x2;
export const INCOMPAT_LZ4_0PADDING = 0x1;
/** Settings of each packer stand behind the superblock; physical clusters may have several blocks. */
const INCOMPAT_COMPR_CFGS = 0x2;
const INCOMPAT_CHUNKED_FILE = 0x4;
const INCOMPAT_ZTAILPACKING = 0x10;
/** and extents that several files share */
export const INCOMPAT_FRAGMENTS = 0x20;
export const INCOMPAT_READ =
  INCOMPAT_LZ4_0PADDING | INCOMPAT_COMPR_CFGS | INCOMPAT_CHUNKED_FILE | INCOMPAT_ZTAILPACKING;
/** The packer LZ4, in the list of those that an image needs. */
const ALGORITHM_LZ4 = 1;
const LZ4_DISTANCE_MAX = 65535;
/** With the two bytes of their length. */
const LZ4_SETTINGS_SIZE = 16;
const CHUNK_FORMAT_BLOCK_MAP = 0;

export const FILE_TYPE: Readonly<Record<Exclude<FileKind, "hardLink">, number>> = {
  file: 1,
  directory: 2,
  character: 3,
  block: 4,
  fifo: 5,
  symlink: 7,
};
const MODE: Readonly<Record<Exclude<FileKind, "hardLink">, number>> = {
  file: 0o100000,
  directory: 0o040000,
  character: 0o020000,
  block: 0o060000,
  fifo: 0o010000,
  symlink: 0o120000,
};

/** The longer names first: an access list is no attribute of `system.` in general. */
export const XATTR_PREFIXES: readonly (readonly [number, string])[] = [
  [2, "system.posix_acl_access"],
  [3, "system.posix_acl_default"],
  [1, "user."],
  [4, "trusted."],
  [6, "security."],
];
export const XATTR_HEADER = 12;

/** The block that holds the superblock, with its checksum. */
export function superblock(fields: {
  uuid: string;
  label: string;
  time: number;
  inodes: number;
  blocks: number;
  inodeBlock: number;
  rootSlot: number;
  hasChunks: boolean /** of a physical cluster; 0: nothing is packed */;
  clusterBlocksMax: number;
}): Uint8Array {
  const isPacked = fields.clusterBlocksMax > 0,
    bytes = new Uint8Array(SUPERBLOCK_SIZE + (isPacked ? LZ4_SETTINGS_SIZE : 0)),
    view = viewOf(bytes);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, COMPAT_CHECKSUM | COMPAT_MTIME, true);
  bytes[12] = Math.log2(BLOCK_SIZE);
  view.setUint16(14, fields.rootSlot, true);
  writeU64(view, 16, fields.inodes);
  writeU64(view, 24, fields.time);
  view.setUint32(36, fields.blocks, true);
  view.setUint32(40, fields.inodeBlock, true);
  bytes.set(uuidBytes(fields.uuid), 48);
  bytes.set(byteStringOf(fields.label.slice(0, 15)), 64);
  view.setUint32(
    80,
    (fields.hasChunks ? INCOMPAT_CHUNKED_FILE : 0) | (isPacked ? INCOMPAT_LZ4_0PADDING | INCOMPAT_COMPR_CFGS : 0),
    true,
  );
  if (isPacked) {
    view.setUint16(84, ALGORITHM_LZ4, true);
    view.setUint16(SUPERBLOCK_SIZE, LZ4_SETTINGS_SIZE - 2, true);
    view.setUint16(SUPERBLOCK_SIZE + 2, LZ4_DISTANCE_MAX, true);
    view.setUint16(SUPERBLOCK_SIZE + 4, fields.clusterBlocksMax, true);
  }
  return bytes;
}

/** Puts the checksum into the first block: of all behind the boot area, without inverting at the end. */
export function sealFirstBlock(block: Uint8Array): void {
  const view = viewOf(block);
  view.setUint32(SUPERBLOCK_OFFSET + 4, 0, true);
  view.setUint32(SUPERBLOCK_OFFSET + 4, ~crc32c(block, SUPERBLOCK_OFFSET, BLOCK_SIZE) >>> 0, true);
}

interface InodeFields {
  readonly entry: FileEntry;
  readonly layout: DataLayout;
  readonly size: number;
  readonly number: number;
  readonly links: number;
  /** first block, device or form of chunks, as the layout has it */
  readonly place: number;
  readonly xattrBytes: number;
}

export function inode({ entry, layout, size, number, links, place, xattrBytes }: InodeFields): Uint8Array {
  const bytes = new Uint8Array(INODE_SIZE),
    view = viewOf(bytes);
  view.setUint16(0, 1 | (layout << 1), true);
  view.setUint16(2, xattrBytes === 0 ? 0 : (xattrBytes - XATTR_HEADER) / 4 + 1, true);
  view.setUint16(4, MODE[entry.kind as "file"] | (entry.mode & 0o7777), true);
  writeU64(view, 8, size);
  view.setUint32(16, place >>> 0, true);
  view.setUint32(20, number, true);
  view.setUint32(24, entry.uid, true);
  view.setUint32(28, entry.gid, true);
  const seconds = Math.floor(entry.mtime);
  if (seconds < 0) throw new FormatError(`${entry.path}: EROFS has no times before 1970`);
  writeU64(view, 32, seconds);
  view.setUint32(40, Math.round((entry.mtime - seconds) * 1e9) % 1e9, true);
  view.setUint32(44, links, true);
  return bytes;
}

/** As `new_encode_dev` of Linux. */
export function deviceNumber({ deviceMajor, deviceMinor }: FileEntry): number {
  return ((deviceMinor & 0xff) | (deviceMajor << 8) | ((deviceMinor & ~0xff) << 12)) >>> 0;
}

/**
 * `i_u` of a file in chunks: how large these are, and that four bytes name each. @param chunkBits  log2 of their bytes
 */
export function chunkFormat(chunkBits: number): number {
  return CHUNK_FORMAT_BLOCK_MAP | (chunkBits - Math.log2(BLOCK_SIZE));
}

/** Attributes as they stand behind an inode. @throws FormatError for one that EROFS has no form for */
export function xattrArea({ path, xattrs }: FileEntry): Uint8Array {
  if (xattrs.size === 0) return new Uint8Array(0);
  const parts = [...xattrs.keys()].sort().map((full) => {
    const found = XATTR_PREFIXES.find(([, prefix]) =>
      prefix.endsWith(".") ? full.startsWith(prefix) : full === prefix,
    );
    if (found === undefined) throw new FormatError(`${path}: EROFS has no form for the attribute ${full}`);
    const [index, prefix] = found,
      name = full.slice(prefix.length),
      value = xattrs.get(full)!;
    if (name.length > 255 || value.length > 0xffff) throw new FormatError(`${path}: the attribute ${full} is too long`);
    return { index, name, value, length: Math.ceil((4 + name.length + value.length) / 4) * 4 };
  });
  const size = parts.reduce((sum, { length }) => sum + length, XATTR_HEADER);
  if (size > XATTR_HEADER + 4 * 0xfffe)
    throw new FormatError(`${path}: has more attributes than an inode of EROFS holds`);
  const bytes = new Uint8Array(size),
    view = viewOf(bytes);
  let at = XATTR_HEADER;
  for (const { index, name, value, length } of parts) {
    bytes[at] = name.length;
    bytes[at + 1] = index;
    view.setUint16(at + 2, value.length, true);
    bytes.set(byteStringOf(name), at + 4);
    bytes.set(byteStringOf(value), at + 4 + name.length);
    at += length;
  }
  return bytes;
}
