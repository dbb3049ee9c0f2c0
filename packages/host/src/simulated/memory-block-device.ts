import { EIO, EROFS } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { BlockDevice } from "../block-device.ts";

/** A disk in memory, allocated in 1 MiB pieces as they are written. */
export class MemoryBlockDevice implements BlockDevice {
  #size: number;
  readonly readOnly: boolean;
  #pieces = new Map<number, Uint8Array>();

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
      const piece = this.#pieces.get(Math.floor((offset + done) / PIECE));
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
      let piece = this.#pieces.get(index);
      if (piece === undefined) this.#pieces.set(index, (piece = new Uint8Array(PIECE)));
      piece.set(bytes.subarray(at + done, at + done + count), within);
      done += count;
    }
    return 0;
  }

  flush(): number {
    return 0;
  }

  resize(size: number): number {
    for (const index of this.#pieces.keys()) if (index * PIECE >= size) this.#pieces.delete(index);
    this.#size = size;
    return 0;
  }

  discard(offset: number, length: number): void {
    for (let index = Math.ceil(offset / PIECE); (index + 1) * PIECE <= offset + length; index++)
      this.#pieces.delete(index);
  }

  static {
    stateClass("MemoryBlockDevice", this, {
      save: (it) => ({ size: it.#size, pieces: it.#pieces }),
      load: (it, from) => ({ size: it.#size, pieces: it.#pieces } = from),
    });
  }
}

const PIECE = 1 << 20;
