/** landlock(7): what a ruleset handles and grants. Source: Linux include/uapi/linux/landlock.h. */
import { hex64, i32, struct, u64 } from "./struct.ts";

export const LANDLOCK_CREATE_RULESET_VERSION = 1,
  LANDLOCK_CREATE_RULESET_ERRATA = 2;
export const LANDLOCK_RULE_PATH_BENEATH = 1,
  LANDLOCK_RULE_NET_PORT = 2;
export const LANDLOCK_ACCESS_FS_EXECUTE = 1 << 0,
  LANDLOCK_ACCESS_FS_WRITE_FILE = 1 << 1,
  LANDLOCK_ACCESS_FS_READ_FILE = 1 << 2,
  LANDLOCK_ACCESS_FS_READ_DIR = 1 << 3,
  LANDLOCK_ACCESS_FS_REMOVE_DIR = 1 << 4,
  LANDLOCK_ACCESS_FS_REMOVE_FILE = 1 << 5,
  LANDLOCK_ACCESS_FS_MAKE_CHAR = 1 << 6,
  LANDLOCK_ACCESS_FS_MAKE_DIR = 1 << 7,
  LANDLOCK_ACCESS_FS_MAKE_REG = 1 << 8,
  LANDLOCK_ACCESS_FS_MAKE_SOCK = 1 << 9,
  LANDLOCK_ACCESS_FS_MAKE_FIFO = 1 << 10,
  LANDLOCK_ACCESS_FS_MAKE_BLOCK = 1 << 11,
  LANDLOCK_ACCESS_FS_MAKE_SYM = 1 << 12,
  LANDLOCK_ACCESS_FS_REFER = 1 << 13,
  LANDLOCK_ACCESS_FS_TRUNCATE = 1 << 14,
  LANDLOCK_ACCESS_FS_IOCTL_DEV = 1 << 15;
export const LANDLOCK_ACCESS_NET_BIND_TCP = 1 << 0,
  LANDLOCK_ACCESS_NET_CONNECT_TCP = 1 << 1;
export const LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0,
  LANDLOCK_SCOPE_SIGNAL = 1 << 1;

export const LandlockRulesetAttr = struct("landlock_ruleset_attr", {
  handled_access_fs: hex64,
  handled_access_net: hex64,
  scoped: hex64,
});
export const LandlockPathBeneathAttr = struct(
  "landlock_path_beneath_attr",
  { allowed_access: hex64, parent_fd: i32 },
  { isPacked: true },
);
export const LandlockNetPortAttr = struct("landlock_net_port_attr", { allowed_access: hex64, port: u64 });
