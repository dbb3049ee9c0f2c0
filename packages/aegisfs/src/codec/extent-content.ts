/**
 * Between files and blocks: the content of extents as it stands on the device (FORMAT.md §6).
 *
 * A plain extent is the file's blocks. A compressed one is a unit of up to 16 of them, packed into fewer:
 *
 *   word 0   bytes of compressed data (24 bits) | blocks that it decodes to << 24
 *   then     the compressed data, zeros to the end of the last block
 *
 * Every block is verified against its checksum before anything looks at it. The unit decoded last stays in memory, since a
 * page cache reads one unit in several steps.
 */
import type { CompressionCodec } from "@stratos/host";
import { Failure } from "../failure.ts";
import { BLOCK_SIZE, UNIT_BLOCKS } from "../format/geometry.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_CHECKSUMS, EXTENT_AT_FLAGS, EXTENT_AT_LENGTH, EXTENT_AT_SKIP } from "../format/extent-item.ts";
import { COMPRESS_LZ4, COMPRESS_NONE, COMPRESS_UNSET, COMPRESS_ZSTD } from "../format/properties.ts";
import type { BlockStore } from "../store/block-store.ts";
import { lz4 } from "./lz4.ts";

/** Compressing a whole unit is only tried when its first block shrinks by an eighth. */
const SAMPLE_LIMIT = BLOCK_SIZE - BLOCK_SIZE / 8;
const UNITS_KEPT = 4;
const HEADER_SIZE = 4;

class Unit {
  block = -1;
  blocks = 0;
  /** Made when the first unit is decoded: many volumes have none, and a mount is to be cheap. */
  #bytes: Uint8Array | null = null;

  get bytes(): Uint8Array {
    return (this.#bytes ??= new Uint8Array(UNIT_BLOCKS * BLOCK_SIZE));
  }
}

export class ExtentContent {
  readonly #store: BlockStore;
  readonly #codecs: (CompressionCodec | undefined)[] = [];
  /** Decoded units, the one used last in front. */
  readonly #units: Unit[] = [];
  /** The unit that `pack` made, whole blocks of it. */
  readonly packed: Uint8Array = new Uint8Array(UNIT_BLOCKS * BLOCK_SIZE);
  readonly #packedView: DataView = new DataView(this.packed.buffer);

  /** @param codecs  the host's, by name; LZ4 is always there */
  constructor(store: BlockStore, codecs: readonly CompressionCodec[]) {
    this.#store = store;
    this.#codecs[COMPRESS_LZ4] = lz4;
    this.#codecs[COMPRESS_ZSTD] = codecs.find((codec) => codec.name === "zstd");
    for (let index = 0; index < UNITS_KEPT; index++) this.#units.push(new Unit());
  }

  /** Can this engine write and read that compression? */
  knows(compression: number): boolean {
    return compression <= COMPRESS_NONE || this.#codecs[compression] !== undefined;
  }

  /**
   * Reads `count` blocks of a file, the first one `from` blocks into the extent whose value is at `words[at …)`.
   * Throws Failure `corrupt-data`, `io`, `no-codec`.
   */
  read(words: Uint32Array, at: number, from: number, count: number, bytes: Uint8Array, to: number): void {
    const block = words[at + EXTENT_AT_BLOCK]!;
    const compression = words[at + EXTENT_AT_FLAGS]! & 0xff;
    if (compression === 0) {
      this.#store.readVerified(block + from, count, bytes, to, words, at + EXTENT_AT_CHECKSUMS + from);
      return;
    }
    const unit = this.#unit(words, at, compression);
    const skip = words[at + EXTENT_AT_SKIP]! + from;
    if (skip + count > unit.blocks) throw new Failure("corrupt-data", block);
    if (count === 1 && bytes.length === BLOCK_SIZE) bytes.set(unit.bytes.subarray(skip * BLOCK_SIZE, (skip + 1) * BLOCK_SIZE), to);
    else bytes.set(unit.bytes.subarray(skip * BLOCK_SIZE, (skip + count) * BLOCK_SIZE), to);
  }

  /** The decoded unit of a compressed extent. */
  #unit(words: Uint32Array, at: number, compression: number): Unit {
    const block = words[at + EXTENT_AT_BLOCK]!;
    const units = this.#units;
    for (let index = 0; index < units.length; index++) {
      const unit = units[index]!;
      if (unit.block !== block) continue;
      units.copyWithin(1, 0, index);
      units[0] = unit;
      return unit;
    }
    const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
    this.#store.readVerified(block, stored, this.packed, 0, words, at + EXTENT_AT_CHECKSUMS);
    const unit = units.pop()!;
    units.unshift(unit);
    unit.block = -1;
    const header = this.#packedView.getUint32(0, true);
    unit.blocks = header >>> 24;
    const codec = this.#codecs[compression];
    if (codec === undefined) throw new Failure("no-codec", block);
    const size = header & 0xffffff;
    if (
      unit.blocks === 0 || unit.blocks > UNIT_BLOCKS || HEADER_SIZE + size > stored * BLOCK_SIZE
      || !codec.decompress(this.packed, HEADER_SIZE, size, unit.bytes, 0, unit.blocks * BLOCK_SIZE)
    ) throw new Failure("corrupt-data", block);
    unit.block = block;
    return unit;
  }

  /**
   * Compresses `blocks` blocks of a file into `packed`, when that saves a block at least.
   *
   * @returns blocks that it takes; 0 when it is better stored as it is
   */
  pack(compression: number, level: number, bytes: Uint8Array, at: number, blocks: number): number {
    const codec = this.#codecs[compression];
    if (codec === undefined || compression === COMPRESS_UNSET || blocks < 2) return 0;
    if (codec.compress(bytes, at, BLOCK_SIZE, this.packed.subarray(0, SAMPLE_LIMIT), level) === 0) return 0;
    const room = (blocks - 1) * BLOCK_SIZE;
    const size = codec.compress(bytes, at, blocks * BLOCK_SIZE, this.packed.subarray(HEADER_SIZE, room), level);
    if (size === 0) return 0;
    this.#packedView.setUint32(0, (size | (blocks << 24)) >>> 0, true);
    const stored = Math.ceil((HEADER_SIZE + size) / BLOCK_SIZE);
    this.packed.fill(0, HEADER_SIZE + size, stored * BLOCK_SIZE);
    return stored;
  }

  /** Blocks get new content: a unit that was decoded from them is no longer theirs. */
  forget(block: number, count: number): void {
    for (const unit of this.#units) if (unit.block >= block && unit.block < block + count) unit.block = -1;
  }
}
