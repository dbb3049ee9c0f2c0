/**
 * Reading and writing of files through the pages in memory, for callers that have no page cache of their own. Small
 * writes stay there until they are settled; what is long goes to its blocks at once, and is read from them, so that one
 * long file does not push out all others.
 */
import { EDQUOT, EFBIG, ENOSPC } from "@stratos/abi";
import { INODE_WORDS } from "../cache/inode-table.ts";
import { BLOCK_SIZE, FILE_BLOCKS_MAX } from "../format/geometry.ts";
import type { FileTree } from "./file-tree.ts";
import { findFile, page as work, readPages, storeBlocks } from "./data.ts";
import { blockOf, withinOf, type FileOffset } from "./file-offset.ts";
import { bytesToEnd, changeInode, mayHaveItems, putSize, stamp } from "./inode.ts";

/** Whole blocks in a row from which on a write or read leaves the pages aside. */
export const DIRECT_BLOCKS = 16;

/** Reads up to the end of the file; returns the bytes read. */
export function read(
  subvolume: FileTree,
  ino: number,
  offset: FileOffset,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  const { inodes, pages } = subvolume.volume;
  const slot = file / INODE_WORDS;
  let index = blockOf(offset);
  if (index >= FILE_BLOCKS_MAX) return 0;
  let within = withinOf(offset);
  const size = Math.min(length, bytesToEnd(inodes.words, file, index, within));
  for (let done = 0; done < size;) {
    const to = at + done;
    const count = Math.min(BLOCK_SIZE - within, size - done);
    const page = pages.find(slot, index);
    if (page < 0 && within === 0) {
      const blocks = unreadBlocks(subvolume, slot, index, Math.floor((size - done) / BLOCK_SIZE));
      if (blocks >= DIRECT_BLOCKS) {
        readPages(subvolume, ino, index, blocks, bytes, to);
        index += blocks;
        done += blocks * BLOCK_SIZE;
        continue;
      }
    }
    const source = page >= 0 ? pages.bytes[page]! : readPage(subvolume, slot, ino, index);
    if (count === BLOCK_SIZE) bytes.set(source, to);
    else bytes.set(source.subarray(within, within + count), to);
    done += count;
    index++;
    within = 0;
  }
  return Math.max(0, size);
}

/** Blocks from `index` on, at most `most`, that are not in memory. */
function unreadBlocks(subvolume: FileTree, slot: number, index: number, most: number): number {
  const { inodes, pages } = subvolume.volume;
  if (inodes.firstPages[slot]! < 0) return most;
  let blocks = 0;
  while (blocks < most && pages.find(slot, index + blocks) < 0) blocks++;
  return blocks;
}

/** The bytes of a page that was not in memory; it is afterwards, if there is room. */
function readPage(subvolume: FileTree, slot: number, ino: number, index: number): Uint8Array {
  const { pages } = subvolume.volume;
  if (mayHaveItems(subvolume, ino)) readPages(subvolume, ino, index, 1, work, 0);
  else work.fill(0);
  const page = pages.take(slot, index);
  if (page < 0) return work;
  pages.bytes[page]!.set(work);
  return pages.bytes[page]!;
}

/**
 * Writes any bytes; returns how many, fewer than `length` when space ran out or the largest size is reached, −ENOSPC
 * when there was none at all.
 */
export function write(
  subvolume: FileTree,
  ino: number,
  offset: FileOffset,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (length === 0) return 0;
  const first = blockOf(offset);
  const start = withinOf(offset);
  // The largest file ends a byte before its last block does.
  const room = (FILE_BLOCKS_MAX - first) * BLOCK_SIZE - start - 1;
  if (!(room > 0)) return -EFBIG;
  length = Math.min(length, room);
  const { volume } = subvolume;
  const slot = file / INODE_WORDS;
  if (subvolume.quotas.isOn) {
    const allowed = subvolume.quotas.allowedBlocks(ino, first, Math.ceil((start + length) / BLOCK_SIZE));
    if (allowed === 0) return -EDQUOT;
    length = Math.min(length, allowed * BLOCK_SIZE - start);
  }
  let index = first;
  let within = start;
  let done = 0;
  while (done < length) {
    if (within === 0 && length - done >= DIRECT_BLOCKS * BLOCK_SIZE) {
      const whole = Math.floor((length - done) / BLOCK_SIZE);
      // Blocks that pages in memory were promised are not to be taken from them.
      if (volume.pages.dirtyCount > 0 && volume.dataRoom < whole) volume.settle();
      const stored = storeBlocks(subvolume, ino, index, whole, bytes, at + done);
      volume.pages.dropFile(slot, index, index + stored);
      done += stored * BLOCK_SIZE;
      if (stored < whole) break;
      index += stored;
    } else {
      const count = Math.min(BLOCK_SIZE - within, length - done);
      if (
        !writePage(subvolume, slot, ino, index, within, bytes, at + done, count, done > 0) &&
        !storeDirectly(subvolume, slot, ino, index, within, bytes, at + done, count, done > 0)
      )
        break;
      done += count;
      index++;
      within = 0;
    }
  }
  if (done === 0) return -ENOSPC;
  const item = changeInode(subvolume, ino);
  const words = volume.inodes.words;
  if (bytesToEnd(words, item, first, start + done) < 0) putSize(words, item, first, start + done);
  stamp(subvolume, item, true);
  return done;
}

/** The same without a promise, which is far more than one block takes: the last free blocks are to be written, too. */
function storeDirectly(
  subvolume: FileTree,
  slot: number,
  ino: number,
  index: number,
  within: number,
  bytes: Uint8Array,
  at: number,
  count: number,
  goesOn: boolean,
): boolean {
  const { volume } = subvolume;
  if (volume.dataRoom + volume.pages.dirtyCount < 1) return false;
  if (goesOn) coverPages(subvolume, ino, index);
  volume.settle();
  if (volume.dataRoom < 1) return false;
  volume.pages.dropFile(slot, index, index + 1);
  work.fill(0);
  if (count < BLOCK_SIZE && mayHaveItems(subvolume, ino)) readPages(subvolume, ino, index, 1, work, 0);
  work.set(bytes.subarray(at, at + count), within);
  return storeBlocks(subvolume, ino, index, 1, work, 0) === 1;
}

/** The file ends at block `index` at the earliest. */
function coverPages(subvolume: FileTree, ino: number, index: number): void {
  const item = changeInode(subvolume, ino);
  const { words } = subvolume.volume.inodes;
  if (bytesToEnd(words, item, index, 0) < 0) putSize(words, item, index, 0);
}

/**
 * Writes into one page. Returns false when there is no space for it.
 *
 * @param goesOn  the same write has filled the pages before
 */
function writePage(
  subvolume: FileTree,
  slot: number,
  ino: number,
  index: number,
  within: number,
  bytes: Uint8Array,
  at: number,
  count: number,
  goesOn: boolean,
): boolean {
  const { volume } = subvolume;
  const { pages } = volume;
  let page = pages.find(slot, index);
  if ((page < 0 || !pages.isDirty(page)) && volume.pageRoom < 1) return false;
  if (page < 0) {
    const isRead = count < BLOCK_SIZE && mayHaveItems(subvolume, ino);
    if (isRead) readPages(subvolume, ino, index, 1, work, 0);
    page = pages.take(slot, index);
    if (page < 0) {
      // What is settled is settled up to the file's end: the pages that this write filled lie before it.
      if (goesOn) coverPages(subvolume, ino, index);
      volume.settle();
      page = pages.take(slot, index);
    }
    if (isRead) pages.bytes[page]!.set(work);
    else if (count < BLOCK_SIZE) pages.bytes[page]!.fill(0);
  }
  const target = pages.bytes[page]!;
  if (at === 0 && count === bytes.length) target.set(bytes, within);
  else target.set(bytes.subarray(at, at + count), within);
  volume.cache.changes++;
  pages.markDirty(page);
  return true;
}
