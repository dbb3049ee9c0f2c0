/**
 * Structures of the FUSE kernel protocol 7.31 and later. Source: Linux include/uapi/linux/fuse.h. A request is
 * `fuse_in_header`, its own structure and what follows (names, content); a reply `fuse_out_header` and its own.
 */
import { array, hex32, i32, i64, octal32, struct, u16, u32, u64 } from "./struct.ts";

export const FuseInHeader = struct("fuse_in_header", {
  len: u32,
  opcode: u32,
  unique: u64,
  nodeid: u64,
  uid: u32,
  gid: u32,
  pid: u32,
  total_extlen: u16, // in units of 8 bytes
  _padding: u16,
});

export const FuseOutHeader = struct("fuse_out_header", {
  len: u32,
  error: i32, // negated errno; of a message with `unique` 0 its code
  unique: u64,
});

export const FuseAttr = struct("fuse_attr", {
  ino: u64,
  size: u64,
  blocks: u64,
  atime: i64,
  mtime: i64,
  ctime: i64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: octal32,
  nlink: u32,
  uid: u32,
  gid: u32,
  rdev: u32,
  blksize: u32,
  flags: hex32,
});

export const FuseEntryOut = struct("fuse_entry_out", {
  nodeid: u64,
  generation: u64,
  entry_valid: u64,
  attr_valid: u64,
  entry_valid_nsec: u32,
  attr_valid_nsec: u32,
  attr: FuseAttr,
});

export const FuseAttrOut = struct("fuse_attr_out", {
  attr_valid: u64,
  attr_valid_nsec: u32,
  _dummy: u32,
  attr: FuseAttr,
});

/** The name follows, and zeros up to a multiple of 8 bytes. */
export const FuseDirent = struct("fuse_dirent", {
  ino: u64,
  off: u64,
  namelen: u32,
  type: u32,
});

export const FuseInitIn = struct("fuse_init_in", {
  major: u32,
  minor: u32,
  max_readahead: u32,
  flags: hex32,
  flags2: hex32,
  _unused: array(u32, 11),
});

export const FuseInitOut = struct("fuse_init_out", {
  major: u32,
  minor: u32,
  max_readahead: u32,
  flags: hex32,
  max_background: u16,
  congestion_threshold: u16,
  max_write: u32,
  time_gran: u32,
  max_pages: u16,
  map_alignment: u16,
  flags2: hex32,
  max_stack_depth: u32,
  _unused: array(u32, 6),
});

export const FuseForgetIn = struct("fuse_forget_in", { nlookup: u64 });
export const FuseForgetOne = struct("fuse_forget_one", { nodeid: u64, nlookup: u64 });
export const FuseBatchForgetIn = struct("fuse_batch_forget_in", { count: u32, _dummy: u32 });
export const FuseGetattrIn = struct("fuse_getattr_in", { getattr_flags: hex32, _dummy: u32, fh: u64 });

export const FuseSetattrIn = struct("fuse_setattr_in", {
  valid: hex32,
  _padding: u32,
  fh: u64,
  size: u64,
  lock_owner: u64,
  atime: i64,
  mtime: i64,
  ctime: i64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: octal32,
  _unused4: u32,
  uid: u32,
  gid: u32,
  _unused5: u32,
});

/** The name follows; of FUSE_MKDIR, FUSE_RENAME2, FUSE_LINK, FUSE_CREATE and the others, too. */
export const FuseMknodIn = struct("fuse_mknod_in", { mode: octal32, rdev: u32, umask: octal32, _padding: u32 });
export const FuseMkdirIn = struct("fuse_mkdir_in", { mode: octal32, umask: octal32 });
export const FuseRenameIn = struct("fuse_rename_in", { newdir: u64 });
export const FuseRename2In = struct("fuse_rename2_in", { newdir: u64, flags: hex32, _padding: u32 });
export const FuseLinkIn = struct("fuse_link_in", { oldnodeid: u64 });
export const FuseOpenIn = struct("fuse_open_in", { flags: hex32, open_flags: hex32 });
export const FuseCreateIn = struct("fuse_create_in", {
  flags: hex32,
  mode: octal32,
  umask: octal32,
  open_flags: hex32,
});
export const FuseOpenOut = struct("fuse_open_out", { fh: u64, open_flags: hex32, backing_id: i32 });

export const FuseReleaseIn = struct("fuse_release_in", {
  fh: u64,
  flags: hex32,
  release_flags: hex32,
  lock_owner: u64,
});
export const FuseFlushIn = struct("fuse_flush_in", { fh: u64, _unused: u32, _padding: u32, lock_owner: u64 });

export const FuseReadIn = struct("fuse_read_in", {
  fh: u64,
  offset: u64,
  size: u32,
  read_flags: hex32,
  lock_owner: u64,
  flags: hex32,
  _padding: u32,
});
export const FuseWriteIn = struct("fuse_write_in", {
  fh: u64,
  offset: u64,
  size: u32,
  write_flags: hex32,
  lock_owner: u64,
  flags: hex32,
  _padding: u32,
});
export const FuseWriteOut = struct("fuse_write_out", { size: u32, _padding: u32 });

export const FuseKstatfs = struct("fuse_kstatfs", {
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  bsize: u32,
  namelen: u32,
  frsize: u32,
  _padding: u32,
  _spare: array(u32, 6),
});

export const FuseFsyncIn = struct("fuse_fsync_in", { fh: u64, fsync_flags: hex32, _padding: u32 });
/** Without FUSE_SETXATTR_EXT it ends before `setxattr_flags`. Name and value follow. */
export const FuseSetxattrIn = struct("fuse_setxattr_in", {
  size: u32,
  flags: hex32,
  setxattr_flags: hex32,
  _padding: u32,
});
/** Of FUSE_LISTXATTR as well. With size 0 the reply is a `fuse_getxattr_out`, else the bytes themselves. */
export const FuseGetxattrIn = struct("fuse_getxattr_in", { size: u32, _padding: u32 });
export const FuseGetxattrOut = struct("fuse_getxattr_out", { size: u32, _padding: u32 });
export const FuseAccessIn = struct("fuse_access_in", { mask: u32, _padding: u32 });
export const FuseInterruptIn = struct("fuse_interrupt_in", { unique: u64 });
export const FuseFallocateIn = struct("fuse_fallocate_in", {
  fh: u64,
  offset: u64,
  length: u64,
  mode: hex32,
  _padding: u32,
});
export const FuseLseekIn = struct("fuse_lseek_in", { fh: u64, offset: u64, whence: u32, _padding: u32 });
export const FuseLseekOut = struct("fuse_lseek_out", { offset: u64 });
/** A range of a file, `end` with its last byte; F_RDLCK, F_WRLCK, F_UNLCK. */
export const FuseFileLock = struct("fuse_file_lock", { start: u64, end: u64, type: u32, pid: u32 });
export const FuseLkIn = struct("fuse_lk_in", { fh: u64, owner: u64, lk: FuseFileLock, lk_flags: hex32, _padding: u32 });
export const FuseLkOut = struct("fuse_lk_out", { lk: FuseFileLock });
/** `kh` is what a NOTIFY_POLL names. */
export const FusePollIn = struct("fuse_poll_in", { fh: u64, kh: u64, flags: hex32, events: hex32 });
export const FusePollOut = struct("fuse_poll_out", { revents: hex32, _padding: u32 });
export const FuseCopyFileRangeIn = struct("fuse_copy_file_range_in", {
  fh_in: u64,
  off_in: u64,
  nodeid_out: u64,
  fh_out: u64,
  off_out: u64,
  len: u64,
  flags: u64,
});
/** What the caller's memory has for the server follows, and behind a reply what the server has for it. */
export const FuseIoctlIn = struct("fuse_ioctl_in", {
  fh: u64,
  flags: hex32,
  cmd: hex32,
  arg: u64,
  in_size: u32,
  out_size: u32,
});
export const FuseIoctlOut = struct("fuse_ioctl_out", { result: i32, flags: hex32, in_iovs: u32, out_iovs: u32 });

export const FuseNotifyPollWakeupOut = struct("fuse_notify_poll_wakeup_out", { kh: u64 });
/** What a server says unasked (FUSE_NOTIFY_*). A name follows INVAL_ENTRY and DELETE, content STORE. */
export const FuseNotifyInvalInodeOut = struct("fuse_notify_inval_inode_out", { ino: u64, off: i64, len: i64 });
export const FuseNotifyInvalEntryOut = struct("fuse_notify_inval_entry_out", {
  parent: u64,
  namelen: u32,
  flags: hex32,
});
export const FuseNotifyDeleteOut = struct("fuse_notify_delete_out", {
  parent: u64,
  child: u64,
  namelen: u32,
  _padding: u32,
});

export const FuseNotifyStoreOut = struct("fuse_notify_store_out", {
  nodeid: u64,
  offset: u64,
  size: u32,
  _padding: u32,
});
export const FuseNotifyRetrieveOut = struct("fuse_notify_retrieve_out", {
  notify_unique: u64,
  nodeid: u64,
  offset: u64,
  size: u32,
  _padding: u32,
});
/** The request (FUSE_NOTIFY_REPLY) that a RETRIEVE leads to, which has no reply. It is as long as a `fuse_write_in`. */
export const FuseNotifyRetrieveIn = struct("fuse_notify_retrieve_in", {
  _dummy1: u64,
  offset: u64,
  size: u32,
  _dummy2: u32,
  _dummy3: u64,
  _dummy4: u64,
});

/** The node of the root folder. */
export const FUSE_ROOT_ID = 1;
/** What a reader of the device has to have room for at least. */
export const FUSE_MIN_READ_BUFFER = 8192;
/** Bytes of a name in a listing. */
export const FUSE_NAME_MAX = 1024;
/** `_IOR(229, 0, uint32_t)`: the descriptor serves the same file system as another one. */
export const FUSE_DEV_IOC_CLONE = 0x8004e500;

/** FATTR_*: what a SETATTR sets. */
export const FATTR_MODE = 1,
  FATTR_UID = 2,
  FATTR_GID = 4,
  FATTR_SIZE = 8,
  FATTR_ATIME = 16,
  FATTR_MTIME = 32,
  FATTR_FH = 64,
  FATTR_ATIME_NOW = 128;
export const FATTR_MTIME_NOW = 256,
  FATTR_LOCKOWNER = 512,
  FATTR_CTIME = 1024,
  FATTR_KILL_SUIDGID = 2048;
/** Flag of a GETATTR: by an open file (of those, not stat(2): lseek(2) and the like). */
export const FUSE_GETATTR_FH = 1;
export const FUSE_WRITE_CACHE = 1,
  FUSE_WRITE_KILL_SUIDGID = 4;
/** Flags of an open file, by the server. */
export const FOPEN_DIRECT_IO = 1,
  FOPEN_KEEP_CACHE = 2,
  FOPEN_NONSEEKABLE = 4,
  FOPEN_STREAM = 16,
  FOPEN_NOFLUSH = 32;
/** Flags of an IOCTL: the server wants more of the caller's memory, which it may not; it is of a folder. */
export const FUSE_IOCTL_RETRY = 4,
  FUSE_IOCTL_DIR = 16;
/** Flag of a GETLK, SETLK, SETLKW: the lock is a description's (flock(2)). */
export const FUSE_LK_FLOCK = 1;
/** Flag of a RELEASE: the lock of flock(2) goes with it. */
export const FUSE_RELEASE_FLOCK_UNLOCK = 2;
/** Flag of a POLL: somebody waits, and is to be told by NOTIFY_POLL. */
export const FUSE_POLL_SCHEDULE_NOTIFY = 1;
/** Flag of a NOTIFY_INVAL_ENTRY. */
export const FUSE_EXPIRE_ONLY = 1;
/** Flags of an FSYNC. */
export const FUSE_FSYNC_FDATASYNC = 1;

/** FUSE_NOTIFY_*: messages that a server sends unasked; the code stands where the error does. */
export const FUSE_NOTIFY_POLL = 1,
  FUSE_NOTIFY_INVAL_INODE = 2,
  FUSE_NOTIFY_INVAL_ENTRY = 3,
  FUSE_NOTIFY_STORE = 4,
  FUSE_NOTIFY_RETRIEVE = 5,
  FUSE_NOTIFY_DELETE = 6,
  FUSE_NOTIFY_INC_EPOCH = 8;
