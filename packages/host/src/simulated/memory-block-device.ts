import { EIO, EROFS } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { BlockDevice } from "../block-device.ts";
import { PIECE, PieceSlabs } from "./piece-slabs.ts";

/** A disk in memory, allocated in pieces as they are written. */
export class MemoryBlockDevice implements BlockDevice {
  #size: number;
  readonly readOnly: boolean;
  /** LoneBytes, but for what a state of version 1 had. */
  #parts = new Map<number, Uint8Array<ArrayBuffer>>();
  /** Pieces that forks have, too: they are copied before they are written. */
  #shared = new Set<number>();
  #slabs = new PieceSlabs();

  constructor(size: number, readOnly = false) {
    this.#size = size;
    this.readOnly = readOnly;
  }

  get size(): number {
    return this.#size;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset + length > this.#size) return -EIO;
    for (let done = 0; done < length;) {
      const within = (offset + done) % PIECE;
      const count = Math.min(length - done, PIECE - within);
      const piece = this.#parts.get(Math.floor((offset + done) / PIECE));
      if (piece === undefined) bytes.fill(0, at + done, at + done + count);
      else bytes.set(piece.subarray(within, within + count), at + done);
      done += count;
    }
    return 0;
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (this.readOnly) return -EROFS;
    if (offset + length > this.#size) return -EIO;
    for (let done = 0; done < length;) {
      const within = (offset + done) % PIECE;
      const count = Math.min(length - done, PIECE - within);
      const index = Math.floor((offset + done) / PIECE);
      this.#ownPiece(index).set(bytes.subarray(at + done, at + done + count), within);
      done += count;
    }
    return 0;
  }

  #ownPiece(index: number): Uint8Array {
    const piece = this.#parts.get(index);
    if (piece !== undefined && !this.#shared.has(index)) return piece;
    const own = this.#slabs.take();
    if (piece !== undefined) {
      own.set(piece);
      this.#drop(index);
    }
    this.#parts.set(index, own);
    return own;
  }

  /** Another disk with the same content; what is written to one of them from now on is not in the other. */
  fork(): MemoryBlockDevice {
    const fork = new MemoryBlockDevice(this.#size, this.readOnly);
    fork.#parts = new Map(this.#parts);
    this.#shared = new Set(this.#parts.keys());
    fork.#shared = new Set(this.#shared);
    fork.#slabs = this.#slabs.fork();
    return fork;
  }

  flush(): number {
    return 0;
  }

  resize(size: number): number {
    for (const index of this.#parts.keys()) if (index * PIECE >= size) this.#drop(index);
    this.#size = size;
    return 0;
  }

  discard(offset: number, length: number): void {
    for (let index = Math.ceil(offset / PIECE); (index + 1) * PIECE <= offset + length; index++) this.#drop(index);
  }

  #drop(index: number): void {
    const piece = this.#parts.get(index);
    if (piece === undefined) return;
    this.#parts.delete(index);
    const nearlyLost = this.#slabs.drop(piece, this.#shared.delete(index));
    if (nearlyLost !== null) this.#leave(nearlyLost);
  }

  #leave(slab: ArrayBuffer): void {
    for (const [index, piece] of [...this.#parts]) {
      if (piece.buffer !== slab) continue;
      const moved = this.#slabs.take();
      moved.set(piece);
      this.#parts.set(index, moved);
      this.#slabs.drop(piece, true);
      this.#shared.delete(index);
    }
  }

  static {
    stateClass("MemoryBlockDevice", this, {
      save: (it) => ({ size: it.#size, parts: it.#parts, shared: it.#shared }),
      load: (it, from) => ({ size: it.#size, parts: it.#parts, shared: it.#shared } = from),
    });
  }
}
