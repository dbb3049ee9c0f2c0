/**
 * Replay: does again what the log says, on top of the commit that it follows. Happens in memory; the mount commits it.
 *
 * A batch was flushed before the next one was written, so only the last one may miss some of the blocks that it maps: their checksums tell,
 * and the batch does not count then. The log is checked like everything from outside: what makes no sense is damage.
 */
import { S_IFMT, S_IFREG } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { inheritAcl, setAcl, followMode } from "../access/acl.ts";
import { INODE_WORDS } from "../cache/inode-table.ts";
import { Failure } from "../failure.ts";
import { INLINE_MIDDLE, putInline } from "../file/data.ts";
import { changeBlocks, putExtentValue, releaseExtents } from "../file/extents.ts";
import { changeInode, expectItems } from "../file/inode.ts";
import * as namespace from "../file/namespace.ts";
import { rename } from "../file/rename.ts";
import * as xattrs from "../file/xattrs.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_CHECKSUMS, EXTENT_AT_FLAGS, EXTENT_AT_LENGTH, EXTENT_UNWRITTEN, extentSize } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, FILE_BLOCKS_MAX, INLINE_SIZE_MAX } from "../format/geometry.ts";
import { INODE_AT_BLOCKS, INODE_AT_BYTES, INODE_AT_ENTRIES, INODE_AT_GENERATION, INODE_AT_GID, INODE_AT_MODE, INODE_AT_NLINK, INODE_AT_PARENT, INODE_AT_PROJECT, INODE_AT_UID } from "../format/inode-item.ts";
import {
  BATCH_AT_CHECKSUM, BATCH_AT_GENERATION, BATCH_AT_MAGIC, BATCH_AT_NUMBER, BATCH_AT_PREVIOUS, BATCH_AT_RECORDS, BATCH_AT_WORDS, BATCH_HEADER_WORDS, LOG_ATTRIBUTES, LOG_CONTENT,
  LOG_CREATE, LOG_CREATE_UNNAMED, LOG_LINK, LOG_MAGIC, LOG_REMOVE_XATTR, LOG_RENAME, LOG_RMDIR, LOG_SET_ACL, LOG_SET_XATTR, LOG_SYMLINK, LOG_UNLINK, RECORD_HEADER_WORDS,
} from "../format/log-layout.ts";
import { checksumWords } from "../store/checksum.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import type { Volume } from "../volume/volume.ts";

/** One batch of the log as it was written, with its checksum taken out of its words. */
export interface Batch { readonly words: Uint32Array; readonly records: number; readonly checksum: number }

/** Words of an inode that follow from other things than its own record. */
const DERIVED = new Set([
  INODE_AT_NLINK, INODE_AT_PARENT, INODE_AT_ENTRIES, INODE_AT_GENERATION, INODE_AT_GENERATION + 1, INODE_AT_BLOCKS, INODE_AT_BLOCKS + 1,
]);
/** Of attributes alone: the size belongs to the content. */
const SIZE_WORDS = new Set([INODE_AT_BYTES, INODE_AT_BYTES + 1]);

/** Does again what the log of the volume's superblock says. Returns the number of records; throws Failure `corrupt-node` for a log that lies. */
export function replayLog(volume: Volume): number {
  const batches = readLog(volume);
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

/** The batches of the volume's log that count. */
export function readLog(volume: Volume): Batch[] {
  const batches = readBatches(volume);
  const last = batches[batches.length - 1];
  if (last !== undefined && !isContentThere(volume, last)) batches.pop();
  return batches;
}

/** Nothing that a record maps may be taken for something else before it is done again. */
export function pinContent({ space }: Volume, batches: readonly Batch[]): void {
  for (const batch of batches) eachExtent(batch, (words, at) => space.pin(words[at + EXTENT_AT_BLOCK]!, words[at + EXTENT_AT_LENGTH]! >>> 16));
}

/**
 * The same after damage was mended: what was done on a state that may have lost something since. Records that make no sense on it are left out, and
 * inodes that get other numbers than they had are found by the later records under their new ones.
 *
 * @returns records that were done, and that could not be
 */
export function salvageLog(volume: Volume, batches: readonly Batch[]): { done: number; failed: number } {
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

function isDoneAgain(volume: Volume, reader: RecordReader): boolean {
  if (reader.kind === LOG_CONTENT && !isRecordThere(volume, reader)) return false;
  try {
    redo(volume, reader);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return false;
  }
}

/** Is this the head of the first batch after that generation? */
export function isFirstBatch(head: Uint32Array, generation: number): boolean {
  return head[BATCH_AT_MAGIC] === LOG_MAGIC && head[BATCH_AT_GENERATION]! + head[BATCH_AT_GENERATION + 1]! * 0x100000000 === generation && head[BATCH_AT_NUMBER] === 1;
}

function readBatches(volume: Volume): Batch[] {
  const { store, superblock } = volume;
  const batches: Batch[] = [];
  let previous = 0;
  for (let used = 0; used < superblock.logBlocks; ) {
    // A device that failed, or lost power first, may have missed what another one has.
    const start = superblock.logStart + used;
    let batch: Batch | null = null;
    for (let copy = 0, copies = store.copies(start, 1); copy < copies && batch === null; copy++) batch = readBatch(volume, start, copy, batches.length + 1, previous);
    if (batch === null) break;
    batches.push(batch);
    previous = batch.checksum;
    used += Math.ceil((batch.words.length * 4) / BLOCK_SIZE);
  }
  return batches;
}

/** The batch that begins at a block, as one copy has it; null when it is not the one that is looked for. */
function readBatch({ store, superblock }: Volume, start: number, copy: number, number: number, previous: number): Batch | null {
  const block = new Uint8Array(BLOCK_SIZE);
  const head = new Uint32Array(block.buffer);
  // Torn blocks cannot be read where the device itself has checksums, as an encrypted one has: that is no worse than what ours would say.
  if (!store.readCopy(start, 1, copy, block, 0)) return null;
  const count = head[BATCH_AT_WORDS]!;
  const blocks = Math.ceil((count * 4) / BLOCK_SIZE);
  const generation = head[BATCH_AT_GENERATION]! + head[BATCH_AT_GENERATION + 1]! * 0x100000000;
  if (head[BATCH_AT_MAGIC] !== LOG_MAGIC || generation !== superblock.generation || head[BATCH_AT_NUMBER] !== number) return null;
  if (head[BATCH_AT_PREVIOUS] !== previous || count < BATCH_HEADER_WORDS || (count & 3) !== 0 || start + blocks > superblock.logStart + superblock.logBlocks) return null;
  const bytes = new Uint8Array(blocks * BLOCK_SIZE);
  if (!store.readCopy(start, blocks, copy, bytes, 0)) return null;
  const words = new Uint32Array(bytes.buffer);
  const checksum = words[BATCH_AT_CHECKSUM]!;
  words[BATCH_AT_CHECKSUM] = 0;
  if (checksumWords(new Int32Array(bytes.buffer), 0, count, 0) !== checksum) return null;
  return { words: words.subarray(0, count), records: words[BATCH_AT_RECORDS]!, checksum };
}

function isContentThere(volume: Volume, batch: Batch): boolean {
  let whole = true;
  eachExtent(batch, (words, at) => (whole &&= isExtentThere(volume, words, at)));
  return whole;
}

function isExtentThere({ store }: Volume, words: Uint32Array, at: number): boolean {
  if ((words[at + EXTENT_AT_FLAGS]! & EXTENT_UNWRITTEN) !== 0) return true;
  const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
  for (let offset = 0; offset < stored; offset++) if (!store.hasMatch(words[at + EXTENT_AT_BLOCK]! + offset, words[at + EXTENT_AT_CHECKSUMS + offset]!)) return false;
  return true;
}

/** The same for the record of content that a reader is at, which stays the next. */
function isRecordThere(volume: Volume, reader: RecordReader): boolean {
  let whole = true;
  const ahead = reader.fork();
  eachExtentOf(ahead, (at) => (whole &&= isExtentThere(volume, ahead.words, at)));
  return whole;
}

function eachExtent(batch: Batch, visit: (words: Uint32Array, at: number) => void): void {
  const reader = new RecordReader(batch.words);
  for (let record = 0; record < batch.records; record++) {
    reader.next();
    if (reader.kind === LOG_CONTENT) eachExtentOf(reader, (at) => visit(batch.words, at));
  }
}

function eachExtentOf(reader: RecordReader, visit: (at: number) => void): void {
  reader.skip(1 + INODE_WORDS + 1);
  reader.bytes();
  for (let left = reader.u32(); left > 0; left--) {
    reader.skip(2);
    visit(reader.extent());
  }
}

function redo(volume: Volume, reader: RecordReader): void {
  const subvolume = volume.subvolume(reader.subvolume);
  if (subvolume === null) throw liar();
  volume.setTime(reader.seconds, reader.nanoseconds);
  const result = redoOne(volume, subvolume, reader);
  // It succeeded once, on the same state.
  if (result < 0) throw liar();
}

function redoOne(volume: Volume, subvolume: Subvolume, reader: RecordReader): number {
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
      return reader.made(ino, namespace.createUnnamed(subvolume, mode, uid, gid));
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
    case LOG_UNLINK: return namespace.unlink(subvolume, reader.ino(), reader.text());
    case LOG_RMDIR: return namespace.rmdir(subvolume, reader.ino(), reader.text());
    case LOG_RENAME: {
      const directory = reader.ino();
      const newDirectory = reader.ino();
      const [flags, uid, gid] = reader.numbers(3) as [number, number, number];
      const name = reader.text();
      return rename(subvolume, directory, name, newDirectory, reader.text(), flags, uid, gid);
    }
    case LOG_ATTRIBUTES: return takeWords(subvolume, reader, false);
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
    case LOG_CONTENT: return redoContent(volume, subvolume, reader);
    default: return -1;
  }
}

/** The inode gets the words of the record. Returns its number, or −1. */
function takeWords(subvolume: Subvolume, reader: RecordReader, size: boolean): number {
  const ino = reader.ino();
  const at = changeInode(subvolume, ino);
  if (at < 0) return -1;
  const { words } = subvolume.volume.inodes;
  const type = words[at + INODE_AT_MODE]! & S_IFMT;
  const own = reader.peek(INODE_WORDS);
  if ((own[INODE_AT_MODE]! & S_IFMT) !== type || (size && (type !== S_IFREG || own[INODE_AT_BYTES + 1]! >= 0x80000000))) return -1;
  subvolume.quotas.transfer(words, at, own[INODE_AT_UID]!, own[INODE_AT_GID]!, own[INODE_AT_PROJECT]!);
  for (let word = 0; word < INODE_WORDS; word++) {
    const value = reader.u32();
    if (!DERIVED.has(word) && (size || !SIZE_WORDS.has(word))) words[at + word] = value;
  }
  followMode(subvolume, ino, words[at + INODE_AT_MODE]! & 0o7777);
  return ino;
}

function redoContent(volume: Volume, subvolume: Subvolume, reader: RecordReader): number {
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
function own({ space, references, store }: Volume, start: number, count: number): void {
  for (let block = start; block < start + count; block++) {
    if (block >= store.topStart && !space.claim(block)) references.share(block, 1);
  }
}

function liar(): Failure {
  return new Failure("corrupt-node", -1);
}

class RecordReader {
  readonly words: Uint32Array;
  kind = 0;
  subvolume = 0;
  seconds = 0;
  nanoseconds = 0;
  /** New numbers of inodes, by subvolume and number in the log; null: they have to be those of the log. */
  renumbered: Map<string, number> | null = null;
  #at: number;
  #end = BATCH_HEADER_WORDS;

  constructor(words: Uint32Array) {
    this.words = words;
    this.#at = BATCH_HEADER_WORDS;
  }

  next(): void {
    const { words } = this;
    this.#at = this.#end;
    const length = (words[this.#at] ?? 0) >>> 8;
    this.#end = this.#at + length;
    if (length < RECORD_HEADER_WORDS || this.#end > words.length) throw liar();
    this.kind = words[this.#at]! & 255;
    this.subvolume = words[this.#at + 1]!;
    this.seconds = words[this.#at + 2]! + (words[this.#at + 3]! | 0) * 0x100000000;
    this.nanoseconds = words[this.#at + 4]!;
    this.#at += RECORD_HEADER_WORDS;
  }

  /** Another reader at the same record. */
  fork(): RecordReader {
    const fork = new RecordReader(this.words);
    fork.#at = this.#at;
    fork.#end = this.#end;
    return fork;
  }

  /** The next word as the number of an inode. */
  ino(): number {
    const ino = this.u32();
    return this.renumbered?.get(`${this.subvolume}:${ino}`) ?? ino;
  }

  /** What the log calls `ino` was made as `result`. Returns that, or −1 when it has failed or has to be the same and is not. */
  made(ino: number, result: number): number {
    if (result < 0 || (this.renumbered === null && result !== ino)) return -1;
    this.renumbered?.set(`${this.subvolume}:${ino}`, result);
    return result;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#end) throw liar();
  }

  /** The next words, which stay the next. */
  peek(count: number): Uint32Array {
    if (this.#at + count > this.#end) throw liar();
    return this.words.subarray(this.#at, this.#at + count);
  }

  u32(): number {
    this.skip(1);
    return this.words[this.#at - 1]!;
  }

  numbers(count: number): number[] {
    const numbers: number[] = [];
    for (let left = count; left > 0; left--) numbers.push(this.u32());
    return numbers;
  }

  bytes(): Uint8Array {
    const length = this.u32();
    if (length > this.words.length * 4) throw liar();
    const start = this.words.byteOffset + this.#at * 4;
    this.skip((length + 3) >>> 2);
    return new Uint8Array(this.words.buffer, start, length).slice();
  }

  text(): string {
    return byteString(this.bytes());
  }

  /** Word index of an extent's value, which is as long as it says. */
  extent(): number {
    const length = this.u32();
    const at = this.#at;
    this.skip(length);
    const { words } = this;
    if (length < EXTENT_AT_CHECKSUMS) throw liar();
    const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
    const blocks = words[at + EXTENT_AT_LENGTH]! & 0xffff;
    if (blocks === 0 || stored === 0 || blocks > EXTENT_BLOCKS_MAX || stored > EXTENT_BLOCKS_MAX || extentSize(stored) !== length * 4) throw liar();
    return at;
  }
}
