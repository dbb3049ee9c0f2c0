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

import { FuseAttr, FuseAttrOut, FuseDirent, FuseEntryOut } from "@stratos/abi/fuse";

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

/** fuse_attr: at these words. */
const inAttr = FuseAttr.offset;
export const ATTR_AT_INO: number = inAttr.ino / 4,
  ATTR_AT_SIZE: number = inAttr.size / 4,
  ATTR_AT_BLOCKS: number = inAttr.blocks / 4,
  ATTR_AT_ATIME: number = inAttr.atime / 4,
  ATTR_AT_MTIME: number = inAttr.mtime / 4,
  ATTR_AT_CTIME: number = inAttr.ctime / 4,
  ATTR_AT_ATIME_NS: number = inAttr.atimensec / 4;
export const ATTR_AT_MTIME_NS: number = inAttr.mtimensec / 4,
  ATTR_AT_CTIME_NS: number = inAttr.ctimensec / 4,
  ATTR_AT_MODE: number = inAttr.mode / 4,
  ATTR_AT_NLINK: number = inAttr.nlink / 4,
  ATTR_AT_UID: number = inAttr.uid / 4,
  ATTR_AT_GID: number = inAttr.gid / 4,
  ATTR_AT_RDEV: number = inAttr.rdev / 4;
export const ATTR_AT_BLKSIZE: number = inAttr.blksize / 4,
  ATTR_AT_FLAGS: number = inAttr.flags / 4,
  ATTR_WORDS: number = FuseAttr.size / 4;
export const ENTRY_AT_ATTR: number = FuseEntryOut.offset.attr / 4,
  ENTRY_SIZE: number = FuseEntryOut.size;
export const ATTR_OUT_AT_ATTR: number = FuseAttrOut.offset.attr / 4,
  ATTR_OUT_SIZE: number = FuseAttrOut.size;
export const DIRENT_SIZE: number = FuseDirent.size;

/** What serving a request returns when the kernel awaits no answer, or will get it later. */
export const NO_REPLY = -100_000;
