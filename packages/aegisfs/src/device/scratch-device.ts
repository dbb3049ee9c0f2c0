/**
 * A device that takes writes into memory and leaves the one below as it is: for looking at what a change would come to.
 * Bound: memory for each block of 4096 bytes that is written, which the caller knows of.
 */
import { EINVAL } from "@stratos/abi";
import type { BlockDevice } from "@stratos/host";
import { BLOCK_SIZE } from "../format/geometry.ts";

export class ScratchDevice implements BlockDevice {
  readonly readOnly = false;
  readonly size: number;
  readonly #below: BlockDevice;
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(below: BlockDevice) {
    this.#below = below;
    this.size = below.size;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    // The device below may refuse what was written here since.
    let result = 0;
    for (let done = 0; done < length && result >= 0;) {
      const index = Math.floor((offset + done) / BLOCK_SIZE);
      const within = (offset + done) % BLOCK_SIZE;
      let count = Math.min(length - done, BLOCK_SIZE - within);
      const own = this.#blocks.get(index);
      if (own !== undefined) bytes.set(own.subarray(within, within + count), at + done);
      else {
        while (done + count < length && !this.#blocks.has(Math.floor((offset + done + count) / BLOCK_SIZE)))
          count = Math.min(length - done, count + BLOCK_SIZE);
        result = this.#below.read(offset + done, bytes, at + done, count);
      }
      done += count;
    }
    return Math.min(0, result);
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    for (let done = 0; done < length;) {
      const index = Math.floor((offset + done) / BLOCK_SIZE);
      const within = (offset + done) % BLOCK_SIZE;
      const count = Math.min(length - done, BLOCK_SIZE - within);
      let own = this.#blocks.get(index);
      if (own === undefined) {
        own = new Uint8Array(BLOCK_SIZE);
        if (count < BLOCK_SIZE) {
          const result = this.#below.read(
            index * BLOCK_SIZE,
            own,
            0,
            Math.min(BLOCK_SIZE, this.size - index * BLOCK_SIZE),
          );
          if (result < 0) return result;
        }
        this.#blocks.set(index, own);
      }
      own.set(bytes.subarray(at + done, at + done + count), within);
      done += count;
    }
    return 0;
  }

  flush(): number {
    return 0;
  }

  resize(): number {
    return -EINVAL;
  }

  discard(): void {}
}
