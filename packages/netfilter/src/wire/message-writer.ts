/** Builds messages of netfilter: a netlink header, `struct nfgenmsg`, attributes with numbers in network order. */

/** Who a message is for. */
interface MessageHeading {
  readonly flags: number;
  readonly sequence: number;
  /** Of the socket that asked; 0: of nobody. */
  readonly port: number;
  /** Address family of what it is about (NFPROTO_*). */
  readonly family: number;
  /** `res_id`: the low half of the ruleset's generation. */
  readonly resource: number;
}

export class MessageWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** @param type  subsystem and message */
  begin(type: number, { flags, sequence, port, family, resource }: MessageHeading): this {
    this.#length = 0;
    return this.#u32(0)
      .#u16(type)
      .#u16(flags)
      .#u32(sequence)
      .#u32(port)
      .#raw(family, 0, resource >> 8, resource);
  }

  /** The message with its length; padded so that another may follow. */
  finish(): Uint8Array {
    this.#put(0, this.#length, 4);
    return this.#bytes.slice(0, (this.#length + 3) & ~3);
  }

  get length(): number {
    return this.#length;
  }

  bytes(type: number, value: Uint8Array): this {
    this.#head(type, value.length);
    this.#room(value.length + 3);
    this.#bytes.set(value, this.#length);
    return this.#advance(value.length);
  }

  text(type: number, value: string): this {
    this.#head(type, value.length + 1);
    this.#room(value.length + 4);
    for (let at = 0; at < value.length; at++) this.#bytes[this.#length + at] = value.charCodeAt(at);
    this.#bytes[this.#length + value.length] = 0;
    return this.#advance(value.length + 1);
  }

  u8(type: number, value: number): this {
    this.#head(type, 1);
    this.#raw(value);
    return this.#advance(0, 1);
  }

  u16(type: number, value: number): this {
    this.#head(type, 2);
    this.#raw(value >> 8, value);
    return this.#advance(0, 2);
  }

  u32(type: number, value: number): this {
    this.#head(type, 4);
    return this.#raw(value >> 24, value >> 16, value >> 8, value);
  }

  u64(type: number, value: number): this {
    this.#head(type, 8);
    const high = Math.floor(value / 2 ** 32);
    this.#raw(high >> 24, high >> 16, high >> 8, high);
    return this.#raw(value / 2 ** 24, value / 2 ** 16, value / 2 ** 8, value);
  }

  /** An attribute of attributes, as `fill` writes them; NLA_F_NESTED is the caller's to set in `type`. */
  nest(type: number, fill: (writer: this) => void): this {
    const start = this.#length;
    this.#head(type, 0);
    fill(this);
    this.#put(start, this.#length - start, 2);
    return this;
  }

  #head(type: number, length: number): void {
    this.#u16(length + 4).#u16(type);
  }

  #u16(value: number): this {
    return this.#raw(value, value >> 8);
  }

  #u32(value: number): this {
    return this.#raw(value, value >>> 8, value >>> 16, value >>> 24);
  }

  #raw(...values: number[]): this {
    this.#room(values.length);
    for (const value of values) this.#bytes[this.#length++] = value;
    return this;
  }

  /** Padding behind a value that is put already, or, with `written`, behind one of so many bytes. */
  #advance(length: number, written = length): this {
    this.#length += length;
    for (let left = (4 - (written & 3)) & 3; left > 0; left--) this.#raw(0);
    return this;
  }

  #put(at: number, value: number, size: number): void {
    for (let index = 0; index < size; index++) this.#bytes[at + index] = value >>> (8 * index);
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}
