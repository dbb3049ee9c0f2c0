/**
 * Tables of squashfs: a stream in blocks of 8 KiB, each packed when that makes it smaller, behind a length whose top
 * bit says that it is not.
 */
import { viewOf } from "../disk/disk.ts";

const METADATA_BLOCK = 8192;
const PLAIN = 0x8000;

export class MetadataBlocks {
  readonly #pack: (bytes: Uint8Array) => Uint8Array;
  readonly #done: Uint8Array[] = [];
  #doneBytes = 0;
  readonly #block = new Uint8Array(METADATA_BLOCK);
  #fill = 0;

  constructor(pack: (bytes: Uint8Array) => Uint8Array) {
    this.#pack = pack;
  }

  /** Where the next byte goes: start of its packed block in the table, offset in the block once it is unpacked. */
  get place(): { start: number; offset: number } {
    return { start: this.#doneBytes, offset: this.#fill };
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const count = Math.min(bytes.length - at, METADATA_BLOCK - this.#fill);
      this.#block.set(bytes.subarray(at, at + count), this.#fill);
      this.#fill += count;
      at += count;
      if (this.#fill === METADATA_BLOCK) this.#flush();
    }
  }

  /** The whole table, and where each of its blocks begins in it. */
  finish(): { bytes: Uint8Array; starts: number[] } {
    this.#flush();
    const bytes = new Uint8Array(this.#doneBytes);
    const starts: number[] = [];
    let at = 0;
    for (const block of this.#done) {
      starts.push(at);
      bytes.set(block, at);
      at += block.length;
    }
    return { bytes, starts };
  }

  #flush(): void {
    if (this.#fill === 0) return;
    const plain = this.#block.subarray(0, this.#fill);
    const packed = this.#pack(plain);
    const isPacked = packed.length < plain.length;
    const content = isPacked ? packed : plain;
    const block = new Uint8Array(2 + content.length);
    viewOf(block).setUint16(0, content.length | (isPacked ? 0 : PLAIN), true);
    block.set(content, 2);
    this.#done.push(block);
    this.#doneBytes += block.length;
    this.#fill = 0;
  }
}
