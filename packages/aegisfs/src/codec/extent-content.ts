/**
 * Between files and blocks: the content of extents as it stands on the device (FORMAT.md §6).
 *
 * A plain extent is the file's blocks. A compressed one is a unit of up to 16 of them, packed into fewer:
 *
 *   word 0   bytes of compressed data (24 bits) | blocks that it decodes to << 24
 *   then     the compressed data, zeros to the end of the last block
 *
 * Every block is verified against its checksum before anything looks at it. The units decoded last stay in memory,
 * since a page cache reads one unit in several steps. Long reads and writes do up to `PIECES_MAX` units at once, which
 * a host may spread over its processors.
 */
import { PIECES_MAX, PIECE_SIZE_MAX, SerialCodecPool, type CodecPool, type CompressionCodec } from "@stratos/host";
import { Failure } from "../failure.ts";
import { BLOCK_SIZE, EXTENT_BLOCKS_MAX, GROUP_BLOCKS, UNIT_BLOCKS } from "../format/geometry.ts";
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_CHECKSUMS,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_AT_SKIP,
} from "../format/extent-item.ts";
import { COMPRESS_LZ4, COMPRESS_NONE, COMPRESS_UNSET, COMPRESS_ZSTD } from "../format/properties.ts";
import type { BlockStore } from "../store/block-store.ts";
import { looksRandom } from "./entropy.ts";
import { lz4 } from "./lz4.ts";

/** What looks random is only compressed when its first block shrinks by an eighth. */
const SAMPLE_LIMIT = BLOCK_SIZE - BLOCK_SIZE / 8;
const UNITS_KEPT = 4;
const HEADER_SIZE = 4;
/** Units that are packed or decoded at once. */
export const UNITS_AT_ONCE: number = PIECES_MAX;

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
  readonly #pool: CodecPool;
  /** Decoded units, the one used last in front. */
  readonly #units: Unit[] = [];
  readonly #sample = new Uint8Array(SAMPLE_LIMIT);
  /**
   * Of the units that `pack` made: blocks that each decodes to, and that it takes; 0 when it is better stored as it is.
   */
  readonly unitBlocks: Uint8Array = new Uint8Array(PIECES_MAX);
  readonly storedBlocks: Uint8Array = new Uint8Array(PIECES_MAX);
  readonly #pieceUnits = new Uint8Array(PIECES_MAX);

  /** @param codecs  the host's, by name; LZ4 is always there */
  constructor(store: BlockStore, codecs: readonly CompressionCodec[], pool: CodecPool = new SerialCodecPool()) {
    this.#store = store;
    this.#pool = pool;
    this.#codecs[COMPRESS_LZ4] = lz4;
    this.#codecs[COMPRESS_ZSTD] = codecs.find((codec) => codec.name === "zstd");
    for (let index = 0; index < UNITS_KEPT; index++) this.#units.push(new Unit());
  }

  /** Can this engine write and read that compression? */
  knows(compression: number): boolean {
    return compression <= COMPRESS_NONE || this.#codecs[compression] !== undefined;
  }

  // ---- Reading ----------------------------------------------------------------------------------------------------

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
    bytes.set(unit.bytes.subarray(skip * BLOCK_SIZE, (skip + count) * BLOCK_SIZE), to);
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
    const { packed } = this.#pool;
    this.#store.readVerified(block, stored, packed, 0, words, at + EXTENT_AT_CHECKSUMS);
    const unit = units.pop()!;
    units.unshift(unit);
    unit.block = -1;
    unit.blocks = packed[3]!;
    const codec = this.#codec(compression, block);
    const size = sizeAt(packed, 0);
    if (
      unit.blocks === 0 ||
      unit.blocks > UNIT_BLOCKS ||
      HEADER_SIZE + size > stored * BLOCK_SIZE ||
      !codec.decompress(packed, HEADER_SIZE, size, unit.bytes, 0, unit.blocks * BLOCK_SIZE)
    )
      throw new Failure("corrupt-data", block);
    unit.block = block;
    return unit;
  }

  #codec(compression: number, block: number): CompressionCodec {
    const codec = this.#codecs[compression];
    if (codec === undefined) throw new Failure("no-codec", block);
    return codec;
  }

  /**
   * Reads a run of whole units, all of one compression, which decode to `bytes[to …)` one behind the other. Those that
   * were longer once are left out, and to be read one by one: returns how many units of the run are done, which may be
   * none. Throws as `read`.
   */
  readUnits(run: UnitRun, bytes: Uint8Array, to: number): number {
    const { count, blocks, stored, lengths, checksums } = run;
    const { packed } = this.#pool;
    // What lies together on the device comes with one read.
    for (let first = 0, at = 0; first < count;) {
      let total = stored[first]!;
      let end = first + 1;
      while (end < count && blocks[end] === blocks[first]! + total && isOneRead(blocks[first]!, total + stored[end]!))
        total += stored[end++]!;
      this.#store.readVerified(blocks[first]!, total, packed, at * BLOCK_SIZE, checksums, at);
      at += total;
      first = end;
    }
    const codec = this.#codec(run.compression, blocks[0]!);
    let done = 0;
    for (let at = 0, target = 0; done < count; done++) {
      const size = sizeAt(packed, at);
      const length = lengths[done]!;
      if (packed[at + 3]! !== length) break;
      if (HEADER_SIZE + size > stored[done]! * BLOCK_SIZE) throw new Failure("corrupt-data", blocks[done]!);
      this.#pool.setPiece(done, at + HEADER_SIZE, size, target, length * BLOCK_SIZE);
      at += stored[done]! * BLOCK_SIZE;
      target += length * BLOCK_SIZE;
    }
    this.#pool.decompress(codec, done, bytes, to);
    for (let unit = 0; unit < done; unit++)
      if (this.#pool.result(unit) === 0) throw new Failure("corrupt-data", blocks[unit]!);
    return done;
  }

  // ---- Writing ----------------------------------------------------------------------------------------------------

  /**
   * Compresses the units of a file's blocks: up to `UNITS_AT_ONCE` of them, the first of `first` blocks, the others
   * whole but for the last. A unit is compressed when that saves a block at least.
   *
   * @returns how many units there are; `unitBlocks` and `storedBlocks` tell of each
   */
  pack(compression: number, level: number, bytes: Uint8Array, at: number, first: number, blocks: number): number {
    const { unitBlocks, storedBlocks } = this;
    const codec = this.#codecs[compression];
    let units = 0;
    let pieces = 0;
    for (let block = 0; block < blocks && units < PIECES_MAX; units++) {
      const length = Math.min(blocks - block, units === 0 ? first : UNIT_BLOCKS);
      unitBlocks[units] = length;
      storedBlocks[units] = 0;
      const from = block * BLOCK_SIZE;
      if (
        codec !== undefined &&
        compression > COMPRESS_NONE &&
        length >= 2 &&
        this.#isWorthIt(codec, level, bytes, at + from)
      ) {
        this.#pieceUnits[pieces] = units;
        this.#pool.setPiece(
          pieces++,
          from,
          length * BLOCK_SIZE,
          units * PIECE_SIZE_MAX + HEADER_SIZE,
          (length - 1) * BLOCK_SIZE - HEADER_SIZE,
        );
      }
      block += length;
    }
    if (codec === undefined || pieces === 0) return units;
    this.#pool.compress(codec, level, pieces, bytes, at);
    for (let piece = 0; piece < pieces; piece++) {
      const unit = this.#pieceUnits[piece]!;
      const size = this.#pool.result(piece);
      if (size > 0) storedBlocks[unit] = this.#seal(unit * PIECE_SIZE_MAX, size, unitBlocks[unit]!);
    }
    return units;
  }

  #isWorthIt(codec: CompressionCodec, level: number, bytes: Uint8Array, at: number): boolean {
    return !looksRandom(bytes, at) || codec.compress(bytes, at, BLOCK_SIZE, this.#sample, level) > 0;
  }

  /** Puts the header in front of packed data, and zeros behind it. Returns the blocks that it takes. */
  #seal(at: number, size: number, blocks: number): number {
    const { packed } = this.#pool;
    packed[at] = size & 0xff;
    packed[at + 1] = (size >>> 8) & 0xff;
    packed[at + 2] = size >>> 16;
    packed[at + 3] = blocks;
    const stored = Math.ceil((HEADER_SIZE + size) / BLOCK_SIZE);
    packed.fill(0, at + HEADER_SIZE + size, at + stored * BLOCK_SIZE);
    return stored;
  }

  /** Copies packed units, one behind the other, into `bytes`. */
  copyPacked(first: number, end: number, bytes: Uint8Array): void {
    for (let unit = first, to = 0; unit < end; unit++) {
      const size = this.storedBlocks[unit]! * BLOCK_SIZE;
      bytes.set(this.#pool.packed.subarray(unit * PIECE_SIZE_MAX, unit * PIECE_SIZE_MAX + size), to);
      to += size;
    }
  }

  /** Blocks get new content: a unit that was decoded from them is no longer theirs. */
  forget(block: number, count: number): void {
    for (const unit of this.#units) if (unit.block >= block && unit.block < block + count) unit.block = -1;
  }
}

/** Compressed extents that follow each other in a file, none of them a part of a unit. */
export class UnitRun {
  count = 0;
  compression = COMPRESS_UNSET as number;
  /** Of each: the first block on the device, the blocks there, and those of the file. */
  readonly blocks: Uint32Array = new Uint32Array(PIECES_MAX);
  readonly stored: Uint8Array = new Uint8Array(PIECES_MAX);
  readonly lengths: Uint8Array = new Uint8Array(PIECES_MAX);
  /** Of all blocks on the device, in order. */
  readonly checksums: Uint32Array = new Uint32Array(PIECES_MAX * UNIT_BLOCKS);
}

/** Bytes of compressed data, by the header at `packed[at …)`. */
function sizeAt(packed: Uint8Array, at: number): number {
  return packed[at]! | (packed[at + 1]! << 8) | (packed[at + 2]! << 16);
}

/** A read that is verified is an extent's length at most, and in one segment: those begin where groups do. */
function isOneRead(block: number, count: number): boolean {
  return (
    count <= EXTENT_BLOCKS_MAX && Math.floor(block / GROUP_BLOCKS) === Math.floor((block + count - 1) / GROUP_BLOCKS)
  );
}
