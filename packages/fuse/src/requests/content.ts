/** Content: READ, WRITE, FALLOCATE, LSEEK, COPY_FILE_RANGE, FSYNC. */
import { FUSE_WRITE_CACHE, FUSE_WRITE_KILL_SUIDGID } from "@stratos/abi/fuse";
import {
  EINVAL,
  EIO,
  ENOSPC,
  EOPNOTSUPP,
  ESTALE,
  EXDEV,
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FALLOC_FL_ZERO_RANGE,
  SEEK_DATA,
  SEEK_HOLE,
} from "@stratos/abi";
import { addOffsets, ATTRIBUTE_ATIME, ATTRIBUTE_MODE, blocksOf, offsetBetween, offsetOf } from "@stratos/aegisfs";
import type { FileOffset, Subvolume } from "@stratos/aegisfs";
import { treeOf, type Mount } from "../mount.ts";
import { getOffset, getUnsigned, putOffset } from "../wire/attribute-words.ts";
import {
  B,
  D,
  NO_REPLY,
  PAYLOAD_MAX,
  Q_LENGTH,
  Q_NODE_TREE,
  REPLY_DATA_AT,
  REQUEST_AT,
  WRITE_DATA_AT,
} from "../wire/layout.ts";
import { withoutSetId } from "./attributes.ts";
import { dropCapabilities } from "./xattrs.ts";

/** fuse_read_in: fh (2), offset (2), size. */
export function readContent(mount: Mount, files: Subvolume, ino: number): number {
  const { words } = mount.exchange;
  const count = files.read(
    ino,
    getOffset(words, B + 2),
    mount.exchange.bytes,
    REPLY_DATA_AT,
    Math.min(words[B + 4]!, PAYLOAD_MAX),
  );
  if (mount.settings.accessTimes !== "never" && !mount.caches.hasFreshAccess(ino)) touchAccessTime(mount, files, ino);
  return count;
}

/** relatime, mount(8): the access time moves when it is not after the last change, or a day old. */
export function touchAccessTime(mount: Mount, files: Subvolume, ino: number): void {
  const { volume } = mount;
  const { words, attributes } = mount.exchange;
  if (files.readOnly || files.stat(ino, attributes) < 0) return;
  const { atimeSeconds, atimeNanoseconds } = attributes;
  const isAfter = (seconds: number, nanoseconds: number): boolean =>
    atimeSeconds > seconds || (atimeSeconds === seconds && atimeNanoseconds > nanoseconds);
  const isFresh =
    isAfter(attributes.mtimeSeconds, attributes.mtimeNanoseconds) &&
    isAfter(attributes.ctimeSeconds, attributes.ctimeNanoseconds);
  const isStrict = mount.settings.accessTimes === "strict";
  if (isStrict || !isFresh || volume.seconds - atimeSeconds >= 86400) {
    attributes.atimeSeconds = volume.seconds;
    attributes.atimeNanoseconds = volume.nanoseconds;
    if (files.setAttributes(ino, attributes, ATTRIBUTE_ATIME) < 0) return;
  }
  if (!isStrict && words[Q_NODE_TREE] === 0) mount.caches.setFreshAccess(ino);
}

/** fuse_write_in: fh (2), offset (2), size, flags; the data. */
export function writeContent(mount: Mount, files: Subvolume, ino: number): number {
  const { words } = mount.exchange;
  const size = words[B + 4]!;
  if (words[Q_LENGTH]! !== WRITE_DATA_AT - REQUEST_AT + size) return -EINVAL;
  const offset = getOffset(words, B + 2);
  const { volume } = mount;
  // The kernel that gathers writes keeps the times, and sends them when they have changed.
  volume.keepsTimes = mount.agreement.gathersWrites;
  let written = files.write(ino, offset, mount.exchange.bytes, WRITE_DATA_AT, size);
  if ((words[B + 5]! & FUSE_WRITE_CACHE) !== 0) {
    mount.parked.sawWrite();
    // Of gathered pages Linux takes any count for all (fuse_writepage_end): what did not fit has to be an error, which
    // the next fsync or close tells.
    if (written >= 0 && written < size) {
      const rest = files.write(
        ino,
        addOffsets(offset, written),
        mount.exchange.bytes,
        WRITE_DATA_AT + written,
        size - written,
      );
      written = rest < 0 ? rest : -ENOSPC;
    }
    if (words[Q_NODE_TREE] === 0) {
      if (written < 0) {
        mount.lost.note(ino, written, volume.seconds);
        mount.caches.forgetAttributes(ino, 0);
      } else mount.lost.forget(ino);
    }
  }
  volume.keepsTimes = false;
  if (written < 0) return written;
  mount.caches.dropFreshAccess(ino);
  if ((words[B + 5]! & FUSE_WRITE_KILL_SUIDGID) !== 0) dropSetId(mount, files, ino, words[Q_NODE_TREE]!);
  if (mount.caches.inoWithoutCapabilities !== ino || files !== mount.files) dropCapabilities(mount, files, ino);
  words[D] = written;
  words[D + 1] = 0;
  return 8;
}

/**
 * S_ISUID and S_ISGID go with the content that they were given to. Linux asks for a file's times after a write, not
 * for its mode, by which it starts programs: it is told.
 */
function dropSetId(mount: Mount, files: Subvolume, ino: number, tree: number): void {
  const { attributes } = mount.exchange;
  if (files.stat(ino, attributes) < 0) return;
  const mode = withoutSetId(attributes.mode);
  if (mode === attributes.mode) return;
  attributes.mode = mode;
  if (files.setAttributes(ino, attributes, ATTRIBUTE_MODE) === 0) mount.caches.forgetAttributes(ino, tree);
}

/** fuse_fallocate_in: fh (2), offset (2), length (2), mode. */
export function fallocate(mount: Mount, files: Subvolume, ino: number): number {
  const { words, uid } = mount.exchange;
  const mode = words[B + 6]!;
  const offset = getOffset(words, B + 2);
  const length = getOffset(words, B + 4);
  mount.caches.dropFreshAccess(ino);
  dropCapabilities(mount, files, ino);
  const result = changeRange(mount, files, ino, { mode, offset, length });
  // Of this request and of COPY_FILE_RANGE Linux does not tell whether the caller has CAP_FSETID: it tells who it is.
  if (result === 0 && uid !== 0) dropSetId(mount, files, ino, words[Q_NODE_TREE]!);
  return result;
}

interface Range {
  /** FALLOC_FL_* */
  readonly mode: number;
  readonly offset: FileOffset;
  readonly length: FileOffset;
}

function changeRange(mount: Mount, files: Subvolume, ino: number, { mode, offset, length }: Range): number {
  switch (mode) {
    case 0:
    case FALLOC_FL_KEEP_SIZE:
      return files.preallocate(ino, offset, length, mode === FALLOC_FL_KEEP_SIZE);
    case FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE:
      return punch(mount, files, ino, offset, length);
    case FALLOC_FL_ZERO_RANGE:
    case FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE: {
      const punched = punch(mount, files, ino, offset, length);
      return punched < 0 ? punched : files.preallocate(ino, offset, length, mode !== FALLOC_FL_ZERO_RANGE);
    }
    default:
      return -EOPNOTSUPP;
  }
}

/** Blocks that are held behind the end of the file stay, as on ext4. */
function punch(mount: Mount, files: Subvolume, ino: number, offset: FileOffset, length: FileOffset): number {
  const found = files.stat(ino, mount.exchange.attributes);
  if (found < 0) return found;
  const { size } = mount.exchange.attributes;
  if (offset >= size) return 0;
  const left = offsetBetween(offset, offsetOf(blocksOf(size), 0));
  return files.punchHole(ino, offset, length < left ? length : left);
}

/** fuse_lseek_in: fh (2), offset (2), whence. */
export function seek(mount: Mount, files: Subvolume, ino: number): number {
  const { words } = mount.exchange;
  const whence = words[B + 4]!;
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return -EINVAL;
  const offset = getOffset(words, B + 2);
  const found = whence === SEEK_DATA ? files.seekData(ino, offset) : files.seekHole(ino, offset);
  // What the kernel has gathered may fill a hole or lengthen the file: only data is data in any case. Linux doesn't
  // write it first for this request.
  if (!(whence === SEEK_DATA && found === offset) && !files.readOnly && mount.parked.park(false)) return NO_REPLY;
  if (found < 0) return Number(found);
  putOffset(words, D, found);
  return 8;
}

/**
 * Most that one request copies: others wait meanwhile, and the caller goes on where it ended. Whole blocks within one
 * tree are shared, not copied.
 */
const COPY_MAX = 16 << 20;
const SHARE_MAX = 1 << 30;
const BLOCK = 4096;

/** fuse_copy_file_range_in: fh, offset in, node out, fh out, offset out, length, flags (2 words each). */
export function copyRange(mount: Mount, files: Subvolume, ino: number): number {
  const { words, bytes } = mount.exchange;
  const target = words[B + 4]!;
  const targetTree = words[B + 5]!;
  const targetFiles = treeOf(mount, targetTree);
  if (targetFiles === null) return -ESTALE;
  if (words[B + 12] !== 0 || words[B + 13] !== 0) return -EINVAL;
  const from = getOffset(words, B + 2);
  const to = getOffset(words, B + 8);
  const isShared = targetTree === words[Q_NODE_TREE] && words[B + 2]! % BLOCK === 0 && words[B + 8]! % BLOCK === 0;
  const length = Math.min(getUnsigned(words, B + 10), isShared ? SHARE_MAX : COPY_MAX);
  if (targetTree !== words[Q_NODE_TREE] && targetFiles.readOnly) return -EXDEV;
  let done = 0;
  if (targetTree === words[Q_NODE_TREE]) {
    // Within one tree blocks are shared, which makes it as quick for a gigabyte as for a page.
    done = files.copyRange({ source: ino, offset: from, target, targetOffset: to, length });
    if (done < 0) return done;
  } else
    while (done < length) {
      const count = files.read(ino, addOffsets(from, done), bytes, REPLY_DATA_AT, Math.min(length - done, PAYLOAD_MAX));
      if (count < 0 && done === 0) return count;
      if (count <= 0) break;
      const written = targetFiles.write(target, addOffsets(to, done), bytes, REPLY_DATA_AT, count);
      if (written < 0 && done === 0) return written;
      if (written <= 0) break;
      done += written;
      if (written < count) break;
    }
  mount.caches.dropFreshAccess(target);
  dropCapabilities(mount, targetFiles, target);
  if (mount.exchange.uid !== 0) dropSetId(mount, targetFiles, target, targetTree);
  words[D] = done;
  words[D + 1] = 0;
  return 8;
}

/**
 * FSYNC, FSYNCDIR: answered when the file is durable. A volume that has failed takes no changes (EROFS), but what was
 * asked for is to keep those that it took: EIO, fsync(2).
 */
export function syncFile(mount: Mount, files: Subvolume, ino: number): number {
  if (mount.volume.failure !== null) return -EIO;
  const failed = files.prepareFsync(ino);
  return failed < 0 ? failed : mount.syncs.add(false);
}

/** SYNCFS: answered after a commit. */
export function syncAll({ volume, syncs }: Pick<Mount, "volume" | "syncs">): number {
  if (volume.failure !== null) return -EIO;
  return syncs.add(true);
}
