/** What letters are to the reader: names of characters, escapes, blanks, and what ends a token. R7RS §6.6, §7.1.1. */

export const CHARACTER_NAMES: Readonly<Record<string, number>> = {
  alarm: 7,
  backspace: 8,
  delete: 127,
  escape: 27,
  newline: 10,
  null: 0,
  return: 13,
  space: 32,
  tab: 9,
  nul: 0,
  altmode: 27,
  linefeed: 10,
  page: 12,
  rubout: 127,
};

/** By the code after the backslash, in strings and in symbols in bars. */
export const ESCAPES: Readonly<Record<number, number>> = {
  97: 7,
  98: 8,
  116: 9,
  110: 10,
  114: 13,
  34: 34,
  92: 92,
  124: 124,
  48: 0,
};

export function isSpace(code: number): boolean {
  return (
    code === 32 ||
    (code >= 9 && code <= 13) ||
    code === 0xa0 ||
    code === 0xfeff ||
    (code > 0xff && /\p{White_Space}/u.test(String.fromCodePoint(code)))
  );
}

export function isDelimiter(code: number): boolean {
  return (
    code < 0 ||
    code === 40 ||
    code === 41 ||
    code === 34 ||
    code === 59 ||
    code === 124 ||
    code === 91 ||
    code === 93 ||
    code === 39 ||
    code === 96 ||
    code === 44 ||
    isSpace(code)
  );
}
