/**
 * Byte strings: the kernel's form of names, paths and arguments.
 *
 * Linux names are bytes, not text. A byte string is a JavaScript string whose every code unit is one byte
 * (0 … 255), so that any name survives unchanged, compares cheaply and serves as a Map key. Text from people
 * is UTF-8 encoded on the way in and decoded on the way out.
 */

/** Byte string of `bytes[start … end)`. */
export function byteString(bytes: Uint8Array, start = 0, end = bytes.length): string {
  let text = "";
  for (let at = start; at < end; at += 4096) {
    text += String.fromCharCode.apply(null, bytes.subarray(at, Math.min(end, at + 4096)) as unknown as number[]);
  }
  return text;
}

/** The same of a few bytes, as names have: eight at a time, without an array between. */
export function shortByteString(bytes: Uint8Array, start: number, end: number): string {
  const of = String.fromCharCode;
  let text = "";
  let at = start;
  for (; at + 8 <= end; at += 8)
    text += of(
      bytes[at]!,
      bytes[at + 1]!,
      bytes[at + 2]!,
      bytes[at + 3]!,
      bytes[at + 4]!,
      bytes[at + 5]!,
      bytes[at + 6]!,
      bytes[at + 7]!,
    );
  if (at + 4 <= end) {
    text += of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!, bytes[at + 3]!);
    at += 4;
  }
  switch (end - at) {
    case 1:
      return text + of(bytes[at]!);
    case 2:
      return text + of(bytes[at]!, bytes[at + 1]!);
    case 3:
      return text + of(bytes[at]!, bytes[at + 1]!, bytes[at + 2]!);
    default:
      return text;
  }
}

/** The bytes of a byte string. */
export function byteStringOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** UTF-8 bytes of Unicode `text`; lone surrogates become U+FFFD, as in the Encoding standard. */
export function utf8Of(text: string): Uint8Array {
  return byteStringOf(utf8ToByteString(text));
}

/** Byte string that holds the UTF-8 form of Unicode `text`. */
export function utf8ToByteString(text: string): string {
  let out = "";
  for (const character of text) {
    let code = character.codePointAt(0)!;
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) out += character;
    else if (code < 0x800) out += String.fromCharCode(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000)
      out += String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else
      out += String.fromCharCode(
        0xf0 | (code >> 18),
        0x80 | ((code >> 12) & 63),
        0x80 | ((code >> 6) & 63),
        0x80 | (code & 63),
      );
  }
  return out;
}

/** Unicode text of a byte string that holds UTF-8; malformed sequences become U+FFFD. */
export function byteStringToUtf8(bytes: string): string {
  let out = "";
  for (let at = 0; at < bytes.length;) {
    const lead = bytes.charCodeAt(at++);
    if (lead < 0x80) {
      out += String.fromCharCode(lead);
      continue;
    }
    const length = lead >= 0xf0 && lead < 0xf5 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc2 ? 1 : 0;
    let code = length === 3 ? lead & 7 : length === 2 ? lead & 15 : lead & 31;
    let taken = 0;
    while (taken < length && (bytes.charCodeAt(at + taken) & 0xc0) === 0x80)
      code = (code << 6) | (bytes.charCodeAt(at + taken++) & 63);
    const minimum = length === 3 ? 0x10000 : length === 2 ? 0x800 : 0x80;
    const valid =
      length > 0 &&
      lead < 0xf5 &&
      taken === length &&
      code >= minimum &&
      code <= 0x10ffff &&
      !(code >= 0xd800 && code <= 0xdfff);
    if (valid) {
      out += String.fromCodePoint(code);
      at += taken;
    } else out += "\ufffd";
  }
  return out;
}

/**
 * Unicode text of a byte string from which its bytes can be told again: a byte that is part of no UTF-8 becomes a lone
 * surrogate, U+DC00 and the byte, as in Python's `surrogateescape` (PEP 383).
 */
export function exactText(bytes: string): string {
  const plain = byteStringToUtf8(bytes);
  if (!plain.includes("\ufffd")) return plain;
  let out = "";
  for (let at = 0; at < bytes.length;) {
    let length = 1;
    while (length <= 4 && !isUtf8(bytes.slice(at, at + length))) length++;
    if (length <= 4) out += byteStringToUtf8(bytes.slice(at, at + length));
    else out += String.fromCharCode(0xdc00 + bytes.charCodeAt(at));
    at += length <= 4 ? length : 1;
  }
  return out;
}

/** The byte string of a text, also of an `exactText`. */
export function exactByteString(text: string): string {
  if (text.isWellFormed()) return utf8ToByteString(text);
  // By code points: what is half of a pair is left alone.
  return text
    .split(/([\udc80-\udcff])/u)
    .map((part, index) => (index % 2 === 0 ? utf8ToByteString(part) : String.fromCharCode(part.charCodeAt(0) - 0xdc00)))
    .join("");
}

/** Is a byte string the UTF-8 form of some text? */
export function isUtf8(bytes: string): boolean {
  return utf8ToByteString(byteStringToUtf8(bytes)) === bytes;
}
