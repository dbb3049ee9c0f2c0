/**
 * UTF-8, of scalar values. What is malformed becomes U+FFFD, one for each longest beginning of a sequence (Unicode
 * §3.9).
 */

export function utf8Encode(codes: readonly number[], start = 0, end = codes.length): Uint8Array {
  let size = 0;
  for (let index = start; index < end; index++) size += widthOf(codes[index]!);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (let index = start; index < end; index++) {
    const code = codes[index]!,
      width = widthOf(code);
    if (width === 1) bytes[at++] = code;
    else {
      for (let left = width - 1; left > 0; left--)
        bytes[at + left] = 0x80 | ((code >> (6 * (width - 1 - left))) & 0x3f);
      bytes[at] = ((0xf00 >> width) & 0xff) | (code >> (6 * (width - 1)));
      at += width;
    }
  }
  return bytes;
}

function widthOf(code: number): number {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

export function utf8Decode(bytes: Uint8Array): number[] {
  const decoder = new Utf8Decoder();
  return [...decoder.decode(bytes), ...decoder.end()];
}

/** Decodes bytes that come in pieces. */
export class Utf8Decoder {
  #code = 0;
  #left = 0;
  #low = 0x80;
  #high = 0xbf;
  /** Something was malformed until now. */
  isMalformed = false;

  decode(bytes: Uint8Array): number[] {
    const codes: number[] = [];
    for (let index = 0; index < bytes.length; index++) {
      const byte = bytes[index]!;
      if (this.#left > 0) {
        if (byte >= this.#low && byte <= this.#high) {
          this.#code = (this.#code << 6) | (byte & 0x3f);
          this.#low = 0x80;
          this.#high = 0xbf;
          if (--this.#left === 0) codes.push(this.#code);
          continue;
        }
        codes.push(0xfffd);
        this.isMalformed = true;
        this.#left = 0;
      }
      if (byte < 0x80) codes.push(byte);
      else if (byte >= 0xc2 && byte <= 0xf4) this.#begin(byte);
      else {
        codes.push(0xfffd);
        this.isMalformed = true;
      }
    }
    return codes;
  }

  /** Whether what follows begins with a character of its own, and is ASCII: its codes are its bytes. */
  isPlain(bytes: Uint8Array): boolean {
    if (this.#left > 0) return false;
    for (let index = 0; index < bytes.length; index++) if (bytes[index]! >= 0x80) return false;
    return true;
  }

  /** What is left when nothing more comes. */
  end(): number[] {
    const isCut = this.#left > 0;
    this.#left = 0;
    if (isCut) this.isMalformed = true;
    return isCut ? [0xfffd] : [];
  }

  #begin(byte: number): void {
    this.#left = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    this.#code = byte & (0x3f >> this.#left);
    // Neither longer than needed, nor surrogates, nor beyond U+10FFFF.
    this.#low = byte === 0xe0 ? 0xa0 : byte === 0xf0 ? 0x90 : 0x80;
    this.#high = byte === 0xed ? 0x9f : byte === 0xf4 ? 0x8f : 0xbf;
  }
}
