import { array, hex32, i32, struct, u32 } from "./struct.ts";

/** Capabilities by number, capabilities(7). Source: Linux include/uapi/linux/capability.h. */
export const CAP_CHOWN = 0,
  CAP_DAC_OVERRIDE = 1,
  CAP_DAC_READ_SEARCH = 2,
  CAP_FOWNER = 3,
  CAP_FSETID = 4,
  CAP_KILL = 5,
  CAP_SETGID = 6,
  CAP_SETUID = 7,
  CAP_SETPCAP = 8,
  CAP_LINUX_IMMUTABLE = 9,
  CAP_NET_BIND_SERVICE = 10,
  CAP_NET_BROADCAST = 11,
  CAP_NET_ADMIN = 12,
  CAP_NET_RAW = 13,
  CAP_IPC_LOCK = 14,
  CAP_IPC_OWNER = 15,
  CAP_SYS_MODULE = 16,
  CAP_SYS_RAWIO = 17,
  CAP_SYS_CHROOT = 18,
  CAP_SYS_PTRACE = 19,
  CAP_SYS_PACCT = 20,
  CAP_SYS_ADMIN = 21,
  CAP_SYS_BOOT = 22,
  CAP_SYS_NICE = 23,
  CAP_SYS_RESOURCE = 24,
  CAP_SYS_TIME = 25,
  CAP_SYS_TTY_CONFIG = 26,
  CAP_MKNOD = 27,
  CAP_LEASE = 28,
  CAP_AUDIT_WRITE = 29,
  CAP_AUDIT_CONTROL = 30,
  CAP_SETFCAP = 31,
  CAP_MAC_OVERRIDE = 32,
  CAP_MAC_ADMIN = 33,
  CAP_SYSLOG = 34,
  CAP_WAKE_ALARM = 35,
  CAP_BLOCK_SUSPEND = 36,
  CAP_AUDIT_READ = 37,
  CAP_PERFMON = 38,
  CAP_BPF = 39,
  CAP_CHECKPOINT_RESTORE = 40,
  CAP_LAST_CAP = 40;

/** Versions of capget(2)'s header: the first has one word a set, the others two. */
export const _LINUX_CAPABILITY_VERSION_1 = 0x19980330,
  _LINUX_CAPABILITY_VERSION_2 = 0x20071026,
  _LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** What becomes of capabilities when identities change. Source: include/uapi/linux/securebits.h. */
export const SECBIT_NOROOT = 1,
  SECBIT_NOROOT_LOCKED = 2,
  SECBIT_NO_SETUID_FIXUP = 4,
  SECBIT_NO_SETUID_FIXUP_LOCKED = 8,
  SECBIT_KEEP_CAPS = 16,
  SECBIT_KEEP_CAPS_LOCKED = 32,
  SECBIT_NO_CAP_AMBIENT_RAISE = 64,
  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED = 128,
  SECURE_ALL_BITS = 0x55,
  SECURE_ALL_LOCKS = 0xaa;

export const CapUserHeader = struct("__user_cap_header_struct", { version: hex32, pid: i32 });
/** One for the capabilities 0 … 31, a second for the rest from version 2 on. */
export const CapUserData = struct("__user_cap_data_struct", { effective: hex32, permitted: hex32, inheritable: hex32 });
/** `security.capability` of revision 3; `data` is permitted and inheritable, the low words first. */
export const VfsNsCapData = struct("vfs_ns_cap_data", { magic_etc: hex32, data: array(hex32, 4), rootid: u32 });
export const VFS_CAP_REVISION_SHIFT = 24,
  VFS_CAP_FLAGS_EFFECTIVE = 1;
