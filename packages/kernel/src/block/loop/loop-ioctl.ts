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
  LO_NAME_SIZE,
  LoopConfig,
  LoopInfo,
  LoopInfo64,
} from "@stratos/abi";
import { getU64, put64 } from "../../ground/words.ts";
import { isCapable } from "../../security/credentials.ts";
import { inodeOfFile } from "../../vfs/anonymous-file.ts";
import type { DiskOpening } from "../block-inode.ts";
import type { LoopDevice } from "./loop-device.ts";
import { type LoopStatus, noStatus } from "./loop-status.ts";
import type { BlockCaller } from "../block-kernel.ts";

/** The old structure has 32 bits for each. */
const WORD_MAX = 0x7fffffff;

const bytes = new Uint8Array(LoopConfig.size);
const view = new DataView(bytes.buffer);

/** Requests of a loop device; null: not one of them. */
export function loopIoctl(loop: LoopDevice, opening: DiskOpening, command: number, argument: number): number | null {
  const { task } = opening;
  const mayChange = opening.isWritable || isCapable(task.credentials, CAP_SYS_ADMIN);
  switch (command) {
    case LOOP_SET_FD:
      return loop.bind(opening, argument | 0, 0, noStatus());
    case LOOP_CONFIGURE:
      if (task.space.copyIn(argument, bytes, 0, LoopConfig.size) < 0) return -EFAULT;
      return loop.bind(
        opening,
        view.getInt32(LoopConfig.offset.fd, true),
        view.getUint32(LoopConfig.offset.block_size, true),
        status64At(LoopConfig.offset.info),
      );
    case LOOP_CHANGE_FD:
      return loop.change(task, argument | 0);
    case LOOP_CLR_FD:
      return loop.clear();
    case LOOP_SET_STATUS:
      if (!mayChange) return -EPERM;
      return task.space.copyIn(argument, bytes, 0, LoopInfo.size) < 0 ? -EFAULT : loop.setStatus(statusAt());
    case LOOP_SET_STATUS64:
      if (!mayChange) return -EPERM;
      return task.space.copyIn(argument, bytes, 0, LoopInfo64.size) < 0 ? -EFAULT : loop.setStatus(status64At(0));
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
  const end = bytes.subarray(at, at + LO_NAME_SIZE - 1).indexOf(0);
  return bytes.slice(at, at + (end < 0 ? LO_NAME_SIZE - 1 : end));
}

function statusAt(): LoopStatus {
  return {
    offset: view.getInt32(LoopInfo.offset.lo_offset, true),
    sizeLimit: 0,
    flags: view.getUint32(LoopInfo.offset.lo_flags, true),
    name: nameAt(LoopInfo.offset.lo_name),
    encryption: view.getInt32(LoopInfo.offset.lo_encrypt_type, true),
  };
}

function status64At(at: number): LoopStatus {
  return {
    offset: getU64(view, at + LoopInfo64.offset.lo_offset),
    sizeLimit: getU64(view, at + LoopInfo64.offset.lo_sizelimit),
    flags: view.getUint32(at + LoopInfo64.offset.lo_flags, true),
    name: nameAt(at + LoopInfo64.offset.lo_file_name),
    encryption: view.getUint32(at + LoopInfo64.offset.lo_encrypt_type, true),
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
  bytes.fill(0, 0, LoopInfo.size);
  view.setInt32(LoopInfo.offset.lo_number, loop.number, true);
  view.setUint32(LoopInfo.offset.lo_device, place.device, true);
  put64(view, LoopInfo.offset.lo_inode, place.ino);
  view.setUint32(LoopInfo.offset.lo_rdevice, place.rdev, true);
  view.setInt32(LoopInfo.offset.lo_offset, status.offset, true);
  view.setUint32(LoopInfo.offset.lo_flags, status.flags, true);
  bytes.set(status.name, LoopInfo.offset.lo_name);
  return task.space.copyOut(address, bytes, 0, LoopInfo.size);
}

function storeStatus64(loop: LoopDevice, task: BlockCaller, address: number): number {
  if (loop.state !== "bound") return -ENXIO;
  const { status } = loop;
  const place = places(loop, task);
  bytes.fill(0, 0, LoopInfo64.size);
  put64(view, LoopInfo64.offset.lo_device, place.device);
  put64(view, LoopInfo64.offset.lo_inode, place.ino);
  put64(view, LoopInfo64.offset.lo_rdevice, place.rdev);
  put64(view, LoopInfo64.offset.lo_offset, status.offset);
  put64(view, LoopInfo64.offset.lo_sizelimit, status.sizeLimit);
  view.setUint32(LoopInfo64.offset.lo_number, loop.number, true);
  view.setUint32(LoopInfo64.offset.lo_flags, status.flags, true);
  bytes.set(status.name, LoopInfo64.offset.lo_file_name);
  return task.space.copyOut(address, bytes, 0, LoopInfo64.size);
}
