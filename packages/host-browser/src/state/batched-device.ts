/**
 * A device that gathers writes, and remembers what was read: for devices of which each call costs as much as some
 * hundred kilobytes (a file of the origin asks another process). Nothing reaches the device before `flush`, or before
 * more waits than may; a crash leaves what the contract of `BlockDevice` lets it leave.
 */
import { EIO } from "@stratos/abi";
import type { BlockDevice } from "@stratos/host";

const BLOCK = 4096;
const PIECE_BLOCKS = 16;
const PIECE: number = PIECE_BLOCKS * BLOCK;
/** Bytes that wait at most. */
const DIRTY_MAX: number = 8 * 2 ** 20;
/** Pieces kept: 32 MiB. A write that is longer adds its own until it is done. */
const KEPT_MAX = 512;
/** Pieces of which blocks wait, at most: scattered blocks leave room for what is read. */
const DIRTY_PIECES_MAX: number = KEPT_MAX / 2;
/** Most bytes of one write. */
const RUN_MAX: number = 2 ** 20;

interface Piece {
  readonly bytes: Uint8Array;
  /** A bit for each block: it is here; it is newer than the device's. */
  here: number;
  dirty: number;
}

export class BatchedDevice implements BlockDevice {
  readonly #device: BlockDevice & { close?(): void };
  /** By index, the one used last at the end. */
  readonly #pieces = new Map<number, Piece>();
  #dirtyBlocks = 0;
  #dirtyPieces = 0;
  readonly #run = new Uint8Array(RUN_MAX);
  /** Calls of the device: reads, writes, flushes. */
  readonly calls: { read: number; write: number; flush: number } = { read: 0, write: 0, flush: 0 };

  constructor(device: BlockDevice & { close?(): void }) {
    this.#device = device;
  }

  get size(): number {
    return this.#device.size;
  }

  get readOnly(): boolean {
    return this.#device.readOnly;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset < 0 || offset + length > this.size) return -EIO;
    for (let done = 0; done < length;) {
      const { index, within, count } = partOf(offset + done, length - done);
      const piece = this.#piece(index);
      const wanted = blocksOf(within, count);
      if ((piece.here & wanted) !== wanted) {
        const failed = this.#fill(index, piece);
        if (failed < 0) return failed;
      }
      bytes.set(piece.bytes.subarray(within, within + count), at + done);
      done += count;
    }
    return 0;
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset < 0 || offset + length > this.size) return -EIO;
    for (let done = 0; done < length;) {
      const { index, within, count } = partOf(offset + done, length - done);
      const piece = this.#piece(index);
      const touched = blocksOf(within, count);
      const isAligned = within % BLOCK === 0 && count % BLOCK === 0;
      if (!isAligned && (piece.here & touched) !== touched) {
        const failed = this.#fill(index, piece);
        if (failed < 0) return failed;
      }
      piece.bytes.set(bytes.subarray(at + done, at + done + count), within);
      piece.here |= touched;
      this.#setDirty(piece, piece.dirty | touched);
      done += count;
    }
    return this.#dirtyBlocks * BLOCK > DIRTY_MAX || this.#dirtyPieces > DIRTY_PIECES_MAX ? this.#writeOut() : 0;
  }

  flush(): number {
    const failed = this.#writeOut();
    if (failed < 0) return failed;
    this.calls.flush++;
    return this.#device.flush();
  }

  resize(size: number): number {
    for (const [index, piece] of this.#pieces) {
      if ((index + 1) * PIECE <= size) continue;
      this.#setDirty(piece, piece.dirty & blocksOf(0, Math.max(0, Math.min(PIECE, size - index * PIECE))));
      if (piece.dirty === 0) this.#pieces.delete(index);
    }
    return this.#device.resize(size);
  }

  /** What nobody needs is not written. */
  discard(offset: number, length: number): void {
    for (let done = 0; done < length;) {
      const { index, within, count } = partOf(offset + done, length - done);
      const piece = this.#pieces.get(index);
      if (piece !== undefined && within % BLOCK === 0 && count % BLOCK === 0)
        this.#setDirty(piece, piece.dirty & ~blocksOf(within, count));
      done += count;
    }
    this.#device.discard(offset, length);
  }

  /** Lets go of the device; what was not flushed is lost. */
  close(): void {
    this.#pieces.clear();
    this.#device.close?.();
  }

  #piece(index: number): Piece {
    let piece = this.#pieces.get(index);
    if (piece !== undefined) this.#pieces.delete(index);
    else {
      // Before it is among them: who asked has yet to fill it, or to mark it as waiting.
      if (this.#pieces.size >= KEPT_MAX) this.#trim();
      piece = { bytes: new Uint8Array(PIECE), here: 0, dirty: 0 };
    }
    this.#pieces.set(index, piece);
    return piece;
  }

  #setDirty(piece: Piece, dirty: number): void {
    this.#dirtyBlocks += ones(dirty) - ones(piece.dirty);
    this.#dirtyPieces += Number(dirty !== 0) - Number(piece.dirty !== 0);
    piece.dirty = dirty;
  }

  /** Those that wait may be let go of after `#writeOut`. */
  #trim(): void {
    for (const [index, { dirty }] of this.#pieces) {
      if (this.#pieces.size <= KEPT_MAX - KEPT_MAX / 8) break;
      if (dirty === 0) this.#pieces.delete(index);
    }
  }

  /** Reads what is not here, all at once. */
  #fill(index: number, piece: Piece): number {
    const start = index * PIECE;
    const length = Math.min(PIECE, this.size - start);
    this.calls.read++;
    const failed = this.#device.read(start, this.#run, 0, length);
    if (failed < 0) return failed;
    for (let block = 0; block * BLOCK < length; block++) {
      if ((piece.here & (1 << block)) !== 0) continue;
      piece.bytes.set(this.#run.subarray(block * BLOCK, (block + 1) * BLOCK), block * BLOCK);
    }
    piece.here |= blocksOf(0, length);
    return 0;
  }

  /** In order of place, neighbours together. What fails goes on waiting. */
  #writeOut(): number {
    const waiting = [...this.#pieces].filter(([, { dirty }]) => dirty !== 0).sort(([a], [b]) => a - b);
    let start = 0,
      length = 0;
    let taken: { piece: Piece; bit: number }[] = [];
    const write = (): number => {
      if (length === 0) return 0;
      this.calls.write++;
      const failed = this.#device.write(start, this.#run, 0, length);
      if (failed < 0) return failed;
      for (const { piece, bit } of taken) this.#setDirty(piece, piece.dirty & ~bit);
      taken = [];
      length = 0;
      return 0;
    };
    for (const [index, piece] of waiting) {
      for (let block = 0; block < PIECE_BLOCKS; block++) {
        const bit = 1 << block;
        if ((piece.dirty & bit) === 0) continue;
        const place = index * PIECE + block * BLOCK;
        if (length > 0 && (place !== start + length || length === RUN_MAX)) {
          const failed = write();
          if (failed < 0) return failed;
        }
        if (length === 0) start = place;
        this.#run.set(piece.bytes.subarray(block * BLOCK, (block + 1) * BLOCK), length);
        length += BLOCK;
        taken.push({ piece, bit });
      }
    }
    return write();
  }
}

/** The part of a range that lies in one piece. */
function partOf(place: number, left: number): { index: number; within: number; count: number } {
  const within = place % PIECE;
  return { index: Math.floor(place / PIECE), within, count: Math.min(left, PIECE - within) };
}

/** Bits of the blocks that a range of a piece touches. */
function blocksOf(within: number, count: number): number {
  if (count === 0) return 0;
  const first = Math.floor(within / BLOCK);
  const last = Math.floor((within + count - 1) / BLOCK);
  return ((1 << (last + 1)) - 1) & ~((1 << first) - 1);
}

function ones(bits: number): number {
  let count = 0;
  for (; bits !== 0; bits &= bits - 1) count++;
  return count;
}
