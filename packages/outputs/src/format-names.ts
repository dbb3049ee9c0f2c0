/** Names of formats that are written in like ways: for who only names them, and loads no writer. */
export const REPOSITORY_FORMATS = ["oci", "oci-archive", "ostree"] as const;
export const FILE_SYSTEM_FORMATS = ["ext4", "btrfs", "xfs", "erofs"] as const;
/** Disks that a machine starts from. */
export const DISK_FORMATS = ["raw", "qcow2", "vmdk", "vhd", "vhd-fixed", "vhdx", "ova"] as const;
