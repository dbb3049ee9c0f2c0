import { EBUSY } from "@stratos/abi";
import { writeBackInode } from "../vfs/write-back.ts";
import type { BlockInode } from "./block-inode.ts";
import type { BlockKernel } from "./block-kernel.ts";

/** May somebody have the device for itself? A disk and its partitions exclude each other. */
export function mayClaim(device: BlockInode): number {
  if (device.holder !== null || device.disk.holder !== null) return -EBUSY;
  if (device.disk === device) for (const part of device.partitions.values()) if (part.holder !== null) return -EBUSY;
  return 0;
}

/** One more uses the device. @param holder  has it for itself; null: shares it */
export function openDevice(device: BlockInode, holder: object | null): void {
  device.openings++;
  if (device.disk !== device) device.disk.openings++;
  if (holder !== null) device.holder = holder;
}

/** One uses it no more; with the last one, what was written goes to the driver and nothing stays in memory. */
export function closeDevice(kernel: BlockKernel, device: BlockInode, user: object): void {
  if (device.holder === user) device.holder = null;
  if (--device.openings === 0) {
    // To the file behind it, which is as durable as any file (Linux: sync_blockdev).
    if (device.isDirty || device.pages.hasDirty) writeBackInode(kernel, device);
    if (!device.pages.hasDirty) device.pages.truncate(0);
  }
  const { disk } = device;
  if (disk !== device && --disk.openings > 0) return;
  if (disk.openings === 0) disk.driver.lastClosed();
}
