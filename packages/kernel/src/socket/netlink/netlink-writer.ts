import { Nlattr, NLMSG_ALIGNTO, Nlmsghdr, type Struct } from "@stratos/abi";
import { putFields } from "../../ground/words.ts";

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

/** Builds one netlink message: header, fixed part, attributes. Bound: 4096 bytes, more than any of ours has. */
export class NetlinkWriter {
  readonly #bytes = new Uint8Array(4096);
  readonly #view = new DataView(this.#bytes.buffer);
  #length = 0;

  begin(type: number, heading: NetlinkHeading): this {
    this.#bytes.fill(0, 0, this.#length);
    this.#length = 0;
    const { flags: nlmsg_flags, sequence: nlmsg_seq, port: nlmsg_pid } = heading;
    return this.fields(Nlmsghdr, { nlmsg_type: type, nlmsg_flags, nlmsg_seq, nlmsg_pid });
  }

  /** A structure of integers, those that aren't given 0. */
  fields<Name extends string>(layout: Struct<Name>, values: { readonly [N in Name]?: number }): this {
    putFields(this.#view, layout, values, this.#length);
    this.#length = alignNetlink(this.#length + layout.size);
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

  /** `struct nlattr` with its value, padded. */
  attribute(type: number, value: Uint8Array): this {
    return this.#attributeHead(type, value.length).bytes(value);
  }

  attributeU32(type: number, value: number): this {
    return this.#attributeHead(type, 4).u32(value);
  }

  /** An attribute of attributes, as `fill` writes them. */
  nest(type: number, fill: (writer: this) => void): this {
    const start = this.#length;
    this.#attributeHead(type, 0);
    fill(this);
    putFields(this.#view, Nlattr, { nla_len: this.#length - start, nla_type: type }, start);
    return this;
  }

  #attributeHead(type: number, length: number): this {
    return this.fields(Nlattr, { nla_len: Nlattr.size + length, nla_type: type });
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
    putFields(this.#view, Nlmsghdr, { nlmsg_len: this.#length });
    return this.#bytes.slice(0, alignNetlink(this.#length));
  }
}
