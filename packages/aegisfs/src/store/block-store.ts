/**
 * The volume's block space: one device, or a stack of read-only bases under one device that takes the writes.
 *
 * Block numbers are global: device k of the stack owns the numbers from its `start` to the start of device k + 1,
 * and a block number alone finds its device. An extent or node never straddles two devices. That is all there is
 * to a clone that lives in another file: its trees point into the base wherever they did not diverge.
 */
import type { BlockDevice } from "@stratos/host";
import { Failure } from "../failure.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import { checksumBlock } from "./checksum.ts";

export class BlockStore {
  readonly #bases: readonly BlockDevice[];
  readonly #baseStarts: readonly number[];
  readonly #top: BlockDevice;
  /** First block of the device that takes the writes. */
  readonly topStart: number;

  /**
   * @param bases       from the bottom up; never written
   * @param baseStarts  the first block of each
   */
  constructor(top: BlockDevice, topStart: number, bases: readonly BlockDevice[], baseStarts: readonly number[]) {
    this.#top = top;
    this.topStart = topStart;
    this.#bases = bases;
    this.#baseStarts = baseStarts;
  }

  get readOnly(): boolean {
    return this.#top.readOnly;
  }

  /** Blocks of the top device, as it stands. */
  get topBlocks(): number {
    return Math.floor(this.#top.size / BLOCK_SIZE);
  }

  /** Reads `count` blocks into `bytes[at …)`; throws Failure `io`. */
  read(block: number, count: number, bytes: Uint8Array, at: number): void {
    let result: number;
    if (block >= this.topStart) {
      result = this.#top.read((block - this.topStart) * BLOCK_SIZE, bytes, at, count * BLOCK_SIZE);
    } else {
      let index = this.#bases.length - 1;
      while (index > 0 && block < this.#baseStarts[index]!) index--;
      result = this.#bases[index]!.read((block - this.#baseStarts[index]!) * BLOCK_SIZE, bytes, at, count * BLOCK_SIZE);
    }
    if (result < 0) throw new Failure("io", block);
  }

  /**
   * The same, each block verified against the checksum in `checksums[from …)`. Throws Failure `corrupt-data` when one does not match.
   */
  readVerified(block: number, count: number, bytes: Uint8Array, at: number, checksums: Uint32Array, from: number): void {
    this.read(block, count, bytes, at);
    for (let offset = 0; offset < count; offset++) {
      if (checksumBlock(bytes, at + offset * BLOCK_SIZE) !== checksums[from + offset]) throw new Failure("corrupt-data", block + offset);
    }
  }

  write(block: number, count: number, bytes: Uint8Array, at: number): void {
    if (block < this.topStart) throw new Error(`invariant broken: block ${block} belongs to a base`);
    if (this.#top.write((block - this.topStart) * BLOCK_SIZE, bytes, at, count * BLOCK_SIZE) < 0) throw new Failure("io", block);
  }

  flush(): void {
    if (this.#top.flush() < 0) throw new Failure("io", -1);
  }

  discard(block: number, count: number): void {
    this.#top.discard((block - this.topStart) * BLOCK_SIZE, count * BLOCK_SIZE);
  }

  resizeTop(blocks: number): number {
    return this.#top.resize(blocks * BLOCK_SIZE);
  }
}
