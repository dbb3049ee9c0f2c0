/** Files in disk images: raw and QCOW2, of ext4, btrfs, EROFS and AegisFS. */
export { type DiskPlace, findDiskPlace, parseDiskPlace, requireDiskPlace } from "./disk-place.ts";
export { diskError, filesOf, openDisk, withDisk, withFiles } from "./open-disk.ts";
