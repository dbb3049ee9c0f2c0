import { AT_FDCWD, EACCES, EBUSY, EINVAL, ENOTBLK, ENXIO, MS_NODEV, S_IFBLK, S_IFMT, isErrno } from "@stratos/abi";
import { lookupPath } from "../vfs/path-walk.ts";
import type { BlockInode } from "./block-inode.ts";
import type { BlockCaller } from "./block-kernel.ts";
import { mayClaim } from "./device-users.ts";

/**
 * The device that a mount's source names.
 * @returns −EINVAL (nothing named), −ENOENT …, −ENOTBLK, −EACCES (the node's mount has `nodev`; or a read-only device
 *   is to be written), −ENXIO (no such device), −EBUSY
 */
export function mountSource(task: BlockCaller, source: string, readOnly: boolean): BlockInode | number {
  if (source === "") return -EINVAL;
  const place = lookupPath(task, AT_FDCWD, source, 0);
  if (isErrno(place)) return place;
  const node = place.dentry.inode!;
  if ((node.mode & S_IFMT) !== S_IFBLK) return -ENOTBLK;
  if ((place.mount.flags & MS_NODEV) !== 0) return -EACCES;
  const device = task.kernel.disks.byNumber(node.rdev);
  if (device === null || device.size === 0 || device.driver.mayOpen() < 0) return -ENXIO;
  if (device.mounted !== null) return device.mounted.readOnly === readOnly ? device : -EBUSY;
  if (mayClaim(device) < 0) return -EBUSY;
  return device.isReadOnly && !readOnly ? -EACCES : device;
}
