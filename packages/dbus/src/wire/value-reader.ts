/**
 * Values as they stand on the wire (D-Bus Specification, "Marshaling (Wire Format)"). What is not as the specification
 * says is a WireError: sizes, padding that is not zero, booleans but 0 and 1, text that is no UTF-8 or has a zero.
 */
import { byteString, byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { isPath } from "./names.ts";
import { alignmentOf, typesOf } from "./signature.ts";

/** Somebody broke the protocol: the connection is ended. */
export class WireError extends Error {}

/** `v`: a value that says what it is. */
export interface Variant {
  readonly signature: string;
  readonly value: Value;
}

/**
 * Of `y b n q i u h d` a number or boolean, of `x t` a bigint, of `s o g` text, of `ay` bytes, of arrays and structures
 * a list, of `a{…}` a list of pairs.
 */
export type Value = number | bigint | boolean | string | Uint8Array | Variant | readonly Value[];

const ARRAY_BYTES_MAX = 1 << 26;
/** Of values within each other, variants counted: the specification's 32 arrays and 32 structures. */
const DEPTH_MAX = 64;

export class ValueReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #isLittle: boolean;
  at: number;

  /** @param bytes  the whole message: values are aligned from its first byte */
  constructor(bytes: Uint8Array, isLittle: boolean, at = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#isLittle = isLittle;
    this.at = at;
  }

  /** @throws WireError */
  values(signature: string): Value[] {
    const types = typesOf(signature);
    if (types === null) throw new WireError(`${signature}: not a signature`);
    return types.map((type) => this.value(type));
  }

  /** @param type  a complete one. @throws WireError */
  value(type: string, depth = 0): Value {
    if (depth > DEPTH_MAX) throw new WireError("values within values, too deep");
    this.align(alignmentOf(type));
    switch (type[0]) {
      case "y":
        return this.#bytes[this.#take(1)]!;
      case "b":
        return this.#boolean();
      case "n":
        return this.#view.getInt16(this.#take(2), this.#isLittle);
      case "q":
        return this.#view.getUint16(this.#take(2), this.#isLittle);
      case "i":
        return this.#view.getInt32(this.#take(4), this.#isLittle);
      case "u":
      case "h":
        return this.#uint32();
      case "x":
        return this.#view.getBigInt64(this.#take(8), this.#isLittle);
      case "t":
        return this.#view.getBigUint64(this.#take(8), this.#isLittle);
      case "d":
        return this.#view.getFloat64(this.#take(8), this.#isLittle);
      case "s":
        return this.#text(this.#uint32());
      case "o":
        return this.#path();
      case "g":
        return this.#signature();
      case "v":
        return this.#variant(depth);
      case "a":
        return this.#array(type.slice(1), depth);
      default:
        return typesOf(type.slice(1, -1))!.map((each) => this.value(each, depth + 1));
    }
  }

  /** @throws WireError */
  align(alignment: number): void {
    const end = Math.ceil(this.at / alignment) * alignment;
    if (end > this.#bytes.length) throw new WireError("a value beyond the message's end");
    for (; this.at < end; this.at++) if (this.#bytes[this.at] !== 0) throw new WireError("padding that is not zero");
  }

  #take(count: number): number {
    const { at } = this;
    if (at + count > this.#bytes.length) throw new WireError("a value beyond the message's end");
    this.at = at + count;
    return at;
  }

  #uint32(): number {
    return this.#view.getUint32(this.#take(4), this.#isLittle);
  }

  #boolean(): boolean {
    const value = this.#uint32();
    if (value > 1) throw new WireError(`${value}: not a boolean`);
    return value === 1;
  }

  #text(count: number): string {
    const start = this.#take(count + 1);
    const text = byteString(this.#bytes, start, start + count);
    if (this.#bytes[start + count] !== 0 || text.includes("\0"))
      throw new WireError("text with a zero, or without end");
    const decoded = byteStringToUtf8(text);
    if (utf8ToByteString(decoded) !== text) throw new WireError("text that is not UTF-8");
    return decoded;
  }

  #path(): string {
    const path = this.#text(this.#uint32());
    if (!isPath(path)) throw new WireError(`${path}: not an object path`);
    return path;
  }

  #signature(): string {
    const signature = this.#text(this.#bytes[this.#take(1)]!);
    if (typesOf(signature) === null) throw new WireError(`${signature}: not a signature`);
    return signature;
  }

  #variant(depth: number): Variant {
    const signature = this.#signature();
    if (typesOf(signature)!.length !== 1) throw new WireError(`${signature}: not one complete type`);
    return { signature, value: this.value(signature, depth + 1) };
  }

  #array(type: string, depth: number): Value {
    const count = this.#uint32();
    if (count > ARRAY_BYTES_MAX) throw new WireError("an array of more than 64 MiB");
    this.align(alignmentOf(type));
    const end = this.at + count;
    if (end > this.#bytes.length) throw new WireError("an array beyond the message's end");
    if (type === "y") return this.#bytes.slice(this.#take(count), end);
    const values: Value[] = [];
    while (this.at < end) values.push(this.value(type, depth + 1));
    if (this.at !== end) throw new WireError("an array whose last value is cut");
    return values;
  }
}
