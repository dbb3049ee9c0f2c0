import { EINVAL, EIO, ENOSPC, PAGE_SIZE, S_IFBLK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { PageCache, type PageBacking } from "../frames/page-cache.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { FileSystem, type FileSystemUsage, simpleUsage } from "../vfs/file-system.ts";
import { Inode } from "../vfs/inode.ts";
import type { BlockCaller, BlockKernel } from "./block-kernel.ts";

export const SECTOR_SIZE = 512;

/** What moves the bytes of a disk. Offsets and lengths in bytes, within its size; results 0 or a negated errno. */
export interface DiskDriver {
  read(offset: number, bytes: Uint8Array, at: number, length: number): number;
  write(offset: number, bytes: Uint8Array, at: number, length: number): number;
  /** Makes earlier writes durable. */
  flush(): number;
  /** Whose file the disk is; null: none's. */
  readonly beneath: FileSystem | null;
  /** −EOPNOTSUPP: it cannot give space back. */
  discard(offset: number, length: number): number;
  /** Driver's own requests; null: not one of them. */
  ioctl(file: DiskOpening, command: number, argument: number): number | null;
  /** May it be opened now? 0 or a negated errno. */
  mayOpen(): number;
  /** The last description of the disk and of its partitions is gone. */
  lastClosed(): void;
}

/** Who asks a driver: an open block device file. */
export interface DiskOpening {
  readonly device: BlockInode;
  readonly isWritable: boolean;
  readonly isExclusive: boolean;
  readonly task: BlockCaller;
}

/** Nobody sees it. */
class BlockRoot extends Inode {
  static {
    stateClass("BlockRoot", this);
  }
}

/** Where block devices keep their pages, whatever nodes lead to them (Linux: bdev); never mounted. */
export class BlockFileSystem extends FileSystem {
  readonly type = "bdev";
  readonly root: Inode;

  constructor(kernel: BlockKernel) {
    super(kernel.allocateDevice());
    this.root = new BlockRoot(this, 0, 0o040500, 0, 0, kernel.vfs.now());
  }

  usage(): FileSystemUsage {
    return simpleUsage(0x62646576);
  }

  static {
    stateClass("BlockFileSystem", this);
  }
}

/**
 * A block device: a whole disk, or a window on one (a partition). All nodes with its number share its pages, so what
 * one writes the others read at once; `sync` hands them to the driver. A mounted file system goes to the driver
 * directly (`readThrough`, `writeThrough`).
 */
export class BlockInode extends Inode implements PageBacking {
  /** As in /proc/partitions: "loop0", "loop0p1". */
  readonly name: string;
  readonly driver: DiskDriver;
  /** The disk that a partition is part of, itself for a disk. */
  readonly disk: BlockInode;
  /** Bytes from the disk's start. */
  readonly start: number;
  /** From 1; 0 for a whole disk. */
  readonly partition: number;
  /** Grows with each new disk (BLKGETDISKSEQ). */
  diskSequence = 0;
  isReadOnly = false;
  /** Bytes; what the disk addresses at least. */
  logicalBlockSize = SECTOR_SIZE;
  /** BLKRASET: kept and shown; what is read is read at once. */
  readAheadSectors = 256;
  /** Descriptions and mounts. */
  openings = 0;
  /** Who has it for itself (O_EXCL, a mount); null: nobody. */
  holder: object | null = null;
  /** What was mounted from it. */
  mounted: FileSystem | null = null;
  /** By number; of a disk. */
  readonly partitions = new Map<number, BlockInode>();
  declare pages: PageCache;

  constructor(
    kernel: BlockKernel,
    name: string,
    number: { major: number; minor: number },
    driver: DiskDriver,
    part: { disk: BlockInode; partition: number; start: number } | null = null,
  ) {
    const rdev = makeDevice(number.major, number.minor);
    super(kernel.disks.fileSystem, rdev, S_IFBLK | 0o600, 0, 0, kernel.vfs.now());
    this.name = name;
    this.rdev = rdev;
    this.driver = driver;
    this.disk = part?.disk ?? this;
    this.start = part?.start ?? 0;
    this.partition = part?.partition ?? 0;
    this.pages = new PageCache(kernel.memory, this);
  }

  // ---- PageBacking

  readPage(index: number, bytes: Uint8Array, at: number): number {
    const length = Math.min(PAGE_SIZE, this.size - index * PAGE_SIZE);
    return length <= 0 ? 0 : this.driver.read(this.start + index * PAGE_SIZE, bytes, at, length);
  }

  writePage(index: number, bytes: Uint8Array, at: number, length: number): number {
    return this.driver.write(this.start + index * PAGE_SIZE, bytes, at, length);
  }

  override prepareWrite(offset: number, length: number): number {
    return offset + length <= this.size ? 0 : -ENOSPC;
  }

  override sync(): number {
    return this.driver.flush();
  }

  // ---- For a mounted file system, which keeps its own copies

  readThrough(offset: number, bytes: Uint8Array, at: number, length: number): number {
    return this.#covers(offset, length) ? this.driver.read(this.start + offset, bytes, at, length) : -EIO;
  }

  writeThrough(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (!this.#covers(offset, length) || this.isReadOnly) return -EIO;
    // Whoever reads the node sees what was written.
    if (this.pages.pageCount > 0) this.#forget(offset, length);
    return this.driver.write(this.start + offset, bytes, at, length);
  }

  /** @returns 0, −EINVAL (not within the device), −EOPNOTSUPP */
  discard(offset: number, length: number): number {
    if (!this.#covers(offset, length)) return -EINVAL;
    this.#forget(offset, length);
    return this.driver.discard(this.start + offset, length);
  }

  #covers(offset: number, length: number): boolean {
    return offset >= 0 && length >= 0 && offset + length <= this.size;
  }

  #forget(offset: number, length: number): void {
    const present: number[] = [];
    this.pages.forEach(Math.floor(offset / PAGE_SIZE), Math.ceil((offset + length) / PAGE_SIZE), (index) =>
      present.push(index),
    );
    for (const index of present) this.pages.drop(index);
  }

  /** Another medium, or the same with another size. What is in memory goes. */
  resize(size: number): void {
    this.pages.truncate(0);
    this.size = size;
  }

  static {
    stateClass("BlockInode", this);
  }
}
