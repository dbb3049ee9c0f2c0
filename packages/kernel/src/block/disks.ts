import { BLOCK_EXT_MAJOR, EBUSY, ENOSPC, S_IFBLK } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type DiskPart, FormatError, readLayout } from "@stratos/formats/partitions";
import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { mountSource } from "./mount-source.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { syncInode, writeBackInode } from "../vfs/write-back.ts";
import type { MountDevices } from "../vfs/mount-device.ts";
import { BlockFileSystem, BlockInode } from "./block-inode.ts";
import type { BlockCaller, BlockKernel } from "./block-kernel.ts";
import { closeDevice, openDevice } from "./device-users.ts";
import type { LoopDevices } from "./loop/loop-devices.ts";

export const PARTITIONS_MAX = 255;
/** … and on all of them. */
const PARTITIONS_TOTAL = 2048;
/** Group "disk" of Debian, which may use the nodes. */
const DISK_GID = 6;
/** Disks that lie in files of disks that lie in files …, of which all are written back at once. */
const STACKED_MAX = 8;

/** The block devices of a machine. Bound: what the drivers let be made, and PARTITIONS_MAX to a disk. */
export class Disks implements MountDevices {
  #kernel: BlockKernel;
  #fileSystem: BlockFileSystem | null = null;
  /** /dev/loopN. Set by `createKernel`. */
  loops!: LoopDevices;
  /** By name, disks before their partitions. */
  readonly all = new Map<string, BlockInode>();
  #byNumber = new Map<number, BlockInode>();
  #sequence = 0;
  #partitionCount = 0;

  constructor(kernel: BlockKernel) {
    this.#kernel = kernel;
  }

  /** For `MountDevices`, as the next two. */
  mountSource(task: BlockCaller, source: string, readOnly: boolean): BlockInode | number {
    return mountSource(task, source, readOnly);
  }

  open(device: BlockInode, holder: object): void {
    openDevice(device, holder);
  }

  close(device: BlockInode, holder: object): void {
    closeDevice(this.#kernel, device, holder);
  }

  get fileSystem(): BlockFileSystem {
    return (this.#fileSystem ??= new BlockFileSystem(this.#kernel));
  }

  byNumber(device: number): BlockInode | null {
    return this.#byNumber.get(device) ?? null;
  }

  /** The device is there: its node is made, too. */
  add(device: BlockInode): void {
    device.diskSequence = device.partition === 0 ? ++this.#sequence : device.disk.diskSequence;
    this.all.set(device.name, device);
    this.#byNumber.set(device.rdev, device);
    devtmpfsOf(this.#kernel).addNode(device.name, { mode: S_IFBLK | 0o660, gid: DISK_GID, rdev: device.rdev });
  }

  remove(device: BlockInode): void {
    this.removePartitions(device);
    this.all.delete(device.name);
    this.#byNumber.delete(device.rdev);
    this.#kernel.vfs.dirty.delete(device);
    device.pages.dispose();
    devtmpfsOf(this.#kernel).removeNode(device.name);
  }

  /** A new medium is in the drive. */
  mediumChanged(disk: BlockInode): void {
    disk.diskSequence = ++this.#sequence;
  }

  removePartitions(disk: BlockInode): void {
    for (const part of [...disk.partitions.values()]) this.removePartition(part);
  }

  /** BLKRRPART: 0; −EBUSY when a partition is in use. A table that is damaged is no table. */
  rereadPartitions(disk: BlockInode): number {
    for (const part of disk.partitions.values()) if (part.openings > 0) return -EBUSY;
    const failed = syncInode(this.#kernel, disk, false);
    if (failed < 0) return failed;
    this.removePartitions(disk);
    let made = 0;
    for (const part of partsOf(disk)) {
      if (part.number > 0 && made++ < PARTITIONS_MAX) this.addPartition(disk, part.number, part);
    }
    return 0;
  }

  /** @returns 0, −ENOSPC */
  addPartition(disk: BlockInode, number: number, { start, size }: { start: number; size: number }): number {
    if (this.#partitionCount >= PARTITIONS_TOTAL) return -ENOSPC;
    this.#partitionCount++;
    const minor = this.#allocateMinor();
    const separator = /\d$/.test(disk.name) ? "p" : "";
    const name = `${disk.name}${separator}${number}`;
    const place = { disk, partition: number, start };
    const part = new BlockInode(this.#kernel, name, { major: BLOCK_EXT_MAJOR, minor }, disk.driver, place);
    part.size = size;
    part.isReadOnly = disk.isReadOnly;
    part.logicalBlockSize = disk.logicalBlockSize;
    disk.partitions.set(number, part);
    this.add(part);
    return 0;
  }

  removePartition(part: BlockInode): 0 {
    part.disk.partitions.delete(part.partition);
    this.#partitionCount--;
    this.remove(part);
    return 0;
  }

  #allocateMinor(): number {
    let minor = 0;
    while (this.#byNumber.has(makeDevice(BLOCK_EXT_MAJOR, minor))) minor++;
    return minor;
  }

  /**
   * Hands what is written to disks to their drivers: a disk may lie in a file of another. Bound: so many disks deep.
   */
  writeBack(): void {
    const { dirty } = this.#kernel.vfs;
    for (let depth = 0; depth < STACKED_MAX; depth++) {
      const waiting = [...dirty].filter((inode) => inode instanceof BlockInode && inode.pages.hasDirty);
      if (waiting.length === 0) return;
      for (const inode of waiting) if (writeBackInode(this.#kernel, inode) < 0) return;
    }
  }

  static {
    stateClass("Disks", this, {
      save: (it) => ({
        kernel: it.#kernel,
        fileSystem: it.#fileSystem,
        byNumber: it.#byNumber,
        sequence: it.#sequence,
        partitionCount: it.#partitionCount,
      }),
      load: (it, from) =>
        ({
          kernel: it.#kernel,
          fileSystem: it.#fileSystem,
          byNumber: it.#byNumber,
          sequence: it.#sequence,
          partitionCount: it.#partitionCount,
        } = from),
    });
  }
}

/** The partitions of a disk; none when it has no table, or one that cannot be read. */
function partsOf(disk: BlockInode): readonly DiskPart[] {
  const unread = new FormatError("it cannot be read");
  try {
    return readLayout({
      size: disk.size,
      read: (offset, into) => {
        if (disk.readThrough(offset, into, 0, into.length) < 0) throw unread;
      },
      write: () => {
        throw unread;
      },
      resize: () => {
        throw unread;
      },
    }).parts;
  } catch (thrown) {
    if (!(thrown instanceof FormatError)) throw thrown;
    return [];
  }
}
