/** Files in disk images: raw and QCOW2, of ext4, btrfs, EROFS and AegisFS. */
export { copyFromDisk, copyIntoDisk, listDisk, makeDiskFolder, readDiskFile, removeFromDisk } from "./disk-contents.ts";
export { findDiskPlace, parseDiskPlace, requireDiskPlace } from "./disk-place.ts";
export { diskError, withDisk } from "./open-disk.ts";
