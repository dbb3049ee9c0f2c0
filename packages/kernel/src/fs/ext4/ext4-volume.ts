import { ENOSPC, EUCLEAN } from "@stratos/abi";
import {
  COMPAT,
  Ext4Allocator,
  Ext4Reader,
  FormatError,
  FullError,
  hasBackup,
  INCOMPAT,
  JOURNAL_INODE,
  readBytes,
  RO_COMPAT,
  sealAttributeBlock,
  sealInode,
  viewOf,
  type Superblock,
} from "@stratos/formats/ext4";
import { FileSystem } from "../../vfs/file-system.ts";
import type { Inode, NewInode } from "../../vfs/inode.ts";
import type { MountDevice } from "../../vfs/mount-device.ts";
import type { FsKernel } from "../fs-kernel.ts";
import type { TreeShape } from "./ext4-content.ts";
import { DamagedDirectory } from "./ext4-directory.ts";
import { KeptNames } from "../kept-names.ts";
import { DiskError, MountedDisk } from "../mounted-disk.ts";

/** Blocks that data leaves for trees and folders. */
const RESERVE = 8;
/** s_reserved_gdt_blocks of the superblock. */
const RESERVED_DESCRIPTORS = 0xce;

/** What is made of a mounted file system's superblock and descriptors. */
export interface OpenParts {
  readonly reader: Ext4Reader;
  readonly allocator: Ext4Allocator;
  readonly shape: TreeShape;
  /** Blocks that are no file's, as df(1) leaves them out. */
  readonly overhead: number;
}

/** An inode, as who places its content and its attributes sees it. */
export interface Ext4Owner {
  readonly fileSystem: Ext4Volume;
  readonly ino: number;
  readonly bytes: Uint8Array;
  readonly blockSize: number;
  readonly size: number;
  blocks: number;
}

/** Blocks, bitmaps and inodes of a file system on its device, below files and names. */
export abstract class Ext4Volume extends FileSystem {
  readonly kernel: FsKernel;
  readonly disk: MountDevice;
  /** Folders whose names are in memory. */
  named = new KeptNames();
  /** Blocks that files in memory need for their trees at write-back. */
  promised = 0;
  /** Null in a machine that was loaded or forked: read again. */
  parts: OpenParts | null;

  constructor(kernel: FsKernel, disk: MountDevice, parts: OpenParts | null) {
    super(disk.rdev);
    this.kernel = kernel;
    this.disk = disk;
    this.parts = parts;
  }

  /** The object of an inode; a negated errno. */
  abstract inode(ino: number): Inode | number;
  /** An inode without names, which nobody knows yet. @param parent  near which it lies. @throws FullError */
  abstract newInode(parent: number, attributes: NewInode): Inode;
  /** It has got a name. */
  abstract keep(inode: Inode): void;
  /** The object goes. */
  abstract drop(inode: Inode): void;

  get open(): OpenParts {
    return (this.parts ??= partsOf(new Ext4Reader(new MountedDisk(this.disk))));
  }

  get superblock(): Superblock {
    return this.open.reader.superblock;
  }

  get allocator(): Ext4Allocator {
    return this.open.allocator;
  }

  get shape(): TreeShape {
    return this.open.shape;
  }

  get hasChecksums(): boolean {
    return this.open.reader.hasChecksums;
  }

  get hasTypes(): boolean {
    return (this.superblock.incompat & INCOMPAT.filetype) !== 0;
  }

  /** May a folder have more than 65,000 others (dir_nlink)? */
  get hasManyLinks(): boolean {
    return (this.superblock.roCompat & RO_COMPAT.dirNlink) !== 0;
  }

  /** Of checksums of blocks of attributes; undefined: there are none. */
  get attributeSeed(): number | undefined {
    return this.hasChecksums ? this.superblock.checksumSeed : undefined;
  }

  /** Does what touches the disk. @returns its result, or what it threw as a negated errno */
  attempt(act: () => number): number {
    try {
      return act();
    } catch (thrown) {
      return this.errnoOf(thrown);
    }
  }

  errnoOf(thrown: unknown): number {
    if (thrown instanceof FullError) return -ENOSPC;
    if (thrown instanceof DiskError) return thrown.errno;
    if (!(thrown instanceof FormatError) && !(thrown instanceof DamagedDirectory)) throw thrown;
    this.kernel.log(`${this.type}: ${this.disk.name}: ${thrown.message}: run e2fsck`);
    return -EUCLEAN;
  }

  /** @throws FullError */
  refuseFull(): never {
    throw new FullError("the file system is full");
  }

  readBlock(block: number): Uint8Array {
    const { disk, blockSize, blockCount } = this.shape;
    if (block >= blockCount) throw new FormatError("a block lies beyond the end of its file system");
    return readBytes(disk, block * blockSize, blockSize);
  }

  writeBlock(block: number, bytes: Uint8Array): void {
    const { disk, blockSize, blockCount } = this.shape;
    if (block >= blockCount) throw new FormatError("a block lies beyond the end of its file system");
    disk.write(block * blockSize, bytes);
  }

  sealAttributes(block: number, bytes: Uint8Array): void {
    if (this.hasChecksums) sealAttributeBlock(bytes, block, this.superblock.checksumSeed);
  }

  /** @throws FormatError, DiskError */
  putInode(ino: number, bytes: Uint8Array): void {
    const { reader } = this.open;
    if (reader.hasChecksums) sealInode(bytes, reader.superblock.checksumSeed, ino);
    reader.disk.write(reader.inodeOffset(ino), bytes);
  }

  /** Where a file's first blocks are looked for: in the group of its inode. */
  goalOf(ino: number): number {
    const { inodesPerGroup, blocksPerGroup, firstDataBlock } = this.superblock;
    return firstDataBlock + Math.floor((ino - 1) / inodesPerGroup) * blocksPerGroup;
  }

  /** Blocks that content may still take. */
  roomForData(): number {
    return Math.max(0, this.allocator.freeBlocks - this.promised - RESERVE);
  }

  /** After each change of names and attributes: what it did to bitmaps. @throws DiskError */
  flushBitmaps(): void {
    this.allocator.flush();
  }
}

/** @throws FormatError, DiskError */
export function partsOf(reader: Ext4Reader): OpenParts {
  const { blockSize, blockCount } = reader.superblock;
  return {
    reader,
    allocator: new Ext4Allocator(reader),
    shape: { disk: reader.disk, blockSize, blockCount },
    overhead: overheadOf(reader),
  };
}

/** Superblocks, descriptors, bitmaps, tables of inodes and the journal (fs/ext4/super.c, ext4_calculate_overhead). */
function overheadOf(reader: Ext4Reader): number {
  const { blockSize, groupCount, descriptorSize, firstDataBlock, inodesPerGroup, inodeSize, compat, roCompat, raw } =
    reader.superblock;
  const isSparse = (roCompat & RO_COMPAT.sparseSuper) !== 0;
  const copies =
    1 + Math.ceil((groupCount * descriptorSize) / blockSize) + viewOf(raw).getUint16(RESERVED_DESCRIPTORS, true);
  let blocks = firstDataBlock;
  for (let group = 0; group < groupCount; group++) {
    if (!isSparse || hasBackup(group)) blocks += copies;
    blocks += 2 + Math.ceil((inodesPerGroup * inodeSize) / blockSize);
  }
  if ((compat & COMPAT.hasJournal) !== 0) blocks += Math.ceil(reader.inode(JOURNAL_INODE).size / blockSize);
  return blocks;
}
