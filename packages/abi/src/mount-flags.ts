import { array, hex32, hex64, struct, u32, u64 } from "./struct.ts";

/** Mount flags. Source: Linux include/uapi/linux/mount.h; mount(2), umount2(2), statfs(2). */
export const MS_RDONLY = 1,
  MS_NOSUID = 2,
  MS_NODEV = 4,
  MS_NOEXEC = 8,
  MS_SYNCHRONOUS = 16,
  MS_REMOUNT = 32,
  MS_MANDLOCK = 64;
export const MS_DIRSYNC = 128,
  MS_NOSYMFOLLOW = 256,
  MS_NOATIME = 1024,
  MS_NODIRATIME = 2048,
  MS_BIND = 4096,
  MS_MOVE = 8192,
  MS_REC = 16384;
export const MS_SILENT = 32768,
  MS_UNBINDABLE = 1 << 17,
  MS_PRIVATE = 1 << 18,
  MS_SLAVE = 1 << 19,
  MS_SHARED = 1 << 20,
  MS_RELATIME = 1 << 21;
export const MS_STRICTATIME = 1 << 24,
  MS_LAZYTIME = 1 << 25;
export const MNT_FORCE = 1,
  MNT_DETACH = 2,
  MNT_EXPIRE = 4,
  UMOUNT_NOFOLLOW = 8;
export const ST_RDONLY = 1,
  ST_NOSUID = 2,
  ST_NODEV = 4,
  ST_NOEXEC = 8,
  ST_SYNCHRONOUS = 16,
  ST_VALID = 32,
  ST_MANDLOCK = 64,
  ST_NOATIME = 1024,
  ST_NODIRATIME = 2048,
  ST_RELATIME = 4096,
  ST_NOSYMFOLLOW = 8192;
/** fsopen(2), fsconfig(2), fsmount(2), fspick(2). */
export const FSOPEN_CLOEXEC = 1,
  FSPICK_CLOEXEC = 1,
  FSPICK_SYMLINK_NOFOLLOW = 2,
  FSPICK_NO_AUTOMOUNT = 4,
  FSPICK_EMPTY_PATH = 8,
  FSMOUNT_CLOEXEC = 1;
export const FSCONFIG_SET_FLAG = 0,
  FSCONFIG_SET_STRING = 1,
  FSCONFIG_SET_BINARY = 2,
  FSCONFIG_SET_PATH = 3,
  FSCONFIG_SET_PATH_EMPTY = 4,
  FSCONFIG_SET_FD = 5,
  FSCONFIG_CMD_CREATE = 6,
  FSCONFIG_CMD_RECONFIGURE = 7,
  FSCONFIG_CMD_CREATE_EXCL = 8;
/** open_tree(2), move_mount(2). */
export const OPEN_TREE_CLONE = 1,
  AT_RECURSIVE = 0x8000;
export const MOVE_MOUNT_F_SYMLINKS = 1,
  MOVE_MOUNT_F_AUTOMOUNTS = 2,
  MOVE_MOUNT_F_EMPTY_PATH = 4,
  MOVE_MOUNT_T_SYMLINKS = 0x10,
  MOVE_MOUNT_T_AUTOMOUNTS = 0x20,
  MOVE_MOUNT_T_EMPTY_PATH = 0x40,
  MOVE_MOUNT_SET_GROUP = 0x100,
  MOVE_MOUNT_BENEATH = 0x200;
/** mount_setattr(2). */
export const MOUNT_ATTR_RDONLY = 1,
  MOUNT_ATTR_NOSUID = 2,
  MOUNT_ATTR_NODEV = 4,
  MOUNT_ATTR_NOEXEC = 8,
  MOUNT_ATTR__ATIME = 0x70,
  MOUNT_ATTR_RELATIME = 0,
  MOUNT_ATTR_NOATIME = 0x10;
export const MOUNT_ATTR_STRICTATIME = 0x20,
  MOUNT_ATTR_NODIRATIME = 0x80,
  MOUNT_ATTR_IDMAP = 0x100000,
  MOUNT_ATTR_NOSYMFOLLOW = 0x200000;
export const MountAttr = struct("mount_attr", {
  attr_set: hex64,
  attr_clr: hex64,
  propagation: hex64,
  userns_fd: u64,
});
/** statmount(2), listmount(2). */
export const MntIdReq = struct("mnt_id_req", {
  size: u32,
  spare: u32,
  mnt_id: hex64,
  param: hex64,
  mnt_ns_id: u64,
});
export const MNT_ID_REQ_SIZE_VER0 = 24;
export const Statmount = struct("statmount", {
  size: u32,
  mnt_opts: u32,
  mask: hex64,
  sb_dev_major: u32,
  sb_dev_minor: u32,
  sb_magic: hex64,
  sb_flags: hex32,
  fs_type: u32,
  mnt_id: hex64,
  mnt_parent_id: hex64,
  mnt_id_old: u32,
  mnt_parent_id_old: u32,
  mnt_attr: hex64,
  mnt_propagation: hex64,
  mnt_peer_group: u64,
  mnt_master: u64,
  propagate_from: u64,
  mnt_root: u32,
  mnt_point: u32,
  mnt_ns_id: u64,
  fs_subtype: u32,
  sb_source: u32,
  opt_num: u32,
  opt_array: u32,
  opt_sec_num: u32,
  opt_sec_array: u32,
  supported_mask: hex64,
  mnt_uidmap_num: u32,
  mnt_uidmap: u32,
  mnt_gidmap_num: u32,
  mnt_gidmap: u32,
  __spare2: array(u64, 43),
});
export const STATMOUNT_SB_BASIC = 1,
  STATMOUNT_MNT_BASIC = 2,
  STATMOUNT_PROPAGATE_FROM = 4,
  STATMOUNT_MNT_ROOT = 8,
  STATMOUNT_MNT_POINT = 0x10,
  STATMOUNT_FS_TYPE = 0x20,
  STATMOUNT_MNT_NS_ID = 0x40;
export const STATMOUNT_MNT_OPTS = 0x80,
  STATMOUNT_FS_SUBTYPE = 0x100,
  STATMOUNT_SB_SOURCE = 0x200,
  STATMOUNT_OPT_ARRAY = 0x400,
  STATMOUNT_OPT_SEC_ARRAY = 0x800,
  STATMOUNT_SUPPORTED_MASK = 0x1000,
  STATMOUNT_MNT_UIDMAP = 0x2000,
  STATMOUNT_MNT_GIDMAP = 0x4000;
export const LISTMOUNT_REVERSE = 1;
