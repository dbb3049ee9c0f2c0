import {
  BLKALIGNOFF,
  BLKBSZGET,
  BLKBSZSET,
  BLKDISCARD,
  BLKDISCARDZEROES,
  BLKFLSBUF,
  BLKFRAGET,
  BLKFRASET,
  BLKGETDISKSEQ,
  BLKGETSIZE,
  BLKGETSIZE64,
  BLKIOMIN,
  BLKIOOPT,
  BLKPBSZGET,
  BLKPG,
  BLKPG_ADD_PARTITION,
  BLKPG_DEL_PARTITION,
  BLKPG_RESIZE_PARTITION,
  BLKRAGET,
  BLKRASET,
  BLKROGET,
  BLKROSET,
  BLKROTATIONAL,
  BLKRRPART,
  BLKSECTGET,
  BLKSSZGET,
  BLKZEROOUT,
  BlkpgIoctlArg,
  BlkpgPartition,
  CAP_SYS_ADMIN,
  EACCES,
  EBADF,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOTTY,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  PAGE_SIZE,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import { isCapable } from "../security/credentials.ts";
import { putPages } from "../vfs/regular-file.ts";
import { markInodeDirty, syncInode } from "../vfs/write-back.ts";
import type { BlockFile } from "./block-file.ts";
import { PARTITIONS_MAX } from "./disks.ts";
import { type BlockInode, SECTOR_SIZE } from "./block-inode.ts";
import type { BlockCaller } from "./block-kernel.ts";

/** Sectors that one request of the block layer moves (queue/max_sectors_kb: 1280). */
const REQUEST_SECTORS_MAX = 2560;
/**
 * Bytes that BLKZEROOUT writes in one call where holes cannot be made; −EOPNOTSUPP beyond, upon which callers write by
 * themselves.
 */
const ZEROED_MAX = 8 << 20;
const zeroes = new Uint8Array(65536);

/** ioctl(2) of block devices. Source: Linux block/ioctl.c. */
export function blockIoctl(task: BlockCaller, file: BlockFile, command: number, argument: number): number {
  const { device } = file;
  const { kernel, space } = task;
  const isAdministrator = isCapable(task.credentials, CAP_SYS_ADMIN);
  switch (command) {
    case BLKGETSIZE64:
      return space.storeU64(argument, device.size);
    case BLKGETSIZE:
      return space.storeU64(argument, Math.floor(device.size / SECTOR_SIZE));
    case BLKSSZGET:
      return space.storeU32(argument, device.logicalBlockSize);
    case BLKPBSZGET:
    case BLKIOMIN:
      return space.storeU32(argument, device.logicalBlockSize);
    case BLKBSZGET:
      return space.storeU32(argument, PAGE_SIZE);
    case BLKBSZSET: {
      if (!isAdministrator) return -EACCES;
      const size = space.loadU32(argument);
      if (size < 0) return -EFAULT;
      return size < device.logicalBlockSize || size > PAGE_SIZE || (size & (size - 1)) !== 0 ? -EINVAL : 0;
    }
    case BLKIOOPT:
    case BLKALIGNOFF:
    case BLKDISCARDZEROES:
      return space.storeU32(argument, 0);
    case BLKRAGET:
    case BLKFRAGET:
      return space.storeU64(argument, device.readAheadSectors);
    case BLKRASET:
    case BLKFRASET:
      if (!isAdministrator) return -EACCES;
      device.readAheadSectors = argument >>> 0;
      return 0;
    case BLKSECTGET:
      return storeU16(task, argument, REQUEST_SECTORS_MAX);
    case BLKROTATIONAL:
      return storeU16(task, argument, 0);
    case BLKGETDISKSEQ:
      return space.storeU64(argument, device.diskSequence);
    case BLKROGET:
      return space.storeU32(argument, device.isReadOnly ? 1 : 0);
    case BLKROSET: {
      if (!isAdministrator) return -EACCES;
      const value = space.loadU32(argument);
      if (value < 0) return -EFAULT;
      device.isReadOnly = value !== 0;
      return 0;
    }
    case BLKFLSBUF: {
      if (!isAdministrator) return -EACCES;
      const failed = syncInode(kernel, device, false);
      if (failed >= 0 && !device.pages.hasDirty) device.pages.truncate(0);
      return failed;
    }
    case BLKRRPART:
      if (!isAdministrator) return -EACCES;
      return device.disk !== device ? -EINVAL : kernel.disks.rereadPartitions(device);
    case BLKPG:
      if (!isAdministrator) return -EACCES;
      return changePartition(task, device, argument);
    case BLKDISCARD:
    case BLKZEROOUT: {
      if (!file.isWritable) return -EBADF;
      const start = space.loadU64(argument);
      // offset: the second of two words
      const length = space.loadU64(argument + 8);
      if (start === -EFAULT || length === -EFAULT) return -EFAULT;
      const mask = device.logicalBlockSize - 1;
      if (start < 0 || length < 0 || (start & mask) !== 0 || (length & mask) !== 0 || start + length > device.size) {
        return -EINVAL;
      }
      if (device.isReadOnly) return -EPERM;
      return command === BLKDISCARD ? device.discard(start, length) : zeroOut(task, file, start, length);
    }
    default: {
      const opening = { device, isWritable: file.isWritable, isExclusive: device.holder === file, task };
      return device.driver.ioctl(opening, command, argument) ?? -ENOTTY;
    }
  }
}

/** BLKPG. The errors are those of Linux block/ioctl.c. */
function changePartition(task: BlockCaller, disk: BlockInode, argument: number): number {
  const { space, kernel } = task;
  const operation = space.loadU32(argument + BlkpgIoctlArg.offset.op),
    data = space.loadU64(argument + BlkpgIoctlArg.offset.data);
  if (operation < 0 || data < 0) return -EFAULT;
  const start = space.loadU64(data + BlkpgPartition.offset.start),
    length = space.loadU64(data + BlkpgPartition.offset.length),
    number = space.loadU32(data + BlkpgPartition.offset.pno);
  if (start === -EFAULT || length === -EFAULT || number === -EFAULT) return -EFAULT;
  if (disk.disk !== disk || number < 1 || number > PARTITIONS_MAX) return -EINVAL;
  const part = disk.partitions.get(number);
  if (operation === BLKPG_DEL_PARTITION) {
    if (part === undefined) return -ENXIO;
    return part.openings > 0 ? -EBUSY : kernel.disks.removePartition(part);
  }
  if (operation !== BLKPG_ADD_PARTITION && operation !== BLKPG_RESIZE_PARTITION) return -EINVAL;
  const mask = disk.logicalBlockSize - 1;
  if (start < 0 || length <= 0 || (start & mask) !== 0 || (length & mask) !== 0 || start + length > disk.size) {
    return -EINVAL;
  }
  for (const other of disk.partitions.values()) {
    if (other !== part && start < other.start + other.size && other.start < start + length) return -EBUSY;
  }
  if (operation === BLKPG_ADD_PARTITION) {
    return part !== undefined ? -EBUSY : kernel.disks.addPartition(disk, number, { start, size: length });
  }
  if (part === undefined) return -ENXIO;
  if (start !== part.start) return -EINVAL;
  const failed = part.pages.truncate(length);
  if (failed < 0) return failed;
  part.size = length;
  return 0;
}

function storeU16(task: BlockCaller, address: number, value: number): number {
  return task.space.copyOut(address, Uint8Array.of(value & 0xff, value >>> 8), 0, 2);
}

/** Discarded bytes of a loop device read as zeroes, and cost nothing; else they are written. */
function zeroOut(task: BlockCaller, { device }: BlockFile, start: number, length: number): number {
  if (device.discard(start, length) >= 0) return 0;
  if (length > ZEROED_MAX) return -EOPNOTSUPP;
  for (let done = 0; done < length; done += zeroes.length) {
    const part = Math.min(zeroes.length, length - done);
    const put = putPages(task.kernel, device, new BytesCursor(zeroes.subarray(0, part)), start + done, part);
    if (put < part) return put < 0 ? put : -EBUSY;
  }
  markInodeDirty(task.kernel, device);
  return syncInode(task.kernel, device, true);
}
