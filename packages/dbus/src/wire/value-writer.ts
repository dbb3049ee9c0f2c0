/** Values as they stand on the wire; see value-reader.ts. What is written is ours, and not checked. */
import { utf8Of } from "@stratos/base";
import { alignmentOf, typesOf } from "./signature.ts";
import type { Value, Variant } from "./value-reader.ts";

/** Padding, a value of fixed size, and what an array begins with. */
const FIXED_MAX = 24;

export class ValueWriter {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  readonly #isLittle: boolean;
  at = 0;

  constructor(isLittle: boolean) {
    this.#isLittle = isLittle;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.at);
  }

  values(signature: string, values: readonly Value[]): void {
    for (const [index, type] of typesOf(signature)!.entries()) this.value(type, values[index]!);
  }

  value(type: string, value: Value): void {
    this.#reserve(FIXED_MAX);
    this.align(alignmentOf(type));
    const little = this.#isLittle;
    switch (type[0]) {
      case "y":
        this.#bytes[this.#grow(1)] = value as number;
        return;
      case "b":
        return this.#uint32(value === true ? 1 : 0);
      case "n":
        return this.#view.setInt16(this.#grow(2), value as number, little);
      case "q":
        return this.#view.setUint16(this.#grow(2), value as number, little);
      case "i":
        return this.#view.setInt32(this.#grow(4), value as number, little);
      case "u":
      case "h":
        return this.#uint32(value as number);
      case "x":
        return this.#view.setBigInt64(this.#grow(8), value as bigint, little);
      case "t":
        return this.#view.setBigUint64(this.#grow(8), value as bigint, little);
      case "d":
        return this.#view.setFloat64(this.#grow(8), value as number, little);
      case "s":
      case "o":
        return this.#text(value as string);
      case "g":
        return this.#signature(value as string);
      case "v":
        this.#signature((value as Variant).signature);
        return this.value((value as Variant).signature, (value as Variant).value);
      case "a":
        return this.#array(type.slice(1), value as readonly Value[] | Uint8Array);
      default:
        return this.values(type.slice(1, -1), value as readonly Value[]);
    }
  }

  align(alignment: number): void {
    this.#reserve(FIXED_MAX);
    this.#grow(Math.ceil(this.at / alignment) * alignment - this.at);
  }

  raw(bytes: Uint8Array): void {
    // And the zero behind a text.
    this.#reserve(bytes.length + 1);
    this.#bytes.set(bytes, this.#grow(bytes.length));
  }

  #uint32(value: number): void {
    this.#view.setUint32(this.#grow(4), value, this.#isLittle);
  }

  #text(text: string): void {
    const bytes = utf8Of(text);
    this.#uint32(bytes.length);
    this.raw(bytes);
    this.#grow(1);
  }

  #signature(signature: string): void {
    this.#bytes[this.#grow(1)] = signature.length;
    this.raw(utf8Of(signature));
    this.#grow(1);
  }

  #array(type: string, values: readonly Value[] | Uint8Array): void {
    const sizeAt = this.#grow(4);
    this.align(alignmentOf(type));
    const start = this.at;
    if (values instanceof Uint8Array) this.raw(values);
    else for (const each of values) this.value(type, each);
    this.#view.setUint32(sizeAt, this.at - start, this.#isLittle);
  }

  /** @returns where the room begins, that was reserved: zeros */
  #grow(count: number): number {
    const { at } = this;
    this.at = at + count;
    return at;
  }

  /** Before `#bytes` and `#view` are used. */
  #reserve(count: number): void {
    if (this.at + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.at + count));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
