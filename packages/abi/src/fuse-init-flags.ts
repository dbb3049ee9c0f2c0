/** What kernel and server agree on at INIT. Source: Linux include/uapi/linux/fuse.h. Words 0 and 1 of the flags. */
export const FUSE_ASYNC_READ = 1 << 0,
  FUSE_POSIX_LOCKS = 1 << 1,
  FUSE_EXPORT_SUPPORT = 1 << 4,
  FUSE_BIG_WRITES = 1 << 5,
  FUSE_DONT_MASK = 1 << 6,
  FUSE_FLOCK_LOCKS = 1 << 10,
  FUSE_HAS_IOCTL_DIR = 1 << 11,
  FUSE_DO_READDIRPLUS = 1 << 13;
export const FUSE_READDIRPLUS_AUTO = 1 << 14,
  FUSE_ASYNC_DIO = 1 << 15,
  FUSE_WRITEBACK_CACHE = 1 << 16,
  FUSE_NO_OPEN_SUPPORT = 1 << 17;
export const FUSE_PARALLEL_DIROPS = 1 << 18,
  FUSE_POSIX_ACL = 1 << 20,
  FUSE_MAX_PAGES = 1 << 22,
  FUSE_CACHE_SYMLINKS = 1 << 23;
export const FUSE_NO_OPENDIR_SUPPORT = 1 << 24,
  FUSE_EXPLICIT_INVAL_DATA = 1 << 25,
  FUSE_HANDLE_KILLPRIV_V2 = 1 << 28,
  FUSE_SETXATTR_EXT = 1 << 29;
export const FUSE_INIT_EXT = 1 << 30;

export const FUSE_MAJOR = 7;
/** The highest minor version whose changes were read: 7.41 (Linux 6.12). */
export const FUSE_MINOR = 41;
/** FUSE_EXPLICIT_INVAL_DATA, FUSE_MAX_PAGES and FUSE_NO_OPENDIR_SUPPORT are there from 7.31 on (Linux 5.4). */
export const FUSE_MINOR_MIN = 31;
