/**
 * Blocks of a btrfs volume: from its own addresses to the disk's, and trees of records, each block proved by its
 * checksum. Of several copies the first one on this disk is read. Source: Linux include/uapi/linux/btrfs_tree.h;
 * fs/btrfs/volumes.c; fs/btrfs/disk-io.c.
 */
import { byteString, crc32c } from "@stratos/base";
import { readBytes, readU64, viewOf, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { BlockGroup, Item, SUPERBLOCK_PLACES, SUPERBLOCK_SIZE } from "./btrfs-layout.ts";

const HEADER_SIZE = 101,
  LEAF_ITEM_SIZE = 25,
  NODE_POINTER_SIZE = 33,
  KEY_SIZE = 17,
  CHUNK_HEAD = 48,
  STRIPE_RECORD = 32;
const LEVELS_MAX = 8;
const NODE_SIZE_MAX = 64 << 10;
/**
 * What does not change how trees and contents are read: all but stripes over disks with parity, zones, and trees of the
 * second kind.
 */
const INCOMPAT_READ = 0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | 0x200 | 0x400 | 0x800 | 0x4000;
const PROFILES_STRIPED = 0x8 | 0x40 | 0x80 | 0x100;

interface StoredItem {
  readonly objectid: number;
  readonly type: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

interface Mapping {
  readonly start: number;
  readonly size: number;
  readonly place: number;
}

export class BtrfsBlocks {
  readonly label: string;
  readonly rootTree: { readonly place: number; readonly level: number };
  readonly #disk: Disk;
  readonly #nodeSize: number;
  readonly #device: number;
  readonly #chunks: Mapping[] = [];

  /** @throws FormatError when there is none, it is damaged, or lies on several disks */
  constructor(disk: Disk) {
    this.#disk = disk;
    const place = SUPERBLOCK_PLACES[0];
    if (disk.size < place + SUPERBLOCK_SIZE) throw new FormatError("not a btrfs volume");
    const raw = readBytes(disk, place, SUPERBLOCK_SIZE),
      view = viewOf(raw);
    if (byteString(raw, 64, 72) !== "_BHRfS_M") throw new FormatError("not a btrfs volume");
    if (view.getUint16(196, true) !== 0)
      throw new FormatError("the btrfs volume has checksums of a kind that is not read");
    if (crc32c(raw, 32) !== view.getUint32(0, true))
      throw new FormatError("the btrfs superblock is damaged: its checksum");
    const unknown = (view.getUint32(188, true) & ~INCOMPAT_READ) >>> 0;
    if (unknown !== 0 || view.getUint32(192, true) !== 0)
      throw new FormatError(`the btrfs volume has features that are not read (0x${unknown.toString(16)})`);
    if (readU64(view, 136) !== 1) throw new FormatError("the btrfs volume lies on several disks, which is not read");
    this.#nodeSize = view.getUint32(148, true);
    this.#device = readU64(view, 201);
    this.label = byteString(raw, 299, 555).replace(/\0.*$/s, "");
    const arraySize = view.getUint32(160, true);
    if (this.#nodeSize < 4096 || this.#nodeSize > NODE_SIZE_MAX || this.#nodeSize % 4096 !== 0 || arraySize > 2048)
      throw new FormatError("the btrfs superblock is damaged");
    for (let at = 811; at < 811 + arraySize;) {
      if (at + KEY_SIZE + CHUNK_HEAD > raw.length) throw new FormatError("the btrfs superblock is damaged: its chunks");
      const count = view.getUint16(at + KEY_SIZE + 44, true),
        end = at + KEY_SIZE + CHUNK_HEAD + count * STRIPE_RECORD;
      this.#addChunk(readU64(view, at + 9), raw.subarray(at + KEY_SIZE, end));
      at = end;
    }
    for (const { type, offset, data } of this.items({ place: readU64(view, 88), level: raw[199]! }))
      if (type === Item.chunk) this.#addChunk(offset, data);
    this.rootTree = { place: readU64(view, 80), level: raw[198]! };
  }

  /** Where bytes of the volume are on the disk. @throws FormatError when no chunk holds all of them */
  place(address: number, size: number): number {
    const chunk = this.#chunks.find((own) => address >= own.start && address + size <= own.start + own.size);
    if (chunk === undefined || chunk.place + (address - chunk.start) + size > this.#disk.size)
      throw new FormatError(`the btrfs volume has nothing at ${address}`);
    return chunk.place + (address - chunk.start);
  }

  /** All records of a tree, in order. @throws FormatError when it is damaged */
  *items(root: { readonly place: number; readonly level: number }): Generator<StoredItem> {
    if (root.level >= LEVELS_MAX) throw new FormatError("a tree of the btrfs volume is damaged");
    const seen = new Set<number>();
    const pending: { place: number; level: number }[] = [root];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      // Levels go down, so a tree ends; and a block that two others name would make it larger than any disk.
      if (seen.has(next.place)) throw new FormatError("a tree of the btrfs volume is damaged: a block in two places");
      seen.add(next.place);
      const bytes = this.#block(next),
        view = viewOf(bytes),
        count = view.getUint32(96, true);
      if (count > (bytes.length - HEADER_SIZE) / (next.level === 0 ? LEAF_ITEM_SIZE : NODE_POINTER_SIZE))
        throw new FormatError("a block of the btrfs volume is damaged");
      if (next.level > 0) {
        for (let index = count - 1; index >= 0; index--)
          pending.push({
            place: readU64(view, HEADER_SIZE + index * NODE_POINTER_SIZE + KEY_SIZE),
            level: next.level - 1,
          });
        continue;
      }
      for (let index = 0; index < count; index++) {
        const at = HEADER_SIZE + index * LEAF_ITEM_SIZE,
          start = HEADER_SIZE + view.getUint32(at + 17, true),
          size = view.getUint32(at + 21, true);
        if (start + size > bytes.length) throw new FormatError("a block of the btrfs volume is damaged");
        yield {
          objectid: keyNumber(view, at),
          type: bytes[at + 8]!,
          offset: keyNumber(view, at + 9),
          data: bytes.subarray(start, start + size),
        };
      }
    }
  }

  #block({ place, level }: { place: number; level: number }): Uint8Array {
    const bytes = readBytes(this.#disk, this.place(place, this.#nodeSize), this.#nodeSize),
      view = viewOf(bytes);
    if (crc32c(bytes, 32) !== view.getUint32(0, true))
      throw new FormatError(`the block at ${place} of the btrfs volume is damaged: its checksum`);
    if (readU64(view, 48) !== place || bytes[100] !== level)
      throw new FormatError(`the block at ${place} of the btrfs volume is another's`);
    return bytes;
  }

  #addChunk(start: number, record: Uint8Array): void {
    const view = viewOf(record),
      bad = (): never => {
        throw new FormatError("a chunk of the btrfs volume is damaged");
      };
    if (record.length < CHUNK_HEAD + STRIPE_RECORD) bad();
    const size = readU64(view, 0),
      type = readU64(view, 24),
      count = view.getUint16(44, true);
    if ((type & PROFILES_STRIPED) !== 0) throw new FormatError("the btrfs volume is striped, which is not read");
    if (
      (type & (BlockGroup.data | BlockGroup.system | BlockGroup.metadata)) === 0 ||
      CHUNK_HEAD + count * STRIPE_RECORD > record.length
    )
      bad();
    for (let index = 0; index < count; index++) {
      const at = CHUNK_HEAD + index * STRIPE_RECORD;
      if (readU64(view, at) !== this.#device) continue;
      this.#chunks.push({ start, size, place: readU64(view, at + 8) });
      return;
    }
    throw new FormatError("the btrfs volume lies on several disks, which is not read");
  }
}

/** Part of a key: exact below 2^53; the few that count back from 2^64 become negative. */
export function keyNumber(view: DataView, at: number): number {
  const low = view.getUint32(at, true),
    high = view.getUint32(at + 4, true);
  return high >= 0xffe00000 ? (high - 2 ** 32) * 2 ** 32 + low : high * 2 ** 32 + low;
}
