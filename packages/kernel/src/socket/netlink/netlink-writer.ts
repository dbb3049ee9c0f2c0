/** sizeof struct nlmsghdr, and the alignment of messages and attributes (netlink(7), rtnetlink(7)). */
export const NLMSG_HDRLEN = 16,
  NLMSG_ALIGNTO = 4;
export const NLMSG_ERROR = 2,
  NLMSG_DONE = 3;
export const NLM_F_REQUEST = 1,
  NLM_F_MULTI = 2,
  NLM_F_ACK = 4,
  NLM_F_DUMP = 0x300,
  NLM_F_CAPPED = 0x100;
/** Of requests that make something (rtnetlink(7)). */
export const NLM_F_REPLACE = 0x100,
  NLM_F_EXCL = 0x200,
  NLM_F_CREATE = 0x400;
export const NETLINK_ROUTE = 0;

/** What a message says beside its type. */
export interface NetlinkHeading {
  readonly flags: number;
  readonly sequence: number;
  /** Of who asked; 0: what nobody asked for. */
  readonly port: number;
}

export function alignNetlink(length: number): number {
  return (length + NLMSG_ALIGNTO - 1) & ~(NLMSG_ALIGNTO - 1);
}

/** Builds one netlink message: header, fixed part, attributes. Bound: 2048 bytes, more than any of ours has. */
export class NetlinkWriter {
  readonly #bytes = new Uint8Array(2048);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  begin(type: number, heading: NetlinkHeading): this {
    this.#bytes.fill(0, 0, this.#length);
    this.#length = NLMSG_HDRLEN;
    this.#view.setUint16(4, type, true);
    this.#view.setUint16(6, heading.flags, true);
    this.#view.setUint32(8, heading.sequence, true);
    this.#view.setUint32(12, heading.port, true);
    return this;
  }

  u8(value: number): this {
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#view.setUint16(this.#length, value, true);
    this.#length += 2;
    return this;
  }

  u32(value: number): this {
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#length);
    this.#length = alignNetlink(this.#length + value.length);
    return this;
  }

  /** `struct rtattr` with its value, padded. */
  attribute(type: number, value: Uint8Array): this {
    this.u16(4 + value.length).u16(type);
    return this.bytes(value);
  }

  attributeU32(type: number, value: number): this {
    return this.u16(8).u16(type).u32(value);
  }

  attributeU8(type: number, value: number): this {
    return this.attribute(type, Uint8Array.of(value));
  }

  /** NUL-terminated text. */
  attributeText(type: number, text: string): this {
    const value = new Uint8Array(text.length + 1);
    for (let at = 0; at < text.length; at++) value[at] = text.charCodeAt(at);
    return this.attribute(type, value);
  }

  /** The message, its length filled in; padded so that another may follow. */
  finish(): Uint8Array {
    this.#view.setUint32(0, this.#length, true);
    return this.#bytes.slice(0, alignNetlink(this.#length));
  }
}
