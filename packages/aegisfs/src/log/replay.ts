/**
 * Replay: does again what the log says, on top of the commit that it follows. Happens in memory; the mount commits it.
 *
 * Which batches count is read-log.ts's to say. Blocks that they map are mapped whatever is in them: they were durable
 * once, and reading those that do not match any more says so. The log is checked like everything from outside: what
 * makes no sense is damage.
 */
import { S_IFMT, S_IFREG } from "@stratos/abi";
import { inheritAcl, setAcl, followMode } from "../file/acl.ts";
import { INODE_WORDS } from "../cache/inode-table.ts";
import { Failure } from "../failure.ts";
import { INLINE_MIDDLE, putInline } from "../file/data.ts";
import { changeBlocks, putExtentValue, releaseExtents } from "../file/extents.ts";
import { changeInode, expectItems } from "../file/inode.ts";
import * as namespace from "../file/namespace.ts";
import { rename } from "../file/rename.ts";
import * as xattrs from "../file/xattrs.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { FILE_BLOCKS_MAX, INLINE_SIZE_MAX } from "../format/geometry.ts";
import {
  INODE_AT_BLOCKS,
  INODE_AT_BYTES,
  INODE_AT_ENTRIES,
  INODE_AT_GENERATION,
  INODE_AT_GID,
  INODE_AT_MODE,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
  INODE_AT_PROJECT,
  INODE_AT_UID,
} from "../format/inode-item.ts";
import {
  LOG_ATTRIBUTES,
  LOG_CONTENT,
  LOG_CREATE,
  LOG_CREATE_UNNAMED,
  LOG_LINK,
  LOG_REMOVE_XATTR,
  LOG_RENAME,
  LOG_RMDIR,
  LOG_SET_ACL,
  LOG_SET_XATTR,
  LOG_SYMLINK,
  LOG_UNLINK,
} from "../format/log-layout.ts";
import type { FileTree, FileVolume } from "../file/file-tree.ts";
import type { VolumeSpace } from "../space/volume-space.ts";
import { readLog } from "./read-log.ts";
import { eachExtent, liar, RecordReader, type Batch } from "./record-reader.ts";

/** Words of an inode that follow from other things than its own record. */
const DERIVED = new Set([
  INODE_AT_NLINK,
  INODE_AT_PARENT,
  INODE_AT_ENTRIES,
  INODE_AT_GENERATION,
  INODE_AT_GENERATION + 1,
  INODE_AT_BLOCKS,
  INODE_AT_BLOCKS + 1,
]);
/** Of attributes alone: the size belongs to the content. */
const SIZE_WORDS = new Set([INODE_AT_BYTES, INODE_AT_BYTES + 1]);

/** A volume whose changes are done again, each at its time. */
interface ReplayVolume extends FileVolume {
  setTime(seconds: number, nanoseconds: number): void;
}

/**
 * Does again what the log of the volume's superblock says. Returns the number of records; throws Failure `corrupt-node`
 * for a log that lies.
 */
export function replayLog(volume: ReplayVolume): number {
  const { batches, lost } = readLog(volume);
  // What was synced is not to go without a word: check names it, and repair goes on without it.
  if (lost > 0) throw liar();
  pinContent(volume, batches);
  // It was allowed when it was done.
  volume.enforcesQuotas = false;
  let records = 0;
  for (const batch of batches) {
    const reader = new RecordReader(batch.words);
    for (let record = 0; record < batch.records; record++, records++) {
      reader.next();
      redo(volume, reader);
    }
  }
  volume.enforcesQuotas = true;
  return records;
}

/** Nothing that a record maps may be taken for something else before it is done again. */
export function pinContent({ space }: VolumeSpace, batches: readonly Batch[]): void {
  for (const batch of batches)
    eachExtent(batch, (words, at) => space.pin(words[at + EXTENT_AT_BLOCK]!, words[at + EXTENT_AT_LENGTH]! >>> 16));
}

/**
 * The same after damage was mended: what was done on a state that may have lost something since. Records that make no
 * sense on it are left out, and inodes that get other numbers than they had are found by the later records under their
 * new ones.
 *
 * @returns records that were done, and that could not be
 */
export function salvageLog(volume: ReplayVolume, batches: readonly Batch[]): { done: number; failed: number } {
  const counts = { done: 0, failed: 0 };
  const renumbered = new Map<string, number>();
  volume.enforcesQuotas = false;
  for (const batch of batches) {
    const reader = new RecordReader(batch.words);
    reader.renumbered = renumbered;
    for (let record = 0; record < batch.records; record++) {
      reader.next();
      if (isDoneAgain(volume, reader)) counts.done++;
      else counts.failed++;
    }
  }
  volume.enforcesQuotas = true;
  return counts;
}

function isDoneAgain(volume: ReplayVolume, reader: RecordReader): boolean {
  try {
    redo(volume, reader);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return false;
  }
}

function redo(volume: ReplayVolume, reader: RecordReader): void {
  const subvolume = volume.subvolume(reader.subvolume);
  if (subvolume === null) throw liar();
  volume.setTime(reader.seconds, reader.nanoseconds);
  const result = redoOne(volume, subvolume, reader);
  // It succeeded once, on the same state.
  if (result < 0) throw liar();
}

function redoOne(volume: ReplayVolume, subvolume: FileTree, reader: RecordReader): number {
  switch (reader.kind) {
    case LOG_CREATE: {
      const directory = reader.ino();
      const [ino, mode, uid, gid, rdev, umask] = reader.numbers(6) as [number, number, number, number, number, number];
      const made = reader.made(ino, namespace.create(subvolume, directory, reader.text(), mode, uid, gid, rdev));
      if (made < 0) return -1;
      if (umask !== 0xffffffff) inheritAcl(subvolume, directory, made, umask);
      return 0;
    }
    case LOG_CREATE_UNNAMED: {
      const [ino, mode, uid, gid] = reader.numbers(4) as [number, number, number, number];
      // It is gone when all is done again: what it had of its directory is not in the log.
      return reader.made(ino, namespace.createUnnamed(subvolume, 0, mode, uid, gid));
    }
    case LOG_SYMLINK: {
      const directory = reader.ino();
      const [ino, uid, gid] = reader.numbers(3) as [number, number, number];
      const name = reader.text();
      return reader.made(ino, namespace.symlink(subvolume, directory, name, reader.text(), uid, gid));
    }
    case LOG_LINK: {
      const ino = reader.ino();
      const directory = reader.ino();
      return namespace.link(subvolume, ino, directory, reader.text());
    }
    case LOG_UNLINK:
      return namespace.unlink(subvolume, reader.ino(), reader.text());
    case LOG_RMDIR:
      return namespace.rmdir(subvolume, reader.ino(), reader.text());
    case LOG_RENAME: {
      const directory = reader.ino();
      const newDirectory = reader.ino();
      const [flags, uid, gid] = reader.numbers(3) as [number, number, number];
      const name = reader.text();
      return rename(subvolume, directory, name, newDirectory, reader.text(), flags, uid, gid);
    }
    case LOG_ATTRIBUTES:
      return takeWords(subvolume, reader, false);
    case LOG_SET_XATTR: {
      const ino = reader.ino();
      const flags = reader.u32();
      const name = reader.text();
      return xattrs.set(subvolume, ino, name, reader.bytes(), flags);
    }
    case LOG_REMOVE_XATTR: {
      const ino = reader.ino();
      return xattrs.remove(subvolume, ino, reader.text());
    }
    case LOG_SET_ACL: {
      const ino = reader.ino();
      const name = reader.text();
      return setAcl(subvolume, ino, name, reader.bytes());
    }
    case LOG_CONTENT:
      return redoContent(volume, subvolume, reader);
    default:
      return -1;
  }
}

/** The inode gets the words of the record. Returns its number, or −1. */
function takeWords(subvolume: FileTree, reader: RecordReader, size: boolean): number {
  const ino = reader.ino();
  const at = changeInode(subvolume, ino);
  if (at < 0) return -1;
  const { words } = subvolume.volume.inodes;
  const type = words[at + INODE_AT_MODE]! & S_IFMT;
  const own = reader.peek(INODE_WORDS);
  if ((own[INODE_AT_MODE]! & S_IFMT) !== type || (size && (type !== S_IFREG || own[INODE_AT_BYTES + 1]! >= 0x80000000)))
    return -1;
  subvolume.quotas.transfer(words, at, own[INODE_AT_UID]!, own[INODE_AT_GID]!, own[INODE_AT_PROJECT]!);
  for (let word = 0; word < INODE_WORDS; word++) {
    const value = reader.u32();
    if (!DERIVED.has(word) && (size || !SIZE_WORDS.has(word))) words[at + word] = value;
  }
  followMode(subvolume, ino, words[at + INODE_AT_MODE]! & 0o7777);
  return ino;
}

function redoContent(volume: ReplayVolume, subvolume: FileTree, reader: RecordReader): number {
  const ino = takeWords(subvolume, reader, true);
  if (ino < 0) return -1;
  const { tree } = subvolume;
  const isWhole = reader.u32() === 1;
  const inline = reader.bytes();
  if (inline.length > INLINE_SIZE_MAX) return -1;
  expectItems(subvolume, ino);
  if (isWhole) {
    changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, 0, Infinity));
    tree.remove(ino, INLINE_MIDDLE, 0);
  }
  if (inline.length > 0) putInline(subvolume, ino, inline, 0, inline.length);
  for (let left = reader.u32(); left > 0; left--) {
    const [low, high] = reader.numbers(2) as [number, number];
    const index = low + high * 0x100000000;
    const words = reader.words;
    const at = reader.extent();
    const length = words[at + EXTENT_AT_LENGTH]! & 0xffff;
    const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
    if (index + length > FILE_BLOCKS_MAX) return -1;
    changeBlocks(subvolume, ino, length - releaseExtents(subvolume, ino, index, index + length));
    if (index === 0) tree.remove(ino, INLINE_MIDDLE, 0);
    own(volume, words[at + EXTENT_AT_BLOCK]!, stored);
    putExtentValue(subvolume, ino, index, words, at);
  }
  return 0;
}

/** The file owns these blocks, of which a snapshot or another part of the file may own some already. */
function own({ space, references, store }: VolumeSpace, start: number, count: number): void {
  for (let block = start; block < start + count; block++) {
    if (block >= store.topStart && !space.claim(block)) references.share(block, 1);
  }
}
