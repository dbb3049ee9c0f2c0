/**
 * Where things are in the server's memory, and in messages. All of it is 32-bit words of the host's order, 64-bit
 * values as a low and a high word. Source: Linux include/uapi/linux/fuse.h (protocol 7.31 and later).
 *
 *     byte      0        4016    4056   4096                    1 MiB + 8176   + 8192
 *               │        │ header │ body │ data of a WRITE …    │ header │ data of a READ …
 *               unused   └ request                              └ reply (16 bytes)
 *
 * The content of a WRITE request, and that of a reply, begin on a page: the engine checksums words in place, and the
 * kernel copies whole pages.
 */

/** Most bytes of content in one request; the kernel allows 256 pages. */
export const PAYLOAD_MAX = 1 << 20;
export const PAYLOAD_PAGES = PAYLOAD_MAX / 4096;

/** fuse_in_header: 40 bytes. */
export const REQUEST_AT = 4096 - 80;
export const REQUEST_SIZE = 80 + PAYLOAD_MAX;
export const HEADER_SIZE = 40;
const Q = REQUEST_AT / 4;
export const Q_LENGTH = Q,
  Q_OPCODE = Q + 1,
  Q_UNIQUE = Q + 2,
  Q_NODE = Q + 4,
  Q_NODE_TREE = Q + 5,
  Q_UID = Q + 6,
  Q_GID = Q + 7,
  Q_PID = Q + 8;
/** The request's own structure: as bytes and as words. */
export const BODY_AT = REQUEST_AT + HEADER_SIZE;
export const B = BODY_AT / 4;
/** Behind fuse_write_in. */
export const WRITE_DATA_AT = BODY_AT + 40;

/** fuse_out_header: 16 bytes (length, negated errno, unique). */
export const REPLY_HEADER_SIZE = 16;
export const REPLY_AT = 4096 + PAYLOAD_MAX + 4096 - REPLY_HEADER_SIZE;
export const R_LENGTH = REPLY_AT / 4,
  R_ERROR = R_LENGTH + 1,
  R_UNIQUE = R_LENGTH + 2;
export const REPLY_DATA_AT = REPLY_AT + REPLY_HEADER_SIZE;
export const D = REPLY_DATA_AT / 4;
/** Bytes that a device's memory has to have, a multiple of 64 KiB. */
export const MEMORY_SIZE = Math.ceil((REPLY_DATA_AT + PAYLOAD_MAX) / 65536) * 65536;

/** fuse_attr: 88 bytes; at these words. */
export const ATTR_AT_INO = 0,
  ATTR_AT_SIZE = 2,
  ATTR_AT_BLOCKS = 4,
  ATTR_AT_ATIME = 6,
  ATTR_AT_MTIME = 8,
  ATTR_AT_CTIME = 10,
  ATTR_AT_ATIME_NS = 12;
export const ATTR_AT_MTIME_NS = 13,
  ATTR_AT_CTIME_NS = 14,
  ATTR_AT_MODE = 15,
  ATTR_AT_NLINK = 16,
  ATTR_AT_UID = 17,
  ATTR_AT_GID = 18,
  ATTR_AT_RDEV = 19;
export const ATTR_AT_BLKSIZE = 20,
  ATTR_AT_FLAGS = 21,
  ATTR_WORDS = 22;
/** fuse_entry_out: node, generation, validity of name and attributes, fuse_attr. */
export const ENTRY_AT_ATTR = 10,
  ENTRY_SIZE = 128;
/** fuse_attr_out. */
export const ATTR_OUT_AT_ATTR = 4,
  ATTR_OUT_SIZE = 104;
/** fuse_dirent: ino, offset, length of the name, type, name. */
export const DIRENT_SIZE = 24;

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
  FATTR_CTIME = 1024,
  FATTR_KILL_SUIDGID = 2048;
/** Flag of a GETATTR: by an open file. */
export const FUSE_GETATTR_FH = 1;
export const FUSE_WRITE_CACHE = 1,
  FUSE_WRITE_KILL_SUIDGID = 4;

/** FUSE_NOTIFY_*: messages that we send unasked; the code stands where the error does. */
export const FUSE_NOTIFY_INVAL_INODE = 2,
  FUSE_NOTIFY_INVAL_ENTRY = 3,
  FUSE_NOTIFY_RETRIEVE = 5,
  FUSE_NOTIFY_INC_EPOCH = 8;

/** What serving a request returns when the kernel awaits no answer, or will get it later. */
export const NO_REPLY = -100_000;
