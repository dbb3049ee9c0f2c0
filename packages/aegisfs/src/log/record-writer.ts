/**
 * Records of the intent log as words in a buffer that grows up to a bound; what does not fit is told by `overflowed`.
 */
import { RECORD_HEADER_WORDS } from "../format/log-layout.ts";

export class RecordWriter {
  words: Uint32Array = new Uint32Array(1024);
  #bytes: Uint8Array = new Uint8Array(this.words.buffer);
  readonly #wordsMax: number;
  /** Words in use. */
  length = 0;
  records = 0;
  overflowed = false;
  #start = 0;

  constructor(wordsMax: number) {
    this.#wordsMax = wordsMax;
  }

  clear(): void {
    this.length = 0;
    this.records = 0;
    this.overflowed = false;
  }

  begin(kind: number, subvolume: number, seconds: number, nanoseconds: number): void {
    this.#start = this.length;
    if (!this.#reserve(RECORD_HEADER_WORDS)) return;
    const { words } = this;
    words[this.length] = kind;
    words[this.length + 1] = subvolume;
    words[this.length + 2] = seconds >>> 0;
    words[this.length + 3] = Math.floor(seconds / 0x100000000) >>> 0;
    words[this.length + 4] = nanoseconds;
    this.length += RECORD_HEADER_WORDS;
  }

  end(): void {
    if (this.overflowed) return;
    this.words[this.#start] = (this.words[this.#start]! | ((this.length - this.#start) << 8)) >>> 0;
    this.records++;
  }

  u32(value: number): void {
    if (this.#reserve(1)) this.words[this.length++] = value;
  }

  copy(source: Uint32Array, from: number, count: number): void {
    if (!this.#reserve(count)) return;
    for (let word = 0; word < count; word++) this.words[this.length + word] = source[from + word]!;
    this.length += count;
  }

  /** A byte string. */
  text(value: string): void {
    const padded = (value.length + 3) >>> 2;
    if (!this.#reserve(1 + padded)) return;
    this.words[this.length] = value.length;
    if (padded > 0) this.words[this.length + padded] = 0;
    const at = (this.length + 1) * 4;
    for (let index = 0; index < value.length; index++) this.#bytes[at + index] = value.charCodeAt(index);
    this.length += 1 + padded;
  }

  bytes(value: Uint8Array): void {
    const padded = (value.length + 3) >>> 2;
    if (!this.#reserve(1 + padded)) return;
    this.words[this.length] = value.length;
    if (padded > 0) this.words[this.length + padded] = 0;
    this.#bytes.set(value, (this.length + 1) * 4);
    this.length += 1 + padded;
  }

  /** A record's length has 24 bits, which the bound stays far below. */
  #reserve(count: number): boolean {
    if (this.overflowed) return false;
    const wanted = this.length + count;
    if (wanted > this.#wordsMax) {
      this.overflowed = true;
      return false;
    }
    if (wanted > this.words.length) {
      const grown = new Uint32Array(Math.min(this.#wordsMax, Math.max(wanted, this.words.length * 2)));
      grown.set(this.words);
      this.words = grown;
      this.#bytes = new Uint8Array(grown.buffer);
    }
    return true;
  }
}
