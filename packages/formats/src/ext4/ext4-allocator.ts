/**
 * Blocks and inodes of a file system that is there: bitmaps are loaded when they are needed, and written with their
 * checksums at `flush`.
 */
import { readBytes, viewOf, writeU64 } from "../disk/disk.ts";
import { FormatError, FullError } from "../format-error.ts";
import type { Extent } from "./ext4-extents.ts";
import type { Ext4Reader } from "./ext4-reader.ts";
import {
  checksum,
  COMPAT,
  descriptorPlaces,
  FIRST_INODE,
  hasBackup,
  RO_COMPAT,
  sealDescriptor,
  sealDescriptor16,
  sealSuperblock,
  SUPERBLOCK_OFFSET,
} from "./ext4-superblock.ts";

/** As many as an extent has. */
const RUN_MAX = 32768;
/** Whose descriptors are in memory: 16 TiB in groups of 128 MiB. */
const GROUPS_MAX = 1 << 17;
const FLAG = { inodeUninit: 1, blockUninit: 2 } as const;

interface Group {
  readonly descriptor: Uint8Array;
  blocks: Uint8Array | undefined;
  inodes: Uint8Array | undefined;
}

export class Ext4Allocator {
  readonly #reader: Ext4Reader;
  readonly #groups: Group[] = [];
  readonly #dirty = new Set<number>();
  #freeBlocksChange = 0;
  #freeInodesChange = 0;
  /** By the groups' counts. */
  freeBlocks = 0;
  freeInodes = 0;

  constructor(reader: Ext4Reader) {
    this.#reader = reader;
    const { groupCount, descriptorSize } = reader.superblock;
    if (groupCount > GROUPS_MAX) throw new FormatError("the file system has too many groups of blocks");
    for (let group = 0; group < groupCount; group++) {
      this.#groups.push({
        descriptor: readBytes(reader.disk, reader.descriptorOffset(group), descriptorSize),
        blocks: undefined,
        inodes: undefined,
      });
      this.freeBlocks += this.#freeBlocks(group);
      this.freeInodes += this.#count(this.#groups[group]!, 0x0e, 0x2e);
    }
  }

  /**
   * `count` blocks in as few runs as the first free places give.
   *
   * @param goal  the block from which on free ones are looked for; after the last group comes the first
   * @throws FullError when there are not enough; nothing is taken then
   */
  allocate(count: number, goal = 0): Extent[] {
    const { firstDataBlock, blocksPerGroup, blockCount } = this.#reader.superblock;
    const runs: Extent[] = [];
    if (count > this.freeBlocks) throw new FullError("the file system is full");
    const groups = this.#groups.length;
    const from = goal <= firstDataBlock || goal >= blockCount ? 0 : goal - firstDataBlock;
    const firstGroup = Math.floor(from / blocksPerGroup);
    let found = 0;
    // The group of the goal is looked through from there, and once more from its start when no other had room.
    for (let step = 0; step <= groups && found < count; step++) {
      const group = (firstGroup + step) % groups;
      if (this.#freeBlocks(group) === 0) continue;
      const bitmap = this.#blockBitmap(group),
        length = step === groups ? from % blocksPerGroup : this.#groupLength(group),
        start = firstDataBlock + group * blocksPerGroup;
      for (let bit = step === 0 ? from % blocksPerGroup : 0; bit < length && found < count;) {
        if ((bit & 7) === 0 && bitmap[bit >> 3] === 0xff) {
          bit += 8;
          continue;
        }
        if ((bitmap[bit >> 3]! & (1 << (bit & 7))) !== 0) {
          bit++;
          continue;
        }
        let end = bit;
        while (
          end < length &&
          found + end - bit < count &&
          end - bit < RUN_MAX &&
          (bitmap[end >> 3]! & (1 << (end & 7))) === 0
        )
          end++;
        runs.push({ logical: found, physical: start + bit, count: end - bit });
        found += end - bit;
        bit = end;
      }
    }
    if (found < count) throw new FormatError("counts of free blocks are damaged");
    for (const { physical, count: length } of runs) this.#mark(physical, length, true);
    return runs;
  }

  free(block: number, count: number): void {
    this.#mark(block, count, false);
  }

  /**
   * @param directory  counted as one by its group. @param near  an inode in whose group it is looked for first
   * @throws FullError
   */
  allocateInode(directory: boolean, near = 1): number {
    const { inodesPerGroup } = this.#reader.superblock;
    const firstGroup = Math.floor((near - 1) / inodesPerGroup);
    for (let step = 0; step < this.#groups.length; step++) {
      const group = (firstGroup + step) % this.#groups.length;
      const own = this.#groups[group]!;
      const free = this.#count(own, 0x0e, 0x2e);
      if (free === 0) continue;
      const bitmap = this.#inodeBitmap(group);
      for (let bit = group === 0 ? FIRST_INODE - 1 : 0; bit < inodesPerGroup; bit++) {
        if ((bitmap[bit >> 3]! & (1 << (bit & 7))) !== 0) continue;
        bitmap[bit >> 3]! |= 1 << (bit & 7);
        this.#setCount(group, 0x0e, 0x2e, free - 1);
        if (directory) this.#setCount(group, 0x10, 0x30, this.#count(own, 0x10, 0x30) + 1);
        // The last inodes of a table that were never used are told by their number.
        const unused = this.#count(own, 0x1c, 0x32);
        this.#setCount(group, 0x1c, 0x32, Math.min(unused, inodesPerGroup - bit - 1));
        this.#freeInodesChange--;
        this.freeInodes--;
        return group * inodesPerGroup + bit + 1;
      }
    }
    throw new FullError("the file system has no inode left");
  }

  freeInode(ino: number, directory: boolean): void {
    const { inodesPerGroup } = this.#reader.superblock;
    const group = Math.floor((ino - 1) / inodesPerGroup),
      bit = (ino - 1) % inodesPerGroup;
    const own = this.#groups[group]!;
    this.#inodeBitmap(group)[bit >> 3]! &= ~(1 << (bit & 7));
    this.#setCount(group, 0x0e, 0x2e, this.#count(own, 0x0e, 0x2e) + 1);
    if (directory) this.#setCount(group, 0x10, 0x30, this.#count(own, 0x10, 0x30) - 1);
    this.#freeInodesChange++;
    this.freeInodes++;
  }

  flush(): void {
    const { disk, superblock, hasChecksums } = this.#reader;
    const { checksumSeed, inodesPerGroup, blockSize } = superblock;
    if (this.#dirty.size === 0) return;
    for (const index of this.#dirty) {
      const group = this.#groups[index]!;
      const places = descriptorPlaces(group.descriptor),
        view = viewOf(group.descriptor);
      const put = (bitmap: Uint8Array | undefined, block: number, length: number, low: number, high: number): void => {
        if (bitmap === undefined) return;
        disk.write(block * blockSize, bitmap);
        if (!hasChecksums) return;
        const sum = checksum(checksumSeed, bitmap, 0, length);
        view.setUint16(low, sum & 0xffff, true);
        if (group.descriptor.length >= 64) view.setUint16(high, sum >>> 16, true);
      };
      put(group.blocks, places.blockBitmap, superblock.blocksPerGroup / 8, 0x18, 0x38);
      put(group.inodes, places.inodeBitmap, inodesPerGroup / 8, 0x1a, 0x3a);
      if (hasChecksums) sealDescriptor(group.descriptor, index, checksumSeed);
      else if ((superblock.roCompat & RO_COMPAT.gdtCsum) !== 0)
        sealDescriptor16(group.descriptor, index, superblock.uuid);
      disk.write(this.#reader.descriptorOffset(index), group.descriptor);
    }
    this.#dirty.clear();
    const { raw } = superblock;
    const view = viewOf(raw);
    const freeBlocks = view.getUint32(0x0c, true) + view.getUint32(0x158, true) * 2 ** 32 + this.#freeBlocksChange;
    const both = new DataView(new ArrayBuffer(8));
    writeU64(both, 0, freeBlocks);
    view.setUint32(0x0c, both.getUint32(0, true), true);
    if (superblock.descriptorSize >= 64) view.setUint32(0x158, both.getUint32(4, true), true);
    view.setUint32(0x10, view.getUint32(0x10, true) + this.#freeInodesChange, true);
    if (hasChecksums) sealSuperblock(raw);
    disk.write(SUPERBLOCK_OFFSET, raw);
    this.#freeBlocksChange = this.#freeInodesChange = 0;
  }

  #mark(block: number, count: number, isUsed: boolean): void {
    const { firstDataBlock, blocksPerGroup, blockCount } = this.#reader.superblock;
    if (block < firstDataBlock || block + count > blockCount)
      throw new FormatError("blocks lie beyond the end of their file system");
    for (let at = block; at < block + count;) {
      const group = Math.floor((at - firstDataBlock) / blocksPerGroup);
      const first = (at - firstDataBlock) % blocksPerGroup,
        end = Math.min(blocksPerGroup, first + block + count - at);
      const bitmap = this.#blockBitmap(group);
      const whole = isUsed ? 0 : 0xff;
      for (let bit = first; bit < end;) {
        if ((bit & 7) === 0 && end - bit >= 8 && bitmap[bit >> 3] === whole) {
          bitmap[bit >> 3] = ~whole & 0xff;
          bit += 8;
          continue;
        }
        const mask = 1 << (bit & 7);
        if (((bitmap[bit >> 3]! & mask) !== 0) === isUsed) throw new FormatError("a block bitmap is damaged");
        bitmap[bit >> 3]! ^= mask;
        bit++;
      }
      const change = isUsed ? first - end : end - first;
      this.#setCount(group, 0x0c, 0x2c, this.#freeBlocks(group) + change);
      this.#freeBlocksChange += change;
      this.freeBlocks += change;
      at += end - first;
    }
  }

  #freeBlocks(group: number): number {
    return this.#count(this.#groups[group]!, 0x0c, 0x2c);
  }

  #count(group: Group, low: number, high: number): number {
    const view = viewOf(group.descriptor);
    return view.getUint16(low, true) + (group.descriptor.length >= 64 ? view.getUint16(high, true) * 65536 : 0);
  }

  #setCount(group: number, low: number, high: number, value: number): void {
    const { descriptor } = this.#groups[group]!;
    const view = viewOf(descriptor);
    view.setUint16(low, value & 0xffff, true);
    if (descriptor.length >= 64) view.setUint16(high, value >>> 16, true);
    this.#dirty.add(group);
  }

  #groupLength(group: number): number {
    const { firstDataBlock, blocksPerGroup, blockCount } = this.#reader.superblock;
    return Math.min(blocksPerGroup, blockCount - firstDataBlock - group * blocksPerGroup);
  }

  #blockBitmap(group: number): Uint8Array {
    const own = this.#groups[group]!;
    if (own.blocks !== undefined) return own.blocks;
    const { blockSize } = this.#reader.superblock;
    if (!this.#takeFlag(group, FLAG.blockUninit))
      return (own.blocks = readBytes(
        this.#reader.disk,
        descriptorPlaces(own.descriptor).blockBitmap * blockSize,
        blockSize,
      ));
    return (own.blocks = this.#freshBlockBitmap(group));
  }

  /**
   * A bitmap that was never written: only the file system's own structures lie in the group, some of them other groups'
   * (flex_bg).
   */
  #freshBlockBitmap(group: number): Uint8Array {
    const { superblock } = this.#reader;
    const { firstDataBlock, blocksPerGroup, blockSize, descriptorSize, groupCount, inodesPerGroup, inodeSize, compat } =
      superblock;
    const bitmap = new Uint8Array(blockSize),
      start = firstDataBlock + group * blocksPerGroup,
      length = this.#groupLength(group);
    const set = (block: number, count: number): void => {
      for (let bit = Math.max(0, block - start); bit < Math.min(length, block + count - start); bit++)
        bitmap[bit >> 3]! |= 1 << (bit & 7);
    };
    if (hasBackup(group)) {
      const reserved = (compat & COMPAT.resizeInode) !== 0 ? viewOf(superblock.raw).getUint16(0xce, true) : 0;
      set(start, 1 + Math.ceil((groupCount * descriptorSize) / blockSize) + reserved);
    }
    for (const { descriptor } of this.#groups) {
      const places = descriptorPlaces(descriptor);
      set(places.blockBitmap, 1);
      set(places.inodeBitmap, 1);
      set(places.inodeTable, Math.ceil((inodesPerGroup * inodeSize) / blockSize));
    }
    for (let bit = length; bit < blockSize * 8; bit++) bitmap[bit >> 3]! |= 1 << (bit & 7);
    return bitmap;
  }

  #inodeBitmap(group: number): Uint8Array {
    const own = this.#groups[group]!;
    this.#dirty.add(group);
    if (own.inodes !== undefined) return own.inodes;
    const { blockSize, inodesPerGroup } = this.#reader.superblock;
    if (!this.#takeFlag(group, FLAG.inodeUninit))
      return (own.inodes = readBytes(
        this.#reader.disk,
        descriptorPlaces(own.descriptor).inodeBitmap * blockSize,
        blockSize,
      ));
    const bitmap = new Uint8Array(blockSize).fill(0xff, inodesPerGroup / 8);
    return (own.inodes = bitmap);
  }

  /** Clears a flag. @returns whether it was set */
  #takeFlag(group: number, flag: number): boolean {
    const view = viewOf(this.#groups[group]!.descriptor),
      flags = view.getUint16(0x12, true);
    if ((flags & flag) === 0) return false;
    view.setUint16(0x12, flags & ~flag, true);
    this.#dirty.add(group);
    return true;
  }
}
