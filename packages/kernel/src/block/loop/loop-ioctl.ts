import {
  CAP_SYS_ADMIN,
  EFAULT,
  ENXIO,
  EOVERFLOW,
  EPERM,
  LOOP_CHANGE_FD,
  LOOP_CLR_FD,
  LOOP_CONFIGURE,
  LOOP_GET_STATUS,
  LOOP_GET_STATUS64,
  LOOP_SET_BLOCK_SIZE,
  LOOP_SET_CAPACITY,
  LOOP_SET_DIRECT_IO,
  LOOP_SET_FD,
  LOOP_SET_STATUS,
  LOOP_SET_STATUS64,
} from "@stratos/abi";
import { isCapable } from "../../security/credentials.ts";
import { inodeOfFile } from "../../vfs/anonymous-file.ts";
import type { DiskOpening } from "../block-inode.ts";
import type { LoopDevice } from "./loop-device.ts";
import { type LoopStatus, noStatus } from "./loop-status.ts";
import type { BlockCaller } from "../block-kernel.ts";

/** The structures of loop(4). Source: Linux include/uapi/linux/loop.h, as riscv64 lays them out. */
const LOOP_INFO_SIZE = 160,
  LOOP_INFO64_SIZE = 232,
  LOOP_CONFIG_SIZE = 304;
const NAME_SIZE = 64;
const INFO = { number: 0, device: 4, inode: 8, rdevice: 16, offset: 20, encryption: 24, flags: 32, name: 36 } as const;
const INFO64 = {
  device: 0,
  inode: 8,
  rdevice: 16,
  offset: 24,
  sizeLimit: 32,
  number: 40,
  encryption: 44,
  flags: 52,
  name: 56,
} as const;
const CONFIG = { fd: 0, blockSize: 4, info: 8 } as const;
/** The old structure has 32 bits for each. */
const WORD_MAX = 0x7fffffff;

const bytes = new Uint8Array(LOOP_CONFIG_SIZE);
const view = new DataView(bytes.buffer);

/** Requests of a loop device; null: not one of them. */
export function loopIoctl(loop: LoopDevice, opening: DiskOpening, command: number, argument: number): number | null {
  const { task } = opening;
  const mayChange = opening.isWritable || isCapable(task.credentials, CAP_SYS_ADMIN);
  switch (command) {
    case LOOP_SET_FD:
      return loop.bind(opening, argument | 0, 0, noStatus());
    case LOOP_CONFIGURE:
      if (task.space.copyIn(argument, bytes, 0, LOOP_CONFIG_SIZE) < 0) return -EFAULT;
      return loop.bind(
        opening,
        view.getInt32(CONFIG.fd, true),
        view.getUint32(CONFIG.blockSize, true),
        status64At(CONFIG.info),
      );
    case LOOP_CHANGE_FD:
      return loop.change(task, argument | 0);
    case LOOP_CLR_FD:
      return loop.clear();
    case LOOP_SET_STATUS:
      if (!mayChange) return -EPERM;
      return task.space.copyIn(argument, bytes, 0, LOOP_INFO_SIZE) < 0 ? -EFAULT : loop.setStatus(statusAt());
    case LOOP_SET_STATUS64:
      if (!mayChange) return -EPERM;
      return task.space.copyIn(argument, bytes, 0, LOOP_INFO64_SIZE) < 0 ? -EFAULT : loop.setStatus(status64At(0));
    case LOOP_GET_STATUS:
      return storeStatus(loop, task, argument);
    case LOOP_GET_STATUS64:
      return storeStatus64(loop, task, argument);
    case LOOP_SET_CAPACITY:
      return mayChange ? loop.updateLength() : -EPERM;
    case LOOP_SET_DIRECT_IO:
      return mayChange ? loop.setDirect(argument !== 0) : -EPERM;
    case LOOP_SET_BLOCK_SIZE:
      return mayChange ? loop.setBlockSize(argument) : -EPERM;
    default:
      return null;
  }
}

/** Up to the end mark. */
function nameAt(at: number): Uint8Array {
  const end = bytes.subarray(at, at + NAME_SIZE - 1).indexOf(0);
  return bytes.slice(at, at + (end < 0 ? NAME_SIZE - 1 : end));
}

function statusAt(): LoopStatus {
  return {
    offset: view.getInt32(INFO.offset, true),
    sizeLimit: 0,
    flags: view.getUint32(INFO.flags, true),
    name: nameAt(INFO.name),
    encryption: view.getInt32(INFO.encryption, true),
  };
}

function status64At(at: number): LoopStatus {
  return {
    offset: Number(view.getBigUint64(at + INFO64.offset, true)),
    sizeLimit: Number(view.getBigUint64(at + INFO64.sizeLimit, true)),
    flags: view.getUint32(at + INFO64.flags, true),
    name: nameAt(at + INFO64.name),
    encryption: view.getUint32(at + INFO64.encryption, true),
  };
}

/** The file behind it: where it lies, and its own number when it is a device. */
function places(loop: LoopDevice, task: BlockCaller): { device: number; ino: number; rdev: number } {
  const inode = inodeOfFile(task.kernel, loop.file!);
  return { device: inode.fileSystem.device, ino: inode.ino, rdev: inode.rdev };
}

function storeStatus(loop: LoopDevice, task: BlockCaller, address: number): number {
  if (loop.state !== "bound") return -ENXIO;
  const { status } = loop;
  const place = places(loop, task);
  if (status.offset > WORD_MAX || place.device > WORD_MAX || place.rdev > WORD_MAX) return -EOVERFLOW;
  bytes.fill(0, 0, LOOP_INFO_SIZE);
  view.setInt32(INFO.number, loop.number, true);
  view.setUint32(INFO.device, place.device, true);
  view.setBigUint64(INFO.inode, BigInt(place.ino), true);
  view.setUint32(INFO.rdevice, place.rdev, true);
  view.setInt32(INFO.offset, status.offset, true);
  view.setUint32(INFO.flags, status.flags, true);
  bytes.set(status.name, INFO.name);
  return task.space.copyOut(address, bytes, 0, LOOP_INFO_SIZE);
}

function storeStatus64(loop: LoopDevice, task: BlockCaller, address: number): number {
  if (loop.state !== "bound") return -ENXIO;
  const { status } = loop;
  const place = places(loop, task);
  bytes.fill(0, 0, LOOP_INFO64_SIZE);
  view.setBigUint64(INFO64.device, BigInt(place.device), true);
  view.setBigUint64(INFO64.inode, BigInt(place.ino), true);
  view.setBigUint64(INFO64.rdevice, BigInt(place.rdev), true);
  view.setBigUint64(INFO64.offset, BigInt(status.offset), true);
  view.setBigUint64(INFO64.sizeLimit, BigInt(status.sizeLimit), true);
  view.setUint32(INFO64.number, loop.number, true);
  view.setUint32(INFO64.flags, status.flags, true);
  bytes.set(status.name, INFO64.name);
  return task.space.copyOut(address, bytes, 0, LOOP_INFO64_SIZE);
}
