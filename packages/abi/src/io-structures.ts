/**
 * Arguments and results of file calls. Source: Linux include/uapi/linux/{uio,openat2,fcntl,eventpoll,inotify,fiemap}.h,
 * fs.h, mman.h, asm-generic/{fcntl,poll}.h, include/linux/dirent.h.
 */
import {
  array,
  hex16,
  hex32,
  hex64,
  i16,
  i32,
  i64,
  octal64,
  pointer,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
} from "./struct.ts";

/** readv(2). */
export const Iovec = struct("iovec", { iov_base: pointer, iov_len: u64 });
export const UIO_MAXIOV = 1024;

/** fcntl(2), F_SETLK and its like. */
export const Flock = struct("flock", { l_type: i16, l_whence: i16, l_start: i64, l_len: i64, l_pid: i32 });
export const F_OWNER_TID = 0,
  F_OWNER_PID = 1,
  F_OWNER_PGRP = 2;
export const FOwnerEx = struct("f_owner_ex", { type: i32, pid: i32 });
/** openat2(2). */
export const OpenHow = struct("open_how", { flags: hex64, mode: octal64, resolve: hex64 });
/** Head of name_to_handle_at(2)'s handle; `handle_bytes` of its own follow. */
export const FileHandle = struct("file_handle", { handle_bytes: u32, handle_type: i32, f_handle: array(u8, 0) });

/** getdents64(2): a name with its NUL follows, and padding to eight bytes. */
export const LinuxDirent64 = struct("linux_dirent64", {
  d_ino: u64,
  d_off: i64,
  d_reclen: u16,
  d_type: u8,
  d_name: text(0),
});

export const Pollfd = struct("pollfd", { fd: i32, events: hex16, revents: hex16 });
/** Packed on x86-64 alone. */
export const EpollEvent = struct("epoll_event", { events: hex32, data: hex64 });
/** A name follows, filled up with NULs to `len` bytes. */
export const InotifyEvent = struct("inotify_event", { wd: i32, mask: hex32, cookie: u32, len: u32, name: text(0) });

/** FS_IOC_FIEMAP: as many extents as there is room for follow. */
export const FIEMAP_FLAG_SYNC = 1,
  FIEMAP_FLAG_XATTR = 2;
export const FIEMAP_EXTENT_LAST = 0x1,
  FIEMAP_EXTENT_UNKNOWN = 0x2,
  FIEMAP_EXTENT_ENCODED = 0x8,
  FIEMAP_EXTENT_NOT_ALIGNED = 0x100,
  FIEMAP_EXTENT_DATA_INLINE = 0x200,
  FIEMAP_EXTENT_UNWRITTEN = 0x800,
  FIEMAP_EXTENT_SHARED = 0x2000;
export const FiemapExtent = struct("fiemap_extent", {
  fe_logical: u64,
  fe_physical: u64,
  fe_length: u64,
  _reserved64: array(u64, 2),
  fe_flags: hex32,
  _reserved: array(u32, 3),
});
export const Fiemap = struct("fiemap", {
  fm_start: u64,
  fm_length: u64,
  fm_flags: hex32,
  fm_mapped_extents: u32,
  fm_extent_count: u32,
  _reserved: u32,
  fm_extents: array(FiemapExtent, 0),
});

/** FS_IOC_FSGETXATTR. */
export const Fsxattr = struct("fsxattr", {
  fsx_xflags: hex32,
  fsx_extsize: u32,
  fsx_nextents: u32,
  fsx_projid: u32,
  fsx_cowextsize: u32,
  _pad: array(u8, 8),
});

/** FICLONERANGE. */
export const FileCloneRange = struct("file_clone_range", {
  src_fd: i64,
  src_offset: u64,
  src_length: u64,
  dest_offset: u64,
});

/** cachestat(2). */
export const CachestatRange = struct("cachestat_range", { off: u64, len: u64 });
export const Cachestat = struct("cachestat", {
  nr_cache: u64,
  nr_dirty: u64,
  nr_writeback: u64,
  nr_evicted: u64,
  nr_recently_evicted: u64,
});
export const SYNC_FILE_RANGE_WAIT_BEFORE = 1,
  SYNC_FILE_RANGE_WRITE = 2,
  SYNC_FILE_RANGE_WAIT_AFTER = 4;

/** posix_fadvise(2). */
export const POSIX_FADV_DONTNEED = 4;

/** dnotify: fcntl(2), F_NOTIFY. */
export const DN_ACCESS = 0x1,
  DN_MODIFY = 0x2,
  DN_CREATE = 0x4,
  DN_DELETE = 0x8,
  DN_RENAME = 0x10,
  DN_ATTRIB = 0x20,
  DN_MULTISHOT = 0x80000000;
/** Bytes that a pipe takes at once or not at all (limits.h). */
export const PIPE_BUF = 4096;

/** /proc/pid/maps, PROCMAP_QUERY. */
export const PROCMAP_QUERY = 0xc0686611;
export const PROCMAP_QUERY_VMA_READABLE = 0x1,
  PROCMAP_QUERY_VMA_WRITABLE = 0x2,
  PROCMAP_QUERY_VMA_EXECUTABLE = 0x4,
  PROCMAP_QUERY_VMA_SHARED = 0x8,
  PROCMAP_QUERY_COVERING_OR_NEXT_VMA = 0x10,
  PROCMAP_QUERY_FILE_BACKED_VMA = 0x20;
export const ProcmapQuery = struct("procmap_query", {
  size: u64,
  query_flags: hex64,
  query_addr: pointer,
  vma_start: pointer,
  vma_end: pointer,
  vma_flags: hex64,
  vma_page_size: u64,
  vma_offset: u64,
  inode: u64,
  dev_major: u32,
  dev_minor: u32,
  vma_name_size: u32,
  build_id_size: u32,
  vma_name_addr: pointer,
  build_id_addr: pointer,
});
