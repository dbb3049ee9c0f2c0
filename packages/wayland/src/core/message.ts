/**
 * Messages on the wire (Wayland Protocol, "Wire Format"), in the byte order of the machine, which is little-endian:
 *
 *     u32 object   u16 opcode  u16 bytes, header included   arguments, each a multiple of four bytes
 *     i, u, f, o, n   one word       s  u32 bytes with NUL, text, padding       a  u32 bytes, content, padding
 *     h  no bytes: a file that travels beside them
 */
import { byteString, byteStringOf, byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import type { MessageType, Value } from "./resource.ts";

export const HEADER_BYTES = 8;
/** What libwayland's buffer takes, and so the longest message. */
export const MESSAGE_BYTES_MAX = 4096;

/** Arguments in order, as `signature` says what they are. */
export interface Slot {
  readonly letter: string;
  readonly isNullable: boolean;
}

const slotsBySignature = new Map<string, readonly Slot[]>();

export function slotsOf(signature: string): readonly Slot[] {
  let slots = slotsBySignature.get(signature);
  if (slots === undefined) {
    slots = [...signature.matchAll(/(\??)([iufsonah])/g)].map(([, mark, letter]) => ({
      letter: letter!,
      isNullable: mark === "?",
    }));
    slotsBySignature.set(signature, slots);
  }
  return slots;
}

const padded = (length: number): number => (length + 3) & ~3;

/** Reads the arguments of one message; each method returns null when there is none such. */
export class ArgumentReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u32(): number | null {
    if (this.#at + 4 > this.#bytes.length) return null;
    const value = this.#view.getUint32(this.#at, true);
    this.#at += 4;
    return value;
  }

  i32(): number | null {
    const value = this.u32();
    return value === null ? null : value | 0;
  }

  array(): Uint8Array | null {
    const length = this.u32();
    if (length === null || this.#at + padded(length) > this.#bytes.length) return null;
    const content = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += padded(length);
    return content;
  }

  /** @returns undefined for the string that is null */
  string(): string | null | undefined {
    const content = this.array();
    if (content === null) return null;
    if (content.length === 0) return undefined;
    if (content.indexOf(0) !== content.length - 1) return null;
    return byteStringToUtf8(byteString(content, 0, content.length - 1));
  }
}

/** Writes messages behind one another. */
export class MessageWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param values  as the event's signature says; objects are numbers, files are left out */
  add(object: number, opcode: number, type: MessageType, values: readonly Value[]): void {
    const start = this.#length;
    this.#u32(object);
    this.#u32(0);
    for (const [index, { letter }] of slotsOf(type.signature).entries()) this.#argument(letter, values[index]!);
    this.#view.setUint32(start + 4, ((this.#length - start) << 16) | opcode, true);
  }

  #argument(letter: string, value: Value): void {
    switch (letter) {
      case "f":
        return this.#u32(Math.round((value as number) * 256));
      case "s":
        return value === null ? this.#u32(0) : this.#content(textBytes(value as string));
      case "a":
        return this.#content(value as Uint8Array);
      case "h":
        return;
      default:
        return this.#u32(value === null ? 0 : typeof value === "number" ? value : (value as { id: number }).id);
    }
  }

  #u32(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value >>> 0, true);
    this.#length += 4;
  }

  #content(content: Uint8Array): void {
    this.#u32(content.length);
    this.#reserve(padded(content.length));
    this.#bytes.fill(0, this.#length, this.#length + padded(content.length));
    this.#bytes.set(content, this.#length);
    this.#length += padded(content.length);
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + count));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  /** What was added; the writer is then empty. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }
}

function textBytes(text: string): Uint8Array {
  // A client that is told more than its buffer takes would be lost.
  return byteStringOf(`${utf8ToByteString(text).slice(0, MESSAGE_BYTES_MAX / 2)}\0`);
}
