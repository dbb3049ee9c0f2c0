/**
 * Pieces of a disk in memory, 512 of them in one buffer, a slab. What small buffers take from glibc's malloc stays with
 * the process when they are freed, as free memory of the arena that their thread had: of a worker that wrote 2 GB a
 * gigabyte and more. A buffer of 32 MiB is mapped by itself (mallopt(3), M_MMAP_THRESHOLD) and goes back to the host;
 * what of it is not touched takes nothing.
 *
 * A slab lives as long as anything of it is in use. A piece that forks of the disk have, too, can't be used again by
 * who lets it go, so slabs would come to hold little each; the disk moves what is left of one that is nearly lost.
 */
import { LoneBytes } from "@stratos/base";

/** Bytes. */
export const PIECE = 1 << 16;
const SLAB_BYTES = 1 << 25;
/** Most disks hold little: they take no slab. */
const SMALL_PIECES = 64;
/** Pieces of a slab that nobody here can use; what is left is moved. */
const LOST_MAX = ((SLAB_BYTES / PIECE) * 3) / 4;

class Slab {
  readonly buffer: ArrayBuffer;
  /** Pieces that the disk has. */
  used = 0;
  /** Pieces that are others' alone now, or were never this disk's. */
  lost = 0;
  /** Where pieces lie that were in use. */
  readonly #free: number[] = [];
  /** No piece behind it was in use. */
  #end = 0;

  constructor(buffer: ArrayBuffer) {
    this.buffer = buffer;
  }

  get hasRoom(): boolean {
    return !this.isNearlyLost && (this.#end < SLAB_BYTES || this.#free.length > 0);
  }

  get isNearlyLost(): boolean {
    return this.lost >= LOST_MAX;
  }

  /** @returns zeros */
  take(): LoneBytes {
    this.used++;
    const again = this.#free.pop();
    const piece = new LoneBytes(this.buffer, again ?? this.#end, PIECE);
    if (again === undefined) this.#end += PIECE;
    else piece.fill(0);
    return piece;
  }

  giveBack(offset: number): void {
    this.#free.push(offset);
  }

  /** As a fork of the disk has it: with the same pieces, of which it may use none again. */
  fork(): Slab {
    const fork = new Slab(this.buffer);
    fork.used = this.used;
    fork.lost = SLAB_BYTES / PIECE - this.used;
    fork.#end = SLAB_BYTES;
    return fork;
  }
}

export class PieceSlabs {
  readonly #slabs = new Map<ArrayBuffer, Slab>();
  /** Pieces that have a buffer of their own. */
  #small = 0;

  /** @returns a piece of zeros */
  take(): LoneBytes {
    if (this.#small < SMALL_PIECES) {
      this.#small++;
      return new LoneBytes(new ArrayBuffer(PIECE));
    }
    return this.#withRoom().take();
  }

  #withRoom(): Slab {
    for (const slab of this.#slabs.values()) if (slab.hasRoom) return slab;
    const slab = new Slab(new ArrayBuffer(SLAB_BYTES));
    this.#slabs.set(slab.buffer, slab);
    return slab;
  }

  /**
   * The disk has the piece no more.
   *
   * @param isShared  a fork may have it
   * @returns the buffer of which hardly anything can be used here any more: what the disk has in it is to be moved
   */
  drop(piece: Uint8Array<ArrayBuffer>, isShared: boolean): ArrayBuffer | null {
    const slab = this.#slabs.get(piece.buffer);
    if (slab === undefined) {
      if (piece.buffer.byteLength === PIECE && this.#small > 0) this.#small--;
      return null;
    }
    if (--slab.used === 0) {
      this.#slabs.delete(slab.buffer);
      return null;
    }
    if (!isShared) slab.giveBack(piece.byteOffset);
    else slab.lost++;
    return slab.isNearlyLost ? slab.buffer : null;
  }

  /** Of a fork of the disk, which has the same pieces: none of them is its own. */
  fork(): PieceSlabs {
    const fork = new PieceSlabs();
    fork.#small = this.#small;
    for (const slab of this.#slabs.values()) fork.#slabs.set(slab.buffer, slab.fork());
    return fork;
  }
}
