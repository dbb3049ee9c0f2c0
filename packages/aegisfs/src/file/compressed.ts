/**
 * Files whose content is compressed: units (codec/extent-content.ts) are made and read several at a time, which a host
 * may spread over its processors, and what lies together on the device is written and read at once.
 */
import { UNITS_AT_ONCE, UnitRun } from "../codec/extent-content.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, UNIT_BLOCKS } from "../format/geometry.ts";
import { KIND_INLINE, keyMiddle } from "../format/key.ts";
import { compressionOf, levelOf } from "../format/properties.ts";
import { checksumBlocks } from "../format/checksum.ts";
import type { FileTree } from "./file-tree.ts";
import { findExtent, foundExtent, isCompressed, putCompressed, releaseExtents } from "./extents.ts";

const run = new UnitRun();

/**
 * Reads whole units from block `index` of the file on, where two or more follow each other, into `bytes[at …)`: no
 * block at or after `end`.
 *
 * @returns how many blocks of the file it read; 0: the extent at `index` is to be read by itself
 */
export function readUnits(
  subvolume: FileTree,
  ino: number,
  index: number,
  end: number,
  bytes: Uint8Array,
  at: number,
): number {
  const { tree, volume } = subvolume;
  let block = index;
  let sums = 0;
  run.count = 0;
  while (run.count < UNITS_AT_ONCE && block < end && findExtent(subvolume, ino, block)) {
    const { start, length, stored, flags, skip } = foundExtent;
    if (!isCompressed(flags) || start !== block || skip !== 0 || block + length > end) break;
    if (run.count === 0) run.compression = flags & 0xff;
    else if ((flags & 0xff) !== run.compression) break;
    run.blocks[run.count] = foundExtent.block;
    run.stored[run.count] = stored;
    run.lengths[run.count++] = length;
    run.checksums.set(tree.words.subarray(foundExtent.checksumsAt, foundExtent.checksumsAt + stored), sums);
    sums += stored;
    block += length;
  }
  if (run.count < 2) return 0;
  const units = volume.content.readUnits(run, bytes, at);
  let read = 0;
  for (let unit = 0; unit < units; unit++) read += run.lengths[unit]!;
  return read;
}

/** Packed units on their way to the device, and the checksums of their blocks. */
let staging: Uint8Array | null = null;
const checksums = new Uint32Array(UNITS_AT_ONCE * UNIT_BLOCKS);

/** Packs a file's blocks in units, ahead of what is stored, and stores them. One is at work at a time. */
export class UnitWriter {
  #subvolume: FileTree | null = null;
  #properties = 0;
  /**
   * Blocks of the file that `content` holds packed: units, and the first block of the next one that is to be stored.
   */
  #units = 0;
  #unit = 0;
  #next = 0;
  /** Blocks that the last `store` replaced. */
  replaced = 0;

  begin(subvolume: FileTree, properties: number): void {
    this.#subvolume = subvolume;
    this.#properties = properties;
    this.#units = 0;
    this.#unit = 0;
  }

  /**
   * Stores compressed units of a file, from block `index` on: as many as are better off that way, of `count` blocks at
   * `bytes[at …)`.
   *
   * @returns blocks of the file that are stored; or, negated, how many come now that are better stored as they are
   */
  store(ino: number, index: number, count: number, bytes: Uint8Array, at: number): number {
    const { content, space, quadReserve, store } = this.#subvolume!.volume;
    if (this.#unit === this.#units || this.#next !== index) {
      this.#units = content.pack(
        compressionOf(this.#properties),
        levelOf(this.#properties),
        bytes,
        at,
        UNIT_BLOCKS - (index % UNIT_BLOCKS),
        count,
      );
      this.#unit = 0;
      this.#next = index;
    }
    const { storedBlocks, unitBlocks } = content;
    const first = this.#unit;
    let end = first;
    let total = 0;
    while (end < this.#units && storedBlocks[end]! > 0) total += storedBlocks[end++]!;
    if (end === first) return this.#skipPlain();
    const taken = space.allocateData(total, quadReserve);
    const block = space.runStart;
    let used = total;
    while (used > taken) used -= storedBlocks[--end]!;
    if (taken > used) space.release(block + used, taken - used);
    if (end === first) return this.#skip(first + 1);
    content.forget(block, used);
    content.copyPacked(first, end, (staging ??= new Uint8Array(checksums.length * BLOCK_SIZE)));
    try {
      store.write(block, used, staging, 0);
    } catch (thrown) {
      space.release(block, used);
      throw thrown;
    }
    checksumBlocks(staging, 0, used, checksums, 0);
    this.replaced = 0;
    for (let unit = first, offset = 0; unit < end; unit++) {
      const length = unitBlocks[unit]!;
      const start = this.#next;
      this.replaced += releaseExtents(this.#subvolume!, ino, start, start + length);
      if (start === 0) this.#subvolume!.tree.remove(ino, keyMiddle(KIND_INLINE, 0), 0);
      putCompressed(
        this.#subvolume!,
        ino,
        start,
        length,
        block + offset,
        storedBlocks[unit]!,
        compressionOf(this.#properties),
        0,
        checksums,
        offset,
      );
      offset += storedBlocks[unit]!;
      this.#next += length;
    }
    this.#unit = end;
    return this.#next - index;
  }

  /** Leaves the units that do not shrink to the caller, as many as one extent may hold. */
  #skipPlain(): number {
    const { storedBlocks, unitBlocks } = this.#subvolume!.volume.content;
    let end = this.#unit;
    let blocks = 0;
    while (end < this.#units && storedBlocks[end] === 0 && blocks + unitBlocks[end]! <= EXTENT_BLOCKS_MAX)
      blocks += unitBlocks[end++]!;
    return this.#skip(end);
  }

  #skip(end: number): number {
    const { unitBlocks } = this.#subvolume!.volume.content;
    let blocks = 0;
    for (; this.#unit < end; this.#unit++) blocks += unitBlocks[this.#unit]!;
    this.#next += blocks;
    return -blocks;
  }
}
