/**
 * File content on the device. Data is written to free blocks, straight from the caller's bytes; what was there before
 * is given back. No copy is kept here: the caller has one, a kernel's page cache or ours (content.ts). Files up to 2048
 * bytes live in the tree, as an inline item that stands for the first bytes of block 0; a block has an extent or an
 * inline item, never both.
 */
import { EDQUOT, EFBIG, EINVAL, EISDIR, ENOENT, ENOSPC, S_IFDIR, S_IFMT, S_IFREG } from "@stratos/abi";
import { Failure } from "../failure.ts";
import { EXTENT_UNWRITTEN } from "../format/extent-item.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, FILE_BLOCKS_MAX, INLINE_SIZE_MAX } from "../format/geometry.ts";
import { COMPRESS_NONE, compressionOf, DEDUPE_ON, dedupeOf, TIER_UNSET, tierOf } from "../format/properties.ts";
import { WriteIndex } from "../space/write-index.ts";
import { KIND_INLINE, keyMiddle } from "../format/key.ts";
import { INODE_AT_MODE } from "../format/inode-item.ts";
import { checksumBlocks } from "../format/checksum.ts";
import type { FileTree } from "./file-tree.ts";
import { readUnits, UnitWriter } from "./compressed.ts";
import {
  addExtent,
  changeBlocks,
  findExtent,
  findNextExtent,
  findPreallocated,
  foundExtent,
  isCompressed,
  isLost,
  releaseExtents,
} from "./extents.ts";
import { bytesToEnd, changeInode, expectItems, loadInode, mayHaveItems, putSize } from "./inode.ts";
import { effectiveProperties } from "./properties.ts";

export const INLINE_MIDDLE = keyMiddle(KIND_INLINE, 0);

/** One block of work space; nothing that uses it calls anything else that does. */
export const page: Uint8Array = new Uint8Array(BLOCK_SIZE);
const checksums = new Uint32Array(EXTENT_BLOCKS_MAX);
const units = new UnitWriter();

/** Throws Failure `corrupt-data` when a block does not match its checksum. */
export function readPages(
  subvolume: FileTree,
  ino: number,
  index: number,
  count: number,
  bytes: Uint8Array,
  at: number,
): void {
  const { tree, volume } = subvolume;
  const end = index + count;
  for (let block = index; block < end;) {
    let stop: number;
    if (findExtent(subvolume, ino, block)) {
      if (
        isCompressed(foundExtent.flags) &&
        foundExtent.start === block &&
        foundExtent.start + foundExtent.length < end
      ) {
        const together = readUnits(subvolume, ino, block, end, bytes, at);
        at += together * BLOCK_SIZE;
        block += together;
        if (together > 0) continue;
        // Who looked for more extents is somewhere else in the tree.
        if (!findExtent(subvolume, ino, block)) throw new Failure("corrupt-node", tree.leaf.block);
      }
      stop = Math.min(foundExtent.start + foundExtent.length, end);
      const length = stop - block;
      if (isLost(foundExtent.flags)) throw new Failure("corrupt-data", -1);
      if ((foundExtent.flags & EXTENT_UNWRITTEN) !== 0) bytes.fill(0, at, at + length * BLOCK_SIZE);
      else volume.content.read(tree.words, foundExtent.valueAt, block - foundExtent.start, length, bytes, at);
    } else {
      stop = findNextExtent(subvolume, ino, block) ? Math.min(foundExtent.start, end) : end;
      if (stop <= block) throw new Failure("corrupt-node", tree.leaf.block);
      bytes.fill(0, at, at + (stop - block) * BLOCK_SIZE);
      if (block === 0 && tree.find(ino, INLINE_MIDDLE, 0))
        bytes.set(tree.bytes.subarray(tree.offset, tree.offset + tree.length), at);
    }
    at += (stop - block) * BLOCK_SIZE;
    block = stop;
  }
}

/** Word index of a regular file's inode; −ENOENT, −EISDIR, −EINVAL. */
export function findFile(subvolume: FileTree, ino: number): number {
  const at = loadInode(subvolume, ino);
  if (at < 0) return -ENOENT;
  const type = subvolume.volume.inodes.words[at + INODE_AT_MODE]! & S_IFMT;
  return type === S_IFREG ? at : type === S_IFDIR ? -EISDIR : -EINVAL;
}

export function writePages(
  subvolume: FileTree,
  ino: number,
  index: number,
  bytes: Uint8Array,
  at: number,
  length: number,
): number {
  const file = findFile(subvolume, ino);
  if (file < 0) return file;
  if (length === 0) return 0;
  if (length > (FILE_BLOCKS_MAX - index) * BLOCK_SIZE - 1) return -EFBIG;
  const blocks = Math.ceil(length / BLOCK_SIZE);
  if (subvolume.quotas.allowedBlocks(ino, index, blocks) < blocks) return -EDQUOT;
  if (index === 0 && length <= INLINE_SIZE_MAX) {
    putInline(subvolume, ino, bytes, at, length);
    growTo(subvolume, ino, 0, length);
    return 0;
  }
  const whole = Math.floor(length / BLOCK_SIZE);
  const stored = storeBlocks(subvolume, ino, index, whole, bytes, at);
  growTo(subvolume, ino, index + stored, 0);
  if (stored < whole) return -ENOSPC;
  const rest = length - whole * BLOCK_SIZE;
  if (rest === 0) return 0;
  page.fill(0, rest);
  page.set(bytes.subarray(at + whole * BLOCK_SIZE, at + length));
  if (storeBlocks(subvolume, ino, index + whole, 1, page, 0) === 0) return -ENOSPC;
  growTo(subvolume, ino, index + whole, rest);
  return 0;
}

/**
 * Content behind the end would come to light when the file grows: the size goes with what is stored, in one
 * transaction.
 */
function growTo(subvolume: FileTree, ino: number, block: number, within: number): void {
  const { inodes } = subvolume.volume;
  const at = loadInode(subvolume, ino);
  if (at < 0 || bytesToEnd(inodes.words, at, block, within) >= 0) return;
  const item = changeInode(subvolume, ino);
  putSize(inodes.words, item, block, within);
  subvolume.volume.log.stored(subvolume, ino, 0, 0);
}

/** Makes the file's first block the given bytes, in the tree. */
export function putInline(subvolume: FileTree, ino: number, bytes: Uint8Array, at: number, length: number): void {
  const tree = subvolume.tree;
  if (mayHaveItems(subvolume, ino)) changeBlocks(subvolume, ino, -releaseExtents(subvolume, ino, 0, 1));
  expectItems(subvolume, ino);
  const offset = tree.replace(ino, INLINE_MIDDLE, 0, length);
  tree.bytes.set(bytes.subarray(at, at + length), offset);
  subvolume.volume.log.stored(subvolume, ino, 0, 0);
}

/**
 * Writes whole blocks to new places, or to those that were preallocated for them, and maps them. Returns how many:
 * fewer than `count` when space ran out. Throws Failure `io` with nothing changed for the run that could not be
 * written.
 */
export function storeBlocks(
  subvolume: FileTree,
  ino: number,
  index: number,
  count: number,
  bytes: Uint8Array,
  at: number,
): number {
  const { tree, volume } = subvolume;
  const properties = volume.usesProperties ? effectiveProperties(subvolume, ino) : 0;
  const compresses = compressionOf(properties) > COMPRESS_NONE;
  const recent =
    dedupeOf(properties) === DEDUPE_ON ? (volume.recentContent ??= new WriteIndex(volume, RECENT_BLOCKS)) : null;
  volume.space.choose(volume.hasTiers ? tierOf(properties) : TIER_UNSET);
  // Of a new file the tree has nothing that could be replaced.
  const replaces = mayHaveItems(subvolume, ino);
  if (compresses) units.begin(subvolume, properties);
  let done = 0;
  let change = 0;
  while (done < count) {
    const start = index + done;
    const from = at + done * BLOCK_SIZE;
    let most = Math.min(count - done, EXTENT_BLOCKS_MAX);
    const held = replaces ? findPreallocated(subvolume, ino, start, most) : 0;
    if (compresses && held === 0) {
      let stored: number;
      try {
        stored = units.store(ino, start, count - done, bytes, from);
      } catch (thrown) {
        changeBlocks(subvolume, ino, change);
        throw thrown;
      }
      if (stored > 0) {
        change += stored - units.replaced;
        done += stored;
        continue;
      }
      most = -stored;
    }
    if (recent !== null && held === 0) {
      const equal = shareEqual(subvolume, recent, ino, start, most, bytes, from, replaces);
      if (equal > 0) {
        change += equal - replacedBlocks;
        done += equal;
        continue;
      }
      most = recent.unknown(most, checksums);
    }
    let length = held > 0 ? held : volume.space.allocateData(most, volume.quadReserve);
    // A promise holds where the only blocks left are those of whole quads, too.
    if (length === 0 && volume.isSettling) length = volume.space.allocateData(most, 0);
    if (length === 0) break;
    const block = held > 0 ? foundExtent.block : volume.space.runStart;
    try {
      volume.store.write(block, length, bytes, from);
    } catch (thrown) {
      if (held === 0) volume.space.release(block, length);
      changeBlocks(subvolume, ino, change);
      throw thrown;
    }
    checksumBlocks(bytes, from, length, checksums, 0);
    change += length;
    if (replaces) {
      change -= releaseExtents(subvolume, ino, start, start + length, held > 0);
      if (start === 0) tree.remove(ino, INLINE_MIDDLE, 0);
    }
    addExtent(subvolume, ino, start, block, length, 0, checksums);
    recent?.add(block, length, checksums);
    done += length;
  }
  changeBlocks(subvolume, ino, change);
  volume.log.stored(subvolume, ino, index, done);
  return done;
}

/** Blocks whose places a volume remembers for deduplication on write: 8 bytes each. */
const RECENT_BLOCKS = 1 << 18;
/** What `shareEqual` replaced. */
let replacedBlocks = 0;

/**
 * Maps blocks to equal ones that are on the device already. Returns how many; their checksums are in `checksums`,
 * whatever it returns.
 */
function shareEqual(
  subvolume: FileTree,
  recent: WriteIndex,
  ino: number,
  index: number,
  most: number,
  bytes: Uint8Array,
  at: number,
  replaces: boolean,
): number {
  const { references } = subvolume.volume;
  checksumBlocks(bytes, at, most, checksums, 0);
  const equal = recent.find(bytes, at, most, checksums);
  if (equal === 0) return 0;
  const block = recent.found;
  // First: they may be the very blocks that are replaced.
  references.share(block, equal);
  replacedBlocks = replaces ? releaseExtents(subvolume, ino, index, index + equal) : 0;
  if (replaces && index === 0) subvolume.tree.remove(ino, INLINE_MIDDLE, 0);
  addExtent(subvolume, ino, index, block, equal, 0, checksums);
  recent.shared += equal;
  return equal;
}
