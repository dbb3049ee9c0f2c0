import { EBADMSG, EROFS, ESTALE, EUCLEAN, PAGE_SIZE, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import {
  BLOCK_AREA_SIZE,
  type Ext4Reader,
  FormatError,
  INCOMPAT,
  INODE_FLAG,
  readBytes,
  ROOT_INODE,
  sealInode,
  sealSuperblock,
  SUPERBLOCK_OFFSET,
  viewOf,
  writeExtents,
} from "@stratos/formats/ext4";
import { loadAcl } from "../../vfs/acl-inheritance.ts";
import type { FileSystemUsage } from "../../vfs/file-system.ts";
import type { NewInode } from "../../vfs/inode.ts";
import type { MountDevice } from "../../vfs/mount-device.ts";
import { syncFileSystem } from "../../vfs/write-back.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { isWritable } from "./ext4-features.ts";
import { Ext4Inode } from "./ext4-inode.ts";
import { newInodeBytes } from "./ext4-record.ts";
import { Ext4Volume, type OpenParts, partsOf } from "./ext4-volume.ts";

const EXT4_SUPER_MAGIC = 0xef53;
/** Places in the superblock (Linux Documentation/filesystems/ext4/super.rst). */
const SUPER = {
  mounted: 0x2c,
  written: 0x30,
  mountCount: 0x34,
  state: 0x3a,
  lastOrphan: 0xe8,
} as const;
/** s_state: it was unmounted. */
const STATE_VALID = 1;
const ORPHANS_MAX = 100_000;

/**
 * ext2, ext3 and ext4 on a block device. Names, attributes and bitmaps are on the device when a call returns, so that
 * all of it can be read again; the journal is played back at mounting, and not written. While it is mounted its
 * superblock says so, for e2fsck(8) to look through all of it after a crash.
 */
export class Ext4FileSystem extends Ext4Volume {
  readonly type: string;
  /** Set by `mount`. */
  root!: Ext4Inode;
  #inodes = new Map<number, Ext4Inode>();
  #generation: number;

  constructor(kernel: FsKernel, type: string, disk: MountDevice, parts: OpenParts | null, readOnly: boolean) {
    super(kernel, disk, parts);
    this.type = type;
    this.readOnly = readOnly;
    this.#generation = kernel.vfs.now().seconds;
  }

  /** @throws FormatError, DiskError, DamagedDirectory */
  static mount(
    kernel: FsKernel,
    type: string,
    disk: MountDevice,
    reader: Ext4Reader,
    readOnly: boolean,
  ): Ext4FileSystem {
    const made = new Ext4FileSystem(kernel, type, disk, partsOf(reader), readOnly);
    const root = made.inode(ROOT_INODE);
    if (isErrno(root) || !root.isDirectory) throw new FormatError("its root cannot be read");
    made.root = root;
    if (!readOnly) made.#begin();
    return made;
  }

  // ---- Inodes -----------------------------------------------------------------------------------------------------

  /** The object of an inode; a negated errno. */
  inode(ino: number): Ext4Inode | number {
    const present = this.#inodes.get(ino);
    if (present !== undefined) return present;
    let inode: Ext4Inode | null = null;
    const failed = this.attempt(() => {
      const { reader } = this.open;
      const { inodeSize, checksumSeed } = reader.superblock;
      const bytes = readBytes(reader.disk, reader.inodeOffset(ino), inodeSize);
      if (reader.hasChecksums && !isSealed(bytes, checksumSeed, ino)) return -EBADMSG;
      inode = new Ext4Inode(this, ino, bytes);
      // What a name leads to has links; zeros are a damaged table's.
      if (inode.type === 0) return -EUCLEAN;
      return 0;
    });
    if (failed < 0) return failed;
    this.keep(inode!);
    return inode!;
  }

  keep(inode: Ext4Inode): void {
    this.#inodes.set(inode.ino, inode);
    loadAcl(inode);
  }

  drop(inode: Ext4Inode): void {
    this.#inodes.delete(inode.ino);
    this.named.drop(inode);
  }

  /** An inode without names, which nobody knows yet. @param parent  near which it lies. @throws FullError */
  newInode(parent: number, attributes: NewInode): Ext4Inode {
    const { incompat, inodeSize } = this.superblock;
    const kind = attributes.mode & S_IFMT;
    const hasExtents =
      (incompat & INCOMPAT.extents) !== 0 && (kind === S_IFREG || kind === S_IFDIR || kind === S_IFLNK);
    const ino = this.allocator.allocateInode(kind === S_IFDIR, parent);
    const bytes = newInodeBytes(inodeSize, attributes, {
      flags: hasExtents ? INODE_FLAG.extents : 0,
      generation: (this.#generation = (this.#generation + 1) >>> 0),
      area: hasExtents ? EMPTY_TREE : NO_BLOCKS,
    });
    return new Ext4Inode(this, ino, bytes);
  }

  override get hasWhiteouts(): boolean {
    return true;
  }

  /** Linux's driver does not say so of the older two (fs/ext4/super.c). */
  override get allowsIdMaps(): boolean {
    return this.type === "ext4";
  }

  override inodeByNumber(ino: number, generation: number): Ext4Inode | number {
    if (ino < ROOT_INODE || ino > this.superblock.inodeCount) return -ESTALE;
    const inode = this.inode(ino);
    return isErrno(inode) || inode.generation !== generation || (inode.nlink === 0 && inode.users === 0)
      ? -ESTALE
      : inode;
  }

  override generationOf(inode: Ext4Inode): number {
    return inode.generation;
  }

  // ---- Mounted and unmounted ----------------------------------------------------------------------------------------

  /** It is written from now on: nothing but an unmount makes it clean. @throws FormatError, DiskError */
  #begin(): void {
    const { raw } = this.superblock;
    const view = viewOf(raw);
    view.setUint16(SUPER.state, view.getUint16(SUPER.state, true) & ~STATE_VALID, true);
    view.setUint16(SUPER.mountCount, view.getUint16(SUPER.mountCount, true) + 1, true);
    view.setUint32(SUPER.mounted, this.kernel.vfs.now().seconds >>> 0, true);
    this.#putSuperblock();
    this.#finishOrphans(view);
  }

  #putSuperblock(): void {
    const { reader } = this.open;
    const { raw } = reader.superblock;
    viewOf(raw).setUint32(SUPER.written, this.kernel.vfs.now().seconds >>> 0, true);
    if (reader.hasChecksums) sealSuperblock(raw);
    reader.disk.write(SUPERBLOCK_OFFSET, raw);
  }

  /** Files that were being removed or cut when another kernel crashed. */
  #finishOrphans(view: DataView): void {
    let ino = view.getUint32(SUPER.lastOrphan, true);
    if (ino === 0) return;
    for (let left = ORPHANS_MAX; ino !== 0 && left > 0; left--) {
      const inode = this.inode(ino);
      if (isErrno(inode)) break;
      ino = inode.nextOrphan;
      inode.finishOrphan();
      if (inode.nlink === 0) this.drop(inode);
    }
    view.setUint32(SUPER.lastOrphan, 0, true);
    this.#putSuperblock();
  }

  override sync(): number {
    if (this.readOnly) return 0;
    return this.attempt(() => {
      this.allocator.flush();
      this.#putSuperblock();
      return this.disk.driver.flush();
    });
  }

  override setReadOnly(on: boolean): number {
    if (on === this.readOnly) return 0;
    if (on) {
      const failed = super.setReadOnly(true);
      if (failed < 0) return failed;
      this.readOnly = false;
      const ended = this.#end();
      this.readOnly = true;
      return ended;
    }
    const { incompat, roCompat } = this.superblock;
    if (this.disk.isReadOnly || !isWritable(incompat, roCompat)) return -EROFS;
    this.readOnly = false;
    return this.attempt(() => {
      this.#begin();
      return 0;
    });
  }

  /** All of it is on the device, and the superblock says so. */
  #end(): number {
    if (this.readOnly) return 0;
    const failed = syncFileSystem(this.kernel, this);
    if (failed < 0) return failed;
    return this.attempt(() => {
      const view = viewOf(this.superblock.raw);
      view.setUint16(SUPER.state, view.getUint16(SUPER.state, true) | STATE_VALID, true);
      this.#putSuperblock();
      return this.disk.driver.flush();
    });
  }

  override get ioSize(): number {
    return this.superblock.blockSize;
  }

  override shutdown(): void {
    this.#end();
  }

  usage(): FileSystemUsage {
    const { reader, allocator, overhead } = this.open;
    const { superblock } = reader;
    return {
      magic: EXT4_SUPER_MAGIC,
      blockSize: superblock.blockSize,
      blocks: Math.max(0, superblock.blockCount - overhead),
      blocksFree: allocator.freeBlocks,
      files: superblock.inodeCount,
      filesFree: allocator.freeInodes,
      nameMax: 255,
    };
  }

  static {
    stateClass(
      "Ext4FileSystem",
      this,
      {
        save: (it) => ({ inodes: it.#inodes, generation: it.#generation }),
        load: (it, from) => {
          ({ inodes: it.#inodes, generation: it.#generation } = from);
          it.parts = null;
        },
      },
      { keeps: ["parts"] },
    );
  }
}

const NO_BLOCKS = new Uint8Array(BLOCK_AREA_SIZE);
/** The root of a tree without runs. */
const EMPTY_TREE = writeExtents(
  [],
  PAGE_SIZE,
  0,
  () => 0,
  () => {},
);

function isSealed(bytes: Uint8Array, seed: number, ino: number): boolean {
  const copy = bytes.slice();
  sealInode(copy, seed, ino);
  for (const at of [0x7c, 0x7d, 0x82, 0x83]) if (copy[at] !== bytes[at]) return false;
  return true;
}
