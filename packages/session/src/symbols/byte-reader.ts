/** Numbers of DWARF, one after the other (DWARF 5, 7.6 and 7.4). */
import { byteString } from "@stratos/base";

/** There is less than was to be read, or what is there makes no sense. */
export class DwarfError extends Error {}

export class ByteReader {
  readonly #view: DataView;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, at = 0, end: number = bytes.length) {
    if (!(at >= 0 && at <= end && end <= bytes.length)) throw new DwarfError("a range outside of its section");
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = at;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at >= this.end;
  }

  #take(count: number): number {
    const { at } = this;
    if (!(count >= 0 && at + count <= this.end)) throw new DwarfError("a section ends in the midst of an entry");
    this.at = at + count;
    return at;
  }

  skip(count: number): void {
    this.#take(count);
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  s8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2), true);
  }

  s16(): number {
    return this.#view.getInt16(this.#take(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  s32(): number {
    return this.#view.getInt32(this.#take(4), true);
  }

  /** Exact below 2^53. */
  u64(): number {
    const low = this.u32();
    return this.u32() * 2 ** 32 + low;
  }

  /** Exact between −2^53 and 2^53. */
  s64(): number {
    const low = this.u32();
    return this.s32() * 2 ** 32 + low;
  }

  uleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  }

  sleb(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 127) * scale;
      if (byte < 128) return (byte & 64) === 0 ? value : value - scale * 128;
    }
  }

  /** Up to the next zero; a byte string. */
  text(): string {
    const start = this.at;
    while (this.u8() !== 0);
    return byteString(this.bytes(start, this.at - 1));
  }

  bytes(from: number, to: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + from, to - from);
  }

  /** A unit's length (7.4): 4 bytes, or 12 in the 64-bit format. */
  unitLength(): { length: number; is64: boolean } {
    const length = this.u32();
    return length === 0xffffffff ? { length: this.u64(), is64: true } : { length, is64: false };
  }

  offset(is64: boolean): number {
    return is64 ? this.u64() : this.u32();
  }
}
