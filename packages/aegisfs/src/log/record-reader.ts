/**
 * Records of the intent log, read one after the other and field by field; what makes no sense is damage (Failure
 * `corrupt-node`).
 */
import { byteString } from "@stratos/base";
import { Failure } from "../failure.ts";
import { INODE_WORDS } from "../cache/inode-table.ts";
import { EXTENT_AT_CHECKSUMS, EXTENT_AT_LENGTH, extentSize } from "../format/extent-item.ts";
import { EXTENT_BLOCKS_MAX } from "../format/geometry.ts";
import { BATCH_HEADER_WORDS, LOG_CONTENT, RECORD_HEADER_WORDS } from "../format/log-layout.ts";

/** One batch of the log as it was written, with its checksum taken out of its words. */
export interface Batch {
  readonly words: Uint32Array;
  readonly records: number;
  readonly checksum: number;
}

/** Calls `visit` with each extent that a batch maps. Throws Failure. */
export function eachExtent(
  batch: Batch,
  visit: (words: Uint32Array, at: number, subvolume: number, ino: number) => void,
): void {
  const reader = new RecordReader(batch.words);
  for (let record = 0; record < batch.records; record++) {
    reader.next();
    if (reader.kind !== LOG_CONTENT) continue;
    const ino = reader.u32();
    reader.skip(INODE_WORDS + 1);
    reader.bytes();
    for (let left = reader.u32(); left > 0; left--) {
      reader.skip(2);
      visit(batch.words, reader.extent(), reader.subvolume, ino);
    }
  }
}

export function liar(): Failure {
  return new Failure("corrupt-node", -1);
}

export class RecordReader {
  readonly words: Uint32Array;
  kind = 0;
  subvolume = 0;
  seconds = 0;
  nanoseconds = 0;
  /** New numbers of inodes, by subvolume and number in the log; null: they have to be those of the log. */
  renumbered: Map<string, number> | null = null;
  #at: number;
  #end = BATCH_HEADER_WORDS;

  constructor(words: Uint32Array) {
    this.words = words;
    this.#at = BATCH_HEADER_WORDS;
  }

  next(): void {
    const { words } = this;
    this.#at = this.#end;
    const length = (words[this.#at] ?? 0) >>> 8;
    this.#end = this.#at + length;
    if (length < RECORD_HEADER_WORDS || this.#end > words.length) throw liar();
    this.kind = words[this.#at]! & 255;
    this.subvolume = words[this.#at + 1]!;
    this.seconds = words[this.#at + 2]! + (words[this.#at + 3]! | 0) * 0x100000000;
    this.nanoseconds = words[this.#at + 4]!;
    this.#at += RECORD_HEADER_WORDS;
  }

  /** The next word as the number of an inode. */
  ino(): number {
    const ino = this.u32();
    return this.renumbered?.get(`${this.subvolume}:${ino}`) ?? ino;
  }

  /**
   * What the log calls `ino` was made as `result`. Returns that, or −1 when it has failed or has to be the same and is
   * not.
   */
  made(ino: number, result: number): number {
    if (result < 0 || (this.renumbered === null && result !== ino)) return -1;
    this.renumbered?.set(`${this.subvolume}:${ino}`, result);
    return result;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#end) throw liar();
  }

  /** The next words, which stay the next. */
  peek(count: number): Uint32Array {
    if (this.#at + count > this.#end) throw liar();
    return this.words.subarray(this.#at, this.#at + count);
  }

  u32(): number {
    this.skip(1);
    return this.words[this.#at - 1]!;
  }

  numbers(count: number): number[] {
    const numbers: number[] = [];
    for (let left = count; left > 0; left--) numbers.push(this.u32());
    return numbers;
  }

  bytes(): Uint8Array {
    const length = this.u32();
    if (length > this.words.length * 4) throw liar();
    const start = this.words.byteOffset + this.#at * 4;
    this.skip((length + 3) >>> 2);
    return new Uint8Array(this.words.buffer, start, length).slice();
  }

  text(): string {
    return byteString(this.bytes());
  }

  /** Word index of an extent's value, which is as long as it says. */
  extent(): number {
    const length = this.u32();
    const at = this.#at;
    this.skip(length);
    const { words } = this;
    if (length < EXTENT_AT_CHECKSUMS) throw liar();
    const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
    const blocks = words[at + EXTENT_AT_LENGTH]! & 0xffff;
    if (
      blocks === 0 ||
      stored === 0 ||
      blocks > EXTENT_BLOCKS_MAX ||
      stored > EXTENT_BLOCKS_MAX ||
      extentSize(stored) !== length * 4
    )
      throw liar();
    return at;
  }
}
