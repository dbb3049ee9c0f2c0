/** fanotify(7). Source: Linux include/uapi/linux/fanotify.h. Bits of masks below 0x1000 are those of inotify(7). */
import { array, hex32, hex64, i32, struct, u16, u32, u8 } from "./struct.ts";

export const FAN_ACCESS = 0x1,
  FAN_MODIFY = 0x2,
  FAN_ATTRIB = 0x4,
  FAN_CLOSE_WRITE = 0x8,
  FAN_CLOSE_NOWRITE = 0x10,
  FAN_OPEN = 0x20,
  FAN_MOVED_FROM = 0x40,
  FAN_MOVED_TO = 0x80,
  FAN_CREATE = 0x100,
  FAN_DELETE = 0x200,
  FAN_DELETE_SELF = 0x400,
  FAN_MOVE_SELF = 0x800,
  FAN_OPEN_EXEC = 0x1000,
  FAN_Q_OVERFLOW = 0x4000,
  FAN_FS_ERROR = 0x8000,
  FAN_OPEN_PERM = 0x10000,
  FAN_ACCESS_PERM = 0x20000,
  FAN_OPEN_EXEC_PERM = 0x40000,
  FAN_EVENT_ON_CHILD = 0x08000000,
  FAN_RENAME = 0x10000000,
  FAN_ONDIR = 0x40000000;

/** fanotify_init(2). */
export const FAN_CLOEXEC = 0x1,
  FAN_NONBLOCK = 0x2,
  FAN_CLASS_CONTENT = 0x4,
  FAN_CLASS_PRE_CONTENT = 0x8,
  FAN_UNLIMITED_QUEUE = 0x10,
  FAN_UNLIMITED_MARKS = 0x20,
  FAN_REPORT_PIDFD = 0x80,
  FAN_REPORT_TID = 0x100,
  FAN_REPORT_FID = 0x200,
  FAN_REPORT_DIR_FID = 0x400,
  FAN_REPORT_NAME = 0x800,
  FAN_REPORT_TARGET_FID = 0x1000;

/** fanotify_mark(2). */
export const FAN_MARK_ADD = 0x1,
  FAN_MARK_REMOVE = 0x2,
  FAN_MARK_DONT_FOLLOW = 0x4,
  FAN_MARK_ONLYDIR = 0x8,
  FAN_MARK_MOUNT = 0x10,
  FAN_MARK_IGNORED_MASK = 0x20,
  FAN_MARK_IGNORED_SURV_MODIFY = 0x40,
  FAN_MARK_FLUSH = 0x80,
  FAN_MARK_FILESYSTEM = 0x100,
  FAN_MARK_EVICTABLE = 0x200,
  FAN_MARK_IGNORE = 0x400;

export const FAN_EVENT_INFO_TYPE_FID = 1,
  FAN_EVENT_INFO_TYPE_DFID_NAME = 2,
  FAN_EVENT_INFO_TYPE_DFID = 3,
  FAN_EVENT_INFO_TYPE_PIDFD = 4,
  FAN_EVENT_INFO_TYPE_OLD_DFID_NAME = 10,
  FAN_EVENT_INFO_TYPE_NEW_DFID_NAME = 12;

export const FAN_ALLOW = 0x1,
  FAN_DENY = 0x2,
  FAN_INFO = 0x20,
  FAN_NOFD = -1,
  FAN_NOPIDFD = -1,
  FAN_EPIDFD = -2,
  FAN_RESPONSE_INFO_AUDIT_RULE = 1,
  FANOTIFY_METADATA_VERSION = 3;

/** What read(2) gives; records of more information follow, `event_len` bytes in all. */
export const FanotifyEventMetadata = struct("fanotify_event_metadata", {
  event_len: u32,
  vers: u8,
  reserved: u8,
  metadata_len: u16,
  mask: hex64,
  fd: i32,
  pid: i32,
});
export const FanotifyEventInfoHeader = struct("fanotify_event_info_header", { info_type: u8, pad: u8, len: u16 });
/** A file handle, and with some types a name with its NUL, follow. */
export const FanotifyEventInfoFid = struct("fanotify_event_info_fid", {
  hdr: FanotifyEventInfoHeader,
  fsid: array(hex32, 2),
  handle: array(u8, 0),
});
export const FanotifyEventInfoPidfd = struct("fanotify_event_info_pidfd", { hdr: FanotifyEventInfoHeader, pidfd: i32 });
/** What write(2) takes. */
export const FanotifyResponse = struct("fanotify_response", { fd: i32, response: hex32 });
export const FanotifyResponseInfoHeader = struct("fanotify_response_info_header", { type: u8, pad: u8, len: u16 });
export const FanotifyResponseInfoAuditRule = struct("fanotify_response_info_audit_rule", {
  hdr: FanotifyResponseInfoHeader,
  rule_number: u32,
  subj_trust: u32,
  obj_trust: u32,
});
