/**
 * Attributes of netlink as netfilter has them: numbers in network order, texts with a NUL, values that may hold further
 * attributes. What is shorter than its kind is ERANGE, as the kernel's policies say (lib/nlattr.c, validate_nla).
 */
import { EINVAL, ERANGE, NFT_NAME_MAXLEN, NLA_TYPE_MASK } from "@stratos/abi";
import { refuse } from "./refusal.ts";
import { byteString } from "@stratos/base";

/** Most attributes of one kind are below it; what is above is unknown, and ignored. */
const TYPES_MAX = 64;

export class Attributes {
  #values: (Uint8Array | undefined)[];

  private constructor(values: (Uint8Array | undefined)[]) {
    this.#values = values;
  }

  /** @throws Refusal EINVAL one is malformed */
  static read(bytes: Uint8Array, start = 0): Attributes {
    const values: (Uint8Array | undefined)[] = [];
    for (const { type, value } of eachAttribute(bytes, start)) if (type < TYPES_MAX) values[type] = value;
    return new Attributes(values);
  }

  has(type: number): boolean {
    return this.#values[type] !== undefined;
  }

  bytes(type: number): Uint8Array | null {
    return this.#values[type] ?? null;
  }

  /** @throws Refusal EINVAL it isn't there */
  needBytes(type: number): Uint8Array {
    return this.#values[type] ?? refuse(EINVAL);
  }

  /** Attributes within one. */
  nested(type: number): Attributes | null {
    const value = this.#values[type];
    return value === undefined ? null : Attributes.read(value);
  }

  needNested(type: number): Attributes {
    return this.nested(type) ?? refuse(EINVAL);
  }

  u8(type: number): number | null {
    return this.#number(type, 1);
  }

  u16(type: number): number | null {
    return this.#number(type, 2);
  }

  u32(type: number): number | null {
    return this.#number(type, 4);
  }

  needU32(type: number): number {
    return this.u32(type) ?? refuse(EINVAL);
  }

  /** Of more than 53 bits the nearest double. */
  u64(type: number): number | null {
    return this.#number(type, 8);
  }

  needU64(type: number): number {
    return this.u64(type) ?? refuse(EINVAL);
  }

  #number(type: number, size: number): number | null {
    const value = this.#values[type];
    if (value === undefined) return null;
    if (value.length < size) refuse(ERANGE);
    let number = 0;
    for (let at = 0; at < size; at++) number = number * 256 + value[at]!;
    return number;
  }

  /** @throws Refusal ERANGE it is longer than `most` bytes with its NUL; EINVAL it is empty */
  text(type: number, most = NFT_NAME_MAXLEN): string | null {
    const value = this.#values[type];
    if (value === undefined) return null;
    const nul = value.indexOf(0);
    const length = nul < 0 ? value.length : nul;
    if (length >= most) refuse(ERANGE);
    return byteString(value, 0, length);
  }

  needText(type: number): string {
    return this.text(type) ?? refuse(EINVAL);
  }
}

/** @throws Refusal EINVAL one is malformed */
export function* eachAttribute(bytes: Uint8Array, start = 0): Generator<{ type: number; value: Uint8Array }> {
  for (let at = start; at + 4 <= bytes.length;) {
    const length = bytes[at]! | (bytes[at + 1]! << 8);
    if (length < 4 || at + length > bytes.length) refuse(EINVAL);
    yield {
      type: (bytes[at + 2]! | (bytes[at + 3]! << 8)) & NLA_TYPE_MASK,
      value: bytes.subarray(at + 4, at + length),
    };
    at += (length + 3) & ~3;
  }
}
