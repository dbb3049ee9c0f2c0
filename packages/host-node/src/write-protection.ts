/** Whether a volume's file or device can be written at all: ext4 and btrfs mount what cannot read-only, and say so. */
import { closeSync, openSync, readFileSync, statSync } from "node:fs";

/**
 * Linux lets a read-only block device be opened for writing, takes writes into its cache, and loses them when it
 * should store them (BLKROGET, ioctl_blk(2)): sysfs tells.
 * Of a file the attempt tells: on a read-only file system (EROFS), immutable (EPERM), or another's (EACCES).
 */
export function isWriteProtected(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isBlockDevice() === true) return isReadOnlyDevice(stat.rdev);
  try {
    closeSync(openSync(path, "r+"));
    return false;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "EROFS" || code === "EPERM" || code === "EACCES";
  }
}

export function isReadOnlyDevice(rdev: number): boolean {
  try {
    return readFileSync(`${deviceFolder(rdev)}/ro`, "latin1").trim() === "1";
  } catch {
    return false;
  }
}

interface DeviceNumbers {
  readonly major: number;
  readonly minor: number;
}

/** What st_rdev says. Source: gnu_dev_major(3). */
export function deviceNumbers(rdev: number): DeviceNumbers {
  return {
    major: ((rdev >>> 8) & 0xfff) | (Math.floor(rdev / 2 ** 32) & 0xfffff000),
    minor: (rdev & 0xff) | ((rdev >>> 12) & 0xffffff00),
  };
}

/** What sysfs has of a block device. */
export function deviceFolder(rdev: number): string {
  const { major, minor } = deviceNumbers(rdev);
  return `/sys/dev/block/${major}:${minor}`;
}
