/**
 * Makes an ext4 file system that holds a tree, in one pass over the disk and without mounting anything. Blocks and
 * inodes are handed out in order, so that the files of a folder lie side by side and each group's bitmaps are a prefix.
 * Blocks of zeros become holes. The result is a function of the tree and the options alone.
 */
import { byteStringOf } from "@stratos/base";
import { viewOf, isZero, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { uuidBytes } from "../gpt/guid.ts";
import { sequentialWriter } from "../disk/sequential-writer.ts";
import type { FileEntry, FileTree } from "../tree/file-tree.ts";
import { appendRun } from "../tree/extent-list.ts";
import { directoryBlocks, emptyDirectoryBlock, ENTRY_TYPE } from "./ext4-directory.ts";
import { EXTENT_BLOCKS_MAX, writeExtents, type Extent } from "./ext4-extents.ts";
import { BLOCK_SIZE, DESCRIPTOR_SIZE, Ext4Geometry, journalBlocks } from "./ext4-geometry.ts";
import {
  BLOCK_AREA_SIZE,
  deviceArea,
  encodeInode,
  EXTRA_SIZE,
  inodeSeed,
  INODE_FLAG,
  INODE_SIZE,
  sealInode,
  type Inode,
} from "./ext4-inode.ts";
import { writeResizeInode } from "./ext4-resize-inode.ts";
import {
  checksum,
  COMPAT,
  EXT4_MAGIC,
  FIRST_INODE,
  hasBackup,
  INCOMPAT,
  JOURNAL_INODE,
  RESIZE_INODE,
  RO_COMPAT,
  sealDescriptor,
  sealSuperblock,
  SUPERBLOCK_OFFSET,
  SUPERBLOCK_SIZE,
} from "./ext4-superblock.ts";
import { inodeXattrs, xattrBlock } from "./ext4-xattrs.ts";
import { type Ext4Options, LINKS_MAX, LOST_FOUND_BLOCKS, type Node, planNodes } from "./ext4-nodes.ts";

const MODES: Readonly<Record<Exclude<FileEntry["kind"], "hardLink">, number>> = {
  directory: 0x4000,
  file: 0x8000,
  symlink: 0xa000,
  character: 0x2000,
  block: 0x6000,
  fifo: 0x1000,
};
const COPY_BYTES = 1 << 20;

/** @throws FormatError when the tree does not fit, or has what ext4 cannot hold */
export function writeExt4(disk: Disk, tree: FileTree, options: Ext4Options): void {
  const nodes = planNodes(tree, options);
  const writer = new Writer(disk, options, nodes);
  writer.write();
}

class Writer {
  readonly #disk: Disk;
  readonly #options: Ext4Options;
  readonly #nodes: readonly Node[];
  readonly #geometry: Ext4Geometry;
  readonly #seed: number;
  readonly #uuid: Uint8Array;
  readonly #inodes: Uint8Array;
  readonly #directoriesInGroup: Uint32Array;
  readonly #out: ReturnType<typeof sequentialWriter>;
  readonly #buffer = new Uint8Array(COPY_BYTES);
  /** the next block to hand out, and its group */
  #cursor = 0;
  #group = 0;
  #lastInode = FIRST_INODE;
  #journalBlocks = 0;
  #journalArea: Uint8Array = new Uint8Array(BLOCK_AREA_SIZE);

  constructor(disk: Disk, options: Ext4Options, nodes: readonly Node[]) {
    this.#disk = disk;
    this.#options = options;
    this.#nodes = nodes;
    for (const { ino } of nodes) this.#lastInode = Math.max(this.#lastInode, ino);
    this.#geometry = new Ext4Geometry(disk.size, this.#lastInode);
    this.#uuid = uuidBytes(options.uuid);
    this.#seed = checksum(0xffffffff, this.#uuid);
    this.#inodes = new Uint8Array(this.#lastInode * INODE_SIZE);
    this.#directoriesInGroup = new Uint32Array(this.#geometry.groupCount);
    this.#out = sequentialWriter(disk, COPY_BYTES);
    this.#cursor = this.#geometry.overhead(0);
  }

  write(): void {
    if (!this.#options.isZeroed) this.#clearTables();
    if (this.#geometry.reservedDescriptorBlocks > 0) this.#writeResizeInode();
    for (const node of this.#nodes) this.#writeNode(node);
    this.#writeJournal();
    this.#out.flush();
    this.#writeTables();
  }

  #writeNode(node: Node): void {
    const { entry, ino } = node;
    const seed = inodeSeed(this.#seed, ino, 0);
    const inode: Inode = {
      mode: MODES[entry.kind as "file"] | (entry.mode & 0o7777),
      uid: entry.uid,
      gid: entry.gid,
      size: 0,
      linkCount: node.links,
      mtime: entry.mtime,
      flags: 0,
      generation: 0,
      sectorCount: 0,
      attributeBlock: 0,
      blockArea: new Uint8Array(BLOCK_AREA_SIZE),
      attributes: new Uint8Array(0),
    };
    switch (entry.kind) {
      case "directory": {
        if (node.links > LINKS_MAX) inode.linkCount = 1;
        const dots = [
          { ino, name: ".", type: ENTRY_TYPE.directory },
          { ino: node.parent, name: "..", type: ENTRY_TYPE.directory },
        ];
        let bytes = directoryBlocks([...dots, ...node.children], BLOCK_SIZE, seed);
        if (ino === FIRST_INODE) bytes = withEmptyBlocks(bytes, seed);
        this.#writeMapped(
          inode,
          seed,
          bytes.length,
          (offset, into) => {
            into.set(bytes.subarray(offset, offset + into.length));
            return into.length;
          },
          false,
        );
        this.#directoriesInGroup[Math.floor((ino - 1) / this.#geometry.inodesPerGroup)]!++;
        break;
      }
      case "file": {
        const content = entry.content!;
        this.#writeMapped(
          inode,
          seed,
          content.sizeBytes,
          (offset, into) => content.read(offset, into),
          true,
          entry.path,
        );
        break;
      }
      case "symlink": {
        const target = byteStringOf(entry.target);
        if (target.length >= BLOCK_SIZE)
          throw new FormatError(`${entry.path}: a symbolic link of ${target.length} bytes`);
        if (target.length < BLOCK_AREA_SIZE) {
          inode.blockArea.set(target);
          inode.size = target.length;
        } else
          this.#writeMapped(
            inode,
            seed,
            target.length,
            (_offset, into) => {
              into.set(target);
              return into.length;
            },
            false,
          );
        break;
      }
      case "character":
      case "block":
        inode.blockArea = deviceArea(entry.deviceMajor, entry.deviceMinor);
        break;
      default:
        break;
    }
    const attributes = inodeXattrs(entry.xattrs, INODE_SIZE - 128 - EXTRA_SIZE);
    if (attributes !== undefined) inode.attributes = attributes;
    else {
      const block = this.#allocate(1).physical;
      this.#out.write(block * BLOCK_SIZE, xattrBlock(entry.xattrs, { block, blockSize: BLOCK_SIZE, seed: this.#seed }));
      inode.attributeBlock = block;
      inode.sectorCount += BLOCK_SIZE / 512;
    }
    this.#putInode(ino, inode);
  }

  /** Content into new blocks, which the inode then maps. @param mayHaveHoles  blocks of zeros are left out */
  #writeMapped(
    inode: Inode,
    seed: number,
    size: number,
    read: (offset: number, into: Uint8Array) => number,
    mayHaveHoles: boolean,
    what = "",
  ): void {
    const extents: { logical: number; physical: number; count: number }[] = [];
    let blocks = 0;
    for (let offset = 0; offset < size;) {
      const length = Math.min(COPY_BYTES, size - offset);
      const padded = Math.ceil(length / BLOCK_SIZE) * BLOCK_SIZE;
      const piece = this.#buffer.subarray(0, padded);
      for (let done = 0; done < length;) {
        const count = read(offset + done, piece.subarray(done, length));
        if (count <= 0) throw new FormatError(`${what}: its content is shorter than its size says`);
        done += count;
      }
      piece.fill(0, length);
      for (let at = 0; at < padded;) {
        let end = at;
        if (mayHaveHoles && isZero(piece.subarray(at, at + BLOCK_SIZE))) {
          at += BLOCK_SIZE;
          continue;
        }
        do end += BLOCK_SIZE;
        while (end < padded && !(mayHaveHoles && isZero(piece.subarray(end, end + BLOCK_SIZE))));
        while (at < end) {
          const run = this.#allocate((end - at) / BLOCK_SIZE);
          this.#out.write(run.physical * BLOCK_SIZE, piece.subarray(at, at + run.count * BLOCK_SIZE));
          appendRun(extents, { logical: (offset + at) / BLOCK_SIZE, ...run }, EXTENT_BLOCKS_MAX);
          blocks += run.count;
          at += run.count * BLOCK_SIZE;
        }
      }
      offset += length;
    }
    inode.size = size;
    inode.flags |= INODE_FLAG.extents;
    inode.blockArea = writeExtents(
      extents,
      BLOCK_SIZE,
      seed,
      () => {
        blocks++;
        return this.#allocate(1).physical;
      },
      (block, bytes) => this.#out.write(block * BLOCK_SIZE, bytes),
    );
    inode.sectorCount = blocks * (BLOCK_SIZE / 512);
  }

  #writeResizeInode(): void {
    const { blockArea, size, blocks } = writeResizeInode(this.#geometry, this.#allocate(1).physical, (block, bytes) =>
      this.#disk.write(block * BLOCK_SIZE, bytes),
    );
    this.#putInode(RESIZE_INODE, {
      mode: 0x8180,
      uid: 0,
      gid: 0,
      size,
      linkCount: 1,
      mtime: this.#options.time,
      flags: 0,
      generation: 0,
      sectorCount: blocks * (BLOCK_SIZE / 512),
      attributeBlock: 0,
      blockArea,
      attributes: new Uint8Array(0),
    });
  }

  /**
   * Blocks of nothing but the journal's own superblock (Linux Documentation/filesystems/ext4/journal.rst); all numbers
   * are big-endian there.
   */
  #writeJournal(): void {
    const count = journalBlocks(this.#geometry.blockCount);
    if (count === 0) return;
    const extents: Extent[] = [];
    let done = 0;
    while (done < count) {
      const run = this.#allocate(count - done);
      appendRun(extents, { logical: done, ...run }, EXTENT_BLOCKS_MAX);
      if (!this.#options.isZeroed) this.#clear(run.physical, run.count);
      done += run.count;
    }
    const superblock = new Uint8Array(BLOCK_SIZE);
    const view = viewOf(superblock);
    view.setUint32(0, 0xc03b3998);
    view.setUint32(4, 4);
    view.setUint32(12, BLOCK_SIZE);
    view.setUint32(16, count);
    view.setUint32(20, 1);
    view.setUint32(24, 1);
    superblock.set(this.#uuid, 48);
    view.setUint32(64, 1);
    this.#out.write(extents[0]!.physical * BLOCK_SIZE, superblock);
    let tree = 0;
    const area = writeExtents(
      extents,
      BLOCK_SIZE,
      inodeSeed(this.#seed, JOURNAL_INODE, 0),
      () => {
        tree++;
        return this.#allocate(1).physical;
      },
      (block, bytes) => this.#out.write(block * BLOCK_SIZE, bytes),
    );
    this.#putInode(JOURNAL_INODE, {
      mode: 0x8180,
      uid: 0,
      gid: 0,
      size: count * BLOCK_SIZE,
      linkCount: 1,
      mtime: this.#options.time,
      flags: INODE_FLAG.extents,
      generation: 0,
      sectorCount: (count + tree) * (BLOCK_SIZE / 512),
      attributeBlock: 0,
      blockArea: area,
      attributes: new Uint8Array(0),
    });
    this.#journalBlocks = count;
    this.#journalArea = area;
  }

  #putInode(ino: number, inode: Inode): void {
    const bytes = this.#inodes.subarray((ino - 1) * INODE_SIZE, ino * INODE_SIZE);
    encodeInode(inode, bytes);
    sealInode(bytes, this.#seed, ino);
  }

  /** At most `count` blocks side by side. */
  #allocate(count: number): { physical: number; count: number } {
    const geometry = this.#geometry;
    while (this.#cursor >= geometry.groupEnd(this.#group)) {
      if (++this.#group >= geometry.groupCount)
        throw new FormatError(`the tree does not fit in a file system of ${geometry.blockCount * BLOCK_SIZE} bytes`);
      this.#cursor = geometry.groupStart(this.#group) + geometry.overhead(this.#group);
    }
    const taken = Math.min(count, EXTENT_BLOCKS_MAX, geometry.groupEnd(this.#group) - this.#cursor);
    const physical = this.#cursor;
    this.#cursor += taken;
    return { physical, count: taken };
  }

  #clearTables(): void {
    for (let group = 0; group < this.#geometry.groupCount; group++)
      this.#clear(this.#geometry.groupStart(group), this.#geometry.overhead(group));
  }

  #clear(block: number, count: number): void {
    const zeros = new Uint8Array(COPY_BYTES);
    for (let at = 0; at < count * BLOCK_SIZE; at += COPY_BYTES)
      this.#disk.write(block * BLOCK_SIZE + at, zeros.subarray(0, Math.min(COPY_BYTES, count * BLOCK_SIZE - at)));
  }

  /** Bitmaps, inode tables, descriptors, superblocks: all that depends on what was handed out. */
  #writeTables(): void {
    const geometry = this.#geometry,
      { inodesPerGroup } = geometry;
    const descriptors = new Uint8Array(geometry.descriptorBlocks * BLOCK_SIZE);
    let freeBlocks = 0;
    for (let group = 0; group < geometry.groupCount; group++) {
      const start = geometry.groupStart(group),
        length = geometry.groupEnd(group) - start;
      const used =
        group < this.#group ? length : group === this.#group ? this.#cursor - start : geometry.overhead(group);
      const usedInodes = Math.min(inodesPerGroup, Math.max(0, this.#lastInode - group * inodesPerGroup));
      freeBlocks += length - used;
      const bitmapAt = geometry.bitmapBlock(group);
      // What was never used needs no bitmap: it follows from the geometry. The last group's does not, as it may be cut.
      const hasBlockBitmap = used > geometry.overhead(group) || group === geometry.groupCount - 1;
      const blockBitmap = hasBlockBitmap ? bitmap(used, length) : null,
        inodeBitmap = usedInodes > 0 ? bitmap(usedInodes, inodesPerGroup) : null;
      if (blockBitmap !== null) this.#disk.write(bitmapAt * BLOCK_SIZE, blockBitmap);
      if (inodeBitmap !== null) {
        this.#disk.write((bitmapAt + 1) * BLOCK_SIZE, inodeBitmap);
        this.#disk.write(
          (bitmapAt + 2) * BLOCK_SIZE,
          this.#inodes.subarray(
            group * inodesPerGroup * INODE_SIZE,
            (group * inodesPerGroup + usedInodes) * INODE_SIZE,
          ),
        );
      }
      const descriptor = descriptors.subarray(group * DESCRIPTOR_SIZE, (group + 1) * DESCRIPTOR_SIZE);
      const view = viewOf(descriptor);
      const place = (low: number, high: number, block: number): void => {
        view.setUint32(low, block % 2 ** 32, true);
        view.setUint32(high, Math.floor(block / 2 ** 32), true);
      };
      const count = (low: number, high: number, value: number): void => {
        view.setUint16(low, value & 0xffff, true);
        view.setUint16(high, value >>> 16, true);
      };
      place(0, 0x20, bitmapAt);
      place(4, 0x24, bitmapAt + 1);
      place(8, 0x28, bitmapAt + 2);
      count(0x0c, 0x2c, length - used);
      count(0x0e, 0x2e, inodesPerGroup - usedInodes);
      count(0x10, 0x30, this.#directoriesInGroup[group]!);
      view.setUint16(
        0x12,
        GROUP_FLAG.inodesZeroed |
          (hasBlockBitmap ? 0 : GROUP_FLAG.noBlockBitmap) |
          (usedInodes > 0 ? 0 : GROUP_FLAG.noInodeBitmap),
        true,
      );
      if (blockBitmap !== null) count(0x18, 0x38, checksum(this.#seed, blockBitmap));
      if (inodeBitmap !== null) count(0x1a, 0x3a, checksum(this.#seed, inodeBitmap, 0, inodesPerGroup / 8));
      count(0x1c, 0x32, inodesPerGroup - usedInodes);
      sealDescriptor(descriptor, group, this.#seed);
    }
    for (let group = 0; group < geometry.groupCount; group++) {
      if (!hasBackup(group)) continue;
      const start = geometry.groupStart(group) * BLOCK_SIZE;
      this.#disk.write(start + BLOCK_SIZE, descriptors);
      this.#disk.write(start + (group === 0 ? SUPERBLOCK_OFFSET : 0), this.#superblock(group, freeBlocks));
    }
  }

  #superblock(group: number, freeBlocks: number): Uint8Array {
    const { blockCount, inodeCount, inodesPerGroup, reservedDescriptorBlocks } = this.#geometry,
      { time } = this.#options;
    const raw = new Uint8Array(SUPERBLOCK_SIZE);
    const view = viewOf(raw);
    const u32 = (at: number, value: number): void => view.setUint32(at, value, true);
    const u16 = (at: number, value: number): void => view.setUint16(at, value, true);
    u32(0x00, inodeCount);
    const wide = (low: number, high: number, value: number): void => {
      u32(low, value % 2 ** 32);
      u32(high, Math.floor(value / 2 ** 32));
    };
    wide(0x04, 0x150, blockCount);
    wide(0x08, 0x154, Math.floor((blockCount * (this.#options.reservedPercent ?? 5)) / 100));
    wide(0x0c, 0x158, freeBlocks);
    u32(0x10, inodeCount - this.#lastInode);
    u32(0x18, 2);
    u32(0x1c, 2);
    u32(0x20, 8 * BLOCK_SIZE);
    u32(0x24, 8 * BLOCK_SIZE);
    u32(0x28, inodesPerGroup);
    u32(0x30, time);
    u16(0x36, 0xffff);
    u16(0x38, EXT4_MAGIC);
    u16(0x3a, 1);
    u16(0x3c, 1);
    u32(0x40, time);
    u32(0x4c, 1);
    u32(0x54, FIRST_INODE);
    u16(0x58, INODE_SIZE);
    u16(0x5a, group);
    u32(
      0x5c,
      COMPAT.extAttr |
        COMPAT.dirIndex |
        (reservedDescriptorBlocks > 0 ? COMPAT.resizeInode : 0) |
        (this.#journalBlocks > 0 ? COMPAT.hasJournal : 0),
    );
    u32(0x60, INCOMPAT.filetype | INCOMPAT.extents | INCOMPAT.bit64);
    u32(
      0x64,
      RO_COMPAT.sparseSuper |
        RO_COMPAT.largeFile |
        RO_COMPAT.hugeFile |
        RO_COMPAT.dirNlink |
        RO_COMPAT.extraIsize |
        RO_COMPAT.metadataCsum,
    );
    raw.set(this.#uuid, 0x68);
    const label = byteStringOf(this.#options.label);
    if (label.length > 16) throw new FormatError(`${this.#options.label}: a label has at most 16 bytes`);
    raw.set(label, 0x78);
    if (this.#journalBlocks > 0) {
      u32(0xe0, JOURNAL_INODE);
      raw[0xfd] = 1;
      raw.set(this.#journalArea, 0x10c);
      u32(0x10c + 64, this.#journalBlocks * BLOCK_SIZE);
    }
    u16(0xce, reservedDescriptorBlocks);
    u16(0xfe, DESCRIPTOR_SIZE);
    // The hash of folders' names begins with the file system's own number: one more thing that chance need not decide.
    raw.set(this.#uuid, 0xec);
    raw[0xfc] = 1;
    u32(0x100, DEFAULT_MOUNT_OPTIONS);
    u32(0x108, time);
    u16(0x15c, EXTRA_SIZE);
    u16(0x15e, EXTRA_SIZE);
    u32(0x160, SIGNED_HASH);
    raw[0x175] = 1;
    sealSuperblock(raw);
    return raw;
  }
}

/** bg_flags: what needs no reading, and what was cleared. */
const GROUP_FLAG = { noInodeBitmap: 0x1, noBlockBitmap: 0x2, inodesZeroed: 0x4 } as const;
/** xattr and acl, mke2fs' default. */
const DEFAULT_MOUNT_OPTIONS = 0xc;
const SIGNED_HASH = 0x1;

/** A block of bits of which the first `used` are set, and those behind `length`, which stand for nothing. */
function bitmap(used: number, length: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE);
  bytes.fill(0xff, 0, used >> 3);
  if (used % 8 !== 0) bytes[used >> 3] = (1 << (used % 8)) - 1;
  for (let bit = length; bit < BLOCK_SIZE * 8;) {
    if (bit % 8 === 0) {
      bytes.fill(0xff, bit >> 3);
      break;
    }
    bytes[bit >> 3]! |= 1 << (bit % 8);
    bit++;
  }
  return bytes;
}

function withEmptyBlocks(first: Uint8Array, seed: number): Uint8Array {
  const whole = new Uint8Array(LOST_FOUND_BLOCKS * BLOCK_SIZE);
  whole.set(first);
  for (let index = 1; index < LOST_FOUND_BLOCKS; index++)
    whole.set(emptyDirectoryBlock(BLOCK_SIZE, seed), index * BLOCK_SIZE);
  return whole;
}
