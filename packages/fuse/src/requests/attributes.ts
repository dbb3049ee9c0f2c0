/** GETATTR, SETATTR, STATX. */
import {
  FATTR_ATIME,
  FATTR_ATIME_NOW,
  FATTR_CTIME,
  FATTR_FH,
  FATTR_GID,
  FATTR_KILL_SUIDGID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_MTIME_NOW,
  FATTR_SIZE,
  FATTR_UID,
  FUSE_GETATTR_FH,
} from "@stratos/abi/fuse";
import { S_IFDIR, S_IFMT, S_IFREG, S_ISGID, S_ISUID } from "@stratos/abi";
import {
  ATTRIBUTE_ATIME,
  ATTRIBUTE_CTIME,
  ATTRIBUTE_GID,
  ATTRIBUTE_MODE,
  ATTRIBUTE_MTIME,
  ATTRIBUTE_UID,
} from "@stratos/aegisfs";
import type { Attributes, Subvolume } from "@stratos/aegisfs";
import type { Exchange } from "../exchange.ts";
import type { Mount } from "../mount.ts";
import {
  getOffset,
  getSigned,
  putAttributesReply,
  putOffset,
  putPair,
  VALID_SECONDS,
} from "../wire/attribute-words.ts";
import { B, D, Q_NODE_TREE } from "../wire/layout.ts";
import { dropCapabilities } from "./xattrs.ts";

/** fuse_getattr_in: flags, padding, fh (2). With FUSE_GETATTR_FH somebody reads, writes or seeks. */
export function getAttributes(mount: Mount, files: Subvolume, ino: number): number {
  const { words } = mount.exchange;
  if ((words[B]! & FUSE_GETATTR_FH) !== 0 && words[Q_NODE_TREE] === 0) {
    const lost = mount.lost.take(ino, mount.volume.seconds);
    if (lost < 0) return lost;
  }
  const found = files.stat(ino, mount.exchange.attributes);
  if (found < 0) return found;
  return putAttributesReply(
    mount.exchange.words,
    D,
    mount.exchange.attributes,
    mount.exchange.words[Q_NODE_TREE]!,
    VALID_SECONDS,
  );
}

/**
 * fuse_setattr_in, by words: valid, padding, fh (2), size (2), lock owner (2), atime (2), mtime (2), ctime (2), their
 * nanoseconds (3), mode, unused, uid, gid.
 */
export function setAttributes(mount: Mount, files: Subvolume, ino: number): number {
  const { volume } = mount;
  const { words, attributes } = mount.exchange;
  const valid = words[B]!;
  if ((valid & FATTR_SIZE) !== 0) {
    // Times that are to change come with it, where the kernel keeps them.
    volume.keepsTimes = mount.agreement.gathersWrites;
    const cut = files.truncate(ino, getOffset(words, B + 4));
    volume.keepsTimes = false;
    if (cut < 0) return cut;
    if (words[Q_NODE_TREE] === 0) mount.lost.forget(ino);
    dropCapabilities(mount, files, ino);
  }
  let found = files.stat(ino, attributes);
  if (found < 0) return found;
  // Linux sends the times of a file right behind each unlink (fuse_flush_time_update). When that took its last name
  // they matter to nobody: whoever has it open asks the kernel, which keeps them.
  if (
    (valid & ~FATTR_FH) === (FATTR_MTIME | FATTR_CTIME) &&
    attributes.nlink === 0 &&
    ino === mount.caches.lastUnlinked
  ) {
    return putAttributesReply(words, D, attributes, words[Q_NODE_TREE]!, VALID_SECONDS);
  }
  mount.caches.dropFreshAccess(ino);
  let mask = 0;
  if ((valid & FATTR_MODE) !== 0) {
    attributes.mode = (attributes.mode & S_IFMT) | (words[B + 17]! & 0o7777);
    mask |= ATTRIBUTE_MODE;
  }
  if ((valid & (FATTR_UID | FATTR_GID)) !== 0) {
    if ((valid & FATTR_UID) !== 0) attributes.uid = words[B + 19]!;
    if ((valid & FATTR_GID) !== 0) attributes.gid = words[B + 20]!;
    mask |= ATTRIBUTE_UID | ATTRIBUTE_GID;
    // chown(2): an executable's S_ISUID and S_ISGID go, its capabilities with them.
    if ((attributes.mode & S_IFMT) !== S_IFDIR && (valid & FATTR_MODE) === 0) {
      attributes.mode = withoutSetId(attributes.mode);
      mask |= ATTRIBUTE_MODE;
    }
    dropCapabilities(mount, files, ino);
  }
  if ((valid & FATTR_KILL_SUIDGID) !== 0 && (attributes.mode & S_IFMT) === S_IFREG) {
    attributes.mode = withoutSetId(attributes.mode);
    mask |= ATTRIBUTE_MODE;
  }
  if ((valid & FATTR_ATIME_NOW) !== 0) {
    attributes.atimeSeconds = volume.seconds;
    attributes.atimeNanoseconds = volume.nanoseconds;
    mask |= ATTRIBUTE_ATIME;
  } else if ((valid & FATTR_ATIME) !== 0) {
    attributes.atimeSeconds = getSigned(words, B + 8);
    attributes.atimeNanoseconds = words[B + 14]!;
    mask |= ATTRIBUTE_ATIME;
  }
  if ((valid & FATTR_MTIME_NOW) !== 0) {
    attributes.mtimeSeconds = volume.seconds;
    attributes.mtimeNanoseconds = volume.nanoseconds;
    mask |= ATTRIBUTE_MTIME;
  } else if ((valid & FATTR_MTIME) !== 0) {
    attributes.mtimeSeconds = getSigned(words, B + 10);
    attributes.mtimeNanoseconds = words[B + 15]!;
    mask |= ATTRIBUTE_MTIME;
  }
  if ((valid & FATTR_CTIME) !== 0) {
    attributes.ctimeSeconds = getSigned(words, B + 12);
    attributes.ctimeNanoseconds = words[B + 16]!;
    mask |= ATTRIBUTE_CTIME;
  } else if (mask !== 0) {
    attributes.ctimeSeconds = volume.seconds;
    attributes.ctimeNanoseconds = volume.nanoseconds;
    mask |= ATTRIBUTE_CTIME;
  }
  if (mask !== 0) {
    const set = files.setAttributes(ino, attributes, mask);
    if (set < 0) return set;
    found = files.stat(ino, attributes);
    if (found < 0) return found;
  }
  if ((valid & FATTR_SIZE) !== 0) mount.agreement.expectWrites(attributes);
  return putAttributesReply(words, D, attributes, words[Q_NODE_TREE]!, VALID_SECONDS);
}

/** A mode without S_ISUID, and without S_ISGID where that means another group's rights (not mandatory locking). */
export function withoutSetId(mode: number): number {
  return mode & ~S_ISUID & ~((mode & 0o010) !== 0 ? S_ISGID : 0);
}

/** STATX_BASIC_STATS and STATX_BTIME (statx(2)). */
const STATX_MASK = 0xfff;

export function statx(mount: Mount, files: Subvolume, ino: number): number {
  const found = files.stat(ino, mount.exchange.attributes);
  return found < 0
    ? found
    : putStatx(mount.exchange, mount.exchange.attributes, mount.exchange.words[Q_NODE_TREE]!, VALID_SECONDS);
}

/** fuse_statx_out: validity (4 words), spare (4); fuse_statx (256 bytes). */
export function putStatx({ words }: Exchange, attributes: Attributes, tree: number, validSeconds: number): number {
  words.fill(0, D, D + 72);
  words[D] = validSeconds;
  const at = D + 8;
  words[at] = STATX_MASK;
  words[at + 1] = 4096;
  words[at + 4] = attributes.nlink;
  words[at + 5] = attributes.uid;
  words[at + 6] = attributes.gid;
  words[at + 7] = attributes.mode;
  words[at + 8] = attributes.ino;
  words[at + 9] = tree;
  putOffset(words, at + 10, attributes.size);
  putPair(words, at + 12, attributes.blocks);
  putPair(words, at + 16, attributes.atimeSeconds);
  words[at + 18] = attributes.atimeNanoseconds;
  putPair(words, at + 20, attributes.btimeSeconds);
  words[at + 22] = attributes.btimeNanoseconds;
  putPair(words, at + 24, attributes.ctimeSeconds);
  words[at + 26] = attributes.ctimeNanoseconds;
  putPair(words, at + 28, attributes.mtimeSeconds);
  words[at + 30] = attributes.mtimeNanoseconds;
  // new_encode_dev (include/linux/kdev_t.h): minor 7–0, major 19–8, minor 31–20.
  words[at + 32] = (attributes.rdev >>> 8) & 0xfff;
  words[at + 33] = (attributes.rdev & 0xff) | ((attributes.rdev >>> 12) & 0xfff00);
  return 32 + 256;
}
