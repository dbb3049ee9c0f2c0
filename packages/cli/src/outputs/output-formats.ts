/** Formats that a root can be written in. A list of its own, so that the command line knows them without loading their writers. */
export const OUTPUT_FORMATS = ["tar", "oci", "oci-archive", "ostree", "ext4", "btrfs", "erofs", "raw", "qcow2", "iso", "squashfs", "cpio", "initramfs"] as const;
export type OutputFormat = (typeof OUTPUT_FORMATS)[number];
/** What the root of a disk may lie on. */
export const DISK_FILE_SYSTEMS = ["ext4", "btrfs", "erofs", "aegisfs"] as const;
