/**
 * The intent log: makes `fsync` cheap. Operations on names and attributes leave a record here, in memory. `fsync` of a
 * file stores its pages in free blocks, adds a record that maps them, and writes all records since the last time as one
 * batch, with one flush. After a crash the mount does it all again on top of the last commit (replay.ts); the next
 * commit makes the log void, by its generation.
 *
 * So what a crash leaves is the last commit with all later operations on names, up to the last `fsync`, and the content
 * of those files that were synced. Content that was not synced is as it was, with one exception: programs that replace
 * a file, by renaming a new one over it or by emptying and writing it again, seldom sync it. The names of a batch would
 * destroy its old content without bringing the new one. So the content of such a file goes with each batch, and a crash
 * leaves the old or the new one; only a batch or a commit in the midst of the writing has what there was by then.
 *
 * Blocks that a batch maps are kept from being used again before the next commit. What a record cannot say (long extent
 * lists, operations of tools) is said by `skip`: the next `fsync` commits instead, and so it does when the log is full.
 */
import { INODE_WORDS } from "../cache/inode-table.ts";
import { bytesToEnd, loadInode, mayHaveItems } from "../file/inode.ts";
import { INLINE_MIDDLE } from "../file/data.ts";
import { settlePages } from "../file/settle.ts";
import { findExtent, findNextExtent, foundExtent, isLost } from "../file/extents.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { INODE_AT_NLINK } from "../format/inode-item.ts";
import {
  BATCH_AT_CHECKSUM,
  BATCH_AT_GENERATION,
  BATCH_AT_MAGIC,
  BATCH_AT_NUMBER,
  BATCH_AT_PREVIOUS,
  BATCH_AT_RECORDS,
  BATCH_AT_WORDS,
  BATCH_HEADER_WORDS,
  LOG_ATTRIBUTES,
  LOG_CONTENT,
  LOG_CREATE,
  LOG_CREATE_UNNAMED,
  LOG_LINK,
  LOG_MAGIC,
  LOG_REMOVE_XATTR,
  LOG_RENAME,
  LOG_RMDIR,
  LOG_SET_ACL,
  LOG_SET_XATTR,
  LOG_SYMLINK,
  LOG_UNLINK,
} from "../format/log-layout.ts";
import { checksumWords } from "../format/checksum.ts";
import type { FileTree, FileVolume } from "../file/file-tree.ts";
import { RecordWriter } from "./record-writer.ts";
import { putReceipt } from "./read-log.ts";
import type { Batch } from "./record-reader.ts";

/** Most words that wait to be written; more, and the next `fsync` is a commit. */
const PENDING_WORDS_MAX = 1 << 18;
/**
 * Most records of a log, so that a mount does them again within some 60 ms of a core; more, and the next `fsync` is a
 * commit.
 */
const RECORDS_MAX = 16384;
/** Ranges of a file that are remembered for its next record, and extents that are listed in one. */
const RANGES_MAX = 256;
const EXTENTS_MAX = 256;
/**
 * Numbers in the ranges of all files (2 MiB); beyond that files are logged with all of their extents. With `FILES_MAX`
 * it keeps what the log remembers within the fixed part of the memory (mount-options.ts).
 */
const RANGE_NUMBERS_MAX = 1 << 18;

/** What changed in a file's content since it was logged or committed last. */
class ChangedContent {
  /** Index and count of blocks that were stored, in turn. */
  readonly ranges: number[] = [];
  /** Blocks went as well: a record has to list all that there are. */
  isWhole = false;
}

/**
 * A file whose content goes with each batch, since it took another one's place (`isMoved`), or else its own: then not
 * as long as it is empty, for until a commit the old content is there. What was emptied may be written after the next
 * commit; the one behind that ends it for both.
 */
interface Replacing {
  readonly subvolume: FileTree;
  readonly ino: number;
  isMoved: boolean;
  outlivesCommit: boolean;
}

export class IntentLog {
  readonly #volume: FileVolume;
  readonly #writer = new RecordWriter(PENDING_WORDS_MAX);
  /** By `cacheId` and inode number. Bound: emptied by each commit, and `skip` when there are too many. */
  readonly #changed = new Map<number, ChangedContent>();
  #rangeNumbers = 0;
  /** By `cacheId` and inode number. Bound: `FILES_MAX`, then `skip`. */
  readonly #replacing = new Map<number, Replacing>();
  /** Where the log is, and how much of it is written. */
  start = 0;
  blocks = 0;
  #used = 0;
  #records = 0;
  #number = 0;
  #previous = 0;
  #skips = false;
  /**
   * What was logged before and is still to be done again: each commit takes it along to its own log (check/repair.ts).
   */
  carried: readonly Batch[] = [];

  constructor(volume: FileVolume) {
    this.#volume = volume;
  }

  /**
   * A commit is durable, or the volume was just mounted: begins anew in that run; without blocks each `fsync` is a
   * commit.
   */
  restart(start: number, blocks: number): void {
    this.start = start;
    this.blocks = blocks;
    this.#used = 0;
    this.#records = 0;
    this.#number = 0;
    this.#previous = 0;
    // Its blocks hold what is carried.
    this.#skips = this.carried.length > 0;
    this.#writer.clear();
    this.#changed.clear();
    this.#rangeNumbers = 0;
    for (const [key, file] of this.#replacing) {
      if (!file.outlivesCommit) this.#replacing.delete(key);
      file.isMoved = file.outlivesCommit = false;
    }
  }

  /** Is it being written in this mount? What it held before was done again then. */
  get isOpen(): boolean {
    return this.blocks > 0;
  }

  /** Blocks of it that hold batches. */
  get used(): number {
    return this.#used;
  }

  /** Something happened that records cannot say: the next `fsync` commits. */
  skip(): void {
    this.#skips = true;
  }

  // ---- Records of what was done -----------------------------------------------------------------------------------

  #begin(kind: number, subvolume: FileTree): RecordWriter | null {
    if (this.blocks === 0 || this.#skips) return null;
    const writer = this.#writer;
    if (writer.overflowed) {
      this.#skips = true;
      writer.clear();
      return null;
    }
    writer.begin(kind, subvolume.id, this.#volume.seconds, this.#volume.nanoseconds);
    return writer;
  }

  /**
   * The same for a change of a file that exists. Without a name it ends with the crash, or gets one by a commit
   * (`link`): when all is done again it is gone.
   */
  #beginOf(kind: number, subvolume: FileTree, ino: number): RecordWriter | null {
    const at = loadInode(subvolume, ino);
    return at < 0 || this.#volume.inodes.words[at + INODE_AT_NLINK] === 0 ? null : this.#begin(kind, subvolume);
  }

  create(
    subvolume: FileTree,
    directory: number,
    name: string,
    ino: number,
    mode: number,
    uid: number,
    gid: number,
    rdev: number,
    umask: number,
  ): void {
    const writer = this.#begin(LOG_CREATE, subvolume);
    if (writer === null) return;
    writer.u32(directory);
    writer.u32(ino);
    writer.u32(mode);
    writer.u32(uid);
    writer.u32(gid);
    writer.u32(rdev);
    writer.u32(umask >>> 0);
    writer.text(name);
    writer.end();
  }

  createUnnamed(subvolume: FileTree, ino: number, mode: number, uid: number, gid: number): void {
    const writer = this.#begin(LOG_CREATE_UNNAMED, subvolume);
    if (writer === null) return;
    writer.u32(ino);
    writer.u32(mode);
    writer.u32(uid);
    writer.u32(gid);
    writer.end();
  }

  symlink(
    subvolume: FileTree,
    directory: number,
    name: string,
    ino: number,
    target: string,
    uid: number,
    gid: number,
  ): void {
    const writer = this.#begin(LOG_SYMLINK, subvolume);
    if (writer === null) return;
    writer.u32(directory);
    writer.u32(ino);
    writer.u32(uid);
    writer.u32(gid);
    writer.text(name);
    writer.text(target);
    writer.end();
  }

  link(subvolume: FileTree, ino: number, directory: number, name: string): void {
    const writer = this.#begin(LOG_LINK, subvolume);
    if (writer === null) return;
    writer.u32(ino);
    writer.u32(directory);
    writer.text(name);
    writer.end();
  }

  unlink(subvolume: FileTree, directory: number, name: string): void {
    this.#removal(LOG_UNLINK, subvolume, directory, name);
  }

  rmdir(subvolume: FileTree, directory: number, name: string): void {
    this.#removal(LOG_RMDIR, subvolume, directory, name);
  }

  #removal(kind: number, subvolume: FileTree, directory: number, name: string): void {
    const writer = this.#begin(kind, subvolume);
    if (writer === null) return;
    writer.u32(directory);
    writer.text(name);
    writer.end();
  }

  rename(
    subvolume: FileTree,
    directory: number,
    name: string,
    newDirectory: number,
    newName: string,
    flags: number,
    uid: number,
    gid: number,
  ): void {
    const writer = this.#begin(LOG_RENAME, subvolume);
    if (writer === null) return;
    writer.u32(directory);
    writer.u32(newDirectory);
    writer.u32(flags);
    writer.u32(uid);
    writer.u32(gid);
    writer.text(name);
    writer.text(newName);
    writer.end();
  }

  attributes(subvolume: FileTree, ino: number): void {
    const writer = this.#beginOf(LOG_ATTRIBUTES, subvolume, ino);
    if (writer === null) return;
    writer.u32(ino);
    writer.copy(this.#volume.inodes.words, loadInode(subvolume, ino), INODE_WORDS);
    writer.end();
  }

  setXattr(subvolume: FileTree, ino: number, name: string, value: Uint8Array, flags: number): void {
    const writer = this.#beginOf(LOG_SET_XATTR, subvolume, ino);
    if (writer === null) return;
    writer.u32(ino);
    writer.u32(flags);
    writer.text(name);
    writer.bytes(value);
    writer.end();
  }

  removeXattr(subvolume: FileTree, ino: number, name: string): void {
    const writer = this.#beginOf(LOG_REMOVE_XATTR, subvolume, ino);
    if (writer === null) return;
    writer.u32(ino);
    writer.text(name);
    writer.end();
  }

  setAcl(subvolume: FileTree, ino: number, name: string, value: Uint8Array): void {
    const writer = this.#beginOf(LOG_SET_ACL, subvolume, ino);
    if (writer === null) return;
    writer.u32(ino);
    writer.text(name);
    writer.bytes(value);
    writer.end();
  }

  // ---- Content ----------------------------------------------------------------------------------------------------

  /** Blocks of a file got new content; with 0 blocks, its inline content did. */
  stored(subvolume: FileTree, ino: number, index: number, count: number): void {
    const changed = this.#changedOf(subvolume, ino);
    if (changed === null || changed.isWhole) return;
    const { ranges } = changed;
    const last = ranges.length - 2;
    if (last >= 0 && ranges[last]! + ranges[last + 1]! === index) ranges[last + 1]! += count;
    else if (ranges.length < 2 * RANGES_MAX && this.#rangeNumbers < RANGE_NUMBERS_MAX) {
      ranges.push(index, count);
      this.#rangeNumbers += 2;
    } else {
      changed.isWhole = true;
      this.#rangeNumbers -= ranges.length;
      ranges.length = 0;
    }
  }

  /** Blocks of a file went, or its extents changed in another way than by `stored`. */
  cut(subvolume: FileTree, ino: number): void {
    const changed = this.#changedOf(subvolume, ino);
    if (changed !== null) changed.isWhole = true;
  }

  /** A file got the name of another one, whose content is gone with it. */
  movedOver(subvolume: FileTree, ino: number): void {
    const file = this.#replacingOf(subvolume, ino);
    if (file !== null) file.isMoved = true;
  }

  /** A file was emptied, as a rule to be written anew. */
  emptied(subvolume: FileTree, ino: number): void {
    const file = this.#replacingOf(subvolume, ino);
    if (file !== null) file.outlivesCommit = true;
  }

  #replacingOf(subvolume: FileTree, ino: number): Replacing | null {
    const key = subvolume.cacheId * 0x100000000 + ino;
    let file = this.#replacing.get(key);
    if (file === undefined) {
      if (this.#replacing.size >= FILES_MAX) {
        this.#skips = true;
        return null;
      }
      this.#replacing.set(key, (file = { subvolume, ino, isMoved: false, outlivesCommit: false }));
    }
    return file;
  }

  /**
   * Adds the content of the files that replace something, as far as it changed since the last batch. Returns false when
   * only a commit will do. Throws Failure.
   */
  #addReplacing(): boolean {
    const { inodes } = this.#volume;
    for (const [key, { subvolume, ino, isMoved }] of this.#replacing) {
      // A rollback gave the subvolume other files.
      if (subvolume.cacheId * 0x100000000 + ino !== key) continue;
      const slot = inodes.find(subvolume.cacheId, ino);
      const isWaiting = this.#changed.has(key) || (slot >= 0 && inodes.dirtyPages[slot]! > 0);
      if (!isWaiting || (!isMoved && slot >= 0 && bytesToEnd(inodes.words, slot * INODE_WORDS, 0, 0) === 0)) continue;
      if (!this.addContent(subvolume, ino)) return false;
    }
    return true;
  }

  #changedOf(subvolume: FileTree, ino: number): ChangedContent | null {
    if (this.blocks === 0 || this.#skips) return null;
    const key = subvolume.cacheId * 0x100000000 + ino;
    let changed = this.#changed.get(key);
    if (changed === undefined) {
      if (this.#changed.size >= FILES_MAX) {
        this.#skips = true;
        return null;
      }
      this.#changed.set(key, (changed = new ChangedContent()));
    }
    return changed;
  }

  /**
   * Stores the content of a file and adds its record. Returns false when only a commit will do. Throws Failure.
   * Nothing is durable before `flush`.
   */
  addContent(subvolume: FileTree, ino: number): boolean {
    if (this.blocks === 0 || this.#skips || this.#writer.overflowed) return false;
    const at = loadInode(subvolume, ino);
    const { inodes } = this.#volume;
    // A file without a name ends with the crash.
    if (at < 0 || inodes.words[at + INODE_AT_NLINK] === 0) return true;
    const slot = at / INODE_WORDS;
    if (inodes.dirtyPages[slot]! > 0) settlePages(subvolume, slot);
    const key = subvolume.cacheId * 0x100000000 + ino;
    const changed = this.#changed.get(key);
    if (changed === undefined) {
      this.attributes(subvolume, ino);
      return true;
    }
    const writer = this.#begin(LOG_CONTENT, subvolume);
    if (writer === null) return false;
    writer.u32(ino);
    writer.copy(inodes.words, at, INODE_WORDS);
    writer.u32(changed.isWhole ? 1 : 0);
    const { tree } = subvolume;
    if (mayHaveItems(subvolume, ino) && tree.find(ino, INLINE_MIDDLE, 0))
      writer.bytes(tree.bytes.subarray(tree.offset, tree.offset + tree.length));
    else writer.u32(0);
    const countAt = writer.length;
    writer.u32(0);
    let extents = 0;
    const ranges = changed.isWhole ? [0, Infinity] : changed.ranges;
    for (let range = 0; range < ranges.length; range += 2) {
      const end = ranges[range]! + ranges[range + 1]!;
      for (let index = ranges[range]!; index < end; index = foundExtent.start + foundExtent.length) {
        if (
          !mayHaveItems(subvolume, ino) ||
          (!findExtent(subvolume, ino, index) && !findNextExtent(subvolume, ino, index)) ||
          foundExtent.start >= end
        )
          break;
        // A record maps blocks; what is lost has none.
        if (++extents > EXTENTS_MAX || isLost(foundExtent.flags)) {
          this.#skips = true;
          return false;
        }
        writer.u32(foundExtent.start >>> 0);
        writer.u32(Math.floor(foundExtent.start / 0x100000000));
        const length = tree.length >>> 2;
        writer.u32(length);
        writer.copy(tree.words, tree.offset >>> 2, length);
        this.#volume.space.keep(
          tree.words[(tree.offset >>> 2) + EXTENT_AT_BLOCK]!,
          tree.words[(tree.offset >>> 2) + EXTENT_AT_LENGTH]! >>> 16,
        );
      }
    }
    if (writer.overflowed) return false;
    writer.words[countAt] = extents;
    writer.end();
    this.#changed.delete(key);
    this.#rangeNumbers -= changed.ranges.length;
    return true;
  }

  /** Writes all records as a batch and makes them durable. Returns false when only a commit will do. Throws Failure. */
  flush(): boolean {
    const writer = this.#writer;
    if (this.blocks === 0 || this.#skips || writer.overflowed || !this.#addReplacing() || writer.overflowed)
      return false;
    if (writer.records === 0) {
      // Content may have gone to its blocks without a record: to files that lost their names. Nothing is to be kept.
      return true;
    }
    const words = (BATCH_HEADER_WORDS + writer.length + 3) & ~3;
    const blocks = Math.ceil((words * 4) / BLOCK_SIZE);
    if (this.#used + blocks > this.blocks || this.#records + writer.records > RECORDS_MAX) return false;
    this.#writeBatch(words, writer.records, writer.words.subarray(0, writer.length));
    this.#volume.store.flush();
    writer.clear();
    this.#writeReceipt();
    return true;
  }

  /** Says that the last batch is durable, without waiting until that is (read-log.ts). */
  #writeReceipt(): void {
    if (this.#used >= this.blocks) return;
    const bytes = new Uint8Array(BLOCK_SIZE);
    putReceipt(bytes, this.#volume.superblock.generation, this.#number, this.#previous);
    this.#volume.store.write(this.start + this.#used, 1, bytes, 0);
  }

  /** Writes one batch of `words` words behind the last. */
  #writeBatch(words: number, recordCount: number, records: Uint32Array): void {
    const blocks = Math.ceil((words * 4) / BLOCK_SIZE);
    const bytes = new Uint8Array(blocks * BLOCK_SIZE);
    const batch = new Uint32Array(bytes.buffer);
    const generation = this.#volume.superblock.generation;
    batch[BATCH_AT_MAGIC] = LOG_MAGIC;
    batch[BATCH_AT_GENERATION] = generation >>> 0;
    batch[BATCH_AT_GENERATION + 1] = Math.floor(generation / 0x100000000);
    batch[BATCH_AT_NUMBER] = this.#number + 1;
    batch[BATCH_AT_WORDS] = words;
    batch[BATCH_AT_RECORDS] = recordCount;
    batch[BATCH_AT_PREVIOUS] = this.#previous;
    batch.set(records, BATCH_HEADER_WORDS);
    const checksum = checksumWords(new Int32Array(bytes.buffer), 0, words, 0);
    batch[BATCH_AT_CHECKSUM] = checksum;
    this.#volume.store.write(this.start + this.#used, blocks, bytes, 0);
    this.#used += blocks;
    this.#records += recordCount;
    this.#number++;
    this.#previous = checksum;
  }

  /**
   * Writes what is carried into the log of the superblock that will be written next. Returns false when that has no
   * room for it.
   */
  carry(start: number, blocks: number): boolean {
    this.restart(start, blocks);
    for (const { words, records } of this.carried) {
      if (this.#used + Math.ceil((words.length * 4) / BLOCK_SIZE) > blocks) return false;
      this.#writeBatch(words.length, records, words.subarray(BATCH_HEADER_WORDS));
    }
    // They were durable in the log before.
    if (this.#used < this.blocks) this.#writeReceipt();
    return true;
  }
}

/** Files whose changes are remembered (some 150 bytes each). */
const FILES_MAX = 32768;
