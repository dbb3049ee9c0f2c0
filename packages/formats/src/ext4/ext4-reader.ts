/**
 * Reads ext2, ext3 and ext4 file systems: inodes, folders, content and attributes (the whole as a tree: ext4-tree.ts).
 * What the journal still holds is not replayed: a file system that was not unmounted reads as its blocks are.
 */
import { byteString } from "@stratos/base";
import { readBytes, type Disk } from "../disk/disk.ts";
import type { DiskFile } from "../tree/disk-files.ts";
import { FormatError } from "../format-error.ts";
import type { Blob } from "../tree/file-tree.ts";
import { parseDirectory, type DirectoryEntry } from "./ext4-directory.ts";
import { readBlockMap, readExtents, type Extent, type ExtentMap } from "./ext4-extents.ts";
import { BLOCK_AREA_SIZE, INODE_FLAG, parseInode, type Inode } from "./ext4-inode.ts";
import {
  descriptorPlaces,
  hasBackup,
  INCOMPAT,
  parseSuperblock,
  ROOT_INODE,
  RO_COMPAT,
  SUPERBLOCK_OFFSET,
  SUPERBLOCK_SIZE,
  type Superblock,
} from "./ext4-superblock.ts";
import { parseXattrs } from "./ext4-xattrs.ts";

const KINDS: Readonly<Record<number, DiskFile["kind"]>> = {
  0x8000: "file",
  0x4000: "directory",
  0xa000: "symlink",
  0x2000: "character",
  0x6000: "block",
  0x1000: "fifo",
  0xc000: "socket",
};
const READABLE =
  INCOMPAT.filetype |
  INCOMPAT.recover |
  INCOMPAT.metaBg |
  INCOMPAT.extents |
  INCOMPAT.bit64 |
  INCOMPAT.mmp |
  INCOMPAT.flexBg |
  INCOMPAT.eaInode |
  INCOMPAT.csumSeed |
  INCOMPAT.largeDir |
  INCOMPAT.inlineData |
  INCOMPAT.casefold;
const LINKS_MAX = 40;
/** A folder of more bytes is not from any Linux. */
const DIRECTORY_BYTES_MAX = 2 ** 31 - 1;

export interface OpenInode extends Inode {
  readonly ino: number;
  readonly kind: DiskFile["kind"];
}

export class Ext4Reader {
  readonly disk: Disk;
  readonly superblock: Superblock;

  /** @throws FormatError when there is none, or it has features that are not read */
  constructor(disk: Disk) {
    if (disk.size < SUPERBLOCK_OFFSET + SUPERBLOCK_SIZE) throw new FormatError("not an ext4 file system");
    this.disk = disk;
    this.superblock = parseSuperblock(readBytes(disk, SUPERBLOCK_OFFSET, SUPERBLOCK_SIZE), disk.size);
    const unknown = this.superblock.incompat & ~READABLE;
    if (unknown !== 0)
      throw new FormatError(`the ext4 file system has features that are not read (0x${(unknown >>> 0).toString(16)})`);
  }

  /** Which member of the family it is, as its features say. */
  get type(): string {
    const { incompat, compat } = this.superblock;
    return (incompat & (INCOMPAT.extents | INCOMPAT.flexBg | INCOMPAT.bit64)) !== 0
      ? "ext4"
      : (compat & 0x4) !== 0
        ? "ext3"
        : "ext2";
  }

  get hasChecksums(): boolean {
    return (this.superblock.roCompat & RO_COMPAT.metadataCsum) !== 0;
  }

  /** Offset of an inode in the disk. */
  inodeOffset(ino: number): number {
    const { inodesPerGroup, inodeSize, inodeCount, blockSize, blockCount } = this.superblock;
    if (ino < 1 || ino > inodeCount) throw new FormatError(`inode ${ino} is not there`);
    const group = Math.floor((ino - 1) / inodesPerGroup);
    const { inodeTable } = descriptorPlaces(
      readBytes(this.disk, this.descriptorOffset(group), this.superblock.descriptorSize),
    );
    const offset = inodeTable * blockSize + ((ino - 1) % inodesPerGroup) * inodeSize;
    if (offset + inodeSize > blockCount * blockSize) throw new FormatError("a group descriptor is damaged");
    return offset;
  }

  /** With meta_bg, descriptors lie in the groups that they describe; otherwise all behind the superblock. */
  descriptorOffset(group: number): number {
    const { blockSize, descriptorSize, firstDataBlock, incompat, firstMetaGroup, blocksPerGroup } = this.superblock;
    const perBlock = Math.floor(blockSize / descriptorSize),
      index = Math.floor(group / perBlock),
      within = (group % perBlock) * descriptorSize;
    if ((incompat & INCOMPAT.metaBg) === 0 || index < firstMetaGroup)
      return (firstDataBlock + 1 + index) * blockSize + within;
    const first = index * perBlock;
    return (firstDataBlock + first * blocksPerGroup + (hasBackup(first) ? 1 : 0)) * blockSize + within;
  }

  inode(ino: number): OpenInode {
    const inode = parseInode(
      readBytes(this.disk, this.inodeOffset(ino), this.superblock.inodeSize),
      this.superblock.blockSize,
    );
    const kind = KINDS[inode.mode & 0xf000];
    if (kind === undefined) throw new FormatError(`inode ${ino} is damaged`);
    return { ...inode, ino, kind };
  }

  /** Where an inode's content lies. */
  map(inode: Inode): ExtentMap {
    const { blockSize, blockCount } = this.superblock;
    if ((inode.flags & INODE_FLAG.extents) !== 0) return readExtents(inode.blockArea, this.disk, blockSize, blockCount);
    return readBlockMap(inode.blockArea, inode.size, this.disk, blockSize, blockCount);
  }

  content(inode: Inode): Pick<Blob, "sizeBytes" | "read"> {
    if ((inode.flags & INODE_FLAG.inlineData) !== 0) return inlineContent(inode);
    const { blockSize } = this.superblock;
    const extents = [...this.map(inode).extents].sort((a, b) => a.logical - b.logical);
    const { disk } = this;
    return {
      sizeBytes: inode.size,
      read: (offset, into) => readMapped(disk, extents, blockSize, inode.size, offset, into),
    };
  }

  entries(folder: OpenInode): DirectoryEntry[] {
    if (folder.size > DIRECTORY_BYTES_MAX) throw new FormatError(`inode ${folder.ino} is damaged`);
    if ((folder.flags & INODE_FLAG.inlineData) !== 0) return inlineEntries(folder);
    const content = this.content(folder);
    const bytes = new Uint8Array(folder.size);
    content.read(0, bytes);
    return parseDirectory(bytes, this.superblock.blockSize).filter(({ name }) => name !== "." && name !== "..");
  }

  target(link: OpenInode): string {
    if (link.size >= 4096) throw new FormatError(`inode ${link.ino} is damaged`);
    // A short target lies where block numbers would.
    if (link.size < BLOCK_AREA_SIZE && (link.flags & INODE_FLAG.extents) === 0)
      return byteString(link.blockArea, 0, link.size);
    const bytes = new Uint8Array(link.size);
    this.content(link).read(0, bytes);
    return byteString(bytes);
  }

  xattrs(inode: Inode): Map<string, string> {
    const { blockSize, blockCount } = this.superblock;
    if (inode.attributeBlock >= blockCount)
      throw new FormatError("a block of extended attributes lies beyond the file system's end");
    return parseXattrs(
      inode.attributes,
      inode.attributeBlock === 0 ? undefined : readBytes(this.disk, inode.attributeBlock * blockSize, blockSize),
    );
  }

  /**
   * Walks a path. Links on the way are followed, the last one on request.
   * @returns the inode, or undefined when there is none of the name
   */
  resolve(path: string, followLast: boolean): OpenInode | undefined {
    let links = 0;
    const pending = namesOf(path).reverse();
    const trail: OpenInode[] = [this.inode(ROOT_INODE)];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const folder = trail.at(-1)!;
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      if (folder.kind !== "directory") return undefined;
      const entry = this.entries(folder).find((candidate) => candidate.name === name);
      if (entry === undefined) return undefined;
      const inode = this.inode(entry.ino);
      if (inode.kind !== "symlink" || (pending.length === 0 && !followLast)) {
        trail.push(inode);
        continue;
      }
      if (++links > LINKS_MAX) throw new FormatError(`${path}: too many levels of symbolic links`);
      const target = this.target(inode);
      if (target.startsWith("/")) trail.length = 1;
      pending.push(...namesOf(target).reverse());
    }
    return trail.at(-1);
  }

  describe(name: string, inode: OpenInode): DiskFile {
    const { kind } = inode;
    return {
      name,
      kind,
      mode: inode.mode & 0o7777,
      uid: inode.uid,
      gid: inode.gid,
      size: kind === "file" || kind === "symlink" ? inode.size : 0,
      mtime: inode.mtime,
      target: kind === "symlink" ? this.target(inode) : "",
    };
  }
}

export function namesOf(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}

function readMapped(
  disk: Disk,
  extents: readonly Extent[],
  blockSize: number,
  size: number,
  offset: number,
  into: Uint8Array,
): number {
  const length = Math.max(0, Math.min(into.length, size - offset));
  const wanted = into.subarray(0, length);
  wanted.fill(0);
  for (const { logical, physical, count } of extents) {
    const start = Math.max(offset, logical * blockSize),
      end = Math.min(offset + length, (logical + count) * blockSize);
    if (start < end)
      disk.read(physical * blockSize + start - logical * blockSize, wanted.subarray(start - offset, end - offset));
  }
  return length;
}

/**
 * Small content in the inode itself: its first 60 bytes in the block area, the rest as the attribute `system.data` (not
 * read).
 */
function inlineContent(inode: Inode): Pick<Blob, "sizeBytes" | "read"> {
  if (inode.size > BLOCK_AREA_SIZE)
    throw new FormatError("a file whose content continues in its inode's attributes (inline_data) is not read");
  return {
    sizeBytes: inode.size,
    read(offset, into) {
      const part = inode.blockArea.subarray(offset, Math.min(inode.size, offset + into.length));
      into.set(part);
      return part.length;
    },
  };
}

function inlineEntries(folder: OpenInode): DirectoryEntry[] {
  if (folder.size > BLOCK_AREA_SIZE)
    throw new FormatError("a folder whose content continues in its inode's attributes (inline_data) is not read");
  // The parent's number comes first; then entries to the area's end.
  const room = BLOCK_AREA_SIZE - 4;
  return parseDirectory(folder.blockArea.slice(4, 4 + room), room);
}
