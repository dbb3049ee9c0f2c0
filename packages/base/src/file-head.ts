/**
 * How files begin that say what they are before what they hold:
 *
 * ```
 * 8 bytes that name the format  u32 version  u32 length of the head
 * the head    JSON in UTF-8
 * u32 checksum of all before
 * ```
 *
 * Little-endian. Whoever reads one gets nothing of a head whose checksum is another.
 */
import { byteString, byteStringOf, byteStringToUtf8, utf8Of } from "./byte-string.ts";
import { StateError } from "./state-error.ts";

const HEADER = 16;

interface HeadFormat {
  /** 8 characters of ASCII. */
  readonly magic: string;
  readonly version: number;
  /** What such a file is, in words. */
  readonly name: string;
  readonly headBytesMax: number;
  readonly checksum: (bytes: Uint8Array) => number;
}

export class FileHead<Head extends object> {
  readonly #format: HeadFormat;

  constructor(format: HeadFormat) {
    this.#format = format;
  }

  /** Most bytes that a head takes with what is around it. */
  get bytesMax(): number {
    return HEADER + this.#format.headBytesMax + 4;
  }

  /** Bytes of the head with what is around it. @param start  of the file, as much as tells; bytesMax at most */
  bytesOf(start: Uint8Array): number {
    if (start.length < HEADER) return HEADER;
    const length = new DataView(start.buffer, start.byteOffset).getUint32(12, true);
    return Math.min(HEADER + length + 4, this.bytesMax);
  }

  encode(head: Head): Uint8Array {
    const { magic, version, checksum } = this.#format;
    const text = utf8Of(JSON.stringify(head));
    const bytes = new Uint8Array(HEADER + text.length + 4);
    const view = new DataView(bytes.buffer);
    bytes.set(byteStringOf(magic));
    view.setUint32(8, version, true);
    view.setUint32(12, text.length, true);
    bytes.set(text, HEADER);
    view.setUint32(HEADER + text.length, checksum(bytes.subarray(0, -4)), true);
    return bytes;
  }

  /**
   * @param start  of the file: all of it, or as much as holds the head
   * @returns what the head says, none of it looked at, and where it ends
   * @throws StateError  "foreign": no such file, or another version's; "damaged"
   */
  decode(start: Uint8Array): { readonly head: Partial<Head>; readonly end: number } {
    const { magic, version, name, headBytesMax, checksum } = this.#format;
    if (start.length < HEADER || byteString(start, 0, magic.length) !== magic)
      throw new StateError("foreign", `this is no ${name}`);
    const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
    const found = view.getUint32(8, true);
    if (found !== version)
      throw new StateError("foreign", `the ${name} has format ${found}; this version reads ${version}`);
    const end = HEADER + view.getUint32(12, true);
    if (end > HEADER + headBytesMax) throw this.damaged("its head makes no sense");
    if (end + 4 > start.length) throw this.damaged("cut short");
    if (checksum(start.subarray(0, end)) !== view.getUint32(end, true))
      throw this.damaged("the checksum of its head is another");
    return { head: this.#parse(byteString(start, HEADER, end)), end: end + 4 };
  }

  #parse(text: string): Partial<Head> {
    try {
      return JSON.parse(byteStringToUtf8(text)) as Partial<Head>;
    } catch {
      throw this.damaged("its head makes no sense");
    }
  }

  /** What is wrong with such a file. */
  damaged(why: string): StateError {
    return new StateError("damaged", `the ${this.#format.name} is damaged: ${why}`);
  }
}
