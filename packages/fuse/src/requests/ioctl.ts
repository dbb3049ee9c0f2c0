/**
 * IOCTL: what Linux hands on to every FUSE server, the flags of ioctl_iflags(2) and the attributes of
 * ioctl_xfs_fsgetxattr(2). Hence `chattr +c`, `lsattr`, `chattr -p PROJECT`. The kernel has checked who may; FICLONE
 * does not come here (copy_file_range does).
 */
import {
  EINVAL,
  ENOTTY,
  EOPNOTSUPP,
  FS_COMPR_FL,
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  FS_IOC_GETFLAGS,
  FS_IOC_GETVERSION,
  FS_IOC_SETFLAGS,
  FS_NOCOMP_FL,
  FS_PROJINHERIT_FL,
  FS_XFLAG_PROJINHERIT,
  S_IFDIR,
  S_IFMT,
} from "@stratos/abi";
import {
  ATTRIBUTE_PROJECT,
  COMPRESS_NONE,
  COMPRESS_UNSET,
  COMPRESS_ZSTD,
  compressionOf,
  withCompression,
} from "@stratos/aegisfs";
import type { Subvolume } from "@stratos/aegisfs";
import type { Exchange } from "../exchange.ts";
import type { Mount } from "../mount.ts";
import { B, D, HEADER_SIZE, Q_LENGTH } from "../wire/layout.ts";

/** fuse_ioctl_in: fh (2), flags, command, argument (2), size in, size out; then the data. */
const IN_WORDS = 8;
/** fuse_ioctl_out: result, flags, counts of two lists that are empty; then the data. */
const OUT_WORDS = 4;
/** struct fsxattr: xflags, extent size, extents, project, size of copied extents, 8 bytes. */
const FSXATTR_SIZE = 28;
const FSXATTR_AT_PROJECT = 3;

export function ioctl({ exchange }: Mount, files: Subvolume, ino: number): number {
  const { words } = exchange;
  const room = words[B + 7]!;
  const given = Math.min(words[B + 6]!, words[Q_LENGTH]! - HEADER_SIZE - IN_WORDS * 4);
  switch (words[B + 3]) {
    case FS_IOC_GETFLAGS:
      return answer(exchange, room, flagsOf(exchange, files, ino));
    case FS_IOC_SETFLAGS:
      return given < 4 ? -EINVAL : answer(exchange, 0, setFlags(exchange, files, ino, words[B + IN_WORDS]!));
    case FS_IOC_FSGETXATTR:
      return getFsxattr(exchange, files, ino, room);
    case FS_IOC_FSSETXATTR:
      return given < FSXATTR_SIZE ? -EINVAL : answer(exchange, 0, setFsxattr(exchange, files, ino));
    case FS_IOC_GETVERSION: {
      const found = files.stat(ino, exchange.attributes);
      return found < 0 ? found : answer(exchange, room, exchange.attributes.generation >>> 0);
    }
    default:
      return -ENOTTY;
  }
}

/** A result, and behind it as many bytes as the caller has room for, the value in front. */
function answer(exchange: Exchange, room: number, value: number): number {
  if (value < 0) return value;
  const size = Math.min(room, 8);
  exchange.words.fill(0, D, D + OUT_WORDS + 2);
  exchange.words[D + OUT_WORDS] = value;
  return OUT_WORDS * 4 + size;
}

/** Compression as the file itself has it, and of a folder whether it belongs to a project. */
function flagsOf(exchange: Exchange, files: Subvolume, ino: number): number {
  const own = files.ownProperties(ino);
  if (own < 0) return own;
  const found = files.stat(ino, exchange.attributes);
  if (found < 0) return found;
  const compression = compressionOf(own);
  return (
    (compression === COMPRESS_UNSET ? 0 : compression === COMPRESS_NONE ? FS_NOCOMP_FL : FS_COMPR_FL) |
    (inheritsProject(exchange) ? FS_PROJINHERIT_FL : 0)
  );
}

function inheritsProject({ attributes }: Exchange): boolean {
  return (attributes.mode & S_IFMT) === S_IFDIR && attributes.project !== 0;
}

/** Compression alone can be changed: with a codec that the file has already, else Zstandard. */
function setFlags(exchange: Exchange, files: Subvolume, ino: number, flags: number): number {
  const before = flagsOf(exchange, files, ino);
  if (before < 0) return before;
  if (((flags ^ before) & ~(FS_COMPR_FL | FS_NOCOMP_FL)) !== 0) return -EOPNOTSUPP;
  if ((flags & FS_COMPR_FL) !== 0 && (flags & FS_NOCOMP_FL) !== 0) return -EINVAL;
  if (flags === before) return 0;
  const compression =
    (flags & FS_COMPR_FL) !== 0 ? COMPRESS_ZSTD : (flags & FS_NOCOMP_FL) !== 0 ? COMPRESS_NONE : COMPRESS_UNSET;
  return files.setProperties(ino, withCompression(files.ownProperties(ino), compression, 0));
}

function getFsxattr(exchange: Exchange, files: Subvolume, ino: number, room: number): number {
  const found = files.stat(ino, exchange.attributes);
  if (found < 0) return found;
  const { words } = exchange;
  words.fill(0, D, D + OUT_WORDS + FSXATTR_SIZE / 4);
  words[D + OUT_WORDS] = inheritsProject(exchange) ? FS_XFLAG_PROJINHERIT : 0;
  words[D + OUT_WORDS + FSXATTR_AT_PROJECT] = exchange.attributes.project;
  return OUT_WORDS * 4 + Math.min(room, FSXATTR_SIZE);
}

/** The project can be changed; the flag by which folders hand it on is there whenever they have one. */
function setFsxattr(exchange: Exchange, files: Subvolume, ino: number): number {
  const { words, attributes } = exchange;
  const found = files.stat(ino, attributes);
  if (found < 0) return found;
  // An extent size cannot be asked for.
  if (
    (words[B + IN_WORDS]! & ~FS_XFLAG_PROJINHERIT) !== 0 ||
    words[B + IN_WORDS + 1] !== 0 ||
    words[B + IN_WORDS + 4] !== 0
  )
    return -EOPNOTSUPP;
  attributes.project = words[B + IN_WORDS + FSXATTR_AT_PROJECT]!;
  const result = files.setAttributes(ino, attributes, ATTRIBUTE_PROJECT);
  return result < 0 ? result : 0;
}
