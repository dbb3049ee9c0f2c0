/**
 * A disk as its formats see it: bytes at addresses. A partition is a window on one, a QCOW2 image is one inside a file,
 * and a file of the host is one in `host-node`.
 */
import { FormatError } from "../format-error.ts";

export interface Disk {
  /** bytes */
  readonly size: number;
  /**
   * Fills `into` from `offset` on.
   * @throws FormatError when that reaches beyond the end, or the host's error
   */
  read(offset: number, into: Uint8Array): void;
  /** @throws FormatError when that reaches beyond the end, or the host's error */
  write(offset: number, bytes: Uint8Array): void;
  /** @throws FormatError when this disk cannot change its size */
  resize(size: number): void;
}

/** `length` bytes from `offset` on, in a buffer of their own. */
export function readBytes(disk: Disk, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  disk.read(offset, bytes);
  return bytes;
}

/** A view for little-endian fields. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A 64-bit field as an exact number. @throws FormatError above 2^53 */
export function readU64(view: DataView, offset: number, littleEndian = true): number {
  const [low, high] = littleEndian
    ? [view.getUint32(offset, true), view.getUint32(offset + 4, true)]
    : [view.getUint32(offset + 4), view.getUint32(offset)];
  if (high >= 0x200000) throw new FormatError(`a number of ${high * 2 ** 32 + low} is larger than any disk`);
  return high * 2 ** 32 + low;
}

export function writeU64(view: DataView, offset: number, value: number, littleEndian = true): void {
  const high = Math.floor(value / 2 ** 32);
  view.setUint32(offset, littleEndian ? value % 2 ** 32 : high, littleEndian);
  view.setUint32(offset + 4, littleEndian ? high : value % 2 ** 32, littleEndian);
}

/** The part of a disk that begins at `start` and has `size` bytes: a partition. Its size is fixed. */
export class DiskWindow implements Disk {
  readonly #disk: Disk;
  readonly #start: number;
  readonly size: number;

  constructor(disk: Disk, place: { start: number; size: number }) {
    if (place.start + place.size > disk.size) throw new FormatError("a partition reaches beyond the end of the disk");
    this.#disk = disk;
    this.#start = place.start;
    this.size = place.size;
  }

  read(offset: number, into: Uint8Array): void {
    checkRange(this, offset, into.length);
    this.#disk.read(this.#start + offset, into);
  }

  write(offset: number, bytes: Uint8Array): void {
    checkRange(this, offset, bytes.length);
    this.#disk.write(this.#start + offset, bytes);
  }

  resize(): void {
    throw new FormatError("a partition's size is the partition table's business");
  }
}

/** Two disks that are written as one, such as an image in two formats. What is read comes from the first. */
export class TwinDisk implements Disk {
  readonly #first: Disk;
  readonly #second: Disk;

  constructor(first: Disk, second: Disk) {
    this.#first = first;
    this.#second = second;
  }

  get size(): number {
    return Math.min(this.#first.size, this.#second.size);
  }

  read(offset: number, into: Uint8Array): void {
    this.#first.read(offset, into);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#first.write(offset, bytes);
    this.#second.write(offset, bytes);
  }

  resize(size: number): void {
    this.#first.resize(size);
    this.#second.resize(size);
  }
}

const PIECE = 1 << 20;

/** A disk in memory; pieces that were never written take no room. */
export class MemoryDisk implements Disk {
  readonly #pieces = new Map<number, Uint8Array>();
  #size: number;

  constructor(size = 0) {
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  read(offset: number, into: Uint8Array): void {
    checkRange(this, offset, into.length);
    this.#each(offset, into.length, (piece, inPiece, at, count) => {
      const bytes = this.#pieces.get(piece);
      if (bytes === undefined) into.fill(0, at, at + count);
      else into.set(bytes.subarray(inPiece, inPiece + count), at);
    });
  }

  write(offset: number, source: Uint8Array): void {
    checkRange(this, offset, source.length);
    this.#each(offset, source.length, (piece, inPiece, at, count) => {
      let bytes = this.#pieces.get(piece);
      if (bytes === undefined) this.#pieces.set(piece, (bytes = new Uint8Array(PIECE)));
      bytes.set(source.subarray(at, at + count), inPiece);
    });
  }

  /** What lies beyond a smaller size is forgotten. */
  resize(size: number): void {
    for (const [piece, bytes] of this.#pieces) {
      if (piece * PIECE >= size) this.#pieces.delete(piece);
      else if ((piece + 1) * PIECE > size) bytes.fill(0, size - piece * PIECE);
    }
    this.#size = size;
  }

  #each(
    offset: number,
    length: number,
    visit: (piece: number, inPiece: number, at: number, count: number) => void,
  ): void {
    for (let at = 0; at < length;) {
      const piece = Math.floor((offset + at) / PIECE),
        inPiece = (offset + at) % PIECE;
      const count = Math.min(PIECE - inPiece, length - at);
      visit(piece, inPiece, at, count);
      at += count;
    }
  }
}

/** @throws FormatError when `length` bytes at `offset` are not all on the disk */
export function checkRange(disk: Disk, offset: number, length: number): void {
  if (!(offset >= 0 && offset + length <= disk.size))
    throw new FormatError(`bytes ${offset} to ${offset + length} are not on a disk of ${disk.size}`);
}

/** True when all bytes are zero. */
export function isZero(bytes: Uint8Array): boolean {
  const head = Math.min(bytes.length, (8 - (bytes.byteOffset % 8)) % 8);
  for (let at = 0; at < head; at++) if (bytes[at] !== 0) return false;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + head, (bytes.length - head) >> 2);
  for (let at = 0; at < words.length; at++) if (words[at] !== 0) return false;
  for (let at = head + words.length * 4; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}
